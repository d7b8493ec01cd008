"""What happens at one end, to the clock or to another transfer while a file is on its way."""

from dataclasses import replace
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.transfers.queue import Queue
from mft.transfers.transfer import Transfer
from tests.fakes.lending import Begun
from tests.fakes.remote import MemoryRemote, MemoryRemoteListing
from tests.fakes.transferring import NOW, Desk, hold_folder, options

DAY = 86400.0
BUSY = Refused(Reason.BUSY, "", "try again")


def remove(at: Desk, path: str) -> None:
    where = VPath.parse(path)
    del at.source.tree.directory(where.parent).children[where.name]


# Names at the destination.


@pytest.mark.parametrize("suffix", [".part", "none"])
@pytest.mark.parametrize("files", ["1", "4"])
@pytest.mark.parametrize("rule", ["timestamp-always", "timestamp-to-new-file"])
def test_files_of_one_name_that_were_found_together_all_arrive(desk, rule, files, suffix):
    at = desk(
        recursive="yes",
        destination_path_actions="*, only-filename",
        overwrite_rule=rule,
        destination_temporary_suffix=suffix,
        concurrent_files=files,
        retry_wait="10",
    )
    at.target.late = True
    contents = [f"of customer {number}".encode() for number in range(4)]
    for number, data in enumerate(contents):
        at.put(f"{number}/orders.csv", data)
    at.start()
    at.pass_time(60)
    assert sorted(at.arrived.values()) == contents
    assert at.transfer.tally.failed == 0


@pytest.mark.parametrize(
    ("rule", "arrived", "left"),
    [
        ("fail", [b"theirs"], ["a.csv"]),
        ("skip", [b"theirs"], ["a.csv"]),
        ("overwrite", [b"ours"], []),
        ("timestamp-to-new-file", [b"theirs", b"ours"], []),
        ("timestamp-to-existing-file", [b"theirs", b"ours"], []),
    ],
)
def test_a_name_that_is_taken_while_a_file_is_sent_is_dealt_with_as_the_rule_says(
    desk, rule, arrived, left
):
    at = desk(overwrite_rule=rule, retry_count="0")
    at.put("a.csv", b"ours")
    at.target.hangs.add("write")
    at.target.late = True
    at.start()
    at.target.put("/in/a.csv", b"theirs")
    at.target.answer()
    assert sorted(at.arrived.values(), reverse=True) == arrived
    assert at.left == left
    assert (at.transfer.tally.failed, at.transfer.tally.skipped) == (rule == "fail", rule == "skip")
    begun = at.numbers.count(events.TRANSFER_FILE_STARTS.number)
    assert begun == 1 == at.numbers.count(60012) + at.numbers.count(60013)


def second(at: Desk, **given: str) -> Transfer:
    """Another transfer to the same folder."""
    queue = Queue(at.directory / "t-2.db")
    around = replace(
        at.around(),
        component=Component("t-2", "transfer", "second"),
        options=options(source_uuid="archive", source_path="/kept", **given),
        queue=queue,
    )
    around = replace(around, ask=type(around.ask)(queue, around.ask._pool))
    return Transfer(around, at.lending)


@pytest.mark.parametrize("rule", ["overwrite", "timestamp-to-new-file"])
def test_two_transfers_that_begin_one_name_at_once_never_write_into_one_file(desk, rule):
    at = desk(overwrite_rule=rule)
    other = second(at, overwrite_rule=rule)
    at.put("a.csv", b"A" * 10_000)
    at.archive.put("/kept/a.csv", b"B" * 10_000)
    at.target.hangs.add("upload")  # so that both have seen that nothing is there
    at.start()
    Begun(other.start())
    one, two = at.target.asked_for("upload")
    assert one != two
    at.target.answer()
    at.pass_time(20)
    assert at.left == at.archive.names("/kept") == []
    both = {b"A" * 10_000, b"B" * 10_000}
    assert set(at.arrived.values()) <= both
    assert len(at.arrived) == (1 if rule == "overwrite" else 2)
    Begun(other.stop())


