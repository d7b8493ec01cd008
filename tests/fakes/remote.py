"""Somebody else's server in memory, which breaks off, hangs, fills up and lies when told to."""

import stat
from collections.abc import Callable, Sequence
from hashlib import new as digest_of
from itertools import islice
from typing import Literal

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import ROOT, VPath
from mft.remote.base import Identity
from mft.vfs.base import (
    LATER,
    Attributes,
    Buffers,
    Download,
    Entry,
    Existing,
    Later,
    Upload,
    Usage,
)
from mft.vfs.memory import MemoryDownload, MemoryFileSystem, MemoryUpload
from mft.vfs.memory_tree import MemoryTree

PARTNER = Component("location-1", "memory", "partner")
BATCH = 100  # entries
IDENTITY = Identity("SSH host key", "SHA256:AAAA", "a server in memory")


class Peer:
    """The server: one tree, and what is wrong with it; every connection is told of it at once.

    Operations are named as the methods of `Remote`, "connect", "read", "write" and "commit" too.
    """

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        self.tree = MemoryTree(now)
        self.remotes: list[MemoryRemote] = []  # every connection that was ever made
        self.asked: list[tuple[str, str]] = []  # operations and paths, in order
        self.refuses: dict[str, list[Refused]] = {}  # for an operation, the next answers
        self.hangs: set[str] = set()  # operations that are not answered until `answer`
        self.breaks: dict[str, int] = {}  # operations that end the connection, after so many more
        self.room: int | None = None  # bytes that it still takes
        self.breaks_after: int | None = None  # bytes, read and written, that end the connection
        self.late = False  # bytes never move at once
        self.lies: dict[str, int] = {}  # paths, and the sizes that it claims
        self.announced: dict[str, int] = {}  # paths, and how large it was told they will be
        self.makes_digests = True
        self.false_digests = False
        self.pretends: set[str] = set()  # "remove" and "rename" that are told, and not done
        self.left_out = 0  # names in each folder that nobody could use
        self.replaces = True  # whether a rename may put a file in place of another
        self.files_at_a_time = 1
        self.pipelined = False
        self.places_bytes = False
        self._unanswered: list[Deferred[None]] = []

    @property
    def open(self) -> "list[MemoryRemote]":
        """The connections that live."""
        return [one for one in self.remotes if one.connected]

    def answer(self) -> None:
        """Answer everything that hangs, and hang no more."""
        self.hangs.clear()
        waiting, self._unanswered = self._unanswered, []
        for one in waiting:
            one.callback(None)

    def cut(self) -> None:
        """End every connection."""
        for one in self.remotes:
            one.cut()
        self.answer()

    def put(self, path: str, data: bytes, modified: int = 0) -> None:
        """Have a file, and the folders above it."""
        at = VPath.parse(path)
        node = self.tree.root
        for name in at.parts[:-1]:
            folder = self.tree.node(stat.S_IFDIR | 0o755)
            node = node.children.setdefault(name, folder)
        file = node.children[at.name] = self.tree.node(stat.S_IFREG | 0o644)
        file.data[:] = data
        file.modified = modified

    def get(self, path: str) -> bytes:
        """What is in a file."""
        return bytes(self.tree.find(VPath.parse(path)).data)

    def names(self, path: str = "/") -> list[str]:
        """What is in a folder, sorted."""
        return sorted(self.tree.directory(VPath.parse(path)).children)

    def asked_for(self, operation: str) -> list[str]:
        """The paths that an operation was asked for."""
        return [path for name, path in self.asked if name == operation]

    async def meet(self, operation: str, path: object) -> None:
        """What happens to an operation before it is done."""
        self.asked.append((operation, str(path)))
        if operation in self.hangs:
            waiting: Deferred[None] = Deferred()
            self._unanswered.append(waiting)
            await waiting
        if self.refuses.get(operation):
            raise self.refuses[operation].pop(0)


