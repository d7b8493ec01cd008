"""The numbers under which HTTP and HTTPS tell what a session does."""

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


def _opened(file: OpenFile) -> p.PathOf:
    return p.PathOf(str(file.path), file.real_path)


def _open_failed(of: Unopened) -> p.PathFailed:
    return p.PathFailed(of.path, of.real_path, of.details)


def _upload_opened(file: OpenFile) -> p.UploadByHttp:
    names = str(file.path), file.real_path, str(file.requested)
    return p.UploadByHttp(*names, dict(file.metadata))


def _upload_not_opened(of: Unopened) -> p.UploadByHttpFailed:
    names = of.path, of.real_path, of.requested_path
    return p.UploadByHttpFailed(*names, 0, 0, 0.0, of.details, dict(of.metadata))


def _downloaded(file: OpenFile) -> p.DownloadedByHttp:
    duration, speed, _ = file.times()
    return p.DownloadedByHttp(str(file.path), file.real_path, file.total_read, speed, duration)


def _download_failed(file: OpenFile, details: str) -> p.DownloadByHttpFailed:
    duration, speed, _ = file.times()
    path, total = str(file.path), file.total_read
    return p.DownloadByHttpFailed(path, file.real_path, total, speed, duration, details)


def _uploaded(file: OpenFile) -> p.UploadedByHttp:
    duration, _, speed = file.times()
    names = str(file.path), file.real_path, str(file.requested)
    return p.UploadedByHttp(*names, file.total_write, speed, duration, dict(file.metadata))


def _upload_failed(file: OpenFile, details: str) -> p.UploadByHttpFailed:
    duration, _, speed = file.times()
    names = str(file.path), file.real_path, str(file.requested)
    return p.UploadByHttpFailed(
        *names, file.total_write, speed, duration, details, dict(file.metadata)
    )


_STAT: Final = by_path(None, events.HTTP_STAT_DONE, events.HTTP_STAT_FAILED)
_SETSTAT: Final = by_path(None, events.HTTP_SETSTAT_DONE, events.HTTP_SETSTAT_FAILED)
_WRITING: Final = Opened(
    events.HTTP_WRITE_OPENED, events.HTTP_UPLOAD_FAILED, _upload_opened, _upload_not_opened
)
_UPLOAD: Final = Closed(
    events.HTTP_UPLOAD_DONE, events.HTTP_UPLOAD_FAILED, _uploaded, _upload_failed
)

NUMBERS: Final = Numbers(
    stat=_STAT,
    list=Telling(
        events.HTTP_LIST_ASKED,
        events.HTTP_LIST_DONE,
        events.HTTP_LIST_FAILED,
        _listed,
        path_failed,
    ),
    enter=_STAT,  # there is no working folder
    remove=by_path(None, events.HTTP_REMOVE_DONE, events.HTTP_REMOVE_FAILED),
    make_directory=by_path(
        None, events.HTTP_MAKE_DIRECTORY_DONE, events.HTTP_MAKE_DIRECTORY_FAILED
    ),
    remove_directory=by_path(
        None, events.HTTP_REMOVE_DIRECTORY_DONE, events.HTTP_REMOVE_DIRECTORY_FAILED
    ),
    set_attributes=_SETSTAT,
    read_link=_STAT,  # nothing asks for links, or makes them
    make_link=_SETSTAT,
    rename=Outcome(events.HTTP_RENAME_ASKED, events.HTTP_RENAME_DONE, events.HTTP_RENAME_FAILED),
    copy=Outcome(None, events.HTTP_COPY_DONE, events.HTTP_COPY_FAILED),
    checksum=Outcome(None, events.HTTP_CHECKSUM_DONE, events.HTTP_CHECKSUM_FAILED),
    reading=Opened(events.HTTP_READ_OPENED, events.HTTP_READ_OPEN_FAILED, _opened, _open_failed),
    writing=_WRITING,
    appending=_WRITING,
    download=Closed(
        events.HTTP_DOWNLOAD_DONE, events.HTTP_DOWNLOAD_FAILED, _downloaded, _download_failed
    ),
    upload=_UPLOAD,
    change=_UPLOAD,  # no file is open for both reading and writing
    read_failed=events.HTTP_READ_FAILED,
    write_failed=events.HTTP_WRITE_FAILED,
)
