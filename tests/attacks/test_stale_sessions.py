"""A cookie that was stolen before its account changed its password: it is worth nothing then.

Whoever holds it never lets it be idle, so that nothing else would end it. The owner changes the
password where it is at hand, which need not be the service at which the cookie is good.
"""

from pathlib import Path

import pytest

from mft.auth.base import Password, PasswordChange
from mft.core.peer import Address, Component
from mft.core.secret import Secret
from mft.protocols.ssh.events import NUMBERS
from mft.session.opening import Limits
from mft.session.session import Session
from tests.fakes.http_server import HttpClient, HttpServer
from tests.fakes.memory_server import PASSWORD, MemoryServer
from tests.fakes.run import run
from tests.fakes.web_nodes import WebNodes

ENDED = 90012
NEW = Secret("correct horse battery staple")
ELSEWHERE = [Component("ssh-1", "ssh", "sftp"), Component("web-2", "https", "inside")]
PASSWORD_CHANGE = PasswordChange(Secret(PASSWORD), NEW)


def owner(server: MemoryServer, service: Component) -> Session:
    """The owner's own login, at another service of the same server."""
    login = server.login(Address("192.0.2.9", 50000), service, NUMBERS, Limits(128, 0))
    session = run(login.attempt(Password("ann", Secret(PASSWORD)))).session
    assert session is not None
    return session


def stolen(server: HttpServer) -> HttpClient:
    """Somebody with a cookie of ann."""
    client = HttpClient(server, user=None)
    client.show(HttpClient(server, user=None).log_in("ann"))
    assert client.ask("GET", "/home/").status == 200
    return client


@pytest.mark.parametrize("service", ELSEWHERE, ids=lambda one: one.kind)
def test_a_new_password_given_elsewhere_ends_it(tmp_path: Path, service: Component) -> None:
    server = HttpServer(tmp_path, began=1e9)
    thief, ann = stolen(server), owner(server, service)
    run(ann.own.change(ann, PASSWORD_CHANGE))
    assert thief.ask("GET", "/home/").status == 401
    assert [one["details"] for one in server.data(ENDED)] == ["the password was changed"]
    server.close()


def test_it_ends_on_every_node(tmp_path: Path) -> None:
    nodes = WebNodes(tmp_path)
    here, there = nodes.nodes
    token = there.log_in()
    nodes.beat()
    ann = owner(here, ELSEWHERE[0])
    run(ann.own.change(ann, PASSWORD_CHANGE))
    nodes.beat()
    assert there.ask(token).status == 401
    nodes.close()


def test_a_service_that_has_stopped_hears_of_nothing(tmp_path: Path) -> None:
    server = HttpServer(tmp_path, began=1e9)
    ann = owner(server, ELSEWHERE[0])
    server.service.hub.web_sessions.stop()
    assert not server.roster.keepers
    run(ann.own.change(ann, PASSWORD_CHANGE))
    server.close()
