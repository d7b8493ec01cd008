"""The loop of a transfer, between two servers in memory."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.transferring import Desk

DONE, JOB_DONE, RETRIED, FAILED, JOB_FAILED = 60012, 60017, 60011, 60081, 60016


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(**given: str) -> Desk:
        made.append(Desk(tmp_path, **given))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_a_file_is_moved_and_told(desk):
    at = desk()
    at.put("a.csv", b"one")
    at.go()
    assert at.arrived == {"a.csv": b"one"}
    assert at.left == []
    assert at.numbers.count(DONE) == at.numbers.count(JOB_DONE) == 1
    (told,) = at.payloads(DONE)
    assert (told.path, told.destination_path, told.size) == ("/out/a.csv", "/in/a.csv", 3)


def test_a_copy_leaves_the_source_and_is_not_made_again(desk):
    at = desk(delete_source_on_success="no")
    at.put("a.csv", b"one")
    at.start()
    at.pass_time(60)
    assert at.left == ["a.csv"]
    assert at.numbers.count(DONE) == 1
    at.put("a.csv", b"two!")
    at.target.put("/in/other", b"")
    at.pass_time(60)
    assert at.numbers.count(DONE) == 1  # the rule is `fail`
    assert at.arrived["a.csv"] == b"one"