# The source.


def test_a_file_that_changes_again_while_a_look_goes_on_is_sent_as_it_is_then(desk, monkeypatch):
    at = desk(retry_count="0")
    at.put("a.csv", b"one", 1000)
    at.source.hangs.add("download")
    at.start()
    held, run = hold_folder(at, monkeypatch)
    at.put("a.csv", b"second", 1001)
    at.source.answer()
    held.callback(None)
    at.pass_time(20)
    assert at.arrived == {"a.csv": b"second"}
    assert (run.state, run.error, at.transfer.tally.failed) == ("ended", "", 0)


def test_a_file_that_is_replaced_twice_before_it_can_be_sent_is_sent_as_it_is_then(desk):
    """Though looks find the same size and the same second both times."""
    at = desk(retry_count="0", concurrent_files="1")
    at.start()
    for data in (b"third", b"the fourth"):
        at.put("a.csv", b"four", 1000)
        at.source.hangs.add("download")
        at.pass_time(11)
        at.put("a.csv", data, 1000)
        at.source.answer()
    at.pass_time(20)
    assert at.arrived == {"a.csv": b"the fourth"}
    assert at.transfer.tally.failed == 0


def test_a_name_that_a_folder_tells_twice_is_one_file(desk, monkeypatch):
    at = desk()
    at.put("a.csv")
    batch = MemoryRemoteListing.batch

    async def twice(listing: MemoryRemoteListing) -> Any:
        return [*await batch(listing)] * 2

    monkeypatch.setattr(MemoryRemoteListing, "batch", twice)
    at.start()
    at.pass_time(5)
    assert list(at.arrived) == ["a.csv"]
    assert not at.has_told(events.TRANSFER_LISTING_FAILED)


PUT_ASIDE = {
    "archive_location_uuid": "archive",
    "archive_failure_path": "/kept",
    "retry_count": "0",
    "changes_poll_interval": "1h",
}


@pytest.mark.parametrize("again", ["a run", "a restart"])
def test_what_was_put_aside_has_not_vanished(desk, again):
    at = desk(**PUT_ASIDE)
    at.put("a.csv")
    at.target.put("/in/a.csv", b"old")
    at.start()
    assert at.transfer.tally.failed == 1
    assert at.archive.names("/kept")
    if again == "a run":
        at.transfer.run("the test asks for it")
    else:
        at.stop()
        at.restart()
    at.pass_time(5)
    assert not at.has_told(events.TRANSFER_SOURCE_VANISHED)
    assert at.numbers.count(events.TRANSFER_FILE_FAILED.number) == 1


def test_what_is_put_aside_while_a_look_goes_on_is_not_found_by_it(desk, monkeypatch):
    at = desk(**PUT_ASIDE)
    at.put("a.csv")
    at.target.hangs.add("stat")
    at.start()
    held, _ = hold_folder(at, monkeypatch)
    at.target.refuses["stat"] = [Refused(Reason.DENIED, "", "no")]
    at.target.answer()
    assert at.left == []
    held.callback(None)
    at.pass_time(5)
    assert not at.has_told(events.TRANSFER_SOURCE_VANISHED)
    assert at.numbers.count(events.TRANSFER_FILE_FAILED.number) == 1


@pytest.mark.parametrize("then", ["changes", "goes"])
def test_what_has_its_name_is_told_though_its_source_is_another_by_then(desk, monkeypatch, then):
    at = desk(overwrite_rule="timestamp-to-new-file", retry_wait="5")
    rename = MemoryRemote.rename

    async def cut(remote: Any, *words: Any, **named: Any) -> None:
        await rename(remote, *words, **named)
        remote.cut()
        raise Refused(Reason.ABORTED, "", "cut")

    at.put("a.csv", b"first")
    with monkeypatch.context() as patched:
        patched.setattr(MemoryRemote, "rename", cut)
        at.start()
    if then == "changes":
        at.put("a.csv", b"the second", 2000)
    else:
        remove(at, "/out/a.csv")
    at.pass_time(200, step=5)
    told = [one.destination_path for one in at.payloads(events.TRANSFER_FILE_DONE.number)]
    assert told[0] == "/in/a.csv"
    assert len(told) == len(at.arrived) == (2 if then == "changes" else 1)
    assert at.arrived["a.csv"] == b"first"
    assert (at.transfer.tally.failed, at.left) == (0, [])


