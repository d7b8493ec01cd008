import errno
import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mft.core.failure import Reason, Refused
from mft.events import journal as module
from mft.events.journal import MIN_SEGMENT_SIZE, Journal
from tests.fakes.occurrences import ALICE

NUMBER = 30068
ROOT = Path(__file__).parents[2]


def fill(journal, count, begin=0):
    for index in range(count):
        journal.append(NUMBER, 1e9 + begin + index, ALICE, {"path": f"/file-{begin + index}"})


def paths(journal, from_serial=1):
    return [told.data["path"] for told in journal.read(from_serial)]


def segment_files(directory):
    return sorted(directory.glob("*.jsonl"))


def failing_write(monkeypatch, code=errno.ENOSPC):
    def write(fd, data):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(module.os, "write", write)


def test_serials_count_without_gaps_over_restarts(tmp_path):
    first = Journal.open(tmp_path)
    fill(first, 3)
    first.close()
    again = Journal.open(tmp_path)
    assert again.append(NUMBER, 1e9, ALICE, {"path": "/next"}) == 4
    assert [told.serial for told in again.read()] == [1, 2, 3, 4]
    assert again.verify() is None
    again.close()


def test_an_event_is_in_the_file_when_append_returns(tmp_path):
    journal = Journal.open(tmp_path)
    fill(journal, 1)
    assert b"/file-0" in segment_files(tmp_path)[0].read_bytes()
    journal.close()


def test_files_are_for_their_owner_only(tmp_path):
    journal = Journal.open(tmp_path / "journal")
    fill(journal, 1)
    assert stat.S_IMODE((tmp_path / "journal").stat().st_mode) == 0o700
    for path in (tmp_path / "journal").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    journal.close()


def test_two_processes_never_share_a_journal(tmp_path):
    journal = Journal.open(tmp_path)
    with pytest.raises(Refused) as refused:
        Journal.open(tmp_path)
    assert refused.value.reason is Reason.BUSY
    journal.close()
    Journal.open(tmp_path).close()


def test_a_directory_that_cannot_be_written_is_told_at_once(tmp_path):
    (tmp_path / "journal").write_text("a file is in the way")
    with pytest.raises(OSError, match="exists"):
        Journal.open(tmp_path / "journal")


def test_a_failed_open_lets_the_lock_go(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        failing_write(patch)
        with pytest.raises(OSError, match="space"):
            Journal.open(tmp_path)
    Journal.open(tmp_path).close()


@pytest.mark.parametrize("left", [1, 20, 200])
def test_a_line_that_a_kill_cut_is_removed_and_the_chain_goes_on(tmp_path, left):
    journal = Journal.open(tmp_path)
    fill(journal, 3)
    journal.close()
    path = segment_files(tmp_path)[0]
    *whole, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole) + last[:left])
    again = Journal.open(tmp_path)
    assert again.cut == left
    assert again.last == 2
    fill(again, 1, begin=9)
    assert paths(again) == ["/file-0", "/file-1", "/file-9"]
    assert again.verify() is None
    again.close()


def test_zeros_that_a_power_failure_left_are_removed(tmp_path):
    journal = Journal.open(tmp_path)
    fill(journal, 2)
    journal.close()
    with segment_files(tmp_path)[0].open("ab") as file:
        file.write(b"\0" * 4096)
    again = Journal.open(tmp_path)
    assert (again.cut, again.last, again.damage) == (4096, 2, "")
    assert again.verify() is None
    again.close()


@pytest.mark.parametrize("left", [0, 5])
def test_a_segment_whose_first_line_was_cut_is_begun_again(tmp_path, left):
    journal = Journal.open(tmp_path, segment_size=MIN_SEGMENT_SIZE)
    while len(segment_files(tmp_path)) < 2:
        fill(journal, 1)
    last = journal.last
    journal.close()
    newest = segment_files(tmp_path)[-1]
    newest.write_bytes(newest.read_bytes()[:left])
    again = Journal.open(tmp_path)
    assert again.last == last
    fill(again, 2)
    assert [told.serial for told in again.read()] == list(range(1, last + 3))
    assert again.verify() is None
    again.close()


