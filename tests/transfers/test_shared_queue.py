"""A queue that nodes share: who writes, and what becomes of those who may not any more.

What every queue promises is in tests/contracts/test_queue.py.
"""

import os
import resource
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.transfers.looking import Rules, Seen
from mft.transfers.rows import DONE, FAILED, SENDING, Row
from mft.transfers.shared_queue import SharedQueue
from tests.fakes.databases import TYPES
from tests.fakes.refused import refused
from tests.fakes.shared_queues import Shared, sharing

A, B = (Seen(f"/{name}", 1, 50) for name in "ab")
RULES = Rules()
LARGE = {"postgresql": 100_000, "mysql": 30_000}  # rows of a queue
AT_REST = 10_000  # of them
TABLES = ("files", "facts", "results", "sent")
WAITS = {  # how many transactions wait for a row
    "postgresql": "SELECT count(*) FROM pg_locks WHERE NOT granted",
    "mysql": "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
}
LOOK = 0.15  # seconds; asked more often than every 0.1 s, MariaDB answers the same for ever


@pytest.fixture(scope="module", params=TYPES)
def shared(request: pytest.FixtureRequest) -> Iterator[Shared]:
    with sharing(request.param) as made:
        yield made


@pytest.fixture
def transfer() -> str:
    return str(uuid.uuid4())


def opened(shared: Shared, transfer: str, fence: int = 1) -> SharedQueue:
    """The queue as a node has it that holds the lease."""
    made = shared.queue(transfer)
    made.fence = fence
    shared.give(f"transfer/{transfer}", fence)
    made.open()
    return made


def look(queue: SharedQueue, *seen: Seen, now: float = 100.0) -> list[str]:
    queue.begin_look()
    queue.look(seen, now, RULES, ())
    return queue.end_look(now, RULES, ())


def first(queue: SharedQueue) -> Row:
    return queue.take(100.0, ())[0]


def contents(shared: Shared) -> list[Any]:
    """Everything that all queues have."""
    return [shared.ask(f"SELECT * FROM mft_queue_{name} ORDER BY 1, 2") for name in TABLES]


