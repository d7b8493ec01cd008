"""Nodes of a cluster: they know of each other, count together, and go on without their database."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from mft.cli.control import all_rows, ask
from mft.events import catalogue as events
from tests.fakes.clusters import empty, shared_database
from tests.fakes.databases import NAME, TYPES
from tests.interop.instance import Server
from tests.interop.relay import Relay
from tests.interop.services import cheap_hash
from tests.system.light import connect
from tests.system.nodes import Nodes
from tests.system.rig import Rig, until

POLICY = "security-policies/DEFAULT-SECURITY-POLICY"
GUESSES = 4  # until a source is banned
FEW = 2  # sessions that one account may have


@pytest.fixture(scope="module", params=TYPES)
def database(request: pytest.FixtureRequest) -> Iterator[Any]:
    with shared_database(request.param) as found:
        yield found


@pytest.fixture
def nodes(database: Any, tmp_path: Path, template: Server) -> Iterator[Nodes]:
    empty(database)  # nodes of the test before were killed, and are not dead yet
    made = Nodes(tmp_path, template, database)
    for rig in made.rigs:
        rig.section(
            POLICY,
            name="strict",
            source_ip_ban_after_count=str(GUESSES),
            source_ip_filter="deny 192.0.2.1",  # else this machine would be spared
        )
        rig.account(
            "few",
            home=made.rigs[0].home,
            identity="few-1",
            maximum_sessions=str(FEW),
            password=cheap_hash(rig.server),
        )
    made.start()
    yield made
    made.close()


def lets_in(rig: Rig, source: str, password: str, account: str = "") -> bool:
    """Whether a password does, from an address."""

    async def tries() -> bool:
        with suppress(asyncssh.PermissionDenied, asyncssh.ConnectionLost, asyncssh.DisconnectError):
            connection = await connect(
                rig.server,
                username=account or rig.server.account,
                client_keys=None,
                password=password,
                preferred_auth="password",
                local_addr=(source, 0),
            )
            connection.close()
            await connection.wait_closed()
            return True
        return False

    return asyncio.run(tries())


def banned(rig: Rig) -> set[str]:
    """Who is banned, as one node tells."""
    return {one["key"] for one in all_rows(rig.config, "bans") if one["state"] == "banned"}


def test_a_node_knows_who_is_up_who_has_left_and_who_is_dead(nodes: Nodes) -> None:
    one, other = nodes.rigs
    assert nodes.seen(one) == {"node-0": "up", "node-1": "up"}
    printed = json.loads(one.mft("nodes", "--json").stdout)
    assert [(row["id"], row["state"]) for row in printed] == [*nodes.seen(one).items()]
    other.stop()
    until(lambda: nodes.seen(one)["node-1"] == "left", "it has left")
    other.start()
    until(lambda: nodes.up(one) == 2, "it is back")
    other.kill()
    until(lambda: nodes.seen(one)["node-1"] == "dead", "it is dead")
    assert len(one.trail.of(events.NODE_LEFT.number, node="node-1")) == 1
    assert len(one.trail.of(events.NODE_DEAD.number, node="node-1")) == 1
    other.start()  # it is the same folder: nothing has to be waited for
    until(lambda: nodes.up(one) == 2, "it is back again")


def test_guesses_at_one_node_and_the_other_add_up_to_a_ban_at_both(nodes: Nodes) -> None:
    one, other = nodes.rigs
    right, source = one.server.password, "127.0.0.2"
    for number in range(1, GUESSES + 1):
        assert not lets_in(nodes.rigs[number % 2], source, "wrong")
    for rig in nodes.rigs:
        until(lambda rig=rig: source in banned(rig), "the ban")
        assert not lets_in(rig, source, right)
        assert lets_in(rig, "127.0.0.3", right)

    def told() -> list[Any]:
        return [one for rig in nodes.rigs for one in rig.trail.of(events.SOURCE_BANNED.number)]

    until(told, "it is told")  # which may be written a little after it holds
    assert len(told()) == 1

    other.kill()
    other.start()
    assert not lets_in(other, source, right)  # it has heard so before it lets anybody in

    assert ask(one.config, do="lift", address=source)["ok"]
    until(lambda: source not in banned(other), "the ban is lifted")
    assert lets_in(other, source, right)
    assert len(told()) == 1


def test_sessions_of_an_account_are_counted_over_all_nodes(nodes: Nodes) -> None:
    one, other = nodes.rigs

    async def enters(rig: Rig) -> bool:
        try:
            kept.append(await connect(rig.server, username="few"))
        except asyncssh.Error:
            return False
        return True

    async def leaves(number: int) -> None:
        connection = kept.pop(number)
        connection.close()
        await connection.wait_closed()

    async def sessions() -> None:
        assert [await enters(one), await enters(other)] == [True, True]
        assert [await enters(one), await enters(other)] == [False, False]
        await leaves(0)
        until(lambda: not counted(nodes, "node-0"), "the database knows that it has left")
        assert await enters(other)
        assert not await enters(one)
        other.kill()  # whose sessions do not count once it is dead
        until(lambda: nodes.seen(one)["node-1"] == "dead", "it is dead")
        assert [await enters(one), await enters(one)] == [True, True]
        assert not await enters(one)
        for connection in kept:
            connection.abort()

    kept: list[asyncssh.SSHClientConnection] = []
    asyncio.run(sessions())


def counted(nodes: Nodes, node: str) -> int:
    """How many sessions the database has of a node."""
    table = "mft_session_counts"
    where = f"WHERE node = '{node}'"
    name = table if nodes.database.kind == "postgresql" else f"{NAME}.{table}"
    found = nodes.database.execute(f"SELECT sessions FROM {name} {where}")
    return sum(map(int, found))


def test_without_its_database_a_node_lets_in_whom_it_need_not_count(nodes: Nodes) -> None:
    one, _ = nodes.rigs
    right = one.server.password
    nodes.database.kill()
    with ExitStack() as after:
        after.callback(nodes.database.start)
        until(lambda: one.trail.of(events.CLUSTER_AWAY.number), "it is away")
        assert lets_in(one, "127.0.0.4", right)
        assert not lets_in(one, "127.0.0.4", right, "few")
        broken = one.trail.of(events.AUTHENTICATION_BROKEN.number)
        assert broken
        assert "elsewhere" in json.dumps(broken[-1])
        for _ in range(GUESSES):
            lets_in(one, "127.0.0.5", "wrong")
        assert "127.0.0.5" in banned(one)
    until(lambda: one.trail.of(events.CLUSTER_BACK.number), "it is back")
    assert lets_in(one, "127.0.0.4", right, "few")
    until(lambda: "127.0.0.5" in banned(nodes.rigs[1]), "the other hears of it")


def test_a_node_that_is_cut_from_the_database_counts_for_nobody_until_it_is_back(
    nodes: Nodes,
) -> None:
    """Both sides of the cut serve whom they need not count, and only one side counts."""
    one, other = nodes.rigs
    other.stop()
    wire = Relay(("127.0.0.1", nodes.database.port))
    text = other.config.read_text()
    other.config.write_text(text.replace(f"port = {nodes.database.port}", f"port = {wire.port}"))
    other.start()
    until(lambda: nodes.up(one) == 2, "both are up")
    right, fresh = one.server.password, "127.0.0.6"

    wire.cut()
    until(lambda: other.trail.of(events.CLUSTER_AWAY.number), "it is cut off")
    until(lambda: nodes.seen(one)["node-1"] == "dead", "the other takes it for dead")
    assert [lets_in(rig, fresh, right, "few") for rig in nodes.rigs] == [True, False]
    assert [lets_in(rig, fresh, right) for rig in nodes.rigs] == [True, True]
    for _ in range(GUESSES):
        lets_in(one, "127.0.0.7", "wrong")
    assert "127.0.0.7" not in banned(other)

    wire.mend()
    until(lambda: nodes.up(one) == nodes.up(other) == 2, "both are up again")
    until(lambda: "127.0.0.7" in banned(other), "it has heard what was told meanwhile")
    assert lets_in(other, fresh, right, "few")
    assert other.trail.of(events.NODE_REPLACED.number) == []
    wire.cut()


def test_two_servers_cannot_be_the_same_node(nodes: Nodes) -> None:
    one, other = nodes.rigs
    other.stop()
    override = other.config.parent / "server.override.ini"
    override.write_text("[server]\nuuid = node-0\n")
    with pytest.raises(AssertionError, match="another server is the node node-0"):
        other.start()
    other.process = None
    assert nodes.seen(one)["node-0"] == "up"
