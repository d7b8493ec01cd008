"""Web sessions of a cluster: whoever may write its database, or guesses, gets no account by it."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mft.core.secret import Secret
from mft.daemon.cluster.web_session_rows import WebSessionRows
from mft.events import catalogue as events
from mft.protocols.http.taking_over import WRONG
from mft.protocols.http.web_sessions import digest_of
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.clusters import Node, shared_database
from tests.fakes.http_server import CLIENT, LOGOUT, HttpClient
from tests.fakes.run import run
from tests.fakes.ssh_fixtures import faults as faults
from tests.fakes.web_nodes import WebNode
from tests.fakes.web_session_rows import SECRET

FORGED, NOT_TAKEN = events.WEB_SESSION_FORGED.number, events.WEB_SESSION_NOT_TAKEN.number
ENDS = {events.HTTP_LOGGED_OUT.number, events.HTTP_IDLE.number, events.SESSION_ENDED.number}
TABLE = "mft_web_sessions"
ANN, BOB = (account(name, password=CHEAP_HASH) for name in ("ann", "bob"))
Make = Callable[..., WebNode]


@pytest.fixture(scope="module")
def database() -> Iterator[Any]:
    with shared_database("postgresql") as found:
        yield found


@pytest.fixture
def make(database: Any, tmp_path: Path, faults: list[str]) -> Iterator[Make]:
    """Nodes of one cluster, over a real database; each is given a name of its own."""
    made: list[WebNode] = []

    def node(name: str, *accounts: Any, secret: str = SECRET, **options: Any) -> WebNode:
        folder = tmp_path / name

        def joined(server: Any) -> Any:
            cluster = Node(server.reactor, database, folder, name, secret=secret).cluster
            run(cluster.start())
            return cluster

        made.append(WebNode(folder, *(accounts or (ANN, BOB)), cluster=joined, **options))
        return made[-1]

    yield node
    for one in made:
        run(one.cluster.stop())
        one.close()
    database.execute(f"DELETE FROM {TABLE}")


@pytest.fixture
def nodes(make: Make) -> tuple[WebNode, WebNode]:
    return make("node-0"), make("node-1")


def beat(*nodes: WebNode) -> None:
    """A heartbeat or two of each."""
    for node in nodes:
        node.reactor.advance(0.2)


def row_of(database: Any, token: str) -> tuple[Any, ...]:
    """Everything that the database has of a session."""
    (found,) = database.execute(
        f"SELECT digest, service, account, told, until, over, by FROM {TABLE} "
        f"WHERE digest = '{digest_of(Secret(token)).hex()}'"
    )
    return tuple(found)


def forge(database: Any, token: str, like: tuple[Any, ...], told: str) -> None:
    """Add a row for a token of one's own, which is else like another."""
    digest = digest_of(Secret(token)).hex()
    database.execute(
        f"INSERT INTO {TABLE} (digest, service, account, told, until, over, by) VALUES "
        f"('{digest}', '{like[1]}', '{like[2]}', '{told}', {like[4]}, 0, '')"
    )


def test_a_row_that_somebody_writes_gives_nobody_an_account(
    database: Any, nodes: tuple[WebNode, WebNode], make: Make
) -> None:
    one, other = nodes
    real = row_of(database, one.log_in("ann"))
    theirs = make("node-2", secret="of somebody else, who has a server as well")
    foreign = row_of(database, theirs.log_in("ann"))
    forgeries = [real[3], foreign[3], real[3][:-8] + "AAAAAAA=", "", "e30=", '{"account": "ann"}']
    for told in forgeries:
        token = secrets.token_urlsafe(32)
        forge(database, token, real, told)
        assert other.ask(token).status == 401
    assert other.numbers().count(FORGED) == len(forgeries)
    assert NOT_TAKEN not in other.numbers()
    assert len(other.roster) == 0


def test_a_row_of_ones_own_is_not_made_that_of_somebody_else(
    database: Any, nodes: tuple[WebNode, WebNode]
) -> None:
    one, other = nodes
    anns, bobs = one.log_in("ann"), one.log_in("bob")
    ann, bob = row_of(database, anns), row_of(database, bobs)
    database.execute(f"UPDATE {TABLE} SET account = '{ann[2]}' WHERE digest = '{bob[0]}'")
    assert other.ask(bobs).status == 200
    assert [each["account"] for each in other.roster.describe()] == ["bob"]
    database.execute(f"UPDATE {TABLE} SET told = '{ann[3]}' WHERE digest = '{bob[0]}'")
    fresh = WebSessionRows(other.cluster, other.bus)
    assert run(fresh.find(bob[0])) is None


