"""The queue of a transfer, on a real disk."""

import os
import resource
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.transfers.looking import MAX_QUEUED, Rules, Seen
from mft.transfers.queue import Queue
from mft.transfers.rows import DONE, FAILED, SENDING, SENT, SKIPPED, STABLE, Row

AT_ONCE = Rules()
LATER = Rules(stable_after=10)
BATCHES = Rules(batches=True)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    one = Queue(tmp_path / "state" / "transfers" / "t.db")
    one.open()
    yield one
    one.close()


def look(queue: Queue, *seen: Seen, now: float = 100.0, rules: Rules = AT_ONCE) -> list[str]:
    """A whole look; the paths that may be sent and are not there any more."""
    queue.begin_look()
    if seen:
        queue.look(seen, now, rules, ())
    return queue.end_look(now, rules, ())


def taken(queue: Queue, now: float = 100.0) -> list[str]:
    """What is taken, in order, while nothing is done with it."""
    busy: list[int] = []
    found = []
    while rows := queue.take(now, busy):
        (row,) = rows
        busy.append(row.id)
        found.append(str(row.path))
    return found


def first(queue: Queue, now: float = 100.0) -> Row:
    (row,) = queue.take(now, ())
    return row


A, B, C = (Seen(f"/{name}", 1, 50) for name in "abc")


def test_files_are_taken_in_the_order_in_which_they_came(queue):
    look(queue, B)
    look(queue, B, A)
    assert taken(queue) == ["/b", "/a"]


def test_a_file_is_taken_once_it_has_rested(queue):
    look(queue, A, now=100, rules=LATER)
    look(queue, A, now=109, rules=LATER)
    assert taken(queue) == []
    look(queue, A, now=110, rules=LATER)
    assert taken(queue) == ["/a"]


def test_the_first_that_has_rested_is_known(queue):
    assert queue.resting_since() is None
    look(queue, A, now=100, rules=LATER)
    look(queue, A, B, now=105, rules=LATER)
    assert queue.resting_since() == 100
    look(queue, A, B, now=111, rules=LATER)
    assert queue.resting_since() == 105
    look(queue, A, B, now=116, rules=LATER)
    assert queue.resting_since() is None


def test_a_file_that_changes_while_somebody_works_on_it_is_told(queue):
    look(queue, A, B)
    busy = [row.id for row in queue.take(100, (), 2)]
    assert queue.look([A, B], 101, AT_ONCE, busy).held == 0
    assert queue.look([A, B._replace(size=2)], 102, AT_ONCE, busy).held == 1
    assert queue.look([A, B._replace(size=2)], 103, AT_ONCE, ()).held == 0


def test_a_file_that_changes_rests_anew(queue):
    look(queue, A, now=100, rules=LATER)
    look(queue, A._replace(size=2), now=109, rules=LATER)
    look(queue, A._replace(size=2), now=118, rules=LATER)
    assert taken(queue) == []
    look(queue, A._replace(size=2), now=119, rules=LATER)
    assert first(queue).size == 2


def test_what_has_gone_is_forgotten_and_told_if_it_was_to_be_sent(queue):
    look(queue, A, B)
    assert look(queue, A) == ["/b"]
    assert taken(queue) == ["/a"]


def test_what_somebody_works_on_is_not_forgotten(queue):
    look(queue, A)
    row = first(queue)
    queue.begin_look()
    assert queue.end_look(101, AT_ONCE, [row.id]) == []
    row.state = SENDING
    queue.save(row)
    assert look(queue) == []
    assert first(queue).state == SENDING


def test_a_row_is_what_was_saved_also_after_a_restart(queue, tmp_path):
    look(queue, A)
    row = first(queue)
    row.state, row.final, row.temporary = SENT, VPath.parse("/x/a"), VPath.parse("/x/a.part")
    row.written, row.replaces, row.error = 7, True, "cut"
    row.begun, row.changed, row.unique = True, 1 << 60, 1 << 40
    queue.save(row)
    queue.close()
    queue.open()
    assert first(queue) == row


def test_a_file_that_waits_does_not_keep_others_from_their_turn(queue):
    look(queue, A, B)
    row = first(queue)
    row.tries, row.due = 1, 160
    queue.save(row)
    assert taken(queue) == ["/b"]
    assert queue.next_due(100) == 160
    assert queue.next_due(160) is None  # it is its turn
    assert taken(queue, now=160) == ["/a", "/b"]  # nor do they keep it from its own


def test_what_is_done_is_forgotten_with_its_row(queue):
    look(queue, A)
    queue.end(first(queue), DONE, 101)
    assert queue.counts() == {}
    look(queue, A, now=102)
    assert taken(queue) == ["/a"]


