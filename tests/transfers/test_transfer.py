"""The loop of a transfer, between two servers in memory."""

from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.transfers.queue import Queue
from mft.transfers.runs import ENDED, RUNNING
from mft.transfers.transfer import PARTING, State
from tests.fakes.lending import Begun
from tests.fakes.remote import MemoryRemote, MemoryRemoteDownload, Peer
from tests.fakes.transferring import NOW, PART, Desk

DONE, JOB_DONE, RETRIED, FAILED, JOB_FAILED = 60012, 60017, 60011, 60081, 60016
PAUSED, RESUMED, STATE, SKIPPED, VANISHED = 60070, 60082, 60021, 60076, 60080


def states(at: Desk) -> list[str]:
    return [told.state for told in at.payloads(STATE)]


# Files.


def test_a_file_is_moved_and_told(desk):
    at = desk()
    at.put("a.csv", b"one")
    at.go()
    assert at.arrived == {"a.csv": b"one"}
    assert at.left == []
    assert at.numbers.count(DONE) == at.numbers.count(JOB_DONE) == 1
    (told,) = at.payloads(DONE)
    assert (told.path, told.destination_path, told.size) == ("/out/a.csv", "/in/a.csv", 3)


def test_an_empty_file_is_moved(desk):
    at = desk()
    at.put("a.csv", b"")
    at.go()
    assert at.arrived == {"a.csv": b""}
    assert at.left == []


def test_a_peer_is_told_how_large_a_file_will_be_unless_nobody_knows(desk):
    at = desk(
        archive_location_uuid="archive",
        archive_success_path="/kept",
        archive_format="exact",
        destination_content_actions="*.txt, convert-charset, latin-1, utf-8",
    )
    at.put("a.csv", b"twelve bytes")
    at.put("a.txt", b"text")
    at.go()
    assert at.target.announced == {f"/in/a.csv{PART}": 12}
    assert at.archive.announced == {"/kept/a.csv": 12, "/kept/a.txt": 4}


def test_a_copy_leaves_the_source_and_is_not_made_again(desk):
    at = desk(delete_source_on_success="no", overwrite_rule="overwrite")
    at.put("a.csv", b"one")
    at.start()
    at.pass_time(60)
    assert at.left == ["a.csv"]
    assert at.numbers.count(DONE) == 1
    at.put("a.csv", b"two!")
    at.pass_time(60)
    assert at.numbers.count(DONE) == 2
    assert at.arrived == {"a.csv": b"two!"}


def test_a_copy_is_not_made_again_after_a_restart(desk):
    at = desk(delete_source_on_success="no")
    at.put("a.csv")
    at.go()
    at.restart()
    at.pass_time(60)
    assert at.numbers.count(DONE) == 1


def test_a_file_rests_before_it_is_sent(desk):
    at = desk(stable_interval="20")
    at.put("a.csv")
    at.start()
    at.pass_time(19)
    assert at.arrived == {}
    at.put("a.csv", b"longer")
    at.pass_time(19)
    assert at.arrived == {}
    at.pass_time(21)
    assert at.arrived == {"a.csv": b"longer"}


def test_folders_are_made_below_the_destination(desk):
    at = desk(recursive="yes")
    at.put("one/two/a.csv", b"x")
    at.go()
    assert at.target.get("/in/one/two/a.csv") == b"x"


def test_nobody_sees_a_part_of_a_file(desk):
    at = desk()
    at.put("a.csv", b"x" * 10_000)
    at.target.late = True
    at.target.hangs.add("write")
    at.start()
    assert at.target.names("/in") == [f"a.csv{PART}"]
    at.target.answer()
    assert at.target.names("/in") == ["a.csv"]


def test_so_many_files_move_at_a_time(desk):
    at = desk(concurrent_files="3")
    for number in range(8):
        at.put(f"{number}.csv")
    at.target.hangs.add("commit")
    at.start()
    assert len(at.transfer.tally.moving) == 3
    at.target.answer()
    at.pass_time(1)
    assert len(at.arrived) == 8


def test_one_at_a_time_keeps_their_order(desk):
    at = desk(concurrent_files="1")
    for number in range(5):
        at.put(f"{number}.csv")
    at.go()
    assert [told.path[-5] for told in at.payloads(DONE)] == ["0", "1", "2", "3", "4"]


def test_text_is_converted_on_its_way(desk):
    at = desk(destination_content_actions="*.txt, convert-charset, latin-1, utf-8")
    at.put("a.txt", "Grüße".encode("latin-1"))
    at.put("b.bin", "Grüße".encode("latin-1"))
    at.go()
    assert at.arrived == {"a.txt": "Grüße".encode(), "b.bin": "Grüße".encode("latin-1")}


def test_names_are_what_rules_say(desk):
    at = desk(destination_path_actions="*, transform, {path.file_base}-{now.year}.txt")
    at.put("a.csv")
    at.go()
    assert list(at.arrived) == ["a-2030.txt"]


