"""PROXY headers that lie: of others than the proxy, two at once, with no end or wrong lengths.

Whoever can make up where a connection comes from walks around bans, lists of allowed addresses and
limits, takes the data connections of others, and has the audit trail blame somebody else.
"""

import contextlib
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from mft.events import catalogue as events
from mft.runtime.preface import MAX_UNTOLD, SECONDS, TOO_MANY
from tests.attacks.victim import PROXY, Victim
from tests.fakes.proxy_header import addresses, block, extension, line, raw, tls
from tests.system.ftp_client import FtpClient, everything, trusting
from tests.system.http_client import HttpClient
from tests.system.rig import until
from tests.system.trail import Told

OTHER = "127.0.0.6"
READ, WRONG = events.PROXY_HEADER_READ.number, events.PROXY_HEADER_WRONG.number
STRANGER, LOGGED_IN = events.FTP_STRANGER_REFUSED.number, events.LOGIN_DONE.number
ANN, BOB = ("192.0.2.7", 40_007), ("192.0.2.8", 40_008)
HEADERS = {"v1": line(ANN), "v2": block(source=ANN)}
SERVICES = ("proxied clear", "proxied implicit", "proxied http", "proxied https")
both = pytest.mark.parametrize("version", HEADERS)


def port_of(victim: Victim, service: str) -> int:
    return (
        victim.services[service].port if service in victim.services else victim.webs[service].port
    )


def come(victim: Victim, service: str, data: bytes = b"", source: str = PROXY) -> socket.socket:
    """A connection to a service from an address, which sends something first."""
    made = socket.create_connection(("127.0.0.1", port_of(victim, service)), 30, (source, 0))
    made.sendall(data)
    return made


def closed(connection: socket.socket) -> bool:
    """Whether the server closes a connection without a byte."""
    with contextlib.suppress(ConnectionResetError):
        return connection.recv(1) == b""
    return True


class Seen:
    """What the trail tells since the test began: ports come again."""

    def __init__(self, victim: Victim) -> None:
        self._trail = victim.trail
        self._start = len(victim.trail.told)

    @property
    def told(self) -> list[Told]:
        """Every event since then."""
        return self._trail.told[self._start :]

    def of(self, number: int, port: int) -> list[Told]:
        """The events of a number that one port has caused."""
        return [one for one in self.told if (one["id"], one["peer"]["port"]) == (number, port)]

    def one(self, number: int, port: int) -> Told:
        """Wait for the only one of them."""
        until(lambda: self.of(number, port), f"event {number}")
        (told,) = self.of(number, port)
        return told

    def refused(self, connection: socket.socket) -> str:
        """Why a connection of the proxy was closed, which it must be, and at once."""
        port = connection.getsockname()[1]
        assert closed(connection)
        told = self.one(WRONG, port)
        assert told["peer"]["address"] == PROXY
        assert self.of(READ, port) == []
        return str(told["data"]["details"])


@pytest.fixture
def seen(victim: Victim) -> Seen:
    return Seen(victim)


def by_proxy(victim: Victim, header: bytes, service: str = "proxied clear") -> FtpClient:
    """A client of FTP that comes by the proxy."""
    client = FtpClient(victim[service], source=PROXY, greet=False)
    client.socket.sendall(header)
    client.greet()
    return client


# Who may tell.


@both
@pytest.mark.parametrize("service", SERVICES)
def test_nobody_but_the_proxy_tells_who_it_is(
    victim: Victim, seen: Seen, service: str, version: str
) -> None:
    with come(victim, service, HEADERS[version], OTHER) as liar:
        port = liar.getsockname()[1]
        liar.settimeout(30)
        liar.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            everything(liar)

    def told() -> list[Told]:
        return [one for one in seen.told if one["peer"]["port"] == port]

    until(lambda: len(told()) > 1, "it has come and gone")
    assert {one["peer"]["address"] for one in told()} == {OTHER}
    assert READ not in {one["id"] for one in told()}


def test_a_header_of_somebody_else_is_a_command_that_nobody_knows(
    victim: Victim, seen: Seen
) -> None:
    with FtpClient(victim["proxied clear"], source=OTHER) as client:
        assert client.do(line(ANN)).code == 500
        client.log_in()
        assert seen.one(LOGGED_IN, client.port)["peer"]["address"] == OTHER


