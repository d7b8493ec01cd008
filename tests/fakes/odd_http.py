"""A server of HTTP that answers what a test tells it, however odd, on real sockets."""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

from twisted.internet.defer import maybeDeferred
from twisted.internet.protocol import Factory, Protocol

from tests.fakes.loop import run_loop, until

HERE = "127.0.0.1"
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n", re.IGNORECASE)


class Asked(NamedTuple):
    """One request with its body."""

    method: str
    target: str
    head: str
    body: bytes

    def field(self, name: str) -> str | None:
        """The value of a field."""
        found = re.search(rf"^{name}: (.*?)\r?$", self.head, re.IGNORECASE | re.MULTILINE)
        return None if found is None else found[1]


class Talk(Protocol):
    """One connection."""

    def __init__(self, server: "OddServer") -> None:
        self.server = server
        self.heard = bytearray()
        self.gone = False
        self.invited = False  # to send the body of the request that comes

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        while not self.gone and (asked := self._next()) is not None:
            self.server.asked.append(asked)
            self.server.answer(asked, self)

    def _next(self) -> Asked | None:
        end = self.heard.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self.heard[: end + 4])
        length = _LENGTH.search(head)
        early = self.server.early and not head.startswith(b"PROPFIND")
        size = int(length[1]) if length and not early else 0
        if len(self.heard) < end + 4 + size:
            if b"100-continue" in head and self.server.invites and not self.invited:
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.invited = True
            return None
        self.invited = False
        body = bytes(self.heard[end + 4 : end + 4 + size])
        del self.heard[: end + 4 + size]
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        return Asked(method, target, head.decode(), body)

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def stream(self, pieces: Iterator[bytes]) -> None:
        """Write pieces, one whenever the socket has taken the one before, and then close."""
        self.transport.registerProducer(_Pieces(self, pieces), False)

    def leave(self) -> None:
        """Close the connection behind what was written."""
        self.transport.loseConnection()

    def connectionLost(self, reason: Any = None) -> None:
        self.gone = True


class _Pieces:
    """Produces what is streamed."""

    def __init__(self, talk: Talk, pieces: Iterator[bytes]) -> None:
        self._talk = talk
        self._pieces = pieces

    def resumeProducing(self) -> None:
        piece = next(self._pieces, None)
        if piece is not None:
            self._talk.transport.write(piece)
            return
        self._talk.transport.unregisterProducer()
        self._talk.leave()

    def stopProducing(self) -> None:
        self._pieces = iter(())


class OddServer:
    """One that listens; `answer` is called with each request."""

    def __init__(
        self,
        reactor: Any,
        answer: Callable[[Asked, Talk], None],
        around: Callable[[Factory, Any], Any] = lambda inner, _: inner,
        kind: type[Talk] = Talk,
    ) -> None:
        """`around` puts something between the connections and their factory, such as TLS."""
        self.reactor = reactor
        self.behind = 0  # the port that a proxy leads to
        self.answer = answer
        self._kind = kind
        self.asked: list[Asked] = []
        self.talks: list[Talk] = []
        self.early = False  # it answers before it has the body
        self.invites = True  # it sends 100
        factory = Factory()
        factory.noisy = False
        factory.buildProtocol = self._made
        self.listening = reactor.listenTCP(0, around(factory, reactor), interface=HERE)
        self.port: int = self.listening.getHost().port

    def _made(self, address: Any) -> Talk:
        self.talks.append(self._kind(self))
        return self.talks[-1]

    async def stop(self, reactor: Any) -> None:
        """End everything."""
        await maybeDeferred(self.listening.stopListening)
        for talk in self.talks:
            if not talk.gone:
                talk.transport.abortConnection()
        await until(reactor, lambda: all(talk.gone for talk in self.talks))


def answering(
    answer: Callable[[Asked, Talk], None],
    main: Callable[[Any, OddServer], Awaitable[None]],
    around: Callable[[Factory, Any], Any] = lambda inner, _: inner,
) -> OddServer:
    """Run `main(reactor, server)` with a server that answers so; gives the server."""
    made: list[OddServer] = []

    async def whole(reactor: Any) -> None:
        server = OddServer(reactor, answer, around)
        made.append(server)
        try:
            await main(reactor, server)
        finally:
            await server.stop(reactor)

    run_loop(whole)
    return made[0]


def reply(status: int, body: bytes = b"", *fields: str, length: int | None = None) -> bytes:
    """An answer with a length."""
    told = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} Words", f"Content-Length: {told}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


def told(href: str, *, size: int | None = 0, tag: str = "", folder: bool = False) -> str:
    """What a multistatus tells of one file or folder."""
    kind = "<D:resourcetype><D:collection/></D:resourcetype>" if folder else "<D:resourcetype/>"
    length = "" if size is None or folder else f"<D:getcontentlength>{size}</D:getcontentlength>"
    etag = f"<D:getetag>{tag}</D:getetag>" if tag else ""
    properties = f"<D:prop>{kind}{length}{etag}</D:prop><D:status>HTTP/1.1 200 OK</D:status>"
    return f"<D:response><D:href>{href}</D:href><D:propstat>{properties}</D:propstat></D:response>"


def multi(*rows: str) -> bytes:
    """An answer 207."""
    head = '<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:">'
    return reply(207, f"{head}{''.join(rows)}</D:multistatus>".encode())
