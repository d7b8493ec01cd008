"""Who waits for an answer of an SFTP server, and what happens to it."""

from typing import Final, NamedTuple, Protocol

from twisted.internet.defer import Deferred

from mft.core.failure import Malformed, Reason, Refused
from mft.remote.base import REPLY_TIMEOUT
from mft.remote.sftp_refusal import refusal
from mft.wire.sftp import responses
from mft.wire.sftp.status import Status

_UNANSWERED: Final = Refused(Reason.ABORTED, "", "there was no answer")


class Waiting(Protocol):
    """Who waits for one answer."""

    patience: float  # seconds

    def answered(self, kind: int, body: memoryview) -> None:
        """The answer, its id before the rest; good until this returns. Raises Malformed."""

    def lost(self, refused: Refused) -> None:
        """There will be none."""


class Answer(NamedTuple):
    """An answer as it came: its type, and what is in it from its id on."""

    kind: int
    body: bytes


class Fetched(Protocol):
    """Who reads a file piece by piece."""

    subject: str

    def came(self, fetch: "Fetch", size: int) -> None:
        """An answer has come: so many bytes, or what else the piece says now."""


class Fetch:
    """One piece of a file that was asked for."""

    __slots__ = ("_lane", "buffer", "done", "end", "failed", "got", "length", "offset", "patience")

    def __init__(self, lane: Fetched, offset: int, length: int, buffer: memoryview) -> None:
        self.offset = offset
        self.length = length
        self.buffer = buffer
        self.got = 0
        self.done = False
        self.end = False  # the file ends behind what is here
        self.failed: Refused | None = None
        self.patience = REPLY_TIMEOUT
        self._lane = lane

    def room(self, size: int) -> memoryview:
        """Where `size` bytes of DATA go as they come; raises Malformed for more than asked for."""
        if size > self.length - self.got:
            raise Malformed(f"{size} bytes where {self.length - self.got} were asked for")
        return self.buffer[self.got : self.got + size]

    def filled(self, size: int) -> None:
        """They are there."""
        self.got += size
        self.done = self.got == self.length
        self._lane.came(self, size)

    def answered(self, kind: int, body: memoryview) -> None:
        """It is the end, or cannot be read."""
        reply = responses.parse_reply(kind, body)
        if not isinstance(reply, responses.StatusReply):
            raise Malformed(f"an answer of type {kind} to READ")
        if reply.code == Status.EOF:
            self.done = self.end = True
            self._lane.came(self, 0)
        else:
            self.lost(refusal(reply, self._lane.subject))

    def lost(self, refused: Refused) -> None:
        """It will not come."""
        self.failed = refused
        self.done = True
        self._lane.came(self, 0)


class Forgetting(Protocol):
    """Closes what nobody waits for any more."""

    def forget(self, handle: bytes) -> None:
        """Close a handle without waiting."""


class Asked:
    """One request that a coroutine waits for."""

    __slots__ = ("_session", "done", "patience")

    def __init__(self, session: Forgetting, patience: float) -> None:
        self.done: Deferred[responses.Reply] = Deferred()
        self.patience = patience
        self._session = session

    def answered(self, kind: int, body: memoryview) -> None:
        """Hand the answer on; a handle that nobody waits for any more is closed."""
        reply = responses.parse_reply(kind, bytes(body))
        if not self.done.called:
            self.done.callback(reply)
        elif isinstance(reply, responses.HandleReply):
            self._session.forget(reply.handle)

    def lost(self, refused: Refused) -> None:
        """Hand on why there is no answer."""
        if not self.done.called:
            self.done.errback(refused)


class Together:
    """Requests that leave together, whose ids follow one another; who asked wakes up once for all.

    None of them may open anything: nobody would close it where nobody waits any more.
    """

    __slots__ = ("_answers", "_first", "_left", "done", "patience")

    def __init__(self, first: int, count: int) -> None:
        self.done: Deferred[list[responses.Reply | Refused]] = Deferred()
        self.patience = REPLY_TIMEOUT
        self._first = first
        self._left = count
        self._answers: list[responses.Reply | Refused] = [_UNANSWERED] * count

    def answered(self, kind: int, body: memoryview) -> None:
        """Keep one answer; the last hands on all of them."""
        number = int.from_bytes(body[:4], "big")
        self._answers[(number - self._first) & 0xFFFFFFFF] = responses.parse_reply(
            kind, bytes(body)
        )
        self._left -= 1
        if not self._left:
            self._hand_on()

    def lost(self, refused: Refused) -> None:
        """Those that are still to come are this instead."""
        self._answers = [refused if one is _UNANSWERED else one for one in self._answers]
        self._hand_on()

    def _hand_on(self) -> None:
        if not self.done.called:
            self.done.callback(self._answers)


class Unread:
    """One request whose answer is parsed by who waits for it, in a turn of its own if need be.

    Answers that bring much, such as a part of a long folder, come several at a time.
    """

    __slots__ = ("done", "patience")

    def __init__(self) -> None:
        self.done: Deferred[Answer] = Deferred()
        self.patience = REPLY_TIMEOUT

    def answered(self, kind: int, body: memoryview) -> None:
        """Hand the answer on as it is."""
        if not self.done.called:
            self.done.callback(Answer(kind, bytes(body)))

    def lost(self, refused: Refused) -> None:
        """Hand on why there is no answer."""
        if not self.done.called:
            self.done.errback(refused)


class Forgotten:
    """A CLOSE whose answer nobody waits for."""

    patience = REPLY_TIMEOUT

    def answered(self, kind: int, body: memoryview) -> None:
        """Whatever it is."""

    def lost(self, refused: Refused) -> None:
        """It is closed by that."""


def copied(views: list[memoryview], rooms: list[memoryview]) -> None:
    """Copy all of the views into rooms of the same length together."""
    at, room, left = 0, rooms[0], len(rooms[0])
    index = 0
    for view in views:
        start, end = 0, len(view)
        while start < end:
            if not left:
                index += 1
                room, left, at = rooms[index], len(rooms[index]), 0
            count = min(left, end - start)
            room[at : at + count] = view[start : start + count]
            start += count
            at += count
            left -= count
