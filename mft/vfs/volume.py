"""A volume: one device, and whether its calls run here or on the disk pool."""

import os
import sys
import time
from collections.abc import Callable
from enum import Enum
from typing import Final, Literal, ParamSpec, TypeVar

from mft.runtime.threads import Blocking
from mft.vfs.base import Usage
from mft.vfs.linux import MEMORY_TYPES, REMOTE_TYPES, storage_type
from mft.vfs.rename import RenameNew, find_rename_new
from mft.vfs.resolve import DIRECTORY, Opener, find_opener
from mft.vfs.sync import DirectorySyncs

P = ParamSpec("P")
T = TypeVar("T")

SLOW_CALL: Final = 0.005  # seconds for an inline call; on a machine with more work than cores
LARGE: Final = 32 << 20  # bytes of a file whose blocks take longer to free than a turn may
STALL: Final = 0.05  # seconds that no busy machine explains: once is enough
SLOW_TWICE: Final = 1.0  # one may be no fault of the disk: a second within so many seconds counts
FAST_AGAIN: Final = 60.0  # seconds of nothing but fast calls on the pool, then inline again
MAX_ROOTS: Final = 4096  # roots of trees whose volume is remembered, about 200 bytes each
Io = Literal["auto", "inline", "threads"]
Clock = Callable[[], float]


class Kind(Enum):
    """What serves a volume, as far as waiting is concerned."""

    LOCAL = "local"
    REMOTE = "remote"  # a network or another process: any call can stall, so it stays in the pool
    MEMORY = "memory"  # tmpfs: no call waits for a device, and there is nothing to sync

    @classmethod
    def of(cls, descriptor: int) -> "Kind":
        """The kind of the storage that an open file lies on."""
        magic = storage_type(descriptor)
        if magic in REMOTE_TYPES:
            return cls.REMOTE
        return cls.MEMORY if magic in MEMORY_TYPES else cls.LOCAL


