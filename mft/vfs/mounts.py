"""Virtual folders: several file systems under one root."""

import stat
from collections.abc import Callable, Iterator, Mapping, Sequence

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.vfs import links
from mft.vfs.base import (
    Attributes,
    Download,
    Entry,
    Existing,
    FileSystem,
    Listing,
    Upload,
    Usage,
)

Parts = tuple[str, ...]
_VIRTUAL = stat.S_IFDIR | 0o555  # a parent of virtual folders that exists nowhere


class MountedFileSystem:
    """A home with file systems mounted at virtual paths; a `FileSystem`.

    The roots of mounts and the virtual directories above them can be listed and nothing else.
    Interrupted uploads, links and limits are those of the file system that a path lies in; a link
    cannot lead from one to another.
    """

    def __init__(
        self,
        home: FileSystem,
        folders: Mapping[VPath, FileSystem],
        protected: Callable[[], None] = lambda: None,
    ) -> None:
        """`protected` is called when a client tries to change a mount, or what is above one."""
        if ROOT in folders:
            raise ValueError("the root is the home")
        self._home = home
        self._protected = protected
        self._folders: dict[Parts, FileSystem] = {
            path.parts: files for path, files in folders.items()
        }
        self._below: dict[Parts, dict[str, None]] = {}  # virtual parents: names under them
        for parts in self._folders:
            for depth in range(len(parts)):
                self._below.setdefault(parts[:depth], {})[parts[depth]] = None

    async def conflicts(self) -> list[VPath]:
        """Virtual folders whose path is a real entry, which must not be hidden by them."""
        found = []
        for parts in self._folders:
            files, inner = self._above(parts)
            try:
                await files.stat(inner, follow=False)
            except Refused as refused:
                if refused.reason in (Reason.NOT_FOUND, Reason.NOT_A_DIRECTORY):
                    continue
                raise
            found.append(VPath(parts))
        return found

    async def stat(self, path: VPath, *, follow: bool = True, finished: bool = False) -> Entry:
        """What is under a path; a virtual parent that exists nowhere is an empty directory."""
        files, inner = self._at(path)
        try:
            entry = await files.stat(inner, follow=follow, finished=finished)
        except Refused as refused:
            if self._is_absent(path, refused):
                return _virtual(path.name)
            raise
        return entry._replace(name=path.name) if inner.is_root else entry

    async def list(self, path: VPath) -> Listing:
        """Begin to read a directory, the mounts in it first."""
        mounts = [await self._mount(path.child(name)) for name in self._below.get(path.parts, ())]
        files, inner = self._at(path)
        try:
            real: Listing | None = await files.list(inner)
        except Refused as refused:
            if not self._is_absent(path, refused):
                raise
            real = None
        if real is not None and not mounts:
            return real
        return MountedListing(mounts, real)

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> Upload:
        """Begin an upload where the path lies."""
        self._only_listed(path, Reason.IS_A_DIRECTORY)
        files, inner = self._at(path)
        with self._virtual_parent(path):
            return await files.upload(inner, how, mode=mode)

    async def download(self, path: VPath) -> Download:
        """Open a finished file where the path lies."""
        self._only_listed(path, Reason.IS_A_DIRECTORY)
        files, inner = self._at(path)
        return await files.download(inner)

    async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
        """Make a directory where the path lies."""
        self._only_listed(path, Reason.EXISTS)
        files, inner = self._at(path)
        with self._virtual_parent(path):
            await files.make_directory(inner, mode=mode)

    async def remove(self, path: VPath) -> None:
        """Remove a file or a link."""
        self._only_listed(path, Reason.IS_A_DIRECTORY)
        files, inner = self._at(path)
        await files.remove(inner)

    async def remove_directory(self, path: VPath) -> None:
        """Remove an empty directory; never a mount or what is above one."""
        self._only_listed(path, Reason.DENIED)
        files, inner = self._at(path)
        await files.remove_directory(inner)

    async def rename(self, source: VPath, target: VPath, *, replace: bool) -> None:
        """Give another name within one file system; Refused(UNSUPPORTED) across two."""
        files, old, new = self._within_one(source, target)
        with self._virtual_parent(target):
            await files.rename(old, new, replace=replace)

    async def change(self, path: VPath, attributes: Attributes, *, follow: bool = True) -> None:
        """Set attributes; never of a mount or what is above one."""
        self._only_listed(path, Reason.DENIED)
        files, inner = self._at(path)
        await files.change(inner, attributes, follow=follow)

    async def read_link(self, path: VPath) -> str:
        """Where a link leads, as relative text."""
        self._only_listed(path, Reason.INVALID)
        files, inner = self._at(path)
        return await files.read_link(inner)

    async def make_link(self, path: VPath, target: str) -> None:
        """Make a link within one file system; Refused(DENIED) to another."""
        self._only_listed(path, Reason.EXISTS)
        files, inner = self._at(path)
        aimed = links.aim(path.parent, target)
        others, inside = self._at(aimed)
        if files is not others or aimed.parts in self._below:
            raise Refused(Reason.DENIED, str(path), "the target is in another virtual folder")
        with self._virtual_parent(path):
            await files.make_link(inner, str(inside))

    async def make_hard_link(self, source: VPath, target: VPath) -> None:
        """Give a file a second name within one file system; Refused(UNSUPPORTED) across two."""
        files, old, new = self._within_one(source, target)
        with self._virtual_parent(target):
            await files.make_hard_link(old, new)

    async def usage(self, path: VPath) -> Usage:
        """The room where the path lies."""
        files, inner = self._at(path)
        try:
            return await files.usage(inner)
        except Refused as refused:
            if self._is_absent(path, refused):
                return await self._home.usage(ROOT)
            raise

    def real_path(self, path: VPath) -> str:
        """Where the path is on the disk."""
        files, inner = self._at(path)
        return files.real_path(inner)

    async def close(self) -> None:
        """Let go of every file system."""
        for files in (self._home, *self._folders.values()):
            await files.close()

    async def _mount(self, path: VPath) -> Entry:
        try:
            return await self.stat(path)
        except Refused:  # one broken mount does not hide its neighbours
            return _virtual(path.name)

    def _at(self, path: VPath) -> tuple[FileSystem, VPath]:
        """The file system that a path lies in, and the path there."""
        parts = path.parts
        for depth in range(len(parts), 0, -1):
            files = self._folders.get(parts[:depth])
            if files is not None:
                return files, VPath(parts[depth:])
        return self._home, path

    def _within_one(self, source: VPath, target: VPath) -> tuple[FileSystem, VPath, VPath]:
        self._only_listed(source, Reason.DENIED)
        self._only_listed(target, Reason.DENIED)
        files, old = self._at(source)
        others, new = self._at(target)
        if files is not others:
            details = "source and target are in different virtual folders"
            raise Refused(Reason.UNSUPPORTED, str(source), details)
        return files, old, new

    def _above(self, parts: Parts) -> tuple[FileSystem, VPath]:
        """Where a mount's own path would lie without it."""
        files, inner = self._at(VPath(parts[:-1]))
        return files, inner.child(parts[-1])

    def _only_listed(self, path: VPath, reason: Reason) -> None:
        if path.parts in self._folders or path.parts in self._below:
            self._protected()
            raise Refused(reason, str(path), "a virtual folder, or above one")

    def _is_absent(self, path: VPath, refused: Refused) -> bool:
        return refused.reason is Reason.NOT_FOUND and path.parts in self._below

    def _virtual_parent(self, path: VPath) -> "_VirtualParent":
        return _VirtualParent(path, path.parts[:-1] in self._below)


