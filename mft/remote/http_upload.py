"""A file that is sent to a server of HTTP: a PUT whose body is written as it is read elsewhere."""

from typing import Final, Literal, Protocol

from mft.core.failure import Reason, Refused
from mft.remote.http_line import HttpLine, Lost
from mft.remote.http_peer import Asked, Field, HttpPeer
from mft.remote.http_status import GOOD, refusal
from mft.vfs.base import LATER, Attributes, Buffers, Entry, Later

# Bytes that wait for the size of a file that nobody has told: it is known then of smaller ones, and
# others go in chunks, which some servers behind a gateway do not take.
HELD: Final = 1 << 20
EXPECT: Final[Field] = ("Expect", "100-continue")
_FAILED_EXPECTATION: Final = 417


class Request(Protocol):
    """What an upload consists of: one request with a body, and what its answer must say."""

    subject: str

    async def begin(self, size: int | None) -> tuple[str, str, list[Field]]:
        """Get ready; method, target and fields of the request. `size` is that of the whole file."""

    def check(self, answered: Asked) -> None:
        """Raise what the answer refuses."""

    async def undo(self) -> None:
        """Remove what may have been left under the name; raises Refused."""


class HttpWriting:
    """The lane of an upload: bytes in their order, from `start` on."""

    def __init__(self, peer: HttpPeer, request: Request, start: int) -> None:
        self.size: int | None = None  # of the whole file, where it has been announced
        self.at = start
        self.begun = False  # some of it may be at the server
        self.refused: Refused | None = None  # by the server, which has nothing of it then
        self._peer = peer
        self._request = request
        self._start = start
        self._held = bytearray()
        self._line: HttpLine | None = None
        self._chunked = False

    # What an upload does.

    async def finish(self) -> None:
        """Send what is left, and hear that the server has everything."""
        if self.refused is not None:
            raise self.refused
        if self.size is not None and self.at != self.size:
            details = f"{self.at} bytes were given, and {self.size} were announced"
            raise Refused(Reason.ABORTED, self._request.subject, details)
        if self._line is None:
            await self._open(self.at)
            await self._flush()
        line = self._opened()
        if line.answered and self._chunked:
            raise self._too_early()
        line.finish()
        await self._hear(line)
        self._line = None
        await Asked(self._peer, line, await line.answer()).end()

    def give_up(self) -> None:
        """Break off what is under way."""
        line, self._line = self._line, None
        self._held.clear()
        if line is not None:
            line.abort()
            self._peer.give(line)

    def _opened(self) -> HttpLine:
        if self._line is None:
            raise Refused(Reason.ABORTED, self._request.subject, "the upload has ended")
        return self._line

    async def _hear(self, line: HttpLine) -> None:
        try:
            answer = await line.answer()
        except Lost as lost:
            raise Refused(Reason.ABORTED, self._request.subject, str(lost)) from None
        asked = Asked(self._peer, line, answer)
        try:
            if answer.status not in GOOD:
                raise refusal(answer.status, self._request.subject)
            self._request.check(asked)
        except Refused as refused:
            self.refused = refused
            raise

    async def _open(self, size: int | None) -> None:
        """Send the head of the request, and wait until the server wants the body."""
        method, target, fields = await self._request.begin(size)
        self._chunked = size is None
        if size is None:
            fields = [*fields, ("Transfer-Encoding", "chunked")]
        else:
            fields = [*fields, ("Content-Length", str(size - self._start))]
        expect = [] if size == self._start else [EXPECT]
        fresh = False
        while True:
            line = await self._peer.line(fresh=fresh)
            line.begin(
                method,
                self._peer.head(method, target, [*fields, *expect]),
                body=True,
                chunked=self._chunked,
            )
            try:
                wanted = not expect or await self._wants(line)
            except Lost as lost:
                self._leave(line)
                if line.used == 1:
                    raise Refused(Reason.ABORTED, self._request.subject, str(lost)) from None
                fresh = True  # the server has closed one that it had no use for
                continue
            except BaseException:
                self._leave(line)
                raise
            if wanted:
                self._line, self.begun = line, True
                return
            self._leave(line)
            expect = []

    async def _wants(self, line: HttpLine) -> bool:
        """Whether a server wants the body; False where it does not know how it is asked."""
        if await line.invited():
            return True
        status = (await line.answer()).status
        if status == _FAILED_EXPECTATION:
            return False
        if status in GOOD:
            raise self._too_early()
        self.refused = refusal(status, self._request.subject)
        raise self.refused

    def _leave(self, line: HttpLine) -> None:
        line.abort()
        self._peer.give(line)

    async def _flush(self) -> None:
        held, self._held = self._held, bytearray()
        await self._put([memoryview(held)])

    async def _put(self, views: Buffers) -> None:
        line = self._opened()
        try:
            await line.write(views)
        except Lost as lost:
            raise Refused(Reason.ABORTED, self._request.subject, str(lost)) from None
        if line.answered:
            await self._hear(line)
            raise self._too_early()

    def _too_early(self) -> Refused:
        details = "the server took it for whole before it was"
        return Refused(Reason.ABORTED, self._request.subject, details)

    # What a lane does.

    def write_from(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Send every byte, where the socket takes more at once, or hold it."""
        wanted = self._wanted(views, offset)
        if self._line is None:
            if self.size is not None or len(self._held) + wanted > HELD:
                return LATER
            for view in views:
                self._held += view
        else:
            if wanted > HELD or not self._line.writable:
                return LATER
            self._line.write_now(views)
        self.at += wanted
        return wanted

    async def write_later(self, views: Buffers, offset: int) -> int:
        """Send every byte; Refused as soon as the server refuses."""
        wanted = self._wanted(views, offset)
        if self._line is None:
            await self._open(self.size)
            await self._flush()
        await self._put(views)
        self.at += wanted
        return wanted

    def _wanted(self, views: Buffers, offset: int) -> int:
        if self.refused is not None:
            raise self.refused
        if offset != self.at:
            details = f"bytes at {offset}, where {self.at} come next"
            raise Refused(Reason.UNSUPPORTED, self._request.subject, details)
        wanted = sum(map(len, views))
        if self.size is not None and self.at + wanted > self.size:
            details = f"more bytes than the {self.size} that were announced"
            raise Refused(Reason.ABORTED, self._request.subject, details)
        return wanted

    def read_into(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Refused: it was opened for writing."""
        raise self._not_here()

    async def read_later(self, views: Buffers, offset: int) -> int:
        """Refused: it was opened for writing."""
        raise self._not_here()

    def fileno(self) -> int | None:
        """None: the file is elsewhere."""
        return None

    async def stat(self) -> Entry:
        """What has been given so far; its name is empty."""
        return Entry("", 0o100644, self.at, 0, 0)

    async def change(self, attributes: Attributes) -> None:
        """Refused: no server of HTTP does it."""
        raise self._not_here()

    async def sync(self) -> None:
        """Nothing: `commit` waits for the server."""

    def _not_here(self) -> Refused:
        return Refused(Reason.UNSUPPORTED, self._request.subject, "not done over HTTP")


class HttpUpload:
    """An `Upload` to a server of HTTP; `announce` tells it how large the file will be."""

    in_place = False

    def __init__(
        self, peer: HttpPeer, request: Request, start: int, real_path: str, *, replaced: bool
    ) -> None:
        self.lane = HttpWriting(peer, request, start)
        self.start = start
        self.real_path = real_path
        self.replaced = replaced
        self._request = request
        self._ended = False

    def announce(self, size: int) -> None:
        """Tell how large the whole file will be, before its first byte."""
        self.lane.size = size

    async def commit(self, *, durable: bool) -> None:
        """Hear from the server that it has the file; else it is aborted, and Refused."""
        if self._ended:
            raise Refused(Reason.ABORTED, self._request.subject, "the upload has ended")
        try:
            await self.lane.finish()
        except BaseException:
            await self.abort(keep=True)
            raise
        self._ended = True

    async def abort(self, *, keep: bool) -> None:
        """Break off; without `keep`, what the server may have of it is removed."""
        if self._ended:
            return
        self._ended = True
        self.lane.give_up()
        if self.lane.begun and self.lane.refused is None and not keep:
            try:
                await self._request.undo()
            except Refused:
                return  # the server has gone, or has nothing of it

    async def leave_hole(self) -> None:
        """Nothing: files of locations are written from their beginning to their end."""

    async def divert(self, folder: str, name: str) -> None:
        """Refused: the file is elsewhere."""
        await self.abort(keep=False)
        raise Refused(Reason.UNSUPPORTED, self._request.subject, "the file is elsewhere")

    def reopen(self) -> int:
        """Refused: the file is elsewhere."""
        raise Refused(Reason.UNSUPPORTED, self._request.subject, "the file is elsewhere")
