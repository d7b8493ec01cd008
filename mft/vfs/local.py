"""The local disk as a `FileSystem`: every path is resolved from an open handle of the root."""

import errno
import os
import stat
import time
from collections.abc import Callable
from typing import Concatenate, Final, NamedTuple, ParamSpec, TypeVar

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.vfs import lane, links, names
from mft.vfs.base import Attributes, Entry, Existing, Usage
from mft.vfs.handle import Handle
from mft.vfs.lane import FileLane, LocalDownload, entry
from mft.vfs.listing import LocalListing
from mft.vfs.refusal import refusal
from mft.vfs.resolve import DIRECTORY, O_PATH, SAFELY, Opener, spelled
from mft.vfs.temporary import Temporaries
from mft.vfs.upload import Begun, LocalUpload, Place
from mft.vfs.volume import Volume, Volumes, usage_of

P = ParamSpec("P")
T = TypeVar("T")

INTERRUPTED_UPLOAD_LIFETIME: Final = 86400.0  # seconds, unless the configuration says otherwise
_DOWNLOAD: Final = os.O_RDONLY | SAFELY
_LISTING: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class _Opened(NamedTuple):
    descriptor: int
    status: os.stat_result


class _Root(NamedTuple):
    handle: Handle
    volume: Volume


class LocalFileSystem:
    """A tree on the local disk, for one owner; a `FileSystem`.

    `owner` tells whose interrupted uploads are shown and continued. `file_write_size` is the
    largest size of a written file in bytes, 0 for none; `lifetime` how many seconds an
    interrupted upload is kept; `now` wall-clock time. Nothing is opened before the first call.
    Calls on a mounted volume below the root run as on the root's own; bytes as on theirs.
    """

    def __init__(
        self,
        root: str,
        owner: str,
        volumes: Volumes,
        *,
        file_write_size: int = 0,
        lifetime: float = INTERRUPTED_UPLOAD_LIFETIME,
        now: Callable[[], float] = time.time,
        opener: Opener | None = None,
    ) -> None:
        self.root = root.rstrip("/")
        self._volumes = volumes
        self._opener = opener or volumes.opener
        self._limit = file_write_size
        self._temporaries = Temporaries(owner, lifetime, now)
        self._root: _Root | None = None
        self._closed = False

    async def stat(self, path: VPath, *, follow: bool = True, finished: bool = False) -> Entry:
        """What is under a path; the owner's interrupted upload comes first, unless `finished`."""
        return await self._run(path, self._stat, follow, finished)

    async def list(self, path: VPath) -> LocalListing:
        """Begin to read a directory."""
        root = await self._opened()
        descriptor = await self._run(path, self._open, _LISTING)
        return LocalListing(descriptor, root.volume, str(path))

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> LocalUpload:
        """Begin an upload; see `Existing` for what it means for what is there."""
        root = await self._opened()
        root.handle.hold()
        try:
            begun = await self._run(path, self._begin, how, mode)
        except BaseException:
            root.handle.release()
            raise
        text = "/".join(path.parts)
        name = path.parts[-1]
        folder = text[: -len(name) - 1].encode()
        place = Place(root.handle, folder, name, str(path), how is Existing.REFUSE)
        return LocalUpload(
            place,
            begun,
            f"{self.root}/{text}",
            self._volume_of(root, begun.descriptor, begun.device),
            self._volumes,
            self._temporaries,
            self._limit,
        )

    async def download(self, path: VPath) -> LocalDownload:
        """Open a finished file; the owner's interrupted upload of it is discarded."""
        root = await self._opened()
        found = await self._run(path, self._open_file)
        volume = self._volume_of(root, found.descriptor, found.status.st_dev)
        file = FileLane(found.descriptor, volume, str(path))
        opened = entry(path.name, found.status, found.status.st_ctime_ns)
        return LocalDownload(file, opened, self.real_path(path))

    async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
        """Make a directory; its parent must be there."""
        await self._run(path, self._at, names.make_directory, Reason.EXISTS, mode)

    async def remove(self, path: VPath) -> None:
        """Remove a file or a link, and the owner's interrupted upload; never a directory."""
        large = await self._is_large(path)
        await self._run_at(large, path, self._at, names.remove_file, Reason.IS_A_DIRECTORY)

    async def remove_same(self, path: VPath, same: Callable[[Entry], bool]) -> bool:
        """Remove a file only if it is, at that very moment, what it should be: whether it was."""
        large, rename_new = await self._is_large(path), self._volumes.rename_new
        act, root = names.remove_same, Reason.IS_A_DIRECTORY
        return await self._run_at(large, path, self._at, act, root, same, rename_new)

    async def finish_removal(self, path: VPath, same: Callable[[Entry], bool]) -> None:
        """Remove what a kill has left of a `remove_same`; nothing where there is nothing."""
        act, root, rename_new = names.finish_removal, Reason.DENIED, self._volumes.rename_new
        await self._run(path, self._at, act, root, same, rename_new)

    async def discard(self, path: VPath) -> None:
        """Remove the owner's interrupted upload, and nothing else; nothing where there is none."""
        await self._run(path, self._at, names.discard, Reason.DENIED)

    async def remove_directory(self, path: VPath) -> None:
        """Remove an empty directory; what interrupted uploads left in it goes with it."""
        await self._run(path, self._at, names.remove_directory, Reason.DENIED)

    async def rename(self, source: VPath, target: VPath, *, replace: bool) -> None:
        """Give a file, link or directory another name; never over a directory."""
        large = replace and await self._is_large(target)
        await self._run_at(large, source, self._rename, target, replace)

    async def change(self, path: VPath, attributes: Attributes, *, follow: bool = True) -> None:
        """Set attributes of a file or directory; not of the root, not of links."""
        await self._run(path, self._change, attributes, follow)

    async def read_link(self, path: VPath) -> str:
        """Where a link leads, as relative text; Refused(DENIED) for one that leads outside."""
        text = await self._run(path, self._at, names.read_link, Reason.INVALID)
        return links.shown(path.parent, text)

    async def make_link(self, path: VPath, target: str) -> None:
        """Make a link to a virtual path, relative or absolute; stored as a relative one."""
        text = links.relative(path.parent, links.aim(path.parent, target))
        await self._run(path, self._at, names.make_link, Reason.EXISTS, text)

    async def make_hard_link(self, source: VPath, target: VPath) -> None:
        """Give a regular file, never a link, a second name on the same volume."""
        await self._run(source, self._link, target)

    async def usage(self, path: VPath) -> Usage:
        """The room on the volume that a path lies on."""
        return await self._run(path, self._usage)

    def real_path(self, path: VPath) -> str:
        """Where the path is on the disk."""
        return f"{self.root}/{'/'.join(path.parts)}" if path.parts else self.root or "/"

    async def in_place(self) -> bool:
        """Whether the root is still what its path leads to; it may have been moved or removed."""
        return await self._run(ROOT, self._in_place)

    async def close(self) -> None:
        """Let go of the root; what is open stays open until it is closed itself."""
        self._closed = True
        root, self._root = self._root, None
        if root is not None:
            root.handle.release()

    async def _is_large(self, path: VPath) -> bool:
        """Whether removing or replacing what is there frees so much that it takes a while."""
        try:
            return await self._run(path, self._at, names.is_large, Reason.INVALID)
        except Refused:  # what is asked for will tell why
            return False

    async def _run(
        self,
        path: VPath,
        call: Callable[Concatenate[int, VPath, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a call relative to the root's handle; what it raises becomes Refused."""
        return await self._run_at(False, path, call, *args, **kwargs)

    async def _run_at(
        self,
        frees: bool,
        path: VPath,
        call: Callable[Concatenate[int, VPath, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """The same; with `frees` on the disk pool, because a large file goes."""
        handle, volume = self._root or await self._opened()
        handle.hold()
        try:
            run = volume.freeing if frees else volume
            return await run(call, handle.descriptor, path, *args, **kwargs)
        except (OSError, OverflowError) as error:
            raise refusal(error, str(path)) from None
        except Refused as refused:
            if refused.subject:
                raise
            raise Refused(refused.reason, str(path), refused.details) from None
        finally:
            handle.release()

    async def _opened(self) -> _Root:
        return self._root or await self._open_root()

    async def _open_root(self) -> _Root:
        self._check_open()
        try:
            descriptor, volume = await self._volumes.root(self.root or "/")
        except OSError as error:
            raise refusal(error, self.root) from None
        if self._root is not None:  # another call was first
            os.close(descriptor)
            return self._root
        handle = Handle(descriptor)
        try:
            self._check_open()
        except Refused:
            handle.release()
            raise
        self._root = _Root(handle, volume)
        return self._root

    def _check_open(self) -> None:
        if self._closed:
            raise Refused(Reason.ABORTED, self.root, "the storage is closed")

    def _volume_of(self, root: _Root, descriptor: int, device: int) -> Volume:
        if device in (-1, root.volume.device):
            return root.volume
        return self._volumes.of(descriptor, self.root)

    # What follows runs inline or on the disk pool, with the descriptor of the root first.

    def _parent(self, root: int, path: VPath, of_root: Reason) -> int:
        """The directory of a path's last name, to be closed unless it is the root itself."""
        text = spelled(path)
        if not text:
            raise Refused(of_root, "/", "the root stays what it is")
        if len(path.parts) == 1:
            return root
        folder = text[: -len(path.parts[-1]) - 1]
        return self._opener(root, folder.encode(), DIRECTORY)

    def _at(
        self,
        root: int,
        path: VPath,
        act: Callable[Concatenate[int, str, Temporaries, P], T],
        of_root: Reason,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Do something with a last name in its directory."""
        directory = self._parent(root, path, of_root)
        try:
            return act(directory, path.parts[-1], self._temporaries, *args, **kwargs)
        finally:
            if directory != root:
                os.close(directory)

    def _open(self, root: int, path: VPath, flags: int) -> int:
        return self._opener(root, spelled(path).encode() or b".", flags)

    def _stat(self, root: int, path: VPath, follow: bool, finished: bool) -> Entry:
        if not path.parts:
            return entry("", os.fstat(root))
        status, interrupted = self._at(root, path, names.status_of, Reason.INVALID, finished)
        if follow and stat.S_ISLNK(status.st_mode):
            descriptor = self._open(root, path, O_PATH | os.O_CLOEXEC)
            try:
                status = os.fstat(descriptor)
            finally:
                os.close(descriptor)
        return entry(path.parts[-1], status, status.st_ctime_ns, interrupted)

    def _begin(self, root: int, path: VPath, how: Existing, mode: int) -> Begun:
        directory = self._parent(root, path, Reason.IS_A_DIRECTORY)
        device = -1
        try:
            if directory != root:
                device = os.fstat(directory).st_dev
            return names.begin(directory, path.parts[-1], self._temporaries, how, mode, device)
        except BaseException:
            if directory != root:
                os.close(directory)
            raise

    def _open_file(self, root: int, path: VPath) -> _Opened:
        directory = self._parent(root, path, Reason.IS_A_DIRECTORY)
        name = path.parts[-1]
        try:
            try:
                descriptor = os.open(name, _DOWNLOAD | os.O_NOFOLLOW, dir_fd=directory)
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
                descriptor = self._open(root, path, _DOWNLOAD)
            status = names.regular(descriptor)
            self._temporaries.discard(directory, name)
        finally:
            if directory != root:
                os.close(directory)
        return _Opened(descriptor, status)

    def _between(
        self,
        root: int,
        path: VPath,
        target: VPath,
        act: Callable[Concatenate[int, str, int, str, P], None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Do something with two last names in their directories."""
        source = self._parent(root, path, Reason.DENIED)
        try:
            into = self._parent(root, target, Reason.DENIED)
            try:
                act(source, path.parts[-1], into, target.parts[-1], *args, **kwargs)
            finally:
                if into != root:
                    os.close(into)
        finally:
            if source != root:
                os.close(source)

    def _link(self, root: int, path: VPath, target: VPath) -> None:
        self._between(root, path, target, names.make_hard_link, self._temporaries)

    def _rename(self, root: int, path: VPath, target: VPath, replace: bool) -> None:
        if target.within(path) and target != path:
            raise Refused(Reason.INVALID, str(target), "a directory cannot go into itself")
        self._between(root, path, target, self._move, replace)

    def _move(self, source: int, old: str, target: int, new: str, replace: bool) -> None:
        try:
            status = os.stat(old, dir_fd=source, follow_symlinks=False)
        except FileNotFoundError:
            self._temporaries.discard(source, old)
            raise
        if replace and not stat.S_ISDIR(status.st_mode):
            os.rename(old, new, src_dir_fd=source, dst_dir_fd=target)
        else:
            self._volumes.rename_new(source, old, target, new)
        self._temporaries.discard(source, old)
        self._temporaries.discard(target, new)

    def _change(self, root: int, path: VPath, attributes: Attributes, follow: bool) -> None:
        if not path.parts:
            raise Refused(Reason.DENIED, "/", "the root stays what it is")
        if attributes.size is not None and 0 < self._limit < attributes.size:
            details = f"{attributes.size} bytes is over the limit of {self._limit}"
            raise Refused(Reason.QUOTA, "", details)
        writing = attributes.size is not None
        flags = os.O_WRONLY | SAFELY if writing else O_PATH | os.O_CLOEXEC
        descriptor = self._open(root, path, flags if follow else flags | os.O_NOFOLLOW)
        try:
            names.changeable(descriptor)
            lane.change(_settable(descriptor, writing), attributes)
        finally:
            os.close(descriptor)

    def _in_place(self, root: int, _: VPath) -> bool:
        try:
            return os.path.samestat(os.stat(self.root or "/"), os.fstat(root))
        except OSError:
            return False

    def _usage(self, root: int, path: VPath) -> Usage:
        descriptor = self._open(root, path, O_PATH | os.O_CLOEXEC)
        try:
            return usage_of(descriptor)
        finally:
            os.close(descriptor)


def _settable(descriptor: int, open_for_bytes: bool) -> int | str:
    # A handle that is not open for bytes cannot be changed itself; /proc knows it as a path.
    return descriptor if open_for_bytes or O_PATH == os.O_RDONLY else f"/proc/self/fd/{descriptor}"
