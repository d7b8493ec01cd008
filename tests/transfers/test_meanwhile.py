"""What happens at one end, to the clock or to another transfer while a file is on its way."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mft.core.peer import Component
from mft.events import catalogue as events
from mft.transfers.queue import Queue
from mft.transfers.transfer import Transfer
from tests.fakes.lending import Begun
from tests.fakes.transferring import Desk, options


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(**given: str) -> Desk:
        made.append(Desk(tmp_path, **given))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        assert one.logged == []


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
