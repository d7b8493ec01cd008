"""The numbers under which SFTP and SCP tell what a session does."""

from typing import Final

from mft.events import catalogue as events
from mft.events import payloads as p
from mft.session.files import OpenFile
from mft.session.numbers import (
    Closed,
    Numbers,
    Opened,
    Outcome,
    Sought,
    Telling,
    Unopened,
    by_path,
    path_failed,
)


def _listed(path: str, real_path: str, sought: Sought) -> p.PathOf:
    return p.PathOf(path, real_path)


def _opened(file: OpenFile) -> p.Opened:
    return p.Opened(str(file.path), file.real_path, file.mode, str(file.requested))


def _open_failed(of: Unopened) -> p.OpenFailed:
    return p.OpenFailed(of.path, of.real_path, of.mode, of.requested_path, of.details)


def _downloaded(file: OpenFile) -> p.Downloaded:
    duration, speed, _ = file.times()
    total, requested = file.total_read, str(file.requested)
    return p.Downloaded(
        str(file.path), file.real_path, total, speed, duration, file.mode, requested
    )


def _download_failed(file: OpenFile, details: str) -> p.DownloadFailed:
    duration, speed, _ = file.times()
    total, requested = file.total_read, str(file.requested)
    return p.DownloadFailed(
        str(file.path), file.real_path, total, speed, duration, file.mode, requested, details
    )


def _uploaded(file: OpenFile) -> p.Uploaded:
    duration, _, speed = file.times()
    total, requested = file.total_write, str(file.requested)
    return p.Uploaded(str(file.path), file.real_path, total, speed, duration, file.mode, requested)


def _upload_failed(file: OpenFile, details: str) -> p.UploadFailed:
    duration, _, speed = file.times()
    total, requested = file.total_write, str(file.requested)
    return p.UploadFailed(
        str(file.path), file.real_path, total, speed, duration, file.mode, requested, details
    )


def _changed(file: OpenFile) -> p.Changed:
    duration, reading, writing = file.times()
    return p.Changed(
        str(file.path),
        file.real_path,
        file.mode,
        file.total_read,
        reading,
        file.total_write,
        writing,
        duration,
        str(file.requested),
    )


def _change_failed(file: OpenFile, details: str) -> p.ChangeFailed:
    duration, reading, writing = file.times()
    return p.ChangeFailed(
        str(file.path),
        file.real_path,
        file.mode,
        file.total_read,
        reading,
        file.total_write,
        writing,
        duration,
        str(file.requested),
        details,
    )


_STAT: Final = by_path(events.SSH_STAT_ASKED, events.SSH_STAT_DONE, events.SSH_STAT_FAILED)
_OPENED: Final = Opened(events.SSH_OPEN_DONE, events.SSH_OPEN_FAILED, _opened, _open_failed)

NUMBERS: Final = Numbers(
    stat=_STAT,
    list=Telling(
        events.SSH_LIST_ASKED, events.SSH_LIST_DONE, events.SSH_LIST_FAILED, _listed, path_failed
    ),
    enter=_STAT,  # there is no working folder: whoever looks for one asks for attributes
    remove=by_path(events.SSH_REMOVE_ASKED, events.SSH_REMOVE_DONE, events.SSH_REMOVE_FAILED),
    make_directory=by_path(
        events.SSH_MAKE_DIRECTORY_ASKED,
        events.SSH_MAKE_DIRECTORY_DONE,
        events.SSH_MAKE_DIRECTORY_FAILED,
    ),
    remove_directory=by_path(
        events.SSH_REMOVE_DIRECTORY_ASKED,
        events.SSH_REMOVE_DIRECTORY_DONE,
        events.SSH_REMOVE_DIRECTORY_FAILED,
    ),
    set_attributes=by_path(
        events.SSH_SETSTAT_ASKED, events.SSH_SETSTAT_DONE, events.SSH_SETSTAT_FAILED
    ),
    read_link=by_path(
        events.SSH_READ_LINK_ASKED, events.SSH_READ_LINK_DONE, events.SSH_READ_LINK_FAILED
    ),
    make_link=by_path(
        events.SSH_MAKE_LINK_ASKED, events.SSH_MAKE_LINK_DONE, events.SSH_MAKE_LINK_FAILED
    ),
    rename=Outcome(events.SSH_RENAME_ASKED, events.SSH_RENAME_DONE, events.SSH_RENAME_FAILED),
    copy=Outcome(None, events.SSH_COPY_DONE, events.SSH_COPY_FAILED),
    checksum=Outcome(None, events.SSH_CHECKSUM_DONE, events.SSH_CHECKSUM_FAILED),
    reading=_OPENED,
    writing=_OPENED,
    appending=_OPENED,
    download=Closed(
        events.SSH_DOWNLOAD_DONE, events.SSH_DOWNLOAD_FAILED, _downloaded, _download_failed
    ),
    upload=Closed(events.SSH_UPLOAD_DONE, events.SSH_UPLOAD_FAILED, _uploaded, _upload_failed),
    change=Closed(events.SSH_CHANGE_DONE, events.SSH_CHANGE_INTERRUPTED, _changed, _change_failed),
    read_failed=events.SSH_READ_FAILED,
    write_failed=events.SSH_WRITE_FAILED,
)
