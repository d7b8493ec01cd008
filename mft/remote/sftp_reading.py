"""Bytes of a remote file, read ahead of who wants them."""

from collections import deque
from typing import Final, Literal

from mft.core.failure import Reason, Refused
from mft.remote.sftp_open import change_open, open_entry, rest, under_way
from mft.remote.sftp_session import SftpSession
from mft.remote.sftp_waiting import Fetch
from mft.runtime.bell import Bell
from mft.vfs.base import LATER, Attributes, Buffers, Entry, Later

SHORT: Final = 4 << 10  # bytes; a server that gives less at a time, and not the end, gives crumbs
MAX_CRUMBS: Final = 1000  # of one file; more is refused, for it would have no end


class ReadLane:
    """A remote file that is read in order; `size` is what the server said that it has."""

    def __init__(self, session: SftpSession, handle: bytes, size: int, subject: str) -> None:
        self.subject = subject
        self._session = session
        self._handle = handle
        self._size: int | None = size
        self._at = 0  # the offset that is wanted next
        self._asked = 0  # the first that was not asked for
        self._order: deque[Fetch] = deque()
        self._piece = session.served.read
        self._crumbs = 0
        self._bell = Bell()
        self._closed = False

    def fileno(self) -> int | None:
        """There is none."""
        return None

    def read_into(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Fill the views from what has come; LATER if any of it has not."""
        self._go_to(offset)
        self._ask_ahead()
        wanted = sum(len(view) for view in views)
        if not self._has(wanted):
            return LATER
        return self._copy(views)

    async def read_later(self, views: Buffers, offset: int) -> int:
        """Fill the views, waiting for the server."""
        self._go_to(offset)
        left = list(views)
        total = 0
        while left:
            self._ask_ahead()
            copied = self._copy(left)
            total += copied
            left = rest(left, copied)
            if not left or self._ended():
                break
            if not copied:
                await self._bell.rung()
        return total

    def write_from(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """It was opened for reading."""
        raise Refused(Reason.UNSUPPORTED, self.subject)

    async def write_later(self, views: Buffers, offset: int) -> int:
        """It was opened for reading."""
        raise Refused(Reason.UNSUPPORTED, self.subject)

    async def stat(self) -> Entry:
        """The open file as it is now; its name is empty."""
        return await open_entry(self._session, self._handle, self.subject)

    async def change(self, attributes: Attributes) -> None:
        """Set attributes of the open file."""
        await change_open(self._session, self._handle, attributes, self.subject)

    async def sync(self) -> None:
        """Nothing was written."""

    async def close(self) -> None:
        """Close the file; what is under way is passed over when it comes."""
        if not self._closed:
            self._closed = True
            self._size = 0
            self._drop()
            self._bell.ring()
            self._session.forget(self._handle)

    def came(self, fetch: Fetch, size: int) -> None:
        """An answer has come; a short one that is not the end is asked to go on."""
        if fetch.offset < 0:  # dropped meanwhile
            if fetch.done or fetch.got:
                self._session.buffers.give(fetch.buffer)
            return
        if not fetch.done:
            self._go_on(fetch, size)
        self._bell.ring()

    def _go_on(self, fetch: Fetch, size: int) -> None:
        if size < SHORT:
            self._crumbs += 1
            if self._crumbs > MAX_CRUMBS:
                fetch.lost(Refused(Reason.ABORTED, self.subject, "the server gives it in crumbs"))
                return
        elif size < self._piece:
            self._piece = size  # as much as it gives at a time
        if self._session.alive:
            at = fetch.offset + fetch.got
            self._session.read(fetch, self._handle, at, fetch.length - fetch.got)

    def _go_to(self, offset: int) -> None:
        if self._closed:
            raise Refused(Reason.ABORTED, self.subject, "the file was closed")
        if offset != self._at:
            self._drop()
            self._at = self._asked = offset

    def _drop(self) -> None:
        """Forget what was asked for; its buffers come back with the answers."""
        while self._order:
            fetch = self._order.popleft()
            fetch.offset = -1
            if fetch.done:
                self._session.buffers.give(fetch.buffer)

    def _ask_ahead(self) -> None:
        """Ask for as much as may be under way, and beyond the end once: to see that it is that."""
        if not self._session.alive and not self._order:
            self._session.check()
        if not self._session.alive or (self._order and self._order[-1].failed):
            return
        limit = under_way(self._session)
        while self._asked - self._at < limit and not self._probing():
            length = self._piece
            if self._size is not None and self._asked < self._size:
                length = min(length, self._size - self._asked)
            fetch = Fetch(self, self._asked, length, self._session.buffers.take())
            self._order.append(fetch)
            self._asked += length
            self._session.read(fetch, self._handle, fetch.offset, length)

    def _probing(self) -> bool:
        """Whether everything was asked for that the file should have, and what is behind it."""
        last = self._order[-1] if self._order else None
        if last is None or self._size is None:
            return last is not None and last.end
        if last.offset < self._size:
            return False
        if last.got:  # it has more than the server said
            self._size = None
        return not last.got

    def _has(self, wanted: int) -> bool:
        for fetch in self._order:
            if not fetch.done:
                return False
            if fetch.end or fetch.failed:
                return True
            wanted -= fetch.offset + fetch.got - max(self._at, fetch.offset)
            if wanted <= 0:
                return True
        return False

    def _ended(self) -> bool:
        """Whether nothing comes after what was copied."""
        if not self._order:
            return False
        first = self._order[0]
        return first.done and first.end and self._at == first.offset + first.got

    def _copy(self, views: Buffers) -> int:
        """Copy what is there, in order, as far as the views go."""
        total = 0
        for view in views:
            at = 0
            while at < len(view):
                count = self._copy_some(view[at:])
                if not count:
                    return total
                at += count
                total += count
        return total

    def _copy_some(self, view: memoryview) -> int:
        while self._order:
            fetch = self._order[0]
            start = self._at - fetch.offset
            count = min(fetch.got - start, len(view))
            if count > 0:
                view[:count] = fetch.buffer[start : start + count]
                self._at += count
                return count
            if fetch.failed is not None:
                raise fetch.failed
            if not fetch.done or fetch.end:
                return 0
            self._session.buffers.give(self._order.popleft().buffer)
        return 0
