"""An SFTP session that we lead (draft-ietf-secsh-filexfer-02): requests out, answers by their ids.

Many requests are under way at a time. Bytes of files pass from packets into the buffers of those
who asked; everything else is parsed when it has come whole.
"""

from struct import Struct
from typing import Any, Final, NamedTuple, TypeVar

from twisted.internet.defer import Deferred

from mft.core.failure import Malformed, Refused
from mft.remote.base import REPLY_TIMEOUT
from mft.remote.sftp_refusal import good
from mft.remote.sftp_waiting import (
    Answer,
    Asked,
    Fetch,
    Forgotten,
    Together,
    Unread,
    Waiting,
    copied,
)
from mft.remote.ssh_connection import SshConnection
from mft.runtime.bell import Bell
from mft.runtime.buffers import Buffers
from mft.wire.sftp import packets, responses
from mft.wire.sftp.extended import Limits
from mft.wire.sftp.framing import MAX_DATA, check_length

LEAST_LIMIT: Final = 1024  # bytes of a read or write; a server that takes less is not believed
MAX_HANDLE: Final = 256  # bytes (draft-02, section 6.2)
MEASURED: Final = 0.1  # seconds for which the length of the way is believed; it costs a call
LOOKS: Final = 4  # how often within REPLY_TIMEOUT it is looked at what was not answered
KEPT: Final = 4 << 20  # bytes of free buffers of reads that a session keeps
FEW: Final = 16 << 10  # bytes of a WRITE that are copied once more, to save a packet
WRITE_HEAD: Final = 25  # bytes of a WRITE before its data, without the handle
READ_HEAD: Final = responses.DATA_HEADER

_U32 = Struct(">I")
_read_u32 = _U32.unpack_from
_read_head = Struct(">IBII").unpack_from
_pack_read = Struct(">QI").pack
_pack_head = Struct(">IBII").pack
_pack_write = Struct(">QI").pack

R = TypeVar("R")


class Served(NamedTuple):
    """What the server told of itself."""

    extensions: dict[bytes, bytes]
    read: int  # bytes of one READ
    write: int
    handles: int  # that may be open at a time; 0 where it does not say


