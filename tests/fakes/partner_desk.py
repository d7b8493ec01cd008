"""A whole transfer between a folder here and a partner's server, through the real connectors."""

from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from datetime import UTC
from pathlib import Path
from typing import Any, Final

from twisted.internet.task import deferLater

from mft.config.kinds import Context
from mft.core.peer import Component
from mft.core.secret import Secret
from mft.remote.base import Connector, LocationOptions, Remote
from mft.remote.filesystem import BUILT_IN, FilesystemConnector
from mft.remote.location import Around as AroundLocation
from mft.remote.location import Location
from mft.remote.registry import LOCATIONS
from mft.remote.webdav import WebdavTree
from mft.runtime.buffers import Buffers
from mft.transfers.around import Around, Place
from mft.transfers.asked import Asked
from mft.transfers.lending import Lending
from mft.transfers.queue import Queue
from mft.transfers.transfer import Transfer
from tests.fakes import partner_dav, partner_ftp
from tests.fakes.http_location import in_clear
from tests.fakes.lending import Begun
from tests.fakes.loop import run_loop, running, until
from tests.fakes.odd_http import OddServer
from tests.fakes.partner_files import PartnerFiles
from tests.fakes.partner_sftp import SftpPartner
from tests.fakes.remote_parts import SeenInMemory, parts_in
from tests.fakes.ssh_server import QUICK, host_key
from tests.fakes.trail import Trail
from tests.fakes.transferring import Programs, options

KINDS: Final = ("sftp", "ftp", "webdavs")
HERE: Final = "127.0.0.1"
HASTE: Final = 20.0  # how much faster the clock goes
PARTNER: Final = "partner"
DONE, BROKE, RETRIED, FAILED = 60012, 60013, 60011, 60081
BASE: Final = {"connection_retry_interval": "1", "max_connections": "1"}


