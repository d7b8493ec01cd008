"""How files end in the queue when that cannot be written, or the server ends at that moment."""

from collections.abc import Callable
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.transfers.queue import Queue
from tests.fakes.transferring import Desk

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
