"""A server of HTTP as a location uses it: a few connections, and requests that may go over any.

Servers close connections between two requests as they like, which is no failure: the next request
makes another. What cannot be repeated is never sent twice.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.remote.base import Identity
from mft.remote.http_line import HttpLine, Lost
from mft.remote.http_status import GOOD, refusal
from mft.wire.http.answer import Answer
from mft.wire.http.reference import Site, parse_reference
from mft.wire.http.target import quote_path

FILES: Final = 4  # open at a time, each on a connection of its own
MAX_LINES: Final = 2 * FILES  # with those for everything else; each holds some 512 KiB at the most
# Methods whose second sending does what the first did (RFC 9110 9.2.2), and is answered so.
_AGAIN: Final = frozenset(("GET", "HEAD", "OPTIONS", "PROPFIND", "PUT"))
_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))

Field = tuple[str, str]
Dial = Callable[[], Awaitable[tuple[HttpLine, Identity]]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a location's tree begins, and what is shown with each request there."""

    site: Site
    base: tuple[str, ...]  # decoded names of its path
    fields: Sequence[Field]

    def target(self, path: VPath, *, folder: bool = False) -> str:
        """The target of a request about a path."""
        return quote_path((*self.base, *path.parts), folder or path.is_root)


class Asked:
    """A request that was answered: its body is still to be read, or to be left."""

    def __init__(self, peer: "HttpPeer", line: HttpLine, answer: Answer) -> None:
        self.line = line
        self.answer = answer
        self._peer = peer

    @property
    def good(self) -> bool:
        """Whether it was done."""
        return self.answer.status in GOOD

    async def document(self, limit: int, subject: str) -> bytes:
        """The whole body; Refused(QUOTA) for one of more than `limit` bytes."""
        parts, left = [], limit
        while piece := await self.line.take():
            left -= len(piece)
            if left < 0:
                raise Refused(Reason.QUOTA, subject, f"an answer of more than {limit} bytes")
            parts.append(piece)
        return b"".join(parts)

    async def end(self) -> None:
        """Be done with it, whatever is left of its body."""
        await self.line.end()
        self._peer.give(self.line)


class HttpPeer:
    """The connections to one server; everything raises Refused."""

    def __init__(self, place: Place, dial: Dial, first: HttpLine, identity: Identity) -> None:
        self.place = place
        self.identity = identity
        self.connected = True  # whether the last connection that was wanted could be made
        self._dial = dial
        self._idle = [first]
        self._lines = {first}

    # Connections.

    async def line(self, *, fresh: bool = False) -> HttpLine:
        """A connection for one request; Refused(BUSY) when too many are in use."""
        if not self.connected:
            raise self.gone()
        while self._idle and not (fresh and len(self._lines) < MAX_LINES):
            line = self._idle.pop()
            if line.free and not fresh:
                return line
            self._drop(line)
        if len(self._lines) >= MAX_LINES:
            raise Refused(Reason.BUSY, str(self.place.site), f"{MAX_LINES} connections are in use")
        try:
            made, self.identity = await self._dial()
        except Refused:
            self.connected = False
            raise
        self._lines.add(made)
        return made

    def gone(self) -> Refused:
        """What is raised once the server is lost, or was let go."""
        return Refused(Reason.ABORTED, str(self.place.site), "the connection is lost")

    def give(self, line: HttpLine) -> None:
        """Take back a connection whose request is over."""
        if line.free and self.connected:
            self._idle.append(line)
        else:
            self._drop(line)

    def _drop(self, line: HttpLine) -> None:
        line.abort()
        self._lines.discard(line)

    async def close(self) -> None:
        """Let every connection go; what is under way ends."""
        self.connected = False
        self._idle.clear()
        while self._lines:
            await self._lines.pop().close()

    # Requests.

    def head(self, method: str, target: str, fields: Sequence[Field]) -> bytes:
        """The head of a request."""
        place = self.place
        lines = [f"{method} {target} HTTP/1.1", f"Host: {place.site.authority}"]
        lines += [f"{name}: {value}" for name, value in (*place.fields, *fields)]
        return "\r\n".join((*lines, "", "")).encode("latin-1")

    async def ask(
        self, method: str, target: str, *fields: Field, body: bytes | None = None, subject: str
    ) -> Asked:
        """Send a request with a body that is in memory, and hear the head of the answer."""
        given = list(fields)
        if body is not None:
            given.append(("Content-Length", str(len(body))))
        sent = self.head(method, target, given) + (body or b"")
        fresh = False
        while True:
            line = await self.line(fresh=fresh)
            line.begin(method, sent)
            try:
                return Asked(self, line, await line.answer())
            except Lost as lost:
                self._drop(line)
                if line.used == 1 or method not in _AGAIN:
                    raise Refused(Reason.ABORTED, subject, str(lost)) from None
                fresh = True  # the server has closed one that it had no use for
            except BaseException:
                self._drop(line)
                raise

    @asynccontextmanager
    async def asking(
        self, method: str, target: str, *fields: Field, body: bytes | None = None, subject: str
    ) -> AsyncIterator[Asked]:
        """`ask`, and be done with it behind the block."""
        asked = await self.ask(method, target, *fields, body=body, subject=subject)
        try:
            yield asked
        except Refused:
            await asked.end()
            raise
        except BaseException:
            self._drop(asked.line)
            raise
        await asked.end()

    def led_to(self, answer: Answer, asked: str) -> str | None:
        """The target that an answer to `asked` leads to; None where it leads nowhere, or away.

        Nothing is ever asked, and no password shown, at another host, port or scheme.
        """
        return self.place_of(answer, asked) if answer.status in _REDIRECTS else None

    def place_of(self, answer: Answer, asked: str) -> str | None:
        """The target that Location names at this very server; None for any other."""
        told = answer.fields.get("location")
        if told is None:
            return None
        try:
            found = parse_reference(urljoin(f"{self.place.site}{asked}", told))
        except ValueError:  # Malformed is one
            return None
        return found.path + found.query if found.site == self.place.site else None


def check(asked: Asked, subject: str) -> Asked:
    """Raise what an answer refuses."""
    if not asked.good:
        raise refusal(asked.answer.status, subject)
    return asked