def test_damage_at_the_end_is_told_and_not_continued_in_silence(tmp_path):
    journal = Journal.open(tmp_path)
    fill(journal, 3)
    journal.close()
    path = segment_files(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b"/file-2", b"/file-X"))
    again = Journal.open(tmp_path)
    assert "hash" in again.damage
    fill(again, 1, begin=5)
    assert again.last == 4
    assert again.verify() == 3
    again.close()


def test_an_unreadable_last_line_is_told(tmp_path):
    journal = Journal.open(tmp_path)
    fill(journal, 2)
    journal.close()
    with segment_files(tmp_path)[0].open("ab") as file:
        file.write(b"garbage\n")
    again = Journal.open(tmp_path)
    assert "cannot be read" in again.damage
    assert again.last == 2
    assert again.verify() == 3
    again.close()


def test_segments_are_named_by_their_first_serial_and_chained(tmp_path):
    journal = Journal.open(tmp_path, segment_size=MIN_SEGMENT_SIZE)
    fill(journal, 60)
    files = segment_files(tmp_path)
    assert len(files) > 2
    assert paths(journal, 31) == [f"/file-{index}" for index in range(30, 60)]
    assert journal.verify() is None
    assert int(files[1].stem) == 1 + len(files[0].read_bytes().splitlines()) - 1
    journal.close()


def test_a_full_disk_keeps_events_in_memory_until_there_is_room(tmp_path, monkeypatch):
    journal = Journal.open(tmp_path)
    fill(journal, 1)
    with monkeypatch.context() as patch:
        failing_write(patch)
        fill(journal, 2, begin=1)
        assert not journal.healthy
        assert "No space left" in journal.failure
        assert (journal.last, journal.waiting) == (3, 2)
    assert journal.flush()
    assert journal.healthy
    assert paths(journal) == ["/file-0", "/file-1", "/file-2"]
    assert journal.verify() is None
    journal.close()


def test_a_full_disk_is_tried_again_as_events_come(tmp_path, monkeypatch):
    journal = Journal.open(tmp_path)
    with monkeypatch.context() as patch:
        failing_write(patch)
        fill(journal, 1)
    fill(journal, 1, begin=2)  # two seconds later
    assert journal.healthy
    assert journal.waiting == 0
    journal.close()


def test_a_line_that_was_half_written_is_finished(tmp_path, monkeypatch):
    journal = Journal.open(tmp_path)
    real, calls = os.write, []

    def write(fd, data):
        calls.append(data)
        if len(calls) == 1:
            return real(fd, data[:10])
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(module.os, "write", write)
    fill(journal, 1)
    assert not journal.healthy
    fill(journal, 1, begin=1)
    assert journal.verify() is None
    assert paths(journal) == ["/file-0", "/file-1"]
    journal.close()


def test_what_waits_in_memory_is_bounded(tmp_path, monkeypatch):
    journal = Journal.open(tmp_path)
    monkeypatch.setattr(module, "MAX_WAITING", 2000)
    with monkeypatch.context() as patch:
        failing_write(patch)
        with pytest.raises(Refused) as refused:
            fill(journal, 100)
        assert refused.value.reason is Reason.NO_SPACE
        assert journal.waiting < 20
    assert journal.flush()
    assert journal.verify() is None
    journal.close()


def test_a_new_segment_that_cannot_be_made_does_not_stop_the_journal(tmp_path, monkeypatch):
    journal = Journal.open(tmp_path, segment_size=MIN_SEGMENT_SIZE)
    with monkeypatch.context() as patch:
        real = os.open

        def refuse(path, *rest, **more):
            if str(path).endswith(".jsonl"):
                raise OSError(errno.EMFILE, "Too many open files")
            return real(path, *rest, **more)

        patch.setattr(module.os, "open", refuse)
        fill(journal, 40)
    assert journal.healthy
    assert len(segment_files(tmp_path)) == 1
    fill(journal, 20)
    assert len(segment_files(tmp_path)) > 1
    assert journal.verify() is None
    journal.close()


