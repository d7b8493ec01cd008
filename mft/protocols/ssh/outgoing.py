"""Bytes on their way from files to packets: one read, sealed where it lies, and one send."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from mft.core.failure import Refused
from mft.protocols.faults import broke
from mft.protocols.ssh.channels import Channel
from mft.protocols.ssh.status import refusal
from mft.runtime.buffers import room
from mft.runtime.steps import at_once
from mft.session.files import ReceivedFile, SentFile
from mft.session.session import Session
from mft.wire.sftp import responses
from mft.wire.sftp.status import Status

if TYPE_CHECKING:
    from mft.protocols.ssh.hub import Hub

MAX_READING: Final = 8  # reads that a slow disk serves side by side: 2 MiB of buffers a channel

Readable = SentFile | ReceivedFile


class Outgoing:
    """Answers READ. `reply` takes short answers, `resumed` is called when a slow disk is done.

    Replies leave in the order in which they were asked for: OpenSSH's scp cuts a download to what
    came in order. On a slow disk MAX_READING reads run side by side all the same.
    """

    def __init__(
        self,
        hub: "Hub",
        channel: Channel,
        reply: Callable[[bytes], None],
        resumed: Callable[[], None],
        session: Session,
    ) -> None:
        self._hub = hub
        self._channel = channel
        self._reply = reply
        self._resumed = resumed
        self._pace = session.download_pace()
        self._order: deque[_Fetched] = deque()  # what the disk pool works on, the oldest first

    @property
    def reading(self) -> int:
        """How many reads the disk pool works on, or has done out of their turn."""
        return len(self._order)

    def read(self, request: int, file: Readable, offset: int, size: int) -> bool:
        """Answer one READ; False when it must be asked again once the window or the disk allow.

        So it must where the account's bandwidth does not allow it yet.
        """
        channel = self._channel
        if self._pace is not None:
            size = min(size, self._pace.piece)
            if self._pace.hold(self._resumed):
                return False
        if len(self._order) >= MAX_READING or channel.waiting or not channel.window_out:
            return False
        if self._order:
            self._later(request, file, offset, size)
        elif not size:
            self._reply(responses.status(request, Status.EOF))
        elif channel.ready(size + responses.DATA_HEADER):
            self._send(request, file, offset, size)
        elif channel.worth_waiting(size + responses.DATA_HEADER):
            return False
        else:
            self._trickle(request, file, offset, size)
        return True

    def _send(self, request: int, file: Readable, offset: int, size: int) -> None:
        """The quick way: straight from the file into the packets that carry it."""
        channel = self._channel
        batch, release = self._hub.batches.take(channel.packet, channel.peer.transport.sealer)
        try:
            count = file.lane.read_into(batch.rooms(responses.DATA_HEADER, size), offset)
        except Refused as refused:
            release()
            self._reply(self._failed(request, file, offset, size, refused))
            return
        if not isinstance(count, int):
            release()
            self._later(request, file, offset, size)
        elif not count:
            release()
            self._reply(responses.status(request, Status.EOF))
        else:
            batch.head()[: responses.DATA_HEADER] = responses.data_header(request, count)
            channel.send_batch(batch, count + responses.DATA_HEADER, release)
            file.sent(count)
            self._moved(count)

    def _trickle(self, request: int, file: Readable, offset: int, size: int) -> None:
        """The peer's window holds less than the reply: it is read once, and sent as it opens."""
        data = room(size)
        try:
            count = file.lane.read_into([data], offset)
        except Refused as refused:
            self._reply(self._failed(request, file, offset, size, refused))
            return
        if isinstance(count, int):
            self._reply(self._answer(request, file, data[:count]))
            self._moved(count)
        else:
            self._later(request, file, offset, size)

    def _later(self, request: int, file: Readable, offset: int, size: int) -> None:
        self._moved(size)  # now, for others may be read meanwhile
        fetched = _Fetched()
        self._order.append(fetched)
        fetching = at_once(self._fetch(fetched, request, file, offset, size))
        if isinstance(fetching, Deferred):
            fetching.addErrback(lambda failure: broke("a read", failure))

    async def _fetch(
        self, fetched: "_Fetched", request: int, file: Readable, offset: int, size: int
    ) -> None:
        """Read on the disk pool; a disk that waits costs more than the copy."""
        data = room(size)
        reply = responses.status(request, Status.FAILURE)
        count = 0
        try:
            count = await file.lane.read_later([data], offset)
            reply = self._answer(request, file, data[:count])
        except Refused as refused:
            reply = self._failed(request, file, offset, size, refused)
        finally:
            self._moved(count - size)
            fetched.reply = reply
            while self._order and self._order[0].reply is not None:
                self._reply(self._order.popleft().reply or b"")
            self._resumed()

    def _moved(self, count: int) -> None:
        if self._pace is not None:
            self._pace.moved(count)

    def _answer(self, request: int, file: Readable, data: memoryview) -> bytes:
        if not len(data):
            return responses.status(request, Status.EOF)
        file.sent(len(data))
        return responses.data(request, data)

    def _failed(
        self, request: int, file: Readable, offset: int, size: int, refused: Refused
    ) -> bytes:
        file.read_failed(offset, size, refused)
        return refusal(request, refused)


class _Fetched:
    """One read on the disk pool, and its reply once it is there."""

    __slots__ = ("reply",)

    def __init__(self) -> None:
        self.reply: bytes | None = None
