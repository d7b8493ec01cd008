"""What stays is put into large pages, where the system has any; nothing else changes."""

from collections.abc import Iterator
from ctypes import addressof, c_char
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from pathlib import Path

import pytest

from mft.runtime import pages
from mft.runtime.pages import LARGE, SMALL, gather

SIZE = 4 * LARGE  # three large pages fit, wherever it begins


@pytest.fixture
def memory() -> Iterator[mmap]:
    """Memory of its own, of which nothing is used yet."""
    with mmap(-1, SIZE, MAP_PRIVATE | MAP_ANONYMOUS) as made:
        yield made


def told(memory: mmap, name: str) -> int:
    """A figure of the system about the mapping that some memory is in, in bytes."""
    first = c_char.from_buffer(memory)
    at = addressof(first)
    del first  # it would keep the memory from being closed
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        head = line.split()[0]
        if not head.endswith(":"):
            begin, _, end = head.partition("-")
            inside = int(begin, 16) <= at < int(end, 16)
        elif inside and head == f"{name}:":
            return int(line.split()[1]) << 10
    raise AssertionError("no such mapping")


def test_memory_that_is_used_becomes_large_pages_and_stays_what_it_was(memory: mmap) -> None:
    memory[:] = bytes(range(256)) * (SIZE // 256)
    count = gather()
    large = told(memory, "AnonHugePages")
    assert large >= LARGE if count else not large  # a system may have none to give
    assert memory[:] == bytes(range(256)) * (SIZE // 256)


def test_memory_that_is_not_used_costs_nothing(memory: mmap) -> None:
    for at in range(0, SIZE, LARGE // 2):
        memory[at] = 1
    before = told(memory, "Rss")
    gather()
    assert told(memory, "Rss") - before < LARGE  # what Python itself has put beside it


def test_no_more_is_gathered_than_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(pages, "MOST", 3)
    monkeypatch.setattr(pages, "_candidates", lambda: iter(range(0, 10 * LARGE, LARGE)))
    monkeypatch.setattr(pages, "_collapsed", lambda at: asked.append(at) is None)
    monkeypatch.setattr(pages, "_ALLOWED", Path("/dev/null"))
    assert gather() == 3
    assert asked == [0, LARGE, 2 * LARGE]


@pytest.mark.parametrize("word", ["always madvise [never]\n", None])
def test_a_system_that_gives_none_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, word: str | None
) -> None:
    allowed = tmp_path / "enabled"
    if word is not None:
        allowed.write_text(word)
    monkeypatch.setattr(pages, "_ALLOWED", allowed)
    monkeypatch.setattr(pages, "_collapsed", lambda at: pytest.fail("it was asked"))
    assert gather() == 0


def test_small_pages_of_another_size_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGESIZE", 4 * SMALL)
    monkeypatch.setattr(pages, "_collapsed", lambda at: pytest.fail("it was asked"))
    assert gather() == 0
