"""The SFTP server of one channel: packets in, answers out, in the order in which they were asked.

WRITE and READ move bytes between packets and files without passing anything else. Everything else
is a coroutine of `requests`; one that has to wait holds back what was asked after it.
"""

from collections import deque
from struct import Struct
from struct import error as struct_error
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Malformed, Reason, Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.faults import broke
from mft.protocols.incoming import Incoming
from mft.protocols.ssh import requests
from mft.protocols.ssh.channels import MAX_WAITING, Channel
from mft.protocols.ssh.outgoing import Outgoing
from mft.protocols.ssh.status import refusal
from mft.runtime.steps import at_once
from mft.session.files import ReceivedFile, SentFile
from mft.session.session import Session
from mft.wire.sftp import packets, responses
from mft.wire.sftp.framing import MAX_DATA, check_length
from mft.wire.sftp.status import Status
from mft.wire.ssh.numbers import Code

if TYPE_CHECKING:
    from mft.protocols.ssh.peer import Peer

AT_ONCE: Final = 64  # requests answered in one go before other sessions have their turn
MAX_QUEUED: Final = 1024  # requests that wait; one read of 512 KiB may bring more
MAX_QUEUED_BYTES: Final = 1 << 20  # of the requests that wait
MAX_AHEAD: Final = 8  # times these limits, for a client that does not open its window
MAX_HANDLE: Final = 256  # bytes of a handle (draft-02, section 6.2)

_U32 = Struct(">I")
_read_u32 = _U32.unpack_from
_READ_TAIL = Struct(">QI").unpack_from
_WRITE_HEAD: Final = 5 + 4 + 4  # length, type, id, length of the handle
_WRITE_TAIL = Struct(">QI").unpack_from


