"""`type = http-pull`: one document of a server, as the one file of a folder."""

import os
import tempfile
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import ROOT, VPath
from mft.remote.base import Parts
from mft.remote.http_connector import HttpReach
from mft.remote.http_download import FOLDER, HttpDownload, HttpReading, Version
from mft.remote.http_options import HttpPullOptions
from mft.remote.http_peer import Asked, Field, HttpPeer
from mft.remote.http_status import GOOD, refusal
from mft.remote.http_tree import HttpTree, file_entry
from mft.remote.http_upload import HttpUpload
from mft.remote.https import version_of
from mft.vfs.base import Download, Entry, Existing
from mft.vfs.lane import FileLane
from mft.vfs.refusal import refusal as of_the_disk

MAX_REDIRECTS: Final = 5
_PLAIN: Final[Field] = ("Accept-Encoding", "identity")


class _Kept(NamedTuple):
    """A document that was fetched to know its size; its file has no name."""

    descriptor: int
    entry: Entry


class PullTree(HttpTree):
    """A `Remote` of one file.

    Where HEAD tells how large the document is, it is fetched when it is read. Otherwise, and with
    other methods than GET, each look at the folder fetches it, and it is read from what was kept.
    """

    def __init__(self, peer: HttpPeer, options: HttpPullOptions, target: str, parts: Parts) -> None:
        super().__init__(peer)
        self._options = options
        self._target = target
        self._parts = parts
        self._looks = options.request_method == "GET"  # HEAD tells of it
        self._kept: _Kept | None = None

    # The file.

    async def known(self, path: VPath) -> tuple[Entry, Version]:
        """What is known of the file: what was kept of it, or what the server tells now."""
        name = self._options.file_name
        if path.is_root:
            return Entry("", FOLDER, 0, 0, 0), Version(None, None, None)
        if path.parts != (name,):
            raise Refused(Reason.NOT_FOUND, str(path))
        if self._kept is None and self._looks:
            version = await self._look()
            if version is not None:
                return file_entry(name, version), version
        if self._kept is None:
            self._kept = await self._fetch()
        return self._kept.entry, Version(self._kept.entry.size, None, None)

    async def list(self, path: VPath) -> "_One":
        """The file, as it is now."""
        if not path.is_root:
            raise Refused(Reason.NOT_A_DIRECTORY, str(path))
        self._forget()
        entry, _ = await self.known(ROOT.child(self._options.file_name))
        return _One(entry)

    async def download(self, path: VPath) -> Download:
        """Open the file."""
        entry, version = await self.known(path)
        if not entry.is_file:
            raise Refused(Reason.IS_A_DIRECTORY, str(path))
        if self._kept is not None:
            return _KeptDownload(self._lane(os.dup(self._kept.descriptor)), entry, self._url)
        reading = HttpReading(self.peer, self._target, str(path), version, entry)
        return HttpDownload(reading, entry, self._url)

    @property
    def _url(self) -> str:
        return f"{self.peer.place.site}{self._target}".partition("?")[0]

    def _lane(self, descriptor: int) -> FileLane:
        volume = self._parts.volumes.of(descriptor, str(self._parts.directory))
        return FileLane(descriptor, volume, self._options.file_name, self._options.maximum_size)

    async def _look(self) -> Version | None:
        """What HEAD tells; None where that is not enough to fetch it by."""
        asked = await self._follow("HEAD", None)
        answer = asked.answer
        await asked.end()
        version = version_of(answer)
        if answer.status in GOOD and self._brings(answer.status) and version.size is not None:
            return version
        self._looks = False
        return None

    async def _follow(self, method: str, body: bytes | None) -> Asked:
        """Ask, and again where the same server leads to; what changes something is asked once."""
        for _ in range(MAX_REDIRECTS):
            subject = self._options.file_name
            asked = await self.peer.ask(method, self._target, _PLAIN, body=body, subject=subject)
            led = self.peer.led_to(asked.answer, self._target)
            if led is None or body is not None:
                return asked
            await asked.end()
            self._target = led
        raise Refused(Reason.UNSUPPORTED, self._options.file_name, "one redirect after the other")

    def _brings(self, status: int) -> bool:
        return self._options.response_code.matches(str(status))

    async def _fetch(self) -> _Kept:
        """Fetch the document into a file of its own."""
        options, name = self._options, self._options.file_name
        body = None if options.request_method == "GET" else options.request_body.encode()
        asked = await self._follow(options.request_method, body)
        try:
            if not self._brings(asked.answer.status):
                raise refusal(asked.answer.status, name)
            version = version_of(asked.answer)
            try:
                descriptor = await self._parts.disk(_nameless, str(self._parts.directory))
            except OSError as error:
                raise of_the_disk(error, name) from None
            try:
                size = await self._keep(asked, descriptor)
            except BaseException:
                os.close(descriptor)
                raise
        finally:
            await asked.end()
        return _Kept(descriptor, file_entry(name, Version(size, version.modified, version.tag)))

    async def _keep(self, asked: Asked, descriptor: int) -> int:
        lane, size = self._lane(os.dup(descriptor)), 0
        try:
            while piece := await asked.line.take():
                await lane.write_later([piece], size)
                size += len(piece)
        finally:
            await lane.close()
        return size

    def _forget(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            os.close(kept.descriptor)

    # What there is beside it.

    async def ping(self) -> None:
        """Nothing that would change anything: a request is made when the file is looked at."""

    async def close(self) -> None:
        """Let go of the server, and of what was kept."""
        self._forget()
        await super().close()

    def real_path(self, path: VPath) -> str:
        """The URL, without its query, which may hold a secret."""
        return self._url

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> HttpUpload:
        """Refused: documents are only fetched."""
        raise self.unsupported(path)

    async def remove(self, path: VPath) -> None:
        """Refused: documents are only fetched."""
        raise self.unsupported(path)

    async def remove_same(self, path: VPath, same: Callable[[Entry], bool]) -> bool:
        """Refused: documents are only fetched."""
        raise self.unsupported(path)

    def may_digest(self, algorithm: str) -> bool:
        """It tells none."""
        return False

    async def digest(self, path: VPath, algorithm: str) -> bytes | None:
        """None: it may be another one each time."""
        return None

    async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
        """Refused: documents are only fetched."""
        raise self.unsupported(path)

    async def remove_directory(self, path: VPath) -> None:
        """Refused: documents are only fetched."""
        raise self.unsupported(path)

    async def rename(self, source: VPath, target: VPath, *, replace: bool) -> None:
        """Refused: documents are only fetched."""
        raise self.unsupported(source)


class _One:
    """A `Listing` of one file."""

    def __init__(self, entry: Entry) -> None:
        self._left = [entry]

    async def batch(self) -> Sequence[Entry]:
        """The file, once."""
        left, self._left = self._left, []
        return left

    async def close(self) -> None:
        """Nothing is open."""


class _KeptDownload:
    """A `Download` of what was kept."""

    def __init__(self, lane: FileLane, entry: Entry, real_path: str) -> None:
        self.lane = lane
        self.entry = entry
        self.real_path = real_path

    async def close(self) -> None:
        """Close it."""
        await self.lane.close()


def _nameless(folder: str) -> int:
    """A new file that nobody else can open, and that is gone when it is closed."""
    with tempfile.TemporaryFile(dir=folder) as made:
        return os.dup(made.fileno())


class HttpPullConnector:
    """Connects to the server of one document."""

    def __init__(self, component: Component, options: HttpPullOptions, parts: Parts) -> None:
        self.component = component
        self._options = options
        self._parts = parts
        self._reach = HttpReach(component, options, options.url, parts)

    async def connect(self, folder: str) -> PullTree:
        """Connect; the document is in every folder. Nothing is asked yet."""
        reached = await self._reach.reach("", tree=False)
        target = reached.url.path + reached.url.query
        return PullTree(reached.peer, self._options, target, self._parts)
