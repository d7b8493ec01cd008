"""A fault of ours: the log has its trace, the peer its id, and both have the same."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from mft.protocols.faults import broke


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    heard: list[Any] = []
    observe: Any = heard.append
    globalLogPublisher.addObserver(observe)
    yield heard
    globalLogPublisher.removeObserver(observe)


def fault() -> Failure:
    """A failure with a trace."""
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError:
        return Failure()


def test_the_log_has_the_trace_under_the_id(logged: list[Any]) -> None:
    failure = fault()
    identity = broke("a request", failure)
    assert re.fullmatch(r"[0-9a-f]{8}", identity)
    (event,) = logged
    assert formatEvent(event) == f"a request broke ({identity})"
    assert event["log_failure"] is failure
    assert event["log_level"].name == "critical"
    assert event["log_namespace"] == "mft.protocols"


def test_every_fault_has_an_id_of_its_own(logged: list[Any]) -> None:
    assert len({broke("a request", fault()) for _ in range(50)}) == 50
    assert len(logged) == 50


def test_what_is_no_failure_is_told_in_its_words(logged: list[Any]) -> None:
    broke("a login", "the pool is gone")
    assert logged[0]["log_failure"].getErrorMessage() == "the pool is gone"


def test_braces_in_what_broke_are_only_text(logged: list[Any]) -> None:
    identity = broke("{a} {", fault())
    assert formatEvent(logged[0]) == f"{{a}} {{ broke ({identity})"
