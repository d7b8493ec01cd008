"""Servers of others that lie, break off, fill up or never answer: transfers come to a defined end.

Nothing counts as sent that was not, no source goes before its file has arrived, and nothing is
written outside of the destination.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mft.core.failure import Reason, Refused
from tests.fakes.lending import Begun
from tests.fakes.transferring import PART, Desk

DONE, FAILED, BROKE = 60012, 60081, 60013
DATA = bytes(at % 251 for at in range(20_000))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(**given: str) -> Desk:
        at = Desk(tmp_path, **{"retry_count": "2", "retry_wait": "10", **given})
        at.put("a.csv", DATA)
        made.append(at)
        return at

    yield make
    for one in made:
        one.stop()
        assert one.logged == []


def has_failed(at: Desk) -> None:
    """It has, once, after every try; the source is there, and the destination has no part."""
    assert at.numbers.count(FAILED) == 1
    assert DONE not in at.numbers
    assert at.left == ["a.csv"]
    assert at.arrived == {}


@pytest.mark.parametrize("size", [0, 19_999, 20_001, 1 << 40])
def test_a_destination_that_lies_about_sizes_gets_nothing_counted(desk, size):
    at = desk()
    at.target.lies[f"/in/a.csv{PART}"] = size
    at.start()
    at.pass_time(60)
    has_failed(at)


@pytest.mark.parametrize("size", [0, 19_999, 20_001, 1 << 40])
def test_a_source_that_lies_about_sizes_gets_nothing_sent(desk, size):
    at = desk()
    at.source.lies["/out/a.csv"] = size
    at.start()
    at.pass_time(100)
    assert DONE not in at.numbers
    assert at.left == ["a.csv"]
    assert at.arrived == {}


def test_a_destination_with_another_content_gets_nothing_counted(desk):
    at = desk()
    at.target.false_digests = True
    at.start()
    at.pass_time(60)
    has_failed(at)


def test_a_destination_whose_renames_lie_gets_nothing_counted(desk):
    at = desk()
    at.target.lies["/in/a.csv"] = 7
    at.target.lies[f"/in/a.csv{PART}"] = len(DATA)
    at.start()
    at.pass_time(100)
    assert DONE not in at.numbers
    assert at.left == ["a.csv"]


@pytest.mark.parametrize("bytes_", [5000, 9000])
@pytest.mark.parametrize("side", ["source", "target"])
def test_one_that_breaks_off_again_and_again_gets_the_file_in_the_end(desk, side, bytes_):
    at = desk(retry_wait="200")
    peer = getattr(at, side)
    peer.breaks_after = bytes_
    at.start()
    for _ in range(3000):
        at.pass_time(1)
        if peer.breaks_after is None and "a.csv" in at.left:
            peer.breaks_after = bytes_
    assert at.arrived == {"a.csv": DATA}
    assert at.left == []
    assert at.numbers.count(DONE) == 1
    assert BROKE in at.numbers


def test_one_that_breaks_off_before_anything_has_arrived_has_failed(desk):
    at = desk(retry_wait="200")
    at.target.breaks["upload"] = 0
    at.start()
    for _ in range(3000):
        at.target.breaks["upload"] = 0
        at.pass_time(1)
    assert at.numbers.count(FAILED) == 1
    assert at.left == ["a.csv"]


@pytest.mark.parametrize("operation", ["stat", "upload", "rename", "commit", "digest"])
def test_one_that_refuses_everything_has_failed(desk, operation):
    at = desk()
    at.target.refuses[operation] = [Refused(Reason.DENIED, "", "no")] * 100
    at.start()
    at.pass_time(60)
    assert at.numbers.count(FAILED) == 1
    assert DONE not in at.numbers
    assert at.left == ["a.csv"]
    assert at.target.names("/in") in ([], [f"a.csv{PART}"])


@pytest.mark.parametrize("room", [0, 1, 10_000, 19_999])
def test_one_that_is_full_has_failed_and_is_left_as_it_was(desk, room):
    at = desk()
    at.target.room = room
    at.start()
    at.pass_time(100)
    has_failed(at)


@pytest.mark.parametrize("operation", ["stat", "upload", "write", "commit", "rename", "connect"])
def test_one_that_never_answers_does_not_keep_a_stop_waiting(desk, operation):
    at = desk()
    at.target.late = True
    at.target.hangs.add(operation)
    at.start()
    at.pass_time(30)
    stopping = Begun(at.transfer.stop())
    assert not stopping.waits
    assert at.left == ["a.csv"]
    at.target.answer()


def test_names_of_a_source_lead_nowhere_else(desk):
    at = desk(recursive="yes")
    for name in ("..%2f..%2fetc", "..\\..\\x", "-rf", "$(id)", "a;b", "x\u202etxt.exe"[:1]):
        at.put(name, b"x")
    at.put("sub/..a/b", b"x")
    at.start()
    at.pass_time(60)
    assert at.left == ["sub"]
    assert at.target.names("/") == ["in"]
    assert at.target.get("/in/sub/..a/b") == b"x"
