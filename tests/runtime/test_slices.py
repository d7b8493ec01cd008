"""A thread asks for short turns on a processor, and keeps everything else."""

import os
import platform
import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

from mft.runtime import slices

T = TypeVar("T")


def in_a_thread(call: Callable[[], T]) -> T:
    results: list[T] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join()
    return results[0]


def granted() -> int:
    """How long a turn of this thread is to be, in nanoseconds, as Linux tells it."""
    told = slices._read(slices._CALLS[platform.machine()])
    assert told is not None
    return told[slices._RUNTIME]


def knows_slices() -> bool:
    major, minor = platform.release().split(".")[:2]
    return (int(major), int(minor)) >= (6, 12)


def test_turns_are_as_short_as_was_asked_for() -> None:
    def ask() -> tuple[int, bool, int]:
        return granted(), slices.shorten(700_000), granted()

    before, done, after = in_a_thread(ask)
    assert done
    assert after == (700_000 if knows_slices() else before)


def test_the_priority_stays_as_it_was() -> None:
    def ask() -> tuple[bool, int]:
        me = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, me, 3)
        return slices.shorten(), os.getpriority(os.PRIO_PROCESS, me)

    assert in_a_thread(ask) == (True, 3)


@pytest.mark.parametrize(("name", "value"), [("machine", "sparc"), ("system", "Darwin")])
def test_systems_that_are_not_known_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setattr(platform, name, lambda: value)
    assert not slices.shorten()


def test_a_system_that_refuses_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_call", lambda *words: -1)
    assert not slices.shorten()
