"""One node of all tells a ban, and its end, whoever hears what first, and whoever dies."""

from itertools import permutations

import pytest

from mft.auth.ledger import ALONE, BANNED, News
from mft.core.failure import Reason, Refused
from mft.daemon.cluster.told_once import MOST_PENDING, ToldOnce
from mft.events import catalogue as events
from tests.fakes.accounts import NOW
from tests.fakes.login_nodes import SECTION, SOURCE, Database, Node, later, told_of

BEGIN, END = events.SOURCE_BANNED, events.BAN_ENDED
LIMIT = 5  # guesses
HOUR = 3600.0


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def nodes(database: Database) -> tuple[Node, Node]:
    return Node("one", database), Node("two", database, NOW - 2 * HOUR)


def beats(*nodes: Node) -> None:
    for node in nodes:
        node.cluster.beat()


@pytest.mark.parametrize("known", [LIMIT - 2, LIMIT - 1])
def test_the_last_two_guesses_may_cross_in_every_order(known: int) -> None:
    steps = [(node, step) for node in (0, 1) for step in ("guess", "beat", "answer")]
    for order in permutations(steps):
        if order[0][0]:  # the same with the nodes the other way round
            continue
        database = Database()
        nodes = [Node(name, database, account_after=LIMIT) for name in ("one", "two", "three")]
        nodes[2].fails(known)
        beats(*nodes)
        for node in nodes[:2]:
            node.cluster.held = []
        for number, step in order:
            node = nodes[number]
            if step == "guess":
                node.fails()
            elif step == "beat":
                node.cluster.beat()
            else:
                node.cluster.let_one_go()
        for node in nodes[:2]:
            node.cluster.let_go()
        beats(*nodes, *nodes, *nodes)
        assert all(node.bans for node in nodes), order
        assert told_of(BEGIN, *nodes) == 1, order
        assert told_of(events.ACCOUNT_GUARDED, *nodes) == 1, order
        later(HOUR + 10, *nodes)
        assert told_of(END, *nodes) == 1, order


def test_a_ban_costs_the_node_that_gives_it_no_round_trip_more(database: Database) -> None:
    node = Node("one", database)
    node.fails(LIMIT - 1)
    before = database.trips
    node.fails()
    assert node.trail.count(BEGIN) == 1
    assert database.trips == before + 2  # the second says that it is told
    assert [one.told for one in database.notices.values()] == [1]


def test_who_has_claimed_it_is_waited_for_as_long_as_it_lives(
    database: Database, nodes: tuple[Node, Node]
) -> None:
    one, two = nodes
    one.cluster.held = []
    one.fails(LIMIT)
    while len(database.guesses) < LIMIT:
        one.cluster.let_one_go()
    beats(two, two, two)
    assert two.bans
    assert told_of(BEGIN, *nodes) == 0
    one.cluster.let_go()
    assert one.trail.count(BEGIN) == 1
    beats(one, two)
    database.nodes[one.cluster.boot] = False
    beats(two, two)
    assert two.trail.count(BEGIN) == 0
    later(HOUR + 10, two)
    assert two.trail.count(END) == 1


def test_another_tells_what_a_node_has_claimed_that_died(
    database: Database, nodes: tuple[Node, Node]
) -> None:
    one, two = nodes
    third = Node("three", database)
    one.cluster.held = []
    one.fails(LIMIT)
    while len(database.guesses) < LIMIT:
        one.cluster.let_one_go()
    beats(two, third)
    assert told_of(BEGIN, *nodes, third) == 0
    database.nodes[one.cluster.boot] = False
    beats(two, third, two, third)
    assert [node.trail.count(BEGIN) for node in (one, two, third)] in ([0, 1, 0], [0, 0, 1])
    # It was only frozen: by then it has to ask again.
    one.now += 10
    one.cluster.let_go()
    assert one.trail.count(BEGIN) == 0


