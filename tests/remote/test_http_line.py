"""One connection to a server of HTTP: what comes, what goes, and what never ends."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.remote import http_line
from mft.remote.http_line import AHEAD, HttpLine, Lost, connect
from mft.remote.http_tls import endpoint
from mft.wire.http.reference import Site
from tests.fakes.http_location import HERE
from tests.fakes.loop import until
from tests.fakes.odd_http import Asked, OddServer, Talk, answering, reply

GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
SHORT = 0.2  # for what must not come
MUCH = 16 << 20


async def line_to(reactor: Any, server: OddServer) -> HttpLine:
    site = Site("http", HERE, server.port)
    return await connect(reactor, endpoint(reactor, site, None), "it", secure=False)


def asking(
    answer: bytes | Callable[[Asked, Talk], None],
    main: Callable[[HttpLine, OddServer], Awaitable[None]],
) -> None:
    """Run something with a connection to a server."""

    def answered(asked: Asked, talk: Talk) -> None:
        if callable(answer):
            answer(asked, talk)
        else:
            talk.write(answer)

    async def whole(reactor: Any, server: OddServer) -> None:
        line = await line_to(reactor, server)
        try:
            await main(line, server)
        finally:
            await line.close()

    answering(answered, whole)


async def whole_of(line: HttpLine) -> bytes:
    parts = []
    while piece := await line.take():
        parts.append(bytes(piece))
    return b"".join(parts)


@pytest.mark.parametrize(
    "sent",
    [
        reply(200, b"hello"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 102\r\n\r\n" + reply(200, b"hello"),
    ],
)
def test_a_body_that_says_where_it_ends_leaves_the_connection_for_more(sent: bytes) -> None:
    async def main(line: HttpLine, server: OddServer) -> None:
        for _ in range(3):
            line.begin("GET", GET)
            assert (await line.answer()).status == 200
            assert await whole_of(line) == b"hello"
            await line.end()
            assert line.free
        assert line.used == 3

    asking(sent, main)


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    def answer(asked: Asked, talk: Talk) -> None:
        talk.write(b"HTTP/1.0 200 OK\r\n\r\nhello")
        talk.leave()

    async def main(line: HttpLine, server: OddServer) -> None:
        line.begin("GET", GET)
        await line.answer()
        assert await whole_of(line) == b"hello"
        await line.end()
        assert not line.free

    asking(answer, main)


@pytest.mark.parametrize(
    "sent",
    [
        reply(200, b"hell", length=5),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
def test_a_body_that_breaks_off_is_told(sent: bytes) -> None:
    def answer(asked: Asked, talk: Talk) -> None:
        talk.write(sent)
        talk.leave()

    async def main(line: HttpLine, server: OddServer) -> None:
        line.begin("GET", GET)
        await line.answer()
        with pytest.raises(Refused) as caught:
            await whole_of(line)
        assert caught.value.reason is Reason.ABORTED

    asking(answer, main)


def test_what_is_not_read_is_not_taken_from_the_socket() -> None:
    async def main(line: HttpLine, server: OddServer) -> None:
        line.begin("GET", GET)
        await line.answer()
        await until(line._reactor, lambda: line._paused)
        assert AHEAD <= line.held <= 2 * AHEAD
        assert len(await whole_of(line)) == MUCH

    asking(reply(200, bytes(MUCH)), main)


def test_what_the_socket_does_not_take_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_line, "REPLY_TIMEOUT", SHORT)

    async def main(line: HttpLine, server: OddServer) -> None:
        await until(line._reactor, lambda: server.talks)
        server.talks[0].transport.pauseProducing()
        line.begin("PUT", b"PUT / HTTP/1.1\r\n\r\n", body=True)
        with pytest.raises(Refused, match="takes nothing"):
            await line.write([memoryview(bytes(MUCH))])
        assert line.lost

    asking(b"", main)


def test_a_server_that_never_answers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_line, "REPLY_TIMEOUT", SHORT)

    async def main(line: HttpLine, server: OddServer) -> None:
        line.begin("GET", GET)
        with pytest.raises(Refused, match="does not answer"):
            await line.answer()
        assert line.lost

    asking(b"", main)


def test_a_head_must_come_whole_in_time_however_much_of_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_line, "REPLY_TIMEOUT", SHORT)

    over: list[Talk] = []

    def drip(talk: Talk, reactor: Any) -> None:
        if talk.gone:
            over.append(talk)
        else:
            talk.write(b"X-More: 1\r\n")
            reactor.callLater(SHORT / 10, drip, talk, reactor)

    async def main(line: HttpLine, server: OddServer) -> None:
        server.answer = lambda asked, talk: (
            talk.write(b"HTTP/1.1 200 OK\r\n"),
            drip(talk, line._reactor),
        )
        line.begin("GET", GET)
        with pytest.raises(Refused, match="does not answer"):
            await line.answer()
        await until(line._reactor, lambda: over)

    asking(b"", main)


def test_a_body_that_does_not_go_on_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_line, "REPLY_TIMEOUT", SHORT)

    async def main(line: HttpLine, server: OddServer) -> None:
        line.begin("GET", GET)
        await line.answer()
        assert bytes(await line.take()) == b"hell"
        with pytest.raises(Refused, match="sends nothing"):
            await line.take()

    asking(reply(200, b"hell", length=5), main)


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 103 Early\r\n\r\n" * 9,
        b"HTTP/1.1 200 OK\r\n" + b"X-Field: 1\r\n" * 101 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * (64 << 10),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        reply(204) + b"more",
    ],
)
def test_what_is_no_answer_ends_the_connection(sent: bytes) -> None:
    async def main(line: HttpLine, server: OddServer) -> None:
        line.begin("GET", GET)
        await until(line._reactor, lambda: line.lost)
        assert line.broken is not None
        assert line.broken.reason is Reason.BROKEN

    asking(sent, main)


def test_what_nobody_has_asked_for_ends_the_connection() -> None:
    async def main(line: HttpLine, server: OddServer) -> None:
        await until(line._reactor, lambda: server.talks)
        server.talks[0].write(reply(200, b"first"))
        await until(line._reactor, lambda: line.lost)
        assert not line.free

    asking(b"", main)


def test_a_connection_that_was_closed_before_the_answer_is_told_apart() -> None:
    async def main(line: HttpLine, server: OddServer) -> None:
        line.begin("GET", GET)
        with pytest.raises(Lost):
            await line.answer()

    asking(lambda asked, talk: talk.leave(), main)


def test_a_server_that_refuses_before_the_body_is_heard() -> None:
    async def main(line: HttpLine, server: OddServer) -> None:
        server.early = True
        head = b"PUT / HTTP/1.1\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
        line.begin("PUT", head, body=True)
        assert not await line.invited()
        assert (await line.answer()).status == 507
        await line.end()
        assert not line.free  # it may still wait for the body

    asking(reply(507), main)


def test_a_server_that_invites_nobody_is_sent_the_body_after_a_while() -> None:
    async def main(line: HttpLine, server: OddServer) -> None:
        server.invites = False
        head = b"PUT / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        line.begin("PUT", head, body=True)
        assert await line.invited()
        await line.write([memoryview(b"hello")])
        line.finish()
        assert (await line.answer()).status == 201
        assert server.asked[0].body == b"hello"

    asking(reply(201), main)


def test_nobody_there_is_refused() -> None:
    async def main(reactor: Any, server: OddServer) -> None:
        await server.stop(reactor)
        with pytest.raises(Refused) as caught:
            await line_to(reactor, server)
        assert caught.value.reason is Reason.ABORTED

    answering(lambda asked, talk: None, main)
