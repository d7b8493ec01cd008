"""Bans, and the sessions of accounts, add up over nodes; what cannot be counted is refused."""

from collections.abc import Sequence
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.auth.account import Account
from mft.auth.base import Outcome, Password
from mft.auth.ledger import Heard
from mft.auth.permissions import Rules as Permissions
from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.core.secret import Secret
from mft.daemon.cluster.shared_logins import LATE, MOST_UNTOLD, SharedLogins
from mft.daemon.state.account_records import MOST_KEY, key_of
from mft.events import catalogue as events
from mft.resources.cluster_calls import Call
from mft.resources.cluster_logins import MOST_NEWS, USE
from mft.session.roster import Roster
from tests.fakes.accounts import NOW, SERVICE
from tests.fakes.login_nodes import FEW, SECTION, SOURCE, Database, Node, told_of
from tests.fakes.refused import refused
from tests.fakes.run import run

HEARD = Heard("failed", SOURCE, "ann", "password", True)
ANN = Account("ann-1", "ann", "/", Permissions(()))


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def nodes(database: Database) -> tuple[Node, Node]:
    return Node("one", database), Node("two", database, NOW - 7200)


def test_guesses_at_several_nodes_are_one_ban_that_is_told_once(
    database: Database, nodes: tuple[Node, Node]
) -> None:
    one, two = nodes
    one.fails(3)
    two.fails(1, "bob")
    run(two.logins(None, two.logins.known))  # a right login hears of the others first
    two.fails(1, "bob")
    assert two.bans
    one.cluster.beat()
    assert one.bans
    told = [node.trail.count(events.SOURCE_BANNED) for node in nodes]
    assert told == [0, 1]
    for node in nodes:
        node.now += 4000
    database.now += 4000
    for node in nodes:
        node.guard.ledger.sweep(node.now)
    for node in nodes:
        node.cluster.beat()
    assert told_of(events.BAN_ENDED, *nodes) == 1


