"""Rows of web sessions: sealed, told once where they are nobody's, and asked for in parts."""

import base64
from typing import Any

import pytest

from mft.auth.base import Seen
from mft.core.peer import Actor, Address, Component
from mft.daemon.cluster import web_session_rows
from mft.daemon.cluster.web_session_rows import LAPSE, WebSessionRows
from mft.events import catalogue as events
from mft.protocols.shared_sessions import Record
from tests.fakes.run import run
from tests.fakes.trail import Trail
from tests.fakes.web_session_rows import FakeCluster

SEEN = Seen("method-1", "id-ann", "ann", frozenset(("password",)), "mark")
RECORD = Record(
    "0" * 64,
    Component("web-1", "http", "web"),
    Actor("id-ann", "ann"),
    Address("192.0.2.7", 1),
    "node-1",
    60.0,
    SEEN,
)


class Answering(FakeCluster):
    """A cluster whose database gives what it was given; it keeps what it was asked."""

    def __init__(self, uuid: str = "node-1") -> None:
        super().__init__(uuid)
        self.asked: list[Any] = []
        self.told = ""
        self.idle: list[list[str]] = []  # what is told to be idle, once

    async def ask(self, *calls: Any, key: str = "") -> list[Any]:
        self.asked.append(calls)
        for call in calls:
            self.told = call.values.get("new", self.told)
        if self.idle:
            found, self.idle = self.idle, []
            return [found]
        return [[[self.told]] for _ in calls]


def made() -> tuple[WebSessionRows, Answering, Trail]:
    cluster, trail = Answering(), Trail()
    return WebSessionRows(cluster, trail), cluster, trail  # type: ignore[arg-type]  # a fake


def test_nothing_that_is_told_of_an_account_can_be_read_in_the_database() -> None:
    rows, cluster, _ = made()
    run(rows.keep([RECORD]))
    values = str([call.values for call in cluster.asked[0]])
    for word in ("ann", "password", "mark", "method-1", "web-1", "192.0.2.7"):
        assert word not in values
    assert run(rows.find(RECORD.digest)) == RECORD


@pytest.mark.parametrize(
    "told", ["", "AAAA", "no base 64", "é", base64.b64encode(b"x" * 99).decode()]
)
def test_a_row_that_no_node_has_written_is_nobodys_and_told_once(told: str) -> None:
    rows, cluster, trail = made()
    cluster.told = told
    assert run(rows.find(RECORD.digest)) is None
    assert run(rows.find(RECORD.digest)) is None
    assert trail.events == [events.WEB_SESSION_FORGED]
    assert trail.told[0].payload.name == "cluster"


def test_a_row_of_another_token_is_nobodys() -> None:
    rows, _, trail = made()
    run(rows.keep([RECORD]))
    assert run(rows.find("1" * 64)) is None
    assert trail.events == [events.WEB_SESSION_FORGED]


def test_what_was_told_of_is_forgotten_when_it_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_session_rows, "MOST_FORGED", 2)
    rows, cluster, trail = made()
    cluster.told = "forged"
    for number in range(5):
        run(rows.find(f"{number:064x}"))
    assert trail.count(events.WEB_SESSION_FORGED) == 5
    assert len(rows._forged) <= 2


def test_many_are_asked_for_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_session_rows, "AT_ONCE", 2)
    rows, cluster, _ = made()
    run(rows.use([RECORD._replace(digest=f"{number:064x}") for number in range(201)]))
    assert [len(calls) for calls in cluster.asked] == [2, 2, 1]
    run(rows.use([]))
    assert len(cluster.asked) == 3


def test_uses_are_told_sooner_where_nodes_die_sooner() -> None:
    assert made()[0].lapse == 1.0
    cluster = Answering()
    cluster.options = cluster.options.model_copy(update={"node_timeout": 3600.0})
    assert WebSessionRows(cluster, Trail()).lapse == LAPSE  # type: ignore[arg-type]  # a fake


def test_one_that_is_nobodys_and_idle_is_ended_without_a_word() -> None:
    rows, cluster, trail = made()
    cluster.told = "forged"
    cluster.idle = [["1" * 64, "forged"]]
    assert run(rows.end_idle("forged")) == (["1" * 64], [])
    assert trail.told == []
