"""A file of state is whole or told of, and nothing that is wrong with it ends the server."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.daemon.state.files import read_json
from mft.daemon.state.state_file import StateFile
from mft.events import catalogue as events
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail


class Kept(StateFile):
    """A file, and what is told of it."""

    def __init__(self, path: Path, disk: Any = None) -> None:
        self.trail: Any = Trail()
        told = events.MEMBERSHIPS_UNREADABLE, events.MEMBERSHIPS_UNWRITTEN
        super().__init__(path, disk or Inline(), self.trail, *told)

    def content(self) -> object:
        """What it holds."""
        return self.load(lambda path: read_json(path, 100))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept.json"


def test_what_is_written_is_read_and_nobody_else_reads_it(path: Path) -> None:
    kept = Kept(path)
    assert run(kept.write({"a": [1]}))
    assert kept.content() == {"a": [1]}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kept.trail.told == []


def test_what_a_killed_server_had_half_written_goes_when_it_is_read(path: Path) -> None:
    path.write_text("{}")
    path.with_name("kept.json.77.new").write_text("{")
    other = path.with_name("other.json.77.new")
    other.write_text("{")
    assert Kept(path).content() == {}
    assert sorted(path.parent.iterdir()) == [path, other]


def test_one_that_cannot_be_read_is_told_and_put_aside(path: Path) -> None:
    path.write_text("{")
    kept = Kept(path)
    assert kept.content() is None
    (told,) = kept.trail.told
    assert told.event is events.MEMBERSHIPS_UNREADABLE
    assert told.payload == (str(path), str(path), "is not JSON")
    assert path.with_name("kept.json.damaged").read_text() == "{"
    assert not path.exists()


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (OSError(28, "whatever"), os.strerror(28)),
        (Refused(Reason.BUSY, "", "too much waits"), "too much waits"),
    ],
)
def test_one_that_cannot_be_written_is_told_once_until_it_can(
    path: Path, error: Exception, details: str
) -> None:
    failing = True

    async def disk(call: Any, *words: Any) -> Any:
        if failing:
            raise error
        return call(*words)

    kept = Kept(path, disk)
    assert [run(kept.write({})) for _ in range(2)] == [False, False]
    (told,) = kept.trail.told
    assert told.event is events.MEMBERSHIPS_UNWRITTEN
    assert told.payload.details == details
    failing = False
    assert run(kept.write({}))
    failing = True
    assert not run(kept.write({}))
    assert kept.trail.count(events.MEMBERSHIPS_UNWRITTEN) == 2