class SftpSession:
    """The requests of one connection."""

    def __init__(self, reactor: Any, connection: SshConnection, payload: int) -> None:
        self.connection = connection
        self.channel = connection.channel
        self.served = Served({}, payload, payload, 0)
        self.buffers = Buffers(payload, KEPT // payload)
        self._reactor = reactor
        self._payload = payload
        self._version: dict[bytes, bytes] | None = None
        self._bell = Bell()
        self._waiting: dict[int, Waiting] = {}
        self._next = 0
        self._held = bytearray()  # the start of an answer whose end has not come
        self._filling: Fetch | None = None
        self._room = memoryview(b"")
        self._filled = 0
        self._skip = 0  # bytes behind a DATA's data
        self._writers: list[Bell] = []
        self._timer: Any = None
        self._oldest = (-1, 0.0)  # the request that waits longest, and since when it is that
        self._lost: Refused | None = None
        self._way = (0.0, float("-inf"))  # how long it is, and when that was measured

    # The beginning and the end.

    async def begin(self) -> None:
        """Open the session and learn what the server can; raises Refused."""
        self.channel.endpoint = self
        self.connection.tell_end(self._lose)
        await self.connection.open("sftp", packets.encode_request(packets.Init(3)))
        await self.connection.in_time("begin an SFTP session", self._greeted())
        if b"limits@openssh.com" in (self._version or {}):
            await self._learn_limits()

    async def _greeted(self) -> None:
        while self._version is None:
            if self._lost is not None:
                raise self._lost
            await self._bell.rung()
        self.served = self.served._replace(extensions=self._version)

    async def _learn_limits(self) -> None:
        reply = await self.ask(Limits)
        if not isinstance(reply, responses.ExtendedReply):
            return
        packet, read, write, handles = self.parsed(lambda: responses.read_limits(reply.body))
        # What holds for a packet holds for what is in it; 0 is "not said".
        whole = max(packet - 1024, 0) or MAX_DATA
        self.served = self.served._replace(
            read=max(min(read or self._payload, whole, MAX_DATA), LEAST_LIMIT),
            write=max(min(write or self._payload, whole, MAX_DATA), LEAST_LIMIT),
            handles=handles,
        )
        self.buffers = Buffers(self.served.read, KEPT // self.served.read)

    def parsed(self, read: Any) -> Any:
        """What a reader of an answer's body gives; bytes that it cannot read end the session."""
        try:
            return read()
        except Malformed as problem:
            raise self.broken(str(problem)) from None

    def broken(self, problem: str) -> Refused:
        """End the connection with a server that answers what it must not; the refusal to raise."""
        transport = self.connection.transport
        refused = transport.refused(f"the server breaks the protocol: {problem}")
        transport.end(refused)
        return refused

    @property
    def alive(self) -> bool:
        """Whether requests can be made."""
        return self._lost is None and self.connection.transport.alive

    def check(self) -> None:
        """Raise why the session has ended, if it has."""
        if not self.alive:
            raise self._ended()

    def _ended(self) -> Refused:
        failure = self._lost or self.connection.transport.failure
        details = "the connection has ended" if failure is None else failure.details
        return self.connection.transport.refused(details)

    def _lose(self, refused: Refused) -> None:
        self._lost = refused
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        filling, self._filling = self._filling, None
        waiting, self._waiting = self._waiting, {}
        told = self.connection.transport.refused(refused.details)
        for one in (*waiting.values(), *(() if filling is None else (filling,))):
            one.lost(told)
        self._bell.ring()
        self.widened()

    def round_trip(self) -> float:
        """Seconds to the server and back, as they were just now."""
        now = self._reactor.seconds()
        if now - self._way[1] >= MEASURED:
            self._way = self.connection.transport.transport.round_trip(), now
        return self._way[0]

    # Requests.

    async def ask(
        self, make: Any, *fields: Any, subject: str = "", patience: float = REPLY_TIMEOUT
    ) -> responses.Reply:
        """Send one request now and wait for its answer; a STATUS that is not OK is Refused.

        What was looked at just before is then still so, unless keys are exchanged or the window is
        closed: what cannot be undone leaves before this waits.
        """
        self.check()
        asked = Asked(self, patience)
        self._send_now(asked, (make, *fields))
        return good(await asked.done, subject)

    async def ask_together(self, *requests: tuple[Any, ...]) -> list[responses.Reply | Refused]:
        """Send requests, each a kind and its fields, in one packet, and wait for all answers.

        `good` raises what is wrong with one. None of them may open anything.
        """
        if not self.alive:
            return [self._ended()] * len(requests)
        asked = Together(self._next, len(requests))
        self._send_now(asked, *requests)
        return await asked.done

    def _send_now(self, who: Waiting, *requests: tuple[Any, ...]) -> None:
        def write() -> None:
            for make, *fields in requests:
                self.channel.write(packets.encode_request(make(self._enlist(who), *fields)))

        self.connection.transport.transport.send_together(write)

    def start(
        self, make: Any, *fields: Any, patience: float = REPLY_TIMEOUT
    ) -> "Deferred[responses.Reply]":
        """Send one request; several may be under way before the first is waited for."""
        self.check()
        asked = Asked(self, patience)
        number = self._enlist(asked)
        self.channel.write(packets.encode_request(make(number, *fields)))
        return asked.done

    def start_unread(self, make: Any, *fields: Any) -> "Deferred[Answer]":
        """The same for an answer that `read_answer` parses later."""
        self.check()
        asked = Unread()
        number = self._enlist(asked)
        self.channel.write(packets.encode_request(make(number, *fields)))
        return asked.done

    def read_answer(self, answer: Answer) -> responses.Reply:
        """Parse an answer; what cannot be parsed ends the session, and is Refused."""
        reply: responses.Reply = self.parsed(lambda: responses.parse_reply(*answer))
        return reply

    def forget(self, handle: bytes) -> None:
        """Close a handle without waiting."""
        if self.alive:
            number = self._enlist(Forgotten())
            self.channel.write(packets.encode_request(packets.Close(number, handle)))

    def read(self, who: Fetch, handle: bytes, offset: int, length: int) -> None:
        """Ask for bytes of a file."""
        number = self._enlist(who)
        head = _pack_head(21 + len(handle), packets.READ, number, len(handle))
        self.channel.write(head + handle + _pack_read(offset, length))

    def write(
        self, who: Waiting, handle: bytes, offset: int, views: list[memoryview], size: int
    ) -> None:
        """Send bytes of a file; `ready` was asked before. The views are free when this returns.

        Few bytes leave in one packet with what is asked for behind them in this turn.
        """
        channel = self.channel
        number = self._enlist(who)
        length = WRITE_HEAD - 4 + len(handle) + size
        head = _pack_head(length, packets.WRITE, number, len(handle)) + handle
        head += _pack_write(offset, size)
        if size <= FEW:
            channel.write(b"".join((head, *views)))
            return
        batch, release = channel.batch()
        batch.head()[: len(head)] = head
        copied(views, batch.rooms(len(head), size))
        channel.send_batch(batch, len(head) + size, release)

    def ready(self, handle: bytes, size: int, pieces: int = 1) -> bool:
        """Whether so many bytes can be written now, in so many pieces."""
        return self.channel.ready((WRITE_HEAD + len(handle)) * pieces + size)

    def write_size(self, handle: bytes) -> int:
        """How many bytes one WRITE may carry, so that the window lets it pass as a whole."""
        room = self.channel.at_once() - WRITE_HEAD - len(handle)
        return max(min(self.served.write, room), 1)

    async def widening(self) -> None:
        """Wait until more may be sent than now; look again then."""
        bell = Bell()
        self._writers.append(bell)
        await bell.rung()

    def _enlist(self, who: Waiting) -> int:
        number = self._next
        self._next = (number + 1) & 0xFFFFFFFF
        self._waiting[number] = who
        if self._timer is None:
            self._timer = self._reactor.callLater(REPLY_TIMEOUT / LOOKS, self._look)
        return number

    def _look(self) -> None:
        """End the connection when the oldest request has waited for too long."""
        self._timer = None
        if not self._waiting:
            self._oldest = (-1, 0.0)
            return
        now = self._reactor.seconds()
        number, who = next(iter(self._waiting.items()))
        if number != self._oldest[0]:
            self._oldest = (number, now)
        elif now - self._oldest[1] >= who.patience:
            transport = self.connection.transport
            told = f"the server did not answer in {who.patience:g} seconds"
            transport.end(transport.refused(told))
            return
        self._timer = self._reactor.callLater(REPLY_TIMEOUT / LOOKS, self._look)

    # What the channel calls.

    def widened(self) -> None:
        """More can be sent than before."""
        writers, self._writers = self._writers, []
        for bell in writers:
            bell.ring()

    def data(self, view: memoryview) -> None:
        """Take bytes of answers."""
        at, end = 0, len(view)
        while at < end:
            if self._filling is not None:
                at = self._fill(view, at, end)
            elif self._skip:
                skipped = min(self._skip, end - at)
                self._skip -= skipped
                at += skipped
            elif self._held:
                at = self._complete(view, at, end)
            else:
                at = self._take(view, at, end)

    def _take(self, view: memoryview, at: int, end: int) -> int:
        here = end - at
        if here >= READ_HEAD and view[at + 4] == packets.DATA:
            self._begin(view, at)
            return at + READ_HEAD
        if here >= 4:
            after = at + 4 + check_length(_read_u32(view, at)[0])
            if after <= end:
                self._answer(view[at + 4], view[at + 5 : after])
                return after
        self._held += view[at:end]
        return end

    def _complete(self, view: memoryview, at: int, end: int) -> int:
        """Add to an answer in the making what it lacks, first its head."""
        held = self._held
        wanted = 4 if len(held) < 4 else 4 + check_length(_read_u32(held)[0])
        if 4 <= len(held) < READ_HEAD:
            wanted = min(wanted, READ_HEAD)
        more = min(wanted - len(held), end - at)
        held += view[at : at + more]
        if len(held) == wanted and wanted > 4:
            if wanted == READ_HEAD and held[4] == packets.DATA:
                self._held = bytearray()
                self._begin(held, 0)
            elif wanted == 4 + _read_u32(held)[0]:
                self._held = bytearray()
                self._answer(held[4], memoryview(held)[5:])
        return at + more

    def _begin(self, head: memoryview | bytearray, at: int) -> None:
        """The head of a DATA packet: its bytes go to who asked for them."""
        length, _, number, size = _read_head(head, at)
        who = self._waiting.get(number)
        if not isinstance(who, Fetch):
            raise Malformed("DATA that was not asked for")
        behind = check_length(length) - 9 - size
        if behind < 0 or not size:
            raise Malformed(f"DATA of {size} bytes in a packet of {length}")
        self._room = who.room(size)
        del self._waiting[number]
        self._filling = who
        self._filled, self._skip = 0, behind

    def _fill(self, view: memoryview, at: int, end: int) -> int:
        filled, room = self._filled, self._room
        count = min(len(room) - filled, end - at)
        room[filled : filled + count] = view[at : at + count]
        self._filled = filled + count
        if self._filled == len(room):
            who, self._filling = self._filling, None
            if who is not None:
                who.filled(self._filled)
        return at + count

    def _answer(self, kind: int, body: memoryview) -> None:
        if kind == packets.VERSION:
            self._greet(body)
            return
        if self._version is None or len(body) < 4:
            raise Malformed(f"an answer of type {kind} before the version, or without an id")
        number = _read_u32(body)[0]
        who = self._waiting.pop(number, None)
        if who is None:
            raise Malformed("an answer to a request that was not made")
        try:
            who.answered(kind, body)
        except Malformed:
            self._waiting[number] = who  # it hears that there is no answer
            raise

    def _greet(self, body: memoryview) -> None:
        reply = responses.parse_reply(packets.VERSION, body)
        if self._version is not None or not isinstance(reply, responses.VersionReply):
            raise Malformed("a second version")
        if reply.version != packets.VERSION_SPOKEN:
            raise Malformed(f"version {reply.version} of SFTP where 3 was asked for")
        self._version = dict(reply.extensions)
        self._bell.ring()