def test_and_a_request_that_nobody_understands(victim: Victim) -> None:
    with HttpClient(victim.webs["proxied http"], source=OTHER) as client:
        client.put(line(ANN) + client.head("GET", "/home/"))
        assert client.answer().status == 400
        assert client.rest() == []


# What is told once is told.


@both
def test_a_second_header_is_what_the_client_says(victim: Victim, seen: Seen, version: str) -> None:
    with by_proxy(victim, HEADERS[version]) as client:
        assert client.do(line(BOB)).code == 500
        client.log_in()
        assert seen.one(LOGGED_IN, ANN[1])["peer"]["address"] == ANN[0]


@both
def test_two_at_once_are_no_more(victim: Victim, seen: Seen, version: str) -> None:
    """A client that adds its own behind the proxy's, in one segment."""
    data = HEADERS[version] + line(BOB) + b"GET / HTTP/1.1\r\n\r\n"
    with come(victim, "proxied http", data) as two:
        port = two.getsockname()[1]
        assert everything(two).startswith(b"HTTP/1.1 400 ")
    assert seen.one(READ, port)["data"]["host"] == ANN[0]


# What is no header.

LENGTHS = {
    "a line without an end": b"PROXY UNKNOWN " + b"f" * 93,
    "a line that is too long": b"PROXY UNKNOWN " + b"f" * 200 + b"\r\n",
    "the longest block": raw(length=65535),
    "addresses that are not all there": raw(addresses()[:11], family=0x11),
    "an extension that is longer than the block": block(b"\x02\xff\xffa"),
    "one that is cut": block(b"\x02\0"),
    "one inside another that is longer": block(tls(b"\x21\0\xffTLS")),
    "a checksum that is wrong": block(extension(0x03, b"\0\0\0\0")),
    "a unique ID without an end": block(extension(0x05, b"a" * 1000)),
}
WORDS = {
    "zeros before a number": b"PROXY TCP4 192.0.2.07 203.0.113.5 40000 22\r\n",
    "octal": b"PROXY TCP4 0300.0.2.7 203.0.113.5 40000 22\r\n",
    "a number for an address": b"PROXY TCP4 3221225991 203.0.113.5 40000 22\r\n",
    "a name": b"PROXY TCP4 localhost 203.0.113.5 40000 22\r\n",
    "a zone": b"PROXY TCP6 fe80::1%eth0 ::1 40000 22\r\n",
    "brackets": b"PROXY TCP6 [::1] [::1] 40000 22\r\n",
    "the other family": b"PROXY TCP4 ::ffff:192.0.2.7 203.0.113.5 40000 22\r\n",
    "an address that is nobody's": b"PROXY TCP4 0.0.0.0 203.0.113.5 40000 22\r\n",
    "the same in IPv6": b"PROXY TCP6 ::ffff:0.0.0.0 ::1 40000 22\r\n",
    "a port that there is not": b"PROXY TCP4 192.0.2.7 203.0.113.5 65536 22\r\n",
    "one LF": b"PROXY TCP4 192.0.2.7 203.0.113.5 40000 22\n",
    "small letters": b"proxy TCP4 192.0.2.7 203.0.113.5 40000 22\r\n",
    "no header": b"USER alice\r\n",
    "TLS": b"\x16\x03\x01\x02\0\x01\0",
    "another version": raw(command=0x31),
    "another command": raw(command=0x22),
    "another family": raw(addresses(), family=0x51),
}


@pytest.mark.parametrize("service", SERVICES[1:3])
@pytest.mark.parametrize("data", [*LENGTHS.values(), *WORDS.values()], ids=[*LENGTHS, *WORDS])
def test_what_is_no_header_ends_the_connection_at_once(
    victim: Victim, seen: Seen, service: str, data: bytes
) -> None:
    with come(victim, service, data) as liar:
        assert "within" not in seen.refused(liar), "it was waited for"


def test_a_byte_now_and_then_keeps_nobody(victim: Victim, seen: Seen) -> None:
    with come(victim, "proxied clear") as slow:
        slow.settimeout(SECONDS / 10)
        for at in range(100):
            with contextlib.suppress(TimeoutError):
                assert closed(slow)
                break
            with contextlib.suppress(ConnectionError):
                slow.send(b"PROXY UNKNOWN ".ljust(107, b"f")[at : at + 1])
        else:
            raise AssertionError("it is still there")
        port = slow.getsockname()[1]
    assert "within" in seen.one(WRONG, port)["data"]["details"]


