"""What storage is to the rest of the house: file systems, open files, and their lanes."""

import stat
from collections.abc import Sequence
from enum import Enum
from typing import Final, Literal, NamedTuple, Protocol

from mft.core.vpath import VPath


class Entry(NamedTuple):
    """One file, directory or link, as a listing or a stat tells it."""

    name: str
    mode: int  # type and permission bits, as `st_mode`
    size: int
    modified: int  # seconds since the epoch
    accessed: int
    uid: int = 0
    gid: int = 0
    links: int = 1
    unique: int = 0  # inode number, which two names of one file share; of HTTP that of a version
    changed: int = 0  # ns since the epoch, when content or attributes changed; no client sets it
    interrupted: bool = False  # an upload of its owner that is not finished

    @property
    def is_directory(self) -> bool:
        """Whether this is a directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """Whether this is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether this is a symbolic link."""
        return stat.S_ISLNK(self.mode)


class Attributes(NamedTuple):
    """Attributes to set; None leaves one as it is."""

    size: int | None = None
    mode: int | None = None  # permission bits only: 0o7777 at most
    accessed: int | None = None
    modified: int | None = None
    uid: int | None = None
    gid: int | None = None


class Usage(NamedTuple):
    """Room on the volume below a path, in bytes and files; 0 where the storage does not know."""

    block_size: int
    blocks: int
    free_blocks: int
    available_blocks: int
    files: int
    free_files: int
    max_name: int


class Existing(Enum):
    """What an upload means for what is already under its name."""

    REFUSE = "refuse"  # the name must be free
    REPLACE = "replace"  # temporary, then rename; an interrupted upload of the name is discarded
    EXTEND = "extend"  # continue the owner's interrupted upload, else append in place, else new
    MODIFY = "modify"  # continue the owner's interrupted upload, else write in place, else new


class Later(Enum):
    """The one answer of a lane that is not a count of bytes."""

    LATER = "later"


LATER: Final = Later.LATER
Buffers = Sequence[memoryview]


class Lane(Protocol):
    """An open file's bytes, moved without waiting; offsets are absolute.

    `read_into` and `write_from` never wait: they answer LATER when the storage would make them,
    and the caller then awaits the `_later` form, keeping its buffers alive meanwhile. Errors are
    Refused with the reason of the storage. Reading answers 0 at the end of the file.
    """

    def read_into(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Fill the views from the file; fewer bytes than wanted are the last of it."""

    def write_from(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Write every byte of the views."""

    async def read_later(self, views: Buffers, offset: int) -> int:
        """`read_into`, waiting for the storage."""

    async def write_later(self, views: Buffers, offset: int) -> int:
        """`write_from`, waiting for the storage."""

    def fileno(self) -> int | None:
        """The descriptor for sendfile, or None where there is none."""

    async def stat(self) -> Entry:
        """The open file as it is now; its name is empty."""

    async def change(self, attributes: Attributes) -> None:
        """Set attributes of the open file."""

    async def sync(self) -> None:
        """Put what is written on the disk."""


class Sendable(Lane, Protocol):
    """A lane whose `fileno` may be sent by the kernel itself (sendfile)."""

    def ready(self, offset: int, size: int) -> bool:
        """Whether sending these bytes would not wait for the storage."""

    async def fetch(self, offset: int, size: int) -> None:
        """Wait until these bytes are in memory."""


class Upload(Protocol):
    """A file being received: nothing is under its name until `commit`."""

    @property
    def lane(self) -> Lane:
        """Where its bytes go."""

    @property
    def start(self) -> int:
        """Bytes that are there already: what an interrupted upload left, or is appended to."""

    @property
    def in_place(self) -> bool:
        """Whether an existing finished file is being changed where it is."""

    @property
    def real_path(self) -> str:
        """Where the file will be, for the audit trail."""

    @property
    def replaced(self) -> bool:
        """Whether a finished file was under the name when the upload began."""

    async def commit(self, *, durable: bool) -> None:
        """Put the file under its name; with `durable`, file and directory are synced first."""

    async def abort(self, *, keep: bool) -> None:
        """Close without committing; `keep` leaves the bytes for their owner to continue."""

    async def leave_hole(self) -> None:
        """What is written next may leave a hole before it: nobody may go on with it after a kill.

        To be awaited before such a write; an `abort` that keeps the bytes ends it again, and is
        told of no more than comes without a hole.
        """

    async def divert(self, folder: str, name: str) -> None:
        """Close without committing: the file goes to a folder of this machine, under this name.

        Refused when it cannot; then nothing of it is kept.
        """

    def reopen(self) -> int:
        """A descriptor of its own for reading; blocks. Raises OSError, or Refused for none."""


class Download(Protocol):
    """A file being sent."""

    @property
    def lane(self) -> Lane:
        """Where its bytes come from."""

    @property
    def entry(self) -> Entry:
        """The file as it was when it was opened."""

    @property
    def real_path(self) -> str:
        """Where the file is, for the audit trail."""

    async def close(self) -> None:
        """Close the file; reads that run are waited for."""


class Listing(Protocol):
    """A directory being read, a batch at a time; memory does not grow with the directory."""

    async def batch(self) -> Sequence[Entry]:
        """The next entries in no order, without `.`, `..` and temporaries; empty at the end."""

    async def close(self) -> None:
        """Close the directory."""


class FileSystem(Protocol):
    """A tree of files. Paths are virtual and already normal; errors are Refused."""

    async def stat(self, path: VPath, *, follow: bool = True, finished: bool = False) -> Entry:
        """What is under a path; the owner's interrupted upload comes first, unless `finished`."""

    async def list(self, path: VPath) -> Listing:
        """Begin to read a directory."""

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> Upload:
        """Begin to receive a file."""

    async def download(self, path: VPath) -> Download:
        """Open a finished file; the owner's interrupted upload of it is discarded."""

    async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
        """Make a directory in one that is there."""

    async def remove(self, path: VPath) -> None:
        """Remove a file or a link, and the owner's interrupted upload; never a directory."""

    async def remove_directory(self, path: VPath) -> None:
        """Remove an empty directory."""

    async def rename(self, source: VPath, target: VPath, *, replace: bool) -> None:
        """Give a file, link or directory another name; `replace` allows another file under it."""

    async def change(self, path: VPath, attributes: Attributes, *, follow: bool = True) -> None:
        """Set attributes of a file or directory; never of the root."""

    async def read_link(self, path: VPath) -> str:
        """The target as a client may see it: virtual, never a real path."""

    async def make_link(self, path: VPath, target: str) -> None:
        """Make a symbolic link; a target outside the tree is Refused(DENIED)."""

    async def make_hard_link(self, source: VPath, target: VPath) -> None:
        """Give a regular file a second name on the same volume; the name must be free."""

    async def usage(self, path: VPath) -> Usage:
        """The room on the volume that a path lies on."""

    def real_path(self, path: VPath) -> str:
        """Where the path is on this machine's disk, for the audit trail."""

    async def close(self) -> None:
        """Let go of the tree; files that are open stay open."""
