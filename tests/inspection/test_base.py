"""A file of any size is read in steps of one size."""

import pytest

from mft.core.failure import Reason, Refused
from mft.inspection.base import BLOCK, Outcome, Verdict, fed, piece
from tests.fakes.inspections import gone, subject
from tests.fakes.run import run
from tests.fakes.threads import Inline


def test_every_byte_is_given_once_and_in_order() -> None:
    data, taken = bytes(range(256)) * 2000, []
    one = subject(data)
    run(fed(one, Inline(), lambda view: taken.append(bytes(view)), len(data)))
    assert b"".join(taken) == data
    assert max(map(len, taken)) == BLOCK


def test_only_what_is_wanted_is_read() -> None:
    taken: list[bytes] = []
    run(fed(subject(b"abcdef"), Inline(), lambda view: taken.append(bytes(view)), 4))
    assert taken == [b"abcd"]
    assert run(piece(subject(b"abcdef", most=1), 2, 3)) == b"cde"


def test_what_takes_says_when_it_has_enough() -> None:
    one = subject(bytes(BLOCK * 5))
    run(fed(one, Inline(), lambda view: True, one.size))
    assert one.source.reads == 1


def test_a_file_that_becomes_shorter_is_refused() -> None:
    for reading in (
        fed(subject(b"abc", size=9), Inline(), lambda view: None, 9),
        piece(subject(b"abc", size=9), 0, 9),
    ):
        with pytest.raises(Refused) as refused:
            run(reading)
        assert refused.value.reason is Reason.BROKEN


def test_it_ends_where_nobody_waits_any_more() -> None:
    with pytest.raises(Refused) as refused:
        run(fed(subject(b"abc", go_on=gone), Inline(), lambda view: None, 3))
    assert refused.value.reason is Reason.ABORTED


def test_verdicts() -> None:
    assert Verdict.passed().outcome is Outcome.PASSED
    assert Verdict.rejected("why", hint="what to do").hint == "what to do"
    assert Verdict.unable("why").details == "why"
    assert subject(b"", "/a/b.txt").name == "b.txt"
