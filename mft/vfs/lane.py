"""The lane of an open file: its bytes, moved without waiting; or on the disk pool."""

import errno
import os
import stat
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final, Literal, TypeVar

from mft.core.failure import Reason, Refused
from mft.runtime.buffers import room
from mft.vfs.base import LATER, Attributes, Buffers, Entry, Later
from mft.vfs.refusal import refusal
from mft.vfs.volume import LARGE, SLOW_CALL, Volume

T = TypeVar("T")

IOV_MAX: Final = 1024  # views in one call (limits.h on Linux); more are moved by further calls
PROBED: Final = 256 << 10  # bytes of which one tells whether they are in the page cache
_PROBE: Final = (bytearray(1),)  # what is read into it is never looked at
FETCH: Final = 128 << 10  # bytes read at once into the page cache; one buffer per fetch
RWF_NOWAIT: Final[int] = getattr(os, "RWF_NOWAIT", 0)
PERMISSION_BITS: Final = 0o777  # what a client may set: never setuid, setgid, sticky
_NO_NOWAIT: Final = frozenset({errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})


class FileLane:
    """A `Lane` over a descriptor, which it closes; only the reactor's thread may call it.

    `limit` is the largest size that the file may reach, in bytes; 0 is none. After a write has
    failed, `broken` says why, and every later write fails alike.
    """

    __slots__ = (
        "_closing",
        "_descriptor",
        "_flying",
        "_least_mode",
        "_limit",
        "_subject",
        "_volume",
        "broken",
        "mode",
    )

    def __init__(
        self, descriptor: int, volume: Volume, subject: str, limit: int = 0, least_mode: int = 0
    ) -> None:
        self.broken: Refused | None = None
        self.mode: int | None = None  # the permission bits that `change` asked for
        self._descriptor = descriptor
        self._volume = volume
        self._subject = subject
        self._limit = limit
        self._least_mode = least_mode  # bits that stay while an upload is not committed
        self._flying = 0  # calls on the disk pool that hold the descriptor
        self._closing = -1

    def fileno(self) -> int | None:
        """The descriptor for sendfile, or None while this volume is read on the pool only."""
        volume = self._volume
        return self._descriptor if volume.inline or (volume.nowait and RWF_NOWAIT) else None

    def ready(self, offset: int, size: int) -> bool:
        """Whether sendfile of these bytes would not wait; else await `fetch` first.

        One byte of each PROBED is looked at, and the last: what is evicted goes in larger pieces.
        """
        if not (self._volume.nowait and RWF_NOWAIT):
            return True
        last = offset + size - 1
        try:
            for at in (*range(offset, last, PROBED), last):
                os.preadv(self._descriptor, _PROBE, at, RWF_NOWAIT)
        except BlockingIOError:
            return False
        except OSError as error:
            self._doubt(error)
        return True

    async def fetch(self, offset: int, size: int) -> None:
        """Read bytes into the page cache on the disk pool."""
        await self._held(self._volume.pooled(_fetch, self._descriptor, offset, size))

    def read_into(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Fill the views from memory, or up to the end; LATER if any of it is not there."""
        volume = self._volume
        if volume.nowait and RWF_NOWAIT:
            try:
                return _read(self._descriptor, views, offset, RWF_NOWAIT)
            except BlockingIOError:
                return LATER
            except OSError as error:
                self._doubt(error)
        if not volume.inline:
            return LATER
        began = volume.clock()
        try:
            return _read(self._descriptor, views, offset)
        except OSError as error:
            raise refusal(error, self._subject) from None
        finally:
            took = volume.clock() - began
            if took > SLOW_CALL:
                volume.took(took)

    async def read_later(self, views: Buffers, offset: int) -> int:
        """Read on the disk pool."""
        return await self._held(self._volume.pooled(_read, self._descriptor, views, offset))

    def write_from(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Write every byte; Refused(QUOTA) past the limit, Refused(NO_SPACE) on a full disk."""
        volume = self._volume
        if not volume.inline:
            return LATER
        wanted = self._admit(views, offset)
        began = volume.clock()
        try:
            written = os.pwritev(self._descriptor, views[:IOV_MAX], offset)
            if written < wanted:
                _write(self._descriptor, views, offset, written)
        except (OSError, OverflowError) as error:
            raise self._break(error) from None
        took = volume.clock() - began
        if took > SLOW_CALL:
            volume.took(took)
        return wanted

    async def write_later(self, views: Buffers, offset: int) -> int:
        """Write every byte on the disk pool."""
        wanted = self._admit(views, offset)
        try:
            await self._held(self._volume.pooled(_write, self._descriptor, views, offset, 0))
        except Refused as refused:
            self.broken = self.broken or refused
            raise
        return wanted

    async def stat(self) -> Entry:
        """The open file as it is now; its name is empty."""
        status = await self._held(self._volume(os.fstat, self._descriptor))
        return entry("", status, status.st_ctime_ns)

    async def change(self, attributes: Attributes) -> None:
        """Set attributes; Refused(UNSUPPORTED) for another owner, Refused(QUOTA) past the limit."""
        if attributes.size is not None and 0 < self._limit < attributes.size:
            raise self._over(attributes.size)
        # A new size may free blocks.
        volume = self._volume if attributes.size is None else self._volume.freeing
        running = volume(change, self._opened(), attributes, self._least_mode)
        await self._held(running)
        if attributes.mode is not None:
            self.mode = attributes.mode & PERMISSION_BITS

    async def sync(self) -> None:
        """Put every byte on the disk; a failure breaks the lane."""
        try:
            await self._held(self._volume.sync(os.fsync, self._opened()))
        except Refused as refused:
            self.broken = self.broken or refused
            raise

    @property
    def idle(self) -> bool:
        """Whether no call on the disk pool holds the descriptor."""
        return not self._flying

    @property
    def descriptor(self) -> int:
        """The descriptor, or -1 when the lane is closed."""
        return self._descriptor

    async def close(self) -> None:
        """Close, as soon as the last call on the disk pool is done; more calls are refused."""
        if self._descriptor >= 0:
            self._closing, self._descriptor = self._descriptor, -1
        if not self._flying:
            await self._shut()

    def _opened(self) -> int:
        if self._descriptor < 0:
            raise Refused(Reason.DENIED, self._subject, "the file is closed")
        return self._descriptor

    async def _shut(self) -> None:
        closing, self._closing = self._closing, -1
        if closing < 0:
            return
        with suppress(OSError):  # what it could say of lost bytes, a sync has said before
            if self._volume.inline and not _last_and_large(closing):
                os.close(closing)
            else:
                await self._volume.freeing(os.close, closing)

    async def _held(self, running: Awaitable[T]) -> T:
        self._flying += 1
        abandoned = False
        try:
            return await running
        except GeneratorExit:  # the event loop has gone: nothing can be waited for any more
            abandoned = True
            raise
        except (OSError, OverflowError) as error:
            raise refusal(error, self._subject) from None
        finally:
            self._flying -= 1
            if not self._flying and self._closing >= 0 and not abandoned:
                await self._shut()

    def _admit(self, views: Buffers, offset: int) -> int:
        if self.broken is not None:
            raise self.broken
        wanted = sum(map(len, views))
        if self._limit and offset + wanted > self._limit:
            self.broken = self._over(offset + wanted)
            raise self.broken
        return wanted

    def _over(self, size: int) -> Refused:
        details = f"{size} bytes is over the limit of {self._limit}"
        return Refused(Reason.QUOTA, self._subject, details)

    def _break(self, error: OSError | OverflowError) -> Refused:
        if isinstance(error, OverflowError):
            self.broken = Refused(Reason.NO_SPACE, self._subject, "larger than any file can be")
        else:
            self.broken = refusal(error, self._subject)
        return self.broken

    def _doubt(self, error: OSError) -> None:
        # An error that only says that this volume has no RWF_NOWAIT is remembered for all of it.
        if error.errno not in _NO_NOWAIT:
            raise refusal(error, self._subject) from None
        self._volume.nowait = False


class LocalDownload:
    """A `Download` from the disk."""

    __slots__ = ("entry", "lane", "real_path")

    def __init__(self, file: FileLane, found: Entry, real_path: str) -> None:
        self.lane = file
        self.entry = found
        self.real_path = real_path

    async def close(self) -> None:
        """Close the file; calls on the disk pool are waited for."""
        await self.lane.close()


def entry(name: str, status: os.stat_result, changed: int = 0, interrupted: bool = False) -> Entry:
    """What a stat tells, as an entry; listings leave `changed` out, which takes time to ask for."""
    return tuple.__new__(
        Entry,
        (
            name,
            status[0],
            status[6],
            status[8],
            status[7],
            status[4],
            status[5],
            status[3],
            status[1],
            changed,
            interrupted,
        ),
    )


def change(target: int | str, attributes: Attributes, least_mode: int = 0) -> None:
    """Set attributes of a descriptor, or of a path that is one; raises OSError and Refused.

    A new size needs a descriptor that is open for writing.
    """
    status = os.stat(target)
    for wanted, present in ((attributes.uid, status.st_uid), (attributes.gid, status.st_gid)):
        if wanted is not None and wanted != present:
            raise Refused(Reason.UNSUPPORTED, "", "files have the owner that the server gives them")
    if attributes.size is not None:
        os.truncate(target, attributes.size)
    if attributes.mode is not None:
        kept = status.st_mode & 0o7000 if stat.S_ISDIR(status.st_mode) else 0
        os.chmod(target, (attributes.mode & PERMISSION_BITS) | kept | least_mode)
    if attributes.accessed is not None or attributes.modified is not None:
        os.utime(target, ns=_times(attributes, status))


def _times(attributes: Attributes, status: os.stat_result) -> tuple[int, int]:
    accessed, modified = attributes.accessed, attributes.modified
    return (
        status.st_atime_ns if accessed is None else accessed * 1_000_000_000,
        status.st_mtime_ns if modified is None else modified * 1_000_000_000,
    )


def _read(descriptor: int, views: Buffers, offset: int, flags: int = 0) -> int:
    """Fill the views, in as many calls as it takes; less than all is the end of the file.

    With RWF_NOWAIT one call gives the pages in memory up to the first that is not, which must not
    look like all there is: what clients ask for next they take in no order.
    """
    wanted = sum(map(len, views))
    done = 0
    try:
        done = count = os.preadv(descriptor, views[:IOV_MAX], offset, flags)
        while count and done < wanted:
            count = os.preadv(descriptor, _rest(views, done)[:IOV_MAX], offset + done, flags)
            done += count
    except OverflowError:  # past the end of any file
        pass
    return done


def _write(descriptor: int, views: Buffers, offset: int, written: int) -> None:
    """Write all views at `offset`, of which `written` bytes are there already."""
    rest = _rest(views, written)
    offset += written
    while rest:  # each call writes at least one byte, or raises
        count = os.pwritev(descriptor, rest[:IOV_MAX], offset)
        if count == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = _rest(rest, count)
        offset += count


def _rest(views: Buffers, written: int) -> list[memoryview]:
    rest = []
    for view in views:
        if written >= len(view):
            written -= len(view)
            continue
        rest.append(view[written:] if written else view)
        written = 0
    return rest


def _fetch(descriptor: int, offset: int, size: int) -> None:
    scratch = room(min(size, FETCH))
    end = offset + size
    while offset < end:
        count = os.preadv(descriptor, [scratch], offset)
        if not count:
            return
        offset += count


def _last_and_large(descriptor: int) -> bool:
    """Whether closing frees a large file: nothing else names it."""
    status = os.fstat(descriptor)
    return status.st_nlink == 0 and status.st_size > LARGE
