"""Names at a destination of this machine, where what others have begun cannot be seen."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import VPath
from mft.transfers.queue import Queue
from mft.transfers.transfer import Transfer
from tests.fakes.lending import Begun
from tests.fakes.transferring import DownDesk, options

OLD, NEW = b"A" * 100_000, b"B" * 100_000


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., DownDesk]]:
    made: list[DownDesk] = []

    def make(**given: str) -> DownDesk:
        made.append(DownDesk(tmp_path, overwrite_rule="overwrite", **given))
        made[-1].source.makes_digests = False
        return made[-1]

    yield make
    for one in made:
        one.stop()
        assert one.logged == []


def cut(at: DownDesk) -> None:
    """Half of a file arrives, and stays hidden."""
    at.put("a.csv", OLD, 1000)
    at.source.breaks_after = 50_000
    at.source.hangs.add("download")
    at.start()
    at.source.refuses["connect"] = [Refused(Reason.ABORTED, "", "down")]
    at.source.answer()
    at.pass_time(3)
    at.source.breaks_after = None
    (part,) = at.arrived.values()
    assert 0 < len(part) < len(OLD)


def test_a_part_of_the_file_as_it_was_is_not_gone_on_with(desk):
    at = desk(retry_count="0")
    cut(at)
    at.source.tree.directory(VPath.parse("/out")).children.clear()
    at.pass_time(2000, step=20)  # the look that had to wait is followed by a long rest
    at.put("a.csv", NEW, 2000)
    at.pass_time(60)
    assert at.arrived["a.csv"] == NEW
    assert at.left == []


def test_what_another_transfer_has_begun_is_not_gone_on_with(desk):
    at = desk()
    cut(at)
    at.archive.put("/out/a.csv", NEW, 2000)
    given = {"source_uuid": "archive", "destination_uuid": "local", "destination_path": "in"}
    around = replace(
        at.around(),
        component=Component("t-2", "transfer", "two"),
        options=options(**given, overwrite_rule="overwrite"),
        queue=Queue(at.directory / "t-2.db"),
    )
    around = replace(around, ask=type(around.ask)(around.queue, around.ask._disk))
    other = Transfer(around, at.lending)
    Begun(other.start())
    at.pass_time(60)
    assert at.arrived["a.csv"] == NEW
    Begun(other.stop())


@pytest.mark.parametrize(
    "name", ["a.csv", "\N{LATIN SMALL LETTER A WITH DIAERESIS}" * 124 + ".csv"]
)
def test_a_part_of_this_very_file_is_gone_on_with(desk, name):
    at = desk(retry_wait="5")
    at.put(name, OLD)
    at.source.breaks_after = 50_000
    at.start()
    at.source.breaks_after = None
    at.pass_time(200)
    assert at.arrived == {name: OLD}
    (again,) = at.payloads(60012)
    assert 0 < again.transferred_size < len(OLD)
