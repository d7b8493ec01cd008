"""Leases of a cluster, in real databases: one holder at a time, whatever happens.

And runs of transfers that are asked of one node, for the one that holds the lease.
"""

import signal
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from mft.core.failure import Reason
from mft.events import catalogue as events
from mft.resources.cluster_leases import key_of
from mft.resources.cluster_runs import AskedRuns
from mft.resources.cluster_tables import digest_of
from tests.fakes.cluster_nodes import (
    BEAT,
    TIMEOUT,
    Node,
    Tenant,
    ask,
    overlaps,
)
from tests.fakes.clusters import shared_database
from tests.fakes.databases import TYPES
from tests.fakes.loop import run_loop, until
from tests.fakes.refused import refused

Body = Callable[[Node, Node, Any], Awaitable[None]]


@pytest.fixture(scope="module", params=TYPES)
def database(request: pytest.FixtureRequest) -> Iterator[Any]:
    """One of each kind."""
    with shared_database(request.param) as server:
        yield server


@pytest.fixture
def two(database: Any, tmp_path: Path) -> Callable[[Body], None]:
    """Runs a test with two nodes, one of them with a clock that is a day ahead."""

    def run(body: Body) -> None:
        async def main(reactor: Any) -> None:
            nodes = [
                Node(tmp_path, name, database, reactor, ahead=ahead)
                for name, ahead in (("a", 0.0), ("b", 86400.0))
            ]
            for node in nodes:
                await node.start()
            if nodes[0].cluster.joined:  # what earlier tests have left
                ask(database, "DELETE FROM mft_leases")
                ask(database, "DELETE FROM mft_nodes WHERE uuid NOT IN ('a-1', 'b-1')")
            try:
                await until(reactor, lambda: all(len(node.cluster.living) == 2 for node in nodes))
                await body(*nodes, reactor)
            finally:
                for node in nodes:
                    if node.cluster._loop.running:
                        await node.stop()

        run_loop(main)

    return run


def test_one_node_has_it_and_the_other_when_it_is_let_go(two: Any) -> None:
    async def body(a: Node, b: Node, reactor: Any) -> None:
        one = Tenant(a, "transfer/X")
        await until(reactor, lambda: one.has_it)
        other = Tenant(b, "transfer/X")
        await deferLater(reactor, 2 * TIMEOUT)
        assert one.has_it
        assert not other.has_it
        await until(reactor, lambda: b.leases.holder("transfer/X") == "a")
        await one.lease.check()
        with refused(Reason.ABORTED):
            await other.lease.check()
        left = one.lease
        await one.let_go()
        await until(reactor, lambda: other.has_it)
        with refused(Reason.ABORTED):
            await left.check()
        assert other.fences[0] > one.fences[0]
        assert overlaps([one, other]) == []
        assert b.trail.count(events.LEASE_GAINED) == 1
        assert a.trail.count(events.LEASE_LOST) == 0

    two(body)


@pytest.mark.parametrize("set_back", [0, 3600])
def test_a_node_that_is_killed_is_followed_once_its_time_is_over(
    two: Any, database: Any, set_back: int
) -> None:
    """Also when the clock of the database is set back meanwhile, so that it ends in an hour."""

    async def body(a: Node, b: Node, reactor: Any) -> None:
        one, other = Tenant(a, "transfer/X"), None
        await until(reactor, lambda: one.has_it)
        other = Tenant(b, "transfer/X")
        await a.kill()
        left = one.lease.until
        if set_back:
            ask(database, f"UPDATE mft_leases SET until = until + {set_back}")
            ask(database, f"UPDATE mft_nodes SET seen = seen + {set_back}")
        await until(reactor, lambda: other.has_it)
        assert other.heard[0][1] > left
        await until(reactor, lambda: [one.uuid for one in b.cluster.living] == ["b-1"])
        assert other.fences[0] > one.fences[0]

    two(body)