def test_a_name_may_begin_at_the_top_of_the_location(desk):
    at = desk(
        destination_path_actions="*, transform, {ignore_destination_path}/else/{path.file_name}"
    )
    at.put("a.csv", b"x")
    at.go()
    assert at.target.get("/else/a.csv") == b"x"


def test_a_file_that_no_rule_matches_stops_the_transfer(desk):
    at = desk(destination_path_actions="*.csv, no-action", concurrent_files="1")
    at.put("a.txt")
    at.put("b.csv")
    at.start()
    at.pass_time()
    assert at.transfer.state is State.FAILED
    assert 60028 in at.numbers
    assert at.arrived == {}
    assert at.left == ["a.txt", "b.csv"]


# What is there already.


@pytest.mark.parametrize(
    ("rule", "arrived", "left"),
    [
        ("fail", {"a.csv": b"old"}, ["a.csv"]),
        ("skip", {"a.csv": b"old"}, ["a.csv"]),
        ("overwrite", {"a.csv": b"new"}, []),
        ("disable", {"a.csv": b"new"}, []),
    ],
)
def test_what_has_the_name_is_dealt_with_as_the_rule_says(desk, rule, arrived, left):
    at = desk(overwrite_rule=rule)
    at.put("a.csv", b"new")
    at.target.put("/in/a.csv", b"old")
    at.start()
    at.pass_time(300)
    assert at.arrived == arrived
    assert at.left == left
    assert at.numbers.count(SKIPPED) == (rule == "skip")
    assert at.numbers.count(JOB_FAILED) == (rule == "fail")


@pytest.mark.parametrize(
    ("rule", "contents"),
    [
        ("timestamp-always", {"a.csv": b"old", "stamped": b"new"}),
        ("timestamp-to-new-file", {"a.csv": b"old", "stamped": b"new"}),
        ("timestamp-to-existing-file", {"a.csv": b"new", "stamped": b"old"}),
    ],
)
@pytest.mark.parametrize("suffix", [".part", "none"])
def test_a_moment_in_the_name_keeps_both(desk, rule, contents, suffix):
    at = desk(overwrite_rule=rule, destination_temporary_suffix=suffix)
    at.put("a.csv", b"new")
    at.target.put("/in/a.csv", b"old")
    at.go()
    found = {"a.csv" if name == "a.csv" else "stamped": data for name, data in at.arrived.items()}
    assert found == contents
    assert all("20300317" in name for name in at.arrived if name != "a.csv")


def test_what_has_the_temporary_name_is_not_touched(desk):
    at = desk()
    at.put("a.csv", b"new")
    at.target.put(f"/in/a.csv{PART}", b"of somebody else")
    at.go()
    assert at.arrived == {"a.csv": b"new", f"a.csv{PART}": b"of somebody else"}


def test_a_peer_that_cannot_tell_what_is_there_has_nothing_overwritten(desk):
    at = desk(retry_count="0")
    at.put("a.csv", b"new")
    at.target.put("/in/a.csv", b"old")
    at.target.refuses["stat"] = [Refused(Reason.BROKEN, "", "try again")] * 50
    at.go(60)
    assert at.arrived == {"a.csv": b"old"}
    assert at.left == ["a.csv"]


def test_what_becomes_of_the_name_is_told(desk):
    for rule, event in (
        ("overwrite", events.TRANSFER_OVERWRITES),
        ("timestamp-to-new-file", events.TRANSFER_OTHER_NAME),
        ("timestamp-to-existing-file", events.TRANSFER_MOVED_ASIDE),
    ):
        at = desk(overwrite_rule=rule)
        at.put("a.csv", b"new")
        at.target.put("/in/a.csv", b"old")
        at.go()
        assert at.has_told(event, events.TRANSFER_FILE_STARTS), rule


# Failures.


def test_a_failed_file_waits_and_others_do_not(desk):
    at = desk(concurrent_files="1", retry_wait="60")
    at.put("a.csv")
    at.put("b.csv")
    at.target.refuses["upload"] = [Refused(Reason.DENIED, "", "not now")]
    at.start()
    at.pass_time(30)
    assert list(at.arrived) == ["b.csv"]
    at.pass_time(60)
    assert sorted(at.arrived) == ["a.csv", "b.csv"]
    assert at.numbers.count(RETRIED) == 1


def test_after_the_last_try_it_has_failed_until_it_changes_or_somebody_asks(desk):
    at = desk(retry_count="1", retry_wait="20", execute_after_failure="/bin/alarm --now")
    at.put("a.csv", b"one")
    at.target.refuses["upload"] = [Refused(Reason.DENIED, "", "no")] * 3
    at.start()
    at.pass_time(200)
    assert at.numbers.count(RETRIED) == 1
    assert at.numbers.count(FAILED) == at.numbers.count(JOB_FAILED) == 1
    assert at.programs.calls[0][0] == ["/bin/alarm", "--now", "/out/a.csv"]
    assert at.left == ["a.csv"]
    at.put("a.csv", b"another")
    at.pass_time(60)
    assert at.arrived == {"a.csv": b"another"}