class Hasty:
    """A real reactor whose clock goes faster."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._began = reactor.seconds()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def seconds(self) -> float:
        return float(self._began + (self._reactor.seconds() - self._began) * HASTE)

    def callLater(self, seconds: float, call: Any, *given: Any, **named: Any) -> Any:
        return self._reactor.callLater(seconds / HASTE, call, *given, **named)


class DavConnector:
    """Connects to a server of WebDAV that speaks no TLS."""

    def __init__(self, reactor: Any, port: int) -> None:
        self.component = Component(PARTNER, "webdavs", PARTNER)
        self._reactor = reactor
        self._port = port

    async def connect(self, folder: str) -> Remote:
        return await in_clear(self._reactor, self._port, WebdavTree)


class Meeting:
    """The transfer, its two ends, and what was told."""

    def __init__(self, reactor: Any, directory: Path, files: PartnerFiles) -> None:
        self.reactor = reactor
        self.directory = directory
        self.files = files
        self.trail = Trail()
        self.logged: list[str] = []
        self.seen = SeenInMemory()
        self.server: Any = None
        self.location: Location
        self.transfer: Transfer
        self._local: Location
        self._stop: Callable[[], Coroutine[Any, Any, None]] | None = None
        for name in ("out", "in"):
            (directory / name).mkdir(exist_ok=True)

    def open(self, kind: str, stack: ExitStack, more: dict[str, Any]) -> Connector:
        """Run the partner's server: what connects to it."""
        parts = parts_in(self.directory, self.reactor, self.seen)
        component = Component(PARTNER, kind, PARTNER)
        given: dict[str, Any] = {"type": kind, "name": PARTNER, "address": HERE, **BASE}
        if kind == "webdavs":
            self.server = OddServer(self.reactor, partner_dav.answers(self.files))
            self._stop = lambda: self.server.stop(self.reactor)
            return DavConnector(self.reactor, self.server.port)
        if kind == "sftp":
            self.server = SftpPartner(self.reactor, self.files, host_key())
            self._stop = self.server.stop
            given |= {"ssh_cipher_list": QUICK}
            given |= {"ssh_server_identity": host_key().public.fingerprint}
        else:
            tls = more.pop("tls", None)
            self.server = stack.enter_context(partner_ftp.serving(self.files, tls))
        given |= {"port": str(self.server.port), "username": "ann", "password": Secret("x"), **more}
        row = LOCATIONS[kind]
        read = row.options.model_validate(given, context=Context(self.directory))
        return row.build(component, read, parts)

    def begin(self, connector: Connector, **given: str) -> None:
        """Start the locations and the transfer."""
        self._local = self._location(FilesystemConnector(BUILT_IN, None, parts_in(self.directory)))
        self.location = self._location(connector)
        places: dict[str | None, Location] = {None: self._local, PARTNER: self.location}

        def place(uuid: str | None) -> Place:
            return places[uuid]

        read, queue = options(**given), Queue(self.directory / "t-1.db")
        around = Around(
            component=Component("t-1", "transfer", "out"),
            options=read,
            bus=self.trail,
            queue=queue,
            ask=Asked(queue, parts_in(self.directory).disk),
            clock=self.reactor,
            now=self.reactor.seconds,
            zone=UTC,
            buffers=Buffers(read.transfer_chunk_size),
            run=Programs(),
            log=self.logged.append,
        )
        self.transfer = Transfer(around, Lending(place, self.reactor))
        assert Begun(self.transfer.start()).result is None

    def _location(self, connector: Connector) -> Location:
        given = {"type": "any", "name": connector.component.name, **BASE}
        around = AroundLocation(self.reactor, self.trail)
        location = Location(connector, LocationOptions.model_validate(given), around)
        assert Begun(location.start()).result is None
        return location

    async def end(self) -> None:
        """Stop everything."""
        await self.transfer.stop()
        await self.location.stop()
        await self._local.stop()
        if self._stop is not None:
            await self._stop()

    # What a test asks.

    async def until(self, true: Callable[[], object], what: str = "") -> None:
        """Wait for a condition."""
        try:
            await until(self.reactor._reactor, true, what)
        except AssertionError:
            told = "\n".join(one.message for one in self.trail.told)
            raise AssertionError(f"it did not happen: {what}\n{told}") from None

    async def told(self, *numbers: int) -> None:
        """Wait until one of these events was told."""
        await self.until(lambda: set(numbers) & set(self.numbers), f"events {numbers}")

    async def looks(self, count: int = 3) -> None:
        """Let the source be looked at so many times more."""
        seconds = count * self.transfer.options.changes_poll_interval
        await deferLater(self.reactor, seconds + 1)

    @property
    def numbers(self) -> list[int]:
        """Every event that was told, in order."""
        return [one.event.number for one in self.trail.told]

    def messages(self, number: int) -> list[str]:
        """What events of a number said."""
        return [one.message for one in self.trail.told if one.event.number == number]

    def payloads(self, number: int) -> list[Any]:
        """The same as values."""
        return [one.payload for one in self.trail.told if one.event.number == number]

    def here(self, folder: str) -> dict[str, bytes]:
        """What is in a folder of this machine; what begins with a dot is our own."""
        found = (self.directory / folder).iterdir()
        return {one.name: one.read_bytes() for one in found if not one.name.startswith(".")}


PUSH: Final = {"source_uuid": "local", "source_path": "out"} | {
    "destination_uuid": PARTNER,
    "destination_path": "/",
}
PULL: Final = {"source_uuid": PARTNER, "source_path": "/"} | {
    "destination_uuid": "local",
    "destination_path": "in",
}
Work = Callable[[Meeting], Coroutine[Any, Any, None]]


def meet(
    kind: str,
    directory: Path,
    files: PartnerFiles,
    work: Work,
    *,
    location: dict[str, Any] | None = None,
    **given: str,
) -> Meeting:
    """Run a transfer until `work` ends; nothing of ours may be left, or have broken."""
    made: list[Meeting] = []

    async def main(real: Any) -> None:
        meeting = Meeting(Hasty(real), directory, files)
        made.append(meeting)
        with ExitStack() as stack:
            connector = meeting.open(kind, stack, {**(location or {})})
            meeting.begin(connector, **{"retry_count": "2", "retry_wait": "3", **given})
            try:
                await work(meeting)
            finally:
                await meeting.end()
        await until(real, lambda: running(real) == [], "everything is closed")
        assert meeting.logged == []

    run_loop(main)
    return made[0]
