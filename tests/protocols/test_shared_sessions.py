"""Records of web sessions: what one node writes another reads, and nothing else is one."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.auth.base import Seen
from mft.core.peer import Actor, Address, Component, Origin
from mft.protocols.shared_sessions import ALONE, MAX_RECORD, Record
from tests.fakes.run import run

SEEN = Seen("method-1", "id-ann", "ann", frozenset(("password", "one-time-code")), '{"a": "b"}')
RECORD = Record(
    "0" * 64,
    Component("web-1", "https", "web"),
    Actor("id-ann", "ann", "ann@example.com"),
    Address("2001:db8::7", 50000),
    "node-1",
    300.0,
    SEEN,
)
TOLD = json.loads(RECORD.to_bytes())
texts = st.text(max_size=30)


def test_what_is_written_is_read() -> None:
    assert Record.read(RECORD.digest, RECORD.to_bytes()) == RECORD
    assert b"0" * 64 not in RECORD.to_bytes()


def test_its_events_are_told_of_who_began_it() -> None:
    assert RECORD.origin == Origin(RECORD.actor, RECORD.peer, RECORD.service)


@given(texts, texts, st.frozensets(texts, max_size=4), st.floats(0.01, 86400))
def test_whatever_an_account_is_called_it_is_read_as_it_was(
    name: str, trace: str, kinds: frozenset[str], idle: float
) -> None:
    seen = Seen("m", name, name, kinds, trace)
    record = RECORD._replace(actor=Actor(name, name, name), idle=idle, seen=seen)
    data = record.to_bytes()
    assert data.isascii()
    assert Record.read(record.digest, data) == record


@pytest.mark.parametrize(
    "change",
    [
        {"seen": ["m", "a", "n", ["password"]]},
        {"seen": ["m", "a", "n", "password", "t"]},
        {"seen": ["m", "a", "n", [1], "t"]},
        {"seen": ["m", None, "n", [], "t"]},
        {"seen": {}},
        {"peer": ["192.0.2.7", "1"]},
        {"peer": ["192.0.2.7", True]},
        {"peer": [1, 1]},
        {"peer": "192.0.2.7"},
        {"service": ["a", "b"]},
        {"actor": ["a", "b", "c", "d"]},
        {"node": 1},
        {"idle": 0.0},
        {"idle": -1.0},
        {"idle": 10},
        {"idle": True},
        {"idle": 1e9},
        {"idle": float("nan")},
        {"idle": "10"},
        {"more": 1},
    ],
)
def test_what_has_another_form_is_none(change: dict[str, Any]) -> None:
    data = json.dumps({**TOLD, **change}).encode()
    with pytest.raises(ValueError, match=r"^has "):
        Record.read("0", data)


@pytest.mark.parametrize("missing", sorted(TOLD))
def test_neither_is_what_lacks_something(missing: str) -> None:
    data = json.dumps({key: value for key, value in TOLD.items() if key != missing}).encode()
    with pytest.raises(ValueError, match="other keys"):
        Record.read("0", data)


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b"{}"])
def test_nor_what_is_none_at_all(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Record.read("0", data)


def test_one_that_is_too_long_is_not_looked_at() -> None:
    with pytest.raises(ValueError, match="too long"):
        Record.read("0", b"{" * (MAX_RECORD + 1))


@pytest.mark.fuzz
@given(st.binary(max_size=400))
def test_no_bytes_break_it(data: bytes) -> None:
    with suppress(ValueError):
        Record.read("0", data)


def test_one_node_alone_shares_nothing() -> None:
    here: Any = object()
    ALONE.attend(here)
    ALONE.leave(here)
    assert not ALONE.shares
    assert not ALONE.waits("0")
    run(ALONE.keep(RECORD))
    assert run(ALONE.find("0")) is None
    assert run(ALONE.end(RECORD))
    run(ALONE.end_others("id-ann", "web-1", "", [RECORD], "why"))
