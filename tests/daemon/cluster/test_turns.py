"""A transfer runs for as long as its lease is held: with leases and a queue that a test rules."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.daemon.cluster import turns as module
from mft.daemon.cluster.turns import AGAIN, Turn
from mft.transfers.around import Around
from mft.transfers.asked import Asked
from mft.transfers.queue import Queue
from mft.transfers.transfer import State
from tests.fakes.lending import Begun
from tests.fakes.threads import Inline
from tests.fakes.transferring import Desk


class Lease:
    """One tenure, as a test gives and takes it."""

    def __init__(self, gained: Callable[[], object], lost: Callable[[], object]) -> None:
        self.gained, self.lost = gained, lost
        self.fence = 0
        self.ours = True  # what the database says

    @property
    def held(self) -> bool:
        return self.fence > 0

    async def check(self) -> None:
        if not self.held or not self.ours:
            raise Refused(Reason.ABORTED, "", "another node may have this now")


class Leases:
    """What a test has instead of a database."""

    def __init__(self) -> None:
        self.held: list[Lease] = []  # every one that was asked for
        self.let: list[Lease] = []
        self.named = ""
        self.who: str | None = None

    def hold(self, name: str, gained: Any, lost: Any) -> Lease:
        self.named = name
        self.held.append(Lease(gained, lost))
        return self.held[-1]

    async def let_go(self, lease: Lease) -> None:
        lease.fence = 0
        self.let.append(lease)

    def holder(self, name: str) -> str | None:
        return self.who

    def give(self, fence: int) -> None:
        """It is held from now on."""
        self.held[-1].fence = fence
        self.held[-1].gained()

    def take(self) -> None:
        """Another node has it."""
        lease = self.held[-1]
        lease.fence = 0
        lease.lost()


class OwnQueue(Queue):
    """A queue on disk, with what one in a shared database has beside."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.fence = 0
        self.opened: list[int] = []
        self.asked = ""
        self.broken = False
        self.lost = 0  # so many answers to who takes a run

    def open(self) -> None:
        if self.broken:
            raise Refused(Reason.BROKEN, "", "the database is away")
        self.opened.append(self.fence)
        super().open()

    def accept_runs(self, begun: str) -> str:
        asked, self.asked = self.asked, ""
        if self.lost:
            self.lost -= 1
            raise Refused(Reason.BROKEN, "", "the connection is lost")
        return asked


class TurnDesk(Desk):
    """A transfer that has turns."""

    def __init__(self, directory: Path, **given: str) -> None:
        self.leases = Leases()
        self.runs = SimpleNamespace(heard={}, unsure=set())
        self.queue = OwnQueue(directory / "t-1.db")
        self.turn: Any = None
        self.heard: list[str] = []
        super().__init__(directory, **given)
        self.begin()

    def around(self) -> Around:
        database: Any = SimpleNamespace(kind="mysql")
        leases: Any = self.leases
        runs: Any = self.runs
        self.turn = Turn("t-1", leases, runs, database, self.clock, 0.5, self.clock.seconds)
        self.turn.queue, self.turn.ask = self.queue, Asked(self.queue, Inline())
        return replace(super().around(), hold=self.turn, queue=self.queue, ask=self.turn.ask)

    def begin(self) -> None:
        self.turn.begin(self.transfer, lambda: self.heard.append("began"), self.heard.append)

    def end(self) -> None:
        assert Begun(self.turn.end("shutdown")).result is None
        for location in self.locations.values():
            Begun(location.stop())


@pytest.fixture
def at(tmp_path: Path) -> TurnDesk:
    return TurnDesk(tmp_path)


def test_it_runs_while_it_is_held_and_not_before_or_after(at: TurnDesk) -> None:
    at.put("a.csv")
    at.pass_time(20)
    assert at.transfer.state is State.STOPPED
    assert at.leases.named == "transfer/t-1"
    at.leases.give(7)
    at.pass_time(1)
    assert at.arrived == {"a.csv": b"data"}
    assert at.queue.opened == [7]
    assert at.turn.mark == "7"
    assert at.turn.held
    at.leases.take()
    assert at.transfer.state is State.STOPPED
    assert not at.turn.held
    at.put("b.csv")
    at.pass_time(30)
    assert at.left == ["b.csv"]
    assert at.heard == ["began", "another node may have it now"]
    at.leases.give(9)  # it was asked for anew
    at.pass_time(1)
    assert at.left == []
    assert at.queue.opened == [7, 9]
    at.end()
    assert at.heard[2:] == ["began", "shutdown"]
    assert len(at.leases.let) == 1


