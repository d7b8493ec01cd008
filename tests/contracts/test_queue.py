"""What every queue of a transfer promises: on disk, and in the databases that nodes share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.transfers.looking import MAX_LISTED, UNKNOWN, Rules, Seen
from mft.transfers.queue import Queue
from mft.transfers.rows import DONE, FAILED, SEEN, SENDING, SENT, SKIPPED, STABLE, Row
from mft.transfers.transfer_queue import TransferQueue
from tests.fakes.databases import TYPES
from tests.fakes.shared_queues import Shared, sharing

AT_ONCE = Rules()
LATER = Rules(stable_after=10)
BATCHES = Rules(batches=True)

Make = Callable[[Path], TransferQueue]


@pytest.fixture(scope="module", params=["sqlite", *TYPES])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes queues of one kind."""
    with ExitStack() as running:
        if request.param == "sqlite":
            yield lambda folder: Queue(folder / "state" / "transfers" / "t.db")
            return
        shared: Shared = running.enter_context(sharing(request.param))
        yield lambda folder: shared.queue()


@pytest.fixture
def queue(make: Make, tmp_path: Path) -> Iterator[TransferQueue]:
    one = make(tmp_path)
    one.open()
    yield one
    one.close()


def look(queue: TransferQueue, *seen: Seen, now: float = 100.0, rules: Rules = AT_ONCE) -> Any:
    """A whole look; the paths that may be sent and are not there any more."""
    queue.begin_look()
    if seen:
        queue.look(seen, now, rules, ())
    return queue.end_look(now, rules, ())


def taken(queue: TransferQueue, now: float = 100.0) -> list[str]:
    """What is taken, in order, while nothing is done with it."""
    busy: list[int] = []
    found = []
    while rows := queue.take(now, busy):
        (row,) = rows
        busy.append(row.id)
        found.append(str(row.path))
    return found


def first(queue: TransferQueue, now: float = 100.0) -> Row:
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


def test_a_file_rests_from_now_on_where_the_clock_was_set_back(queue):
    look(queue, A, now=100, rules=LATER)
    look(queue, A, now=50, rules=LATER)
    assert queue.resting_since() == 50
    look(queue, A, now=60, rules=LATER)
    assert taken(queue) == ["/a"]


def test_a_file_of_which_only_that_is_known_that_it_is_there_stays_as_it_is(queue):
    look(queue, A)
    queue.renew(first(queue), 101, AT_ONCE)
    look(queue, A._replace(size=UNKNOWN), B._replace(size=UNKNOWN), now=102)
    assert queue.counts() == {SEEN: 1}
    look(queue, A, now=103)
    assert taken(queue) == ["/a"]


def test_a_name_that_was_read_twice_is_one_file(queue):
    look(queue, A, B, A._replace(size=2))
    assert taken(queue) == ["/a", "/b"]
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


def test_a_row_is_what_was_saved_also_after_a_restart(queue):
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


def test_what_was_sent_during_a_look_is_not_forgotten_though_the_clock_was_set_back(queue):
    look(queue, A)
    row = first(queue)
    queue.begin_look()
    queue.look([A], 200, AT_ONCE, [row.id])
    queue.end(row, DONE, 150, remember=True)
    queue.end_look(200, AT_ONCE, ())
    assert queue.look([A], 160, AT_ONCE, ()).remembered == 1


def test_what_is_sent_again_during_a_look_that_has_seen_it_is_remembered(queue):
    look(queue, A)
    queue.end(first(queue), DONE, 100, remember=True)
    queue.begin_look()
    queue.look([A._replace(size=2)], 200, AT_ONCE, ())
    queue.end(first(queue), DONE, 201, remember=True)
    queue.end_look(200, AT_ONCE, ())
    assert queue.look([A._replace(size=2)], 210, AT_ONCE, ()).remembered == 1


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


def test_what_may_have_arrived_in_the_fallback_folder_is_looked_for_there(queue):
    look(queue, A, B)
    for row, state in zip(queue.take(100, (), 2), (SENT, STABLE), strict=True):
        row.state, row.fallback = state, True
        queue.end(row, FAILED, 101)
    queue.again()
    assert [row.fallback for row in queue.take(102, (), 2)] == [True, False]


def test_waits_of_a_clock_that_was_wrong_end(queue):
    look(queue, A, B)
    for row, due in zip(queue.take(100, (), 2), (160, 9000), strict=True):
        row.due = due
        queue.save(row)
    queue.hasten(100, 190)
    assert taken(queue, 100) == ["/b"]
    assert queue.next_due(100) == 160


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
    assert queue.waiting() == (2, 100, frozenset(), 0)
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


