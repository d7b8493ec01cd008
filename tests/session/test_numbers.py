"""Every protocol has an event for each outcome of each operation."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from mft.events.model import Event, Group
from mft.protocols.ftp.events import NUMBERS as FTP
from mft.protocols.ssh.events import NUMBERS as SSH
from mft.session.numbers import Closed, Numbers, Opened

PROTOCOLS = pytest.mark.parametrize("numbers", [SSH, FTP], ids=["ssh", "ftp"])
# What a protocol does not know as a request of its own, told as the nearest that it has.
SAME = {
    id(SSH): {"enter": "stat", "reading": "writing", "appending": "writing"},
    id(FTP): {"read_link": "stat", "change": "upload"},
}


def rows(numbers: Numbers) -> dict[str, Any]:
    return {field.name: getattr(numbers, field.name) for field in fields(Numbers)}


def events(row: Any) -> list[Event[Any]]:
    each = row if isinstance(row, tuple) else (row,)
    return [one for one in each if isinstance(one, Event)]


def outcomes(numbers: Numbers) -> Iterator[tuple[str, Any]]:
    for name, row in rows(numbers).items():
        if isinstance(row, tuple):
            yield name, row


@PROTOCOLS
def test_no_event_stands_for_two_outcomes(numbers: Numbers) -> None:
    same = SAME[id(numbers)]
    given = rows(numbers)
    every = [event for name, row in given.items() if name not in same for event in events(row)]
    assert len({event.number for event in every}) == len(every)
    for name, nearest in same.items():
        assert given[name] is given[nearest]


@PROTOCOLS
def test_success_and_failure_are_in_their_groups(numbers: Numbers) -> None:
    for name, row in outcomes(numbers):
        assert Group.SUCCESS in row.done.groups, name
        assert Group.FAILURE in row.failed.groups, name
        if not isinstance(row, Opened | Closed) and row.asked is not None:
            assert Group.INFORMATIONAL in row.asked.groups, name
    for event in (numbers.read_failed, numbers.write_failed):
        assert event is None or Group.FAILURE in event.groups


@PROTOCOLS
def test_a_failure_says_why_and_of_which_path(numbers: Numbers) -> None:
    for name, row in outcomes(numbers):
        keys = {key for _, key in row.failed.keys}
        assert {"path", "real_path", "details"} <= keys, name
        assert {"path", "real_path"} <= {key for _, key in row.done.keys}, name


def test_a_protocol_that_lacks_an_event_cannot_be_built() -> None:
    given = rows(SSH)
    del given["rename"]
    with pytest.raises(TypeError, match="rename"):
        Numbers(**given)
