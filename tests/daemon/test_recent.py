"""What an account did lately, read from the end of the journal."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.core.failure import Reason
from mft.core.peer import Actor, Address, Component, Origin
from mft.daemon import recent
from mft.daemon.recent import Recent
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.journal import Journal
from tests.fakes.occurrences import SERVER
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline

UPLOADED = events.HTTP_UPLOAD_DONE.number
NUMBERS = frozenset((UPLOADED,))


class Trail:
    """A journal, and whoever tells it something."""

    def __init__(self, directory: Path) -> None:
        self.journal = Journal.open(directory)
        self.bus = Bus(self.journal, SERVER)
        self.recent = Recent(self.journal, Inline())

    def upload(self, account: str, path: str) -> None:
        origin = Origin(Actor(f"id-{account}", account), Address("192.0.2.7", 1), SERVICE)
        told = p.UploadedByHttp(path, f"/srv{path}", path, 1, 1, 0.1, {})
        self.bus.emit(events.HTTP_UPLOAD_DONE, told, origin)

    def paths(self, account: str, most: int = 10) -> list[Any]:
        found = run(self.recent(f"id-{account}", NUMBERS, most))
        return [one.data["path"] for one in found]


SERVICE = Component("web-1", "https", "web")


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path / "journal")


def test_an_account_sees_its_own_the_newest_first(trail: Trail) -> None:
    for number in range(3):
        trail.upload("ann", f"/{number}")
        trail.upload("bob", f"/of bob {number}")
    trail.bus.emit(events.PROCESS_STARTED, p.ProcessState("a", "1"))
    assert trail.paths("ann") == ["/2", "/1", "/0"]
    assert trail.paths("ann", most=2) == ["/2", "/1"]
    assert trail.paths("eve") == []


def test_only_the_last_events_of_the_server_are_looked_at(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "LOOKED_AT", 4)
    monkeypatch.setattr(recent, "BATCH", 3)
    for number in range(6):
        trail.upload("ann", f"/{number}")
    assert trail.paths("ann") == ["/5", "/4", "/3", "/2"]


def test_an_empty_journal_tells_nothing(trail: Trail) -> None:
    assert trail.paths("ann") == []


def test_one_account_is_read_for_at_a_time(trail: Trail) -> None:
    waiting: Deferred[None] = Deferred()

    async def held(call: Any, *args: Any) -> Any:
        await waiting
        return call(*args)

    reading = Recent(trail.journal, held)
    first = Deferred.fromCoroutine(reading("id-ann", NUMBERS, 1))
    with refused(Reason.BUSY):
        run(reading("id-bob", NUMBERS, 1))
    waiting.callback(None)
    assert first.result == ()


def test_a_journal_that_cannot_be_read_is_told_as_a_fault_of_ours(trail: Trail) -> None:
    async def broken(call: Any, *args: Any) -> Any:
        raise OSError("the disk is gone")

    reading = Recent(trail.journal, broken)
    with refused(Reason.BROKEN):
        run(reading("id-ann", NUMBERS, 1))
    with refused(Reason.BROKEN):  # and the next one may ask again
        run(reading("id-ann", NUMBERS, 1))
