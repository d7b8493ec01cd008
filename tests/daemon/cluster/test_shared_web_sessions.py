"""Web sessions of two nodes: what one begins the other has, what one ends has ended, told once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mft.core.secret import Secret
from mft.daemon.cluster.shared_web_sessions import GONE, LATE, SharedWebSessions
from mft.events import catalogue as events
from mft.protocols.http.web_sessions import WebSession
from mft.session.own_credentials import MAX_WRONG
from tests.fakes.http_server import LOGOUT, HttpClient
from tests.fakes.ssh_fixtures import faults as faults
from tests.fakes.trail import Trail
from tests.fakes.web_nodes import WebNode, WebNodes
from tests.fakes.web_session_rows import LAPSE, FakeCluster

TAKEN, NOT_TAKEN = events.WEB_SESSION_TAKEN.number, events.WEB_SESSION_NOT_TAKEN.number
LOGGED_OUT, IDLE = events.HTTP_LOGGED_OUT.number, events.HTTP_IDLE.number
ENDED = events.SESSION_ENDED.number
ENDS = (LOGGED_OUT, IDLE, ENDED)
QUIET = 4 * LAPSE  # seconds after a start during which nothing counts as idle
Make = Callable[..., WebNodes]


@pytest.fixture
def make(tmp_path: Path, faults: list[str]) -> Iterator[Make]:
    made: list[WebNodes] = []

    def one(*accounts: Any, **options: str) -> WebNodes:
        made.append(WebNodes(tmp_path / str(len(made)), *accounts, **options))
        return made[-1]

    yield one
    for nodes in made:
        nodes.close()


@pytest.fixture
def nodes(make: Make) -> WebNodes:
    return make()


def is_over(nodes: WebNodes, token: str) -> bool:
    """Whether no node lets it in."""
    statuses = {node.ask(token).status for node in nodes.nodes}
    assert len(statuses) == 1
    return statuses == {401}


# What is kept, and found.


def test_a_login_of_one_node_is_good_at_the_other_and_told_there(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    assert other.ask(token).status == 200
    assert other.ask(token).status == 200
    assert nodes.table.asked.count("find") == 1
    assert nodes.told(TAKEN) == [(TAKEN, "ann")]
    assert other.data(TAKEN)[0]["node"] == "node-0"
    assert len(one.roster) == len(other.roster) == 1


def test_a_login_is_known_to_others_before_its_client_hears_of_it(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    client = HttpClient(one, user=None)
    token = client.log_in()
    assert nodes.table.asked.count("keep") == 1
    assert other.ask(token).status == 200


def test_requests_ask_the_database_nothing_and_uses_are_told_now_and_then(nodes: WebNodes) -> None:
    one, _ = nodes.nodes
    token = one.log_in()
    nodes.wait(QUIET)
    nodes.table.asked.clear()
    client = one.visitor(token)
    for _ in range(100):
        assert client.ask("PUT", "/home/file", b"bytes").status in (201, 204)
    assert nodes.table.asked == []
    nodes.wait(2 * LAPSE)
    assert nodes.table.asked.count("use") <= 4


def test_what_a_stopped_node_had_goes_on_at_the_other(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    one.service.hub.web_sessions.stop()
    nodes.wait(QUIET)
    assert other.ask(token).status == 200
    assert nodes.told(*ENDS) == []


def test_without_a_secret_each_node_is_alone_and_says_so(tmp_path: Path, nodes: WebNodes) -> None:
    one, other = nodes.nodes
    for node in nodes.nodes:
        node.sharing.use(FakeCluster("alone", secret=""))
    assert one.data(events.WEB_SESSIONS_APART.number) == [{"name": "cluster"}]
    assert other.ask(one.log_in()).status == 401


def test_a_server_without_web_services_needs_no_secret() -> None:
    trail = Trail()
    SharedWebSessions(trail, lambda: 0.0).use(FakeCluster("node-1", secret=""))
    assert trail.told == []


def test_once_there_is_no_cluster_it_is_alone(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    for node in nodes.nodes:
        node.sharing.use(None)
        node.cluster.beat()
    assert other.ask(token).status == 401
    assert one.ask(token).status == 200
    assert one.ask(token, "POST", LOGOUT).status == 204
    assert nodes.told(*ENDS) == [(LOGGED_OUT, "ann")]


# Ends.


def test_a_logout_is_one_on_every_node_and_told_once(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    assert other.ask(token).status == 200
    assert other.ask(token, "POST", LOGOUT).status == 204
    assert other.ask(token).status == 401
    nodes.beat()
    assert is_over(nodes, token)
    assert nodes.told(*ENDS) == [(LOGGED_OUT, "ann")]
    assert len(one.roster) == len(other.roster) == 0


def test_both_nodes_end_it_at_once_and_one_of_them_tells(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    assert other.ask(token).status == 200
    assert one.ask(token, "POST", LOGOUT).status == 204
    (here,) = other.roster.describe()
    assert other.roster.end(here["id"], "mft end")
    assert nodes.told(*ENDS) == [(LOGGED_OUT, "ann")]


def test_what_runs_for_it_elsewhere_is_cut(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    client = other.visitor(token)
    client.write(client.head("PUT", "/home/file", Content_Length="10") + b"12345")
    one.ask(token, "POST", LOGOUT)
    nodes.beat()
    client.write(b"67890")
    assert client.closed
    assert other.names() == []


def test_an_administrator_ends_it_everywhere(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    other.ask(token)
    (here,) = other.roster.describe()
    assert other.roster.end(here["id"], "mft end")
    nodes.beat()
    assert is_over(nodes, token)
    assert nodes.told(*ENDS) == [(ENDED, "ann")]


def test_the_others_of_an_account_end_on_all_nodes_and_each_is_told_once(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    mine, known, unknown = (one.log_in() for _ in range(3))
    for token in (mine, known):
        assert other.ask(token).status == 200
    sessions = other.service.hub.web_sessions
    client = other.visitor(mine)
    client.ask("GET", "/home/")
    sessions.end_others("id-ann", next(iter(sessions._here.values())), "the password was changed")
    nodes.beat()
    assert is_over(nodes, known)
    assert is_over(nodes, unknown)
    assert not is_over(nodes, mine)
    assert nodes.told(*ENDS) == [(ENDED, "ann")] * 2


# Idle ones.


def test_what_is_used_at_one_node_is_not_idle_at_the_other(make: Make) -> None:
    nodes = make(idle_connection_timeout="5s")
    one, other = nodes.nodes
    token = one.log_in()
    for _ in range(10):
        nodes.wait(4)
        assert other.ask(token).status == 200
    assert len(one.roster) == 0, "one that nobody comes to is forgotten"
    assert one.ask(token).status == 200
    assert nodes.told(*ENDS) == []


def test_an_idle_one_is_told_once_by_whoever_sees_it(make: Make) -> None:
    nodes = make(idle_connection_timeout="5s")
    one, other = nodes.nodes
    token = one.log_in()
    other.ask(token)
    nodes.wait(20)
    assert nodes.told(*ENDS) == [(IDLE, "ann")]
    assert is_over(nodes, token)
    (told,) = [one for node in nodes.nodes for one in node.told if one.event.number == IDLE]
    assert told.data == {"timeout": 5}
    assert told.origin.component.name == "web"


def test_a_running_upload_keeps_it_from_being_idle_anywhere(make: Make) -> None:
    nodes = make(idle_connection_timeout="5s")
    one, _ = nodes.nodes
    token = one.log_in()
    client = one.visitor(token)
    client.write(client.head("PUT", "/home/file", Content_Length="10000000"))
    for _ in range(10):
        nodes.wait(2)
        client.write(bytes(100_000))
    assert nodes.told(*ENDS) == []
    client.vanish()


def test_a_dead_node_is_survived_by_what_it_had_which_then_ends_as_any(make: Make) -> None:
    nodes = make(idle_connection_timeout="5s")
    one, other = nodes.nodes
    kept, left = one.log_in(), one.log_in()
    one.cluster.away = True  # for good: it tells nothing, and hears nothing
    for _ in range(5):
        assert other.ask(kept).status == 200
        nodes.wait(4)
    assert other.ask(left).status == 401
    assert [one.event.number for one in other.told if one.event.number in ENDS] == [IDLE]


def test_a_node_that_comes_back_ends_what_ended_meanwhile(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    other.ask(token)
    nodes.away(node=0)
    other.ask(token, "POST", LOGOUT)
    nodes.wait(10 * LATE)
    assert one.ask(token).status == 200
    nodes.away(False)
    nodes.beat()
    assert one.ask(token).status == 401
    assert nodes.told(*ENDS) == [(LOGGED_OUT, "ann")]


def test_after_the_database_was_away_nothing_is_idle_before_all_have_told_their_uses(
    make: Make,
) -> None:
    nodes = make(idle_connection_timeout="5s")
    one, other = nodes.nodes
    token = one.log_in()
    nodes.away()
    for _ in range(5):
        nodes.wait(4)
        assert one.ask(token).status == 200
    nodes.away(False, node=1)
    other.cluster.beat()
    other.reactor.advance(LAPSE)
    other.cluster.beat()
    nodes.away(False)
    nodes.wait(QUIET)
    assert one.ask(token).status == other.ask(token).status == 200
    assert nodes.told(*ENDS) == []


# Without the database.


def test_known_ones_go_on_and_unknown_ones_are_told_to_come_again(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    nodes.away()
    assert one.ask(token).status == 200
    answer = other.ask(token)
    assert answer.status == 503
    assert answer.field("Retry-After") is not None
    nodes.away(False)
    assert other.ask(token).status == 200


def test_a_login_is_of_its_node_until_the_database_is_back(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    nodes.away()
    token = one.log_in()
    assert one.ask(token).status == 200
    assert other.ask(token).status == 503
    nodes.away(False)
    nodes.beat()
    assert other.ask(token).status == 200


def test_a_logout_that_could_not_be_told_is_told_later(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    other.ask(token)
    nodes.away()
    assert one.ask(token, "POST", LOGOUT).status == 204
    assert one.ask(token).status == 401
    assert other.ask(token).status == 200
    nodes.away(False)
    nodes.wait(1)
    assert is_over(nodes, token)
    assert nodes.told(*ENDS) == [(LOGGED_OUT, "ann")]


def test_who_logs_in_and_out_without_the_database_was_never_there(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    nodes.away()
    token = one.log_in()
    one.ask(token, "POST", LOGOUT)
    nodes.away(False)
    nodes.wait(1)
    assert nodes.table.rows == {}
    assert is_over(nodes, token)
    assert nodes.told(*ENDS) == [(LOGGED_OUT, "ann")]
    assert other.told == [] or not other.data(ENDED)


def test_one_that_is_idle_before_others_know_of_it_ends_here(make: Make) -> None:
    nodes = make(idle_connection_timeout="5s")
    one, _ = nodes.nodes
    nodes.away()
    token = one.log_in()
    nodes.wait(30)
    assert nodes.told(*ENDS) == [(IDLE, "ann")]
    nodes.away(False)
    nodes.wait(30)
    assert is_over(nodes, token)
    assert nodes.told(*ENDS) == [(IDLE, "ann")]


def test_the_others_of_an_account_end_elsewhere_once_the_database_is_back(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    mine, known = one.log_in(), one.log_in()
    foreign = other.log_in()
    nodes.away()
    fresh = one.log_in()
    sessions = one.service.hub.web_sessions
    sessions.end_others("id-ann", next(iter(sessions._here.values())), "the password was changed")
    assert nodes.told(*ENDS) == [(ENDED, "ann")] * 2
    assert [one.ask(token).status for token in (mine, known, fresh)] == [200, 503, 503]
    nodes.away(False)
    nodes.wait(1)
    for token in (known, foreign, fresh):
        assert is_over(nodes, token)
    assert not is_over(nodes, mine)
    assert nodes.told(*ENDS) == [(ENDED, "ann")] * 3


def test_until_then_such_a_one_is_not_taken_back_from_the_database(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token, foreign = one.log_in(), other.log_in()
    nodes.away()
    one.ask(token, "POST", LOGOUT)
    one.service.hub.web_sessions.end_others("id-ann", None, "the password was changed")
    for node in nodes.nodes:
        node.cluster.away = False
    assert one.ask(token).status == 401
    assert one.ask(foreign).status == 401


# Answers that are lost, and rows.


def test_what_was_done_and_not_answered_is_done_once(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    nodes.table.loses = True
    token = one.log_in()
    assert one.ask(token).status == 200
    one.ask(token, "POST", LOGOUT)
    nodes.table.loses = False
    nodes.wait(1)
    assert is_over(nodes, token)
    assert nodes.told(*ENDS) == [(LOGGED_OUT, "ann")]
    assert other.ask(token).status == 401


def test_a_login_whose_answer_was_lost_is_kept_in_the_end(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    nodes.table.loses = True
    token = one.log_in()
    nodes.table.loses = False
    nodes.wait(1)
    assert one.ask(token).status == other.ask(token).status == 200


def test_a_row_that_is_taken_away_ends_its_session_and_that_is_told_once(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    other.ask(token)
    nodes.table.rows.clear()
    for node in nodes.nodes:
        node.ask(token)
    nodes.wait(2 * LAPSE)
    assert is_over(nodes, token)
    assert nodes.told(*ENDS) == [(ENDED, "ann")]
    told = [each for node in nodes.nodes for each in node.data(ENDED)]
    assert told == [{"details": GONE}]


def test_an_end_that_commits_late_is_heard_as_well(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    other.ask(token)
    nodes.wait(5)
    (row,) = nodes.table.rows.values()
    row.over, row.by = nodes.table.time - LATE / 2, "somebody"
    nodes.beat()
    assert is_over(nodes, token)


def test_rows_are_removed_when_they_have_been_over_for_long(nodes: WebNodes) -> None:
    one, _ = nodes.nodes
    one.ask(one.log_in(), "POST", LOGOUT)
    nodes.wait(QUIET)
    assert len(nodes.table.rows) == 1
    nodes.table.time += 86400 * 2
    for node in nodes.nodes:
        node.reactor.advance(1000)
    nodes.wait(QUIET)
    assert nodes.table.rows == {}


# Another cluster, or none.


def test_in_another_cluster_its_sessions_are_kept_as_well(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    nodes.table.rows.clear()  # it has another database
    for node in nodes.nodes:
        node.cluster = FakeCluster(node.cluster.uuid)
        node.sharing.use(node.cluster)
    nodes.wait(2 * LAPSE)
    assert one.ask(token).status == other.ask(token).status == 200
    assert nodes.told(*ENDS) == []


def test_once_there_is_none_its_ends_are_told_at_once(make: Make) -> None:
    nodes = make(idle_connection_timeout="5s")
    one, _ = nodes.nodes
    first, second, third = (one.log_in() for _ in range(3))
    for node in nodes.nodes:
        node.sharing.use(None)
    one.ask(first, "POST", LOGOUT)
    one.service.hub.web_sessions.end_others("id-ann", only(one, second), "another password")
    assert nodes.told(*ENDS) == [(LOGGED_OUT, "ann"), (ENDED, "ann")]
    assert one.ask(third).status == 401
    nodes.wait(30)
    assert nodes.told(IDLE) == [(IDLE, "ann")]


def only(node: WebNode, token: str) -> WebSession:
    """The session of a token."""
    found = node.service.hub.web_sessions.find(Secret(token))
    assert found is not None
    return found


# Credentials that change.


def test_who_changed_its_password_is_known_by_the_new_one(nodes: WebNodes) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    other.method.own.kept = one.method.own.kept  # as nodes share passwords
    new = {"password": "right", "new_password": "correct horse battery staple"}
    assert posted(one, token, "/__mft__/password-update", new) == 200
    assert nodes.table.asked.count("keep") == 2
    assert other.ask(token).status == 200


def test_who_gave_itself_codes_has_shown_one(nodes: WebNodes) -> None:
    one, _ = nodes.nodes
    token = one.log_in()
    web = only(one, token)
    assert web.record is not None
    assert web.record.seen.kinds == {"password"}
    one.service.hub.web_sessions.end_others("id-ann", web, "codes", frozenset(("one-time-code",)))
    assert web.record.seen.kinds == {"password", "one-time-code"}
    (row,) = nodes.table.rows.values()
    assert row.record == web.record


def test_who_has_tried_wrong_passwords_has_no_more_of_them_for_being_idle(make: Make) -> None:
    nodes = make(idle_connection_timeout="5s")
    one, other = nodes.nodes
    token = one.log_in()
    wrong = {"password": "wrong", "new_password": "correct horse battery staple"}
    for _ in range(MAX_WRONG):
        assert posted(one, token, "/__mft__/password-update", wrong) == 422
    for _ in range(5):
        nodes.wait(4)
        assert other.ask(token).status == 200
    assert posted(one, token, "/__mft__/password-update", wrong) == 403


def posted(node: WebNode, token: str, target: str, given: dict[str, str]) -> int:
    """The status of an answer to JSON."""
    client = node.visitor(token)
    body = json.dumps(given).encode()
    status = client.ask("POST", target, body, Content_Type="application/json").status
    client.leave()
    return status


def test_one_that_changed_without_the_database_and_left_has_left_everywhere(
    nodes: WebNodes,
) -> None:
    one, other = nodes.nodes
    token = one.log_in()
    nodes.away()
    sessions = one.service.hub.web_sessions
    sessions.end_others("id-ann", only(one, token), "the password was changed")
    assert one.ask(token, "POST", LOGOUT).status == 204
    nodes.away(False)
    nodes.wait(1)
    assert other.ask(token).status == 401
    assert nodes.told(*ENDS) == [(LOGGED_OUT, "ann")]
