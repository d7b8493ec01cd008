"""One request and its answer."""

from functools import cached_property
from typing import TYPE_CHECKING, Final

from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.core.vpath import VPath
from mft.protocols.http.answered_file import AnsweredFile
from mft.protocols.http.answered_text import AnsweredText
from mft.protocols.http.answers import JSON, Fields, error_json
from mft.protocols.http.browsers import wants_page
from mft.protocols.http.request_body import RequestBody
from mft.protocols.http.status import RETRY_AFTER, STATUS, phrase
from mft.protocols.paid import paid
from mft.protocols.sending_file import SendingFile
from mft.protocols.sentences import explained
from mft.session.files import SentFile
from mft.session.session import Session
from mft.vfs.base import LATER
from mft.wire.http.framing import CHUNK_END, LAST_CHUNK, chunk_head
from mft.wire.http.head import Head
from mft.wire.http.target import Target, parse_target, quote_path

if TYPE_CHECKING:
    from mft.protocols.http.client import Client

MAX_SHOWN: Final = 1000  # characters of a target in an event
SMALL: Final = 64 << 10  # bytes of a file that leave together with the head
NO_BODY: Final = frozenset((204, 304))


class Exchange:
    """One request; whoever serves it answers it once, and what is not answered is a fault."""

    def __init__(self, client: "Client", head: Head) -> None:
        """Raises BadRequest where head or target cannot be understood in one way only."""
        self.client = client
        self.head = head
        self.uri = head.target[:MAX_SHOWN]
        self.source: Address = client.source(head)
        self.body = RequestBody(client.line, head)
        self.target: Target = parse_target(head.target)
        self.area: tuple[str, ...] = ()  # the names that the paths of files stand behind
        self.status = 0  # of the answer, once it was begun
        self.complete = False  # whether all of the answer was handed over
        self.fields: list[tuple[str, str]] = []  # that the answer has, whatever it is
        self._session: Session | None = None
        self._keeps = head.keep_alive
        self._chunked = False
        self._text = AnsweredText(client.line)

    @property
    def session(self) -> Session:
        """Who asks; only for those that are let in."""
        if self._session is None:
            raise Refused(Reason.DENIED, "", "there is no session")
        return self._session

    @property
    def guest(self) -> bool:
        """Whether nobody has shown who asks, or not yet."""
        return self._session is None

    def enter(self, session: Session | None) -> None:
        """It is this session's request."""
        self._session = session

    @property
    def keeps(self) -> bool:
        """Whether the connection goes on behind the answer."""
        return self._keeps and self.body.is_droppable and not self.client.leaving

    def close_after(self) -> None:
        """The connection ends with the answer; to be said before it is begun."""
        self._keeps = False

    @cached_property
    def path(self) -> VPath:
        """The file or folder that the target names; raises Refused(INVALID)."""
        return VPath.parse("/".join(self.target.segments[len(self.area) :]))

    @property
    def told_path(self) -> str:
        """The path as events tell it; empty where none is named, or nobody has been let in."""
        before = len(self.area)
        within = not self.guest and self.target.segments[:before] == self.area
        return "/" + "/".join(self.target.segments[before:]) if within else ""

    def place(self, path: VPath, *, folder: bool) -> str:
        """The path of the URL of a file or folder, in the area of this request."""
        return quote_path((*self.area, *path.parts), folder)

    # The answer.

    @property
    def waits(self) -> bool:
        """Whether answers before this one are to be taken first."""
        return self._text.full

    def begin(self, status: int, *fields: tuple[str, str], length: int | None = None) -> bytes:
        """Make the head of the answer; without `length`, what follows is sent piece by piece.

        HTTP/1.0 has no chunks: its body ends with the connection (RFC 9112 6.3).
        """
        told: list[tuple[str, str]] = [*self.fields, *fields]
        if length is not None:
            if status not in NO_BODY:
                told.append(("Content-Length", str(length)))
        elif self.head.minor == 1:
            self._chunked = True
            told.append(("Transfer-Encoding", "chunked"))
        else:
            self._keeps = False
        self._keeps = self.keeps
        if not self._keeps:
            told.append(("Connection", "close"))
        elif self.head.minor == 0:
            told.append(("Connection", "keep-alive"))
        self.status = status
        return self.client.hub.heads.write(status, told)

    def answer(self, status: int, body: bytes = b"", *fields: tuple[str, str]) -> None:
        """Answer at once; a HEAD is told how long the body would be."""
        head = self.begin(status, *fields, length=len(body))
        self.complete = True
        silent = self.head.method == "HEAD" or status in NO_BODY
        self.client.line.say(head if silent else head + body)

    def answer_json(self, status: int, body: bytes, *fields: tuple[str, str]) -> None:
        """Answer with JSON text."""
        self.answer(status, body, ("Content-Type", JSON), *fields)

    def refuse(self, status: int, message: str, *fields: tuple[str, str]) -> None:
        """Answer with an error."""
        if status == 503:
            fields = (*fields, ("Retry-After", str(RETRY_AFTER)))
        hub = self.client.hub
        if hub.manner.logs_in and wants_page(self.head):
            hub.pages.refuse(self, status, message, *fields)
        else:
            self.answer_json(status, error_json(phrase(status), message), *fields)

    def refuse_for(self, refused: Refused, incident: str = "") -> None:
        """Answer with the status and the sentence of a reason, and nothing of our insides."""
        self.refuse(STATUS[refused.reason], explained(refused, incident))

    def fail(self, status: int, message: str) -> None:
        """Answer with an error, unless an answer was begun: that one can only be cut."""
        if not self.status:
            self.refuse(status, message)

    def fail_for(self, refused: Refused, incident: str = "") -> None:
        """Answer with an error for a reason, unless an answer was begun."""
        if not self.status:
            self.refuse_for(refused, incident)

    def redirect(self, location: str, status: int = 302) -> None:
        """Send the client elsewhere on this server."""
        self.answer(status, b"", ("Location", location))

    def lead_on(self, location: str) -> None:
        """Send the client elsewhere with the same request, whatever its method (RFC 9110 15.4)."""
        self.redirect(location, 302 if self.head.method in ("GET", "HEAD") else 308)

    # Bodies that are made as they are sent.

    async def stream(self, status: int, *fields: tuple[str, str]) -> None:
        """Begin an answer whose body follows by `send`, and ends with `finish`."""
        await self._text.send(self.begin(status, *fields))

    async def send(self, data: bytes) -> None:
        """Send a piece, which waits for a slow client; raises Refused(ABORTED) without one."""
        if data and self.head.method != "HEAD":
            chunked = chunk_head(len(data)) + data + CHUNK_END if self._chunked else data
            await self._text.send(chunked)

    async def taken(self) -> None:
        """Wait until the socket has all that was sent; raises Refused(ABORTED) without a client."""
        await self._text.taken()

    async def finish(self) -> None:
        """All of the body was sent."""
        if self._chunked and self.head.method != "HEAD":
            await self._text.send(LAST_CHUNK)
        await self._text.taken()
        self.complete = True

    async def send_file(self, status: int, sent: SentFile, part: range, fields: Fields) -> None:
        """Answer with one piece of a file; returns once the client's socket has all of it."""
        size = part.stop - part.start
        pace = sent.session.download_pace()
        data = None
        if size <= (SMALL if pace is None else min(SMALL, pace.piece)):
            await paid(pace)
            data = self._read(sent, part)
        head = self.begin(status, *fields, length=size)
        line = self.client.line
        if data is not None:
            if pace is not None:
                pace.moved(size)
            line.say(head + data)
            await self._text.taken()
        else:
            line.say(head)
            await self.send_part(sent, part)
        self.complete = True

    async def send_part(self, sent: SentFile, part: range) -> None:
        """Send one piece of a file as it is, within an answer that was begun with its length."""
        blocks = self.client.hub.blocks
        await AnsweredFile(self.client.line).send(SendingFile(sent, part.start, part.stop, blocks))

    def _read(self, sent: SentFile, part: range) -> bytes | None:
        """A small piece of a file, where the disk has it at hand."""
        size = part.stop - part.start
        if not size:
            return b""
        block = self.client.hub.blocks.take()
        try:
            count = sent.lane.read_into([block[:size]], part.start)
            if count is LATER or count != size:
                return None
            sent.sent(size)
            return bytes(block[:size])
        finally:
            self.client.hub.blocks.give(block)
