"""A service: what it loads, its limits, its listening, and its end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.defer import Deferred

from mft.core.failure import Reason
from mft.protocols.ftp.service import FtpService
from mft.trust.certificates import self_signed
from mft.trust.first_certificate import CERTIFICATE
from tests.fakes import pki
from tests.fakes.ftp_client import EXPLICIT, IMPLICIT, FtpClient, Way
from tests.fakes.ftp_server import COMPONENT, STRANGER, FtpServer
from tests.fakes.loop import run_loop
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline

Serve = Callable[..., FtpServer]

TOO_MANY, TOO_MANY_UNKNOWN, CRL_LOADED = 10091, 90008, 20037
secured = pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)


# Limits.


def test_connections_have_a_limit(serve: Serve) -> None:
    server = serve(maximum_concurrent_connections="2")
    first, _ = FtpClient(server).arrive(), FtpClient(server)
    assert server.service.connections == 2
    assert server.accept() is None
    assert server.data(TOO_MANY) == [{}]
    first.leave()
    assert server.accept() is not None


def test_no_limit_is_no_limit(serve: Serve) -> None:
    server = serve(
        maximum_concurrent_connections="0", maximum_unauthenticated_connections_per_source="1000"
    )
    for _ in range(20):
        assert server.accept() is not None


def test_one_source_has_a_limit_before_its_login(serve: Serve) -> None:
    server = serve(maximum_unauthenticated_connections_per_source="2")
    first, _ = FtpClient(server), FtpClient(server)
    assert server.accept() is None
    limit = {"name": "maximum_unauthenticated_connections_per_source", "value": 2}
    assert server.data(TOO_MANY_UNKNOWN) == [limit]
    assert server.accept(STRANGER) is not None
    first.log_in()
    assert server.accept() is not None


# What is loaded.


def test_without_tls_nothing_is_loaded(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    (server.directory / CERTIFICATE).unlink()
    run(server.service.prepare())
    run(server.service.refresh())
    assert server.service.hub.protection.context is None
    run(server.service.drained())


@secured
def test_a_certificate_that_cannot_be_used_keeps_the_service_from_starting(
    server: FtpServer, way: Way
) -> None:
    (server.directory / CERTIFICATE).write_text("nothing")
    with refused(Reason.INVALID):
        run(server.service.prepare())
    with refused(Reason.INVALID):
        run(server.service.refresh())
    FtpClient(server, way).arrive()  # with the one that was there


@secured
def test_a_new_certificate_is_for_new_connections(server: FtpServer, way: Way) -> None:
    old = FtpClient(server, way).arrive()
    path = server.directory / CERTIFICATE
    path.unlink()
    self_signed(["other.example.com"]).write(path)
    run(server.service.refresh())
    new = FtpClient(server, way).arrive()
    assert name(new) == "other.example.com"
    assert name(old) != name(new)
    assert new.down("LIST") == (b"", [150, 226])


@secured
def test_a_session_lives_on_over_a_new_certificate(server: FtpServer, way: Way) -> None:
    client = FtpClient(server, way).arrive()
    path = server.directory / CERTIFICATE
    path.unlink()
    self_signed(["other.example.com"]).write(path)
    run(server.service.refresh())
    assert client.down("LIST") == (b"", [150, 226])


def name(client: FtpClient) -> str:
    assert client.control.tls is not None
    certificate = client.control.tls.get_peer_certificate(as_cryptography=True)
    assert certificate is not None
    return str(certificate.subject.rdns[0].rfc4514_string()).removeprefix("CN=")


PARTNERS = pki.Authority("partners")


@secured
def test_lists_of_revoked_certificates_are_loaded_and_replaced(
    serve: Serve, way: Way, tmp_path: Path
) -> None:
    listed = tmp_path / "list.pem"
    listed.write_bytes(PARTNERS.revoke().public_bytes(Encoding.PEM))
    server = serve(
        ssl_certificate_authority=PARTNERS.pem.decode(),
        ssl_certificate_revocation_list=listed.as_uri(),
        began=pki.now().timestamp(),
    )
    first = server.service.hub.protection._revocation
    assert first is not None
    run(server.service.refresh())
    assert server.service.hub.protection._revocation is not first
    assert len(server.data(CRL_LOADED)) == 2
    listed.write_text("nothing")
    with refused(Reason.BROKEN):
        run(server.service.refresh())
    run(server.service.drained())
    assert server.reactor.getDelayedCalls() == []


@secured
def test_without_an_authority_there_are_no_lists(server: FtpServer, way: Way) -> None:
    assert server.service.hub.protection._revocation is None
    run(server.service.drained())


# Listening.


def test_a_service_listens_and_hands_its_port_over(serve: Serve) -> None:
    server = serve(address="127.0.0.1")

    async def body(reactor: Any) -> None:
        parts = server.parts(server.listeners, Inline())._replace(reactor=reactor)
        one = FtpService(COMPONENT, server.options, parts)
        assert one.address is None
        one.bind()
        one.accept()
        assert one.address is not None
        assert one.address.host == "127.0.0.1"
        where = one.address
        other = FtpService(COMPONENT, server.options, parts)
        port = one.hand_over()
        assert port is not None
        other.take_over(port)
        assert (one.address, other.address) == (None, where)
        await other.stop_listening()
        await one.stop_listening()
        assert one.address == other.address is None

    run_loop(body)


# The end.


def test_everybody_is_sent_away(serve: Serve) -> None:
    server = serve()
    clients = [FtpClient(server).arrive(), FtpClient(server)]
    assert server.service.end_all("The service stops.") == 2
    for client in clients:
        client.settle()
        assert client.take() == [(421, ("The service stops.",))]
        assert client.gone
    assert server.service.connections == 0
    assert server.service.end_all("The service stops.") == 0


def test_only_who_does_nothing_is_sent_away(serve: Serve) -> None:
    server = serve()
    server.put("/file", b"x" * 1000)
    moving, idle = FtpClient(server).arrive(), FtpClient(server).arrive()
    unknown = FtpClient(server)
    data = moving.connect()
    data.socket.room = 0
    moving.say("RETR /file")
    server.reactor.advance(10)
    fresh = FtpClient(server).arrive()
    assert server.service.end_all("The service stops.", idle_only=True) == 2
    for client in (idle, unknown):
        client.settle()
        assert client.gone
    assert not fresh.gone
    data.socket.room = None
    moving.settle()
    assert [one.code for one in moving.take()] == [226]


def test_a_service_is_drained_when_the_last_one_has_gone(
    client: FtpClient, server: FtpServer
) -> None:
    done: list[None] = []
    Deferred.fromCoroutine(server.service.drained()).addCallback(done.append)
    assert not done
    client.leave()
    assert done == [None]


def test_an_upload_is_closed_before_a_service_is_drained(
    client: FtpClient, server: FtpServer
) -> None:
    client.connect()
    client.say("STOR /file")
    done: list[None] = []
    Deferred.fromCoroutine(server.service.drained()).addCallback(
        lambda _: done.append(*[None] * len(server.data(10079)))
    )
    server.service.end_all("The service stops.")
    client.settle()
    assert done == [None]


def test_addresses_are_canonical(server: FtpServer) -> None:
    FtpClient(server, host="::ffff:192.0.2.9").arrive()
    (here,) = server.roster.describe()
    assert here["address"] == "192.0.2.9"
