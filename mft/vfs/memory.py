"""A tree in memory as a `FileSystem`: the fake that tests use, and the reference for the others."""

import os
import stat
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.vfs import links
from mft.vfs.base import Attributes, Entry, Existing, Usage
from mft.vfs.lane import PERMISSION_BITS
from mft.vfs.listing import BATCH
from mft.vfs.memory_tree import MAX_FILE, UMASK, MemoryLane, MemoryTree, Node
from mft.vfs.refusal import refusal
from mft.vfs.resolve import spelled

INTERRUPTED_UPLOAD_LIFETIME: Final = 86400.0  # seconds
_BLOCK: Final = 4096


class MemoryDownload:
    """A `Download` from memory."""

    def __init__(self, lane: MemoryLane, entry: Entry, real_path: str) -> None:
        self.lane = lane
        self.entry = entry
        self.real_path = real_path

    async def close(self) -> None:
        """Refuse more reads."""
        self.lane.close()


class MemoryListing:
    """A `Listing` of what was in a directory when it began."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._entries = entries

    async def batch(self) -> Sequence[Entry]:
        """The next entries."""
        return list(islice(self._entries, BATCH))

    async def close(self) -> None:
        """Nothing is held."""


class MemoryUpload:
    """An `Upload` to memory."""

    def __init__(
        self,
        files: "MemoryFileSystem",
        path: VPath,
        folder: Node,
        node: Node,
        *,
        how: Existing,
        in_place: bool,
        replaced: Node | None,
        mode: int | None,
    ) -> None:
        self.lane = MemoryLane(node, files.tree, str(path), files.limit)
        self.start = len(node.data)
        self.in_place = in_place
        self.real_path = files.real_path(path)
        self.replaced = replaced is not None
        self.committed = False
        self._tree = files.tree
        self._path = path
        self._key = (files.owner, path.name)
        self._folder = folder
        self._node = node
        self._mode = mode
        self._only_new = how is Existing.REFUSE
        self._ended = False
        self._first = not in_place and self._key not in folder.live
        if self._first:
            folder.live.add(self._key)

    async def commit(self, *, durable: bool) -> None:
        """Put the file under its name; Refused as the disk would."""
        if self._ended:
            raise Refused(Reason.ABORTED, str(self._path), "the upload has ended")
        keep = True
        try:
            if self.lane.broken is not None:
                raise self.lane.broken
            if self.in_place:
                self._check_name()
            else:
                keep = not (self._only_new and self._path.name in self._folder.children)
                self._put()
        except Refused:
            await self.abort(keep=keep)
            raise
        self.committed = True
        self._end()

    def _check_name(self) -> None:
        if self._folder.children.get(self._path.name) is not self._node and not self._tree.has(
            self._node
        ):
            details = "the file was removed during the upload"
            raise Refused(Reason.NOT_FOUND, str(self._path), details)

    async def abort(self, *, keep: bool) -> None:
        """End without committing."""
        if self._ended:
            return
        self._end()
        if keep and not self.in_place and self._node.data and self._key not in self._folder.live:
            self._folder.kept[self._key] = self._node

    async def leave_hole(self) -> None:
        """Nothing: what is in memory is not there after a kill."""

    async def divert(self, folder: str, name: str) -> None:
        """Write the file to the disk, outside the tree."""
        if self._ended or self.in_place:
            raise Refused(Reason.ABORTED, str(self._path), "the upload has ended")
        self._end()
        try:
            descriptor = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(self._node.data)
        except OSError as error:
            raise refusal(error, folder) from None

    def reopen(self) -> int:
        """There is no descriptor of what is in memory."""
        raise Refused(Reason.UNSUPPORTED, str(self._path), "it is in memory")

    def _put(self) -> None:
        if self._tree.find(self._path.parent) is not self._folder:
            raise Refused(Reason.NOT_FOUND, str(self._path), "the directory was moved")
        present = self._folder.children.get(self._path.name)
        if present is not None and self._only_new:
            raise Refused(Reason.EXISTS, str(self._path))
        if present is not None and present.is_directory:
            raise Refused(Reason.IS_A_DIRECTORY, str(self._path))
        if self._mode is not None and self.lane.mode is None:
            self._node.mode = stat.S_IFREG | self._mode
        self._folder.children[self._path.name] = self._node
        if not self._first:
            self._folder.kept.pop(self._key, None)

    def _end(self) -> None:
        self._ended = True
        self.lane.close()
        if self._first:
            self._folder.live.discard(self._key)


class MemoryFileSystem:
    """A `FileSystem` in memory, for one owner of a tree that others may share."""

    def __init__(
        self,
        tree: MemoryTree | None = None,
        owner: str = "owner",
        *,
        file_write_size: int = 0,
        lifetime: float = INTERRUPTED_UPLOAD_LIFETIME,
    ) -> None:
        self.tree = tree or MemoryTree(time.time)
        self.owner = owner
        self.limit = file_write_size
        self._lifetime = lifetime

    async def stat(self, path: VPath, *, follow: bool = True, finished: bool = False) -> Entry:
        """What is under a path; the owner's interrupted upload comes first, unless `finished`."""
        if path.is_root:
            return self.tree.root.entry("")
        folder = self._folder(path, Reason.INVALID)
        node = folder.children.get(path.name)
        if not finished and (node is None or not node.is_directory):
            interrupted = self._interrupted(folder, path.name)
            if interrupted is not None:
                return interrupted.entry(path.name)._replace(interrupted=True)
        if node is None or (node.is_link and follow):
            node = self.tree.find(path)
        return node.entry(path.name)

    async def list(self, path: VPath) -> MemoryListing:
        """Begin to read a directory."""
        spelled(path)
        directory = self.tree.directory(path)
        return MemoryListing(
            iter([child.entry(name) for name, child in directory.children.items()])
        )

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> MemoryUpload:
        """Begin an upload; see `Existing` for what it means for what is there."""
        folder = self._folder(path, Reason.IS_A_DIRECTORY)
        present = folder.children.get(path.name)
        if present is not None and present.is_directory:
            raise Refused(Reason.IS_A_DIRECTORY, str(path))
        if present is not None and how is Existing.REFUSE:
            raise Refused(Reason.EXISTS, str(path))
        kept = self._interrupted(folder, path.name)
        folder.kept.pop((self.owner, path.name), None)
        if how in (Existing.REFUSE, Existing.REPLACE):
            kept = None
        elif kept is None and present is not None:
            if present.is_link:
                raise Refused(Reason.DENIED, str(path), "a link")
            return MemoryUpload(
                self, path, folder, present, how=how, in_place=True, replaced=present, mode=None
            )
        node = kept or self.tree.node(stat.S_IFREG | mode & PERMISSION_BITS & ~UMASK)
        exact = present.mode & PERMISSION_BITS if present and not present.is_link else None
        return MemoryUpload(
            self, path, folder, node, how=how, in_place=False, replaced=present, mode=exact
        )

    async def download(self, path: VPath) -> MemoryDownload:
        """Open a finished file; the owner's interrupted upload of it is discarded."""
        folder = self._folder(path, Reason.IS_A_DIRECTORY)
        node = self.tree.find(path)
        if node.is_directory:
            raise Refused(Reason.IS_A_DIRECTORY, str(path))
        folder.kept.pop((self.owner, path.name), None)
        lane = MemoryLane(node, self.tree, str(path))
        return MemoryDownload(lane, node.entry(path.name), self.real_path(path))

    async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
        """Make a directory; its parent must be there."""
        self._put(path, self.tree.node(stat.S_IFDIR | mode & PERMISSION_BITS & ~UMASK))

    async def remove(self, path: VPath) -> None:
        """Remove a file or a link, and the owner's interrupted upload; never a directory."""
        folder = self._folder(path, Reason.IS_A_DIRECTORY)
        node = folder.children.get(path.name)
        kept = self._interrupted(folder, path.name)
        if node is None and kept is None:
            raise Refused(Reason.NOT_FOUND, str(path))
        if node is not None and node.is_directory:
            raise Refused(Reason.IS_A_DIRECTORY, str(path))
        folder.children.pop(path.name, None)
        folder.kept.pop((self.owner, path.name), None)

    async def remove_directory(self, path: VPath) -> None:
        """Remove an empty directory; what interrupted uploads left in it goes with it."""
        folder = self._folder(path, Reason.DENIED)
        node = self.tree.find(path, follow=False)
        if not node.is_directory:
            raise Refused(Reason.NOT_A_DIRECTORY, str(path))
        if node.children or node.live:
            raise Refused(Reason.NOT_EMPTY, str(path))
        del folder.children[path.name]

    async def rename(self, source: VPath, target: VPath, *, replace: bool) -> None:
        """Give a file, link or directory another name; never over a directory."""
        if target.within(source) and target != source:
            raise Refused(Reason.INVALID, str(target), "a directory cannot go into itself")
        old = self._folder(source, Reason.DENIED)
        new = self._folder(target, Reason.DENIED)
        node = old.children.get(source.name)
        if node is None:
            old.kept.pop((self.owner, source.name), None)
            raise Refused(Reason.NOT_FOUND, str(source))
        present = new.children.get(target.name)
        if present is not None and (not replace or node.is_directory):
            raise Refused(Reason.EXISTS, str(source))
        if present is not None and present.is_directory:
            above = _holds(present, old)  # as Linux tells them apart
            raise Refused(Reason.NOT_EMPTY if above else Reason.IS_A_DIRECTORY, str(source))
        if _holds(node, new):
            raise Refused(Reason.INVALID, str(source), "a directory cannot go into itself")
        del old.children[source.name]
        new.children[target.name] = node
        old.kept.pop((self.owner, source.name), None)
        new.kept.pop((self.owner, target.name), None)

    async def change(self, path: VPath, attributes: Attributes, *, follow: bool = True) -> None:
        """Set attributes of a file or directory; not of the root, not of links."""
        spelled(path)
        if path.is_root:
            raise Refused(Reason.DENIED, "/", "the root stays what it is")
        if attributes.size is not None and 0 < self.limit < attributes.size:
            raise Refused(Reason.QUOTA, str(path))
        node = self.tree.find(path, follow=follow)
        if node.is_link:
            reason = Reason.UNSUPPORTED if attributes.size is None else Reason.DENIED
            raise Refused(reason, str(path), "links have no attributes of their own")
        if attributes.size is not None and node.is_directory:
            raise Refused(Reason.IS_A_DIRECTORY, str(path))
        node.change(attributes, self.tree.now())

    async def read_link(self, path: VPath) -> str:
        """Where a link leads, as relative text; Refused(DENIED) for one that leads outside."""
        self._folder(path, Reason.INVALID)
        node = self.tree.find(path, follow=False)
        if not node.is_link:
            raise Refused(Reason.INVALID, str(path), "not a link")
        return links.shown(path.parent, node.text)

    async def make_link(self, path: VPath, target: str) -> None:
        """Make a link to a virtual path, relative or absolute; stored as a relative one."""
        text = links.relative(path.parent, links.aim(path.parent, target))
        node = self.tree.node(stat.S_IFLNK | PERMISSION_BITS)
        node.text = text
        self._put(path, node)

    async def make_hard_link(self, source: VPath, target: VPath) -> None:
        """Give a regular file, never a link, a second name."""
        old = self._folder(source, Reason.DENIED)
        self._folder(target, Reason.DENIED)
        node = old.children.get(source.name)
        if node is None:
            raise Refused(Reason.NOT_FOUND, str(source))
        if not stat.S_ISREG(node.mode):
            raise Refused(Reason.DENIED, str(source), "not a regular file")
        self._put(target, node)

    async def usage(self, path: VPath) -> Usage:
        """The room of one largest file."""
        spelled(path)
        self.tree.find(path)
        blocks = MAX_FILE // _BLOCK
        return Usage(_BLOCK, blocks, blocks, blocks, 0, 0, 255)

    def real_path(self, path: VPath) -> str:
        """The virtual path: there is no other."""
        return f"memory:{path}"

    async def close(self) -> None:
        """Nothing is held."""

    def _folder(self, path: VPath, of_root: Reason) -> Node:
        spelled(path)
        if path.is_root:
            raise Refused(of_root, "/", "the root stays what it is")
        return self.tree.directory(path.parent)

    def _interrupted(self, folder: Node, name: str) -> Node | None:
        kept = folder.kept.get((self.owner, name))
        if kept is None or self.tree.now() - kept.changed > self._lifetime:
            return None
        return kept

    def _put(self, path: VPath, node: Node) -> None:
        folder = self._folder(path, Reason.EXISTS)
        if path.name in folder.children:
            raise Refused(Reason.EXISTS, str(path))
        folder.children[path.name] = node
        folder.kept.pop((self.owner, path.name), None)


def _holds(node: Node, other: Node) -> bool:
    return node is other or any(_holds(child, other) for child in node.children.values())