WRITES: dict[str, Callable[[SharedQueue, Row], object]] = {
    "look": lambda queue, row: queue.look([B], 101, RULES, ()),
    "end_look": lambda queue, row: queue.end_look(101, RULES, ()),
    "make_batch": lambda queue, row: queue.make_batch(),
    "save": lambda queue, row: queue.save(row),
    "renew": lambda queue, row: queue.renew(row, 101, RULES),
    "end": lambda queue, row: queue.end(row, DONE, 101, remember=True),
    "fail": lambda queue, row: queue.end(row, FAILED, 101),
    "drop": lambda queue, row: queue.drop(row),
    "told": lambda queue, row: queue.told(1),
    "again": lambda queue, row: queue.again(),
    "claim": lambda queue, row: queue.claim(row),
    "keep": lambda queue, row: queue.keep("run", 1),
    "accept_runs": lambda queue, row: queue.accept_runs("run"),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_node_that_was_taken_for_dead_writes_nothing(
    shared: Shared, transfer: str, name: str
) -> None:
    queue = opened(shared, transfer)
    look(queue, A)
    row = first(queue)
    row.state, row.final, row.temporary = SENDING, VPath.parse("/x"), VPath.parse("/x.part")
    before = contents(shared)
    shared.give(f"transfer/{transfer}", 2)  # nobody has opened the queue yet
    with refused(Reason.ABORTED):
        WRITES[name](queue, row)
    (found,) = queue.together([lambda: WRITES[name](queue, row)])
    assert isinstance(found, Refused)
    every = queue.together([lambda: WRITES[name](queue, row), lambda: queue.keep("a", 1)])
    assert [one.reason for one in every] == [Reason.ABORTED] * 2
    assert contents(shared) == before
    queue.close()


def test_the_next_holder_has_everything_and_the_one_before_nothing_more(
    shared: Shared, transfer: str
) -> None:
    one = opened(shared, transfer)
    look(one, A, B)
    other = opened(shared, transfer, 2)
    assert [str(row.path) for row in other.take(100, (), 9)] == ["/a", "/b"]
    with refused(Reason.ABORTED):
        one.keep("x", 1)
    with refused(Reason.ABORTED):
        one.open()
    other.keep("x", 2)
    assert other.fact("x") == 2
    for queue in (one, other):
        queue.close()


def test_what_one_has_begun_to_write_is_waited_for(shared: Shared, transfer: str) -> None:
    one = opened(shared, transfer)
    other = shared.queue(transfer)
    with ThreadPoolExecutor(1) as threads:

        def give() -> None:
            one.keep("second", 2.0)
            shared.give(f"transfer/{transfer}", 2)
            other.fence = 2
            opening.append(threads.submit(other.open))

        opening: list[Any] = []
        one.together([lambda: one.keep("first", 1.0), give, lambda: one.keep("third", 3.0)])
        opening[0].result()
    assert [other.fact(name) for name in ("first", "second", "third")] == [1.0, 2.0, 3.0]
    for queue in (one, other):
        queue.close()


def test_nothing_counts_as_written_that_a_deadlock_has_undone(
    shared: Shared, transfer: str
) -> None:
    queue = opened(shared, transfer)
    look(queue, A, B)
    one, two = queue.take(100.0, (), 2)
    engine = shared.database._engine
    update = "UPDATE mft_queue_files SET error = 'other' WHERE id = "
    with ThreadPoolExecutor(1) as threads, engine.connect() as other:
        # So much that the database rather undoes what the queue has written.
        other.exec_driver_sql(f"UPDATE mft_queue_files SET marker = 1 WHERE id = {two.id}")
        insert = "INSERT INTO mft_queue_facts (queue, name, value) VALUES (-1, '{}', 1)"
        for number in range(200):
            other.exec_driver_sql(insert.format(number))
        waiting: list[Any] = []

        def wait() -> None:
            asked = f"{update}{one.id}"
            waiting.append(threads.submit(other.exec_driver_sql, asked))
            while shared.ask(WAITS[shared.server.kind]) == [0]:
                time.sleep(LOOK)  # between two looks whether it waits

        def save(row: Row) -> Callable[[], object]:
            row.tries = 7
            return lambda: queue.save(row)

        calls = [save(one), wait, save(two), lambda: queue.keep("last", 1.0)]
        try:
            outcomes = queue.together(calls)
        except Refused as refusal:
            outcomes = [refusal] * len(calls)
        waiting[0].exception()
        other.rollback()
    tries = {row.id: row.tries for row in queue.take(100.0, (), 2)}
    kept = queue.fact("last")
    queue.close()
    first_told, _, second_told, last_told = (not isinstance(one, Refused) for one in outcomes)
    assert (tries[one.id] == 7, tries[two.id] == 7) == (first_told, second_told)
    assert (kept == 1.0) == last_told


def test_a_node_that_is_frozen_while_it_writes_keeps_nobody_waiting(
    shared: Shared, transfer: str
) -> None:
    one = opened(shared, transfer)
    look(one, A)
    row = first(one)
    other = shared.queue(transfer)

    def freeze() -> None:
        row.error = "written by a node that is frozen"
        one.save(row)
        shared.give(f"transfer/{transfer}", 2)
        other.fence = 2
        other.open()  # which ends once the database has given up on the first: after IDLE seconds

    with refused(Reason.BROKEN):
        one.together([freeze, lambda: one.keep("x", 1.0)])
    assert first(other).error == ""
    assert other.fact("x") is None
    for queue in (one, other):
        queue.close()


def test_a_lease_that_somebody_has_removed_is_not_held(shared: Shared, transfer: str) -> None:
    queue = opened(shared, transfer, 7)
    shared.ask(f"DELETE FROM mft_leases WHERE name = 'transfer/{transfer}'")
    with refused(Reason.ABORTED):
        queue.keep("x", 1)
    again = opened(shared, transfer, 1)  # its row was made anew
    again.keep("x", 1)
    with refused(Reason.ABORTED):
        queue.keep("x", 2)
    for one in (queue, again):
        one.close()


def test_queues_of_several_transfers_have_nothing_to_do_with_one_another(shared: Shared) -> None:
    names = ["a", "A", "\u00e4" * 3000, "it's \x00 \udc80"]
    queues = [SharedQueue(shared.database, name, f"lease-{at}") for at, name in enumerate(names)]
    for at, queue in enumerate(queues):
        shared.give(f"lease-{at}", 5)
        queue.fence = 5
        queue.open()
        look(queue, *[A, B][: 1 + at % 2])
        queue.keep("x", at)
        row = first(queue)
        row.state, row.final = SENDING, VPath.parse("/same")
        assert queue.claim(row)
    look(queues[0])
    assert [queue.counts().get("stable", 0) for queue in queues] == [0, 1, 0, 1]
    assert [queue.fact("x") for queue in queues] == [0, 1, 2, 3]
    for queue in queues:
        queue.close()


def test_a_run_that_was_asked_for_is_taken_once_and_is_begun_by_that(
    shared: Shared, transfer: str
) -> None:
    queue = opened(shared, transfer)
    assert queue.accept_runs("run") == ""
    for node in "ab":
        shared.ask(
            f"INSERT INTO mft_asked_runs VALUES ('{queue._key}', '{node}', 'event 30068', 1)"
        )
    assert queue.accept_runs("run") == "event 30068"
    assert queue.fact("run") == 1
    assert queue.accept_runs("run") == ""
    queue.close()


def test_while_the_database_is_away_everything_is_refused(shared: Shared, transfer: str) -> None:
    queue = opened(shared, transfer)
    look(queue, A)
    shared.server.kill()
    try:
        for ask in (queue.counts, lambda: queue.keep("x", 1), queue.open):
            with refused(Reason.BROKEN):
                ask()
    finally:
        shared.server.start()
    queue.open()
    assert queue.counts() == {"stable": 1}
    queue.close()


def test_a_disk_without_room_for_what_a_look_has_seen_is_told(
    shared: Shared, transfer: str
) -> None:
    queue = opened(shared, transfer)
    assert queue._seen is not None
    queue._seen._file.execute("PRAGMA max_page_count = 8")
    many = [Seen(f"/{number}", 1, 50) for number in range(2000)]
    queue.begin_look()
    with refused(Reason.BROKEN):
        queue.look(many, 100.0, RULES, ())
    assert queue.counts() == {}  # it begins anew
    look(queue, A)
    assert queue.counts() == {"stable": 1}
    queue.close()


def test_a_large_queue_needs_no_memory(shared: Shared, transfer: str) -> None:
    queue = opened(shared, transfer)
    count = LARGE[shared.server.kind]
    fill(shared, queue, count)
    pid = os.fork()
    if pid == 0:  # a process of its own, whose memory is its own
        code = 1
        try:
            go_through(queue, shared)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert queue.counts() == {"stable": AT_REST - 1000, "sent": count - AT_REST}
    queue.close()


# Of each kind of database: numbers up to one, the word for a key, the SHA-256 of a text, that text.
WORDS = {
    "mysql": ("seq_1_to_{}", "`key`", "SHA2({}, 256)", "CONCAT('/f/', seq)"),
    "postgresql": (
        "generate_series(1, {}) AS seq",
        "key",
        "encode(sha256(convert_to({}, 'UTF8')), 'hex')",
        "'/f/' || seq",
    ),
}
ZERO = "batch, marker, tries, due, replaces, from_top, fallback, begun, changed, unique_id"
EMPTY = "error, final, final_key, temporary, temporary_key, reached"


def fill(shared: Shared, queue: SharedQueue, count: int) -> None:
    """Have so many files in it."""
    numbers, key, digest, text = WORDS[shared.server.kind]
    state = f"CASE WHEN seq <= {AT_REST} THEN 'stable' ELSE 'sent' END"
    given = {
        "queue": str(queue._id),
        "path": text,
        key: digest.format(text),
        "state": state,
        "modified": "50",
        "written": "-1",
        **dict.fromkeys(("size", "ready", "found", "since"), "1"),
        **dict.fromkeys(ZERO.split(", "), "0"),
        **dict.fromkeys(EMPTY.split(", "), "''"),
    }
    columns, values = ", ".join(given), ", ".join(given.values())
    table = "mft_queue_files"
    shared.ask(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {numbers.format(count)}")
    shared.ask(f"ANALYZE {'' if shared.server.kind == 'postgresql' else 'TABLE'} {table}")


def go_through(queue: SharedQueue, shared: Shared) -> None:
    """A look that finds a part of it; runs in a process of its own."""
    shared.database._engine.dispose(close=False)
    queue.begin_look()
    found = [Seen(f"/f/{number}", 1, 50) for number in range(1, 501)]
    queue.look(found, 100, RULES, ())  # everything is loaded
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for start in range(500, AT_REST - 1000, 500):
        found = [Seen(f"/f/{start + at}", 1, 50) for at in range(1, 501)]
        assert queue.look(found, 100, RULES, ()).appeared == []
    gone = queue.end_look(100, RULES, ())
    assert len(gone) == 100
    assert len(queue.take(100, (), 32)) == 32
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 16 << 10, f"{grown} KiB"