def test_what_is_lost_is_not_asked_for_before_all_of_it_has_ended(at: TurnDesk) -> None:
    at.put("a.csv", b"x" * 10_000)
    at.target.hangs = {"write", "abort"}  # a peer that does not answer
    at.leases.give(7)
    at.pass_time(1)
    at.leases.take()
    assert len(at.leases.held) == 1
    at.pass_time(1.5, step=0.5)  # not as long as a stop may take
    assert len(at.leases.held) == 2
    at.target.answer()
    at.end()


def test_a_lease_that_was_lost_before_it_could_start_starts_nothing(at: TurnDesk) -> None:
    at.leases.held[0].fence = 7
    at.turn._lock.acquire()
    at.leases.held[0].gained()
    at.leases.take()
    at.turn._lock.release()
    assert at.transfer.state is State.STOPPED
    assert at.queue.opened == []
    assert len(at.leases.held) == 2
    at.end()


def test_a_queue_that_cannot_be_opened_is_left_to_others_for_a_while(at: TurnDesk) -> None:
    at.queue.broken = True
    at.leases.give(7)
    assert len(at.leases.let) == 1
    assert at.heard == []
    at.pass_time(AGAIN)
    assert len(at.leases.held) == 2
    at.queue.broken = False
    at.leases.give(8)
    assert at.heard == ["began"]
    at.end()


def test_an_end_ends_also_what_waits(at: TurnDesk) -> None:
    at.queue.broken = True
    at.leases.give(7)
    at.end()
    at.pass_time(2 * AGAIN)
    assert len(at.leases.held) == 1
    assert at.clock.getDelayedCalls() == []


def test_what_somebody_has_stopped_rests_and_is_kept(at: TurnDesk) -> None:
    at.leases.give(7)
    Begun(at.turn.rest())
    assert at.transfer.state is State.STOPPED
    assert at.turn.held
    assert at.leases.let == []
    at.leases.take()
    at.leases.give(8)  # also when it comes back
    assert at.transfer.state is State.STOPPED
    Begun(at.turn.start_anew())
    assert at.transfer.state is State.STARTED
    at.end()


def test_a_run_that_was_asked_of_another_node_is_made(tmp_path: Path) -> None:
    at = TurnDesk(tmp_path, enabled="no")
    at.put("a.csv")
    at.queue.asked = "event 30068"
    at.runs.heard["t-1"]()
    assert at.queue.asked  # it is not ours
    at.leases.give(7)
    at.runs.heard["t-1"]()
    assert at.queue.asked == ""
    at.pass_time(1)
    assert at.left == []
    assert [run.why for run in at.transfer.runs._known.values()] == ["event 30068"]
    at.runs.heard["t-1"]()
    assert len(at.transfer.runs._known) == 1
    at.end()
    assert at.runs.heard == {}


def test_a_run_that_was_taken_without_an_answer_of_the_database_is_made(tmp_path: Path) -> None:
    at = TurnDesk(tmp_path, enabled="no")
    at.put("a.csv")
    at.leases.give(7)
    at.queue.asked, at.queue.lost = "event 30068", 2
    for _ in range(2):
        at.runs.heard["t-1"]()
        assert at.runs.unsure == {"t-1"}  # so that it hears of the next heartbeat too
        assert at.transfer.runs.running is None
    at.runs.heard["t-1"]()
    at.pass_time(1)
    assert at.left == []
    assert at.runs.unsure == set()
    at.runs.heard["t-1"]()
    assert len(at.transfer.runs._known) == 1
    at.end()


def test_what_the_database_says_is_what_counts(at: TurnDesk) -> None:
    assert Begun(at.turn.check()).reason is Reason.ABORTED
    at.leases.give(7)
    assert Begun(at.turn.check()).result is None
    at.leases.held[-1].ours = False
    assert Begun(at.turn.check()).reason is Reason.ABORTED
    at.leases.who = "b"
    assert at.turn.holder == "b"
    at.end()
    assert Begun(at.turn.check()).reason is Reason.ABORTED


def test_a_fault_of_ours_is_logged(at: TurnDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[str] = []
    monkeypatch.setattr(
        module, "log", SimpleNamespace(failure=lambda text, why: failures.append(text))
    )

    async def broken() -> None:
        raise KeyError

    monkeypatch.setattr(at.transfer, "start", broken)
    at.leases.give(7)
    assert failures == ["a transfer's turn"]
    at.end()
