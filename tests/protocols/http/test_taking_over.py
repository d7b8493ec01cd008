"""A token that a node does not know: asked about once, by few at a time, and never for long."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.protocols.http import taking_over
from mft.protocols.http.taking_over import MINUTE, TOGETHER, UNKNOWN, WRONG, TakingOver
from mft.protocols.http.web_sessions import WebSession
from tests.fakes.accounts import account
from tests.fakes.http_server import CLIENT, LOGIN, LOGOUT, STRANGER, HttpClient
from tests.fakes.ssh_fixtures import faults as faults
from tests.fakes.web_nodes import ANN, WebNode, WebNodes

TAKEN, NOT_TAKEN = events.WEB_SESSION_TAKEN.number, events.WEB_SESSION_NOT_TAKEN.number
HERE = Address(CLIENT, 50000)


@pytest.fixture
def nodes(tmp_path: Path, faults: list[str]) -> Iterator[WebNodes]:
    made = WebNodes(tmp_path)
    yield made
    made.close()


def made_up() -> str:
    return secrets.token_urlsafe(32)


def asked(nodes: WebNodes) -> int:
    """How often the database was asked about a token."""
    return nodes.table.asked.count("find")


class Held:
    """Questions that are answered when the test says so."""

    def __init__(self, node: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[Deferred[None]] = []
        self._find = node.sharing.find
        monkeypatch.setattr(node.sharing, "find", self)

    async def __call__(self, digest: str) -> Any:
        waiting: Deferred[None] = Deferred()
        self.asked.append(waiting)
        await waiting
        return await self._find(digest)

    def answer(self) -> None:
        """Answer all of them."""
        waiting, self.asked = self.asked, []
        for one in waiting:
            one.callback(None)


def takes(node: WebNode, token: str, source: Address = HERE) -> Deferred[WebSession | None]:
    """A token that somebody comes with."""
    return Deferred.fromCoroutine(node.service.hub.elsewhere.take(Secret(token), source))


def taken(node: WebNode, token: str, source: Address = HERE) -> WebSession | None:
    """What came of it at once."""
    found: list[Any] = []
    takes(node, token, source).addBoth(found.append)
    if hasattr(found[0], "raiseException"):
        found[0].raiseException()
    return found[0]


# What is asked.


def test_what_is_no_token_is_never_asked_about(nodes: WebNodes) -> None:
    _, other = nodes.nodes
    for odd in ("", "a", made_up()[:-1], made_up() + "a", "ü" * 43, "\ud800" * 43, "a b" * 15):
        assert taken(other, odd) is None
    assert asked(nodes) == 0


def test_an_unknown_token_is_asked_about_once_in_a_while(nodes: WebNodes) -> None:
    _, other = nodes.nodes
    token = made_up()
    for _ in range(5):
        assert other.ask(token).status == 401
    assert asked(nodes) == 1
    other.reactor.advance(UNKNOWN)
    assert other.ask(token).status == 401
    assert asked(nodes) == 2


def test_without_other_nodes_nothing_is_asked(nodes: WebNodes) -> None:
    _, other = nodes.nodes
    other.sharing.use(None)
    assert other.ask(made_up()).status == 401
    assert asked(nodes) == 0


def test_all_who_come_with_it_at_once_have_one_session(
    nodes: WebNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    held = Held(other, monkeypatch)
    clients = [other.visitor(token) for _ in range(6)]
    for client in clients:
        client.write(client.head("GET", "/home/"))
    assert len(held.asked) == 1
    held.answer()
    for client in clients:
        client.settle()
        assert client.answer().status == 200
    assert len(other.roster) == 1
    assert other.numbers().count(TAKEN) == 1


def test_they_hear_together_that_it_cannot_be_found_out(
    nodes: WebNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    held = Held(other, monkeypatch)
    clients = [other.visitor(token) for _ in range(3)]
    for client in clients:
        client.write(client.head("GET", "/home/"))
    nodes.away()
    held.answer()
    for client in clients:
        client.settle()
        assert client.answer().status == 503
    nodes.away(False)
    clients[0].write(clients[0].head("GET", "/home/"))
    held.answer()
    clients[0].settle()
    assert clients[0].answer().status == 200


def test_few_are_asked_about_at_a_time_and_the_others_wait(
    nodes: WebNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, other = nodes.nodes
    held = Held(other, monkeypatch)
    waiting = [takes(other, made_up()) for _ in range(2 * TOGETHER)]
    assert len(held.asked) == TOGETHER
    held.answer()
    assert len(held.asked) == TOGETHER
    held.answer()
    assert all(one.called for one in waiting)


def test_more_than_may_wait_are_told_to_come_again(
    nodes: WebNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, other = nodes.nodes
    monkeypatch.setattr(taking_over, "MOST_WAITING", 3)
    held = Held(other, monkeypatch)
    for _ in range(3):
        takes(other, made_up())
    with pytest.raises(Refused) as refused:
        taken(other, made_up())
    assert refused.value.reason is Reason.BUSY
    held.answer()


def test_who_comes_with_many_unknown_tokens_is_not_asked_for_a_minute(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    for _ in range(WRONG):
        assert taken(other, made_up()) is None
    with pytest.raises(Refused):
        taken(other, made_up())
    with pytest.raises(Refused):
        taken(other, token)
    assert taken(other, token, Address(STRANGER, 50000)) is not None
    before = asked(nodes)
    other.reactor.advance(MINUTE)
    assert taken(other, made_up()) is None
    assert asked(nodes) == before + 1


def test_what_is_remembered_of_strangers_is_bounded(
    nodes: WebNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, other = nodes.nodes
    monkeypatch.setattr(taking_over, "MOST_SOURCES", 3)
    monkeypatch.setattr(taking_over, "MOST_UNKNOWN", 3)
    for number in range(10):
        assert taken(other, made_up(), Address(f"192.0.2.{number}", 1)) is None
    elsewhere: Any = other.service.hub.elsewhere
    assert isinstance(elsewhere, TakingOver)
    assert len(elsewhere._wrong) == len(elsewhere._unknown) == 3
    assert elsewhere._taking == other.service.hub.web_sessions.coming == {}


# What comes of it.


def test_one_that_ends_while_it_is_taken_is_not_kept(
    nodes: WebNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    opening: Deferred[None] = Deferred()

    async def hold() -> None:
        await opening

    other.holding = hold
    client = other.visitor(token)
    client.write(client.head("GET", "/home/"))
    assert one.ask(token, "POST", LOGOUT).status == 204
    nodes.beat()
    opening.callback(None)
    client.settle()
    assert client.answer().status == 401
    assert len(other.roster) == 0


def test_the_limit_of_web_sessions_holds_for_what_is_taken_as_well(
    tmp_path: Path, faults: list[str]
) -> None:
    nodes = WebNodes(tmp_path, maximum_web_sessions="1")
    one, other = nodes.nodes
    here = other.log_in()
    token = one.log_in()
    assert other.ask(token).status == 503
    assert other.ask(here, "POST", LOGOUT).status == 204
    assert other.ask(token).status == 200
    nodes.close()


def test_a_service_that_leaves_takes_nothing_any_more(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    other.service.hub.web_sessions.end_all("The service stops.", idle_only=True)
    assert other.ask(token).status == 503
    assert one.ask(token).status == 200


def test_a_session_that_cannot_be_opened_now_is_told_and_may_be_later(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()

    async def full() -> None:
        raise Refused(Reason.QUOTA, "", "the account has 1 sessions already")

    other.holding = full
    assert other.ask(token).status == 503
    (told,) = other.data(NOT_TAKEN)
    assert told["details"] == "the account has 1 sessions already"
    assert told["node"] == "node-0"
    other.holding = None
    assert other.ask(token).status == 200


def test_the_account_is_the_one_of_this_node_as_it_is_now(
    tmp_path: Path, faults: list[str]
) -> None:
    nodes = WebNodes(tmp_path)
    one, _ = nodes.nodes
    token = one.log_in()
    other = joined(
        nodes, tmp_path, account("ann", password=ANN.password.reveal(), permissions="allow-list")
    )
    assert other.ask(token).status == 200
    client = other.visitor(token)
    assert client.ask("PUT", "/home/file", b"bytes").status == 403
    other.close()
    nodes.close()


def joined(nodes: WebNodes, folder: Path, *accounts: Any, **options: str) -> WebNode:
    """One more node, whose configuration is another one."""
    another = WebNodes(folder / "another", *accounts, **options)
    another.nodes[1].close()
    another.table.rows = nodes.table.rows
    return another.nodes[0]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"enabled": "no"}, "disabled"),
        ({"expire_datetime": "2001-01-01"}, "expired"),
        ({"source_ip_filter": "deny 192.0.2.0/24"}, "not allowed from"),
        ({"password": "$6$rounds=1000$abcdefgh$" + "a" * 86}, "another one by now"),
        ({"required_credentials": "password, ssl-certificate"}, "ssl-certificate as well"),
        ({"name": "eve"}, "no such account"),
    ],
)
def test_an_account_that_may_not_act_here_is_refused_and_told(
    tmp_path: Path, faults: list[str], given: dict[str, str], why: str
) -> None:
    nodes = WebNodes(tmp_path)
    token = nodes.nodes[0].log_in()
    options = {"name": "ann", "password": ANN.password.reveal(), **given}
    other = joined(nodes, tmp_path, account(**options))
    assert other.ask(token).status == 401
    (told,) = other.data(NOT_TAKEN)
    assert told["account_name"] == "ann"
    assert why in told["details"]
    assert nodes.nodes[0].ask(token).status == 200
    assert other.ask(token).status == 401
    assert len(other.data(NOT_TAKEN)) == 1, "it is not looked for again at once"
    other.close()
    nodes.close()


def test_forms_of_one_node_are_good_at_the_other(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    other.ask(token)
    webs = [node.service.hub.web_sessions.find(Secret(token)) for node in (one, other)]
    assert len({web.csrf for web in webs if web is not None}) == 1
    assert all(web is not None and web.csrf not in token for web in webs)


def test_a_browser_is_shown_a_page_and_keeps_its_cookie(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    client = HttpClient(one, user=None)
    body = b"username=ann&password=right"
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    cookie = str(client.ask("POST", LOGIN, body, **kind).field("Set-Cookie")).partition(";")[0]
    nodes.away()
    browser = HttpClient(other, user=None)
    seen = {"Cookie": cookie, "Accept": "text/html", "Sec_Fetch_Mode": "navigate"}
    answer = browser.ask("GET", "/home/", **seen)
    assert answer.status == 503
    assert answer.field("Set-Cookie") is None
    assert b"<html" in answer.body
    nodes.away(False)
    assert browser.ask("GET", "/home/", **seen).status == 200
