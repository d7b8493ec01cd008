"""What several nodes come to know, one of them tells: in real databases."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from mft.auth.base import Outcome, Password
from mft.auth.guard import Guard, Rules
from mft.auth.ledger import Ledgers
from mft.core.peer import Address
from mft.core.secret import Secret
from mft.daemon.cluster.shared_logins import SharedLogins
from mft.events import catalogue as events
from mft.resources.cluster_calls import Call
from mft.resources.cluster_database import ClusterDatabase
from mft.resources.cluster_notices import (
    APPEAR,
    CLAIM,
    CLAIMED,
    CONFIRM,
    FORGET_NOTICES,
    LIFT,
    LIFT_PART,
)
from mft.session.roster import Roster
from tests.fakes.accounts import SERVICE
from tests.fakes.cluster_nodes import Node, ask
from tests.fakes.clusters import shared_database
from tests.fakes.databases import TYPES
from tests.fakes.login_nodes import POLICY, SECTION
from tests.fakes.loop import run_loop, until

LIMIT = 3  # guesses
SOURCES = 40
CLAIMS = 60


@pytest.fixture(scope="module", params=TYPES)
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    """One of each kind."""
    with shared_database(request.param) as found:
        yield found


@pytest.fixture
def database(server: Any) -> Iterator[ClusterDatabase]:
    made = ClusterDatabase(server.options())
    made.batch([FORGET_NOTICES(age=-86400)])
    yield made
    made.close()


def claim(name: str, by: str, ago: float = 0.0, dead: str = "", moment: float = 0.0) -> list[Call]:
    """Claim a notice of what was so many seconds ago; half a minute from it is the same."""
    given = {"this": by, "dead": dead, "moment": moment, "age": ago, "spread": 30.0, "done": 0}
    return [APPEAR(key=name, part="p"), CLAIM(notice=name, **given), CLAIMED(notice=name)]


def claimed(database: ClusterDatabase, *calls: Call) -> tuple[str, int]:
    boot, told = database.batch(calls)[-1][0]
    return boot, told


def test_one_claims_it_until_it_comes_again(database: ClusterDatabase) -> None:
    for _ in range(2):  # an answer was lost
        assert claimed(database, *claim("n", "a", 10)) == ("a", 0)
    assert claimed(database, *claim("n", "b", 10)) == ("a", 0)
    assert claimed(database, *claim("n", "b", 0)) == ("a", 0)
    database.batch([CONFIRM(notice="n", this="b")])
    assert claimed(database, *claim("n", "b", 10, dead="x")) == ("a", 0)
    database.batch([CONFIRM(notice="n", this="a")])
    assert claimed(database, *claim("n", "b", 10, dead="a")) == ("a", 1)
    assert claimed(database, *claim("n", "b", -25)) == ("b", 0)
    assert claimed(database, *claim("n", "c", -25, dead="b")) == ("c", 0)


@pytest.mark.parametrize("lift", [LIFT(notice="n", seconds=-5.0), LIFT_PART(of="p", seconds=-5.0)])
def test_what_was_lifted_is_claimed_by_nobody_and_what_comes_then_is(
    database: ClusterDatabase, lift: Call
) -> None:
    claimed(database, *claim("n", "a", 10))
    assert claimed(database, lift, *claim("n", "b", 8, dead="a")) == ("a", 1)
    assert claimed(database, *claim("n", "b", 4)) == ("b", 0)
    assert claimed(database, *claim("n", "c", 3)) == ("b", 0)
    assert claimed(database, lift, CLAIMED(notice="n")) == ("b", 0)


def test_a_moment_of_another_node_is_compared_to_the_last_digit(
    server: Any, database: ClusterDatabase
) -> None:
    database.batch([APPEAR(key="n", part="p"), LIFT(notice="n", seconds=0.0)])
    (lifted,) = ask(server, "SELECT lifted FROM mft_notices")
    moment = float(lifted)
    assert claimed(database, *claim("n", "a", moment=moment))[0] == ""
    assert claimed(database, *claim("n", "a", moment=moment + 1e-5))[0] == "a"


def test_what_was_claimed_before_the_clock_was_set_back_is_another(
    database: ClusterDatabase,
) -> None:
    claimed(database, *claim("n", "a", -3600))
    assert claimed(database, *claim("n", "b")) == ("b", 0)
    assert claimed(database, *claim("n", "c")) == ("b", 0)


def test_what_is_old_is_forgotten(database: ClusterDatabase) -> None:
    claimed(database, *claim("n", "a", 10))
    database.batch([FORGET_NOTICES(age=60)])
    assert database.batch([CLAIMED(notice="n")]) != [[]]
    database.batch([FORGET_NOTICES(age=5)])
    assert database.batch([CLAIMED(notice="n")]) == [[]]


def test_those_who_claim_it_at_the_same_moment_are_told_of_one_of_them(server: Any) -> None:
    names = ["a", "b", "c"]
    together = Barrier(len(names))

    def claims(by: str) -> list[str]:
        database = ClusterDatabase(server.options())
        database.batch([CLAIMED(notice="")])
        found = []
        for number in range(CLAIMS):
            together.wait(10)
            found.append(claimed(database, *claim(f"together {number}", by))[0])
        database.close()
        return found

    with ThreadPoolExecutor(len(names)) as threads:
        answers = list(threads.map(claims, names))
    assert answers[0] == answers[1] == answers[2]
    assert set(answers[0]) <= set(names)


class Guarded:
    """A node, and what guards its logins."""

    def __init__(self, node: Node) -> None:
        self.node = node
        ledgers = Ledgers()
        clock = node.cluster._around.now
        rules = Rules(after=LIMIT, interval=60.0)
        self.guard = Guard(POLICY, rules, ledgers.of(SECTION), node.trail.emit, clock)
        self.guard.in_force()
        self.logins = SharedLogins(Roster(), lambda: {SECTION: self.guard}, clock)
        ledgers.share, ledgers.telling = self.logins.share, self.logins.telling
        self.logins.use(node.cluster)

    def fails(self, source: str) -> None:
        given = Password("ann", Secret("x"))
        self.guard.after(given, Address(source, 1), SERVICE, Outcome.WRONG)

    def bans(self, sources: list[str]) -> bool:
        table, now = self.guard.ledger.sources, self.guard._clock()
        return all(table.banned(one, now) for one in sources)

    @property
    def settled(self) -> bool:
        return not self.logins.telling._pending and not self.logins.telling.waits


def test_bans_that_nodes_count_at_the_same_moment_are_told_once(
    server: Any, tmp_path: Path
) -> None:
    """Three nodes, of which one has a clock that is a day ahead."""
    sources = [f"192.0.2.{number}" for number in range(SOURCES)]

    async def main(reactor: Any) -> None:
        made = [
            Node(tmp_path, name, server, reactor, ahead=ahead)
            for name, ahead in (("a", 0.0), ("b", 86400.0), ("c", 0.0))
        ]
        for node in made:
            await node.start()
        nodes = [Guarded(node) for node in made]
        # Half of them are banned by what others have counted, as by their own guesses the rest.
        for source in sources[::2]:
            nodes[2].fails(source)
        await until(
            reactor, lambda: all(len(one.guard.ledger.sources) >= SOURCES // 2 for one in nodes)
        )
        for source in sources:
            for one in nodes:
                one.fails(source)
        await until(reactor, lambda: all(one.bans(sources) for one in nodes))
        await until(reactor, lambda: all(one.settled for one in nodes))
        told = Counter(
            one.payload.source_ip
            for node in made
            for one in node.trail.told
            if one.event is events.SOURCE_BANNED
        )
        assert told == dict.fromkeys(sources, 1)
        for node in made:
            await node.stop()

    run_loop(main)
