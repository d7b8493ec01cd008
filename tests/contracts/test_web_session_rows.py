"""What the rows of web sessions promise the nodes that share them, in either kind of database."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from mft.auth.base import Seen
from mft.core.peer import Actor, Address, Component
from mft.daemon.cluster.web_session_rows import WebSessionRows
from mft.protocols.shared_sessions import Record
from mft.resources.cluster_web_sessions import MANY, MOST_ENDED
from tests.fakes.clusters import Node, shared_database
from tests.fakes.databases import NAME
from tests.fakes.reactor import Reactor
from tests.fakes.run import run
from tests.fakes.trail import Trail
from tests.fakes.web_session_rows import SECRET, FakeCluster, RowsInMemory, Table

Rows = Any  # WebSessionRows, or those in memory
SERVICE = Component("web-1", "http", "web")
SEEN = Seen("method-1", "id-ann", "ann", frozenset(("password",)), "mark")


def record(number: int = 1, *, idle: float = 60.0, **given: Any) -> Record:
    """A session of ann's; each number has its own token."""
    actor, peer = Actor("id-ann", "ann", "ann@example.com"), Address("192.0.2.7", 50000)
    made = Record(f"{number:064x}", SERVICE, actor, peer, "node-1", idle, SEEN)
    return made._replace(**given)


class Pair(NamedTuple):
    """The same table as two nodes see it."""

    one: Rows
    other: Rows
    run_out: Callable[..., object]  # a session is idle for too long, or is in so many seconds
    until: Callable[[Record], float]  # when that is


def in_memory() -> Pair:
    table = Table()
    one, other = (RowsInMemory(table, FakeCluster(f"node-{n}"), Trail()) for n in (1, 2))

    def run_out(record: Record, left: float = 0.0) -> None:
        table.rows[record.digest].until = table.time + left if left else 0.0

    return Pair(one, other, run_out, lambda record: table.rows[record.digest].until)


@pytest.fixture(scope="module", params=["memory", "postgresql", "mysql"])
def pairs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Pair]]:
    """A table that is empty, again and again."""
    if request.param == "memory":
        yield in_memory
        return
    name = "mft_web_sessions" if request.param == "postgresql" else f"{NAME}.mft_web_sessions"
    with shared_database(request.param) as database:
        nodes = [
            Node(Reactor(), database, tmp_path_factory.mktemp("node"), f"node-{n}", secret=SECRET)
            for n in (1, 2)
        ]
        for node in nodes:
            run(node.cluster.start())
        one, other = (WebSessionRows(node.cluster, node.trail) for node in nodes)

        def run_out(record: Record, left: float = 0.0) -> None:
            until = run(one.now()) + left if left else 0.0
            database.execute(f"UPDATE {name} SET until = {until} WHERE digest = '{record.digest}'")

        def until(record: Record) -> float:
            (found,) = database.execute(
                f"SELECT until FROM {name} WHERE digest = '{record.digest}'"
            )
            return float(found)

        def emptied() -> Pair:
            database.execute(f"DELETE FROM {name}")
            return Pair(one, other, run_out, until)

        yield emptied
        for node in nodes:
            run(node.cluster.stop())


@pytest.fixture
def pair(pairs: Callable[[], Pair]) -> Pair:
    return pairs()


def test_what_one_keeps_the_other_finds_whole(pair: Pair) -> None:
    one, other = pair[:2]
    odd = record(2, actor=Actor("id-\udc80", "ann\0\U0001f600'\"\\", ""), node="node-ü")
    run(one.keep([record(), odd]))
    assert run(other.find(record().digest)) == record()
    assert run(other.find(odd.digest)) == odd
    assert run(other.find(record(3).digest)) is None


def test_it_is_kept_once_and_what_is_new_of_it_later(pair: Pair) -> None:
    one, other = pair[:2]
    newer = record(seen=SEEN._replace(trace="another"))
    run(one.keep([record()]))
    run(other.keep([newer]))
    assert run(one.find(newer.digest)) == newer


def test_one_claim_of_several_ends_it(pair: Pair) -> None:
    one, other = pair[:2]
    run(one.keep([record()]))
    assert run(one.end(record(), "a"))
    assert not run(other.end(record(), "b"))
    assert run(one.end(record(), "a")), "an answer that was lost is asked for again"
    assert run(other.find(record().digest)) is None