def test_nothing_is_left_of_a_file_that_failed(desk):
    at = desk(retry_count="0")
    at.put("a.csv", b"x" * 10_000)
    at.target.room = 5000
    at.start()
    at.pass_time(60)
    assert at.numbers.count(FAILED) == 1
    assert at.arrived == {}
    assert at.left == ["a.csv"]


def test_a_full_destination_gets_the_rest_later(desk):
    at = desk(retry_wait="30")
    at.put("a.csv", b"x" * 10_000)
    at.target.room = 5000
    at.start()
    at.pass_time(15)
    at.target.room = None
    at.pass_time(60)
    assert at.arrived == {"a.csv": b"x" * 10_000}
    (told,) = at.payloads(DONE)
    assert told.transferred_size < 10_000  # it went on where it was


def test_there_may_be_another_folder_for_what_cannot_be_put_into_the_first(desk):
    at = desk(retry_count="1", retry_wait="5", destination_fallback_path="/rest")
    at.target.put("/rest/x", b"")
    at.put("a.csv", b"one")
    at.target.put("/in/a.csv", b"old")
    at.start()
    at.pass_time(60)
    assert at.target.get("/rest/a.csv") == b"one"
    assert at.left == []
    assert FAILED not in at.numbers


def test_a_source_that_changes_meanwhile_is_sent_as_it_is_then(desk):
    at = desk(concurrent_files="1")
    at.put("a.csv", b"x" * 10_000)
    at.target.late = True
    at.target.hangs.add("write")
    at.start()
    at.put("a.csv", b"y" * 10_000, modified=2000)
    at.target.answer()
    assert at.arrived == {}
    assert 60079 in at.numbers
    at.pass_time(60)
    assert at.arrived == {"a.csv": b"y" * 10_000}
    assert at.left == []


def test_a_source_whose_list_says_otherwise_than_the_file_has_failed(desk, monkeypatch):
    at = desk(retry_count="1", retry_wait="5")
    at.put("a.csv", b"four")
    told = MemoryRemote.stat

    async def other(remote, path, **given):
        entry = await told(remote, path, **given)
        return entry._replace(size=3) if entry.is_file and remote.peer is at.source else entry

    monkeypatch.setattr(MemoryRemote, "stat", other)
    at.start()
    at.pass_time(100)
    assert at.numbers.count(60081) == at.numbers.count(60016) == 1
    assert at.left == ["a.csv"]
    assert at.arrived == {}
    monkeypatch.undo()
    at.put("a.csv", b"other", 5000)
    at.pass_time(21)
    assert at.arrived == {"a.csv": b"other"}
    at.stop()


def test_a_name_that_is_not_given_though_the_peer_says_so_counts_for_nothing(desk):
    at = desk(retry_count="1", retry_wait="5")
    at.put("a.csv")
    at.target.pretends.add("rename")
    at.start()
    at.pass_time(30)
    assert at.numbers.count(60081) == 1
    assert not at.has_told(events.TRANSFER_FILE_DONE)
    assert at.left == ["a.csv"]
    assert at.arrived == {}
    at.stop()


def test_a_source_that_changes_once_it_was_sent_is_not_removed(desk):
    at = desk(overwrite_rule="overwrite")
    at.put("a.csv", b"one")
    at.target.hangs.add("rename")
    at.start()
    at.put("a.csv", b"two", modified=2000)
    at.target.answer()
    assert at.left == ["a.csv"]
    assert at.arrived == {"a.csv": b"one"}
    at.pass_time(60)
    assert at.arrived == {"a.csv": b"two"}
    assert at.left == []


@pytest.mark.parametrize("ignored", [True, False])
def test_a_file_that_somebody_takes_away_is_told(desk, ignored):
    at = desk(ignore_missing_source_files="yes" if ignored else "no", retry_wait="30")
    at.put("a.csv")
    at.target.refuses["upload"] = [Refused(Reason.BUSY, "", "not now")]
    at.start()
    at.source.tree.directory(VPath.parse("/out")).children.clear()
    at.pass_time(60)
    assert at.numbers.count(VANISHED) == 1
    assert at.numbers.count(FAILED) == (not ignored)
    assert at.arrived == {}


def test_a_source_that_cannot_be_removed_is_tried_again_and_never_sent_twice(desk):
    at = desk(retry_count="1", retry_wait="20")
    at.put("a.csv", b"one")
    at.source.refuses["remove"] = [Refused(Reason.DENIED, "", "no")] * 2
    at.start()
    at.pass_time(100)
    assert at.left == ["a.csv"]
    assert at.numbers.count(DONE) == 1
    assert at.numbers.count(FAILED) == 1
    at.stop()
    at.restart()
    at.pass_time(30)
    assert at.left == []
    assert at.numbers.count(DONE) == 1
    assert at.arrived == {"a.csv": b"one"}