class MemoryConnector:
    """A `Connector` to a `Peer`."""

    def __init__(self, peer: Peer, component: Component = PARTNER) -> None:
        self.peer = peer
        self.component = component

    async def connect(self, folder: str) -> "MemoryRemote":
        """Connect, for a folder that must be there."""
        await self.peer.meet("connect", folder)
        base = VPath.parse(folder)
        self.peer.tree.directory(base)
        remote = MemoryRemote(self.peer, base)
        self.peer.remotes.append(remote)
        return remote


class MemoryRemote:
    """One connection to a `Peer`, a `Remote`: uploads are in place, bytes move in order."""

    rounds_times = False

    def __init__(self, peer: Peer, base: VPath) -> None:
        self.peer = peer
        self.identity = IDENTITY
        self.files_at_a_time = peer.files_at_a_time
        if peer.pipelined:
            self.stat_each = self._stat_each
        self.places_bytes = peer.places_bytes
        self.connected = True
        self.open_files = 0
        self._base = base
        self._files = MemoryFileSystem(peer.tree)

    def cut(self) -> None:
        """Break off."""
        self.connected = False

    def may_digest(self, algorithm: str) -> bool:
        """Whether it makes any."""
        return self.peer.makes_digests

    async def digest(self, path: VPath, algorithm: str) -> bytes | None:
        """The digest of what is there, or another."""
        node = self.peer.tree.find(await self._asked("digest", path))
        if not self.peer.makes_digests:
            return None
        told = node.data + (b"!" if self.peer.false_digests else b"")
        return digest_of(algorithm, told).digest()

    async def ping(self) -> None:
        """Answer."""
        await self._asked("ping", ROOT)

    async def stat(self, path: VPath, *, follow: bool = True, finished: bool = False) -> Entry:
        """What is there, or a lie."""
        found = await self._files.stat(await self._asked("stat", path), follow=follow)
        return self._told(path, found._replace(name=path.name))

    async def _stat_each(self, *paths: VPath) -> "list[Entry | Refused]":
        """What a peer tells that is asked for all of it at once."""
        looks = [Deferred.fromCoroutine(self.stat(path)) for path in paths]
        return [await look.addErrback(_refused) for look in looks]

    async def list(self, path: VPath) -> "MemoryRemoteListing":
        """Begin to list a folder."""
        at = await self._asked("list", path)
        folder = self.peer.tree.directory(at)
        found = [child.entry(name) for name, child in folder.children.items()]
        return MemoryRemoteListing(self, [self._told(path.child(one.name), one) for one in found])

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> Upload:
        """Write to the very name."""
        at = await self._asked("upload", path)
        if how is Existing.MODIFY:
            raise Refused(Reason.UNSUPPORTED, str(path))
        self._open_one(path)
        try:
            present = await self._is_there(at)
            if how is Existing.REFUSE and present:
                raise Refused(Reason.EXISTS, str(path))
            if how is not Existing.EXTEND or not present:
                begun = await self._files.upload(at, Existing.REPLACE, mode=mode)
                await begun.commit(durable=False)
            inner = await self._files.upload(at, Existing.EXTEND)
        except BaseException:
            self.open_files -= 1
            raise
        return MemoryRemoteUpload(self, path, at, inner, present)

    async def download(self, path: VPath) -> Download:
        """Open a file."""
        at = await self._asked("download", path)
        self._open_one(path)
        try:
            inner = await self._files.download(at)
        except BaseException:
            self.open_files -= 1
            raise
        return MemoryRemoteDownload(self, path, inner)

    async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
        """Make a folder."""
        await self._files.make_directory(await self._asked("make_directory", path), mode=mode)

    async def remove(self, path: VPath) -> None:
        """Remove a file."""
        at = await self._asked("remove", path)
        if "remove" not in self.peer.pretends:
            await self._files.remove(at)

    async def remove_directory(self, path: VPath) -> None:
        """Remove an empty folder."""
        await self._files.remove_directory(await self._asked("remove_directory", path))

    async def rename(self, source: VPath, target: VPath, *, replace: bool) -> None:
        """Give something another name; some peers put nothing in place of anything."""
        old = await self._asked("rename", source)
        replace = replace and self.peer.replaces
        if "rename" not in self.peer.pretends:
            await self._files.rename(old, self._at(target), replace=replace)

    async def change(self, path: VPath, attributes: Attributes, *, follow: bool = True) -> None:
        """Set attributes."""
        await self._files.change(await self._asked("change", path), attributes)

    async def read_link(self, path: VPath) -> str:
        """Never."""
        raise Refused(Reason.UNSUPPORTED, str(path))

    async def make_link(self, path: VPath, target: str) -> None:
        """Never."""
        raise Refused(Reason.UNSUPPORTED, str(path))

    async def make_hard_link(self, source: VPath, target: VPath) -> None:
        """Never."""
        raise Refused(Reason.UNSUPPORTED, str(target))

    async def usage(self, path: VPath) -> Usage:
        """Never told."""
        raise Refused(Reason.UNSUPPORTED, str(path))

    def real_path(self, path: VPath) -> str:
        """The path of the peer."""
        return f"memory:{self._at(path)}"

    async def close(self) -> None:
        """End the connection."""
        if self.connected:
            self.connected = False
            await self.peer.meet("close", ROOT)

    def check(self, path: object) -> None:
        """Refused(ABORTED) once the connection is lost."""
        if not self.connected:
            raise Refused(Reason.ABORTED, str(path), "the connection is lost")

    def moved(self, count: int, path: object) -> None:
        """Some bytes have moved, in either direction."""
        peer = self.peer
        if peer.breaks_after is not None:
            peer.breaks_after -= count
            if peer.breaks_after < 0:
                peer.breaks_after = None
                self.cut()
        self.check(path)

    async def met(self, operation: str, path: VPath) -> None:
        """Something is asked: it breaks the connection, hangs, is refused, or is done."""
        self.check(path)
        if operation in self.peer.breaks:
            self.peer.breaks[operation] -= 1
            if self.peer.breaks[operation] < 0:
                del self.peer.breaks[operation]
                self.cut()
                self.check(path)
        await self.peer.meet(operation, self._at(path))
        self.check(path)

    async def _asked(self, operation: str, path: VPath) -> VPath:
        await self.met(operation, path)
        return self._at(path)

    async def _is_there(self, at: VPath) -> bool:
        try:
            await self._files.stat(at)
        except Refused as refused:
            if refused.reason is not Reason.NOT_FOUND:
                raise
            return False
        return True

    def _at(self, path: VPath) -> VPath:
        return VPath((*self._base.parts, *path.parts))

    def _told(self, path: VPath, found: Entry) -> Entry:
        size = self.peer.lies.get(str(self._at(path)))
        return found if size is None else found._replace(size=size)

    def _open_one(self, path: VPath) -> None:
        if self.open_files >= self.files_at_a_time:
            raise Refused(Reason.BUSY, str(path), "another file is open")
        self.open_files += 1


