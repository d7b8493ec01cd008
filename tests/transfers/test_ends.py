"""How files end in the queue when that cannot be written, or the server ends at that moment."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.runtime.program import Finished
from mft.transfers.queue import Queue
from mft.transfers.rows import VERIFIED, Row
from tests.fakes.transferring import Desk, Programs

Make = Callable[..., Desk]
DONE, ENDED = events.TRANSFER_FILE_DONE.number, events.TRANSFER_JOB_DONE.number
LONG = 200.0  # seconds: more than the queue is waited for


@pytest.fixture
def unwritable(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the next ends of files fail, so many, before anything is written."""
    end = Queue.end

    def fail(count: int) -> None:
        left = [count]

        def once(queue: Queue, *words: Any, **named: Any) -> Any:
            if left[0]:
                left[0] -= 1
                raise Refused(Reason.NO_SPACE, "", "the disk is full")
            return end(queue, *words, **named)

        monkeypatch.setattr(Queue, "end", once)

    return fail


@pytest.mark.parametrize("tries", ["0", "5"])
def test_a_file_whose_end_could_not_be_written_at_first_was_sent_and_so_is_the_next_of_its_name(
    desk: Make, unwritable: Callable[[int], None], tries: str
) -> None:
    at = desk(retry_count=tries, execute_after_failure="/bin/failed")
    at.put("a.csv", b"one")
    unwritable(2)
    at.start()
    at.pass_time(LONG)
    assert at.arrived == {"a.csv": b"one"}
    assert at.left == []
    assert at.numbers.count(DONE) == at.numbers.count(ENDED) == 1
    at.take()
    at.put("a.csv", b"two", 2000)
    at.pass_time(LONG)
    assert at.arrived == {"a.csv": b"two"}
    assert at.left == []
    assert at.numbers.count(DONE) == at.numbers.count(ENDED) == 2
    assert not at.has_told(events.TRANSFER_FILE_FAILED)
    assert not at.has_told(events.TRANSFER_FILE_RETRIED)
    assert at.programs.names == []


@pytest.mark.parametrize("fast", [False, True], ids=["", "whoever reads there is fast"])
def test_a_file_that_has_its_name_is_not_sent_again_because_that_could_not_be_written(
    desk: Make, monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    at = desk()
    save, left = Queue.save, [2]

    def full(queue: Queue, row: Row, **named: Any) -> None:
        if row.state == VERIFIED and left[0]:
            left[0] -= 1
            raise Refused(Reason.NO_SPACE, "", "the disk is full")
        save(queue, row, **named)

    monkeypatch.setattr(Queue, "save", full)
    at.put("a.csv", b"one")
    at.start()
    at.pass_time(5)
    assert at.arrived == {"a.csv": b"one"}
    assert at.left == ["a.csv"]
    if fast:
        at.take()
    at.pass_time(LONG)
    assert not left[0]
    assert at.arrived == ({} if fast else {"a.csv": b"one"})
    assert at.left == []
    assert at.numbers.count(DONE) == at.numbers.count(ENDED) == 1


# Batches.

BATCH = {"batch_interval": "10", "execute_after_success": "/bin/after"}


def test_a_batch_whose_program_was_cut_by_a_stop_is_told_again_and_its_program_is_run(
    desk: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk(**BATCH)
    hangs: list[Deferred[Any]] = [Deferred()]

    async def run(argv: list[str], env: dict[str, Any], timeout: float) -> Finished:
        ran.append(argv)
        if hangs:
            await hangs.pop()
        return Finished(0, 0, False, b"", b"")

    ran: list[list[str]] = []
    monkeypatch.setattr(Programs, "__call__", lambda self, *words: run(*words))
    for name in ("a.csv", "b.csv"):
        at.put(name)
    at.go(LONG)
    assert len(ran) == 1
    at.restart()
    at.pass_time()
    assert len(ran) == 2
    assert [told.paths for told in at.payloads(ENDED)] == [["/out/a.csv", "/out/b.csv"]] * 2
    at.pass_time(LONG)
    assert len(ran) == 2


def test_a_batch_that_ends_while_the_answer_of_the_queue_is_lost_is_told_once(
    desk: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk(**BATCH)
    end, lost = Queue.end, [True]

    def lose(queue: Queue, *words: Any, **named: Any) -> Any:
        found = end(queue, *words, **named)
        if found is not None and lost:
            lost.clear()
            raise Refused(Reason.BROKEN, "", "the connection is lost")
        return found

    monkeypatch.setattr(Queue, "end", lose)
    for name in ("a.csv", "b.csv"):
        at.put(name)
    at.go(LONG)
    assert at.numbers.count(ENDED) == 1
    assert at.programs.names == ["/bin/after"]
    assert sorted(at.arrived) == ["a.csv", "b.csv"]


def test_a_batch_that_was_told_is_not_told_again_because_that_could_not_be_written(
    desk: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk(**BATCH)
    told, full = Queue.told, [True, True]

    def refuse(queue: Queue, batch: int) -> None:
        if full:
            full.pop()
            raise Refused(Reason.NO_SPACE, "", "the disk is full")
        told(queue, batch)

    monkeypatch.setattr(Queue, "told", refuse)
    at.put("a.csv")
    at.go(LONG)
    assert not full
    assert at.numbers.count(ENDED) == 1
    assert at.programs.names == ["/bin/after"]