def test_a_fault_of_ours_is_one_files_failure(desk, monkeypatch):
    at = desk(retry_count="0")
    at.put("a.csv")
    at.put("b.csv")
    ours = MemoryRemote.download

    async def broken(self: MemoryRemote, name: Any) -> Any:
        if name.name == "a.csv":
            raise KeyError("a fault")
        return await ours(self, name)

    monkeypatch.setattr(MemoryRemote, "download", broken)
    at.go()
    assert list(at.arrived) == ["b.csv"]
    assert at.numbers.count(60018) == 1
    assert "a fault" in at.logged.pop()


def test_two_files_of_one_name_are_not_mixed(desk):
    at = desk(destination_path_actions="*, lowercase", retry_wait="10")
    at.put("a.csv", b"one" * 3000)
    at.put("A.csv", b"two" * 3000)
    at.target.late = True
    at.target.hangs.add("write")
    at.start()
    at.target.answer()
    at.pass_time(100)
    assert at.arrived in ({"a.csv": b"one" * 3000}, {"a.csv": b"two" * 3000})
    assert len(at.left) == 1


def test_a_side_that_cannot_be_opened_is_told(desk):
    at = desk(retry_count="0")
    at.put("a.csv")
    at.put("b.csv")
    at.source.refuses["download"] = [Refused(Reason.DENIED, "", "no")]
    at.target.refuses["upload"] = [Refused(Reason.DENIED, "", "no")]
    at.go()
    assert at.has_told(events.TRANSFER_SOURCE_UNOPENED, events.TRANSFER_DESTINATION_UNOPENED)
    assert at.left == ["a.csv", "b.csv"]


def test_a_source_that_cannot_be_closed_is_told_and_its_file_is_there(desk, monkeypatch):
    at = desk()
    at.put("a.csv", b"one")

    async def close(self: MemoryRemoteDownload) -> None:
        self._remote.open_files -= 1
        raise Refused(Reason.BROKEN, "", "it says no")

    monkeypatch.setattr(MemoryRemoteDownload, "close", close)
    at.go()
    assert at.has_told(events.TRANSFER_SOURCE_UNCLOSED)
    assert at.arrived == {"a.csv": b"one"}


# Programs and commands.


def test_programs_are_run_before_and_after(desk):
    at = desk(execute_before="/bin/before", execute_after_success="/bin/after -v")
    at.put("a.csv")
    at.go()
    assert [argv for argv, _ in at.programs.calls] == [
        ["/bin/before", "/out/a.csv"],
        ["/bin/after", "-v", "/out/a.csv"],
    ]
    assert at.programs.calls[0][1]["DESTINATION_PATH"] == "/in/a.csv"
    assert at.left == []


def test_a_program_may_keep_a_file_from_being_sent(desk):
    at = desk(execute_before="/bin/before", retry_count="1", retry_wait="10")
    at.put("a.csv")
    at.programs.exit_codes["/bin/before"] = 1
    at.start()
    at.pass_time(60)
    assert at.programs.names == ["/bin/before"] * 2
    assert at.arrived == {}
    assert at.numbers.count(60009) == 2
    assert at.numbers.count(FAILED) == 1


def test_a_program_may_change_the_file_before_it_is_sent(desk):
    at = desk(execute_before="/bin/before")
    at.put("a.csv", b"one")
    at.programs.acts["/bin/before"] = lambda: at.put("a.csv", b"sealed", modified=3000)
    at.go()
    assert at.arrived == {"a.csv": b"sealed"}
    assert at.left == []


def test_commands_are_carried_out_at_the_destination(desk):
    at = desk(
        execute_on_destination_before="mkdir done",
        execute_on_destination_after_success="rename {destination.path} done/{source.name}.ok",
    )
    at.put("a.csv", b"one")
    at.go()
    assert at.target.get("/in/done/a.csv.ok") == b"one"
    assert at.left == []


def test_commands_after_a_failure(desk):
    at = desk(
        retry_count="0",
        execute_on_destination_before="delete a.lock",
        execute_on_destination_after_failure="mkdir failed",
    )
    at.put("a.csv")
    at.target.put("/in/a.csv", b"old")
    at.go()
    assert at.target.names("/in") == ["a.csv", "failed"]


# Archives.


def test_what_was_sent_is_archived_before_it_is_removed(desk):
    at = desk(archive_location_uuid="archive", archive_success_path="/kept")
    at.put("a.csv", b"one")
    at.go()
    (name,) = at.archive.names("/kept")
    assert name.startswith("a-20300317")
    assert at.archive.get(f"/kept/{name}") == b"one"
    assert at.left == []
    assert at.has_told(events.TRANSFER_ARCHIVED)


def test_what_cannot_be_archived_stays(desk):
    at = desk(archive_location_uuid="archive", archive_success_path="/kept", retry_count="0")
    at.put("a.csv", b"one")
    at.archive.room = 0
    at.go()
    assert at.arrived == {"a.csv": b"one"}
    assert at.left == ["a.csv"]
    assert 60025 in at.numbers