def test_a_frozen_node_counts_it_as_lost_before_the_other_has_it(two: Any) -> None:
    async def body(a: Node, b: Node, reactor: Any) -> None:
        one = Tenant(a, "transfer/X")
        await until(reactor, lambda: one.has_it)
        other = Tenant(b, "transfer/X")
        for _ in range(2):
            holder, next_one = (one, other) if one.has_it else (other, one)
            holder.node.freeze()
            await until(reactor, lambda next_one=next_one: next_one.has_it)
            assert not holder.has_it
            assert holder.node.trail.count(events.LEASE_LOST)
            holder.node.thaw()
            await until(reactor, lambda holder=holder: not holder.node.cluster.away)
        assert overlaps([one, other]) == []
        assert one.fences[0] < other.fences[0] < one.fences[1]

    two(body)


def test_a_database_that_answers_nothing_ends_it_and_one_has_it_again(
    two: Any, database: Any
) -> None:
    async def body(a: Node, b: Node, reactor: Any) -> None:
        one, other = Tenant(a, "transfer/X"), Tenant(b, "transfer/X")
        await until(reactor, lambda: one.has_it or other.has_it)
        database.freeze()
        try:
            await until(reactor, lambda: not one.has_it and not other.has_it)
            await deferLater(reactor, TIMEOUT)
        finally:
            database.freeze(signal.SIGCONT)
        await until(reactor, lambda: one.has_it or other.has_it)
        await deferLater(reactor, TIMEOUT)
        assert one.has_it + other.has_it == 1
        assert overlaps([one, other]) == []

    two(body)


def test_a_database_that_is_started_anew_keeps_what_it_knows(two: Any, database: Any) -> None:
    async def body(a: Node, b: Node, reactor: Any) -> None:
        one = Tenant(a, "transfer/X")
        await until(reactor, lambda: one.has_it)
        other = Tenant(b, "transfer/X")
        database.kill()
        database.start()
        await until(reactor, lambda: not a.cluster.away and not b.cluster.away)
        await until(reactor, lambda: one.has_it or other.has_it)
        await deferLater(reactor, TIMEOUT)
        assert one.has_it + other.has_it == 1
        assert overlaps([one, other]) == []

    two(body)


def test_many_are_renewed_together_and_spread_when_nodes_come_together(two: Any) -> None:
    async def body(a: Node, b: Node, reactor: Any) -> None:
        names = [f"transfer/{number}" for number in range(230)]
        sets = [[Tenant(node, name) for name in names] for node in (a, b)]
        await until(reactor, lambda: all(x.has_it or y.has_it for x, y in zip(*sets, strict=True)))
        counts = [sum(one.has_it for one in tenants) for tenants in sets]
        assert sum(counts) == len(names)
        assert min(counts) > len(names) // 4
        ends = [one.lease.until for tenants in sets for one in tenants if one.has_it]
        held = [one for tenants in sets for one in tenants if one.has_it]
        await until(
            reactor,
            lambda: all(one.lease.until > end for one, end in zip(held, ends, strict=True)),
            "all of them are renewed",
        )
        # The other goes on with all of them, when one leaves.
        leaving = [Deferred.fromCoroutine(one.let_go()) for one in sets[0]]
        await gatherResults(leaving)
        await a.stop()
        await until(reactor, lambda: all(one.has_it for one in sets[1]))

    two(body)


def test_the_node_that_had_it_has_it_again(two: Any) -> None:
    async def body(a: Node, b: Node, reactor: Any) -> None:
        names = [f"transfer/{number}" for number in range(20)]
        firsts = [Tenant(a, name) for name in names]
        await until(reactor, lambda: all(one.has_it for one in firsts))
        others = [Tenant(b, name) for name in names]
        await gatherResults([Deferred.fromCoroutine(one.let_go()) for one in firsts])
        again = [Tenant(a, name) for name in names]
        await until(reactor, lambda: all(one.has_it for one in again))
        assert not any(one.heard for one in others)

    two(body)


def test_one_that_is_meant_for_a_node_that_does_not_want_it_goes_to_another(two: Any) -> None:
    async def body(a: Node, b: Node, reactor: Any) -> None:
        names = [f"transfer/{number}" for number in range(20)]
        mine = [Tenant(a, name) for name in names]
        await until(reactor, lambda: all(one.has_it for one in mine))

    two(body)


