"""A transfer between two servers in memory, with a clock that the test moves."""

import select
from datetime import UTC
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.config.kinds import Context
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import VPath
from mft.events.model import Event
from mft.remote.base import LocationOptions
from mft.remote.filesystem import BUILT_IN, FilesystemConnector
from mft.remote.location import Around as AroundLocation
from mft.remote.location import Location
from mft.runtime.buffers import Buffers
from mft.runtime.program import Finished
from mft.transfers.around import Around, Place
from mft.transfers.asked import Asked
from mft.transfers.lending import Lending
from mft.transfers.options import TransferOptions
from mft.transfers.queue import Queue
from mft.transfers.runs import Run
from mft.transfers.transfer import Transfer
from tests.fakes.lending import Begun
from tests.fakes.reactor import Reactor
from tests.fakes.remote import MemoryConnector, MemoryRemoteListing, Peer
from tests.fakes.remote_parts import parts_in
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

NOW = 1_900_000_000.0  # 2030-03-17T17:46:40Z
OPTIONS = {
    "name": "out",
    "source_uuid": "from",
    "source_path": "/out",
    "destination_uuid": "to",
    "destination_path": "/in",
    "stable_interval": "0",
    "changes_poll_interval": "10",
    "transfer_chunk_size": "4096",
}
PART = f".{sha256(b't-1').hexdigest()[:8]}.part"  # the end of its temporary names
RETRY = "100"  # seconds until a location is tried again


def options(**given: str) -> TransferOptions:
    """Options, as server.ini would have them."""
    return TransferOptions.model_validate({**OPTIONS, **given}, context=Context(Path("/instance")))


def hold_folder(desk: "Desk", patched: pytest.MonkeyPatch) -> "tuple[Deferred[None], Run]":
    """Ask for a run whose look has read the folder, and not gone on; what lets it go on."""
    held: Deferred[None] = Deferred()
    batch = MemoryRemoteListing.batch

    async def read_and_wait(listing: MemoryRemoteListing) -> Any:
        found = await batch(listing)
        if not held.called:
            await held
        return found

    patched.setattr(MemoryRemoteListing, "batch", read_and_wait)
    return held, desk.transfer.run("the test asks for it")