def test_what_could_not_be_sent_is_put_aside(desk):
    at = desk(
        archive_location_uuid="archive",
        archive_failure_path="/kept",
        archive_format="exact",
        retry_count="0",
    )
    at.put("a.csv", b"one")
    at.target.put("/in/a.csv", b"old")
    at.go()
    assert at.archive.get("/kept/a.csv") == b"one"
    assert at.left == []


def test_old_files_of_an_archive_go(desk):
    at = desk(
        archive_location_uuid="archive", archive_success_path="/kept", archive_retention_period="2d"
    )
    at.archive.put("/kept/old", b"", modified=int(NOW) - 3 * 86400)
    at.archive.put("/kept/new", b"", modified=int(NOW) - 86400)
    at.go()
    assert at.archive.names("/kept") == ["new"]
    assert 60077 in at.numbers


def test_files_of_an_archive_whose_time_is_not_known_stay(desk):
    at = desk(
        archive_location_uuid="archive", archive_success_path="/kept", archive_retention_period="2d"
    )
    at.archive.put("/kept/any.csv", b"", modified=0)
    at.go()
    assert at.archive.names("/kept") == ["any.csv"]


def test_folders_that_are_left_empty_go_after_a_while(desk):
    at = desk(recursive="yes", delete_source_parent_delay="30")
    at.put("one/two/a.csv")
    at.put("one/b/c.csv")
    at.source.refuses["remove"] = []
    at.start()
    at.pass_time(5)
    assert at.source.names("/out") == ["one"]
    at.put("one/b/d.csv.tmp", b"", modified=int(NOW))
    at.pass_time(100)
    assert at.source.names("/out") == []


# Locations that are not there.


def test_it_waits_for_a_location_that_is_not_there_and_goes_on(desk):
    at = desk(retry_count="0")
    at.put("a.csv", b"one")
    at.target.refuses["connect"] = [Refused(Reason.ABORTED, "", "no route")] * 3
    at.start()
    at.pass_time(50)
    assert at.numbers.count(PAUSED) == 1
    assert Begun(at.transfer.describe()).result["waits_for"]
    at.pass_time(500)
    assert at.arrived == {"a.csv": b"one"}
    assert at.numbers.count(RESUMED) == at.numbers.count(PAUSED)
    assert FAILED not in at.numbers


def test_a_source_that_was_waited_for_is_looked_at_as_often_as_before(desk):
    at = desk()
    at.source.refuses["connect"] = [Refused(Reason.ABORTED, "", "no route") for _ in range(6)]
    at.start()
    at.pass_time(700)
    assert at.numbers.count(RESUMED) == 1
    at.put("a.csv")
    at.pass_time(11)
    assert list(at.arrived) == ["a.csv"]


def test_a_folder_that_is_not_there_is_told_and_no_pause(desk):
    at = desk(destination_path="/nowhere", retry_count="0")
    at.put("a.csv")
    at.go()
    assert at.numbers.count(FAILED) == 1
    assert PAUSED not in at.numbers


def test_a_source_that_cannot_be_listed_is_told_once_and_looked_at_again(desk):
    at = desk()
    at.put("a.csv")
    at.source.refuses["list"] = [Refused(Reason.DENIED, "", "no")] * 3
    at.start()
    at.pass_time(100)
    at.source.refuses["list"] = [Refused(Reason.DENIED, "", "no")] * 3
    at.pass_time(100)
    assert at.numbers.count(60005) == 1
    assert at.has_told(events.TRANSFER_UNMONITORED)
    assert list(at.arrived) == ["a.csv"]


# When it runs.


def test_outside_of_its_window_nothing_is_sent(desk):
    at = desk(schedule="zone UTC\n18:00-start, 19:00-stop")  # it is 17:46:40
    at.put("a.csv")
    at.start()
    assert at.transfer.state is State.SUSPENDED
    at.pass_time(700, step=10)
    assert at.arrived == {}
    at.pass_time(200, step=10)
    assert list(at.arrived) == ["a.csv"]
    assert states(at)[:2] == ["suspended", "started"]
    at.pass_time(3600, step=10)
    assert at.transfer.state is State.SUSPENDED


def test_a_window_begins_with_a_look_however_seldom_there_are_others(desk):
    at = desk(schedule="zone UTC\n18:00-start, 18:10-stop", changes_poll_interval="1h")
    at.start()
    at.put("a.csv")
    at.pass_time(810)
    assert list(at.arrived) == ["a.csv"]


def test_a_cron_runs_at_its_moments(desk):
    at = desk(schedule="zone UTC\ncron 0 18 * * *")
    at.put("a.csv")
    at.start()
    at.pass_time(700, step=10)
    assert at.arrived == {}
    at.pass_time(200, step=10)
    assert list(at.arrived) == ["a.csv"]
    at.put("b.csv")
    at.pass_time(3600, step=10)
    assert list(at.arrived) == ["a.csv"]