class SftpServer:
    """One SFTP session, from INIT to the end of its channel."""

    def __init__(self, peer: "Peer", channel: Channel, session: Session) -> None:
        self.session = session
        self.peer = peer
        self.handles: dict[bytes, requests.Opened] = {}
        self.greeted = False
        self._channel = channel
        self._held = bytearray()  # the start of a packet whose end has not come
        self._queue: deque[tuple[int, bytes]] = deque()  # type and body of what must wait
        self._queued = 0  # bytes of them
        self._running: Deferred[Any] | None = None
        self._answers: list[bytes] = []
        self._in_turn = False
        self._credit = AT_ONCE
        self._incoming = Incoming(
            self._written, self._proceed, lambda failure: broke("a write", failure), session
        )
        self._outgoing = Outgoing(peer.hub, channel, self._reply, self._proceed, session)
        self._write: tuple[int, ReceivedFile | None, Refused | None] | None = None
        self._write_at = 0
        self._write_left = 0
        self._skip = 0  # bytes behind a WRITE's data: some clients send what is in their buffer
        self._next_handle = 0
        self._eof = False
        self._lost = False

    # From the channel.

    def data(self, view: memoryview) -> None:
        """Take bytes; what they ask for is done now, or queued when it must wait."""
        self._in_turn = True
        at, end = 0, len(view)
        while at < end and not self._lost:
            if self._write_left:
                at = self._continue_write(view, at, end)
            elif self._skip:
                skipped = min(self._skip, end - at)
                self._skip -= skipped
                at += skipped
            elif self._held:
                at = self._complete_held(view, at, end)
            else:
                at = self._take(view, at, end)

    def eof(self) -> None:
        """The client is done: so are we, once everything that it asked for was answered."""
        self._eof = True
        self._finish_if_done()

    def _finish_if_done(self) -> None:
        if self._eof and self._free() and not self._incoming.writing and not self._channel.waiting:
            self._channel.finish(0)

    def turn_ended(self) -> None:
        """Write what was borrowed, send what was answered, and let the next turn come or not."""
        self._incoming.flush()
        self._in_turn = False
        self._credit = AT_ONCE
        self._send_answers()
        self._throttle()
        self._finish_if_done()

    def pump(self) -> bool:
        """Serve what waits, one reply of bytes or a handful of small answers at a time."""
        if not self._queue:
            return False
        self._in_turn = True
        served = self._serve_queue()
        self.turn_ended()
        return served

    def lost(self, details: str) -> None:
        """The channel is gone: end what is open, each with its event."""
        self._lost = True
        self._queue.clear()
        self._incoming.flush()
        self.peer.hold(self._channel, self._incoming.full)
        self.peer.finish(self._abort(details))

    async def _abort(self, details: str) -> None:
        if self._running is not None:
            await self._running  # what is being opened is opened, what is committed is committed
        await self._incoming.settled()
        opened, self.handles = self.handles, {}
        for one in opened.values():
            await (one.listing if isinstance(one, requests.OpenListing) else one).abort(details)
        self.session.emit(events.SFTP_CLOSED, p.ClientVersion(self.peer.client_version))

    # Packets out of the stream.

    def _take(self, view: memoryview, at: int, end: int) -> int:
        if end - at < 5:
            self._held += view[at:end]
            return end
        length = check_length(_read_u32(view, at)[0])
        after = at + 4 + length
        kind = view[at + 4]
        if after <= end:
            self._packet(kind, view[at + 5 : after])
            return after
        if kind == packets.WRITE and not self._queue and self._running is None:
            begun = self._begin_write(view, at, end, length)
            if begun:
                return begun
        self._held += view[at:end]
        return end

    def _complete_held(self, view: memoryview, at: int, end: int) -> int:
        held = self._held
        if len(held) < 5:
            more = min(5 - len(held), end - at)
            held += view[at : at + more]
            return at + more
        missing = 4 + check_length(_read_u32(held)[0]) - len(held)
        more = min(missing, end - at)
        held += view[at : at + more]
        if more == missing:
            self._held = bytearray()
            self._packet(held[4], memoryview(held)[5:])
        return at + more

    def _packet(self, kind: int, body: memoryview) -> None:
        if kind == packets.WRITE and self._free():
            if self._whole_write(body):
                return
        elif kind != packets.READ and self._free() and self._credit > 0:
            self._credit -= 1
            self._request(kind, body)
            return
        self._queue.append((kind, bytes(body)))
        self._queued += len(body)

    def _free(self) -> bool:
        return not self._queue and self._running is None and not self._outgoing.reading

    # WRITE.

    def _whole_write(self, body: memoryview) -> bool:
        try:
            request, length = _U32.unpack_from(body)[0], _read_u32(body, 4)[0]
            offset, size = _WRITE_TAIL(body, 8 + length)
        except struct_error:
            return False  # answered by the way of all malformed requests
        start = 20 + length
        if size > len(body) - start:
            return False
        file, refused = self._writable(bytes(body[8 : 8 + min(length, MAX_HANDLE)]))
        if file is None:
            self._answers.append(refusal(request, refused))
        else:
            self._incoming.add(file, offset, body[start : start + size], request)
        return True

    def _begin_write(self, view: memoryview, at: int, end: int, length: int) -> int:
        """Take the part of a WRITE that is here; 0 when not even its header is."""
        if self._outgoing.reading or end - at < _WRITE_HEAD:
            return 0
        request, handle = _read_u32(view, at + 5)[0], _read_u32(view, at + 9)[0]
        start = at + _WRITE_HEAD + handle + 12
        if handle > MAX_HANDLE or end < start:
            return 0
        offset, size = _WRITE_TAIL(view, start - 12)
        behind = length - (start - at - 4) - size
        if behind < 0 or not size:
            return 0  # answered as malformed, or as nothing to do, once it is here
        name = bytes(view[at + _WRITE_HEAD : at + _WRITE_HEAD + handle])
        file, refused = self._writable(name)
        self._write = request, file, refused
        self._write_at, self._write_left, self._skip = offset, size, behind
        return self._continue_write(view, start, end)

    def _continue_write(self, view: memoryview, at: int, end: int) -> int:
        count = min(self._write_left, end - at)
        self._write_left -= count
        if self._write is None:
            return at + count
        request, file, refused = self._write
        last = not self._write_left
        if file is not None:
            self._incoming.add(
                file, self._write_at, view[at : at + count], request if last else None
            )
            self._write_at += count
        elif last:
            self._answers.append(refusal(request, refused or _NO_HANDLE))
        if last:
            self._write = None
        return at + count

    def _writable(self, handle: bytes) -> tuple[ReceivedFile | None, Refused]:
        opened = self.handles.get(handle)
        if not isinstance(opened, ReceivedFile):
            return None, _NO_HANDLE
        return (opened, _NO_HANDLE) if opened.failure is None else (None, opened.failure)

    def _written(self, request: int, failed: Refused | None) -> None:
        if failed is None:
            self._answers.append(responses.status_ok(request))
        else:
            self._answers.append(refusal(request, failed))
        if not self._in_turn:
            self._send_answers()

    # Everything else.

    def _request(self, kind: int, body: memoryview | bytes) -> None:
        """Answer a request, now or when it is done."""
        self._incoming.flush()
        if self._incoming.writing:
            self._queue.appendleft((kind, bytes(body)))
            self._queued += len(body)
            return
        try:
            request = packets.parse_request(kind, body)
        except packets.MalformedRequest as malformed:
            self._malformed(malformed)
            return
        try:
            result = at_once(requests.answer_to(self, request))
        except Exception:
            self._answers.append(self._broke(requests.request_id(request), Failure()))
            return
        if isinstance(result, Deferred):
            self._running = result
            number = requests.request_id(request)
            result.addErrback(lambda failure: self._broke(number, failure))
            result.addCallback(self._finished)
        else:
            self._answers.append(result)

    def _finished(self, reply: bytes) -> None:
        self._running = None
        self._answers.append(reply)
        if not self._in_turn:
            self._proceed()

    def _broke(self, request: int, failure: Failure) -> bytes:
        identity = broke("an SFTP request", failure)
        self.session.emit(events.SFTP_REQUEST_BROKE, p.CommandFailed("sftp", identity))
        return refusal(request, Refused(Reason.BROKEN, "", identity), identity)

    def _malformed(self, malformed: packets.MalformedRequest) -> None:
        self.session.emit(events.SFTP_BROKE, p.Details(str(malformed)))
        if malformed.request_id is None:
            raise Malformed(str(malformed))
        self._answers.append(responses.status(malformed.request_id, Status.BAD_MESSAGE))

    # The queue.

    def _serve_queue(self) -> bool:
        credit, served = AT_ONCE, False
        while self._queue and credit > 0 and self._running is None and not self._incoming.full:
            kind, body = self._queue[0]
            if kind == packets.READ:
                if not self._read(body):
                    break
                self._forget_first()
                return True
            if self._outgoing.reading or len(self._channel.waiting) > MAX_WAITING:
                break
            if kind != packets.WRITE:
                self._incoming.flush()
                if self._incoming.writing:
                    break  # what comes after a write sees what it wrote
            self._forget_first()
            credit -= 1
            served = True
            if kind != packets.WRITE or not self._whole_write(memoryview(body)):
                self._request(kind, body)
        return served

    def _forget_first(self) -> None:
        self._queued -= len(self._queue.popleft()[1])

    def _proceed(self) -> None:
        """Something that was waited for is done: go on where the queue stopped."""
        if self._lost:
            self.peer.hold(self._channel, self._incoming.full)
            return
        self._send_answers()
        self._throttle()
        self._finish_if_done()
        self.peer.wake()

    def _throttle(self) -> None:
        """Stop reading from a client that asks for more than is being done.

        One whose window is used up, or whose part of a key exchange is awaited, must be read on,
        since that comes by the same way; if it goes on asking instead, that is the end.
        """
        channel = self._channel
        if not (self._queue or self._incoming.writing or self._incoming.paced):
            self.peer.hold(channel, False)
            return
        crowded = len(self._queue) > MAX_QUEUED or self._queued > MAX_QUEUED_BYTES
        blocked = bool(channel.waiting) or not channel.window_out or self.peer.transport.exchanging
        if crowded and blocked and len(self._queue) > MAX_AHEAD * MAX_QUEUED:
            self._too_much(len(self._queue), "requests ahead of the window")
        elif crowded and blocked and self._queued > MAX_AHEAD * MAX_QUEUED_BYTES:
            self._too_much(self._queued, "bytes ahead of the window")
        self.peer.hold(channel, self._incoming.full or (crowded and not blocked))

    def _too_much(self, value: int, what: str) -> None:
        self.session.emit(events.LIMIT_REACHED, p.LimitReached(what, value))
        self.peer.transport.end(Code.BY_APPLICATION, "Too many requests at once.")

    def _reply(self, reply: bytes) -> None:
        self._answers.append(reply)

    def _send_answers(self) -> None:
        answers = self._answers
        if answers:
            self._answers = []
            self._channel.write(answers[0] if len(answers) == 1 else b"".join(answers))

    def _read(self, body: bytes) -> bool:
        """Serve one READ; False when its reply must wait for a window or for the disk."""
        try:
            request, length = _read_u32(body)[0], _read_u32(body, 4)[0]
            offset, size = _READ_TAIL(body, 8 + length)
        except struct_error:
            if self._outgoing.reading:
                return False  # answered in its turn
            self._request(packets.READ, body)  # answers that it is malformed
            return True
        file = self.handles.get(body[8 : 8 + length])
        if not isinstance(file, SentFile | ReceivedFile) or not file.reading:
            if self._outgoing.reading:
                return False  # answered in its turn
            self._answers.append(refusal(request, _NO_HANDLE))
            return True
        self._incoming.flush()
        self._send_answers()
        if self._incoming.writing:
            return False
        return self._outgoing.read(request, file, offset, min(size, MAX_DATA))

    # Handles.

    def new_handle(self, opened: requests.Opened) -> bytes:
        """Name what was opened; names are never used again within a session."""
        self._next_handle += 1
        handle = _U32.pack(self._next_handle)
        self.handles[handle] = opened
        if isinstance(opened, ReceivedFile):
            self._incoming.begins()
        return handle


_NO_HANDLE: Final = Refused(Reason.INVALID, "", "no such handle")
