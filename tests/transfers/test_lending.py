"""Connections for one piece of work, of one location or of two."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.transfers.lending import AGAIN, PATIENCE, At, Lending
from tests.fakes.lending import Begun
from tests.fakes.lending import Lending as Place
from tests.fakes.transferring import LocalDesk


class Pauses:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def paused(self, place: Any, why: str) -> None:
        self.heard.append("paused")

    def resumed(self, place: Any) -> None:
        self.heard.append("resumed")


class Work:
    """Borrows, and keeps what it has until it is told."""

    def __init__(self, lending: Lending, *wanted: At, pauses: Any = None) -> None:
        self.end: Deferred[None] = Deferred()
        self.has: list[Any] | None = None
        self.begun = Begun(self._run(lending, wanted, pauses))

    async def _run(self, lending: Lending, wanted: Any, pauses: Any) -> None:
        async with lending.lend(wanted, pauses) as remotes:
            self.has = remotes
            await self.end


@pytest.fixture
def place() -> Place:
    return Place(max_connections="2")


@pytest.fixture
def lending(place: Place) -> Lending:
    return Lending(lambda uuid: place.location, place.clock)


ONE, TWO = At("a", "/"), At("a", "/")


def test_two_of_one_location_are_two_connections(place, lending):
    work = Work(lending, ONE, TWO)
    assert work.has is not None
    assert len(place.peer.open) == 2
    work.end.callback(None)
    assert work.begun.result is None
    assert place.location.describe()["in_use"] == 0


def test_those_who_want_two_of_one_location_never_hold_one_each(place, lending):
    works = [Work(lending, ONE, TWO) for _ in range(4)]
    for work in works:
        assert work.has is not None, "it waits for ever"
        work.end.callback(None)


def test_a_second_one_that_does_not_come_is_not_waited_for_for_ever(place, lending):
    place.location._most = 1
    pauses = Pauses()
    work = Work(lending, ONE, TWO, pauses=pauses)
    place.pass_time(PATIENCE)
    assert work.has is None
    assert place.location.describe()["in_use"] == 0  # somebody else may have it now
    place.location._most = 2
    place.pass_time(AGAIN)
    assert work.has is not None
    assert pauses.heard == []  # the location is as well as before
    work.end.callback(None)


def test_a_location_that_is_not_there_is_waited_for_only_with_pauses(place, lending):
    place.refuse(Reason.ABORTED)
    pauses = Pauses()
    work = Work(lending, ONE, pauses=pauses)
    assert Work(lending, ONE).begun.reason is Reason.BUSY
    place.pass_time(400)
    assert work.has is not None
    assert pauses.heard == ["paused", "resumed"]
    work.end.callback(None)


def test_a_location_that_is_stopped_is_refused(place, lending):
    Begun(place.location.stop())
    assert Work(lending, ONE, pauses=Pauses()).begun.reason is Reason.ABORTED


def test_a_folder_that_is_not_there_is_refused_and_nothing_is_kept(place, lending):
    work = Work(lending, ONE, At("a", "/nowhere"), pauses=Pauses())
    assert work.begun.reason is Reason.NOT_FOUND
    assert place.location.describe()["in_use"] == 0


def test_a_refusal_of_the_work_gives_everything_back(place, lending):
    async def refusing() -> None:
        async with lending.lend([ONE, TWO]):
            raise Refused(Reason.EXISTS, "/a")

    assert Begun(refusing()).reason is Reason.EXISTS
    assert place.location.describe()["in_use"] == 0
    assert len(place.peer.open) == 2  # and the connections are as good as before


def test_first_is_what_has_the_lower_id(place):
    asked: list[str | None] = []

    def places(uuid: str | None) -> Any:
        asked.append(uuid)
        return place.location

    work = Work(Lending(places, place.clock), At("b", "/"), At(None, "/"))
    assert asked == [None, "b"]
    work.end.callback(None)


def test_a_folder_of_this_machine_that_is_slow_to_open_is_in_nobodys_way(lending, place):
    place.location._most = 3
    place.peer.hangs.add("connect")
    slow = Work(lending, At(None, "/"), At(None, "/"))
    place.peer.hangs.clear()
    quick = Work(lending, At(None, "/"), At(None, "/"))
    assert slow.has is None
    assert quick.has is not None
    quick.end.callback(None)
    place.peer.answer()
    assert slow.has is not None
    slow.end.callback(None)


@pytest.mark.parametrize("moved", [False, True], ids=["removed", "moved away"])
def test_folders_that_were_replaced_are_taken_from_and_put_into_anew(
    tmp_path: Path, moved: bool
) -> None:
    for name in ("out", "in"):
        (tmp_path / name).mkdir()
    (tmp_path / "out" / "a.csv").write_bytes(b"one")
    at = LocalDesk(tmp_path)
    at.start()
    assert (tmp_path / "in" / "a.csv").read_bytes() == b"one"
    for name in ("out", "in"):
        if moved:
            (tmp_path / name).rename(tmp_path / f"old-{name}")
            (tmp_path / f"old-{name}" / "old.csv").write_bytes(b"old")
        else:
            shutil.rmtree(tmp_path / name)
        (tmp_path / name).mkdir()
    (tmp_path / "out" / "b.csv").write_bytes(b"two")
    at.pass_time(20)
    at.stop()
    assert [one.name for one in (tmp_path / "in").iterdir()] == ["b.csv"]
    assert list((tmp_path / "out").iterdir()) == []
    assert (tmp_path / "old-out" / "old.csv").exists() is moved