def test_a_run_that_was_missed_is_made_up_for(desk):
    at = desk(schedule="zone UTC\ncron 0 18 * * *")
    at.go(10)
    at.put("a.csv")
    at.clock.advance(7200)
    at.restart()
    at.pass_time(60)
    assert at.numbers.count(60023) == 1
    assert list(at.arrived) == ["a.csv"]


def test_a_run_that_was_cut_goes_on_at_the_next_start(desk):
    at = desk(enabled="no", concurrent_files="1")
    for name in "abc":
        at.put(f"{name}.csv")
    at.target.hangs.add("commit")
    at.start()
    at.transfer.run("event 30068")
    at.pass_time(2)
    at.target.cut()
    at.stop()
    at.restart()
    at.pass_time(60)
    assert sorted(at.arrived) == ["a.csv", "b.csv", "c.csv"]
    assert at.left == []
    at.stop()
    at.put("d.csv")
    at.restart()  # it came to its end
    at.pass_time(60)
    assert at.left == ["d.csv"]


def test_a_transfer_that_is_not_enabled_only_runs_when_asked(desk):
    at = desk(enabled="no")
    at.put("a.csv")
    at.start()
    at.pass_time(100)
    assert at.arrived == {}
    run = at.transfer.run("somebody")
    at.pass_time(5)
    assert (run.state, run.done, run.failed) == (ENDED, 1, 0)
    assert list(at.arrived) == ["a.csv"]


def test_a_run_waits_for_what_rests_and_for_tries(desk):
    at = desk(enabled="no", stable_interval="20", retry_wait="40", retry_count="1")
    at.put("a.csv")
    at.put("b.csv")
    at.target.put("/in/b.csv", b"old")
    at.start()
    run = at.transfer.run("somebody")
    at.pass_time(50)
    assert run.state == RUNNING
    assert run.describe(at.transfer.tally)["done"] == 1
    at.pass_time(50)
    assert (run.state, run.done, run.failed, run.error) == (ENDED, 1, 1, "")


def test_a_run_sends_what_changes_before_it_could_be_sent(desk, monkeypatch):
    at = desk(enabled="no")
    at.put("a.csv", b"old")
    meet = at.source.meet

    async def changed(operation, path):
        if operation == "download" and at.source.get("/out/a.csv") == b"old":
            at.put("a.csv", b"other", modified=2000)
        await meet(operation, path)

    monkeypatch.setattr(at.source, "meet", changed)
    at.start()
    run = at.transfer.run("somebody")
    at.pass_time(2)
    assert (run.state, run.done, run.failed, run.error) == (ENDED, 1, 0, "")
    assert at.arrived == {"a.csv": b"other"}


def test_runs_that_are_asked_for_meanwhile_become_one(desk):
    at = desk(enabled="no")
    at.put("a.csv")
    at.target.hangs.add("commit")
    at.start()
    first = at.transfer.run("one")
    second, third = at.transfer.run("two"), at.transfer.run("three")
    assert first is not second
    assert second is third
    at.target.answer()
    at.pass_time(30)
    assert [first.done, second.done] == [1, 0]
    assert second.state == ENDED


def test_a_transfer_that_has_failed_runs_no_more(desk):
    at = desk(enabled="no", destination_path_actions="*.csv, no-action")
    at.put("a.txt")
    at.start()
    first = at.transfer.run("one")
    at.pass_time(30)
    assert "no line of destination_path_actions" in first.error
    assert at.transfer.run("two").error == "the transfer is failed"


def test_a_run_ends_also_where_a_fault_of_ours_does(desk, monkeypatch):
    at = desk(enabled="no")
    at.put("a.csv")
    at.target.hangs.add("upload")
    at.start()
    run = at.transfer.run("the test asks for it")

    def broken(*words: Any) -> None:
        raise TypeError("a fault")

    monkeypatch.setattr(Queue, "take", broken)
    at.target.answer()
    assert (run.state, run.done) == (ENDED, 1)
    assert "a fault" in run.error
    assert "a fault" in at.logged.pop()


def test_a_stop_does_not_wait_for_a_peer_that_answers_nothing(desk):
    at = desk()
    at.put("a.csv", b"x" * 10_000)
    at.target.hangs = {"write", "abort"}
    at.start()
    at.pass_time()
    assert at.target.asked_for("write") == [f"/in/a.csv{PART}"]
    stopping = Begun(at.transfer.stop())
    at.pass_time(2 * PARTING, step=0.5)
    assert stopping.result is None
    assert at.transfer.state is State.STOPPED
    assert at.target.open == []  # what was left in the middle ends its connection
    at.target.answer()
    at.restart()
    at.pass_time()
    assert at.arrived == {"a.csv": b"x" * 10_000}


def test_a_stop_ends_what_runs_and_a_start_goes_on(desk):
    at = desk()
    at.put("a.csv", b"x" * 20_000)
    at.target.late = True
    at.target.hangs.add("write")
    at.start()
    run = at.transfer.run("somebody")
    at.stop()
    assert at.transfer.state is State.STOPPED
    assert run.error == "the transfer was stopped"
    assert at.numbers.count(60078) == 1
    assert at.arrived.get("a.csv") is None
    at.target.answer()
    at.restart()
    at.pass_time(30)
    assert at.arrived == {"a.csv": b"x" * 20_000}