class Volume:
    """Runs calls on one device: inline while it is fast, on the disk pool otherwise.

    `inline` says which it is now; `nowait` whether RWF_NOWAIT reads are worth asking for. Only
    the reactor's thread may call it.
    """

    __slots__ = (
        "_changed",
        "_clock",
        "_fast_since",
        "_slow_at",
        "_slow_pooled",
        "adaptive",
        "device",
        "disk",
        "inline",
        "kind",
        "nowait",
        "path",
    )

    def __init__(
        self,
        device: int,
        kind: Kind,
        disk: Blocking,
        *,
        path: str = "",
        io: Io = "auto",
        clock: Clock = time.perf_counter,
        changed: "Callable[[Volume, float], None] | None" = None,
    ) -> None:
        self.device = device
        self.kind = kind
        self.disk = disk
        self.path = path  # a real path on it, for the audit trail
        self.adaptive = io == "auto" and kind is Kind.LOCAL
        self.inline = io == "inline" or (io == "auto" and kind is not Kind.REMOTE)
        self.nowait = io != "threads"
        self._clock = clock
        self._changed = changed
        self._fast_since: float | None = None
        self._slow_at = float("-inf")
        # A thread that returns may have to wait for the interpreter, twice at worst.
        self._slow_pooled = SLOW_CALL + 2 * sys.getswitchinterval()

    async def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short call where it belongs now; raises what it raises."""
        if not self.inline:
            return await self.pooled(call, *args, **kwargs)
        began = self._clock()
        try:
            return call(*args, **kwargs)
        finally:
            took = self._clock() - began
            if took > SLOW_CALL:
                self.took(took)

    async def freeing(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that may free the blocks of a large file: on the pool, whatever the volume.

        Freeing a gigabyte takes a tenth of a second of the processor, in memory as on a disk, and
        tells nothing of how fast the volume is.
        """
        return await self.disk(call, *args, **kwargs)

    async def pooled(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call on the disk pool, and learn from how long it took."""
        took = 0.0
        clock = self._clock

        def timed() -> T:  # in the pool's thread
            nonlocal took
            began = clock()
            try:
                return call(*args, **kwargs)
            finally:
                took = clock() - began

        try:
            return await self.disk(timed)
        finally:
            if self.adaptive and not self.inline:
                self._took_pooled(took)

    async def sync(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that syncs: always on the pool, save where memory is all there is."""
        if self.kind is Kind.MEMORY and self.inline:
            return call(*args, **kwargs)
        return await self.disk(call, *args, **kwargs)

    def took(self, seconds: float) -> None:
        """Learn how long an inline call took; a second slow one, or a stall, moves to the pool."""
        if seconds > SLOW_CALL and self.adaptive and self.inline:
            now = self._clock()
            slow_again = now - self._slow_at <= SLOW_TWICE + seconds or seconds > STALL
            self._slow_at = now
            if slow_again:
                self.inline = False
                self._fast_since = None
                self._tell(seconds)

    def clock(self) -> float:
        """Now, in the seconds that `took` is told in."""
        return self._clock()

    def _took_pooled(self, seconds: float) -> None:
        now = self._clock()
        if seconds > self._slow_pooled:
            self._fast_since = None
        elif self._fast_since is None:
            self._fast_since = now - seconds
        elif now - self._fast_since >= FAST_AGAIN:
            self.inline = True
            self._tell(seconds)

    def _tell(self, seconds: float) -> None:
        if self._changed is not None:
            self._changed(self, seconds)


class Volumes:
    """Every volume in use, and what all of them share; one object for the whole process.

    `changed(volume, seconds)` is told when a volume moves to the pool or back, with the time of
    the call that decided it.
    """

    def __init__(
        self,
        disk: Blocking,
        *,
        io: Io = "auto",
        clock: Clock = time.perf_counter,
        changed: Callable[[Volume, float], None] | None = None,
        opener: Opener | None = None,
        rename_new: RenameNew | None = None,
    ) -> None:
        self.disk = disk
        self.opener = opener or find_opener()
        self.rename_new = rename_new or find_rename_new()
        self.syncs = DirectorySyncs()
        self._io: Io = io
        self._clock = clock
        self._changed = changed
        self._volumes: dict[int, Volume] = {}  # as many as the machine has mounts
        self._roots: dict[str, Volume] = {}  # where trees were opened before

    async def root(self, path: str) -> tuple[int, Volume]:
        """Open the root of a tree: its handle and its volume; raises OSError.

        The first time on the disk pool, later where the calls of that volume run.
        """
        known = self._roots.get(path)
        run: Blocking = self.disk if known is None else known
        descriptor, device, kind = await run(open_root, path)
        volume = self.meet(device, kind, path)
        if volume is not known:
            if len(self._roots) >= MAX_ROOTS:
                self._roots.clear()
            self._roots[path] = volume
        return descriptor, volume

    def on(self, device: int) -> Volume | None:
        """The volume of a device (`st_dev`) that has been met before."""
        return self._volumes.get(device)

    def meet(self, device: int, kind: Kind, path: str) -> Volume:
        """The volume of a device, made when it is met for the first time."""
        volume = self._volumes.get(device)
        if volume is None:
            volume = self._volumes[device] = Volume(
                device,
                kind,
                self.disk,
                path=path,
                io=self._io,
                clock=self._clock,
                changed=self._changed,
            )
        return volume

    def of(self, descriptor: int, path: str) -> Volume:
        """The volume that an open file lies on; asks the system only for a new device."""
        device = os.fstat(descriptor).st_dev
        return self._volumes.get(device) or self.meet(device, Kind.of(descriptor), path)


def usage_of(descriptor: int) -> Usage:
    """The room on the volume that an open file lies on; raises OSError."""
    room = os.fstatvfs(descriptor)
    return Usage(
        block_size=room.f_frsize,
        blocks=room.f_blocks,
        free_blocks=room.f_bfree,
        available_blocks=room.f_bavail,
        files=room.f_files,
        free_files=room.f_ffree,
        max_name=room.f_namemax,
    )


def open_root(root: str) -> tuple[int, int, Kind]:
    """Open the root of a tree: its handle, its device, its kind; raises OSError."""
    descriptor = os.open(root, DIRECTORY | os.O_CLOEXEC)
    try:
        return descriptor, os.fstat(descriptor).st_dev, Kind.of(descriptor)
    except OSError:
        os.close(descriptor)
        raise
