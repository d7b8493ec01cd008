"""One client: how it comes, what protects it, its clocks, and the one event of its end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from twisted.internet.defer import Deferred

from mft.events import catalogue as events
from mft.protocols.http.client import HEAD_SECONDS, QUIET, SLOW_BYTES, SLOW_SECONDS, TICK
from tests.fakes import pki, tls_peer
from tests.fakes.ftp_client import End
from tests.fakes.http_server import (
    CLIENT,
    CLIENT_6,
    STRANGER,
    HttpClient,
    HttpServer,
)
from tests.fakes.slow import SlowFiles, Slowness

Serve = Callable[..., HttpServer]

CONNECTED, CLOSED, DISCONNECTED, BODY_CUT = 40053, 40054, 40029, 40018
TLS_FAILED, CERTIFICATE_UNUSABLE, UNAUTHENTICATED = 90037, 40009, 40000
LOGIN_TIMEOUT, ENDED, LOGIN_FAILED, DOWNLOAD_FAILED = 90009, 90012, 20142, 40040
DEFAULT_LOGIN, DEFAULT_IDLE = 60, 300  # seconds
TLS_ONLY = pytest.mark.parametrize("tls", [True], ids=["https"])
IN_CLEAR = pytest.mark.parametrize("tls", [False], ids=["http"])


def why(server: HttpServer) -> str:
    """What the one closing event says."""
    (told,) = server.data(CLOSED)
    return str(told["details"])


# Coming and going.


def test_a_client_comes_and_goes(client: HttpClient, server: HttpServer) -> None:
    assert server.data(CONNECTED) == [{}]
    assert client.ask("GET", "/home/").status == 200
    client.leave()
    assert client.closed
    encryption = client.end.encryption
    assert (encryption == "clear") is not server.tls
    told = {"encryption": encryption, "certificate": "none", "details": "the client left"}
    assert server.data(CLOSED) == [told]
    assert server.numbers().count(CONNECTED) == server.numbers().count(CLOSED) == 1
    assert server.service.connections == len(server.roster) == 0


def test_a_client_that_says_nothing_may_leave(server: HttpServer) -> None:
    client = HttpClient(server)
    client.leave()
    assert client.closed
    assert why(server) == "the client left"
    assert UNAUTHENTICATED not in server.numbers()


def test_a_connection_that_is_lost_is_told_as_lost(client: HttpClient, server: HttpServer) -> None:
    client.ask("GET", "/home/")
    client.vanish()
    assert why(server) == "the connection was lost"
    assert len(server.roster) == 0


@TLS_ONLY
def test_who_sends_no_more_is_answered_before_the_connection_is_closed(client: HttpClient) -> None:
    client.end.write(client.head("GET", "/home/"))
    client.end.finish()
    client.settle()
    assert client.answer().status == 200
    assert client.closed


def test_events_are_of_nobody_before_the_login_and_of_the_account_after(
    client: HttpClient, server: HttpServer
) -> None:
    client.ask("GET", "/nothing/")
    client.ask("GET", "/home/", Authorization=None)
    client.ask("GET", "/home/")
    client.leave()
    names = {one.event.number: one.origin.actor.name for one in server.told}
    assert (names[CONNECTED], names[UNAUTHENTICATED]) == ("Unknown", "Unknown")
    assert names[CLOSED] == "ann"
    assert {one.origin.peer.host for one in server.told} == {CLIENT}
    assert {one.origin.component.uuid for one in server.told} == {"web-1"}


def test_a_client_of_ipv6_comes_as_well(server: HttpServer) -> None:
    assert HttpClient(server, CLIENT_6).ask("GET", "/home/").status == 200
    (here,) = server.roster.describe()
    assert here["address"] == CLIENT_6


# Clocks.


def test_a_login_has_a_time_limit(server: HttpServer) -> None:
    client = HttpClient(server, user=None)
    client.wait(DEFAULT_LOGIN - 1)
    assert not client.closed
    client.wait(1)
    assert client.closed
    assert server.data(LOGIN_TIMEOUT) == [{"name": "login_timeout", "value": DEFAULT_LOGIN}]
    assert server.data(DISCONNECTED) == [{"details": why(server)}]
    assert why(server) == "idle for 60 s (login_timeout)"


def test_a_short_limit_is_looked_at_as_often(serve: Serve) -> None:
    server = serve(login_timeout="2s")
    client = HttpClient(server, user=None)
    client.wait(1)
    assert not client.closed
    client.wait(1)
    assert client.closed


@TLS_ONLY
def test_a_handshake_that_does_not_come_is_not_waited_for(server: HttpServer) -> None:
    socket = server.accept()
    assert socket is not None
    server.reactor.settle()
    server.reactor.advance(DEFAULT_LOGIN)
    server.reactor.settle()
    assert socket.closed
    assert server.data(TLS_FAILED) == []
    assert "login_timeout" in why(server)


def test_who_has_logged_in_may_be_idle_for_longer(client: HttpClient, server: HttpServer) -> None:
    client.ask("GET", "/home/")
    for _ in range(3):
        client.wait(DEFAULT_IDLE - 1)
        assert client.ask("GET", "/home/").status == 200
    client.wait(DEFAULT_IDLE - 1)
    assert not client.closed
    client.wait(TICK)
    assert client.closed
    assert server.data(LOGIN_TIMEOUT) == []
    assert why(server) == "idle for 300 s (idle_connection_timeout)"
    assert len(server.roster) == 0


def test_a_head_that_does_not_end_is_not_waited_for(server: HttpServer) -> None:
    client = HttpClient(server)
    client.write(b"GET /home/ HTTP/1.1\r\n")
    client.wait(TICK)
    client.write(b"Host: files.example.com\r\n")
    client.wait(TICK)
    assert not client.closed
    client.wait(TICK)
    assert client.closed
    assert server.data(DISCONNECTED) == [{"details": f"a head took more than {HEAD_SECONDS:.0f} s"}]
    assert server.data(LOGIN_TIMEOUT) == []


def test_heads_that_are_here_in_part_at_every_look_are_not_one_slow_head(
    server: HttpServer,
) -> None:
    client = HttpClient(server)
    head = client.head("GET", "/home/")
    client.write(head[:10])
    for _ in range(8):
        client.wait(TICK)
        client.write(head[10:] + head[:10])
        assert client.answer().status == 200
    assert not client.closed


def sending(client: HttpClient, path: str = "/home/file", size: int = 1 << 30) -> None:
    """Begin an upload."""
    client.write(client.head("PUT", path, Content_Length=str(size)))


def test_a_body_has_to_come_at_some_rate(serve: Serve) -> None:
    server = serve(began=1e6)
    client = HttpClient(server)
    sending(client)
    for _ in range(10):
        client.wait(TICK)
        client.write(bytes(SLOW_BYTES // 3))
    assert not client.closed
    client.wait(SLOW_SECONDS)
    client.wait(TICK)
    assert client.closed
    (told,) = server.data(BODY_CUT)
    assert (told["uri"], told["code"]) == ("/home/file", 408)
    assert told["details"] == f"less than {SLOW_BYTES} bytes in {SLOW_SECONDS:.0f} s"
    assert told["size"] == 10 * (SLOW_BYTES // 3)
    assert server.data(DISCONNECTED) == []
    assert why(server) == told["details"]
    assert server.names() == []


def test_who_begins_slowly_has_all_the_time_that_there_is(serve: Serve) -> None:
    server = serve(began=1e6)
    client = HttpClient(server)
    sending(client)
    client.wait(SLOW_SECONDS - 1)
    assert not client.closed
    client.wait(1)
    assert client.closed


def test_an_answer_has_to_be_taken_at_some_rate(serve: Serve) -> None:
    server = serve(began=1e6)
    server.put("/file", bytes(4 << 20))
    client = HttpClient(server)
    client.end.socket.room = 1 << 16
    client.write(client.head("GET", "/home/file"))
    for _ in range(10):
        client.end.socket.room = SLOW_BYTES // 4
        client.wait(TICK)
    assert not client.closed
    client.end.socket.room = 0
    client.wait(SLOW_SECONDS)
    client.wait(TICK)
    assert client.closed
    assert server.data(DISCONNECTED) == [
        {"details": f"less than {SLOW_BYTES} bytes in {SLOW_SECONDS:.0f} s"}
    ]
    assert len(server.data(DOWNLOAD_FAILED)) == 1


def test_a_slow_disk_is_not_the_clients_fault(serve: Serve) -> None:
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    server.put("/file", b"some bytes")
    client = HttpClient(server)
    slowness.slow = True
    client.write(client.head("GET", "/home/file"))
    client.wait(10 * DEFAULT_IDLE)
    assert not client.closed
    slowness.let_all_go(client.settle)
    assert client.answer().body == b"some bytes"


# TLS.


@TLS_ONLY
def test_what_is_no_tls_ends_the_connection(server: HttpServer) -> None:
    socket = server.accept()
    assert socket is not None
    end = End(socket)
    end.write(b"GET / HTTP/1.1\r\nHost: files.example.com\r\n\r\n")
    end.pump()
    server.reactor.settle()
    end.pump()
    assert end.closed
    assert not bytes(end.received).startswith(b"HTTP")
    (told,) = server.data(TLS_FAILED)
    assert told["details"]
    assert why(server) == f"TLS failed: {told['details']}"


@TLS_ONLY
def test_tls_that_breaks_later_ends_the_connection(client: HttpClient, server: HttpServer) -> None:
    client.ask("GET", "/home/")
    client.end.socket.to_server += b"\x17\x03\x03\x00\x20" + bytes(32)
    client.settle()
    assert client.closed
    assert len(server.data(TLS_FAILED)) == 1
    assert why(server).startswith("TLS failed: ")
    assert len(server.roster) == 0


PARTNERS = pki.Authority("partners")


def asking(serve: Serve, **options: Any) -> HttpServer:
    """A server that wants certificates of one authority."""
    return serve(ssl_certificate_authority=PARTNERS.pem.decode(), **options)


def bearer(identity: Any) -> Callable[[], SSL.Context]:
    return lambda: tls_peer.client_context(identity=identity)


@TLS_ONLY
def test_a_client_with_a_certificate_comes_in_and_it_is_told(serve: Serve) -> None:
    server = asking(serve)
    client = HttpClient(server, certificate=bearer(PARTNERS.issue("a partner")))
    assert client.ask("GET", "/home/").status == 200
    client.leave()
    (told,) = server.data(CLOSED)
    assert told["certificate"].startswith("CN=a partner, signed by CN=partners, number ")


@TLS_ONLY
def test_a_client_without_one_does_not(serve: Serve) -> None:
    server = asking(serve)
    client = HttpClient(server)
    assert client.closed
    assert len(server.data(TLS_FAILED)) == 1


@TLS_ONLY
def test_a_revoked_certificate_is_no_use(serve: Serve, tmp_path: Path) -> None:
    identity = PARTNERS.issue("a former partner")
    listed = tmp_path / "list.pem"
    listed.write_bytes(PARTNERS.revoke(identity).public_bytes(Encoding.PEM))
    server = asking(
        serve, ssl_certificate_revocation_list=listed.as_uri(), began=pki.now().timestamp()
    )
    client = HttpClient(server, certificate=bearer(identity))
    client.write(client.head("GET", "/home/"))
    assert client.closed
    assert not client.end.received
    assert server.data(CERTIFICATE_UNUSABLE) == [{"details": "it is revoked"}]
    assert why(server) == "the client's certificate is not accepted"
    assert server.data(TLS_FAILED) == []


# Who a proxy says that it is.


def seen(server: HttpServer, value: str, host: str = CLIENT, name: str = "X-Forwarded-For") -> str:
    """Whom a wrong login is told of."""
    client = HttpClient(server, host, password="wrong")
    assert client.ask("GET", "/home/", **{name.replace("-", "_"): value}).status == 401
    return next(
        one.origin.peer.host for one in reversed(server.told) if one.event.number == LOGIN_FAILED
    )


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("198.51.100.4", "198.51.100.4"),
        ("192.0.2.99, 198.51.100.4", "198.51.100.4"),
        ("127.0.0.1, 198.51.100.4, 192.0.2.2", "198.51.100.4"),
        ("2001:db8::4", "2001:db8::4"),
        ("::ffff:198.51.100.4", "198.51.100.4"),
        ("127.0.0.1", CLIENT),
        ("unknown", CLIENT),
        ("", CLIENT),
        ("198.51.100.9\r\nX-Forwarded-For: 198.51.100.4", "198.51.100.4"),
    ],
)
@IN_CLEAR
def test_a_trusted_proxy_tells_whom_it_serves(serve: Serve, value: str, host: str) -> None:
    server = serve(client_forwarded_header="X-Forwarded-For", trusted_proxies="192.0.2.0/29")
    assert seen(server, value) == host


@pytest.mark.parametrize("value", ["198.51.100.256", "<script>", "198.51.100.4,", "1" * 1000])
@IN_CLEAR
def test_a_request_whose_proxy_tells_no_address_is_refused(serve: Serve, value: str) -> None:
    server = serve(client_forwarded_header="X-Forwarded-For", trusted_proxies=CLIENT)
    client = HttpClient(server)
    assert client.ask("GET", "/home/", X_Forwarded_For=value).status == 400
    told = next(one for one in reversed(server.told) if one.event is events.HTTP_BAD_REQUEST)
    assert told.origin.peer.host == CLIENT
    assert LOGIN_FAILED not in server.numbers()


@IN_CLEAR
def test_nobody_else_tells_who_it_is(serve: Serve) -> None:
    server = serve(client_forwarded_header="X-Forwarded-For", trusted_proxies=CLIENT)
    assert seen(server, "198.51.100.4", STRANGER) == STRANGER
    assert seen(serve(), "198.51.100.4") == CLIENT
    loopback = serve(client_forwarded_header="X-Forwarded-For")
    assert seen(loopback, "198.51.100.4") == CLIENT
    assert seen(loopback, "198.51.100.4", "127.0.0.1") == "198.51.100.4"


@IN_CLEAR
def test_only_the_header_that_is_named_tells_it(serve: Serve) -> None:
    server = serve(client_forwarded_header="Forwarded", trusted_proxies=CLIENT)
    assert seen(server, "198.51.100.4") == CLIENT
    assert seen(server, "for=198.51.100.4;proto=https", name="Forwarded") == "198.51.100.4"


@IN_CLEAR
def test_a_session_is_of_whom_the_proxy_serves(serve: Serve) -> None:
    server = serve(client_forwarded_header="X-Forwarded-For", trusted_proxies=CLIENT)
    client = HttpClient(server)
    assert client.ask("GET", "/home/", X_Forwarded_For="198.51.100.4").status == 200
    assert [one["address"] for one in server.roster.describe()] == ["198.51.100.4"]
    assert client.ask("GET", "/home/", X_Forwarded_For="198.51.100.5").status == 200
    assert [one["address"] for one in server.roster.describe()] == ["198.51.100.5"]
    client.leave()
    assert server.told[-1].origin.peer.host == CLIENT


# Being ended.


def test_an_administrator_ends_an_idle_one(client: HttpClient, server: HttpServer) -> None:
    client.ask("GET", "/home/")
    (here,) = server.roster.describe()
    assert server.roster.end(here["id"], "it is late")
    client.settle()
    assert client.closed
    assert client.end.notified is server.tls
    assert server.data(ENDED) == [{"details": "it is late"}]
    assert why(server) == "it is late"
    assert len(server.roster) == 0


def test_an_administrator_ends_one_in_the_middle_of_a_download(
    client: HttpClient, server: HttpServer
) -> None:
    server.put("/file", bytes(4 << 20))
    client.end.socket.room = 100_000
    client.write(client.head("GET", "/home/file"))
    (here,) = server.roster.describe()
    assert server.roster.end(here["id"], "it is late")
    client.end.socket.room = None
    client.settle()
    assert client.closed
    assert len(client.end.received) < 4 << 20
    (told,) = server.data(DOWNLOAD_FAILED)
    assert told["total_read"] < 4 << 20
    assert why(server) == "it is late"
    assert DISCONNECTED not in server.numbers()


def test_who_is_being_ended_is_ended_once(client: HttpClient, server: HttpServer) -> None:
    client.ask("GET", "/home/")
    (peer,) = server.service.hub.presence.peers
    peer.end("First.")
    peer.end("Second.")
    peer.cut("Third.")
    client.settle()
    peer.end("Fourth.")
    peer.cut("Fifth.")
    assert client.closed
    assert why(server) == "First."
    assert server.data(DISCONNECTED) == []


def test_a_goodbye_that_nobody_takes_is_not_waited_for(
    client: HttpClient, server: HttpServer
) -> None:
    client.end.socket.room = 0
    client.write(client.head("GET", "/nothing", Connection="close"))
    assert not client.closed
    client.wait(TICK)
    assert client.closed
    assert server.data(DISCONNECTED) == []


def test_a_client_is_busy_in_a_request_and_for_a_moment_after_it(serve: Serve) -> None:
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    server.put("/file", b"some bytes")
    client = HttpClient(server)
    (peer,) = server.service.hub.presence.peers
    assert not peer.busy
    slowness.slow = True
    client.write(client.head("GET", "/home/file"))
    assert peer.busy
    slowness.let_all_go(client.settle)
    assert peer.busy
    client.wait(QUIET)
    assert not peer.busy


def test_a_session_that_cannot_be_closed_is_still_told_as_closed(
    client: HttpClient, server: HttpServer, faults: list[str]
) -> None:
    client.ask("GET", "/home/")
    (peer,) = server.service.hub.presence.peers

    async def broken(details: str) -> None:
        raise RuntimeError(details)

    assert peer.sign_in.session is not None
    peer.sign_in.session.close = broken  # type: ignore[method-assign]  # a fault of ours
    client.leave()
    assert why(server) == "the client left"
    assert "the client left" in faults.pop()
    assert server.service.connections == 0


def test_a_login_that_is_under_way_is_waited_for(server: HttpServer) -> None:
    waiting: Deferred[None] = Deferred()

    async def held() -> None:
        await waiting

    server.holding = held
    client = HttpClient(server)
    client.write(client.head("GET", "/home/"))
    client.vanish()
    assert CLOSED not in server.numbers()
    waiting.callback(None)
    client.settle()
    assert why(server) == "the connection was lost"
    assert server.data(DISCONNECTED) == []
    assert len(server.roster) == 0