def test_its_start_and_its_end_are_told(desk):
    at = desk(stable_interval="5")
    at.go()
    assert at.has_told(events.TRANSFER_MONITORING, events.TRANSFER_MONITORING_ENDED)
    (raised,) = at.payloads(events.TRANSFER_STABLE_RAISED.number)
    assert raised.stable_interval == 11
    assert states(at) == ["started", "stopped"]


def test_a_queue_that_another_server_has_open_fails_the_transfer(desk):
    at = desk()
    other = at.around().queue
    other.open()
    at.start()
    assert at.transfer.state is State.FAILED
    assert "locked" in Begun(at.transfer.describe()).result["details"]
    other.close()


def test_too_few_files_in_an_interval_are_told(desk):
    at = desk(minimum_transfer_count="2", minimum_transfer_interval="600")
    at.put("a.csv")
    at.start()
    at.pass_time(700, step=10)
    (told,) = at.payloads(60019)
    assert (told.minimum_count, told.transfer_count) == (2, 1)
    at.put("b.csv")
    at.put("c.csv")
    at.pass_time(600, step=10)
    assert at.numbers.count(60019) == 1


def test_too_few_files_are_told_also_where_the_interval_had_begun_by_a_wrong_clock(desk):
    at = desk(minimum_transfer_count="2", minimum_transfer_interval="600")
    ahead = 10**8
    at.clock.rightNow += ahead
    at.start()
    at.pass_time(120, step=10)
    at.stop()
    at.clock.rightNow -= ahead
    at.restart()
    at.pass_time(550, step=10)
    assert 60019 not in at.numbers
    at.pass_time(150, step=10)
    assert at.numbers.count(60019) == 1


# Batches.


def test_a_batch_is_sent_when_no_file_comes_any_more(desk):
    at = desk(batch_interval="30", execute_before="/bin/before", execute_after_success="/bin/after")
    at.put("a.csv")
    at.start()
    at.pass_time(25)
    at.put("b.csv")
    at.pass_time(25)
    assert at.arrived == {}
    at.pass_time(30)
    assert sorted(at.arrived) == ["a.csv", "b.csv"]
    assert at.numbers.count(JOB_DONE) == 1
    (told,) = at.payloads(JOB_DONE)
    assert told.paths == ["/out/a.csv", "/out/b.csv"]
    assert at.programs.calls[0][0] == ["/bin/before", "/out"]
    assert at.programs.names == ["/bin/before", "/bin/after"]


def test_a_batch_waits_until_its_program_says_yes(desk):
    at = desk(batch_interval="1", execute_before="/bin/before", retry_wait="60")
    at.put("a.csv")
    at.programs.exit_codes["/bin/before"] = 1
    at.start()
    at.pass_time(60)
    assert at.arrived == {}
    at.programs.exit_codes.clear()
    at.pass_time(60)
    assert list(at.arrived) == ["a.csv"]


def test_a_run_whose_batch_is_kept_back_by_its_program_says_so(desk):
    at = desk(batch_interval="1", execute_before="/bin/before", retry_wait="60", enabled="no")
    at.put("a.csv")
    at.programs.exit_codes["/bin/before"] = 1
    at.start()
    run = at.transfer.run("the test asks for it")
    at.pass_time(600)
    assert run.state == "ended"
    assert "execute_before" in run.error
    assert at.left == ["a.csv"]


def test_a_marker_is_sent_last(desk):
    at = desk(batch_marker_path="*.done\n*.sum", source_filter="*.csv")
    at.put("a.done")
    at.put("a.csv")
    at.put("b.csv")
    at.start()
    at.pass_time(60)
    assert at.arrived == {}
    at.put("x.sum")
    at.pass_time(60)
    order = [told.path for told in at.payloads(DONE)]
    assert order[2:] == ["/out/a.done", "/out/x.sum"]
    assert at.left == []


def test_a_marker_stays_where_a_file_of_its_batch_has_failed(desk):
    at = desk(batch_marker_path="*.done", retry_count="0", execute_after_failure="/bin/alarm")
    at.put("a.done")
    at.put("a.csv")
    at.target.put("/in/a.csv", b"old")
    at.start()
    at.pass_time(60)
    assert at.left == ["a.csv", "a.done"]
    (told,) = at.payloads(JOB_FAILED)
    assert told.failed_paths == ["/out/a.csv", "/out/a.done"]
    assert at.programs.names == ["/bin/alarm"]


