"""From a virtual path to an open handle that no link and no race can lead out of its tree."""

import errno
import os
from typing import Final, Protocol

from mft.core.failure import Reason, Refused
from mft.core.vpath import MAX_NAME_BYTES, VPath, check_name
from mft.vfs.linux import Openat2

# openat2 answers EAGAIN where something was renamed or mounted anywhere on the machine while it
# followed a link with ".." in it; where that goes on, the path is walked instead.
TRIES: Final = 16
MAX_HOPS: Final = 40  # links followed for one path, as the kernel's own limit
MAX_STEPS: Final = 8192  # names opened for one path: the deepest path twice, links included
O_PATH: Final[int] = getattr(os, "O_PATH", os.O_RDONLY)
DIRECTORY: Final = O_PATH | os.O_DIRECTORY  # a handle to work relative to, not to read
# What opening a file for its bytes always has: no waiting on a fifo, no terminal to control us.
SAFELY: Final = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Opener(Protocol):
    """Open a path beneath a directory.

    Links are followed while they stay inside, the last one too unless `flags` has O_NOFOLLOW;
    one that leads out is Refused(DENIED). Anything else is OSError.
    """

    def __call__(self, root: int, path: bytes, flags: int, /) -> int:
        """Open `path`, relative to `root`, close-on-exec."""


class KernelOpener:
    """An `Opener` by openat2(2): the kernel itself keeps the path beneath its root."""

    def __init__(self) -> None:
        """Raises OSError where there is no openat2."""
        self._openat2 = Openat2()
        self._walk = WalkingOpener()

    def __call__(self, root: int, path: bytes, flags: int, /) -> int:
        """Open; one system call unless names are changed meanwhile."""
        for _ in range(TRIES):
            try:
                return self._openat2(root, path, flags)
            except OSError as error:
                if error.errno == errno.EXDEV:
                    raise _outside() from None
                if error.errno != errno.EAGAIN:
                    raise
        return self._walk(root, path, flags)


class WalkingOpener:
    """An `Opener` that walks name by name and reads every link itself; for any POSIX system."""

    def __call__(self, root: int, path: bytes, flags: int, /) -> int:
        """Open; one system call per name, two per link."""
        return _Walk(root, path, flags).opened()


class _Walk:
    """One path being walked: what is passed, what is ahead, and the bounds that end it."""

    def __init__(self, root: int, path: bytes, flags: int) -> None:
        self._root = root
        self._flags = flags | os.O_NOFOLLOW | os.O_CLOEXEC
        self._follow_last = not flags & os.O_NOFOLLOW
        # With O_PATH a last link itself would be opened, without an error to tell it by.
        self._look_first = self._follow_last and O_PATH != os.O_RDONLY and bool(flags & O_PATH)
        self._ahead = path.split(b"/")[::-1]  # the next name is the last
        self._passed: list[bytes] = []  # directories between the root and here, no links
        self._here = root
        self._hops = MAX_HOPS
        self._steps = MAX_STEPS

    def opened(self) -> int:
        """The handle of the last name."""
        try:
            while True:
                self._spend()
                name = self._ahead.pop()
                if name in (b"", b"."):
                    if not self._ahead:
                        return os.open(b".", self._flags, dir_fd=self._here)
                elif name == b"..":
                    self._climb()
                elif self._ahead:
                    self._descend(name)
                elif (last := self._last(name)) is not None:
                    return last
        finally:
            self._leave()

    def _spend(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))

    def _leave(self) -> None:
        if self._here != self._root:
            os.close(self._here)
        self._here = self._root

    def _climb(self) -> None:
        # Opening ".." would trust where this directory has been moved to; walk again instead.
        if not self._passed:
            raise _outside()
        self._ahead = self._ahead or [b"."]
        self._ahead += self._passed[-2::-1]
        self._passed.clear()
        self._leave()

    def _descend(self, name: bytes) -> None:
        try:
            below = os.open(name, DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._here)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            self._turn(name, error)
            return
        self._leave()
        self._here = below
        self._passed.append(name)

    def _last(self, name: bytes) -> int | None:
        if self._look_first and (target := self._link(name)) is not None:
            self._follow(target)
            return None
        try:
            return os.open(name, self._flags, dir_fd=self._here)
        except OSError as error:
            if not self._follow_last or error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            self._turn(name, error)
            return None

    def _turn(self, name: bytes, error: OSError) -> None:
        target = self._link(name)
        if target is None:
            raise error
        self._follow(target)

    def _link(self, name: bytes) -> bytes | None:
        try:
            return os.readlink(name, dir_fd=self._here)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return None
            raise

    def _follow(self, target: bytes) -> None:
        self._hops -= 1
        if self._hops < 0:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if target.startswith(b"/"):
            raise _outside()
        self._ahead += target.split(b"/")[::-1]


def _outside() -> Refused:
    return Refused(Reason.DENIED, "", "a link leads out of the tree")


def find_opener() -> Opener:
    """The best opener that this kernel, and a sandbox around us, allow."""
    try:
        return KernelOpener()
    except OSError:
        return WalkingOpener()


def spelled(path: VPath) -> str:
    """The path as relative text for system calls; Refused(INVALID) for a name that is none.

    Paths that `VPath.parse` made pass; this also holds for those that code put together.
    """
    parts = path.parts
    text = "/" + "/".join(parts)
    plain = text.isascii() and text.isprintable() and len(text) <= MAX_NAME_BYTES
    whole = "/." not in text and "//" not in text and text[-1] != "/"
    if plain and whole and text.count("/") == len(parts):
        return text[1:]
    for name in parts:
        if name in ("", ".", "..") or "/" in name:
            raise Refused(Reason.INVALID, str(path), "not a name")
        check_name(name)
    return text[1:]
