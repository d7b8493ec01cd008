"""A folder that is watched: what is told of it, when, and how often."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from twisted.internet.defer import Deferred

from mft.config.kinds import Context
from mft.core.peer import Component
from mft.events import catalogue as events
from mft.resources import monitor as module
from mft.resources.monitor import SLICE, Monitor, MonitorOptions
from mft.resources.snapshot import What
from tests.fakes.handlers import House, house

COMPONENT = Component("monitor-1", "monitor", "inbox")
NOW = 1_900_000_000.0


class Watched:
    """A folder, its monitor, and a clock."""

    def __init__(self, directory: Path, home: House, **options: str) -> None:
        self.folder = directory / "inbox"
        self.folder.mkdir()
        self.home = home
        self.now = NOW
        given = {"name": "inbox", "type": "monitor", "source_path": str(self.folder), **options}
        given.setdefault("stable_interval", "0")
        made = MonitorOptions.model_validate(given, context=Context(directory))
        self.monitor = Monitor(COMPONENT, made, home.around, lambda: self.now)

    def look(self, after: float = 10.0) -> list[tuple[int, str]]:
        """Look once more; what is told, and of which name."""
        before = self.home.journal.last
        self.now += after
        looking = Deferred.fromCoroutine(self.monitor.look())
        while not looking.called:
            self.home.clock.advance(0)
        told = [one for one in self.home.journal.read() if one.serial > before]
        return [(one.event.number, Path(one.data["path"]).name) for one in told]

    def write(self, name: str, text: str = "x", age: float = 0.0) -> Path:
        """Write a file that was changed so long ago."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        os.utime(path, (self.now - age, self.now - age))
        return path


@pytest.fixture
def home(tmp_path: Path) -> Any:
    made = house(tmp_path)
    yield made
    made.journal.close()


def test_what_is_there_at_first_is_told_as_that(tmp_path: Path, home: House) -> None:
    watched = Watched(tmp_path, home)
    watched.write("a")
    (watched.folder / "sub").mkdir()
    assert sorted(watched.look()) == [(20179, "a"), (20180, "sub")]
    assert watched.look() == []


def test_what_happens_is_told(tmp_path: Path, home: House) -> None:
    watched = Watched(tmp_path, home)
    watched.look()
    file = watched.write("a")
    (watched.folder / "sub").mkdir()
    assert sorted(watched.look()) == [(20169, "a"), (20170, "sub")]
    watched.write("a", "more")
    assert watched.look() == [(20166, "a")]
    file.rename(watched.folder / "b")
    (watched.folder / "sub").rename(watched.folder / "under")
    assert sorted(watched.look()) == [(20167, "b"), (20168, "under")]
    (watched.folder / "b").unlink()
    (watched.folder / "under").rmdir()
    assert sorted(watched.look()) == [(20171, "b"), (20172, "under")]
    (told,) = [one for one in home.journal.read() if one.event is events.MONITOR_FILE_RENAMED]
    assert told.data["from_path"] == str(watched.folder / "a")
    assert (told.data["name"], told.origin.component) == ("inbox", COMPONENT)


def test_a_file_on_its_way_is_told_once_it_stays_as_it_is(tmp_path: Path, home: House) -> None:
    watched = Watched(tmp_path, home, stable_interval="25")
    watched.look()
    watched.write("a")
    assert watched.look() == []
    watched.write("a", "more")
    assert watched.look() == []
    assert watched.look() == []
    assert watched.look() == []
    assert watched.look() == [(20169, "a")]
    watched.write("a", "and more")
    assert [watched.look() for _ in range(4)] == [[], [], [], [(20166, "a")]]


def test_one_that_comes_and_goes_was_never_there(tmp_path: Path, home: House) -> None:
    watched = Watched(tmp_path, home, stable_interval="25")
    watched.look()
    watched.write("a")
    watched.look()
    (watched.folder / "a").rename(watched.folder / "b")
    assert watched.look() == []
    assert [watched.look() for _ in range(3)] == [[], [], [(20169, "b")]]
    watched.write("c")
    watched.look()
    (watched.folder / "c").unlink()
    assert [watched.look() for _ in range(4)] == [[]] * 4