def test_what_was_sent_is_not_sent_again_while_it_stays(queue):
    look(queue, A)
    queue.end(first(queue), DONE, 101, remember=True)
    for now in (102, 103, 10_000):
        look(queue, A, now=now)
    assert taken(queue) == []
    look(queue, now=10_001)
    look(queue, A, now=10_002)
    assert taken(queue) == ["/a"]


def test_what_was_sent_during_a_look_is_not_forgotten_at_its_end(queue):
    look(queue, A)
    queue.begin_look()
    queue.end(first(queue), DONE, 101, remember=True)
    queue.end_look(100.5, AT_ONCE, ())
    look(queue, A, now=102)
    assert taken(queue) == []


def test_what_has_gone_is_remembered_for_a_while(queue):
    rules = Rules(memory=1000)
    look(queue, A, rules=rules)
    queue.end(first(queue), DONE, 101, remember=True)
    look(queue, now=900, rules=rules)
    look(queue, A, now=901, rules=rules)
    assert taken(queue) == []
    look(queue, now=1101, rules=rules)
    look(queue, A, now=1102, rules=rules)
    assert taken(queue) == ["/a"]


def test_another_file_of_a_remembered_path_is_sent_unless_paths_are_what_counts(queue):
    look(queue, A)
    queue.end(first(queue), DONE, 101, remember=True)
    look(queue, A._replace(modified=60), now=102, rules=Rules(paths_only=True))
    assert taken(queue) == []
    look(queue, A._replace(modified=60), now=103)
    assert taken(queue) == ["/a"]


def test_what_has_failed_stays_failed_until_it_changes_or_somebody_asks(queue):
    look(queue, A, B)
    row = first(queue)
    row.error = "no space left"
    queue.end(row, FAILED, 101)
    look(queue, A, B, now=102)
    assert taken(queue) == ["/b"]
    assert queue.failed() == [("/a", "no space left")]
    assert queue.again() == 1
    assert taken(queue) == ["/a", "/b"]
    queue.end(first(queue), FAILED, 103)
    look(queue, A._replace(size=9), B, now=104)
    assert taken(queue) == ["/a", "/b"]


def test_what_has_failed_goes_on_from_where_it_was(queue):
    look(queue, A)
    row = first(queue)
    row.state, row.final = SENT, VPath.parse("/x")
    queue.end(row, FAILED, 101)
    queue.again()
    row = first(queue)
    assert (row.state, row.final, row.reached) == (SENT, VPath.parse("/x"), "")


def test_two_files_on_their_way_may_not_use_one_name(queue):
    look(queue, A, B)
    one = first(queue)
    one.state, one.final, one.temporary = SENDING, VPath.parse("/x"), VPath.parse("/x.part")
    assert queue.claim(one)
    (other,) = queue.take(100, [one.id])
    for final, temporary, collides in (
        ("/x", "/y.part", True),
        ("/x.part", "/x.part.part", True),
        ("/y", "/x.part", True),
        ("/y", "/y.part", False),
    ):
        other.final, other.temporary = VPath.parse(final), VPath.parse(temporary)
        other.state = SENDING
        assert queue.claim(other) is not collides
        other.state, other.final, other.temporary = STABLE, None, None
        queue.save(other)
    queue.end(one, DONE, 101)
    other.final = VPath.parse("/x")
    assert queue.claim(other)


def test_a_file_that_is_not_what_it_was_is_looked_at_anew(queue):
    look(queue, A)
    queue.renew(first(queue), 101, LATER)
    assert taken(queue) == []
    look(queue, A, now=102, rules=LATER)
    look(queue, A, now=112, rules=LATER)
    assert taken(queue) == ["/a"]


def test_a_batch_takes_what_is_stable_when_it_is_made(queue):
    look(queue, A, B, rules=BATCHES)
    assert taken(queue) == []
    assert queue.waiting() == (2, 100, frozenset())
    assert queue.make_batch() == (1, 2, ["/a", "/b"])
    look(queue, A, B, C, now=101, rules=BATCHES)
    assert taken(queue) == ["/a", "/b"]
    assert queue.make_batch().number == 2


def test_a_marker_is_sent_after_everything_else_of_its_batch(queue):
    look(queue, A._replace(marker=1), B, rules=BATCHES)
    assert queue.waiting().markers == {1}
    queue.make_batch()
    assert taken(queue) == ["/b"]
    assert queue.end(first(queue), DONE, 101) is None
    assert taken(queue) == ["/a"]


def test_the_end_of_a_batch_tells_of_every_file(queue):
    look(queue, A, B, C, rules=BATCHES)
    queue.make_batch()
    row = first(queue)
    row.tries, row.final = 2, VPath.parse("/x")
    assert queue.end(row, DONE, 101) is None
    assert queue.end(first(queue), SKIPPED, 101) is None
    ended = queue.end(first(queue), FAILED, 101)
    assert ended is not None
    assert ended.results == {DONE: [("/a", "/x")], SKIPPED: [("/b", "")], FAILED: [("/c", "")]}
    assert ended.tries == 2
    assert not queue.has_failed(1)


