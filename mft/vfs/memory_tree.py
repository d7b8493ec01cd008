"""Files and directories in memory: nodes, the way to them, and the lane of a file's bytes."""

import stat
from collections.abc import Callable
from itertools import count
from typing import Final, Literal

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.vfs.base import Attributes, Buffers, Entry, Later
from mft.vfs.lane import PERMISSION_BITS
from mft.vfs.resolve import MAX_HOPS

MAX_FILE: Final = 256 << 20  # bytes of one file; the whole tree is as large as its test makes it
UMASK: Final = 0o022
Key = tuple[str, str]  # owner and name


class Node:
    """One file, directory or link."""

    def __init__(self, mode: int, number: int, now: float) -> None:
        self.mode = mode  # type and permission bits, as `st_mode`
        self.number = number
        self.modified = self.accessed = int(now)
        self.changed = now
        self.data = bytearray()  # a file's bytes
        self.text = ""  # a link's target
        self.children: dict[str, Node] = {}
        self.kept: dict[Key, Node] = {}  # interrupted uploads to this directory
        self.live: set[Key] = set()  # uploads that would be kept here under the first name

    @property
    def is_directory(self) -> bool:
        """Whether this is a directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether this is a symbolic link."""
        return stat.S_ISLNK(self.mode)

    def entry(self, name: str) -> Entry:
        """The node as a listing tells it."""
        size = len(self.text) if self.is_link else len(self.data)
        times = self.modified, self.accessed
        changed = int(self.changed * 1e9)
        return Entry(name, self.mode, size, *times, unique=self.number, changed=changed)

    def change(self, attributes: Attributes, now: float) -> None:
        """Set attributes; Refused(UNSUPPORTED) for another owner."""
        if attributes.uid or attributes.gid:
            raise Refused(Reason.UNSUPPORTED, "", "files have the owner that the server gives them")
        self.changed = now
        if attributes.size is not None:
            resize(self.data, attributes.size)
            self.modified = int(now)
        if attributes.mode is not None:
            self.mode = stat.S_IFMT(self.mode) | attributes.mode & PERMISSION_BITS
        if attributes.accessed is not None:
            self.accessed = attributes.accessed
        if attributes.modified is not None:
            self.modified = attributes.modified


class MemoryTree:
    """A tree that several owners' `MemoryFileSystem`s share; `now` is wall-clock time."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._numbers = count(1)
        self.root = self.node(stat.S_IFDIR | PERMISSION_BITS & ~UMASK)

    def node(self, mode: int) -> Node:
        """A new node, under no name yet."""
        return Node(mode, next(self._numbers), self.now())

    def has(self, node: Node) -> bool:
        """Whether a node has any name."""
        ahead = [self.root]
        while ahead:
            children = ahead.pop().children.values()
            if any(one is node for one in children):
                return True
            ahead += [one for one in children if one.is_directory]
        return False

    def find(self, path: VPath, *, follow: bool = True) -> Node:
        """The node of a path; links are followed inside the tree, the last one if asked."""
        ahead = list(path.parts[::-1])
        passed = [self.root]
        hops = MAX_HOPS
        while ahead:
            name = ahead.pop()
            if name == "..":
                if len(passed) == 1:
                    raise Refused(Reason.DENIED, str(path), "a link leads out of the tree")
                passed.pop()
                continue
            here = _child(passed[-1], name, path)
            if here.is_link and (ahead or follow):
                hops -= 1
                if hops < 0:
                    raise Refused(Reason.DENIED, str(path), "too many links")
                if here.text.startswith("/"):
                    raise Refused(Reason.DENIED, str(path), "a link leads out of the tree")
                ahead += [part for part in here.text.split("/")[::-1] if part not in ("", ".")]
            else:
                passed.append(here)
        return passed[-1]

    def directory(self, path: VPath) -> Node:
        """The directory of a path; Refused(NOT_A_DIRECTORY) for anything else."""
        node = self.find(path)
        if not node.is_directory:
            raise Refused(Reason.NOT_A_DIRECTORY, str(path))
        return node


def _child(parent: Node, name: str, path: VPath) -> Node:
    if not parent.is_directory:
        raise Refused(Reason.NOT_A_DIRECTORY, str(path))
    child = parent.children.get(name)
    if child is None:
        raise Refused(Reason.NOT_FOUND, str(path))
    return child


def resize(data: bytearray, size: int) -> None:
    """Cut or fill with zeros; Refused(NO_SPACE) past the largest file."""
    if size > MAX_FILE:
        raise Refused(Reason.NO_SPACE, "", f"more than {MAX_FILE} bytes")
    if size < len(data):
        del data[size:]
    else:
        data.extend(bytes(size - len(data)))


class MemoryLane:
    """A `Lane` over a node; it never answers LATER."""

    def __init__(self, node: Node, tree: MemoryTree, subject: str, limit: int = 0) -> None:
        self.broken: Refused | None = None
        self.mode: int | None = None
        self._node: Node | None = node
        self._tree = tree
        self._subject = subject
        self._limit = limit

    def fileno(self) -> int | None:
        """There is none."""
        return None

    def read_into(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Read what is there."""
        return self._read(views, offset)

    async def read_later(self, views: Buffers, offset: int) -> int:
        """Read what is there."""
        return self._read(views, offset)

    def write_from(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Write every byte."""
        return self._write(views, offset)

    async def write_later(self, views: Buffers, offset: int) -> int:
        """Write every byte."""
        return self._write(views, offset)

    async def stat(self) -> Entry:
        """The open file as it is now; its name is empty."""
        return self._open().entry("")

    async def change(self, attributes: Attributes) -> None:
        """Set attributes of the open file."""
        if attributes.size is not None:
            self._admit(attributes.size)
        self._open().change(attributes, self._tree.now())
        if attributes.mode is not None:
            self.mode = attributes.mode & PERMISSION_BITS

    async def sync(self) -> None:
        """Memory is as safe as it gets."""
        self._open()

    def close(self) -> None:
        """Refuse more calls."""
        self._node = None

    def _open(self) -> Node:
        if self._node is None:
            raise Refused(Reason.DENIED, self._subject, "the file is closed")
        return self._node

    def _admit(self, size: int) -> None:
        if self._limit and size > self._limit:
            details = f"{size} bytes is over the limit of {self._limit}"
            raise Refused(Reason.QUOTA, self._subject, details)

    def _read(self, views: Buffers, offset: int) -> int:
        data = self._open().data
        begun = offset
        for view in views:
            piece = data[offset : offset + len(view)]
            view[: len(piece)] = piece
            offset += len(piece)
        return offset - begun

    def _write(self, views: Buffers, offset: int) -> int:
        node = self._open()
        if self.broken is not None:
            raise self.broken
        wanted = sum(map(len, views))
        try:
            self._admit(offset + wanted)
            if offset + wanted > len(node.data):
                resize(node.data, offset + wanted)
        except Refused as refused:
            self.broken = Refused(refused.reason, self._subject, refused.details)
            raise self.broken from None
        for view in views:
            node.data[offset : offset + len(view)] = view
            offset += len(view)
        node.changed = self._tree.now()
        node.modified = int(node.changed)
        return wanted