@pytest.mark.parametrize("found", ["by a look", "when it is to be sent"])
def test_a_file_that_has_changed_leaves_its_batch_and_the_marker_comes_with_it(queue, found):
    rules = Rules(stable_after=10, batches=True)
    marker = C._replace(marker=1)
    for now in (100, 110):
        look(queue, A, B, marker, now=now, rules=rules)
    queue.make_batch()
    changed = B._replace(size=2)
    if found == "by a look":
        look(queue, A, changed, marker, now=111, rules=rules)
    else:
        row = next(row for row in queue.take(111, [], 3) if str(row.path) == "/b")
        assert queue.renew(row, 111, rules) is None
        assert queue.waiting().left == 2
        look(queue, A, changed, marker, now=111, rules=rules)
    assert taken(queue) == ["/a"]
    assert queue.waiting() == (0, 0, frozenset(), 2)
    look(queue, A, changed, marker, now=121, rules=rules)
    assert queue.waiting() == (2, 121, frozenset({1}), 0)
    assert queue.make_batch() == (2, 2, ["/b", "/c"])
    queue.end(first(queue), DONE, 122)
    assert taken(queue) == ["/b"]


def test_a_file_that_changes_again_holds_up_the_next_batch_longer_than_its_marker(queue):
    rules = Rules(stable_after=10, batches=True)
    marker = B._replace(marker=1)
    for now in (100, 110):
        look(queue, A, marker, now=now, rules=rules)
    queue.make_batch()
    for size, now in ((2, 111), (3, 116)):
        look(queue, A._replace(size=size), marker, now=now, rules=rules)
    look(queue, A._replace(size=3), marker, now=121, rules=rules)
    assert queue.waiting() == (1, 121, frozenset({1}), 1)
    look(queue, A._replace(size=3), marker, now=126, rules=rules)
    assert queue.waiting() == (2, 126, frozenset({1}), 0)


@pytest.mark.parametrize("may_go", [False, True])
def test_a_file_of_a_batch_that_a_look_does_not_find_any_more_has_failed_unless_it_may_go(
    queue, may_go
):
    rules = BATCHES._replace(may_go=may_go)
    look(queue, A, B._replace(marker=1), rules=rules)
    queue.make_batch()
    assert look(queue, B._replace(marker=1), now=101, rules=rules) == ["/a"]
    assert queue.has_failed(1) is not may_go
    assert taken(queue) == ["/b"]


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
    queue.told(1)
    assert not queue.has_failed(1)


def test_a_batch_knows_that_one_of_it_has_failed(queue):
    look(queue, A, B, rules=BATCHES)
    queue.make_batch()
    queue.end(first(queue), FAILED, 101)
    assert queue.has_failed(1)
    assert queue.drop(first(queue)) is not None


def test_a_file_that_has_gone_may_be_a_failure_of_its_batch(queue):
    look(queue, A, B, rules=BATCHES)
    queue.make_batch()
    queue.drop(first(queue), FAILED)
    assert queue.has_failed(1)
    ended = queue.end(first(queue), DONE, 101)
    assert ended is not None
    assert ended.results[FAILED] == [("/a", "")]


@pytest.mark.parametrize("left", [(A,), (A, B._replace(size=2))])
def test_a_batch_that_has_ended_by_a_look_is_told_once(queue, left):
    look(queue, A, B, rules=BATCHES)
    queue.make_batch()
    assert queue.end(first(queue), SKIPPED, 101) is None
    assert queue.silent() == []
    look(queue, *left, now=102, rules=BATCHES)
    (ended,) = queue.silent()
    assert (ended.batch, ended.results[SKIPPED]) == (1, [("/a", "")])
    queue.told(1)
    assert queue.silent() == []


def test_a_batch_that_has_ended_is_kept_until_that_was_told(queue):
    look(queue, A, B, rules=BATCHES)
    queue.make_batch()
    queue.end(first(queue), FAILED, 101)
    ended = queue.end(first(queue), DONE, 101)
    assert queue.silent() == [ended]
    queue.told(1)
    assert queue.silent() == []


def test_a_file_that_is_tried_again_has_not_failed_its_batch_any_more(queue):
    look(queue, A, B, C, rules=BATCHES)
    queue.make_batch()
    queue.end(first(queue), FAILED, 101)
    queue.drop(first(queue), FAILED)
    assert queue.again() == 1
    assert queue.end(first(queue), DONE, 102) is None
    ended = queue.end(first(queue), DONE, 102)
    assert ended.results[FAILED] == [("/b", "")]
    assert [path for path, _ in ended.results[DONE]] == ["/a", "/c"]


def test_what_an_earlier_version_has_left_as_done_is_in_nobodys_way(queue):
    look(queue, A, B)
    for row in queue.take(100, (), 2):
        row.state = DONE
        queue.save(row)
    look(queue, A._replace(size=2), now=101)  # another file under the first name
    assert taken(queue, 101) == ["/a"]
    assert queue.counts() == {STABLE: 1}


def test_several_are_taken_at_once(queue):
    look(queue, A, B, C)
    row = first(queue)
    row.due = 50
    queue.save(row)
    assert [str(one.path) for one in queue.take(100, (), 2)] == ["/a", "/b"]
    assert [str(one.path) for one in queue.take(100, [row.id], 9)] == ["/b", "/c"]


