"""When accounts were used is the same on every node: it is told, and heard."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.daemon.state.heard_logins import EVERY, OVERLAP, PRESENT, HeardLogins
from mft.daemon.state.last_logins import LastLogins
from mft.resources.cluster_accounts import USED_AT, USED_SINCE
from mft.resources.cluster_calls import Call, Row
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

AHEAD = 3600.0  # seconds that the clock of the database is ahead
DAY = 86400.0


class Accounts:
    """A cluster with nothing but the table of accounts."""

    def __init__(self) -> None:
        self.rows: dict[str, float] = {}
        self.asked: list[float] = []  # since when, each time
        self.away = False
        self.joined = True
        self.ahead = AHEAD
        self.on_join: list[Callable[[], object]] = []
        self.on_beat: list[Callable[[], object]] = []

    async def ask(self, *calls: Call, key: str = "") -> list[list[Row]]:
        """Answer one call."""
        if self.away:
            raise Refused(Reason.BROKEN, "", "away")
        (call,) = calls
        values = call.values
        if call.statement is USED_AT:
            assert key
            self.rows[values["account"]] = max(
                values["used"], self.rows.get(values["account"], 0.0)
            )
            return [[]]
        assert call.statement is USED_SINCE
        self.asked.append(values["since"])
        return [[one for one in sorted(self.rows.items()) if one[1] >= values["since"]]]


class Node:
    """One node's last logins, and the cluster that it hears."""

    def __init__(self, state: Path, cluster: Any) -> None:
        self.now = time.time()
        self.here: list[str] = []
        self.last = LastLogins(
            state,
            Inline(),
            Trail(),  # type: ignore[arg-type]  # as much as it needs
            lambda: self.here,
            lambda: self.now,
        )
        self.cluster = cluster
        self.heard = HeardLogins(self.last, lambda: self.now)
        self.heard.use(cluster)

    def beat(self, seconds: float = EVERY) -> None:
        """Let time pass, and one heartbeat."""
        self.now += seconds
        for one in tuple(self.cluster.on_beat):
            one()


@pytest.fixture
def cluster() -> Accounts:
    return Accounts()


def test_what_others_have_seen_before_is_heard_at_once(tmp_path: Path, cluster: Accounts) -> None:
    now = time.time()
    cluster.rows["ann"] = now + AHEAD - 100 * DAY
    node = Node(tmp_path, cluster)
    assert node.last.of("ann") == pytest.approx(now - 100 * DAY)
    assert node.last.of("bob") == node.now


def test_what_others_see_later_is_heard_before_long(tmp_path: Path, cluster: Accounts) -> None:
    node = Node(tmp_path, cluster)
    first = node.last.of("ann")
    cluster.rows["ann"] = node.now + AHEAD + 30
    node.beat(1)
    assert node.last.of("ann") == first
    assert len(cluster.asked) == 1, "it is about days"
    node.beat()
    assert node.last.of("ann") == pytest.approx(first + 30)
    assert cluster.asked[-1] == pytest.approx(node.now - EVERY - 1 + AHEAD - OVERLAP)


def test_what_a_server_knew_when_it_joined_is_told(tmp_path: Path, cluster: Accounts) -> None:
    alone = Node(tmp_path, Accounts())
    alone.last.login("ann")
    alone.last.of("nobody has seen it")
    alone.heard.leave()
    alone.heard.use(cluster)  # type: ignore[arg-type]  # the fake
    assert cluster.rows == {"ann": pytest.approx(alone.now + AHEAD)}


def test_who_stays_for_long_is_told_from_time_to_time(tmp_path: Path, cluster: Accounts) -> None:
    node = Node(tmp_path, cluster)
    node.here = ["ann"]
    node.beat()
    first = cluster.rows["ann"]
    for _ in range(int(PRESENT // EVERY)):
        node.beat()
    assert cluster.rows["ann"] == first
    node.beat()
    assert cluster.rows["ann"] == pytest.approx(node.now + AHEAD)


def test_while_the_database_is_away_nothing_is_lost(tmp_path: Path, cluster: Accounts) -> None:
    node = Node(tmp_path, cluster)
    node.last.of("ann")
    cluster.away = True
    cluster.rows["ann"] = node.now + AHEAD + 5
    node.beat(10 * EVERY)
    cluster.away = False
    node.beat()
    assert node.last.of("ann") == pytest.approx(node.now - 11 * EVERY + 5)


def test_who_has_left_hears_nothing(tmp_path: Path, cluster: Accounts) -> None:
    node = Node(tmp_path, cluster)
    node.heard.leave()
    assert cluster.on_beat == cluster.on_join == []
    node.heard.leave()
    node.beat()
    assert len(cluster.asked) == 1
    run(node.last.save())


def test_a_node_that_joins_again_hears_everything(tmp_path: Path, cluster: Accounts) -> None:
    cluster.joined = False
    node = Node(tmp_path, cluster)
    assert cluster.asked == []
    for _ in range(2):
        for one in cluster.on_join:
            one()
    assert cluster.asked == [0.0, 0.0]
    assert node.last.tell() == {}
