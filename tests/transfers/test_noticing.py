"""What a transfer does when the system tells that its source changes, by the real kernel.

Everywhere else looks come from time to time; here they would come once an hour.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mft.events import catalogue as events
from mft.runtime import inotify
from mft.runtime.inotify import Inotify
from mft.transfers import looking, noticing
from mft.transfers.pace import APART, LONGEST, QUIET
from mft.transfers.watching import UNSETTLED
from tests.fakes.lending import Begun
from tests.fakes.transferring import LocalDesk

HOUR = {"changes_poll_interval": "1h"}
SOON = QUIET + APART  # seconds until a look has come for a change


class Here:
    """A transfer between two folders that is looked at once an hour, and how often it was."""

    def __init__(self, directory: Path, **given: str) -> None:
        for name in ("out", "in"):
            (directory / name).mkdir(exist_ok=True)
        self.out = directory / "out"
        self.looks = 0
        self.desk = LocalDesk(directory, **{**HOUR, **given})
        begin_look = self.desk.transfer.queue.begin_look

        def counted() -> None:
            self.looks += 1
            begin_look()

        self.desk.transfer.queue.begin_look = counted  # type: ignore[method-assign]  # to count them

    def start(self) -> None:
        self.desk.start()
        self.wait()

    def wait(self, seconds: float = 2 * SOON) -> None:
        """Let time pass, in small steps; what is left is a look that has already begun."""
        self.desk.pass_time(seconds, 0.125)

    def put(self, name: str, data: bytes = b"data") -> Path:
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    @property
    def sent(self) -> list[str]:
        return sorted(self.desk.sent)

    @property
    def how(self) -> str:
        return str(Begun(self.desk.transfer.describe()).result["changes"])

    def told(self, event: Any) -> list[Any]:
        return self.desk.payloads(event.number)


def opened() -> int:
    """How many descriptors of inotify this process has."""
    links = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return sum("inotify" in str(link) for link in links)


def watched() -> int:
    """How many folders they watch."""
    told = [path.read_text() for path in Path("/proc/self/fdinfo").iterdir() if path.exists()]
    return sum(one.count("inotify wd:") for one in told)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Callable[..., Here]]:
    before = opened()
    made: list[Here] = []

    def make(**given: str) -> Here:
        made.append(Here(tmp_path, **given))
        return made[-1]

    yield make
    for one in made:
        one.desk.stop()
        assert one.desk.logged == []
    assert opened() == before


# Files.


def test_a_file_is_sent_once_it_is_there(here):
    at = here()
    at.start()
    at.put("a.csv")
    at.wait(SOON)
    assert at.sent == ["a.csv"]
    assert at.how == "told at once"


def test_a_file_is_sent_once_it_has_rested(here):
    at = here(stable_interval="20")
    at.start()
    at.put("a.csv")
    at.wait(20)
    assert at.sent == []
    at.wait(SOON)
    assert at.sent == ["a.csv"]
    assert at.looks == 3
    assert at.told(events.TRANSFER_STABLE_RAISED) == []


def test_a_file_that_is_written_slowly_is_sent_once_and_whole(here):
    at = here(stable_interval="20")
    at.start()
    with (at.out / "a.csv").open("wb", buffering=0) as file:
        for _ in range(20):
            file.write(b"line\n")
            at.wait(10)
        assert at.sent == []
        at.wait(20)
        assert at.desk.sent == {"a.csv": b"line\n" * 20}  # it is still open
    assert len(at.told(events.TRANSFER_FILE_DONE)) == 1


def test_a_file_that_is_renamed_into_place_is_sent(here):
    at = here(source_filter="! *.tmp")
    at.start()
    path = at.put("a.csv.tmp")
    at.wait()
    assert at.looks == 1
    path.rename(at.out / "a.csv")
    at.wait()
    assert at.sent == ["a.csv"]


def test_a_copy_is_sent_again_when_it_changes_or_comes_again(here):
    at = here(delete_source_on_success="no", overwrite_rule="overwrite")
    at.start()
    path = at.put("a.csv")
    for times in (1, 2):
        at.wait()
        assert len(at.told(events.TRANSFER_FILE_DONE)) == times
        os.utime(path, (times, times))
    at.wait()
    path.unlink()
    at.wait()
    os.utime(at.put("a.csv"), (2, 2))
    at.wait()
    assert len(at.told(events.TRANSFER_FILE_DONE)) == 4


def test_a_file_that_changes_while_it_is_sent_is_sent_again(here, monkeypatch):
    at = here(stable_interval="5", overwrite_rule="overwrite")
    at.start()
    path = at.put("a.csv", b"old")
    preadv = os.preadv
    changed: list[bool] = []

    def read(*words: Any) -> int:
        if not changed:
            changed.append(True)
            path.write_bytes(b"newer")
        return preadv(*words)

    monkeypatch.setattr(os, "preadv", read)
    at.wait(30)
    assert changed == [True]
    assert at.desk.sent == {"a.csv": b"newer"}


def test_a_batch_is_sent_once_it_is_complete(here):
    at = here(batch_interval="30")
    at.start()
    at.put("a.csv")
    at.wait(15)
    at.put("b.csv")
    at.wait(29)
    assert at.sent == []
    at.wait(2 * SOON)
    assert at.sent == ["a.csv", "b.csv"]


def test_a_marker_is_waited_for_and_sent(here):
    at = here(batch_marker_path="*.done")
    at.start()
    at.put("a.csv")
    at.wait(30)
    assert at.sent == []
    at.put("a.done")
    at.wait(15 + 2 * SOON)
    assert at.sent == ["a.csv", "a.done"]


def test_what_the_queue_has_no_room_for_does_not_wait_an_hour(here, monkeypatch):
    monkeypatch.setattr(looking, "MAX_QUEUED", 2)
    at = here()
    at.start()
    for number in range(5):
        at.put(f"{number}.csv")
    at.wait(3 * UNSETTLED)
    assert len(at.sent) == 5


# Folders.


def test_files_in_new_folders_are_sent(here):
    at = here(recursive="yes")
    at.start()
    at.put("one/two/a.csv")
    at.wait()
    at.put("one/b.csv")
    at.wait()
    at.put("one/two/c.csv")
    at.wait()
    assert at.sent == ["one/b.csv", "one/two/a.csv", "one/two/c.csv"]


def test_folders_that_are_moved_in_are_sent_with_what_is_in_them(here, tmp_path):
    at = here(recursive="yes")
    at.start()
    for name in ("far/one/a.csv", "far/one/two/b.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"data")
    (tmp_path / "far" / "one").rename(at.out / "one")
    at.wait()
    assert at.sent == ["one/a.csv", "one/two/b.csv"]
    at.put("one/two/c.csv")
    at.wait()
    assert "one/two/c.csv" in at.sent


def test_folders_that_are_moved_out_are_not_watched_any_more(here, tmp_path):
    at = here(recursive="yes")
    (at.out / "one").mkdir()
    at.start()
    (at.out / "one").rename(tmp_path / "one")
    (tmp_path / "one" / "a.csv").write_bytes(b"data")
    at.wait(10)
    looks = at.looks
    (tmp_path / "one" / "b.csv").write_bytes(b"data")
    at.wait(10)
    assert at.looks == looks


def test_folders_below_are_not_watched_where_they_are_not_looked_at(here):
    at = here()
    at.start()
    at.put("one/a.csv")
    at.wait(10)
    assert at.looks == 1


@pytest.mark.parametrize("moved", [False, True], ids=["removed", "moved away"])
def test_a_folder_that_is_made_again_is_watched_again(here, tmp_path, moved):
    at = here()
    at.start()
    if moved:
        at.out.rename(tmp_path / "old")
    else:
        shutil.rmtree(at.out)
    at.wait(100)
    assert len(at.told(events.TRANSFER_LISTING_FAILED)) == 1
    at.put("a.csv")
    at.wait(UNSETTLED + SOON)
    assert at.sent == ["a.csv"]
    at.put("b.csv")
    at.wait()
    assert at.sent == ["a.csv", "b.csv"]
    if moved:
        looks = at.looks
        (tmp_path / "old" / "c.csv").write_bytes(b"data")
        at.wait(10)
        assert (at.sent, at.looks) == (["a.csv", "b.csv"], looks)


def test_a_folder_that_is_replaced_at_once_is_watched(here, tmp_path):
    at = here()
    at.start()
    at.out.rename(tmp_path / "old")
    at.put("a.csv")
    at.wait()
    at.put("b.csv")
    at.wait()
    assert at.sent == ["a.csv", "b.csv"]


def test_a_folder_that_is_not_there_yet_is_waited_for(here):
    at = here()
    at.out.rmdir()
    at.start()
    at.wait(100)
    assert len(at.told(events.TRANSFER_UNMONITORED)) == 1
    at.put("a.csv")
    at.wait(UNSETTLED + SOON)
    assert at.sent == ["a.csv"]


def test_what_is_not_the_source_any_more_is_not_watched_any_more(here, tmp_path):
    at = here(recursive="yes")
    shutil.rmtree(at.out)
    before = watched()
    for place in ("one", "two"):
        (tmp_path / place / "out" / "sub").mkdir(parents=True)
    at.out.symlink_to("one/out")
    at.start()
    assert watched() - before == 3  # with the folder above
    at.out.unlink()
    at.out.symlink_to("two/out")
    for _ in range(2):
        at.put("sub/a.csv")
        at.wait(3600)
        assert at.sent == ["sub/a.csv"]
        assert watched() - before == 3


def test_links_lead_nowhere(here, tmp_path):
    at = here(recursive="yes")
    outside = tmp_path / "outside"
    outside.mkdir()
    (at.out / "link").symlink_to(outside)
    at.start()
    (outside / "a.csv").write_bytes(b"data")
    at.wait(10)
    assert at.looks == 1
    assert at.sent == []


# Limits.


def test_folders_over_the_limit_are_found_by_the_looks_that_come_anyway(here, monkeypatch):
    monkeypatch.setattr(noticing, "MOST_WATCHED", 4)  # the folder above is one
    at = here(recursive="yes")
    for name in ("one", "two"):
        (at.out / name).mkdir()
    at.start()
    assert at.told(events.TRANSFER_UNNOTICED) == []
    for name in ("three", "four"):
        (at.out / name).mkdir()
    at.wait()
    assert len(at.told(events.TRANSFER_UNNOTICED)) == 1
    assert "no more than 4 folders" in at.how
    for name in ("one", "two", "three", "four"):
        at.put(f"{name}/a.csv")
    at.wait()
    assert len(at.sent) == 4  # those that are watched have caused a look
    for name in ("three", "four"):
        at.put(f"{name}/b.csv")
    at.wait(3600)
    assert len(at.sent) == 6
    for name in ("three", "four"):
        (at.out / name).rmdir()
    at.put("a.csv")
    at.wait()
    assert len(at.told(events.TRANSFER_NOTICED)) == 1
    assert len(at.told(events.TRANSFER_UNNOTICED)) == 1
    assert at.how == "told at once"


def refusing(code: int) -> Callable[..., int]:
    def refuse(*words: Any) -> int:
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.mark.parametrize(
    ("call", "code", "why"),
    [
        ("watch", errno.ENOSPC, "fs.inotify.max_user_watches"),
        ("watch", errno.ENOENT, "No such file or directory"),
        ("__init__", errno.EMFILE, "fs.inotify.max_user_instances"),
        ("__init__", errno.ENOSYS, "this system does not tell of changes"),
    ],
)
def test_without_watches_looks_come_from_time_to_time(here, monkeypatch, call, code, why):
    with monkeypatch.context() as patched:
        patched.setattr(Inotify, call, refusing(code))
        at = here(changes_poll_interval="60", stable_interval="5")
        at.start()
        (told,) = at.told(events.TRANSFER_UNNOTICED)
        assert why in told.details
        assert why in at.how
        at.put("a.csv")
        at.wait(50)
        assert at.looks == 1
        at.wait(20)
        assert at.sent == ["a.csv"]  # a look came when it had rested
    at.wait(60)
    assert len(at.told(events.TRANSFER_NOTICED)) == 1
    at.put("b.csv")
    at.wait(5 + 2 * SOON)
    assert at.sent == ["a.csv", "b.csv"]


def test_a_run_that_watches_nothing_does_not_say_that_everything_is(here, monkeypatch):
    at = here(schedule="zone UTC\n17:00-start, 18:00-stop")  # it is 17:46:40
    with monkeypatch.context() as patched:
        patched.setattr(Inotify, "__init__", refusing(errno.EMFILE))
        at.start()
    at.desk.pass_time(900, 10)
    at.put("a.csv")
    at.desk.transfer.run("a test")
    at.wait()
    assert at.sent == ["a.csv"]
    assert at.told(events.TRANSFER_UNNOTICED)
    assert at.told(events.TRANSFER_NOTICED) == []
    at.desk.pass_time(85500, 60)
    assert len(at.told(events.TRANSFER_NOTICED)) == 1


def test_more_than_the_system_can_tell_is_found_all_the_same(here, monkeypatch):
    at = here(recursive="yes")
    at.start()
    take = Inotify.take

    def overflown(system: Inotify) -> list[inotify.Change]:
        return [inotify.Change(-1, inotify.OVERFLOW, b"") for _ in take(system)][:1]

    monkeypatch.setattr(Inotify, "take", overflown)
    at.put("one/a.csv")
    at.put("b.csv")
    at.wait()
    assert at.sent == ["b.csv", "one/a.csv"]


def test_what_cannot_be_looked_at_is_tried_less_and_less_often(here, monkeypatch):
    at = here(recursive="yes")
    at.put("one/a.csv")
    at.start()
    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refusing(errno.EIO))
        at.put("one/b.csv")
        at.desk.pass_time(3000)
    assert at.sent == ["one/a.csv"]
    assert at.looks < 12
    at.put("one/c.csv")
    at.wait(SOON)
    assert at.sent == ["one/a.csv", "one/b.csv", "one/c.csv"]


# What it costs.


def test_nothing_is_done_while_nothing_changes(here):
    at = here(stable_interval="20")
    at.start()
    before = len(at.desk.clock.getDelayedCalls())
    told = len(at.desk.told)
    at.desk.pass_time(3000, 100)
    assert at.looks == 1
    assert len(at.desk.clock.getDelayedCalls()) == before
    assert len(at.desk.told) == told


def test_a_hundred_thousand_changes_are_a_few_looks(here):
    at = here(stable_interval="100", recursive="yes")
    at.start()
    for name in ("a.csv", "b.csv"):
        at.put(name)
    seconds = 4 * LONGEST
    for _ in range(int(seconds / QUIET)):
        for number in range(100_000 // int(seconds / QUIET)):
            os.utime(at.out / ("a.csv", "b.csv")[number % 2], (number, number))
        at.wait(QUIET)
    at.wait(2 * LONGEST)
    assert 3 <= at.looks <= 8


def test_files_that_are_moved_away_by_the_transfer_cause_no_looks(here):
    at = here(stable_interval="20")
    at.start()
    for number in range(20):
        at.put(f"{number}.csv")
    at.wait(60)
    assert len(at.sent) == 20
    assert at.looks == 3


@pytest.mark.parametrize("name", ["x.tmp", ".mft-0123456789abcdef", "a\x01b.csv", "\udcff.csv"])
def test_what_is_not_sent_causes_no_look(here, name):
    at = here(source_filter="*.csv")
    at.start()
    at.put(name)
    at.wait(10)
    assert at.looks == 1
    at.put("a.csv")
    at.wait()
    assert at.sent == ["a.csv"]


def test_much_that_is_not_sent_is_taken_in_parts(here):
    at = here(source_filter="*.csv")
    at.start()
    for number in range(3000):
        at.put(f"{number}.tmp", b"")
    at.put("a.csv")
    at.wait(10)
    assert at.sent == ["a.csv"]
    assert at.looks == 2


# When it is of no use.


def test_it_may_be_turned_off(here):
    at = here(changes_notification="no", changes_poll_interval="60", stable_interval="5")
    at.start()
    assert at.told(events.TRANSFER_STABLE_RAISED)
    at.put("a.csv")
    at.wait(50)
    assert at.looks == 1
    assert at.how == "looked for"
    at.wait(150)
    assert at.sent == ["a.csv"]


def test_outside_of_its_schedule_it_hears_nothing_and_then_looks_at_once(here):
    at = here(schedule="zone UTC\n18:00-start, 19:00-stop")  # it is 17:46:40
    at.start()
    at.put("a.csv")
    at.desk.pass_time(700, 1)
    assert at.looks == 0
    assert at.desk.clock.readers == set()
    at.wait(100)
    assert at.sent == ["a.csv"]
    at.put("b.csv")
    at.wait()
    assert at.sent == ["a.csv", "b.csv"]
    at.desk.pass_time(3600, 10)
    looks = at.looks
    at.put("c.csv")
    at.wait(10)
    assert at.looks == looks


def test_a_run_outside_of_the_schedule_watches_nothing(here, monkeypatch):
    at = here(enabled="no")
    monkeypatch.setattr(Inotify, "__init__", refusing(errno.EMFILE))
    at.start()
    at.put("a.csv")
    at.desk.transfer.run("a test")
    at.wait()
    assert at.sent == ["a.csv"]
    assert at.told(events.TRANSFER_UNNOTICED) == []


def test_what_is_stopped_watches_nothing_until_it_is_started(here):
    at = here()
    at.start()
    Begun(at.desk.transfer.stop())
    assert at.how == "looked for"
    at.put("a.csv")
    at.wait(10)
    assert at.sent == []
    at.start()
    assert at.sent == ["a.csv"]
    at.put("b.csv")
    at.wait()
    assert at.sent == ["a.csv", "b.csv"]
