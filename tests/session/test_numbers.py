"""Every protocol has an event for each outcome of each operation."""

from dataclasses import fields

import pytest

from mft.events import payloads as p
from mft.events.model import Group
from mft.protocols.ssh.events import NUMBERS as SSH
from mft.session.numbers import Numbers, Outcome

PROTOCOLS = pytest.mark.parametrize("numbers", [SSH], ids=["ssh"])
DONE = ("opened", "upload_done", "download_done", "change_done")


def outcomes(numbers: Numbers) -> dict[str, Outcome]:
    given = {field.name: getattr(numbers, field.name) for field in fields(Numbers)}
    return {name: value for name, value in given.items() if isinstance(value, Outcome)}


@PROTOCOLS
def test_no_event_stands_for_two_outcomes(numbers: Numbers) -> None:
    every = [event for outcome in outcomes(numbers).values() for event in outcome if event]
    every += [
        getattr(numbers, field.name)
        for field in fields(Numbers)
        if field.name not in outcomes(numbers)
    ]
    assert len({event.number for event in every}) == len(every)


@PROTOCOLS
def test_success_and_failure_are_in_their_groups(numbers: Numbers) -> None:
    for outcome in outcomes(numbers).values():
        assert Group.SUCCESS in outcome.done.groups
        assert Group.FAILURE in outcome.failed.groups
    for field in fields(Numbers):
        if field.name not in outcomes(numbers):
            wanted = Group.SUCCESS if field.name in DONE else Group.FAILURE
            assert wanted in getattr(numbers, field.name).groups, field.name


@PROTOCOLS
def test_a_failure_says_why(numbers: Numbers) -> None:
    for outcome in outcomes(numbers).values():
        assert "details" in dict(outcome.failed.keys), outcome.failed
    for field in fields(Numbers):
        if field.name.endswith("failed"):
            assert "details" in dict(getattr(numbers, field.name).keys), field.name
    assert numbers.opened.payload is p.Opened


def test_a_protocol_that_lacks_an_event_cannot_be_built() -> None:
    given = {field.name: getattr(SSH, field.name) for field in fields(Numbers)}
    del given["rename"]
    with pytest.raises(TypeError, match="rename"):
        Numbers(**given)
