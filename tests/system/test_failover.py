"""Three nodes behind a real HAProxy, of which one or two are killed, again and again.

Clients of every protocol are in the middle of their uploads then, and try again until they are told
that it was done. Printed is for how long nobody was served.
"""

import asyncio
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from typing import Final

import pytest

from mft.events import catalogue as events
from tests.fakes.clusters import shared_database
from tests.fakes.slapd import Slapd
from tests.fakes.slapd import slapd as slapd
from tests.interop.instance import Server
from tests.interop.trees import content
from tests.system.failing_over import (
    AHEAD,
    FEW,
    GUESSES,
    HOUR,
    NODES,
    Service,
    World,
    balanced,
    counted,
    enters,
    fired,
    lets_in,
    overdue,
)
from tests.system.rig import client, until
from tests.system.trail import FTP_UPLOADED, HTTP_UPLOADED, UPLOADED, unbalanced

# How often a node is killed in the middle of transfers; a release wants 20, of one node at a time
# and of two, one after the other.
KILLS: Final = int(os.environ.get("MFT_KILLS", "2"))
TOGETHER: Final = int(os.environ.get("MFT_TOGETHER", "2"))  # that are down at a time
TRANSFERS: Final = int(os.environ.get("MFT_TRANSFERS", "12"))  # at once; a release wants 50
SIZE: Final = 600_000  # bytes of a file
LAST: Final = 1.2  # seconds after their beginning, or after the last kill, until which one comes
SOON: Final = 5.0  # seconds
TRIES: Final = 20  # of one client
HANDLER: Final = "audit-database"
GUESSER, OTHER = "203.0.113.7", "203.0.113.8"  # who come to HAProxy


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, template: Server, slapd: Slapd
) -> Iterator[World]:
    with shared_database("postgresql") as database, ExitStack() as running:
        made = World(tmp_path_factory.mktemp("nodes"), template, database, slapd)
        for name, rig in made.rigs.items():
            running.callback(rig.close)
            made.start(name)
        yield made
        for rig in made.rigs.values():
            rig.signal(signal.SIGTERM)
        for rig in made.rigs.values():
            assert rig.ended() == 0, rig.output
            assert unbalanced(rig.trail.told) == []
            assert rig.mft("audit", "verify").returncode == 0
        assert_told_once(made)
        assert fired(made) == 1
        assert_planned_by_one_clock(made)


def assert_told_once(world: World) -> None:
    """Every event of every journal is in the database, once.

    But for what its handler has told of itself, and what a process told once its clients had gone.
    """
    told = {(name, one["serial"]) for name, rig in world.rigs.items() for one in rig.trail.told}
    own = {
        (name, one["serial"])
        for name, rig in world.rigs.items()
        for one in rig.trail.told
        if one["component"]["uuid"] == HANDLER
    }
    rows = Counter(tuple(row) for row in world.database.rows("server_uuid, serial"))
    assert max(rows.values()) == 1
    assert rows.keys() <= told
    for name, rig in world.rigs.items():
        drained = rig.trail.of(events.DRAINED.number)[-1]["serial"]
        expected = {one for one in told - own if one[0] == name and one[1] <= drained}
        assert expected <= rows.keys(), sorted(expected - rows.keys())[:5]


def assert_planned_by_one_clock(world: World) -> None:
    """Whoever plans what a schedule wants knows how long that takes, whatever its own clock."""
    planned = events.TRANSFER_SCHEDULE_PLANNED.number
    assert world.rigs[AHEAD].trail.count(planned), "it has had the transfer"
    for name, rig in world.rigs.items():
        for one in rig.trail.of(planned):
            told = one["time"] - (HOUR if name == AHEAD else 0)
            left = datetime.fromisoformat(one["data"]["date"]).timestamp() - told
            assert abs(one["data"]["seconds"] - left) < SOON, name


def send_all(
    world: World, round_: int, meanwhile: Callable[[], None], size: int = SIZE
) -> tuple[dict[str, bytes], int]:
    """Have all clients send at once, until each has been told that it is done: what, in how many
    tries."""
    source = world.folder / "source"
    source.mkdir(exist_ok=True)
    kinds, files, attempts = world.uploads(), {}, []

    def send(number: int) -> None:
        kind = kinds[number % len(kinds)]
        name = f"{kind.__name__}-{round_}-{number}.bin"
        files[name] = content(size + number)
        file = source / name
        file.write_bytes(files[name])
        for attempt in range(1, TRIES + 1):
            began = time.monotonic()
            if client(*kind(file, name)) == 0:
                # It was told so: then it is there, whatever happens next.
                assert (world.home / name).read_bytes() == files[name], name
                attempts.append(attempt)
                return
            print(f"{name}: again after {time.monotonic() - began:.1f} s")
        raise AssertionError(f"{name} was not sent in {TRIES} tries")

    with ThreadPoolExecutor(TRANSFERS) as clients:
        sending = [clients.submit(send, number) for number in range(TRANSFERS)]
        meanwhile()
        for one in sending:
            one.result()
    print(f"{TRANSFERS} files, {sum(attempts)} tries")
    return files, sum(attempts)


async def banned_everywhere(world: World) -> None:
    """Have a source guess at one node after the other until none lets it in."""
    for number in range(1, GUESSES + 1):
        name = [*NODES][number % len(NODES)]
        assert not await lets_in(world, name, GUESSER, "wrong")
    for name in NODES:
        until(lambda name=name: counted(world, name, GUESSER) == GUESSES, "all are counted")
        assert not await lets_in(world, name, GUESSER)
        assert await lets_in(world, name, OTHER)


