"""Storage whose every call waits until the test lets it go."""

from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from twisted.internet.defer import Deferred

from mft.core.failure import Refused
from mft.core.vpath import VPath
from mft.vfs.base import LATER, Attributes, Entry, Existing, Later
from mft.vfs.memory import MemoryFileSystem


class Slowness:
    """What waits, the oldest first. While `slow` is false nothing does."""

    def __init__(self) -> None:
        self.slow = True
        self.waiting: deque[Deferred[None]] = deque()
        self.most = 0  # calls that waited at one time
        self.reads = 0  # that were let go

    async def wait(self) -> None:
        """Wait to be let go."""
        if self.slow:
            self.waiting.append(Deferred())
            self.most = max(self.most, len(self.waiting))
            await self.waiting[-1]

    def let_go(self, *, last: bool = False) -> None:
        """Let one call go on: the oldest, or the latest."""
        (self.waiting.pop() if last else self.waiting.popleft()).callback(None)

    def fail(self, refused: Refused) -> None:
        """Let the oldest call end with a refusal."""
        self.waiting.popleft().errback(refused)

    def let_all_go(self, between: Callable[[], None]) -> None:
        """Let everything go, also what that begins."""
        while True:
            between()
            if not self.waiting:
                return
            self.let_go()


class SlowLane:
    """A lane that always has to wait."""

    def __init__(self, lane: Any, slowness: Slowness) -> None:
        self._lane = lane
        self._slowness = slowness

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lane, name)

    def read_into(self, views: Any, offset: int) -> int | Literal[Later.LATER]:
        return LATER if self._slowness.slow else self._lane.read_into(views, offset)

    def write_from(self, views: Any, offset: int) -> int | Literal[Later.LATER]:
        return LATER if self._slowness.slow else self._lane.write_from(views, offset)

    async def read_later(self, views: Any, offset: int) -> int:
        await self._slowness.wait()
        self._slowness.reads += 1
        return await self._lane.read_later(views, offset)

    async def write_later(self, views: Any, offset: int) -> int:
        await self._slowness.wait()
        return await self._lane.write_later(views, offset)

    async def stat(self) -> Entry:
        await self._slowness.wait()
        return await self._lane.stat()

    async def change(self, attributes: Attributes) -> None:
        await self._lane.change(attributes)


class SlowUpload:
    """An upload over a slow lane; committing waits as well."""

    def __init__(self, upload: Any, slowness: Slowness) -> None:
        self._upload = upload
        self._slowness = slowness
        self.lane = SlowLane(upload.lane, slowness)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._upload, name)

    async def commit(self, *, durable: bool) -> None:
        await self._slowness.wait()
        await self._upload.commit(durable=durable)


class SlowDownload:
    """A download over a slow lane."""

    def __init__(self, download: Any, slowness: Slowness) -> None:
        self._download = download
        self.lane = SlowLane(download.lane, slowness)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._download, name)


class SlowFiles:
    """A file system in memory whose stat, upload and download wait."""

    def __init__(self, memory: MemoryFileSystem, slowness: Slowness) -> None:
        self._memory = memory
        self._slowness = slowness

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    async def stat(self, path: VPath, *, follow: bool = True, finished: bool = False) -> Entry:
        await self._slowness.wait()
        return await self._memory.stat(path, follow=follow, finished=finished)

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> SlowUpload:
        await self._slowness.wait()
        return SlowUpload(await self._memory.upload(path, how, mode=mode), self._slowness)

    async def download(self, path: VPath) -> SlowDownload:
        await self._slowness.wait()
        return SlowDownload(await self._memory.download(path), self._slowness)
