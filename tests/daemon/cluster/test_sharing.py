"""A server in a cluster: its transfers have turns, and it tells of accounts only in its turn."""

import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from mft.core.failure import Reason
from mft.daemon.cluster.sharing import Sharing, shared_of
from mft.daemon.service import Daemon
from mft.events import catalogue as events
from mft.resources.cluster_tables import digest_of
from mft.transfers.transfer import State
from tests.daemon.test_transfers import SHARE, asked, instance, put, transfer
from tests.fakes.cluster_nodes import ask
from tests.fakes.clusters import shared_database
from tests.fakes.daemons import Instance
from tests.fakes.lending import Begun
from tests.fakes.loop import run_loop, until

__all__ = ["instance"]

Body = Callable[[Daemon, Any], Awaitable[None]]
CLUSTER = (
    "[resources/US]\nname = us\ntype = cluster\ndatabase = DB\n"
    "heartbeat_interval = 0.1\nnode_timeout = 1\n"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A database; test_cluster_transfers.py has both kinds."""
    with shared_database("postgresql") as made:
        yield made


def database(server: Any) -> str:
    given = "".join(f"{name} = {value}\n" for name, value in server.given(name="db").items())
    return f"[resources/DB]\n{given}"


def running(instance: Instance, body: Body, *sections: str) -> None:
    """Start, do it, stop."""

    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, *sections)
        await daemon.start()
        try:
            await body(daemon, reactor)
        finally:
            await daemon.stop()

    run_loop(main)


def taken_by_another(server: Any, lease: str) -> None:
    """Have a lease held by a node that never beats."""
    until_then = time.time() + 3600
    ask(
        server,
        f"DELETE FROM mft_leases WHERE name = '{lease}'",
        f"INSERT INTO mft_leases VALUES ('{lease}', 'b-1', 'boot', 9, {until_then})",
        "DELETE FROM mft_nodes WHERE uuid = 'b-1'",
        "INSERT INTO mft_nodes VALUES ('b-1', 'i', 'boot', 'node b', 'h', '1', 'up', 1, 1, 0)",
    )


def given_back(server: Any, lease: str) -> None:
    ask(server, f"UPDATE mft_leases SET until = 0 WHERE name = '{lease}'")


def state(daemon: Daemon, name: str = "out") -> State:
    return daemon.transfers.of(name).state


def test_a_transfer_runs_in_its_turn_and_is_elsewhere_otherwise(
    instance: Instance, server: Any
) -> None:
    source = put(instance, "a.csv", b"one")

    async def body(daemon: Daemon, reactor: Any) -> None:
        await until(reactor, lambda: not source.exists())
        assert not (instance.state / "transfers").exists()
        listed = await asked(daemon, do="transfers")
        assert listed["transfers"][0]["state"] == "started"
        taken_by_another(server, "transfer/out-1")
        await until(reactor, lambda: state(daemon) is State.STOPPED)
        put(instance, "b.csv")
        there = daemon.flows.sharing.turn("out-1")
        assert there is not None
        await until(reactor, lambda: there.holder == "node b")
        shown = (await asked(daemon, do="transfer", transfer="out"))["transfer"]
        (listed,) = (await asked(daemon, do="transfers"))["transfers"]
        assert shown["state"] == listed["state"] == "elsewhere (node b)"
        for do in ("run-transfer", "stop-transfer", "start-transfer"):
            told = await asked(daemon, do=do, transfer="out")
            assert "is run by the node node b: ask there" in told["error"]
        await daemon.transfers.ask("out-1", "event 30068")
        keys = ask(server, "SELECT key FROM mft_asked_runs WHERE node = 'server-1'")
        assert keys == [digest_of("out-1")]
        assert (instance.directory / "data" / "out" / "b.csv").exists()
        given_back(server, "transfer/out-1")
        await until(reactor, lambda: not (instance.directory / "data" / "out" / "b.csv").exists())
        await until(reactor, lambda: ask(server, "SELECT key FROM mft_asked_runs") == [])

    running(instance, body, database(server), CLUSTER, transfer())
    started = [one.event.number for one in instance.told if one.data.get("name") == "out"]
    assert started.count(events.COMPONENT_STARTED.number) == 2
    assert started.count(events.COMPONENT_STOPPED.number) == 2
    assert events.RUN_PASSED_ON.number in instance.numbers
    assert events.LEASE_LOST.number in instance.numbers


def test_a_transfer_is_stopped_and_started_in_its_turn(instance: Instance, server: Any) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        await until(reactor, lambda: state(daemon) is State.STARTED)
        assert (await asked(daemon, do="stop-transfer", transfer="out"))["ok"]
        assert state(daemon) is State.STOPPED
        assert (await asked(daemon, do="start-transfer", transfer="out"))["ok"]
        assert state(daemon) is State.STARTED
        assert (await asked(daemon, do="start-transfer", transfer="out"))["ok"]
        source = put(instance, "a.csv")
        await daemon.transfers.ask("out-1", "event 30068")  # it is ours
        await until(reactor, lambda: not source.exists())

    running(instance, body, database(server), CLUSTER, transfer())
    assert events.RUN_PASSED_ON.number not in instance.numbers


def test_a_reload_begins_all_transfers_anew_when_the_cluster_comes_or_goes(
    instance: Instance, server: Any
) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        assert state(daemon) is State.STARTED
        assert (instance.state / "transfers").exists()
        before = daemon.transfers.of("out")
        instance.write(database(server), CLUSTER, SHARE, transfer())
        await daemon.reload()
        assert daemon.transfers.of("out") is not before
        await until(reactor, lambda: state(daemon) is State.STARTED)
        before = daemon.transfers.of("out")
        instance.write(database(server), CLUSTER, SHARE, transfer())
        await daemon.reload()
        assert daemon.transfers.of("out") is before
        given = CLUSTER.replace("node_timeout = 1", "node_timeout = 2")
        instance.write(database(server), given, SHARE, transfer())
        await daemon.reload()
        await until(reactor, lambda: state(daemon) is State.STARTED)
        assert daemon.transfers.of("out") is not before
        instance.write(database(server), SHARE, transfer())
        await daemon.reload()
        assert state(daemon) is State.STARTED
        assert ask(server, "SELECT max(until) FROM mft_leases") == [0]

    running(instance, body, database(server), SHARE, transfer())


def test_only_one_node_tells_of_accounts_that_end(instance: Instance, server: Any) -> None:
    async def body(daemon: Daemon, reactor: Any) -> None:
        tells = daemon.flows.sharing.tells_of_accounts
        await until(reactor, tells)
        taken_by_another(server, "housekeeping")
        await until(reactor, lambda: not tells())
        given_back(server, "housekeeping")
        await until(reactor, tells)

    running(instance, body, database(server), CLUSTER)


def test_a_server_that_is_alone_does_everything() -> None:
    nodes: Any = type("Nodes", (), {"cluster": None})()
    parts: Any = None
    sharing = Sharing(nodes, parts, parts, parts)
    Begun(sharing.begin(parts)).result  # noqa: B018 - it raises nothing
    assert sharing.turn("out") is None
    assert sharing.tells_of_accounts()
    assert Begun(sharing.ask_run("out", "why")).reason is Reason.NOT_FOUND
    Begun(sharing.end()).result  # noqa: B018 - the same


def test_what_is_shared_is_the_cluster_and_its_database(instance: Instance, server: Any) -> None:
    one = shared_of(instance.config(database(server), CLUSTER))
    assert one is not None
    other = shared_of(
        instance.config(database(server).replace("timeout = 5", "timeout = 6"), CLUSTER)
    )
    assert one != other
    assert shared_of(instance.config(database(server), f"{CLUSTER}enabled = no\n")) is None
