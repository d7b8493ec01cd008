"""Folders of this machine as locations: those that are configured, and the one that is built in."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

from mft.config.kinds import DirectoryPath, whole
from mft.config.section import option
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import ROOT, VPath
from mft.remote.base import MOST_CONNECTIONS, Identity, LocationOptions, Parts
from mft.vfs.base import Attributes, Download, Entry, Existing, Listing, Upload, Usage
from mft.vfs.local import LocalFileSystem
from mft.vfs.refusal import refusal
from mft.vfs.resolve import spelled
from mft.vfs.volume import Volumes

FILES_AT_A_TIME: Final = 64  # a descriptor each; as many as one session may have open
NOBODY: Final = Identity("", "", "this machine")
_LISTING: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Where transfers read and write when they name no location.
BUILT_IN: Final = Component("", "filesystem", "this machine")


class FilesystemOptions(LocationOptions):
    """A folder of this machine, or of a share that it has mounted, below which transfers work."""

    path: DirectoryPath = option(
        "The folder. What transfers name is below it, whether it begins with / or not.",
        examples=["/srv/partners"],
    )
    max_connections: Annotated[int, whole(1, MOST_CONNECTIONS)] = option(
        "How many of its folders are open at once, for all transfers together.", 64, ours=True
    )


class FilesystemConnector:
    """Opens folders of this machine; a `Connector`.

    Without `root` every absolute path can be opened, and a relative one begins in the instance.
    """

    def __init__(self, component: Component, root: Path | None, parts: Parts) -> None:
        self.component = component
        self._root = root
        self._parts = parts

    @classmethod
    def of(
        cls, component: Component, options: FilesystemOptions, parts: Parts
    ) -> "FilesystemConnector":
        """The connector of a section."""
        return cls(component, options.path, parts)

    async def connect(self, folder: str) -> "LocalRemote":
        """Open a folder, which must be there."""
        root, base = self._root, ROOT
        if root is None:
            root = self._parts.directory / folder
        else:
            base = VPath.parse(folder)
        # No account has an ID with |, so that nobody goes on with what a transfer has begun.
        owner = f"|{self.component.uuid}"
        volumes = self._parts.volumes
        files = LocalFileSystem(str(root), owner, volumes)
        remote = LocalRemote(files, base, FolderSyncs(str(root), volumes))
        try:
            await remote.ping()
        except BaseException as error:
            await remote.close()
            if isinstance(error, Refused) and self._about_folder(error):
                raise Refused(Reason.INVALID, error.subject, error.details) from None
            raise
        return remote

    def _about_folder(self, refused: Refused) -> bool:
        """Whether a refusal tells of this folder only, and other transfers are to go on."""
        if refused.reason in (Reason.NOT_FOUND, Reason.NOT_A_DIRECTORY):
            return False  # it says so itself
        return self._root is None or refused.reason is Reason.DENIED


class FolderSyncs:
    """Puts the names in folders below one on the disk."""

    def __init__(self, root: str, volumes: Volumes) -> None:
        self._root = root
        self._volumes = volumes

    async def __call__(self, *folders: VPath) -> None:
        """Return when the names in them are there; raises Refused.

        A folder that is not there any more, or that may not be read, has nothing to sync.
        """
        volumes = self._volumes
        try:
            root, volume = await volumes.root(self._root)
            try:
                await volume.sync(self._sync, root, folders)
            finally:
                os.close(root)
        except OSError as error:
            raise refusal(error, self._root) from None

    def _sync(self, root: int, folders: tuple[VPath, ...]) -> None:
        for folder in folders:
            try:
                path = spelled(folder).encode() or b"."
                opened = self._volumes.opener(root, path, _LISTING)
            except (FileNotFoundError, NotADirectoryError, PermissionError):
                continue
            try:
                self._volumes.syncs.sync(opened)
            finally:
                os.close(opened)


class LocalRemote:
    """A folder of the local disk as a `Remote`.

    An upload is hidden until it is committed; new names are on the disk before they are told of.
    What `abort` keeps shows under its name to transfers
    of this location only.
    """

    files_at_a_time = FILES_AT_A_TIME
    rounds_times = False
    places_bytes = True
    identity = NOBODY

    def __init__(self, files: LocalFileSystem, base: VPath, sync: FolderSyncs) -> None:
        """`base` is the folder in `files` in which paths begin."""
        self._files = files
        self._base = base
        self._sync = sync
        self._closed = False

    @property
    def connected(self) -> bool:
        """Whether it is open."""
        return not self._closed

    def may_digest(self, algorithm: str) -> bool:
        """It makes none."""
        return False

    async def digest(self, path: VPath, algorithm: str) -> bytes | None:
        """None: what would be read again comes out of memory, and proves nothing of the disk."""
        self._at(path)
        return None

    async def ping(self) -> None:
        """See whether the folder is there."""
        found = await self._files.stat(self._at(ROOT))
        if not found.is_directory:
            raise Refused(Reason.NOT_A_DIRECTORY, self.real_path(ROOT))

    async def in_place(self) -> bool:
        """Whether it still is what its name leads to."""
        return await self._files.in_place()

    async def stat(self, path: VPath, *, follow: bool = True, finished: bool = False) -> Entry:
        """What is under a path."""
        found = await self._files.stat(self._at(path), follow=follow, finished=finished)
        return found._replace(name=path.name)

    async def list(self, path: VPath) -> Listing:
        """Begin to read a folder."""
        return await self._files.list(self._at(path))

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> Upload:
        """Begin to write a file."""
        at = self._at(path)
        if how is Existing.MODIFY:
            raise Refused(Reason.UNSUPPORTED, str(path))
        return await self._files.upload(at, how, mode=mode)

    async def download(self, path: VPath) -> Download:
        """Open a file."""
        return await self._files.download(self._at(path))

    async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
        """Make a folder; also one that is there may not have been on the disk yet."""
        at = self._at(path)
        try:
            await self._files.make_directory(at, mode=mode)
        except Refused as refused:
            if refused.reason is Reason.EXISTS:
                await self._sync(at.parent)
            raise
        await self._sync(at.parent)

    async def remove(self, path: VPath) -> None:
        """Remove a file."""
        await self._files.remove(self._at(path))

    async def remove_same(self, path: VPath, same: Callable[[Entry], bool]) -> bool:
        """Remove a file only if it is, at that very moment, what it should be."""
        return await self._files.remove_same(self._at(path), same)

    async def finish_removal(self, path: VPath, same: Callable[[Entry], bool]) -> None:
        """Remove what a kill has left of a `remove_same`."""
        await self._files.finish_removal(self._at(path), same)

    async def discard_unfinished(self, path: VPath) -> None:
        """Remove what a kill has left of an upload."""
        await self._files.discard(self._at(path))

    async def remove_directory(self, path: VPath) -> None:
        """Remove an empty folder."""
        await self._files.remove_directory(self._at(path))

    async def rename(self, source: VPath, target: VPath, *, replace: bool) -> None:
        """Give something another name: both are on the disk before this returns."""
        old, new = self._at(source), self._at(target)
        await self._files.rename(old, new, replace=replace)
        await self._sync(*dict.fromkeys((new.parent, old.parent)))

    async def change(self, path: VPath, attributes: Attributes, *, follow: bool = True) -> None:
        """Set attributes."""
        await self._files.change(self._at(path), attributes, follow=follow)

    async def read_link(self, path: VPath) -> str:
        """Never: links are followed inside the folder, and not moved."""
        raise self._no_links(path)

    async def make_link(self, path: VPath, target: str) -> None:
        """Never."""
        raise self._no_links(path)

    async def make_hard_link(self, source: VPath, target: VPath) -> None:
        """Never."""
        raise self._no_links(target)

    async def usage(self, path: VPath) -> Usage:
        """The room on the volume."""
        return await self._files.usage(self._at(path))

    def real_path(self, path: VPath) -> str:
        """Where the path is on the disk."""
        return self._files.real_path(VPath((*self._base.parts, *path.parts)))

    async def close(self) -> None:
        """Let go of the folder; nothing can be done with it any more."""
        self._closed = True
        await self._files.close()

    def _at(self, path: VPath) -> VPath:
        if self._closed:
            raise Refused(Reason.ABORTED, str(path), "the folder was closed")
        return VPath((*self._base.parts, *path.parts))

    def _no_links(self, path: VPath) -> Refused:
        self._at(path)
        return Refused(Reason.UNSUPPORTED, str(path), "links are not transferred")
