"""Starting services: each loads what it needs and takes its address, before root is given up."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from mft.config.problem import Problem
from mft.config.section import Section, given
from mft.core.failure import Reason, Refused
from mft.daemon.life import StartFailed
from mft.daemon.load import read_sections
from mft.daemon.reading import Read
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.protocols.base import Service


async def listen(services: Iterable[Service], bus: Bus, file: Path) -> None:
    """Prepare and bind every service; StartFailed tells all that cannot, each with an event.

    `file` is the server.ini, for the lines of what cannot be had.
    """
    failed: list[str] = []
    for service in services:
        ready = False
        try:
            await service.prepare()
            ready = True
            service.bind()
        except Refused as refused:
            uuid = service.component.uuid
            placed = _placed(file, uuid, refused) if ready else None
            failed.append(placed or f"[services/{uuid}] {refused}")
            told = p.ServiceFailed(service.component.name, str(refused))
            bus.emit(events.SERVICE_START_FAILED, told)
    if failed:
        raise StartFailed(failed)


def why(error: BaseException) -> str:
    """Why the server did not start, for whoever starts it."""
    if not isinstance(error, OSError) or error.filename is None:
        return str(error) or type(error).__name__
    if error.strerror == os.strerror(errno.EEXIST):  # what the system says of a folder to be made
        return f"{error.filename}: is there, and is no folder"
    as_whom = f" (for the account with number {os.geteuid()}, as which it runs)"
    denied = error.errno in (errno.EACCES, errno.EPERM)
    return f"{error.filename}: {error.strerror}{as_whom if denied else ''}"


def _placed(file: Path, uuid: str, refused: Refused) -> str | None:
    """The same as `mft check` would tell it; None where the file does not have it any more."""
    read = read_sections(file, []).families["services"].get(uuid)
    if read is None:
        return None
    option = "address" if refused.reason is Reason.INVALID else "port"
    return placed(read, option, f"cannot be had: {refused}")


def placed(read: Read, option: str, remedy: str) -> str:
    """What only a start finds out about an option, in the words of `mft check`: with its line."""
    value = given(type(read.options or Section()), read.raw, option)
    if value is None:
        where = (read.raw.file, read.raw.line, read.raw.name)
        return str(Problem(*where, option, None, f"{option} {remedy}"))
    return str(Problem(value.file, value.line, read.raw.name, option, value.text, remedy))


def tell_listening(service: Service, bus: Bus) -> None:
    """A service listens: the event that administrators know, with the port that it has."""
    address = service.address
    if address is not None:
        bus.emit(
            events.SERVICE_STARTED,
            p.ServiceStarted(
                service.component.name, address.host, address.port, service.component.kind
            ),
            bus.origin._replace(component=service.component),
        )


def tell_stopped(service: Service, bus: Bus) -> None:
    """A service does not listen any more."""
    bus.emit(
        events.SERVICE_STOPPED,
        p.ServiceStopped(service.component.name),
        bus.origin._replace(component=service.component),
    )