def test_only_names_that_are_wanted_are_told(tmp_path: Path, home: House) -> None:
    watched = Watched(tmp_path, home, source_filter="*.pdf\nm/^report/", recursive="yes")
    watched.look()
    for name in ("a.pdf", "a.txt", "report.txt", "sub/b.PDF"):
        watched.write(name)
    assert sorted(watched.look()) == [
        (20169, "a.pdf"),
        (20169, "b.PDF"),
        (20169, "report.txt"),
        (20170, "sub"),
    ]


@pytest.mark.parametrize(
    ("operations", "told"), [("create", 1), ("delete, rename", 0), ("disable", 0)]
)
def test_only_what_is_asked_for_is_told(
    tmp_path: Path, home: House, operations: str, told: int
) -> None:
    watched = Watched(tmp_path, home, monitored_operations=operations)
    watched.look()
    watched.write("a")
    assert len(watched.look()) == told


def test_an_old_file_is_told_of_once_and_again_after_a_change(tmp_path: Path, home: House) -> None:
    watched = Watched(tmp_path, home, file_age_notification="60", monitored_operations="disable")
    watched.write("a", age=100)
    watched.write("new")
    assert watched.look() == [(20115, "a")]
    assert watched.look() == []
    watched.write("a", "changed")
    assert watched.look() == []
    assert sorted(watched.look(60)) == [(20115, "a"), (20115, "new")]


def test_a_file_that_is_too_old_is_deleted_and_that_is_told(tmp_path: Path, home: House) -> None:
    watched = Watched(
        tmp_path, home, file_age_auto_delete="60", source_filter="*.tmp", recursive="yes"
    )
    old, kept = watched.write("sub/a.tmp", age=100), watched.write("a.txt", age=100)
    new = watched.write("b.tmp")
    assert (20082, "a.tmp") in watched.look()
    assert (old.exists(), kept.exists(), new.exists()) == (False, True, True)


def test_one_that_cannot_be_deleted_is_told_once(
    tmp_path: Path, home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> bool:
        raise PermissionError(1, "Operation not permitted")

    watched = Watched(tmp_path, home, file_age_auto_delete="60", monitored_operations="disable")
    watched.write("a", age=100)
    monkeypatch.setattr(module, "remove", refuse)
    assert watched.look() == [(20083, "a")]
    assert watched.look() == []
    monkeypatch.undo()
    assert watched.look() == [(20082, "a")]


def test_a_folder_that_cannot_be_read_is_told_once_and_when_it_can_again(
    tmp_path: Path, home: House
) -> None:
    watched = Watched(tmp_path, home)
    watched.write("a")
    watched.look()
    watched.folder.rename(tmp_path / "away")
    assert watched.look() == [(90260, "inbox")]
    assert watched.look() == []
    (tmp_path / "away").rename(watched.folder)
    assert watched.look() == [(90261, "inbox")]


def test_many_events_are_told_in_slices(tmp_path: Path, home: House) -> None:
    watched = Watched(tmp_path, home)
    for number in range(SLICE + 1):
        watched.write(str(number))
    looking = Deferred.fromCoroutine(watched.monitor.look())
    assert home.journal.last == SLICE
    assert not looking.called
    home.clock.advance(0)
    home.clock.advance(0)
    assert home.journal.last == SLICE + 1


def test_it_looks_as_long_as_it_runs(tmp_path: Path, home: House) -> None:
    watched = Watched(tmp_path, home, changes_poll_interval="5")
    from tests.fakes.run import run

    run(watched.monitor.start())
    for name in "abc":
        watched.write(name)
        home.clock.advance(0)
        home.clock.advance(5)
    run(watched.monitor.stop())
    count = home.journal.last
    assert count == 3
    watched.write("d")
    home.clock.advance(60)
    assert home.journal.last == count
    assert home.log == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"monitored_operations": "all, create"}, "is not all, disable"),
        ({"monitored_operations": ""}, "is not all, disable"),
        ({"source_filter": "m/(/"}, "cannot be matched"),
        ({"source_path": "inbox"}, "absolute"),
        ({"changes_poll_interval": "0"}, "shorter than"),
    ],
)
def test_options_that_cannot_be_used_say_why(options: dict[str, str], sentence: str) -> None:
    given = {"name": "inbox", "type": "monitor", "source_path": "/srv", **options}
    with pytest.raises(ValidationError, match=sentence):
        MonitorOptions.model_validate(given, context=Context(Path("/instance")))


def test_operations_are_written_as_they_are_read() -> None:
    assert module._operations_text(frozenset(What)) == "all"
    assert module._operations_text(frozenset((What.CREATED,))) == "create"