def test_a_ban_that_is_lifted_at_one_node_is_lifted_at_all(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    one.fails(5)
    two.cluster.beat()
    assert two.bans
    assert two.guard.lift(SOURCE)
    one.cluster.beat()
    assert not one.bans
    two.fails(5)
    one.cluster.beat()
    one.guard.lift_all()
    two.cluster.beat()
    assert not two.bans


def test_what_a_right_login_forgives_it_forgives_everywhere(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    one.fails(4)
    two.cluster.beat()
    two.guard.after(Password("ann", Secret("x")), Address(SOURCE, 1), SERVICE, Outcome.ACCEPTED)
    one.cluster.beat()
    one.fails(2)
    assert not one.bans


def test_a_node_that_comes_later_knows_what_was_and_for_how_long(
    database: Database, nodes: tuple[Node, Node]
) -> None:
    nodes[0].fails(5)
    database.now += 3000
    later = Node("three", database)
    assert later.bans
    later.now += 700  # of the hour that the ban lasts
    assert not later.bans


def test_what_a_node_has_counted_alone_is_not_lost_when_it_joins(database: Database) -> None:
    node = Node("one", database)
    other = Node("two", database)
    node.cluster.away = True
    node.fails(3)
    other.fails(2)
    node.cluster.away = False
    node.cluster.beat()
    other.cluster.beat()
    assert node.bans
    assert other.bans


def test_what_was_added_late_is_heard_and_nothing_twice(database: Database) -> None:
    node = Node("one", database)
    told = f'["{SECTION}", "failed", "{SOURCE}", "ann", "password", true]'
    database.add("b", 2, told, number=20)
    node.cluster.beat()
    database.add("b", 1, told, number=19)  # its transaction took longer
    for _ in range(3):
        node.cluster.beat()
    (penalty,) = (one for _, one in node.guard.ledger.sources.every())
    assert penalty.attempts == 2
    database.now += 2 * LATE
    for number in range(21, 25):
        database.add("b", number, told, number=number)
    node.cluster.beat()
    node.cluster.beat()
    assert penalty.attempts == 6


def test_a_heartbeat_hears_everything_however_much_there_is(database: Database) -> None:
    node = Node("one", database)
    node.cluster.beat()
    told = f'["{SECTION}", "failed", "192.0.2.8", "ann", "password", true]'
    for serial in range(2 * MOST_NEWS):
        database.add("b", serial, told)
    database.add("b", 2 * MOST_NEWS, told.replace("192.0.2.8", SOURCE))
    node.cluster.beat()
    assert SOURCE in dict(node.guard.ledger.sources.every())


def test_what_was_heard_is_not_read_again_for_long_though_the_database_is_set_back(
    database: Database,
) -> None:
    """Its clock: what is there has not been yet."""
    node = Node("one", database)
    told = f'["{SECTION}", "failed", "{SOURCE}", "ann", "password", true]'
    database.add("b", 1, told)
    database.now -= 3600
    for _ in range(2):
        node.cluster.beat()
        node.now += LATE + 1
    node.cluster.beat()
    assert node.logins._after == 1
    (penalty,) = (one for _, one in node.guard.ledger.sources.every())
    assert penalty.attempts == 1


@pytest.mark.parametrize(
    "told",
    [
        "",
        "{",
        "[]",
        "[1,2,3,4,5,6]",
        f'["{SECTION}","failed","no address","x","password",true]',
        f'["{SECTION}","lift","no address","","",false]',
        f'["{SECTION}","unheard of","","","",false]',
        '["security-policies/other","failed","192.0.2.7","x","password",true]',
        "[" * 100_000,
    ],
)
def test_what_makes_no_sense_in_the_database_is_passed_over(database: Database, told: str) -> None:
    node = Node("one", database)
    database.add("b", 1, told)
    node.cluster.beat()
    node.cluster.beat()
    assert not node.bans


def test_a_right_login_costs_one_round_trip(database: Database, nodes: tuple[Node, Node]) -> None:
    one, _ = nodes
    for account in (ANN, FEW):
        before = database.trips
        run(one.logins(account, one.logins.known))
        assert database.trips == before + 1
        assert database.used[account.uuid] == database.now


def test_sessions_are_counted_over_all_nodes(database: Database, nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    one.enters()
    two.enters()
    for node in nodes:
        with refused(Reason.QUOTA):
            node.enters()
    one.roster.left(FEW.uuid)
    assert database.counts["one", FEW.uuid] == 0
    two.enters()
    with refused(Reason.QUOTA):
        one.enters()
    assert sum(database.counts.values()) == 2


def test_places_that_are_asked_for_at_the_same_moment_are_not_given_twice(
    nodes: tuple[Node, Node],
) -> None:
    entered = []
    for node in nodes:
        node.cluster.held = []
    waiting = [
        Deferred.fromCoroutine(node.logins(FEW, node.logins.known))
        for node in nodes
        for _ in range(2)
    ]
    for node in nodes:
        for held in node.cluster.held or ():
            held.callback(None)
    for node, settled in zip([nodes[0]] * 2 + [nodes[1]] * 2, waiting, strict=True):
        try:
            node.roster.admit(FEW.uuid, FEW.maximum_sessions)
            entered.append(node)
        except Refused:
            pass
        settled.addCallback(lambda let_go: let_go())
    assert len(entered) <= 2


def test_a_login_that_is_given_up_gives_its_place_back(
    database: Database, nodes: tuple[Node, Node]
) -> None:
    one, _ = nodes
    one.cluster.held = []
    waiting = Deferred.fromCoroutine(one.logins(FEW, one.logins.known))
    waiting.addErrback(lambda failure: None)
    assert database.counts["one", FEW.uuid] == 1
    waiting.cancel()
    one.cluster.held = None
    one.cluster.beat()
    assert database.counts["one", FEW.uuid] == 0


def test_without_the_database_only_those_are_let_in_who_need_not_be_counted(
    nodes: tuple[Node, Node],
) -> None:
    one, two = nodes
    one.cluster.away = True
    run(one.logins(ANN, one.logins.known))()
    run(one.logins(None, one.logins.known))()
    with refused(Reason.BROKEN):
        run(one.logins(FEW, one.logins.known))
    one.cluster.away = False
    one.enters()
    two.enters()


def test_what_cannot_be_told_is_kept_up_to_a_limit(database: Database) -> None:
    node = Node("one", database)
    node.cluster.away = True
    node.fails(MOST_UNTOLD // 100)
    node.cluster.away = False
    node.cluster.beat()
    assert len(database.guesses) == MOST_UNTOLD // 100
    node.cluster.away = True
    for _ in range(MOST_UNTOLD + 5):
        node.logins.share("s", HEARD)
    node.cluster.away = False
    node.cluster.beat()
    assert len(database.guesses) == MOST_UNTOLD // 100 + MOST_UNTOLD


def test_a_server_that_is_alone_agrees_with_itself() -> None:
    logins = SharedLogins(Roster(), dict, lambda: NOW)
    logins.share(SECTION, HEARD)
    run(logins(FEW, logins.known))()


def test_every_account_has_a_key_that_fits() -> None:
    odd = ["x" * 500, "é", "a\0b", "\udc80", "a\nb"]
    keys = [key_of(one) for one in ("plain", *odd)]
    assert keys[0] == "plain"
    assert len(set(keys)) == len(keys)
    assert all(len(one) <= MOST_KEY and one.isascii() and one.isprintable() for one in keys)


class Changed:
    """What finds out that an account has changed while its login was judged."""

    def __init__(self) -> None:
        self.mark = 7
        self.heard: list[tuple[str, Any, int]] = []
        self.changed = False

    def calls_for(self, account: str) -> tuple[Call, ...]:
        return (USE(account="asked as well"),)

    def hear(self, account: str, mark: Any, rows: Sequence[Any]) -> None:
        self.heard.append((account, mark, len(rows)))
        if self.changed:
            raise Refused(Reason.BUSY, "", "changed")


@pytest.mark.parametrize("account", [ANN, FEW])
def test_a_login_that_was_judged_by_the_past_takes_no_place(
    database: Database, account: Account
) -> None:
    node, compared = Node("one", database), Changed()
    node.logins._compared = compared
    known = node.logins.known
    before = database.trips
    let_go = run(node.logins(account, known))
    assert compared.heard == [(account.uuid, 7, 1)]
    assert database.trips == before + 1
    let_go()
    compared.changed = True
    with pytest.raises(Refused):
        run(node.logins(account, known))
    assert node.logins._reserved == {}
    node.cluster.away = True
    compared.heard.clear()
    if account is ANN:
        run(node.logins(account, known))()
    assert compared.heard == []


def test_who_logs_in_while_a_node_still_hears_of_others_waits_for_that(database: Database) -> None:
    """What was heard is kept, also when several ask at the same moment."""
    other = Node("two", database)
    other.fails(5)
    node = Node("one", database, held=True)
    login = Deferred.fromCoroutine(node.logins(ANN, None))
    node.cluster.beat()
    assert not login.called
    node.cluster.let_go()
    assert login.called
    assert node.bans


def test_what_a_node_counts_before_it_has_heard_of_others_counts_once(database: Database) -> None:
    node = Node("one", database, held=True)
    node.fails(4)
    assert database.guesses == []
    node.cluster.let_go()
    assert len(database.guesses) == 4
    assert not node.bans

    Node("two", database)
    later = Node("three", database, held=True)
    later.fails(1, "bob")
    later.cluster.let_go()
    assert later.bans


def test_a_database_that_is_asked_too_much_lets_nobody_in_unheard(database: Database) -> None:
    node = Node("one", database)
    node.cluster.refuses = Refused(Reason.BUSY, "", "too many wait")
    with refused(Reason.BUSY):
        run(node.logins(ANN, None))
    node.cluster.refuses = Refused(Reason.ABORTED, "", "it has died in this moment")
    run(node.logins(ANN, None))()
