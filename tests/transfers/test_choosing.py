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
from tests.fakes.transferring import PART, Desk, DownDesk, options

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
    around = replace(around, ask=type(around.ask)(around.queue, around.ask._pool))
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


@pytest.mark.parametrize("pipelined", [True, False])
def test_both_names_are_looked_at_at_once_where_that_saves_time(
    tmp_path: Path, pipelined: bool
) -> None:
    at = Desk(tmp_path)
    at.target.pipelined = pipelined
    at.target.hangs.add("stat")
    at.put("a.csv")
    at.start()
    looked = ["/in/a.csv", f"/in/a.csv{PART}"]
    assert at.target.asked_for("stat") == looked[: 1 + pipelined]
    at.target.answer()
    at.pass_time(2)
    assert at.arrived == {"a.csv": b"data"}
    at.stop()


@pytest.mark.parametrize("which", [0, 1])
def test_either_look_that_fails_is_a_try_that_has_failed(tmp_path: Path, which: int) -> None:
    at = Desk(tmp_path, retry_wait="5")
    at.target.pipelined = True
    at.target.hangs.add("stat")
    at.put("a.csv")
    at.start()
    answers = [Refused(Reason.NOT_FOUND, ""), Refused(Reason.NOT_FOUND, "")]
    answers[which] = Refused(Reason.DENIED, "", "not now")
    at.target.refuses["stat"] = answers
    at.target.answer()
    at.pass_time(1)
    assert at.arrived == {}
    at.target.refuses.clear()
    at.pass_time(30)
    assert at.arrived == {"a.csv": b"data"}
    at.stop()
    assert at.logged == []