def bans_told(world: World) -> int:
    return sum(rig.trail.count(events.SOURCE_BANNED.number) for rig in world.rigs.values())


async def killed_in_the_middle(
    world: World, number: int, order: list[str], chance: random.Random
) -> dict[str, bytes]:
    """Kill nodes while all clients send; who was let in to which node counts all the while."""
    killed, survivor = order[:TOGETHER], order[-1]
    moments = [chance.uniform(0, LAST) for _ in killed]
    places = [killed[0], survivor]
    dead, rig = events.NODE_DEAD.number, world.rigs[survivor]
    before = rig.trail.count(dead)
    held = [await enters(world, name, OTHER, "few") for name in places]
    assert None not in held
    assert [await enters(world, name, OTHER, "few") for name in order] == [None] * len(order)

    def kill() -> None:
        for name, moment in zip(killed, moments, strict=True):
            threading.Event().wait(moment)  # a moment that nobody can choose
            world.rigs[name].kill()

    sent = send_all(world, number, kill)[0]
    # What all nodes knew, the one that is left knows.
    assert not await lets_in(world, survivor, GUESSER)
    assert await lets_in(world, survivor, OTHER)
    until(lambda: {one["data"]["node"] for one in rig.trail.of(dead)[before:]} >= {*killed}, "dead")
    held.append(await enters(world, survivor, OTHER, "few"))  # in place of one that has gone
    assert held[-1] is not None
    assert len(held) == FEW + 1
    assert await enters(world, survivor, OTHER, "few") is None
    until(lambda: fired(world), "it was done by who had to see to it")
    for connection in held:
        if connection is not None:
            connection.abort()
    return sent


def test_nodes_are_killed_in_the_middle_and_no_client_loses_a_file(
    world: World,
) -> None:
    """Nor is an event lost or told twice, and there is no half a file.

    Who was banned is so at the node that is left, sessions are counted, and what a schedule has
    planned is done once. One of the clocks is wrong.
    """
    chance = random.Random(0)
    sent: dict[str, bytes] = {}
    asyncio.run(banned_everywhere(world))
    first = overdue(world)
    order = [first, *(name for name in NODES if name != first)]
    with balanced(world) as proxy, Service(world.ports["10022"]) as service:
        for number in range(KILLS // TOGETHER):
            sent |= asyncio.run(killed_in_the_middle(world, number, order, chance))
            for name in order[:TOGETHER]:
                world.start(name)
                until(lambda name=name: proxy.status("sftp", name) == "UP", "it is back")
                assert not asyncio.run(lets_in(world, name, GUESSER))
            order = [*order[1:], order[0]]
    print(f"{KILLS} kills: at most {service.longest:.2f} s without service")
    there = {path.name: path.read_bytes() for path in world.home.iterdir()}
    assert {name: data for name, data in there.items() if not name.startswith(".mft-")} == sent
    told = Counter(
        one["data"]["path"].lstrip("/")
        for rig in world.rigs.values()
        for one in rig.trail.told
        if one["id"] in (UPLOADED, FTP_UPLOADED, HTTP_UPLOADED)
    )
    assert told.keys() >= sent.keys()
    assert bans_told(world) == 1
    wrong = world.rigs[AHEAD].trail.told[-1]["time"]
    assert wrong > time.time() + HOUR / 2


def test_a_balancer_that_is_restarted_costs_tries_and_nothing_else(world: World) -> None:
    with ExitStack() as front:
        front.enter_context(balanced(world))

        def restart() -> None:
            threading.Event().wait(0.5)
            front.close()
            front.enter_context(balanced(world))

        send_all(world, 100, restart)


def under_way(world: World, round_: int) -> int:
    """How many files of a round are being uploaded, or are there."""
    return sum(
        path.name.startswith(".mft-") or f"-{round_}-" in path.name for path in world.home.iterdir()
    )


async def no_login_without_the_directory(world: World) -> None:
    """Stop the directory: nobody is let in, each node says why, and all are when it is back."""
    broken = events.AUTHENTICATION_BROKEN.number
    world.slapd.stop()
    for name, rig in world.rigs.items():
        before = rig.trail.count(broken)
        assert not await lets_in(world, name, OTHER)
        until(lambda rig=rig, before=before: rig.trail.count(broken) > before, "it says so")
        assert "no directory answers" in json.dumps(rig.trail.of(broken)[-1])
    world.slapd.start()
    for name in NODES:
        assert await lets_in(world, name, OTHER)


def test_a_directory_and_a_database_that_are_restarted_are_not_noticed_by_who_moves_files(
    world: World,
) -> None:
    """Logins fail closed meanwhile."""
    before = under_way(world, 200)
    with balanced(world):

        def restart() -> None:
            until(lambda: under_way(world, 200) >= before + TRANSFERS, "all are logged in")
            asyncio.run(no_login_without_the_directory(world))
            world.database.kill()
            world.database.start()

        _, tries = send_all(world, 200, restart)
        assert tries == TRANSFERS


def test_a_node_that_is_stopped_lets_its_transfers_end(world: World) -> None:
    """The balancer hears of it first: no client has to try again."""
    rig = world.rigs["files-1"]
    with balanced(world) as proxy, Service(world.ports["10022"]) as service:
        # They take longer than it goes on letting clients in.
        _, tries = send_all(world, 300, rig.stop, 3 * SIZE)
        assert tries == TRANSFERS
        world.start("files-1")
        until(lambda: proxy.status("sftp", "files-1") == "UP", "it is back")
    print(f"a stop: at most {service.longest:.2f} s without service")
