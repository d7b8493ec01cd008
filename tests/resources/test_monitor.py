"""A folder that is watched: what is told of it, when, and how often."""

import errno
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread, get_ident
from typing import Any

import pytest
from pydantic import ValidationError
from twisted.internet.defer import CancelledError, Deferred

from mft.config.kinds import Context
from mft.core.failure import Reason, Refused
from mft.core.matching import Expression
from mft.core.peer import Component
from mft.events import catalogue as events
from mft.resources import monitor as module
from mft.resources.monitor import SLICE, Monitor
from mft.resources.monitor_options import MonitorOptions, _operations_text
from mft.resources.snapshot import What
from tests.fakes.handlers import House, house
from tests.fakes.run import run

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


def test_one_is_told_though_its_folder_gets_another_name_while_it_is_on_its_way(
    tmp_path: Path, home: House
) -> None:
    watched = Watched(tmp_path, home, stable_interval="25", recursive="yes")
    watched.look()
    watched.write("tmp/a")
    assert watched.look() == [(20170, "tmp")]
    (watched.folder / "tmp").rename(watched.folder / "done")
    assert watched.look() == [(20168, "done")]
    assert [watched.look() for _ in range(2)] == [[], [(20169, "a")]]
    (told,) = [one for one in home.journal.read() if one.event is events.MONITOR_FILE_CREATED]
    assert told.data["path"] == str(watched.folder / "done" / "a")


def test_one_that_was_on_its_way_at_the_first_look_is_told_once_it_stays_as_it_is(
    tmp_path: Path, home: House
) -> None:
    watched = Watched(tmp_path, home, stable_interval="25")
    watched.write("old", age=100)
    for name in ("new", "gone", "tmp"):
        watched.write(name)
    watched.write("later", age=-86400)  # by the clock of whoever wrote it
    assert watched.look() == [(20179, "old")]
    watched.write("new", "more")
    (watched.folder / "gone").unlink()
    (watched.folder / "tmp").rename(watched.folder / "final")
    assert [watched.look() for _ in range(2)] == [[], []]
    assert watched.look() == [(20179, "later")]
    assert sorted(watched.look()) == [(20179, "final"), (20179, "new")]
    assert watched.look() == []


def test_nothing_waits_to_be_told_as_there_where_nobody_asks_for_that(
    tmp_path: Path, home: House
) -> None:
    watched = Watched(
        tmp_path, home, stable_interval="25", monitored_operations="create, modify, delete"
    )
    watched.write("a")
    watched.write("b")
    assert watched.look() == []
    watched.write("a", "more")
    (watched.folder / "b").unlink()
    assert watched.look() == [(20171, "b")]
    assert [watched.look() for _ in range(3)] == [[], [], [(20166, "a")]]


def test_a_new_file_with_the_inode_of_one_that_is_gone_is_new(tmp_path: Path, home: House) -> None:
    watched = Watched(tmp_path, home, stable_interval="5")
    watched.look()
    watched.write("a")
    assert [watched.look(), watched.look()] == [[], [(20169, "a")]]
    (watched.folder / "a").rename(watched.folder / "b")
    watched.write("b", "something else")
    assert watched.look() == [(20171, "a")]
    assert watched.look() == [(20169, "b")]


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


def test_an_upload_that_keeps_its_old_date_is_as_old_as_it_is_here(
    tmp_path: Path, home: House
) -> None:
    watched = Watched(tmp_path, home, file_age_auto_delete="60", file_age_notification="30")
    watched.now = time.time()
    file = watched.write("a", age=100)
    assert watched.look() == [(20179, "a")]
    assert watched.look(30) == [(20115, "a")]
    assert file.exists()
    assert watched.look(60) == [(20082, "a")]
    assert not file.exists()


def test_one_that_is_told_of_as_old_stays_that_under_another_name(
    tmp_path: Path, home: House
) -> None:
    watched = Watched(
        tmp_path, home, file_age_notification="60", monitored_operations="disable", recursive="yes"
    )
    watched.write("sub/a", age=100)
    assert watched.look() == [(20115, "a")]
    (watched.folder / "sub").rename(watched.folder / "under")
    assert watched.look() == []


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


