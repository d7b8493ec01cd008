"""What a process knows of files, and could not write into the queue."""

from dataclasses import replace

import pytest

from mft.core.vpath import VPath
from mft.transfers import unwritten as module
from mft.transfers.rows import SENT, VERIFIED, Row
from mft.transfers.unwritten import Known, Unwritten

ROW = Row(7, VPath.parse("/a"), 1, 50, SENT, 100.0)


def test_what_is_known_of_a_file_is_used_until_the_queue_has_it() -> None:
    unwritten, further = Unwritten(), replace(ROW, state=VERIFIED)
    assert unwritten.find(ROW) == Known(ROW)
    unwritten.keep(further)
    assert unwritten.find(ROW) == Known(further, None)
    unwritten.keep(further, same=False)
    assert unwritten.find(ROW) == Known(further, False)
    unwritten.forget(ROW)
    assert unwritten.find(ROW) == Known(ROW)


@pytest.mark.parametrize("other", [replace(ROW, found=101.0), replace(ROW, path=VPath.parse("/b"))])
def test_another_file_of_the_same_number_is_not_taken_for_it(other: Row) -> None:
    unwritten = Unwritten()
    unwritten.keep(replace(ROW, state=VERIFIED))
    assert unwritten.find(other) == Known(other)


def test_so_many_are_remembered_and_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    unwritten = Unwritten()
    for number in (1, 2, 1, 3, 4):
        unwritten.keep(replace(ROW, id=number, state=VERIFIED))
    known = [unwritten.find(replace(ROW, id=number)).row.state for number in (1, 2, 3, 4)]
    assert known == [VERIFIED, SENT, VERIFIED, VERIFIED]