class MemoryRemoteListing:
    """A `Listing` of a `MemoryRemote`."""

    def __init__(self, remote: MemoryRemote, entries: Sequence[Entry]) -> None:
        self._remote = remote
        self._entries = iter(entries)
        self.left_out = remote.peer.left_out

    async def batch(self) -> Sequence[Entry]:
        """The next entries."""
        self._remote.check(ROOT)
        return list(islice(self._entries, BATCH))

    async def close(self) -> None:
        """Nothing is held."""


class MemoryRemoteLane:
    """A `Lane` of a `MemoryRemote`: in order, and late when the peer is."""

    def __init__(
        self, remote: MemoryRemote, path: VPath, inner: "MemoryUpload | MemoryDownload"
    ) -> None:
        self._remote = remote
        self._path = path
        self._inner = inner.lane
        self._at: int | None = None

    def fileno(self) -> int | None:
        """There is none."""
        return None

    def read_into(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Read now, if it is not late."""
        if self._remote.peer.late or "read" in self._remote.peer.hangs:
            return LATER
        return self._read(views, offset)

    async def read_later(self, views: Buffers, offset: int) -> int:
        """Read."""
        await self._remote.met("read", self._path)
        return self._read(views, offset)

    def write_from(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Write now, if it is not late."""
        if self._remote.peer.late or "write" in self._remote.peer.hangs:
            return LATER
        return self._write(views, offset)

    async def write_later(self, views: Buffers, offset: int) -> int:
        """Write."""
        await self._remote.met("write", self._path)
        return self._write(views, offset)

    async def stat(self) -> Entry:
        """The file as it is now."""
        self._remote.check(self._path)
        return await self._inner.stat()

    async def change(self, attributes: Attributes) -> None:
        """Set attributes."""
        self._remote.check(self._path)
        await self._inner.change(attributes)

    async def sync(self) -> None:
        """Ask whether everything has arrived."""
        await self._remote.met("sync", self._path)

    def _read(self, views: Buffers, offset: int) -> int:
        self._remote.check(self._path)
        self._in_order(offset)
        count = self._inner.read_into(views, offset)
        assert count is not LATER
        self._at = offset + count
        self._remote.moved(count, self._path)
        return count

    def _write(self, views: Buffers, offset: int) -> int:
        self._remote.check(self._path)
        self._in_order(offset)
        count = sum(map(len, views))
        room = self._remote.peer.room
        if room is not None:
            if count > room:
                raise Refused(Reason.NO_SPACE, str(self._path))
            self._remote.peer.room = room - count
        self._remote.moved(count, self._path)
        written = self._inner.write_from(views, offset)
        assert written == count
        self._at = offset + count
        return count

    def _in_order(self, offset: int) -> None:
        if self._at not in (None, offset):
            raise Refused(Reason.UNSUPPORTED, str(self._path), "bytes move in order")


class MemoryRemoteUpload:
    """An `Upload` to a `MemoryRemote`."""

    in_place = True

    def __init__(
        self, remote: MemoryRemote, path: VPath, at: VPath, inner: MemoryUpload, replaced: bool
    ) -> None:
        self.lane = MemoryRemoteLane(remote, path, inner)
        self.start = inner.start
        self.real_path = remote.real_path(path)
        self.replaced = replaced
        self._remote = remote
        self._path = path
        self._at = at
        self._inner = inner
        self._ended = False

    def announce(self, size: int) -> None:
        """It is only kept what was told."""
        self._remote.peer.announced[str(self._at)] = size

    async def commit(self, *, durable: bool) -> None:
        """Everything has arrived."""
        if self._ended:
            raise Refused(Reason.ABORTED, str(self._path), "the upload has ended")
        self._end()
        await self._remote.met("commit", self._path)
        await self._inner.commit(durable=durable)

    async def abort(self, *, keep: bool) -> None:
        """Leave what has arrived, or remove it where the connection lives."""
        if self._ended:
            return
        self._end()
        if "abort" in self._remote.peer.hangs:
            await self._remote.met("abort", self._path)
        await self._inner.abort(keep=True)
        if not keep and self._remote.connected:
            await MemoryFileSystem(self._remote.peer.tree).remove(self._at)

    async def divert(self, folder: str, name: str) -> None:
        """Never."""
        raise Refused(Reason.UNSUPPORTED, str(self._path))

    def reopen(self) -> int:
        """Never."""
        raise Refused(Reason.UNSUPPORTED, str(self._path))

    def _end(self) -> None:
        self._ended = True
        self._remote.open_files -= 1


class MemoryRemoteDownload:
    """A `Download` of a `MemoryRemote`."""

    def __init__(self, remote: MemoryRemote, path: VPath, inner: MemoryDownload) -> None:
        self.lane = MemoryRemoteLane(remote, path, inner)
        self.entry = inner.entry
        self.real_path = remote.real_path(path)
        self._remote = remote
        self._inner = inner
        self._closed = False

    async def close(self) -> None:
        """Let go of the file."""
        if not self._closed:
            self._closed = True
            self._remote.open_files -= 1
            await self._inner.close()


def _refused(failure: Failure) -> BaseException:
    """A refusal as an answer."""
    failure.trap(Refused)
    return failure.value
