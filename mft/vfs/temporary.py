"""The hidden temporaries of uploads: named so that their owner finds them again without records."""

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from mft.core.vpath import RESERVED_PREFIX
from mft.vfs.claim import claim, claimed
from mft.vfs.rename import RenameNew
from mft.vfs.resolve import SAFELY

DIGEST_CHARACTERS: Final = 32  # 128 bits in hexadecimal: no two names of a directory meet
OWNER_BITS: Final = 0o600  # we must be able to reopen what we keep; exact bits come at commit
TRIES: Final = 4  # to get a name that others race for; each loss means that another won
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | SAFELY
_WRITE: Final = os.O_RDWR | os.O_NOFOLLOW | SAFELY
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Temporary(NamedTuple):
    """An open temporary that is ours until it is closed."""

    descriptor: int
    name: str
    size: int


class Temporaries:
    """One owner's interrupted uploads, told by their names.

    Directories are open handles, names are last names. `lifetime` is in seconds since the last
    change of the file; an older one counts as gone. `now` is wall-clock time.
    """

    __slots__ = ("_last", "_lifetime", "_now", "_owner", "_token")

    def __init__(
        self,
        owner: str,
        lifetime: float,
        now: Callable[[], float],
        token: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        self._owner = owner.encode() + b"\0"
        self._lifetime = lifetime
        self._now = now
        self._token = token
        # A name and its temporary: a client asks for one file several times. One value, which
        # threads replace whole.
        self._last = "", ""

    def name_of(self, name: str) -> str:
        """The name of the owner's interrupted upload of `name`."""
        asked, temporary = self._last
        if asked != name or not temporary:
            digest = hashlib.sha256(self._owner + name.encode())
            temporary = RESERVED_PREFIX + digest.hexdigest()[:DIGEST_CHARACTERS]
            self._last = name, temporary
        return temporary

    def later_name_of(self, name: str) -> str:
        """A name under which nobody finds an upload of `name` that this process leaves behind."""
        return f"{self.name_of(name)}-{self._token(8)}"

    def aside_name_of(self, name: str) -> str:
        """The name under which a file is removed, so that what a kill leaves of that is found."""
        return f"{self.name_of(name)}-aside"

    def find(self, directory: int, name: str) -> os.stat_result | None:
        """The owner's interrupted upload of `name`: not one that is being written or too old."""
        temporary = self.name_of(name)
        if not os.access(temporary, os.F_OK, dir_fd=directory):
            return None
        try:
            descriptor = os.open(temporary, _READ, dir_fd=directory)
        except OSError:
            return None
        try:
            status = os.fstat(descriptor)
            if not self._lives(status) or claimed(descriptor):
                return None
            # One that has just been committed is not claimed any more, and has its own name.
            return status if is_named(directory, temporary, descriptor) else None
        except OSError:
            return None
        finally:
            _let_go(descriptor)

    def adopt(self, directory: int, name: str) -> Temporary | None:
        """Open the owner's interrupted upload of `name` to continue it."""
        temporary = self.name_of(name)
        descriptor = seize(directory, temporary)
        if descriptor is None:
            return None
        status = os.fstat(descriptor)
        if self._lives(status):
            return Temporary(descriptor, temporary, status.st_size)
        _let_go(descriptor)
        return None

    def discard(self, directory: int, name: str) -> bool:
        """Remove the owner's interrupted upload of `name`; false when there is none."""
        return remove(directory, self.name_of(name))

    def create(self, directory: int, name: str, mode: int) -> Temporary:
        """Make a new temporary, in place of an interrupted one; raises OSError.

        It has the deterministic name unless another upload of `name` is being written.
        """
        deterministic = self.name_of(name)
        temporary = deterministic
        for _ in range(TRIES):
            try:
                descriptor = os.open(temporary, _CREATE, mode | OWNER_BITS, dir_fd=directory)
            except FileExistsError:
                if remove(directory, deterministic):
                    continue
            else:
                if _is_ours(directory, temporary, descriptor):
                    return Temporary(descriptor, temporary, 0)
                _let_go(descriptor)
            temporary = self.later_name_of(name)
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    def keep(self, directory: int, temporary: str, name: str, move: RenameNew) -> None:
        """Leave an interrupted upload for its owner; the latest one wins. Raises OSError."""
        deterministic = self.name_of(name)
        if temporary == deterministic:
            return
        remove(directory, deterministic)
        try:
            move(directory, temporary, directory, deterministic)
        except FileExistsError:  # another upload of the name is being written: it is the latest
            os.unlink(temporary, dir_fd=directory)

    def _lives(self, status: os.stat_result) -> bool:
        # The change time is the one that no client can set.
        return stat.S_ISREG(status.st_mode) and self._now() - status.st_ctime <= self._lifetime


def is_later(temporary: str) -> bool:
    """Whether this is not the deterministic name: another upload had it when this one began."""
    return len(temporary) > len(RESERVED_PREFIX) + DIGEST_CHARACTERS


def seize(directory: int, temporary: str) -> int | None:
    """Open and claim a temporary that nobody writes; None when there is none such."""
    if not os.access(temporary, os.F_OK, dir_fd=directory):
        return None
    try:
        descriptor = os.open(temporary, _WRITE, dir_fd=directory)
    except OSError:
        return None
    try:
        if claim(descriptor) and is_named(directory, temporary, descriptor):
            return descriptor
    except OSError:
        pass
    _let_go(descriptor)
    return None


def remove(directory: int, temporary: str) -> bool:
    """Remove a temporary that nobody writes; false when there is none such."""
    descriptor = seize(directory, temporary)
    if descriptor is None:
        return False
    try:
        os.unlink(temporary, dir_fd=directory)
    except OSError:
        return False
    finally:
        _let_go(descriptor)
    return True


def expire(directory: int, temporary: str, before: float) -> os.stat_result | None:
    """Remove a temporary that nobody writes and that was last changed before a time.

    The status of what was removed; None when it stays. Where there are no locks to tell by,
    its age alone decides: nobody waits that long between two writes.
    """
    descriptor = os.open(temporary, _WRITE, dir_fd=directory)
    try:
        status = os.fstat(descriptor)
        old = stat.S_ISREG(status.st_mode) and status.st_ctime < before
        if not old or claim(descriptor) is False or not is_named(directory, temporary, descriptor):
            return None
        os.unlink(temporary, dir_fd=directory)
        return status
    finally:
        _let_go(descriptor)


def is_named(directory: int, temporary: str, descriptor: int) -> bool:
    """Whether a name is that of an open file, and not gone or another's; raises OSError.

    Between open and claim somebody else may have renamed it into place, or removed it.
    """
    try:
        here = os.stat(temporary, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    there = os.fstat(descriptor)
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)


def _let_go(descriptor: int) -> None:
    """Close what nothing was written into: a network file system may say that it has gone."""
    with suppress(OSError):
        os.close(descriptor)


def _is_ours(directory: int, temporary: str, descriptor: int) -> bool:
    """Whether what was made just now is claimed, and still there: another thread may have been
    in between, which took it for interrupted. Where there are no locks nobody takes it so.
    """
    claimed_now = claim(descriptor)
    if claimed_now is None:
        return True
    return claimed_now and is_named(directory, temporary, descriptor)
