"""Commits of one directory share its syncs, and none returns before its own is done."""

import os
import threading
from pathlib import Path

import pytest

from mft.vfs.sync import DirectorySyncs

WAIT = 10.0  # seconds after which a test that hangs fails


class SlowDisk:
    """An fsync that ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.error: OSError | None = None
        self.started = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def fsync(self, descriptor: int) -> None:
        self.begun += 1
        error = self.error
        self.started.release()
        assert self.go.acquire(timeout=WAIT)
        if error is not None:
            raise error


@pytest.fixture
def disk(monkeypatch) -> SlowDisk:
    slow = SlowDisk()
    monkeypatch.setattr(os, "fsync", slow.fsync)
    return slow


def start(call, results: list) -> threading.Thread:
    def running() -> None:
        try:
            results.append(call())
        except OSError as error:
            results.append(error)

    thread = threading.Thread(target=running)
    thread.start()
    return thread


def arrived(syncs: DirectorySyncs, users: int) -> None:
    """Wait until so many threads are in a sync."""
    until = threading.Event()
    for _ in range(int(WAIT * 1000)):
        with syncs._turn:
            if sum(rounds.users for rounds in syncs._rounds.values()) == users:
                return
        until.wait(0.001)
    raise AssertionError("the threads did not arrive")


def test_those_who_come_during_a_sync_share_the_next(tmp_path: Path, disk: SlowDisk) -> None:
    syncs, results = DirectorySyncs(), []
    directory = os.open(tmp_path, os.O_RDONLY)
    threads = [start(lambda: syncs.sync(directory), results)]
    assert disk.started.acquire(timeout=WAIT)
    threads += [start(lambda: syncs.sync(directory), results) for _ in range(5)]
    arrived(syncs, 6)
    assert disk.begun == 1
    disk.go.release()
    assert disk.started.acquire(timeout=WAIT)
    disk.go.release()
    for thread in threads:
        thread.join(WAIT)
    assert results == [None] * 6
    assert disk.begun == 2
    assert syncs._rounds == {}
    os.close(directory)


def test_directories_do_not_wait_for_each_other(tmp_path: Path, disk: SlowDisk) -> None:
    syncs, results = DirectorySyncs(), []
    (tmp_path / "other").mkdir()
    descriptors = [os.open(tmp_path, os.O_RDONLY), os.open(tmp_path / "other", os.O_RDONLY)]
    threads = [start(lambda fd=fd: syncs.sync(fd), results) for fd in descriptors]
    for _ in threads:
        assert disk.started.acquire(timeout=WAIT)  # both at once
    for _ in threads:
        disk.go.release()
    for thread, descriptor in zip(threads, descriptors, strict=True):
        thread.join(WAIT)
        os.close(descriptor)
    assert results == [None, None]


def test_a_failed_sync_is_told_and_satisfies_nobody_else(tmp_path: Path, disk: SlowDisk) -> None:
    syncs, results = DirectorySyncs(), []
    directory = os.open(tmp_path, os.O_RDONLY)
    disk.error = OSError(5, "the disk is gone")
    first = start(lambda: syncs.sync(directory), results)
    assert disk.started.acquire(timeout=WAIT)
    second = start(lambda: syncs.sync(directory), results)
    arrived(syncs, 2)
    disk.error = None
    disk.go.release()
    assert disk.started.acquire(timeout=WAIT)
    disk.go.release()
    first.join(WAIT)
    second.join(WAIT)
    assert disk.begun == 2
    assert sorted(map(str, results)) == ["None", "[Errno 5] the disk is gone"]
    os.close(directory)
