"""Turns of the reactor are counted by their length."""

import json
from pathlib import Path

import pytest

from mft.runtime import turns as module
from mft.runtime.turns import BOUNDS, Turns


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock: its last element is the time now."""
    now = [0.0]
    monkeypatch.setattr(module, "perf_counter", lambda: now[-1])
    return now


def test_a_turn_lasts_from_one_wait_to_the_next(seconds: list[float], tmp_path: Path) -> None:
    turns = Turns()
    for began, ended in ((5.0, 5.002), (9.0, 9.5)):  # what passes while waiting counts for nothing
        seconds.append(began)
        turns.began()
        seconds.append(ended)
        turns.ended()
    assert sum(turns.counts) == 2
    turns.write(tmp_path / "turns.json")
    told = json.loads((tmp_path / "turns.json").read_text())
    assert told["max_ms"] == pytest.approx(500.0)
    assert [count for _, count in told["buckets"]] == [1, 1]


def test_a_turn_is_in_the_bucket_of_its_length(seconds: list[float]) -> None:
    turns = Turns()
    turns.ended()  # before the first turn
    assert not any(turns.counts)
    turns.began()
    seconds.append(0.001)
    turns.ended()
    [index] = [at for at, count in enumerate(turns.counts) if count]
    assert BOUNDS[index - 1] < 1.0 <= BOUNDS[index]
    assert turns.longest == 1.0


def test_a_turn_that_is_longer_than_every_bound_is_counted(
    seconds: list[float], tmp_path: Path
) -> None:
    turns = Turns()
    turns.began()
    seconds.append(1000.0)
    turns.ended()
    assert turns.counts[-1] == 1
    turns.write(tmp_path / "turns.json")
    assert json.loads((tmp_path / "turns.json").read_text()) == {
        "buckets": [[1_000_000.0, 1]],
        "max_ms": 1_000_000.0,
    }