def test_a_sync_reaches_every_segment_that_was_written(tmp_path):
    synced = []
    journal = Journal.open(
        tmp_path, MIN_SEGMENT_SIZE, lambda fd: synced.append(os.fstat(fd).st_ino)
    )
    fill(journal, 30)
    assert journal.pending_sync
    journal.sync()
    assert not journal.pending_sync
    assert {path.stat().st_ino for path in segment_files(tmp_path)} <= set(synced)
    journal.close()


def test_finished_segments_that_nobody_syncs_are_synced_at_a_bound(tmp_path):
    synced = []
    journal = Journal.open(tmp_path, MIN_SEGMENT_SIZE, synced.append)
    fill(journal, 200)
    assert synced
    assert len(journal._unsynced) <= module.MAX_UNSYNCED
    journal.close()


def test_a_failed_sync_makes_the_journal_unhealthy_until_one_succeeds(tmp_path):
    failing = [True]

    def sync(fd):
        if failing:
            raise OSError(errno.EIO, "Input/output error")

    journal = Journal.open(tmp_path, sync=sync)
    fill(journal, 1)
    with pytest.raises(OSError, match="Input"):
        journal.sync()
    assert not journal.healthy
    assert journal.failure == "Input/output error"
    journal.flush()
    assert not journal.healthy
    failing.clear()
    journal.sync()
    assert journal.healthy
    journal.close()


def test_only_old_segments_that_every_reader_has_passed_are_deleted(tmp_path):
    journal = Journal.open(tmp_path, segment_size=MIN_SEGMENT_SIZE)
    fill(journal, 60)
    files = segment_files(tmp_path)
    second = int(files[1].stem)
    for path in files:
        os.utime(path, (1000, 1000))
    assert journal.expire(before=500, passed=journal.last) == []
    assert journal.expire(before=2000, passed=second - 2) == []
    assert journal.expire(before=2000, passed=second - 1) == [files[0]]
    assert journal.verify() is None  # the chain still has a beginning
    assert next(iter(journal.read())).serial == second
    journal.expire(before=2000, passed=journal.last)
    assert segment_files(tmp_path) == [files[-1]]
    journal.close()


def test_a_closed_journal_is_free_for_the_next_process(tmp_path):
    journal = Journal.open(tmp_path)
    journal.close()
    journal.close()
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_files_that_a_failed_sync_did_not_reach_are_synced_the_next_time(tmp_path):
    synced, failing = [], [True]

    def sync(fd):
        if failing:
            raise OSError(errno.EIO, "Input/output error")
        synced.append(os.fstat(fd).st_ino)

    journal = Journal.open(tmp_path, MIN_SEGMENT_SIZE, sync)
    fill(journal, 40)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(OSError, match="Input"):
            journal.sync()
    assert len(os.listdir("/proc/self/fd")) == before
    failing.clear()
    journal.sync()
    assert set(synced) == {path.stat().st_ino for path in segment_files(tmp_path)}
    journal.close()


def test_a_sync_beside_another_reaches_what_that_one_has_not_synced_yet(tmp_path):
    synced = []
    journal = Journal.open(
        tmp_path, MIN_SEGMENT_SIZE, lambda fd: synced.append(os.fstat(fd).st_ino)
    )
    before = len(os.listdir("/proc/self/fd"))
    fill(journal, 30)
    slow = journal.begin_sync()
    fill(journal, 1)
    quick = journal.begin_sync()
    quick()
    journal.end_sync(quick)
    assert journal.synced == journal.last
    assert {path.stat().st_ino for path in segment_files(tmp_path)} <= set(synced)
    slow()
    journal.end_sync(slow)
    assert journal.synced == journal.last
    assert len(os.listdir("/proc/self/fd")) == before
    journal.close()


