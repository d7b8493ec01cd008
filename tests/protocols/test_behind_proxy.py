"""Every protocol behind a proxy: whose a connection is, its limits, and the looks of the proxy."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mft.core.peer import Address
from mft.events import catalogue as events
from tests.fakes.ftp_client import CLEAR, EXPLICIT, IMPLICIT, FtpClient, Way
from tests.fakes.ftp_server import FtpServer
from tests.fakes.http_server import HttpClient, HttpServer
from tests.fakes.proxy_header import block, extension, line, local, tls
from tests.fakes.ssh_client import SshClient
from tests.fakes.ssh_fixtures import faults
from tests.fakes.ssh_server import SshServer

__all__ = ["faults"]

PROXY, ANN, BOB = "10.0.0.2", ("192.0.2.7", 40_000), ("192.0.2.8", 40_000)
READ, WRONG = events.PROXY_HEADER_READ.number, events.PROXY_HEADER_WRONG.number
DIRECT = events.DIRECT_CONNECTION_REFUSED.number
TOO_MANY = events.TOO_MANY_UNAUTHENTICATED.number


class Kind(NamedTuple):
    """A way to speak to a service."""

    name: str
    make: Callable[..., Any]
    come: Callable[..., Any]  # a client that has come
    log_in: Callable[[Any], None]
    leave: Callable[[Any], None]
    opened: int
    closed: frozenset[int]


def ftp(way: Way) -> Kind:
    return Kind(
        f"ftp {way.name}",
        lambda directory, **options: FtpServer(directory, **{**way.options, **options}),
        lambda server, header: FtpClient(server, way, host=PROXY, header=header),
        lambda client: client.arrive(),
        lambda client: client.leave(),
        events.FTP_CONNECTED.number,
        frozenset((events.FTP_CLOSED.number, events.FTP_LOST.number)),
    )


def http(tls: bool) -> Kind:
    return Kind(
        "https" if tls else "http",
        lambda directory, **options: HttpServer(directory, tls=tls, **options),
        lambda server, header: HttpClient(server, PROXY, header=header),
        lambda client: client.ask("GET", "/home/"),
        lambda client: client.leave(),
        events.HTTP_CONNECTED.number,
        frozenset((events.HTTP_CLOSED.number,)),
    )


def settled(client: SshClient) -> SshClient:
    client.settle()
    return client


SSH = Kind(
    "ssh",
    SshServer,
    lambda server, header: settled(SshClient(server, host=PROXY, header=header)),
    lambda client: client.log_in(),
    lambda client: client.hang_up(),
    events.SSH_CONNECTED.number,
    frozenset((events.SSH_CLOSED.number,)),
)
KINDS = [SSH, ftp(CLEAR), ftp(EXPLICIT), ftp(IMPLICIT), http(tls=False), http(tls=True)]


@pytest.fixture(params=KINDS, ids=[kind.name for kind in KINDS])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def serve(kind: Kind, tmp_path: Path, faults: list[str]) -> Iterator[Callable[..., Any]]:
    """Make a server that trusts one proxy."""
    made: list[Any] = []

    def make(**options: str) -> Any:
        given = {"proxy_protocol": "any", "trusted_proxies": PROXY, **options}
        made.append(kind.make(tmp_path / str(len(made)), **given))
        return made[-1]

    yield make
    for one in made:
        one.close()


def balance(server: Any, kind: Kind) -> tuple[int, int]:
    """How many connections were told to begin, and to end."""
    numbers = server.numbers()
    return numbers.count(kind.opened), sum(numbers.count(one) for one in kind.closed)


@pytest.mark.parametrize("header", [line(ANN), block(source=ANN)], ids=["v1", "v2"])
def test_a_connection_is_whose_the_proxy_tells(
    serve: Callable[..., Any], kind: Kind, header: bytes
) -> None:
    server = serve()
    client = kind.come(server, header)
    kind.log_in(client)
    assert [(one["address"], one["port"]) for one in server.roster.describe()] == [ANN]
    kind.leave(client)
    read, *rest = server.told
    assert (read.event.number, read.origin.peer.host) == (READ, PROXY)
    assert read.data == {
        "host": ANN[0],
        "port": ANN[1],
        "extensions": {},
        "reached": "203.0.113.5:22",
    }
    assert {one.origin.peer for one in rest} == {Address(*ANN)}
    assert balance(server, kind) == (1, 1)
    assert server.service.connections == 0


def test_what_else_it_tells_is_in_the_event_and_logs_nobody_in(
    serve: Callable[..., Any], kind: Kind
) -> None:
    server = serve()
    about = tls(extension(0x21, b"TLSv1.3"), extension(0x22, b"ann"), flags=7, verify=0)
    kind.come(server, block(extension(0x02, b"files.example.com"), about, source=ANN))
    (told,) = server.data(READ)
    assert told["extensions"] == {
        "authority": "files.example.com",
        "tls_version": "TLSv1.3",
        "tls_client_name": "ann",
        "tls_client_certificate": "verified",
    }
    assert len(server.roster) == 0


def own(server: Any, kind: Kind) -> bytes:
    """Version 1, which has no word for it: the address of the connection that comes next."""
    before = 40_001 + server._accepted if kind is SSH else 20_001 + server._joined
    return line((PROXY, before))


@pytest.mark.parametrize("header", [lambda *_: local(), own], ids=["v2", "v1"])
def test_a_look_of_the_proxy_is_no_news(
    serve: Callable[..., Any], kind: Kind, header: Callable[[Any, Kind], bytes]
) -> None:
    server = serve()
    for _ in range(2):
        client = kind.come(server, header(server, kind))
        assert server.service.connections == 1
        kind.leave(client)
        assert server.service.connections == 0
    assert server.numbers() == []


def test_a_proxy_that_logs_in_is_told_as_anybody_is(serve: Callable[..., Any], kind: Kind) -> None:
    server = serve()
    client = kind.come(server, local())
    kind.log_in(client)
    assert [one["address"] for one in server.roster.describe()] == [PROXY]
    kind.leave(client)
    assert balance(server, kind) == (1, 1)
    assert events.LOGIN_DONE.number in server.numbers()
    assert READ not in server.numbers()


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", line(("127.0.0.1", 1))])
def test_whom_the_proxy_cannot_tell_is_at_its_own_address(
    serve: Callable[..., Any], kind: Kind, header: bytes
) -> None:
    server = serve()
    client = kind.come(server, header)
    kind.log_in(client)
    assert [one["address"] for one in server.roster.describe()] == [PROXY]
    kind.leave(client)
    assert balance(server, kind) == (1, 1)
    assert READ not in server.numbers()


@pytest.mark.parametrize("header", [b"SSH-2.0-x\r\n", b"\x16\x03\x01", line(ANN) + b"x"])
def test_a_proxy_that_tells_nothing_has_nothing(
    serve: Callable[..., Any], kind: Kind, header: bytes
) -> None:
    server = serve(proxy_protocol="v2")
    socket = server.accept(PROXY, header)
    server.reactor.settle()
    assert socket.closed
    assert not socket.to_client
    assert server.numbers() == [WRONG]
    assert server.told[0].origin.peer.host == PROXY
    assert server.service.connections == 0


def test_a_proxy_that_comes_and_goes_without_a_word_is_no_news(
    serve: Callable[..., Any], kind: Kind
) -> None:
    server = serve()
    socket = server.accept(PROXY)
    socket.ended = True
    server.reactor.settle()
    assert socket.closed
    assert server.numbers() == []


def test_who_is_no_proxy_is_itself(serve: Callable[..., Any], kind: Kind) -> None:
    server = serve()
    socket = server.accept(BOB[0], line(ANN))
    server.reactor.settle()
    assert READ not in server.numbers()
    assert {one.origin.peer.host for one in server.told} == {BOB[0]}
    socket.ended = True
    server.reactor.settle()


def test_clients_may_be_kept_from_coming_by_themselves(
    serve: Callable[..., Any], kind: Kind
) -> None:
    server = serve(direct_connections="No")
    assert server.accept(BOB[0]) is None
    assert server.numbers() == [DIRECT]
    kind.leave(kind.come(server, block(source=BOB)))
    assert balance(server, kind) == (1, 1)


def test_where_it_is_off_nobody_is_asked(serve: Callable[..., Any], kind: Kind) -> None:
    server = serve(proxy_protocol="no", direct_connections="No")
    client = kind.come(server, b"")
    kind.log_in(client)
    assert [one["address"] for one in server.roster.describe()] == [PROXY]
    kind.leave(client)


# Limits.


def test_those_of_a_source_are_those_of_a_client(serve: Callable[..., Any], kind: Kind) -> None:
    server = serve(maximum_unauthenticated_connections_per_source="2")
    for _ in range(2):
        kind.come(server, line(ANN))
    third = server.accept(PROXY, line(ANN))
    server.reactor.settle()
    assert third.closed
    assert not third.to_client
    assert server.numbers().count(TOO_MANY) == 1
    assert [one.origin.peer.host for one in server.told if one.event.number == TOO_MANY] == [ANN[0]]
    assert server.numbers().count(READ) == 2
    kind.log_in(kind.come(server, line(BOB)))
    for _ in range(2):  # and the proxy's own are its own
        kind.come(server, local())


def test_whom_a_policy_turns_away_is_turned_away_behind_a_proxy_too(
    serve: Callable[..., Any], kind: Kind
) -> None:
    server = serve(block_source_at_connection="Yes")
    server.bars()
    socket = server.accept(PROXY, block(source=ANN))
    assert not socket.closed, "it is not the proxy that is judged"
    server.reactor.settle()
    assert socket.closed
    assert not socket.to_client
    assert READ not in server.numbers()


def test_who_has_told_nothing_is_ended_with_the_service(
    serve: Callable[..., Any], kind: Kind
) -> None:
    server = serve()
    socket = server.accept(PROXY)
    server.reactor.settle()
    assert server.service.connections == 1
    assert server.service.end_all("enough", idle_only=True) == 1
    server.reactor.settle()
    assert socket.closed
    assert server.numbers() == []
    assert server.service.connections == 0