def test_what_is_given_up_before_it_was_held_is_free_for_others(two: Any) -> None:
    async def body(a: Node, b: Node, reactor: Any) -> None:
        one = Tenant(a, "transfer/X")
        await a.leases.let_go(one.lease)  # while it is asked for
        await deferLater(reactor, 3 * BEAT)
        other = Tenant(b, "transfer/X")
        await until(reactor, lambda: other.has_it)
        assert one.heard == []

    two(body)


def test_a_node_that_drains_takes_nothing_new(two: Any) -> None:
    async def body(a: Node, b: Node, reactor: Any) -> None:
        one = Tenant(a, "transfer/X")
        await until(reactor, lambda: one.has_it)
        a.cluster.draining = True
        second = Tenant(a, "transfer/Y")
        await deferLater(reactor, 5 * BEAT)
        assert one.has_it
        assert not second.has_it
        other = Tenant(b, "transfer/Y")
        await until(reactor, lambda: other.has_it)

    two(body)


def test_any_name_will_do(two: Any) -> None:
    names = ["transfer/\u00fc", "transfer/" + "x" * 4000, "transfer/\udc80\0 'x"]

    async def body(a: Node, b: Node, reactor: Any) -> None:
        pairs = [(Tenant(a, name), Tenant(b, name)) for name in names]
        for one, other in pairs:
            await until(reactor, lambda one=one, other=other: one.has_it or other.has_it)
        await deferLater(reactor, 2 * BEAT)
        assert [one.has_it + other.has_it for one, other in pairs] == [1] * len(names)

    two(body)


def test_a_run_is_told_until_it_was_taken(two: Any, database: Any) -> None:
    async def body(a: Node, b: Node, reactor: Any) -> None:
        ask(database, "DELETE FROM mft_asked_runs")
        asking, hearing = (AskedRuns(node.cluster, node.logged.append) for node in (a, b))
        heard: list[str] = []
        for transfer in ("X", "Y", "\u00fc" * 3000):
            hearing.heard[transfer] = partial(heard.append, transfer)
        for why in ("event 30068", "event 10078 \udc80\0" + "x" * 1000):
            await asking.ask("X", why)
        await asking.ask("\u00fc" * 3000, "event 30068")
        await until(reactor, lambda: heard.count("X") > 1)
        assert set(heard) == {"X", "\u00fc" * 3000}
        (row,) = ask(
            database,
            f"SELECT node FROM mft_asked_runs WHERE {quoted(b)} = '{digest_of('X')}'",
        )
        assert row == "a-1"
        ask(database, "DELETE FROM mft_asked_runs")
        heard.clear()
        await asking.ask("Y", "event 30068")
        await until(reactor, lambda: "Y" in heard)
        assert set(heard) == {"Y"}
        ask(database, "DELETE FROM mft_asked_runs")
        hearing.unsure.add("X")  # it was taken, perhaps
        await until(reactor, lambda: "X" in heard)
        for one in (asking, hearing):
            one.stop()

    two(body)


def quoted(node: Node) -> str:
    """The column of keys, as its database has it."""
    return "`key`" if node.database.type == "mysql" else "key"


def test_a_run_that_cannot_be_written_down_is_refused(two: Any, database: Any) -> None:
    async def body(a: Node, b: Node, reactor: Any) -> None:
        asking = AskedRuns(a.cluster, a.logged.append)
        database.kill()
        try:
            with refused(Reason.BROKEN, Reason.ABORTED):
                await asking.ask("X", "event 30068")
        finally:
            database.start()
        await until(reactor, lambda: not a.cluster.away and not b.cluster.away)
        asking.stop()

    two(body)


def test_names_that_differ_have_keys_that_differ() -> None:
    names = ["a", "A", "a ", "ä", "a\u0308", "x" * 120, "x" * 121, "x" * 122]
    assert len({key_of(name) for name in names}) == len(names)
    assert all(len(key_of(name)) <= 120 and key_of(name).isascii() for name in names)
