"""What begins with one event and must end with another: one row for each, of every protocol."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from mft.core.peer import Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.model import Event

DETAILS: Final = "the server was killed, or the machine failed"
UNKNOWN: Final = "unknown"  # what the last run would have known

Close = Callable[[Bus, dict[str, Any], Origin], None]


class Begun(NamedTuple):
    """One kind of thing that begins and ends."""

    begins: frozenset[int]
    ends: frozenset[int]
    names: tuple[str, ...]  # the data that tells it from others of its connection
    close: Close  # tells its end, from the data of its beginning
    learns: int = 0  # the event whose data is added to that of its beginning
    is_connection: bool = False


def _numbers(*told: Event[Any]) -> frozenset[int]:
    return frozenset(event.number for event in told)


def _close_ssh_file(bus: Bus, data: dict[str, Any], origin: Origin) -> None:
    path, real, mode = data["path"], data["real_path"], data["mode"]
    requested = data["requested_path"]
    if mode == "reading":
        bus.emit(
            events.SSH_DOWNLOAD_FAILED,
            p.DownloadFailed(path, real, 0, 0, 0.0, mode, requested, DETAILS),
            origin,
        )
    elif mode.endswith("reading"):
        bus.emit(
            events.SSH_CHANGE_INTERRUPTED,
            p.ChangeFailed(path, real, mode, 0, 0, 0, 0, 0.0, requested, DETAILS),
            origin,
        )
    else:
        bus.emit(
            events.SSH_UPLOAD_FAILED,
            p.UploadFailed(path, real, 0, 0, 0.0, mode, requested, DETAILS),
            origin,
        )


def _close_ssh(bus: Bus, data: dict[str, Any], origin: Origin) -> None:
    version = data.get("client_version", "")
    bus.emit(events.SSH_CLOSED, p.Algorithms(version, "", "", "", "", "", "", "", ""), origin)


def _close_ftp_file(event: Event[p.MoveFailed]) -> Close:
    def close(bus: Bus, data: dict[str, Any], origin: Origin) -> None:
        names = data["path"], data["real_path"]
        bus.emit(event, p.MoveFailed(*names, 0, 0, 0.0, data["requested_path"], DETAILS), origin)

    return close


def _close_ftp_data(bus: Bus, data: dict[str, Any], origin: Origin) -> None:
    host, host_port, peer, peer_port = (data[name] for name in _ENDPOINTS)
    bus.emit(
        events.FTP_DATA_BROKE,
        p.DataBroke(UNKNOWN, 0, 0, 0, 0.0, host, host_port, peer, peer_port, UNKNOWN, DETAILS),
        origin,
    )


def _close_ftp(bus: Bus, data: dict[str, Any], origin: Origin) -> None:
    bus.emit(events.FTP_LOST, p.ProtectionLost(UNKNOWN, UNKNOWN, DETAILS), origin)


def _close_http_upload(bus: Bus, data: dict[str, Any], origin: Origin) -> None:
    names = data["path"], data["real_path"], data["requested_path"]
    told = p.UploadByHttpFailed(*names, 0, 0, 0.0, DETAILS, {})
    bus.emit(events.HTTP_UPLOAD_FAILED, told, origin)


def _close_http_download(bus: Bus, data: dict[str, Any], origin: Origin) -> None:
    names = data["path"], data["real_path"]
    told = p.DownloadByHttpFailed(*names, 0, 0, 0.0, DETAILS)
    bus.emit(events.HTTP_DOWNLOAD_FAILED, told, origin)


def _close_zip(bus: Bus, data: dict[str, Any], origin: Origin) -> None:
    bus.emit(events.HTTP_ZIP_FAILED, p.Details(DETAILS), origin)


def _close_http(bus: Bus, data: dict[str, Any], origin: Origin) -> None:
    bus.emit(events.HTTP_CLOSED, p.ProtectionLost(UNKNOWN, UNKNOWN, DETAILS), origin)


def _close_location_file(bus: Bus, data: dict[str, Any], origin: Origin) -> None:
    told = p.LocationHandleFailed(data["path"], data["location"], UNKNOWN, DETAILS)
    bus.emit(events.LOCATION_CLOSE_FAILED, told, origin)


def _close_transfer(bus: Bus, data: dict[str, Any], origin: Origin) -> None:
    size, kind = data.get("size", 0), data.get("transfer_type", UNKNOWN)
    told = p.FileBroke(kind, data["path"], size, 0, 0.0, 0, DETAILS)
    bus.emit(events.TRANSFER_FILE_BROKE, told, origin)


_FILE: Final = ("path", "real_path", "requested_path")
_ENDPOINTS: Final = ("host_address", "host_port", "peer_address", "peer_port")

# In the order in which their ends are told: files before the connections that moved them.
BEGUN: Final = (
    Begun(
        _numbers(events.SSH_OPEN_DONE),
        _numbers(
            events.SSH_UPLOAD_DONE,
            events.SSH_UPLOAD_FAILED,
            events.SSH_DOWNLOAD_DONE,
            events.SSH_DOWNLOAD_FAILED,
            events.SSH_CHANGE_DONE,
            events.SSH_CHANGE_INTERRUPTED,
        ),
        ("path", "real_path", "mode", "requested_path"),
        _close_ssh_file,
    ),
    Begun(
        _numbers(events.FTP_WRITE_OPENED, events.FTP_APPEND_OPENED),
        _numbers(events.FTP_UPLOAD_DONE, events.FTP_UPLOAD_FAILED),
        _FILE,
        _close_ftp_file(events.FTP_UPLOAD_FAILED),
    ),
    Begun(
        _numbers(events.FTP_READ_OPENED),
        _numbers(events.FTP_DOWNLOAD_DONE, events.FTP_DOWNLOAD_FAILED),
        _FILE,
        _close_ftp_file(events.FTP_DOWNLOAD_FAILED),
    ),
    Begun(
        _numbers(events.FTP_DATA_OPENED),
        _numbers(events.FTP_DATA_CLOSED, events.FTP_DATA_BROKE),
        _ENDPOINTS,
        _close_ftp_data,
    ),
    Begun(
        _numbers(events.HTTP_WRITE_OPENED),
        _numbers(events.HTTP_UPLOAD_DONE, events.HTTP_UPLOAD_FAILED),
        _FILE,
        _close_http_upload,
    ),
    Begun(
        _numbers(events.HTTP_READ_OPENED),
        _numbers(events.HTTP_DOWNLOAD_DONE, events.HTTP_DOWNLOAD_FAILED),
        ("path", "real_path"),
        _close_http_download,
    ),
    Begun(
        _numbers(
            events.LOCATION_READ_OPENED,
            events.LOCATION_WRITE_OPENED,
            events.LOCATION_APPEND_OPENED,
        ),
        _numbers(events.LOCATION_CLOSED, events.LOCATION_CLOSE_FAILED),
        ("path", "location"),
        _close_location_file,
    ),
    Begun(
        _numbers(events.TRANSFER_FILE_STARTS),
        _numbers(events.TRANSFER_FILE_DONE, events.TRANSFER_FILE_BROKE),
        ("path",),
        _close_transfer,
    ),
    Begun(
        _numbers(events.HTTP_ZIP_STARTED),
        _numbers(events.HTTP_ZIP_DONE, events.HTTP_ZIP_FAILED),
        (),
        _close_zip,
    ),
    Begun(
        _numbers(events.SSH_CONNECTED),
        _numbers(events.SSH_CLOSED),
        (),
        _close_ssh,
        learns=events.SSH_SESSION_OPENED.number,
        is_connection=True,
    ),
    Begun(
        _numbers(events.FTP_CONNECTED),
        _numbers(events.FTP_CLOSED, events.FTP_LOST),
        (),
        _close_ftp,
        is_connection=True,
    ),
    Begun(
        _numbers(events.HTTP_CONNECTED),
        _numbers(events.HTTP_CLOSED),
        (),
        _close_http,
        is_connection=True,
    ),
)
