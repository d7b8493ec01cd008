"""The numbers under which FTP and FTPS tell what a session does."""

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


def _listed(path: str, real_path: str, sought: Sought) -> p.Listed:
    return p.Listed(path, real_path, sought.glob, sought.operation)


def _opened(file: OpenFile) -> p.OpenedAt:
    return p.OpenedAt(str(file.path), file.real_path, file.start, str(file.requested))


def _open_failed(of: Unopened) -> p.OpenAtFailed:
    return p.OpenAtFailed(of.path, of.real_path, of.offset, of.requested_path, of.details)


def _downloaded(file: OpenFile) -> p.Moved:
    duration, speed, _ = file.times()
    total, requested = file.total_read, str(file.requested)
    return p.Moved(str(file.path), file.real_path, total, speed, duration, requested)


def _download_failed(file: OpenFile, details: str) -> p.MoveFailed:
    duration, speed, _ = file.times()
    total, requested = file.total_read, str(file.requested)
    return p.MoveFailed(str(file.path), file.real_path, total, speed, duration, requested, details)


def _uploaded(file: OpenFile) -> p.Moved:
    duration, _, speed = file.times()
    total, requested = file.total_write, str(file.requested)
    return p.Moved(str(file.path), file.real_path, total, speed, duration, requested)


def _upload_failed(file: OpenFile, details: str) -> p.MoveFailed:
    duration, _, speed = file.times()
    total, requested = file.total_write, str(file.requested)
    return p.MoveFailed(str(file.path), file.real_path, total, speed, duration, requested, details)


_STAT: Final = Telling(
    events.FTP_STAT_ASKED,
    events.FTP_STAT_DONE,
    events.FTP_STAT_FAILED,
    p.AttributesOf,
    p.AttributesFailed,
)
_UPLOAD: Final = Closed(events.FTP_UPLOAD_DONE, events.FTP_UPLOAD_FAILED, _uploaded, _upload_failed)

NUMBERS: Final = Numbers(
    stat=_STAT,
    list=Telling(
        events.FTP_LIST_ASKED, events.FTP_LIST_DONE, events.FTP_LIST_FAILED, _listed, path_failed
    ),
    enter=by_path(events.FTP_ENTER_ASKED, events.FTP_ENTER_DONE, events.FTP_ENTER_FAILED),
    remove=by_path(events.FTP_REMOVE_ASKED, events.FTP_REMOVE_DONE, events.FTP_REMOVE_FAILED),
    make_directory=by_path(
        events.FTP_MAKE_DIRECTORY_ASKED,
        events.FTP_MAKE_DIRECTORY_DONE,
        events.FTP_MAKE_DIRECTORY_FAILED,
    ),
    remove_directory=by_path(
        events.FTP_REMOVE_DIRECTORY_ASKED,
        events.FTP_REMOVE_DIRECTORY_DONE,
        events.FTP_REMOVE_DIRECTORY_FAILED,
    ),
    set_attributes=Telling(
        events.FTP_SET_ATTRIBUTES_ASKED,
        events.FTP_SET_ATTRIBUTES_DONE,
        events.FTP_SET_ATTRIBUTES_FAILED,
        p.AttributesOf,
        p.AttributesFailed,
    ),
    read_link=_STAT,  # where a link leads is one of its attributes
    make_link=by_path(
        events.FTP_MAKE_LINK_ASKED, events.FTP_MAKE_LINK_DONE, events.FTP_MAKE_LINK_FAILED
    ),
    rename=Outcome(events.FTP_RENAME_ASKED, events.FTP_RENAME_DONE, events.FTP_RENAME_FAILED),
    copy=Outcome(None, events.FTP_COPY_DONE, events.FTP_COPY_FAILED),
    checksum=Outcome(None, events.FTP_CHECKSUM_DONE, events.FTP_CHECKSUM_FAILED),
    reading=Opened(events.FTP_READ_OPENED, events.FTP_READ_OPEN_FAILED, _opened, _open_failed),
    writing=Opened(events.FTP_WRITE_OPENED, events.FTP_WRITE_OPEN_FAILED, _opened, _open_failed),
    appending=Opened(
        events.FTP_APPEND_OPENED, events.FTP_APPEND_OPEN_FAILED, _opened, _open_failed
    ),
    download=Closed(
        events.FTP_DOWNLOAD_DONE, events.FTP_DOWNLOAD_FAILED, _downloaded, _download_failed
    ),
    upload=_UPLOAD,
    change=_UPLOAD,  # no file is open for both reading and writing
    read_failed=None,
    write_failed=None,
)