def test_that_it_cannot_be_deleted_is_told_of_a_file_that_was_told_of_as_old(
    tmp_path: Path, home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> bool:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(module, "remove", refuse)
    watched = Watched(
        tmp_path,
        home,
        file_age_notification="60",
        file_age_auto_delete="90",
        monitored_operations="disable",
    )
    watched.write("a", age=60)
    assert watched.look() == [(20115, "a")]
    assert watched.look(60) == [(20083, "a")]
    assert watched.look() == []


def test_one_that_was_deleted_is_told_though_the_monitor_stops_meanwhile(
    tmp_path: Path, home: House
) -> None:
    watched = Watched(tmp_path, home, file_age_auto_delete="60", monitored_operations="disable")
    file = watched.write("a", age=100)
    returned: Deferred[None] = Deferred()

    async def slow(call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        result = call(*given, **named)
        if not file.exists():
            try:
                await Deferred()
            except CancelledError:  # as a pool does: told once the thread is done
                await returned
                raise
        return result

    watched.monitor._around = replace(home.around, blocking=slow)
    run(watched.monitor.start())
    assert (file.exists(), home.numbers()) == (False, [])
    stopping = Deferred.fromCoroutine(watched.monitor.stop())
    assert not stopping.called
    returned.callback(None)
    assert stopping.called
    assert home.numbers() == [20082]
    assert home.log == []


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


def test_what_cannot_be_read_for_a_moment_is_not_gone(
    tmp_path: Path, home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(tmp_path, home, recursive="yes")
    watched.write("sub/a")
    watched.look()
    open_now = os.open
    for error, told in ((errno.EACCES, []), (errno.EMFILE, [(90260, "inbox")])):

        def fail(name: Any, *given: Any, error: int = error, **named: Any) -> int:
            if name == "sub":
                raise OSError(error, os.strerror(error))
            return open_now(name, *given, **named)

        monkeypatch.setattr(os, "open", fail)
        assert watched.look() == told
        monkeypatch.undo()
    assert watched.look() == [(90261, "inbox")]


def test_a_pool_that_is_full_does_not_end_it(tmp_path: Path, home: House) -> None:
    watched = Watched(tmp_path, home, file_age_auto_delete="60", monitored_operations="disable")
    watched.write("a", age=100)
    full = iter((True, False, True, False, False))

    async def busy(call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        if next(full):
            raise Refused(Reason.BUSY, "", "4096 calls wait for disk")
        return call(*given, **named)

    watched.monitor._around = replace(home.around, blocking=busy)
    assert watched.look() == [(90260, "inbox")]
    assert watched.look() == [(90261, "inbox")]
    assert watched.look() == [(20082, "a")]


def test_what_nobody_expects_does_not_end_it(
    tmp_path: Path, home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(tmp_path, home, changes_poll_interval="5")

    def broken(*given: object, **named: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Monitor, "look", broken)
    run(watched.monitor.start())
    home.clock.advance(5)
    assert home.numbers() == [90260]
    assert len(home.log) == 1
    monkeypatch.undo()
    home.clock.advance(5)
    assert home.numbers() == [90260, 90261]
    run(watched.monitor.stop())


def test_nothing_of_a_look_is_worked_out_on_the_reactor(
    tmp_path: Path, home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(tmp_path, home, source_filter="*", file_age_notification="60")
    watched.write("a", age=100)
    here: list[bool] = []
    reactor = get_ident()

    def matches(expression: Expression, name: str) -> bool:
        here.append(get_ident() == reactor)
        return True

    async def elsewhere(call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        results: list[Any] = []
        thread = Thread(target=lambda: results.append(call(*given, **named)))
        thread.start()
        thread.join()
        return results[0]

    monkeypatch.setattr(Expression, "matches", matches)
    watched.monitor._around = replace(home.around, blocking=elsewhere)
    assert watched.look() == [(20179, "a"), (20115, "a")]
    assert here == [False, False]


def test_many_old_files_are_told_in_slices(tmp_path: Path, home: House) -> None:
    watched = Watched(tmp_path, home, file_age_notification="60", monitored_operations="disable")
    for number in range(SLICE + 1):
        watched.write(str(number), age=100)
    looking = Deferred.fromCoroutine(watched.monitor.look())
    assert home.journal.last == SLICE
    assert not looking.called
    home.clock.advance(0)
    assert home.journal.last == SLICE + 1


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
    assert _operations_text(frozenset(What)) == "all"
    assert _operations_text(frozenset((What.CREATED,))) == "create"