def test_the_database_does_not_tell_whose_a_session_is_or_by_what_it_is_shown(
    database: Any, nodes: tuple[WebNode, WebNode]
) -> None:
    one, _ = nodes
    token = one.log_in("ann")
    row = str(row_of(database, token))
    web = one.service.hub.web_sessions.find(Secret(token))
    assert web is not None
    for word in (token, web.csrf, "ann", "id-ann", "web-1", "method-1", CLIENT):
        assert word not in row


def test_guessing_tokens_asks_the_database_little(nodes: tuple[WebNode, WebNode]) -> None:
    _, other = nodes
    asked: list[str] = []
    find = other.sharing.find

    async def counting(digest: str) -> Any:
        asked.append(digest)
        return await find(digest)

    other.sharing.find = counting  # type: ignore[method-assign]  # it is counted
    statuses = {guess(other, secrets.token_urlsafe(32)) for _ in range(WRONG)}
    assert statuses == {401}
    statuses = {guess(other, secrets.token_urlsafe(32)) for _ in range(200)}
    assert statuses == {503}
    assert len(asked) == WRONG
    for odd in ("", "'; DROP TABLE mft_web_sessions; --", "a" * 44, "%" * 43, "x" * 5000):
        assert guess(other, odd) in (400, 401)
    assert len(asked) == WRONG


def guess(node: WebNode, token: str) -> int:
    """What a node says to a token, over a connection of its own."""
    client = HttpClient(node, user=None)
    client.fields["Authorization"] = f"Session {token}"
    status = client.ask("GET", "/home/").status
    client.leave()
    return status


def test_a_session_of_one_service_is_none_of_another(make: Make) -> None:
    one, other = make("node-0"), make("node-1", service_id="web-2")
    token = one.log_in("ann")
    assert other.ask(token).status == 401
    assert NOT_TAKEN not in other.numbers()
    assert one.ask(token).status == 200


def test_what_has_ended_is_not_revived_by_what_comes_late(
    database: Any, nodes: tuple[WebNode, WebNode]
) -> None:
    one, other = nodes
    token = one.log_in("ann")
    assert other.ask(token).status == 200
    web = other.service.hub.web_sessions.find(Secret(token))
    assert web is not None
    assert web.record is not None
    late = WebSessionRows(other.cluster, other.bus)
    assert one.ask(token, "POST", LOGOUT).status == 204
    run(late.use([web.record]))
    run(late.keep([web.record]))
    assert other.ask(token).status == 200, "it has heard nothing yet, and tells of a use"
    other.reactor.advance(0.2)
    assert other.ask(token).status == 401
    run(late.use([web.record]))
    run(late.keep([web.record]))
    beat(one, other)
    assert one.ask(token).status == other.ask(token).status == 401
    assert row_of(database, token)[5] > 0
    told = [number for node in nodes for number in node.numbers() if number in ENDS]
    assert told == [events.HTTP_LOGGED_OUT.number]


@pytest.mark.parametrize(
    "stale",
    [
        {"enabled": "no"},
        {"expire_datetime": "2001-01-01"},
        {"source_ip_filter": "deny 0.0.0.0/0"},
        {"password": "$6$rounds=1000$abcdefgh$" + "a" * 86},
    ],
)
def test_an_account_that_may_not_log_in_here_does_not_come_in_by_another_node(
    make: Make, stale: dict[str, str]
) -> None:
    one = make("node-0")
    other = make("node-1", account("ann", **{"password": CHEAP_HASH, **stale}))
    assert other.ask(one.log_in("ann")).status == 401
    (told,) = other.data(NOT_TAKEN)
    assert told["account_name"] == "ann"
    assert len(other.roster) == 0


def test_a_source_that_is_banned_here_brings_no_session_from_there(
    nodes: tuple[WebNode, WebNode],
) -> None:
    one, other = nodes
    token = one.log_in("ann")
    client = other.visitor(token)
    other.bars()
    assert client.ask("GET", "/home/").status == 401
    assert other.data(NOT_TAKEN)[0]["details"] == "the source is banned"


def test_another_secret_is_another_cluster(make: Make) -> None:
    one = make("node-0")
    other = make("node-1", secret="this one was changed, and not that one")
    token = one.log_in("ann")
    assert other.ask(token).status == 401
    assert one.ask(token).status == 200
