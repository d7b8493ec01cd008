"""Fetching over HTTP from a server that does what a test tells it to."""

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.web.client import Agent

from mft.core.failure import Reason, Refused
from mft.runtime.fetch import _Body, fetch
from tests.fakes.loop import run_loop, until
from tests.fakes.refused import refused
from tests.fakes.run import run

OK = b"HTTP/1.1 200 OK\r\n"


class Answer(Protocol):
    """Answers every request with the same bytes, and closes or not."""

    def __init__(self, world: "Server") -> None:
        self._world = world

    def dataReceived(self, data: bytes) -> None:
        self._world.asked.append(data)
        self.transport.write(self._world.answer)
        if self._world.closes:
            self.transport.loseConnection()

    def connectionLost(self, reason: Any = None) -> None:
        self._world.gone += 1


class Server(Factory):
    """A server on a port of its own."""

    noisy = False

    def __init__(self, reactor: Any, answer: bytes, closes: bool = True) -> None:
        self.reactor = reactor
        self.answer = answer
        self.closes = closes
        self.asked: list[bytes] = []
        self.gone = 0
        self._port = reactor.listenTCP(0, self, interface="127.0.0.1")

    def buildProtocol(self, addr: object) -> Answer:
        return Answer(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port.getHost().port}/a.crl"

    async def get(self, limit: int = 1000, seconds: float = 5.0, url: str = "") -> bytes:
        """Fetch from it, and see that nothing is left."""
        agent = Agent(self.reactor)
        try:
            return await fetch(agent, self.reactor, url or self.url, limit, seconds)
        finally:
            await until(self.reactor, lambda: self.gone == len(self.asked), "connections end")
            await self._port.stopListening()


def fetched(answer: bytes, *, closes: bool = True, **more: Any) -> bytes:
    async def main(reactor: Any) -> bytes:
        return await Server(reactor, answer, closes).get(**more)

    return run_loop(main)


def refusal(answer: bytes, **more: Any) -> Refused:
    with pytest.raises(Refused) as raised:
        fetched(answer, **more)
    return raised.value


def test_a_document_is_fetched() -> None:
    assert fetched(OK + b"Content-Length: 5\r\n\r\nhello") == b"hello"
    assert fetched(OK + b"Content-Length: 0\r\n\r\n") == b""
    chunked = b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
    assert fetched(OK + chunked) == b"hello"


def test_a_document_may_end_with_its_connection() -> None:
    assert fetched(OK + b"\r\nhello") == b"hello"


def test_one_that_is_cut_off_is_not_taken() -> None:
    why = refusal(OK + b"Content-Length: 6\r\n\r\nhello")
    assert why.reason is Reason.BROKEN


def test_a_document_has_a_limit() -> None:
    whole = OK + b"Content-Length: 1000\r\n\r\n" + bytes(1000)
    assert len(fetched(whole)) == 1000
    why = refusal(whole, limit=999)
    assert why.reason is Reason.QUOTA
    assert why.details == "is longer than 999 bytes"


def test_what_never_ends_is_cut_off_at_the_limit() -> None:
    why = refusal(OK + b"\r\n" + bytes(5000), closes=False)
    assert why.reason is Reason.QUOTA


@pytest.mark.parametrize("status", [b"302 Found", b"404 Not Found", b"204 No Content"])
def test_another_status_is_refused_and_redirects_are_not_followed(status: bytes) -> None:
    location = b"Location: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    why = refusal(b"HTTP/1.1 " + status + b"\r\n" + location)
    assert why.details == f"answered with status {status[:3].decode()}"


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found"])
def test_a_server_that_does_not_end_is_left_after_a_while(status: bytes) -> None:
    head = b"HTTP/1.1 " + status + b"\r\nContent-Length: 9\r\n\r\nhell"
    why = refusal(head, closes=False, seconds=0.05)
    assert why.reason is (Reason.ABORTED if b"OK" in status else Reason.BROKEN)


def test_what_comes_after_the_limit_is_passed_over() -> None:
    body = _Body("http://a/", 3)
    body.transport = StringTransport()
    body.dataReceived(b"12345")
    body.dataReceived(b"6")
    body.connectionLost()
    with refused(Reason.QUOTA):
        run(waited(body))


async def waited(body: _Body) -> bytes:
    return await body.whole


def test_a_server_that_says_nothing_is_left_after_a_while() -> None:
    why = refusal(b"", closes=False, seconds=0.05)
    assert (why.reason, why.details) == (Reason.ABORTED, "took longer than 0.05 seconds")


def test_what_is_not_http_or_not_there_is_refused() -> None:
    assert refusal(b"SSH-2.0-x\r\n").reason is Reason.BROKEN
    assert refusal(b"", url="http://127.0.0.1:1/").reason is Reason.BROKEN
    assert refusal(b"", url="gopher://a/").reason is Reason.BROKEN


def test_fetching_can_be_cancelled() -> None:
    async def main(reactor: Any) -> None:
        server = Server(reactor, b"", closes=False)
        getting: Deferred[bytes] = Deferred.fromCoroutine(server.get())
        await until(reactor, lambda: server.asked, "it asks")
        getting.cancel()
        with pytest.raises(CancelledError):
            await getting

    run_loop(main)