def test_only_so_many_may_say_nothing_and_clients_that_come_by_themselves_are_served(
    victim: Victim, seen: Seen
) -> None:
    with ExitStack() as held:
        for _ in range(MAX_UNTOLD):
            held.enter_context(come(victim, "proxied clear"))
        with come(victim, "proxied clear") as one_more:
            assert seen.refused(one_more) == TOO_MANY
        with FtpClient(victim["proxied clear"], source=OTHER) as client:
            client.log_in()
    by_proxy(victim, line(ANN)).close()


# What is strange, and right.


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:203.0.113.5 40007 22\r\n",
        block(source=("::ffff:192.0.2.7", 40_007), reached=("::ffff:203.0.113.5", 22)),
    ],
    ids=HEADERS,
)
def test_an_ipv4_address_in_ipv6_is_the_ipv4_address(
    victim: Victim, seen: Seen, header: bytes
) -> None:
    """Else one source would have two names, and each its own count of bad passwords."""
    with by_proxy(victim, header) as client:
        client.log_in()
        assert seen.one(LOGGED_IN, 40_007)["peer"]["address"] == "192.0.2.7"


def test_port_0_is_a_port_of_the_trail_and_of_nothing_else(victim: Victim) -> None:
    name, nowhere = victim.put(b"for the client"), ("192.0.2.70", 0)
    with by_proxy(victim, line(nowhere, ("127.0.0.1", 0))) as client:
        client.log_in()
        with client.connect(client.passive()) as data:
            data.sendall(line(nowhere))
            assert client.do(f"RETR {name}").code == 150
            assert everything(data) == b"for the client"
        assert client.reply().code == 226


# Data connections.


@both
@pytest.mark.parametrize("service", ["proxied clear", "proxied implicit"])
def test_nobody_takes_the_data_of_another_by_telling_its_address(
    victim: Victim, seen: Seen, service: str, version: str
) -> None:
    makes = line if version == "v1" else (lambda who: block(source=who))
    name = victim.put(b"for ann only")
    with by_proxy(victim, makes(ANN), service) as client:
        client.log_in()
        port = client.passive()
        for source, header in (
            (OTHER, makes(ANN)),
            (PROXY, makes(BOB)),
            (PROXY, raw(command=0x20)),
        ):
            with socket.create_connection(("127.0.0.1", port), 30, (source, 0)) as thief:
                thief.sendall(header)
                assert closed(thief)
        with socket.create_connection(("127.0.0.1", port), 30, (PROXY, 0)) as thief:
            thief.sendall(b"no header at all")
            seen.refused(thief)
        with client.connect(port) as data:
            data.sendall(makes(ANN))
            assert client.do(f"RETR {name}").code == 150
            ready = client.protect(data) if client.private else data
            assert everything(ready) == b"for ann only"
            ready.close()
        assert client.reply().code == 226
    strangers = {one["peer"]["address"] for one in seen.told if one["id"] == STRANGER}
    assert {OTHER, BOB[0]} <= strangers
    assert PROXY not in strangers


def test_sessions_that_wait_side_by_side_each_get_what_is_told_as_theirs(victim: Victim) -> None:
    with by_proxy(victim, line(ANN)) as ann, by_proxy(victim, line(BOB)) as bob:
        waiting = [(one.log_in(), one.passive(), who) for one, who in ((ann, ANN), (bob, BOB))]
        for client, port, who in reversed(waiting):
            name = victim.put(f"for {who[0]} only".encode())
            with client.connect(port) as data:
                data.sendall(block(source=who))
                assert client.do(f"RETR {name}").code == 150
                assert everything(data) == f"for {who[0]} only".encode()
            assert client.reply().code == 226


# TLS behind a header.


def by_tls(connection: socket.socket, first: bytes, request: bytes) -> bytes:
    """What a server answers over TLS, whose first bytes come in one piece with others."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting().wrap_bio(into, out)

    def done(step: Callable[[], Any]) -> Any:
        nonlocal first
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                connection.sendall(first + out.read())
                first = b""
                into.write(connection.recv(1 << 16))

    done(client.do_handshake)
    client.write(request)
    return bytes(done(lambda: client.read(1 << 16)))


@both
def test_tls_begins_right_behind_the_header(victim: Victim, version: str) -> None:
    host = victim.webs["proxied https"].host
    request = f"GET /home/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    with come(victim, "proxied https") as connection:
        answer = by_tls(connection, HEADERS[version], request)
    assert answer.startswith(b"HTTP/1.1 401 ")
