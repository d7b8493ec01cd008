"""The body of a request: into a file as it comes, into a little memory, or away."""

from collections.abc import Callable
from typing import Final

from mft.core.failure import Reason, Refused
from mft.protocols.http.line import HttpLine
from mft.protocols.receiving_file import ReceivingFile
from mft.runtime.ending import Ending
from mft.session.files import ReceivedFile
from mft.wire.http.framing import Chunked, Sized, body_length
from mft.wire.http.head import BadRequest, Head

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
MAX_DROPPED: Final = 256 << 10  # bytes of a body that nobody wants and the connection outlives
MAX_PIECES: Final = 16  # that are written one by one: chunks may be as small as a byte
CUT: Final = "the client left before the end of the body"

Soon = Callable[[Callable[[], None]], object]
Seen = Callable[[memoryview], object]


def _nowhere(view: memoryview) -> None:
    """Drop it."""


class RequestBody:
    """What follows one head; it is read once, and what is left of it dropped."""

    def __init__(self, line: HttpLine, head: Head) -> None:
        """Raises BadRequest where the head does not say clearly how long it is."""
        length = body_length(head)
        self._line = line
        self._decoder: Sized | Chunked = Chunked() if length is None else Sized(length)
        self._invites = head.expects_continue
        self._over = Ending()
        self._whole = False
        self.came = 0  # bytes of it that were on the line, without the framing of chunks
        self.broken = False  # nobody knows where it ends
        self._most = 0  # bytes in one read of the line; 0 is any number
        self._held = False
        self._by_steps = False  # whoever reads it takes what has come, and then waits
        self._take: Callable[[memoryview], None] = _nowhere
        self._end: Callable[[], None] | None = None  # what hears of its end, before `complete`

    @property
    def done(self) -> bool:
        """Whether nothing of it is left on the line."""
        return self._decoder.done

    @property
    def comes(self) -> bool:
        """Whether a client that was not invited yet sends it all the same."""
        return not (self.done or self._invites)

    @property
    def is_droppable(self) -> bool:
        """Whether the connection can go on behind it, when nobody wants what is left.

        Of chunks nobody knows it before they have come.
        """
        if self.done:
            return True
        known = self._decoder.left if isinstance(self._decoder, Sized) else 0
        return not (self.broken or self._invites) and known <= MAX_DROPPED

    async def into(self, file: ReceivedFile, soon: Soon, seen: Seen | None = None) -> None:
        """Write it into a file from the file's `start` on; raises Refused, and BadRequest.

        `seen` is given every piece before it is written.
        """
        receiving = ReceivingFile(file, file.start, None, soon)
        receiving.begin(self)

        def take(view: memoryview) -> None:
            if seen is not None:
                seen(view)
            receiving.took(view)

        self._take, self._end = take, receiving.peer_done
        try:
            await self._run()
        finally:
            await receiving.settled()

    async def read(self, most: int) -> bytes:
        """All of it; Refused(QUOTA) when it has more than `most` bytes, and BadRequest."""
        kept = bytearray()

        def take(view: memoryview) -> None:
            kept.extend(view)
            if len(kept) > most:
                self.fail(Refused(Reason.QUOTA, "", f"a body of more than {most} bytes"))

        self._take = take
        await self._run()
        return bytes(kept)

    async def some(self, take: Seen) -> bool:
        """Give `take` the next bytes that come, at least one; False where none are left.

        Until it is called again, what comes waits on the line. Raises what `take` raises of
        BadRequest, and Refused(ABORTED).
        """
        if self.done:
            return False

        def took(view: memoryview) -> None:
            try:
                take(view)
            except BadRequest as bad:
                self._over.fail(bad)

        self._take, self._end, self._by_steps = took, None, True
        try:
            await self._run()
        finally:
            self._by_steps = False
        return True

    async def drop(self, most: int) -> bool:
        """Read it away, as far as `most` bytes; whether it came to its end.

        A client that waits to be invited is not: it hears the answer, and sends none of it.
        """
        if not self.comes or self.broken:
            return self.done
        left = most

        def take(view: memoryview) -> None:
            nonlocal left
            left -= len(view)
            if left < 0:
                self.fail(Refused(Reason.QUOTA, "", f"more than {most} bytes"))

        self._take, self._end = take, None
        try:
            await self._run()
        except (Refused, BadRequest):
            return False
        return True

    async def _run(self) -> None:
        self._over = Ending()
        held = self._held  # until what others have moved is paid for
        if self._invites and not self.done:
            self._invites = False
            self._line.say(CONTINUE)
        try:
            if self.done:
                self._ended()
            else:
                self._line.receive(self)
                self._line.read_at_most(self._most)
                if held:
                    self.hold(held=True)
            await self._over
        finally:
            self._line.received()
            self._take, self._end = _nowhere, None  # they know us: nothing would be freed at once

    # From the line, and from the file.

    def took(self, view: memoryview) -> int:
        """Take bytes of the client: how many of them were the body's."""
        try:
            pieces, used = self._decoder.take(view)
        except BadRequest as bad:
            self.broken = True
            self._over.fail(bad)
            return len(view)
        self.came += sum(map(len, pieces))
        if len(pieces) > MAX_PIECES:
            pieces = [memoryview(b"".join(pieces))]
        for piece in pieces:
            if not self._over.told:
                self._take(piece)
        if self.done:
            self._ended()
        elif self._by_steps and pieces:
            self.complete()
        return used

    def _ended(self) -> None:
        if not (self._whole or self._over.told):
            self._whole = True
            (self._end or self.complete)()

    def lost(self) -> None:
        """Nothing more comes."""
        if not self._whole:
            self.fail(Refused(Reason.ABORTED, "", CUT))

    def hold(self, *, held: bool) -> None:
        """Take nothing more from the client for now, or go on."""
        self._held = held
        self._line.hold(held=held)

    def read_at_most(self, count: int) -> None:
        """Take no more than so many bytes in one read."""
        self._most = count

    def complete(self) -> None:
        """All of it was received, and is where it belongs."""
        self._over.succeed()

    def fail(self, refused: Refused) -> None:
        """The rest is not wanted."""
        self._over.fail(refused)


class Rest:
    """What a client sends behind a request that nobody can understand."""

    def __init__(self, line: HttpLine) -> None:
        self._line = line
        self._left = 0
        self._over = Ending()

    async def drop(self, most: int) -> None:
        """Read it away, as far as `most` bytes, until the client has sent everything."""
        self._left = most
        try:
            self._line.receive(self)
            await self._over
        finally:
            self._line.received()

    def took(self, view: memoryview) -> int:
        """Take bytes of the client, all of them."""
        self._left -= len(view)
        if self._left < 0:
            self._over.succeed()
        return len(view)

    def lost(self) -> None:
        """Nothing more comes."""
        self._over.succeed()
