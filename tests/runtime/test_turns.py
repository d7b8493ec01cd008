"""Turns of the reactor are counted by their length, on the wall and of their own processor time."""

import json
from pathlib import Path

import pytest

from mft.runtime import turns as module
from mft.runtime.turns import BOUNDS, Turns


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock on the wall: its last element is the time now."""
    now = [0.0]
    monkeypatch.setattr(module, "perf_counter", lambda: now[-1])
    return now


@pytest.fixture(autouse=True)
def used(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the thread has used of a processor: its last element is the time now."""
    now = [0.0]
    monkeypatch.setattr(module, "thread_time", lambda: now[-1])
    return now


def test_a_turn_lasts_from_one_wait_to_the_next(seconds: list[float], tmp_path: Path) -> None:
    turns = Turns()
    for began, ended in ((5.0, 5.002), (9.0, 9.5)):  # what passes while waiting counts for nothing
        seconds.append(began)
        turns.began()
        seconds.append(ended)
        turns.ended()
    assert sum(turns.wall.counts) == 2
    turns.write(tmp_path / "turns.json")
    told = json.loads((tmp_path / "turns.json").read_text())
    assert told["max_ms"] == pytest.approx(500.0)
    assert [count for _, count in told["buckets"]] == [1, 1]


def test_a_turn_that_waited_for_a_processor_is_long_on_the_wall_only(
    seconds: list[float], used: list[float], tmp_path: Path
) -> None:
    turns = Turns()
    seconds.append(5.0)
    used.append(2.0)
    turns.began()
    seconds.append(5.02)
    used.append(2.001)
    turns.ended()
    turns.write(tmp_path / "turns.json")
    told = json.loads((tmp_path / "turns.json").read_text())
    assert told["max_ms"] == pytest.approx(20.0)
    assert told["processor"]["max_ms"] == pytest.approx(1.0)
    [[upper, count]] = told["processor"]["buckets"]
    assert count == 1
    assert upper == pytest.approx(1.0, rel=0.1)


def test_what_others_use_while_the_reactor_waits_is_no_turn(
    seconds: list[float], used: list[float]
) -> None:
    turns = Turns()
    for began in (1.0, 7.0):
        used.append(began)
        turns.began()
        used.append(began + 0.001)
        turns.ended()
    assert turns.processor.longest == pytest.approx(1.0)
    assert sum(turns.processor.counts) == sum(turns.wall.counts) == 2


def test_a_turn_is_in_the_bucket_of_its_length(seconds: list[float]) -> None:
    turns = Turns()
    turns.ended()  # before the first turn
    assert not any(turns.wall.counts)
    turns.began()
    seconds.append(0.001)
    turns.ended()
    [index] = [at for at, count in enumerate(turns.wall.counts) if count]
    assert BOUNDS[index - 1] < 1.0 <= BOUNDS[index]
    assert turns.wall.longest == 1.0


def test_a_turn_that_is_longer_than_every_bound_is_counted(
    seconds: list[float], tmp_path: Path
) -> None:
    turns = Turns()
    turns.began()
    seconds.append(1000.0)
    turns.ended()
    assert turns.wall.counts[-1] == 1
    turns.write(tmp_path / "turns.json")
    assert json.loads((tmp_path / "turns.json").read_text()) == {
        "buckets": [[1_000_000.0, 1]],
        "max_ms": 1_000_000.0,
        "processor": {"buckets": [[0.01, 1]], "max_ms": 0.0},
    }


def test_what_was_counted_before_is_forgotten_and_so_is_the_turn_that_runs(
    seconds: list[float],
) -> None:
    turns = Turns()
    turns.began()
    turns.ended()
    turns.began()
    turns.forget()
    turns.ended()
    assert not any((*turns.wall.counts, *turns.processor.counts))