def test_a_marker_waits_for_a_file_of_its_batch_that_has_changed(desk):
    at = desk(
        batch_marker_path="*.done",
        stable_interval="5",
        concurrent_files="1",
        execute_before="/bin/gate",
    )
    for name in ("a.csv", "b.csv", "go.done"):
        at.put(name)
    changes = [2000, 3000]

    def change() -> None:
        if changes:
            at.put("b.csv", b"changed", changes.pop(0))

    at.programs.acts["/bin/gate"] = change
    at.start()
    at.pass_time(400)
    assert at.left == []
    assert at.arrived["b.csv"] == b"changed"
    assert [told.path for told in at.payloads(DONE)] == ["/out/a.csv", "/out/b.csv", "/out/go.done"]
    assert at.programs.names == ["/bin/gate"] * 3  # nothing is sent that it has not seen


# Its own name.


def test_what_failed_under_its_own_name_can_be_tried_again(desk):
    at = desk(destination_temporary_suffix="none", retry_count="0")
    at.put("a.csv", b"x" * 10_000)
    at.target.room = 5000
    at.start()
    at.pass_time(2)
    assert at.numbers.count(FAILED) == 1
    at.target.room = None
    at.stop()
    at.restart()
    at.pass_time(20)
    assert at.arrived == {"a.csv": b"x" * 10_000}
    assert at.left == []


def test_what_failed_under_its_own_name_goes_to_the_fallback(desk):
    at = desk(
        destination_temporary_suffix="none",
        retry_count="0",
        destination_fallback_path="/else",
    )
    at.target.put("/else/x", b"")
    at.target.refuses["commit"] = [Refused(Reason.DENIED, "", "no")]
    at.put("a.csv")
    at.start()
    at.pass_time(20)
    assert at.target.get("/else/a.csv") == b"data"
    assert at.left == []


def take(peer: Peer, path: str) -> None:
    at = VPath.parse(path)
    peer.tree.directory(at.parent).children.pop(at.name)


@pytest.mark.parametrize("digests", [True, False])
def test_an_older_file_of_the_same_size_is_not_taken_for_what_was_sent(desk, digests):
    at = desk(overwrite_rule="overwrite", retry_wait="5")
    at.target.makes_digests = digests
    at.target.put("/in/a.csv", b"OLD!", 5)
    at.target.refuses["rename"] = [Refused(Reason.BUSY, "", "busy")]
    at.put("a.csv", b"new!")
    at.start()
    at.pass_time(2)
    take(at.target, f"/in/a.csv{PART}")  # somebody cleans up
    at.pass_time(30)
    assert at.arrived == {"a.csv": b"new!"}
    assert at.left == []


@pytest.mark.parametrize("rule", ["overwrite", "fail"])
def test_what_has_its_name_already_is_not_sent_again_where_digests_say_so(desk, rule):
    at = desk(overwrite_rule=rule, retry_wait="5")
    if rule == "overwrite":
        at.target.put("/in/a.csv", b"OLD!", 5)
    rename = MemoryRemote.rename

    async def cut(remote: Any, *words: Any, **named: Any) -> None:
        await rename(remote, *words, **named)
        remote.cut()
        raise Refused(Reason.ABORTED, "", "cut")

    at.put("a.csv", b"new!")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MemoryRemote, "rename", cut)
        at.start()
    at.pass_time(200, step=5)
    assert at.arrived == {"a.csv": b"new!"}
    assert at.left == []
    assert at.target.asked_for("upload") == [f"/in/a.csv{PART}"]


def test_what_has_another_content_once_it_has_its_name_is_sent_again(desk):
    at = desk(overwrite_rule="overwrite", retry_wait="5")
    rename = MemoryRemote.rename

    async def mixed_up(remote: Any, *words: Any, **named: Any) -> None:
        await rename(remote, *words, **named)
        at.target.put("/in/a.csv", b"it!!")

    at.put("a.csv", b"new!")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MemoryRemote, "rename", mixed_up)
        at.start()
    assert at.left == ["a.csv"]
    at.pass_time(30)
    assert at.arrived == {"a.csv": b"new!"}
    assert at.left == []


# Remembered.


def test_what_was_sent_is_remembered_for_a_while(desk):
    at = desk(transfer_memory_duration="1h", overwrite_rule="overwrite")
    at.put("a.csv")
    at.start()
    at.pass_time(20)
    at.put("a.csv")
    at.pass_time(600, step=10)
    assert at.left == ["a.csv"]
    assert at.numbers.count(DONE) == 1
    at.put("a.csv", modified=2000)
    at.pass_time(60)
    assert at.left == []


def test_what_it_is_doing_can_be_seen(desk):
    at = desk(schedule="zone UTC\n08:00-start, 18:00-stop")
    at.put("a.csv", b"x" * 10_000)
    at.put("b.csv")
    at.target.put("/in/b.csv", b"old")
    at.target.late = True
    at.target.hangs.add("commit")
    at.start()
    shown = Begun(at.transfer.describe()).result
    (moving,) = shown["moving"]
    assert moving == {"path": "/out/a.csv", "size": 10_000, "done": 10_000, "step": "sending"}
    assert shown["state"] == "started"
    assert shown["queue"] == {"sending": 1, "stable": 1}
    assert shown["failures"] == []
    assert shown["next"].startswith("stop at 2030-03-17T18:00")
    at.target.answer()