def test_a_process_tells_what_the_one_before_it_has_claimed_and_nothing_else(
    database: Database,
) -> None:
    node = Node("one", database)
    node.cluster.held = []
    node.fails(LIMIT)
    while len(database.guesses) < LIMIT:
        node.cluster.let_one_go()
    again = Node("one again", database)
    database.nodes[node.cluster.boot] = False
    beats(again, again)
    assert again.trail.count(BEGIN) == 1
    third = Node("once more", database)
    database.nodes[again.cluster.boot] = False
    beats(third, third)
    assert third.bans
    assert third.trail.count(BEGIN) == 0
    later(HOUR + 10, third)
    assert third.trail.count(END) == 1
    fourth = Node("much later", database, NOW + HOUR)
    beats(fourth)
    assert fourth.trail.told == []


def test_without_the_database_each_tells_what_it_has_banned(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    one.fails(LIMIT - 1)
    beats(two)
    for node in nodes:
        node.cluster.goes()
    two.fails()
    assert two.bans
    assert two.trail.count(BEGIN) == 1
    for node in nodes:
        node.cluster.away = False
    beats(two, one, two, one)
    assert one.bans
    assert told_of(BEGIN, *nodes) == 1
    later(HOUR + 10, *nodes)
    assert told_of(END, *nodes) == 1


def test_a_ban_is_told_at_once_when_the_database_goes_away_before_it_answers(
    nodes: tuple[Node, Node],
) -> None:
    one, two = nodes
    one.fails(LIMIT - 1)
    one.cluster.held = []
    one.fails()
    assert one.bans
    assert one.trail.count(BEGIN) == 0
    one.cluster.goes()
    assert one.trail.count(BEGIN) == 1
    held, one.cluster.held = one.cluster.held, None
    held[0].errback(Refused(Reason.BROKEN, "", "away"))
    beats(two, two)
    one.cluster.away = False
    beats(one, two, one, two)
    assert told_of(BEGIN, *nodes) == 1


@pytest.mark.parametrize("everybody", [False, True])
def test_what_was_lifted_and_comes_again_is_told_again(
    database: Database, nodes: tuple[Node, Node], everybody: bool
) -> None:
    one, two = nodes
    for number in range(1, 4):
        database.now += 5
        one.fails(LIMIT)
        beats(two)
        assert told_of(BEGIN, *nodes) == number
        database.now += 5
        assert two.guard.lift_all() if everybody else two.guard.lift(SOURCE)
        beats(one)
        assert not one.bans
    later(HOUR + 10, *nodes)
    assert told_of(END, *nodes) == 0


def test_a_ban_that_is_lifted_while_it_is_claimed_is_told_once(
    database: Database, nodes: tuple[Node, Node]
) -> None:
    """And so is the next one, which begins before the answer has come."""
    one, two = nodes
    one.fails(LIMIT - 1)
    one.cluster.held = []
    one.fails()
    database.now += 1
    one.now += 1
    assert one.guard.lift(SOURCE)
    database.now += 1
    one.now += 1
    one.fails(LIMIT)
    beats(two)
    one.cluster.let_go()
    beats(one, two, one, two)
    assert [node.trail.count(BEGIN) for node in nodes] == [2, 0]
    assert one.bans


def test_a_ban_that_was_lifted_meanwhile_is_not_told_by_who_hears_of_it_late(
    database: Database, nodes: tuple[Node, Node]
) -> None:
    one, two = nodes
    late = Node("late", database)
    one.fails(LIMIT)
    database.now += 1
    beats(two)
    two.guard.lift(SOURCE)
    beats(late, one, late)
    assert told_of(BEGIN, one, two, late) == 1
    assert not late.bans


def test_what_cannot_be_asked_is_kept_up_to_a_limit_and_told_beyond_it(database: Database) -> None:
    node = Node("one", database, held=True)
    telling, told = node.logins.telling, []
    for number in range(MOST_PENDING + 5):
        news = News("sources", str(number), BANNED, NOW, HOUR / 2)
        telling.once(SECTION, news, lambda number=number: told.append(number))
    assert told == [0, 1, 2, 3, 4]
    node.cluster.let_go()
    assert sorted(told) == list(range(MOST_PENDING + 5))


def test_a_server_that_is_alone_tells_everything_at_once() -> None:
    told: list[int] = []
    for number, alone in enumerate((ALONE, ToldOnce(lambda: NOW, lambda: 0.0)), 1):
        alone.lifted(SECTION, "sources", SOURCE, HOUR)
        alone.once(SECTION, News("sources", SOURCE, BANNED, NOW, 1.0), lambda: told.append(1))
        assert len(told) == number