def test_a_sync_beside_one_that_fails_does_not_count(tmp_path):
    failing = []

    def sync(fd):
        if failing:
            raise OSError(errno.EIO, "Input/output error")

    journal = Journal.open(tmp_path, MIN_SEGMENT_SIZE, sync)
    fill(journal, 30)
    first, second = journal.begin_sync(), journal.begin_sync()
    failing.append(True)
    with pytest.raises(OSError, match="Input"):
        first()
    journal.end_sync(first, "Input/output error")
    failing.clear()
    second()  # the system has told of it already
    journal.end_sync(second)
    assert not journal.healthy
    assert journal.pending_sync
    journal.sync()
    assert journal.healthy
    assert not journal.pending_sync
    journal.close()


def test_a_sync_while_the_disk_takes_nothing_is_an_error(tmp_path, monkeypatch):
    journal = Journal.open(tmp_path)
    with monkeypatch.context() as patch:
        failing_write(patch)
        fill(journal, 1)
        with pytest.raises(OSError, match="No space"):
            journal.begin_sync()
    journal.close()


def test_a_sync_does_not_hide_that_events_wait(tmp_path, monkeypatch):
    journal = Journal.open(tmp_path)
    fill(journal, 1)
    sync = journal.begin_sync()
    with monkeypatch.context() as patch:
        failing_write(patch)
        fill(journal, 1)
        sync()
        journal.end_sync(sync)
        assert not journal.healthy
    journal.flush()
    assert journal.healthy
    journal.close()


def test_a_disk_that_takes_nothing_at_all_is_a_failure_and_not_a_hang(tmp_path, monkeypatch):
    journal = Journal.open(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", lambda fd, data: 0)
        fill(journal, 1)
        assert not journal.flush()
    journal.close()


def test_a_disk_that_takes_a_little_at_a_time_gets_everything(tmp_path, monkeypatch):
    journal = Journal.open(tmp_path)
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", lambda fd, data: real(fd, data[:7]))
        fill(journal, 3)
        assert journal.flush()
    assert paths(journal) == ["/file-0", "/file-1", "/file-2"]
    assert journal.verify() is None
    journal.close()


def test_a_segment_that_could_only_be_begun_in_part_is_taken_away(tmp_path, monkeypatch):
    journal = Journal.open(tmp_path, MIN_SEGMENT_SIZE)
    real = os.write

    def write(fd, data):
        return real(fd, data[:5] if data.startswith(b'{"journal"') else data)

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", write)
        fill(journal, 30)
    assert len(segment_files(tmp_path)) == 1
    assert journal.verify() is None
    journal.close()


def test_a_bound_on_unsynced_segments_that_cannot_be_synced_is_told(tmp_path):
    def sync(fd):
        raise OSError(errno.EIO, "Input/output error")

    journal = Journal.open(tmp_path, MIN_SEGMENT_SIZE, sync)
    fill(journal, 200)
    assert not journal.healthy
    with pytest.raises(OSError, match="Input"):
        journal.close()


KILLED = """
import sys
from pathlib import Path
from mft.events.journal import Journal
from tests.fakes.occurrences import ALICE

journal = Journal.open(Path(sys.argv[1]), 1 << 16)
while True:
    for _ in range(50):
        journal.append(30068, 1e9, ALICE, {"path": "/" + "x" * 300})
    print(journal.last, flush=True)
"""


def test_a_killed_process_loses_no_event_that_it_has_told_of(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        told = [int(process.stdout.readline()) for _ in range(20)]
        process.kill()
        told += [int(line) for line in process.stdout.read().splitlines()]
    journal = Journal.open(tmp_path)
    assert journal.last >= max(told)
    assert journal.damage == ""
    assert journal.verify() is None
    assert journal.append(NUMBER, 1e9, ALICE, {}) == journal.last
    assert journal.verify() is None
    journal.close()
