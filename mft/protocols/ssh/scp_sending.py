"""The bytes of one file on their way to an scp client: as many as were announced, come what may."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from mft.core.failure import Refused
from mft.protocols.faults import broke
from mft.protocols.ssh.channels import Channel
from mft.runtime.buffers import room
from mft.runtime.ssh_batches import BATCH
from mft.runtime.steps import at_once
from mft.session.files import SentFile

if TYPE_CHECKING:
    from mft.protocols.ssh.hub import Hub

BLOCK: Final = BATCH - 64  # bytes of a file in one go


class Sending:
    """One file being sent. `moved` is called when all of it is out, or a slow disk has answered."""

    def __init__(
        self, hub: "Hub", channel: Channel, file: SentFile, moved: Callable[[], None]
    ) -> None:
        self.cut = False  # the file became shorter than was announced
        self._hub = hub
        self._channel = channel
        self._file = file
        self._moved = moved
        self._at = 0
        self._left = file.entry.size
        self._fetching = False
        self._pace = file.session.download_pace()
        self._most = BLOCK if self._pace is None else min(BLOCK, self._pace.piece)

    @property
    def done(self) -> bool:
        """Whether every byte is out, and nothing reads any more."""
        return not self._left and not self._fetching

    def stop(self) -> None:
        """Send no more."""
        self._left = 0
        if self._pace is not None:
            self._pace.stop()

    def pump(self) -> bool:
        """Send the next block; whether anything was sent."""
        size = self._room()
        if not size or (self._pace is not None and self._pace.hold(self._moved)):
            return False
        channel = self._channel
        batch, release = self._hub.batches.take(channel.packet, channel.peer.transport.sealer)
        try:
            count = self._file.lane.read_into(batch.rooms(0, size), self._at)
        except Refused as refused:
            release()
            self._failed(size, refused)
            return True
        if not isinstance(count, int):
            release()
            self._fetch_later(size)
            return False
        if not count:
            release()
            self._fill()
        else:
            channel.send_batch(batch, count, release)
            self._sent(count)
        return True

    def _room(self) -> int:
        """How much may be sent now."""
        size = min(self._left, self._most)
        channel = self._channel
        if not size or self._fetching or channel.ready(size):
            return 0 if self._fetching else size
        if channel.waiting or channel.worth_waiting(size):
            return 0
        return min(size, channel.window_out)

    def _fetch_later(self, size: int) -> None:
        self._fetching = True
        fetching = at_once(self._fetch(size))
        if isinstance(fetching, Deferred):
            fetching.addErrback(lambda failure: broke("a read", failure))

    async def _fetch(self, size: int) -> None:
        """Read on the disk pool; a disk that waits costs more than the copy."""
        data = room(size)
        try:
            count = await self._file.lane.read_later([data], self._at)
            if self._left and count:
                self._channel.write(bytes(data[:count]))
                self._sent(count)
            elif self._left:
                self._fill()
        except Refused as refused:
            self._failed(size, refused)
        finally:
            self._fetching = False
            self._moved()

    def _sent(self, count: int) -> None:
        self._file.sent(count)
        if self._pace is not None:
            self._pace.moved(count)
        self._move(count)

    def _failed(self, size: int, refused: Refused) -> None:
        self._file.read_failed(self._at, size, refused)
        self._fill()

    def _fill(self) -> None:
        """The client was promised more bytes than there are: it gets zeros, and is told."""
        self.cut = True
        filling = min(self._left, self._most)
        if self._pace is not None:
            self._pace.moved(filling)
        self._channel.write(bytes(filling))
        self._move(filling)

    def _move(self, count: int) -> None:
        self._at += count
        self._left -= count
        if not self._left:
            self._moved()