def test_what_has_ended_is_neither_kept_nor_used_again(pair: Pair) -> None:
    one, other = pair[:2]
    run(one.keep([record()]))
    run(other.end(record(), "b"))
    run(one.use([record()]))
    run(one.keep([record()]))
    assert run(other.find(record().digest)) is None
    assert run(one.going_on([record()])) == set()


def test_what_ends_before_it_is_kept_is_never_there(pair: Pair) -> None:
    one, other = pair[:2]
    assert run(one.end(record(), "a"))
    run(one.keep([record()]))
    assert run(other.find(record().digest)) is None
    assert not run(other.end(record(), "b"))


def test_all_of_an_account_at_a_service_end_but_one(pair: Pair) -> None:
    one, other = pair[:2]
    mine, known, ended = record(1), record(2), record(3)
    elsewhere = record(4, service=Component("web-2", "http", "web 2"))
    of_bob = record(5, actor=Actor("id-bob", "bob"))
    run(one.keep([mine, known, ended, elsewhere, of_bob]))
    run(other.end(ended, "b"))
    assert run(one.end_others("id-ann", "web-1", mine.digest, "a")) == [known]
    assert run(one.end_others("id-ann", "web-1", mine.digest, "a")) == [known], "asked again"
    assert run(other.end_others("id-ann", "web-1", mine.digest, "c")) == []
    every = [mine, known, ended, elsewhere, of_bob]
    assert run(one.going_on(every)) == {mine.digest, elsewhere.digest, of_bob.digest}


def test_many_are_used_and_looked_for_at_once(pair: Pair) -> None:
    one, other = pair[:2]
    some = [record(number) for number in range(MANY + 1)]
    run(one.keep(some))
    run(other.end(some[3], "b"))
    run(one.use(some))
    assert run(one.going_on(some)) == {one.digest for one in some} - {some[3].digest}
    assert run(one.going_on([])) == set()


def test_the_ends_since_a_moment_are_all_heard(pair: Pair) -> None:
    one, other = pair[:2]
    some = [record(number) for number in range(3)]
    run(one.keep(some))
    began = run(other.now())
    for each in some[:2]:
        run(one.end(each, "a"))
    digests, now = run(other.ended(began - 1.0))
    assert sorted(digests) == [each.digest for each in some[:2]]
    assert now >= began
    assert run(other.ended(now + 1.0))[0] == []


def test_more_ends_than_are_read_at_once_are_heard_as_well(pair: Pair) -> None:
    one, other = pair[:2]
    some = [record(number) for number in range(MOST_ENDED + 2)]
    began = run(one.now())
    run(one.keep(some))
    run(one.end_others("id-ann", "web-1", "", "a"))
    digests, _ = run(other.ended(began - 1.0))
    assert sorted(digests) == sorted(each.digest for each in some)


def test_one_of_two_ends_what_is_idle(pair: Pair) -> None:
    one, other, run_out, _ = pair
    run(one.keep([record(1), record(2), record(3)]))
    run(one.end(record(3), "a"))
    run_out(record(1))
    run_out(record(3))
    assert run(one.find(record(1).digest)) is None
    assert run(other.end_idle("b")) == ([record(1).digest], [record(1)])
    assert run(one.end_idle("a")) == ([], [])
    assert run(one.going_on([record(1), record(2)])) == {record(2).digest}


def test_what_is_used_in_time_is_not_idle(pair: Pair) -> None:
    one, other, run_out, _ = pair
    run(one.keep([record()]))
    run_out(record())
    run(one.use([record()]))
    assert run(other.find(record().digest)) == record()
    assert run(other.end_idle("b")) == ([], [])


def test_what_is_found_is_not_idle_before_its_use_can_be_told(pair: Pair) -> None:
    one, other, run_out, _ = pair
    run(one.keep([record()]))
    run_out(record(), 0.5)
    assert run(other.find(record().digest)) == record()
    assert pair.until(record()) > run(one.now()) + one.lapse
    run_out(record(), 60.0)
    before = pair.until(record())
    assert run(other.find(record().digest)) == record()
    assert pair.until(record()) == before


def test_what_has_ended_lately_is_not_forgotten(pair: Pair) -> None:
    one, other = pair[:2]
    run(one.keep([record()]))
    run(one.end(record(), "a"))
    run(one.forget())
    run(one.keep([record()]))
    assert run(other.find(record().digest)) is None
