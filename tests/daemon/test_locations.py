"""Locations of a running server: how they start, how they end, and how they are found."""

from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import ROOT
from mft.daemon.locations import Locations
from mft.events import catalogue as events
from mft.remote.base import LocationOptions, Parts
from mft.remote.location import Around, State
from tests.fakes.files import names
from tests.fakes.handlers import House, house
from tests.fakes.lending import Begun
from tests.fakes.refused import refused
from tests.fakes.remote import MemoryConnector, Peer
from tests.fakes.remote_parts import parts_in
from tests.fakes.run import run


class Room:
    """Locations that are servers in memory, and what was told of them."""

    def __init__(self, home: House, directory: Path) -> None:
        self.home = home
        self.peer = Peer()
        self.fails: Exception | None = None
        parts = parts_in(directory)
        self.locations = Locations(home.bus, parts, Around(parts.reactor, home.bus), self.build)

    def build(self, uuid: str, options: LocationOptions, parts: Parts) -> MemoryConnector:
        if self.fails is not None:
            raise self.fails
        return MemoryConnector(self.peer, Component(uuid, options.type, options.name))

    def start(self, name: str, **options: str) -> None:
        given = {"type": "memory", "name": name, **options}
        run(self.locations.start(f"{name}-1", LocationOptions.model_validate(given)))

    def told(self, event: Any) -> list[str]:
        return [one.message for one in self.home.journal.read() if one.event is event]


@pytest.fixture
def room(tmp_path: Path) -> Any:
    home = house(tmp_path)
    made = Room(home, tmp_path)
    run(made.locations.prepare())
    yield made
    run(made.locations.stop_all("shutdown"))
    home.journal.close()


def test_a_location_that_is_enabled_starts_and_is_found_by_its_id(room: Room) -> None:
    room.start("acme", description="invoices")
    room.start("off", enabled="no")
    assert room.locations.of("acme-1").state is State.STARTED
    with refused(Reason.NOT_FOUND):
        room.locations.of("off-1")
    assert room.told(events.COMPONENT_STARTED) == ['location "acme" of type memory started.']


def test_this_machine_is_there_without_a_section(room: Room, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").write_text("x")
    for name in (None, "", "DEFAULT-LOCAL-FILESYSTEM"):
        lent = room.locations.of(name).borrow(str(tmp_path / "out"))
        assert names(run(lent.__aenter__()), ROOT) == ["a.txt"]
        run(lent.__aexit__(None, None, None))
    assert room.locations.describe() == []


def test_what_cannot_be_built_is_told(room: Room) -> None:
    room.fails = Refused(Reason.BROKEN, "", "the key cannot be read")
    with refused(Reason.BROKEN):
        room.start("acme")
    (told,) = room.told(events.COMPONENT_START_FAILED)
    assert "the key cannot be read" in told
    assert room.locations.running == {}


def test_a_stop_ends_connections_and_is_told(room: Room) -> None:
    room.start("acme")
    lent = room.locations.of("acme-1").borrow("/")
    assert run(lent.__aenter__()).connected
    run(room.locations.stop("acme-1", "reload"))
    assert room.peer.open == []
    assert room.told(events.COMPONENT_STOPPED) == ['location "acme" of type memory stopped: reload']
    run(lent.__aexit__(None, None, None))


def test_a_stop_that_breaks_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.start("acme")

    async def stop() -> None:
        raise ValueError("no")

    monkeypatch.setattr(room.locations.of("acme-1"), "stop", stop)
    run(room.locations.stop("acme-1", "reload"))
    assert len(room.told(events.COMPONENT_STOP_FAILED)) == 1


def test_one_that_has_failed_is_started_anew_by_its_name_or_id(room: Room) -> None:
    room.start("acme")
    location = room.locations.of("acme-1")
    for name in ("acme", "acme-1"):
        room.peer.refuses["connect"] = [Refused(Reason.DENIED, "", "another key")]
        assert Begun(location.borrow("/").__aenter__()).reason is Reason.BUSY
        assert [one["state"] for one in room.locations.describe()] == ["failed"]
        assert run(room.locations.start_anew(name)) == "acme"
        assert location.state is State.STARTED
    with refused(Reason.NOT_FOUND):
        run(room.locations.start_anew("other"))
