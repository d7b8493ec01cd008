"""A transfer that is lost to another node in the middle: nothing more is done to files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.transfers.around import Around
from mft.transfers.hold import ALONE, check_now
from mft.transfers.rows import SENT, VERIFIED
from tests.fakes.lending import Begun
from tests.fakes.transferring import PART, Desk

DATA = b"A" * 100_000


class Held:
    """A `Hold` that a test ends."""

    def __init__(self, mark: str) -> None:
        self.held = True
        self.mark = mark
        self.checks = 0
        self.last: int | None = None  # the check at which it is found to be lost

    async def check(self) -> None:
        self.checks += 1
        if not self.held or self.checks == self.last:
            self.held = False
            raise Refused(Reason.ABORTED, "", "another node has it")


class SharedDesk(Desk):
    """A desk of a node; `move` is what the next node finds."""

    def __init__(self, directory: Path, **given: str) -> None:
        self.hold = Held("7")
        super().__init__(directory, **given)

    def around(self) -> Around:
        return replace(super().around(), hold=self.hold)

    def move(self) -> None:
        """Another node goes on, over the same queue."""
        Begun(self.transfer.stop())
        self.hold = Held("8")
        self.restart()

    @property
    def states(self) -> dict[str, int]:
        """What the queue says, after the end of the transfer."""
        queue = self.around().queue
        queue.open()
        try:
            return queue.counts()
        finally:
            queue.close()


@pytest.fixture
def desk(tmp_path: Path) -> Callable[..., SharedDesk]:
    return lambda **given: SharedDesk(tmp_path, **given)


def test_without_a_cluster_it_always_holds() -> None:
    assert ALONE.held
    check_now(ALONE, "a")
    Begun(ALONE.check()).result  # noqa: B018 - it raises nothing


def test_temporary_names_have_the_mark_of_the_tenure(desk: Callable[..., SharedDesk]) -> None:
    at = desk()
    at.put("a.csv")
    at.target.hangs.add("commit")
    at.start()
    assert at.target.names("/in") == [f"a.csv.7{PART}"]
    at.target.answer()
    at.stop()
    assert at.target.names("/in") == ["a.csv"]
    assert at.left == []


@pytest.mark.parametrize(
    ("check", "there", "state"), [(1, f"a.csv.7{PART}", SENT), (2, "a.csv", VERIFIED)]
)
def test_no_name_is_given_and_no_source_removed_by_who_has_lost_it(
    desk: Callable[..., SharedDesk], check: int, there: str, state: str
) -> None:
    at = desk()
    at.put("a.csv", DATA)
    at.hold.last = check
    at.go()
    assert at.target.names("/in") == [there]
    assert at.left == ["a.csv"]
    assert at.states == {state: 1}
    assert not at.has_told(events.TRANSFER_FILE_FAILED)
    at.move()
    at.pass_time()
    assert at.arrived == {"a.csv": DATA}
    assert at.left == []
    at.stop()


def test_bytes_stop_when_our_own_clock_says_that_it_is_over(
    desk: Callable[..., SharedDesk],
) -> None:
    at = desk()
    at.put("a.csv", DATA)
    at.target.hangs.add("write")
    at.start()
    at.hold.held = False
    at.target.answer()
    at.pass_time(5)
    assert at.target.names("/in") == [f"a.csv.7{PART}"]
    assert len(at.target.get(f"/in/a.csv.7{PART}")) < len(DATA)
    assert not at.target.asked_for("remove")
    at.move()
    at.pass_time()
    assert at.arrived == {"a.csv": DATA}
    at.stop()


def test_nothing_is_opened_by_who_wakes_up_too_late(desk: Callable[..., SharedDesk]) -> None:
    at = desk()
    at.put("a.csv", DATA)
    at.source.hangs.add("download")
    at.start()
    at.hold.held = False
    at.source.answer()
    at.pass_time(5)
    assert at.target.names("/in") == []
    assert not at.target.asked_for("upload")
    at.move()
    at.pass_time()
    assert at.arrived == {"a.csv": DATA}
    at.stop()


def test_a_file_that_has_its_name_is_told_by_who_goes_on_with_it(
    desk: Callable[..., SharedDesk],
) -> None:
    at = desk()
    at.put("a.csv", DATA)
    at.target.hangs.add("rename")
    at.start()
    at.hold.held = False
    at.target.answer()
    at.pass_time(5)
    assert at.arrived == {"a.csv": DATA}
    assert not at.has_told(events.TRANSFER_FILE_DONE)
    at.move()
    at.pass_time()
    assert at.has_told(events.TRANSFER_FILE_DONE)
    assert at.left == []
    at.stop()


def test_what_has_failed_here_is_not_given_up(desk: Callable[..., SharedDesk]) -> None:
    at = desk(
        retry_count="0",
        archive_location_uuid="archive",
        archive_failure_path="/kept",
        execute_after_failure="/bin/true",
    )
    at.put("a.csv", DATA)
    at.hold.last = 1
    at.target.refuses["rename"] = [Refused(Reason.DENIED)]
    at.target.refuses["upload"] = [Refused(Reason.DENIED)]
    at.go()
    assert at.archive.names("/kept") == []
    assert at.programs.names == []
    assert at.left == ["a.csv"]
    assert "failed" not in at.states


def test_commands_at_the_destination_are_left_to_the_next(desk: Callable[..., SharedDesk]) -> None:
    at = desk(execute_on_destination_before="delete {destination.path}.old")
    at.put("a.csv", DATA)
    at.target.put("/in/a.csv.old", b"old")
    at.hold.last = 1
    at.go()
    assert at.target.names("/in") == ["a.csv.old"]
    at.move()
    at.pass_time()
    assert at.arrived == {"a.csv": DATA}
    at.stop()


def cut(at: SharedDesk) -> int:
    """A part of a file arrives, and another node goes on; how much there was then."""
    at.put("a.csv", DATA)
    at.target.breaks_after = 60_000
    at.start()
    at.target.breaks_after = None
    size = len(at.target.get(f"/in/a.csv.7{PART}"))
    assert 0 < size < len(DATA)
    at.move()
    return size


def test_a_part_is_gone_on_with_by_another_node_where_late_bytes_do_no_harm(
    desk: Callable[..., SharedDesk],
) -> None:
    at = desk()
    at.target.places_bytes = True
    at.peers["from"].makes_digests = False
    size = cut(at)
    at.pass_time(200)
    assert at.arrived == {"a.csv": DATA}
    (done,) = at.payloads(events.TRANSFER_FILE_DONE.number)
    assert done.transferred_size == len(DATA) - size
    assert [path for path in at.target.asked_for("upload") if "8" in path] == []
    at.stop()


def test_elsewhere_it_is_sent_anew_under_another_name(desk: Callable[..., SharedDesk]) -> None:
    at = desk()
    cut(at)
    at.pass_time(200)
    assert at.arrived == {"a.csv": DATA}
    (done,) = at.payloads(events.TRANSFER_FILE_DONE.number)
    assert done.transferred_size == len(DATA)
    assert at.target.asked_for("upload")[-1] == f"/in/a.csv.8{PART}"
    at.stop()


def test_an_old_part_whose_source_has_changed_is_sent_anew_under_another_name(
    desk: Callable[..., SharedDesk],
) -> None:
    at = desk()
    at.target.places_bytes = True
    at.put("a.csv", DATA, modified=0)  # its server tells no times
    at.target.breaks_after = 60_000
    at.start()
    at.target.breaks_after = None
    at.move()
    at.pass_time(200)
    assert at.arrived == {"a.csv": DATA}
    assert at.target.asked_for("upload")[-1] == f"/in/a.csv.8{PART}"
    at.stop()


def test_a_file_in_the_archive_is_not_taken_away_by_who_has_lost_it(
    desk: Callable[..., SharedDesk],
) -> None:
    at = desk(archive_location_uuid="archive", archive_success_path="/kept", archive_format="exact")
    at.put("a.csv", DATA)
    at.archive.hangs.add("write")
    at.start()
    at.pass_time(2)
    at.hold.held = False
    at.archive.answer()
    at.pass_time(2)
    assert at.archive.names("/kept") == ["a.csv"]
    assert at.left == ["a.csv"]
    at.move()
    at.pass_time()
    assert at.archive.get("/kept/a.csv") == DATA
    assert at.left == []
    at.stop()


@pytest.mark.parametrize("stays", ["yes", "no"])
def test_a_file_that_is_done_when_it_is_lost_is_told_by_who_has_it(
    desk: Callable[..., SharedDesk], stays: str
) -> None:
    goes = "no" if stays == "yes" else "yes"
    at = desk(execute_after_success="/bin/after", delete_source_on_success=goes)
    at.programs.acts["/bin/after"] = lambda: setattr(at.hold, "held", False)
    at.put("a.csv", DATA)
    at.start()
    at.pass_time(2)
    assert at.arrived == {"a.csv": DATA}
    assert not at.has_told(events.TRANSFER_JOB_DONE)
    at.programs.acts.clear()
    at.move()
    at.pass_time()
    assert at.numbers.count(events.TRANSFER_JOB_DONE.number) == 1
    at.stop()