def test_calls_that_are_made_together_are_kept_each_by_itself(queue):
    look(queue, A)
    row = first(queue)
    row.modified = None  # which no queue takes

    def broken():
        queue.keep("one", 9.0)
        raise KeyError("one of them")

    calls = [
        lambda: queue.keep("zero", 1.0),
        broken,
        lambda: queue.end(row, DONE, 101, remember=True),  # fails in the middle
        lambda: queue.fact("zero"),
    ]
    found = queue.together(calls)
    assert [type(one) for one in found] == [type(None), KeyError, Refused, float]
    assert found[2].reason is Reason.BROKEN
    assert [queue.fact(name) for name in ("zero", "one", "done")] == [1.0, 9.0, None]
    queue.close()
    queue.open()
    assert queue.fact("zero") == 1.0
    assert taken(queue) == ["/a"]


def test_those_that_are_made_together_come_to_nothing_together_when_it_is_closed(queue):
    queue.close()
    with pytest.raises(Refused) as refused:
        queue.together([lambda: queue.keep("one", 1.0), lambda: queue.fact("one")])
    assert refused.value.reason is Reason.ABORTED


def test_facts_are_kept(queue):
    assert queue.fact("planned") is None
    queue.keep("planned", 12.5)
    queue.close()
    queue.open()
    assert queue.fact("planned") == 12.5


def test_a_closed_queue_refuses(queue):
    queue.close()
    with pytest.raises(Refused) as refused:
        queue.take(1, ())
    assert refused.value.reason is Reason.ABORTED


NAMES = [
    "/a",
    "/a ",
    "/A",
    "/\u00e4",
    "/a\u0308",
    "/\U0001f600 \u3042.csv",
    '/it\'s 100% \\ "quoted" :x {y} ; -- DROP',
    "/" + "/".join(["\U0001f600" * 60] * 16),
    "/\ufffe\uffff",
    "/\xdf",
    "/ss",
    "/\ufb03",
    "/ffi",
]


def test_every_name_is_kept_as_it_is_and_for_itself(queue):
    seen = [Seen(path, number, 50) for number, path in enumerate(NAMES)]
    look(queue, *seen)
    assert taken(queue) == NAMES
    for row in queue.take(100, (), len(NAMES)):
        row.state, row.final = SENDING, row.path
        row.temporary = VPath.parse(f"{row.path}.part") if len(str(row.path)) < 200 else row.path
        assert queue.claim(row)
    rows = queue.take(100, (), len(NAMES))
    assert [str(row.path) for row in rows] == NAMES
    assert [row.final for row in rows] == [row.path for row in rows]
    for row in rows:
        queue.end(row, DONE, 101, remember=True)
    assert queue.look(seen, 102, AT_ONCE, ()).remembered == len(NAMES)
    assert queue.look(seen[:1], 102, Rules(paths_only=True), ()).remembered == 1


def test_what_a_peer_says_is_kept_as_far_as_that_can_be(queue):
    look(queue, A)
    row = first(queue)
    row.error = "no\x1b[2K room \u202e %s" + "x" * 3000
    queue.end(row, FAILED, 101)
    assert queue.failed() == [("/a", row.error)]


def test_numbers_may_be_as_large_as_they_are_told(queue):
    look(queue, Seen("/a", (1 << 63) - 1, -(1 << 40)))
    row = first(queue)
    row.changed, row.unique = (1 << 63) - 1, (1 << 63) - 1
    queue.save(row)
    assert first(queue) == row


def test_what_has_gone_is_told_up_to_a_limit_and_forgotten_whole(queue):
    many = [Seen(f"/{number:04}", 1, 50) for number in range(1200)]
    look(queue, *many, A)
    assert look(queue, A) == [one.path for one in many[:MAX_LISTED]]
    assert queue.counts() == {STABLE: 1}


def test_what_was_sent_and_has_gone_is_forgotten_however_much_it_is(queue):
    many = [Seen(f"/{number:04}", 1, 50) for number in range(1100)]
    look(queue, *many)
    calls = [
        lambda row=row: queue.end(row, DONE, 101, remember=True)
        for row in queue.take(100, (), len(many))
    ]
    queue.together(calls)
    assert queue.fact("done") == len(many)
    look(queue, *many[:50], now=102)
    assert queue.look(many, 103, AT_ONCE, ()).remembered == 50


def test_what_is_worked_on_is_neither_changed_nor_forgotten_by_a_look(queue):
    look(queue, A, B)
    rows = queue.take(100, (), 2)
    busy = [row.id for row in rows]
    queue.begin_look()
    found = queue.look([A._replace(size=7)], 101, AT_ONCE, busy)
    assert (found.modified, found.appeared) == ([], [])
    assert queue.end_look(101, AT_ONCE, busy) == []
    assert [row.size for row in queue.take(100, (), 2)] == [1, 1]


def test_parts_of_a_look_count_together(queue):
    queue.begin_look()
    for one in (A, B, C):
        queue.look([one], 100, LATER, ())
    assert queue.end_look(100, LATER, ()) == []
    assert queue.counts() == {SEEN: 3}
    queue.begin_look()
    found = queue.look([A, B, C], 110, LATER, ())
    assert found.stable == 3
    assert queue.end_look(110, LATER, ()) == []
    assert taken(queue) == ["/a", "/b", "/c"]