def test_a_batch_knows_that_one_of_it_has_failed(queue):
    look(queue, A, B, rules=BATCHES)
    queue.make_batch()
    queue.end(first(queue), FAILED, 101)
    assert queue.has_failed(1)
    assert queue.drop(first(queue)) is not None


def test_several_are_taken_at_once(queue):
    look(queue, A, B, C)
    row = first(queue)
    row.due = 50
    queue.save(row)
    assert [str(one.path) for one in queue.take(100, (), 2)] == ["/a", "/b"]
    assert [str(one.path) for one in queue.take(100, [row.id], 9)] == ["/b", "/c"]


def test_calls_that_are_made_together_are_kept_each_by_itself(queue):
    def broken():
        queue.keep("one", 9.0)
        raise KeyError("one of them")

    def undone():
        with queue._writing() as database:
            database.execute("INSERT OR REPLACE INTO facts VALUES ('two', 9)")
            raise KeyError("in the middle")

    calls = [lambda: queue.keep("zero", 1.0), broken, undone, lambda: queue.fact("zero")]
    found = queue.together(calls)
    assert [type(one) for one in found] == [type(None), KeyError, KeyError, float]
    assert [queue.fact(name) for name in ("zero", "one", "two")] == [1.0, 9.0, None]
    queue.close()
    queue.open()
    assert queue.fact("zero") == 1.0


def test_facts_are_kept(queue):
    assert queue.fact("planned") is None
    queue.keep("planned", 12.5)
    queue.close()
    queue.open()
    assert queue.fact("planned") == 12.5


def test_a_second_process_is_kept_out(queue, tmp_path):
    other = Queue(tmp_path / "state" / "transfers" / "t.db")
    with pytest.raises(Refused) as refused:
        other.open()
    assert refused.value.reason is Reason.BUSY


@pytest.mark.parametrize("content", [b"no database at all, but more than a page" * 200, b"x" * 64])
def test_a_file_that_is_no_queue_is_refused_and_left_alone(tmp_path, content):
    file = tmp_path / "t.db"
    file.write_bytes(content)
    with pytest.raises(Refused) as refused:
        Queue(file).open()
    assert refused.value.reason is Reason.BROKEN
    assert file.read_bytes() == content


def test_a_queue_of_a_later_version_is_refused(queue, tmp_path):
    queue.close()
    file = tmp_path / "state" / "transfers" / "t.db"
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(Refused, match="later version"):
        Queue(file).open()


def test_a_closed_queue_refuses(queue):
    queue.close()
    with pytest.raises(Refused) as refused:
        queue.take(1, ())
    assert refused.value.reason is Reason.ABORTED


def test_only_its_owner_may_read_it(queue, tmp_path):
    file = tmp_path / "state" / "transfers" / "t.db"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("durable", [True, False])
def test_what_was_saved_outlives_a_kill(tmp_path, durable):
    file = tmp_path / "t.db"
    pid = os.fork()
    if pid == 0:
        try:
            one = Queue(file)
            one.open()
            look(one, A)
            row = first(one)
            row.state = SENT
            one.save(row, durable=durable)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    again = Queue(file)
    again.open()
    assert first(again).state == SENT
    again.close()


def test_a_full_queue_takes_no_more_and_its_memory_stays_flat(tmp_path):
    pid = os.fork()
    if pid == 0:  # a process of its own, whose memory is its own
        code = 1
        try:
            fill(tmp_path / "t.db")
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def fill(file: Path) -> None:
    one = Queue(file)
    one.open()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for now in (100.0, 101.0):
        one.begin_look()
        refused = 0
        for start in range(0, MAX_QUEUED + 1000, 500):
            part = [Seen(f"/folder/file-{start + at}.csv", 10, 50) for at in range(500)]
            refused += one.look(part, now, AT_ONCE, ()).refused
        assert refused == 1000
        assert one.end_look(now, AT_ONCE, ()) == []
    assert one.counts() == {"stable": MAX_QUEUED}
    assert str(first(one).path) == "/folder/file-0.csv"
    one.close()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 << 10, f"{grown} KiB"


def test_tables_of_an_earlier_version_get_what_they_lack(queue, tmp_path):
    look(queue, A)
    queue.close()
    with sqlite3.connect(tmp_path / "state" / "transfers" / "t.db") as database:
        for name in ("begun", "changed", "unique_id"):
            database.execute(f"ALTER TABLE files DROP COLUMN {name}")
        database.execute("PRAGMA user_version = 1")
    database.close()
    queue.open()
    row = first(queue)
    assert (row.path, row.begun) == (VPath.parse("/a"), False)
    row.begun = True
    queue.save(row)
    assert first(queue).begun