# Batches.


@pytest.mark.parametrize("then", ["goes", "changes"])
def test_a_batch_ends_though_its_last_file_leaves_it(desk, then):
    at = desk(batch_interval="5", retry_wait="1h", execute_after_success="/bin/tell")
    at.put("a.csv")
    at.put("b.csv")
    at.target.put("/in/b.csv", b"old")
    at.start()
    at.pass_time(20)
    assert at.left == ["b.csv"]  # and waits for its next try
    assert at.programs.names == []
    if then == "goes":
        remove(at, "/out/b.csv")
    else:
        at.put("b.csv", b"longer", 1001)
    at.pass_time(12)
    (done,) = at.payloads(events.TRANSFER_JOB_DONE.number)
    assert done.paths == ["/out/a.csv"]
    assert at.programs.names == ["/bin/tell"]


@pytest.mark.parametrize("ignored", ["no", "yes"])
def test_a_marker_stays_where_a_file_of_its_batch_has_vanished_if_that_is_a_failure(desk, ignored):
    at = desk(batch_marker_path="*.done", concurrent_files="1", ignore_missing_source_files=ignored)
    for name in ("a.csv", "b.csv", "x.done"):
        at.put(name)
    at.source.hangs.add("download")
    at.start()
    at.pass_time(30)
    remove(at, "/out/b.csv")
    at.source.answer()
    at.pass_time(30)
    ended = at.payloads(events.TRANSFER_JOB_FAILED.number)
    if ignored == "yes":
        assert sorted(at.arrived) == ["a.csv", "x.done"]
        assert ended == []
    else:
        assert list(at.arrived) == ["a.csv"]
        assert at.left == ["x.done"]
        assert ended[0].failed_paths == ["/out/b.csv", "/out/x.done"]


# The clock.


class Wall:
    """The clock on the wall of a transfer, which may be wrong."""

    def __init__(self, at: Desk, wrong: float = 0.0) -> None:
        self.wrong = wrong
        around = at.transfer._around
        real = around.now
        object.__setattr__(around, "now", lambda: real() + self.wrong)


def test_a_wait_that_ends_between_two_questions_to_the_queue_is_no_end_of_a_run(desk, monkeypatch):
    at = desk(enabled="no", retry_wait="10")
    at.put("a.csv")
    at.target.refuses["upload"] = [BUSY]
    at.start()
    run = at.transfer.run("the test asks for it")
    at.pass_time(9)
    wall = Wall(at)
    take = Queue.take

    def slow(queue: Queue, *words: Any) -> Any:
        found = take(queue, *words)
        wall.wrong += 2.0
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Queue, "take", slow)
        at.transfer._ring()
    at.pass_time(5)
    assert (run.state, run.done) == ("ended", 1)
    assert at.left == []


@pytest.mark.parametrize("interval", [None, "5"])
def test_files_rest_no_longer_after_the_clock_was_set_back(desk, interval):
    batches = {"batch_interval": interval} if interval else {}
    at = desk(stable_interval="10", changes_poll_interval="5", **batches)
    wall = Wall(at, DAY)
    at.put("a.csv")
    at.start()
    at.pass_time(13 if interval else 1)  # so that it waits for others, or rests
    wall.wrong = 0.0
    at.pass_time(40)
    assert at.left == []


def test_files_wait_no_longer_for_a_try_after_the_clock_was_set_back(desk):
    at = desk(retry_wait="10")
    wall = Wall(at, DAY)
    at.put("a.csv")
    at.target.refuses["upload"] = [BUSY]
    at.start()
    wall.wrong = 0.0
    at.pass_time(15)
    assert at.left == []
    assert at.clock.seconds() < NOW + DAY
