"""The queue of a transfer, on a real disk; what every queue promises is in tests/contracts."""

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
from mft.transfers.rows import SENT, Row

AT_ONCE = Rules()
A = Seen("/a", 1, 50)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    one = Queue(tmp_path / "state" / "transfers" / "t.db")
    one.open()
    yield one
    one.close()


def look(queue: Queue, *seen: Seen) -> None:
    queue.begin_look()
    queue.look(seen, 100.0, AT_ONCE, ())
    queue.end_look(100.0, AT_ONCE, ())


def first(queue: Queue) -> Row:
    (row,) = queue.take(100.0, ())
    return row


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
