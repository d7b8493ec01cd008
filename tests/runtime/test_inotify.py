"""What the system tells of folders that change, by the real kernel."""

import ctypes
import errno
import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mft.runtime import inotify
from mft.runtime.inotify import CHANGES, DEPARTURES, MOST_READ, Inotify
from tests.fakes.reactor import Reactor

QUEUED = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())


class Watcher:
    """An `Inotify`, and how often it has said that something has changed."""

    def __init__(self) -> None:
        self.reactor = Reactor()
        self.rung = 0
        self.system = Inotify(self.reactor, self._ring)

    def _ring(self) -> None:
        self.rung += 1

    def watch(self, folder: Path, mask: int = CHANGES) -> int:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return self.system.watch(descriptor, mask)
        finally:
            os.close(descriptor)

    @property
    def readable(self) -> bool:
        return bool(select.select([self.system], [], [], 0)[0])

    def names(self) -> list[bytes]:
        """Of what has changed, each once, in order."""
        return [*dict.fromkeys(change.name for change in self.system.take())]


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    made = Watcher()
    yield made
    made.system.close()


def test_what_changes_in_a_folder_is_told(watcher: Watcher, tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"x")
    (tmp_path / "elsewhere").mkdir()
    number = watcher.watch(tmp_path)
    (tmp_path / "new").write_bytes(b"x")
    os.utime(tmp_path / "old", (1, 1))
    (tmp_path / "folder").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(b"x")
    (tmp_path / "elsewhere" / "file").rename(tmp_path / "moved")
    changes = watcher.system.take()
    assert {change.watch for change in changes} == {number}
    assert [*dict.fromkeys(one.name for one in changes)] == [b"new", b"old", b"folder", b"moved"]
    assert [one.name for one in changes if one.mask & inotify.IS_FOLDER] == [b"folder"]
    assert watcher.system.take() == []


def test_what_goes_is_told_where_that_is_wanted(watcher: Watcher, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_bytes(b"x")
    watcher.watch(tmp_path / "one")
    two = watcher.watch(tmp_path / "two", CHANGES | DEPARTURES)
    for folder in ("one", "two"):
        (tmp_path / folder / "file").unlink()
    assert [one.watch for one in watcher.system.take()] == [two]


def test_reading_and_listing_is_not_told(watcher: Watcher, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    watcher.watch(tmp_path, CHANGES | DEPARTURES)
    (tmp_path / "file").read_bytes()
    os.listdir(tmp_path)
    assert watcher.system.take() == []


def test_a_folder_is_watched_once_and_by_its_descriptor(watcher: Watcher, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    descriptor = os.open(tmp_path / "folder", os.O_RDONLY | os.O_DIRECTORY)
    (tmp_path / "folder").rename(tmp_path / "moved")
    (tmp_path / "folder").symlink_to("/tmp")
    number = watcher.system.watch(descriptor, CHANGES)
    os.close(descriptor)
    assert watcher.watch(tmp_path / "moved") == number
    (tmp_path / "moved" / "file").write_bytes(b"x")
    assert watcher.names() == [b"file"]


def test_a_folder_that_is_no_longer_watched_says_nothing(watcher: Watcher, tmp_path: Path) -> None:
    number = watcher.watch(tmp_path)
    watcher.system.unwatch(number)
    watcher.system.unwatch(number)
    (tmp_path / "file").write_bytes(b"x")
    assert [one.mask for one in watcher.system.take()] == [inotify.IGNORED]


def test_a_folder_that_moves_or_goes_is_told(watcher: Watcher, tmp_path: Path) -> None:
    folder, moved = tmp_path / "folder", tmp_path / "moved"
    folder.mkdir()
    watcher.watch(folder)
    folder.rename(moved)
    moved.rmdir()
    masks = [one.mask for one in watcher.system.take()]
    assert masks == [inotify.MOVE_SELF, inotify.DELETE_SELF, inotify.IGNORED]


def test_it_rings_once_for_whoever_listens(watcher: Watcher, tmp_path: Path) -> None:
    watcher.watch(tmp_path)
    (tmp_path / "one").write_bytes(b"x")
    assert watcher.reactor.readers == set()
    watcher.system.listen()
    watcher.reactor.read(watcher.system)
    assert watcher.rung == 1
    assert watcher.reactor.readers == set()
    assert watcher.names() == [b"one"]


def test_a_read_has_an_end(watcher: Watcher, tmp_path: Path) -> None:
    watcher.watch(tmp_path)
    for number in range(2000):
        (tmp_path / f"{number:0200}").touch()
    found = watcher.names()
    assert 0 < len(found) <= MOST_READ // 200
    while more := watcher.names():
        found += more
    assert len(dict.fromkeys(found)) == 2000


def test_what_does_not_fit_is_told_as_that(watcher: Watcher, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).touch()
    watcher.watch(tmp_path)
    for number in range(QUEUED + 1):
        os.utime(tmp_path / ("one", "two")[number % 2])
    last = inotify.Change(0, 0, b"")
    while changes := watcher.system.take():
        last = changes[-1]
    assert last == (-1, inotify.OVERFLOW, b"")


def test_like_changes_after_each_other_are_one(watcher: Watcher, tmp_path: Path) -> None:
    watcher.watch(tmp_path)
    with (tmp_path / "file").open("wb", buffering=0) as file:
        for _ in range(1000):
            file.write(b"x")
    assert len(watcher.system.take()) == 3  # made, written, closed


def test_only_folders_are_watched(watcher: Watcher, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    with pytest.raises(NotADirectoryError):
        watcher.system.watch(descriptor, CHANGES)
    os.close(descriptor)


def test_a_system_without_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    library: Any = ctypes.CDLL(None, use_errno=True)
    without = type("Library", (), {"inotify_add_watch": library.inotify_add_watch})
    monkeypatch.setattr(inotify, "_library", without)
    with pytest.raises(OSError, match="not implemented") as told:
        Inotify(Reactor(), lambda: None)
    assert told.value.errno == errno.ENOSYS


def test_nothing_is_left_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    watcher = Watcher()
    watcher.watch(tmp_path)
    watcher.system.listen()
    watcher.system.close()
    watcher.system.close()
    watcher.system.listen()
    assert watcher.reactor.readers == set()
    assert os.listdir("/proc/self/fd") == before