class _VirtualParent:
    """In a virtual parent that exists nowhere, nothing can be made: DENIED, not NOT_FOUND."""

    def __init__(self, path: VPath, virtual: bool) -> None:
        self._path = path
        self._virtual = virtual

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._virtual and isinstance(error, Refused) and error.reason is Reason.NOT_FOUND:
            raise Refused(Reason.DENIED, str(self._path), "the folder above is virtual") from None


class MountedListing:
    """A `Listing` of mounts, and of the real directory that they are in."""

    def __init__(self, mounts: Sequence[Entry], real: Listing | None) -> None:
        self._mounts = mounts
        self._hidden = frozenset(entry.name for entry in mounts)
        self._real = real
        self._told = False

    async def batch(self) -> Sequence[Entry]:
        """The mounts, then what is really there under other names."""
        if not self._told:
            self._told = True
            return self._mounts
        while self._real is not None:
            entries = await self._real.batch()
            shown = list(self._shown(entries))
            if shown or not entries:
                return shown
        return ()

    async def close(self) -> None:
        """Close the real directory."""
        if self._real is not None:
            await self._real.close()

    def _shown(self, entries: Sequence[Entry]) -> Iterator[Entry]:
        return (entry for entry in entries if entry.name not in self._hidden)


def _virtual(name: str) -> Entry:
    return Entry(name, _VIRTUAL, 0, 0, 0)