class Programs:
    """Programs that are not run; each call is kept."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[str], dict[str, Any]]] = []
        self.exit_codes: dict[str, int] = {}  # of programs that do not end well
        self.acts: dict[str, Any] = {}  # what they do, by their path

    async def __call__(self, argv: list[str], env: dict[str, Any], timeout: float) -> Finished:
        """Run one."""
        self.calls.append((argv, env))
        if argv[0] in self.acts:
            self.acts[argv[0]]()
        return Finished(self.exit_codes.get(argv[0], 0), 0, False, b"said", b"")

    @property
    def names(self) -> list[str]:
        """Which were run, in order."""
        return [argv[0] for argv, _ in self.calls]


class Desk:
    """Two servers with a folder each, and a transfer between them that has not been started."""

    def __init__(self, directory: Path, **given: str) -> None:
        self.directory = directory
        self.clock = Reactor()
        self.clock.advance(NOW)
        self.trail = Trail()
        self.programs = Programs()
        self.logged: list[str] = []
        self.peers: dict[str, Peer] = {}
        self.locations: dict[str | None, Location] = {}
        self._places()
        self.lending = Lending(self.place, self.clock)
        self.options = options(**given)
        self.transfer = self.make()

    def _places(self) -> None:
        for name, folder in (("from", "/out/x"), ("to", "/in/x"), ("archive", "/kept/x")):
            peer = self.peers[name] = Peer(self.clock.seconds)
            peer.put(folder, b"")
            peer.tree.directory(VPath.parse(folder).parent).children.clear()
            self.locations[name] = self._location(name, peer)
        self.source, self.target = self.peers["from"], self.peers["to"]
        self.archive = self.peers["archive"]

    def _location(self, name: str, peer: Peer) -> Location:
        given = {"type": "memory", "name": name, "connection_retry_interval": RETRY}
        component = Component(name, "memory", name)
        location = Location(
            MemoryConnector(peer, component),
            LocationOptions.model_validate(given),
            AroundLocation(self.clock, self.trail),
        )
        Begun(location.start())
        return location

    def place(self, uuid: str | None) -> Place:
        """A location by its ID."""
        found = self.locations.get(uuid)
        if found is None:
            raise Refused(Reason.NOT_FOUND, str(uuid))
        return found

    def around(self) -> Around:
        """What a transfer is given."""
        queue = Queue(self.directory / "t-1.db")
        return Around(
            component=Component("t-1", "transfer", self.options.name),
            options=self.options,
            bus=self.trail,
            queue=queue,
            ask=Asked(queue, Inline()),
            clock=self.clock,
            now=self.clock.seconds,
            zone=UTC,
            buffers=Buffers(self.options.transfer_chunk_size),
            run=self.programs,
            log=self.logged.append,
            notices=self.options.changes_notification and self._is_here(),
        )

    def _is_here(self) -> bool:
        return self.place(self.options.source_uuid).component.kind == BUILT_IN.kind

    def make(self) -> Transfer:
        """A transfer over the queue on disk."""
        return Transfer(self.around(), self.lending)

    def start(self) -> None:
        """Start it."""
        assert Begun(self.transfer.start()).result is None

    def restart(self) -> None:
        """Start everything anew, over the same queue and the same servers."""
        for location in self.locations.values():
            Begun(location.start())
        self.transfer = self.make()
        self.start()

    def stop(self) -> None:
        """Stop it, and every location."""
        Begun(self.transfer.stop())
        for location in self.locations.values():
            Begun(location.stop())

    def put(self, name: str, data: bytes = b"data", modified: int = 1000) -> None:
        """Have a file in the source."""
        self.source.put(f"/out/{name}", data, modified)

    def pass_time(self, seconds: float = 11.0, step: float = 1.0) -> None:
        """Let time pass, a step at a time."""
        whole, rest = divmod(seconds, step)
        self.clock.pump([step] * int(whole) + [rest])

    def go(self, seconds: float = 11.0) -> None:
        """Start, let time pass, and stop."""
        self.start()
        self.pass_time(seconds)
        self.stop()

    @property
    def left(self) -> list[str]:
        """What is in the source."""
        return self.source.names("/out")

    @property
    def arrived(self) -> dict[str, bytes]:
        """What is at the destination."""
        return {name: self.target.get(f"/in/{name}") for name in self.target.names("/in")}

    def take(self) -> None:
        """Take away what is at the destination, as whoever it was sent to does."""
        self.target.tree.directory(VPath.parse("/in")).children.clear()

    def has_told(self, *events: Event[Any]) -> bool:
        """Whether each of these was told by the transfer."""
        return {one.number for one in events} <= set(self.numbers)

    @property
    def numbers(self) -> list[int]:
        """The events of the transfer itself, in order."""
        return [told.event.number for told in self.told]

    @property
    def told(self) -> list[Any]:
        """The same with what they say."""
        return [one for one in self.trail.told if one.origin.component.uuid == "t-1"]

    def payloads(self, number: int) -> list[Any]:
        """What events of a number say."""
        return [one.payload for one in self.told if one.event.number == number]


class LocalDesk(Desk):
    """The same between folders of the disk: `out`, `in` and what options name, below one."""

    def __init__(self, directory: Path, **given: str) -> None:
        super().__init__(
            directory,
            **{
                "source_uuid": "local",
                "source_path": "out",
                "destination_uuid": "local",
                "destination_path": "in",
                **given,
            },
        )

    def _places(self) -> None:
        self.locations[None] = _this_machine(self)

    def pass_time(self, seconds: float = 11.0, step: float = 1.0) -> None:
        """Let time pass; what the system has told by then is heard before each step."""
        whole, rest = divmod(seconds, step)
        for one in [*[step] * int(whole), rest]:
            self.hear()
            self.clock.advance(one)

    def hear(self) -> None:
        """Let everything that can be read be read."""
        for reader in [*self.clock.readers]:
            if select.select([reader], [], [], 0)[0]:
                self.clock.read(reader)

    @property
    def sent(self) -> dict[str, bytes]:
        """The files at the destination, by their paths below it."""
        top = self.directory / "in"
        files = [path for path in top.rglob("*") if path.is_file()]
        return {str(path.relative_to(top)): path.read_bytes() for path in files}


class DownDesk(Desk):
    """From a server in memory to the folder `in` of the disk."""

    def __init__(self, directory: Path, **given: str) -> None:
        (directory / "in").mkdir(exist_ok=True)
        to = {"destination_uuid": "local", "destination_path": "in"}
        super().__init__(directory, **{**to, **given})

    def _places(self) -> None:
        super()._places()
        self.locations[None] = _this_machine(self)

    @property
    def arrived(self) -> dict[str, bytes]:
        """What is at the destination, also what is hidden."""
        return {path.name: path.read_bytes() for path in (self.directory / "in").iterdir()}


def _this_machine(desk: Desk) -> Location:
    given = {"type": "filesystem", "name": "this machine"}
    location = Location(
        FilesystemConnector(BUILT_IN, None, parts_in(desk.directory)),
        LocationOptions.model_validate(given),
        AroundLocation(desk.clock, desk.trail),
    )
    Begun(location.start())
    return location
