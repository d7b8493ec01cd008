"""What an account changes on one node of a cluster holds on all, with and without the database."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mft.auth.time_codes import step_at
from mft.daemon.state.own_factors import FOLDER as CODES
from mft.daemon.state.own_passwords import FOLDER as PASSWORDS
from mft.events import catalogue as events
from tests.fakes.clusters import shared_database
from tests.interop.ftp import Ftp
from tests.interop.instance import Server
from tests.interop.web import Web
from tests.system.nodes import Nodes
from tests.system.rig import Rig, until
from tests.system.test_own_codes import ftp_login, set_up
from tests.system.test_own_password import FIRST, SECOND, by_web

SECRET = "a secret of the nodes that nobody guesses"


@pytest.fixture(scope="module")
def database() -> Iterator[Any]:
    with shared_database("postgresql") as found:
        yield found


@pytest.fixture
def nodes(database: Any, tmp_path: Path, template: Server) -> Iterator[Nodes]:
    made = Nodes(tmp_path, template, database)
    for rig in made.rigs:
        rig.say("resources/cluster", secret=SECRET)
        rig.say(
            "groups/DEFAULT_GROUP",
            allow_own_password_change="Yes",
            allow_own_one_time_codes="Yes",
        )
    yield made
    made.close()


def having(place: Any, password: str) -> Any:
    """The same service, for who has another password now."""
    return replace(place, server=replace(place.server, password=password))


def side_by_side(places: list[Ftp], code: str) -> list[bool]:
    """Log in to all at the same moment."""
    barrier, results = threading.Barrier(len(places)), [False] * len(places)

    def log_in(number: int) -> None:
        barrier.wait()
        results[number] = ftp_login(places[number], code)

    threads = [threading.Thread(target=log_in, args=(one,)) for one in range(len(places))]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return results


def copies(rig: Rig, folder: str) -> list[int]:
    """The versions of the copies that a node has."""
    found = (rig.directory / "state" / folder).glob("*.json")
    return [json.loads(one.read_text())["version"] for one in found]


def told(rig: Rig, event: Any) -> int:
    return rig.trail.count(event.number)


def test_passwords_and_codes_are_the_same_on_every_node(nodes: Nodes) -> None:
    a, b = nodes.rigs
    web: Web = a.web("https")
    ftps = [rig.ftp("implicit") for rig in nodes.rigs]
    nodes.start()
    until(lambda: all(told(one, events.RECORDS_HEARD) for one in (a, b)), "all is heard")

    assert by_web(web, web.server.password, FIRST) == 200
    assert not ftp_login(ftps[1]), "though no heartbeat may have told of it"
    web, ftps = having(web, FIRST), [having(one, FIRST) for one in ftps]
    until(lambda: copies(b, PASSWORDS) == [1], "the other node has heard of it")
    assert ftp_login(ftps[1])

    status, codes, _ = set_up(web)
    assert status == 200
    assert not ftp_login(ftps[1]), "though no heartbeat may have told of it"
    until(lambda: copies(b, CODES) == [1], "it has heard of them")
    step = step_at(time.time())
    for one in (step, step + 1):
        assert sorted(side_by_side(ftps, codes.code(one))) == [False, True]
    assert b.mft("totp", web.server.account, "--remove").returncode == 0
    until(lambda: not copies(a, CODES), "the first node knows that they are gone")
    assert ftp_login(ftps[0])

    nodes.database.stop()
    until(lambda: all(told(one, events.CLUSTER_AWAY) for one in (a, b)), "it is away")
    assert ftp_login(ftps[1])
    assert by_web(web, FIRST, SECOND) == 500
    assert told(a, events.PASSWORD_CHANGE_BROKE) == 1
    b.kill()
    b.start()
    assert ftp_login(ftps[1]), "by its copy"
    assert not ftp_login(having(ftps[1], nodes.rigs[0].server.password))

    nodes.database.start()
    until(lambda: told(a, events.CLUSTER_BACK), "the first is back")
    until(lambda: told(b, events.NODE_JOINED) == 2, "the second has joined again")
    assert by_web(web, FIRST, SECOND) == 200
    until(lambda: copies(b, PASSWORDS) == [2], "the other node has heard of it")
    assert ftp_login(having(ftps[1], SECOND))
    assert not ftp_login(ftps[1])
    for rig in nodes.rigs:
        rig.signal(signal.SIGTERM)
        assert rig.ended() == 0, rig.output
