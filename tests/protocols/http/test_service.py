"""A service: what it loads, its limits, its listening, and its end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.defer import Deferred

from mft.core.failure import Reason
from mft.core.peer import Component
from mft.protocols.http.client import QUIET
from mft.protocols.http.service import HttpService
from mft.trust.certificates import self_signed
from mft.trust.first_certificate import CERTIFICATE
from tests.fakes import pki
from tests.fakes.http_server import STRANGER, HttpClient, HttpServer
from tests.fakes.loop import run_loop
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.slow import SlowFiles, Slowness
from tests.fakes.threads import Inline

Serve = Callable[..., HttpServer]

TOO_MANY, TOO_MANY_UNKNOWN, CRL_LOADED, UPLOAD_FAILED, CLOSED = 90036, 90008, 20037, 40022, 40054
TLS_ONLY = pytest.mark.parametrize("tls", [True], ids=["https"])
IN_CLEAR = pytest.mark.parametrize("tls", [False], ids=["http"])


# Limits.


def test_connections_have_a_limit(serve: Serve) -> None:
    server = serve(maximum_concurrent_connections="2")
    first, _ = HttpClient(server), HttpClient(server)
    assert server.service.connections == 2
    assert server.accept() is None
    assert server.data(TOO_MANY) == [{}]
    first.leave()
    assert server.accept() is not None


def test_one_source_has_a_limit_before_its_login(serve: Serve) -> None:
    server = serve(maximum_unauthenticated_connections_per_source="2")
    first, other = HttpClient(server), HttpClient(server, user=None)
    other.ask("GET", "/home/")
    assert server.accept() is None
    limit = {"name": "maximum_unauthenticated_connections_per_source", "value": 2}
    assert server.data(TOO_MANY_UNKNOWN) == [limit]
    assert server.accept(STRANGER) is not None
    assert first.ask("GET", "/home/").status == 200
    third = HttpClient(server)
    other.leave()
    third.leave()
    first.leave()
    assert server.service.hub.presence.unauthenticated(server_peer(server)) == 0


def server_peer(server: HttpServer) -> Any:
    """The address that clients come from."""
    return server.told[0].origin.peer


# What is loaded.


@IN_CLEAR
def test_without_tls_nothing_is_loaded(server: HttpServer) -> None:
    run(server.service.prepare())
    run(server.service.refresh())
    assert server.service.certificate is None
    assert server.service.hub.protection is None
    run(server.service.drained())


@TLS_ONLY
def test_a_certificate_that_cannot_be_used_keeps_the_service_from_starting(
    server: HttpServer,
) -> None:
    (server.directory / CERTIFICATE).write_text("nothing")
    with refused(Reason.INVALID):
        run(server.service.prepare())
    with refused(Reason.INVALID):
        run(server.service.refresh())
    assert HttpClient(server).ask("GET", "/home/").status == 200  # with the one that was there


@TLS_ONLY
def test_a_new_certificate_is_for_new_connections(server: HttpServer) -> None:
    old = HttpClient(server)
    path = server.directory / CERTIFICATE
    path.unlink()
    self_signed(["other.example.com"]).write(path)
    run(server.service.refresh())
    assert "other.example.com" in str(server.service.certificate)
    assert (named(old), named(HttpClient(server))) == ("localhost", "other.example.com")
    assert old.ask("GET", "/home/").status == 200


def named(client: HttpClient) -> str:
    """Whom the server says that it is."""
    assert client.end.tls is not None
    certificate = client.end.tls.get_peer_certificate(as_cryptography=True)
    assert certificate is not None
    return certificate.subject.rdns[0].rfc4514_string().removeprefix("CN=")


PARTNERS = pki.Authority("partners")


@TLS_ONLY
def test_lists_of_revoked_certificates_are_loaded_and_not_after_the_end(
    serve: Serve, tmp_path: Path
) -> None:
    listed = tmp_path / "list.pem"
    listed.write_bytes(PARTNERS.revoke().public_bytes(Encoding.PEM))
    server = serve(
        ssl_certificate_authority=PARTNERS.pem.decode(),
        ssl_certificate_revocation_list=listed.as_uri(),
        began=pki.now().timestamp(),
    )
    run(server.service.refresh())
    assert len(server.data(CRL_LOADED)) == 2
    assert server.reactor.getDelayedCalls()
    run(server.service.drained())
    assert server.reactor.getDelayedCalls() == []


# Listening.


@IN_CLEAR
def test_a_service_listens_and_hands_its_port_over(serve: Serve) -> None:
    server = serve(address="127.0.0.1")

    async def body(reactor: Any) -> None:
        parts = server.parts(None, Inline())._replace(reactor=reactor)
        component = Component("web-1", "http", "web")
        one = HttpService(component, server.service.hub.options, parts)
        assert one.address is None
        one.bind()
        one.accept()
        assert one.address is not None
        assert one.address.host == "127.0.0.1"
        where = one.address
        other = HttpService(component, server.service.hub.options, parts)
        port = one.hand_over()
        assert port is not None
        other.take_over(port)
        assert (one.address, other.address) == (None, where)
        await other.stop_listening()
        await one.stop_listening()
        assert one.address == other.address is None

    run_loop(body)


# The end.


def test_everybody_is_sent_away(server: HttpServer) -> None:
    clients = [HttpClient(server), HttpClient(server), HttpClient(server)]
    clients[0].ask("GET", "/home/")
    clients[1].log_in()
    assert server.service.end_all("The service stops.") == 3
    for client in clients:
        client.settle()
        assert client.closed
    assert server.service.connections == len(server.roster) == 0
    assert {one["details"] for one in server.data(CLOSED)} == {"The service stops."}
    assert server.service.end_all("The service stops.") == 0


def test_who_has_not_finished_the_handshake_is_sent_away_too(server: HttpServer) -> None:
    socket = server.accept()
    assert socket is not None
    assert server.service.end_all("The service stops.", idle_only=True) == 1
    server.reactor.settle()
    assert socket.closed
    assert server.service.connections == 0


@pytest.mark.parametrize("web", [False, True], ids=["by password", "by token"])
def test_only_who_does_nothing_is_sent_away(server: HttpServer, web: bool) -> None:
    server.put("/large", bytes(4 << 20))
    busy, idle = HttpClient(server), HttpClient(server)
    for client in (busy, idle):
        if web:
            client.log_in()
        client.ask("GET", "/home/")
    busy.end.socket.room = 100_000
    busy.write(busy.head("GET", "/home/large"))
    idle.wait(QUIET)
    fresh = HttpClient(server)
    fresh.ask("GET", "/home/")
    assert server.service.end_all("The service stops.", idle_only=True) == 1
    idle.settle()
    assert (idle.closed, busy.closed, fresh.closed) == (True, False, False)
    busy.end.socket.room = None
    busy.settle()
    assert len(busy.answer().body) == 4 << 20


def drained(server: HttpServer) -> list[str]:
    """Begin to wait for the end; what is in the list when it has come."""
    done: list[str] = []
    Deferred.fromCoroutine(server.service.drained()).addCallback(lambda _: done.append("drained"))
    return done


def test_a_service_is_drained_when_the_last_one_has_gone(
    client: HttpClient, server: HttpServer
) -> None:
    client.log_in()
    done = drained(server)
    assert not done
    client.leave()
    assert done
    assert len(server.roster) == len(server.service.hub.web_sessions) == 0
    assert server.reactor.getDelayedCalls() == []


def test_an_upload_is_closed_before_a_service_is_drained(
    client: HttpClient, server: HttpServer
) -> None:
    client.write(client.head("PUT", "/home/file", Content_Length="10") + b"12345")
    done = drained(server)
    server.service.end_all("The service stops.")
    client.settle()
    assert done
    assert len(server.data(UPLOAD_FAILED)) == 1
    assert server.names() == []


def test_an_upload_that_a_slow_disk_takes_is_closed_before_a_service_is_drained(
    serve: Serve,
) -> None:
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    client = HttpClient(server)
    client.write(client.head("PUT", "/home/file", Content_Length="10") + b"1234")
    slowness.slow = True
    client.write(b"5")
    assert slowness.waiting
    done = drained(server)
    client.leave()
    assert not done
    slowness.let_all_go(server.reactor.settle)
    assert done
    assert len(server.data(UPLOAD_FAILED)) == 1


def test_the_trees_of_web_sessions_are_left_before_a_service_is_drained(serve: Serve) -> None:
    closing: Deferred[None] = Deferred()

    class Slow:
        """A tree that takes a while to be left."""

        def __init__(self, memory: Any) -> None:
            self._memory = memory

        def __getattr__(self, name: str) -> Any:
            return getattr(self._memory, name)

        async def close(self) -> None:
            await closing

    server = serve(storage=Slow)
    client = HttpClient(server)
    client.log_in()
    client.leave()
    done = drained(server)
    assert not done
    closing.callback(None)
    assert done


def test_addresses_are_canonical(server: HttpServer) -> None:
    HttpClient(server, "::ffff:192.0.2.9").ask("GET", "/home/")
    (here,) = server.roster.describe()
    assert here["address"] == "192.0.2.9"
