"""Hosts by name, and ways through proxies: a connection comes of it, or a reason in time."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol

from mft.core.failure import Reason, Refused
from mft.runtime.proxied import ProxiedEndpoint, Proxy, Target, reach
from tests.fakes.loop import run_loop
from tests.fakes.refused import refused
from tests.fakes.threads import Inline

HOST = "127.0.0.1"
SECONDS = 5.0


class Stranger(Protocol):
    """A listener that says what it is told after so many bytes were heard."""

    def __init__(self, says: list[tuple[int, bytes]]) -> None:
        self.heard = bytearray()
        self._says = says

    def connectionMade(self) -> None:
        self.dataReceived(b"")

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        while self._says and len(self.heard) >= self._says[0][0]:
            answer = self._says.pop(0)[1]
            if not answer:
                self.transport.loseConnection()
            self.transport.write(answer)


class Hearer(Protocol):
    """A stream that keeps what it hears."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.come: Deferred[None] = Deferred()
        self._room = memoryview(bytearray(100))

    def inlet(self) -> memoryview:
        return self._room

    def arrived(self, inlet: memoryview, count: int) -> None:
        self.dataReceived(bytes(inlet[:count]))

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if self.heard.endswith(b"\n") and not self.come.called:
            self.come.callback(None)

    def pump(self) -> bool:
        return False


Says = list[tuple[int, bytes]]
Work = Callable[[Any, int], Awaitable[Any]]


def with_listener(says: Says, work: Work) -> Stranger:
    """Run something with the port of a listener; what that heard."""
    stranger = Stranger(list(says))

    async def main(reactor: Any) -> None:
        factory = Factory.forProtocol(lambda: stranger)
        factory.noisy = False
        port = reactor.listenTCP(0, factory, interface=HOST)
        try:
            await work(reactor, port.getHost().port)
        finally:
            if stranger.transport is not None:
                stranger.transport.abortConnection()
            await port.stopListening()

    run_loop(main)
    return stranger


def through(scheme: str, seconds: float = SECONDS) -> Work:
    async def work(reactor: Any, port: int) -> None:
        hearer = Hearer()
        target = Target("far.example", 22, Proxy(scheme, HOST, port))
        connection = await reach(reactor, Inline(), target, hearer, seconds)
        await hearer.come
        assert hearer.heard == b"hello\n"
        connection.write(b"hi")
        connection.loseConnection()

    return work


SOCKS = [(3, b"\x05\x00"), (21, b"\x05\x00\x00\x01" + bytes(6) + b"hello\n")]
HTTP = [(57, b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello\n")]
WAYS = {"socks5": SOCKS, "http": HTTP}
GREETINGS = {
    "socks5": b"\x05\x01\x00\x05\x01\x00\x03\x0bfar.example\x00\x16",
    "http": b"CONNECT far.example:22 HTTP/1.1\r\nHost: far.example:22\r\n\r\n",
}


@pytest.mark.parametrize("scheme", WAYS)
def test_a_proxy_leads_on_and_the_first_words_of_the_server_are_kept(scheme: str) -> None:
    stranger = with_listener(WAYS[scheme], through(scheme))
    assert stranger.heard.startswith(GREETINGS[scheme])


@pytest.mark.parametrize("scheme", WAYS)
def test_protocols_of_twisted_go_through_as_well(scheme: str) -> None:
    async def work(reactor: Any, port: int) -> None:
        target = Target("far.example", 22, Proxy(scheme, HOST, port))
        endpoint = ProxiedEndpoint(TCP4ClientEndpoint(reactor, HOST, port), target)
        hearer = await endpoint.connect(Factory.forProtocol(Hearer))
        await hearer.come
        assert hearer.heard == b"hello\n"
        hearer.transport.loseConnection()

    with_listener(WAYS[scheme], work)


def expecting(work: Work, details: str, reason: Reason = Reason.BUSY) -> Work:
    async def checked(reactor: Any, port: int) -> None:
        with pytest.raises(Refused) as told:
            await work(reactor, port)
        assert told.value.reason is reason
        assert details in told.value.details

    return checked


FAILING = [
    ("socks5", [(3, b"\x05\xff")], "wants a login"),
    ("socks5", [(3, b"\x05\x00"), (21, b"\x05\x05\x00\x01" + bytes(6))], "refuses"),
    ("socks5", [(3, b"HTTP/1.1 400")], "not a SOCKS 5 proxy"),
    ("socks5", [(3, b"")], "closed the connection"),
    ("http", [(57, b"HTTP/1.1 403 No\r\n\r\n")], "403 No"),
    ("http", [(57, b"\x05\x00\r\n\r\n")], "not an HTTP proxy"),
    ("http", [(57, b"HTTP/1.1 200 OK\r\n" + b"x" * 9000)], "does not end"),
    ("http", [(57, b"")], "closed the connection"),
]


@pytest.mark.parametrize(("scheme", "says", "details"), FAILING)
def test_a_proxy_that_does_not_lead_on_is_told_with_its_reason(
    scheme: str, says: Says, details: str
) -> None:
    with_listener(says, expecting(through(scheme), details))

    async def by_endpoint(reactor: Any, port: int) -> None:
        target = Target("far.example", 22, Proxy(scheme, HOST, port))
        endpoint = ProxiedEndpoint(TCP4ClientEndpoint(reactor, HOST, port), target)
        await endpoint.connect(Factory.forProtocol(Hearer))

    with_listener(says, expecting(by_endpoint, details))


@pytest.mark.parametrize("scheme", WAYS)
def test_a_proxy_that_says_nothing_is_left_in_time(scheme: str) -> None:
    with_listener([], expecting(through(scheme, 0.05), "does not answer"))


def test_a_host_is_reached_by_its_name() -> None:
    async def work(reactor: Any, port: int) -> None:
        hearer = Hearer()
        target = Target("localhost", port)
        connection = await reach(reactor, Inline(), target, hearer, SECONDS)
        await hearer.come
        connection.loseConnection()

    with_listener([(0, b"hello\n")], work)


def test_a_name_that_nobody_knows_is_not_found() -> None:
    async def work(reactor: Any, port: int) -> None:
        with refused(Reason.NOT_FOUND):
            target = Target("no.such.host.invalid", port)
            await reach(reactor, Inline(), target, Hearer(), SECONDS)

    with_listener([], work)


def test_a_name_that_is_looked_up_for_ever_is_left_in_time() -> None:
    async def never(call: Any, *args: Any, **kwargs: Any) -> Any:
        return await Deferred()

    async def work(reactor: Any, port: int) -> None:
        with refused(Reason.BUSY):
            await reach(reactor, never, Target("slow.example", port), Hearer(), 0.05)

    with_listener([], work)


def test_the_addresses_of_a_name_are_tried_one_after_another() -> None:
    async def several(call: Any, *args: Any) -> Any:
        (found,) = [one for one in call("localhost", args[1]) if one.host == HOST]
        return [found._replace(host="127.0.0.2", port=1), found]

    async def work(reactor: Any, port: int) -> None:
        hearer = Hearer()
        connection = await reach(reactor, several, Target("a.example", port), hearer, SECONDS)
        await hearer.come
        connection.loseConnection()

    with_listener([(0, b"hello\n")], work)
