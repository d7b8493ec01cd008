"""One file of a dispatcher comes into being: as a second name of the source, or as a copy.

Until it is whole it has a temporary name; then it has its own, at once.
"""

import errno
import os
import stat
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Final, Literal, NamedTuple

from mft.core.failure import Reason, Refused
from mft.handlers.dispatcher_record import (
    Identity,
    Intent,
    NotRecordedError,
    Record,
    Target,
    Version,
)
from mft.handlers.dispatcher_roots import Place, Roots, open_file, open_folder
from mft.vfs.claim import claim
from mft.vfs.rename import RenameNew

BLOCK: Final = 1 << 20  # bytes of one read and write
BLOCKS: Final = 8  # of one step, after which others have their turn on the disk pool
TRIES: Final = 3  # to copy a file that is written meanwhile
PERMISSIONS: Final = 0o777
TAKEN_AWAY: Final = "somebody has taken away what was being made"
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# What is said where a file cannot have a second name there; ENOENT where there is no /proc, or
# where the source has no name any more.
_NO_LINKS: Final = frozenset(
    {
        errno.EXDEV,
        errno.EPERM,
        errno.EACCES,
        errno.EMLINK,
        errno.EOPNOTSUPP,
        errno.ENOSYS,
        errno.ENOENT,
    }
)


class How(NamedTuple):
    """What the options say about files that come into being."""

    overwrite_rule: Literal["fail", "overwrite", "skip", "disable"] = "fail"
    create_folder: bool = False


class Source(NamedTuple):
    """The open file that is dispatched."""

    descriptor: int
    identity: Identity
    folder: Identity
    name: str


def identity_of(status: os.stat_result) -> Identity:
    """What tells a file from every other one that is there at the same time."""
    return status.st_dev, status.st_ino


def version_of(status: os.stat_result) -> Version:
    """What changes when a file is written."""
    return status.st_size, status.st_mtime_ns


def present(folder: int, name: str) -> os.stat_result | None:
    """What has a name now, links not followed; None for nothing."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


class Making:
    """Makes the targets of one intent."""

    def __init__(
        self, intent: Intent, record: Record, roots: Roots, how: How, rename_new: RenameNew
    ) -> None:
        self._intent = intent
        self._record = record
        self._roots = roots
        self._how = how
        self._rename_new = rename_new

    def folder(self, place: Place) -> int:
        """Open the folder that a target is to be in; it is made where the options say so."""
        return open_folder(place, create=self._how.create_folder)

    def settle(self, target: Target) -> None:
        """Find out how far a kill let it come; raises OSError, Refused and NotRecordedError."""
        if target.made is None or target.done:
            return
        place = self._roots.place(target.path)
        try:
            folder = open_folder(place, create=False)
        except FileNotFoundError:
            self._forget(target)
            return
        try:
            if _was_published(folder, place.name, target):
                _remove_unfinished(folder, target)
                target.done = True
            else:
                self._discard(folder, target)
        finally:
            os.close(folder)

    def make(self, target: Target, source: Source, *, link: bool) -> Iterator[None]:
        """Make one, in steps; nothing where that is done. Raises OSError and Refused.

        With `link` it may become the source itself under a second name.
        """
        current = target.copied in (None, version_of(os.fstat(source.descriptor)))
        if target.skipped or (target.done and current):
            return
        place = self._roots.place(target.path)
        folder = self.folder(place)
        try:
            if (identity_of(os.fstat(folder)), place.name) == (source.folder, source.name):
                raise Refused(Reason.INVALID, target.path, "the destination is the file itself")
            replace = self._replaces(target, present(folder, place.name))
            if replace is None:
                return
            target.done = False
            if link and self._link(folder, target, source):
                self._publish(folder, place.name, target, replace)
                return
            yield from self._copy(folder, place.name, target, source, replace)
        finally:
            os.close(folder)

    def _replaces(self, target: Target, found: os.stat_result | None) -> bool | None:
        """Whether what has the name is replaced; None where it stays and the target is skipped."""
        if found is not None and stat.S_ISDIR(found.st_mode):
            raise Refused(Reason.IS_A_DIRECTORY, target.path)
        if self._how.overwrite_rule in ("overwrite", "disable"):
            return True
        if found is None:
            return False
        if target.done and identity_of(found) == target.made:
            return True  # it is ours, of what the source was before
        self._taken(target)
        return None

    def _taken(self, target: Target) -> None:
        if self._how.overwrite_rule != "skip":
            raise Refused(Reason.EXISTS, target.path)
        target.skipped = True

    def _link(self, folder: int, target: Target, source: Source) -> bool:
        """Give the open source a second name; False where that is not possible."""
        if os.fstat(folder).st_dev != source.identity[0]:
            return False
        if target.shown and present(folder, target.shown) is not None:
            raise Refused(Reason.EXISTS, target.shown)  # as for a copy, which would have that name
        remove(folder, target.temporary)
        # By its descriptor: whatever has the name of the source by now.
        opened = f"/proc/self/fd/{source.descriptor}"
        try:
            os.link(opened, target.temporary, dst_dir_fd=folder, follow_symlinks=True)
        except FileExistsError:
            raise Refused(Reason.EXISTS, target.temporary) from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return False
        target.made, target.copied, target.whole = source.identity, None, True
        target.folder = identity_of(os.fstat(folder))
        try:
            if not self._record.is_on(source.identity[0]):
                _sync(folder, target.temporary)  # or a power failure keeps the record alone
            self._record.save(self._intent)
        except Exception:
            self._discard(folder, target)
            raise
        return True

    def _copy(
        self, folder: int, name: str, target: Target, source: Source, replace: bool
    ) -> Iterator[None]:
        for _ in range(TRIES):
            opened = _create(folder, target.temporary)
            try:
                if (yield from self._fill(folder, opened, target, source)):
                    break
                self._discard(folder, target)
            except Exception:
                self._discard(folder, target)
                raise
            finally:  # a handler that is stopped in the middle goes on like one that was killed
                os.close(opened)
        else:
            raise Refused(Reason.BUSY, self._intent.path, "it is being written all the time")
        self._publish(folder, name, target, replace)

    def _fill(
        self, folder: int, opened: int, target: Target, source: Source
    ) -> Generator[None, None, bool]:
        """Copy everything; False where the source was written meanwhile."""
        claim(opened)  # no sweeper takes it for an upload that nobody continues
        before = os.fstat(source.descriptor)
        target.made, target.copied = identity_of(os.fstat(opened)), version_of(before)
        target.folder, target.whole = identity_of(os.fstat(folder)), False
        self._record.save(self._intent)
        self._show(folder, target)
        yield from _bytes(source.descriptor, opened, before.st_size)
        if version_of(os.fstat(source.descriptor)) != target.copied:
            return False
        os.fchmod(opened, before.st_mode & PERMISSIONS)
        os.utime(opened, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.fsync(opened)
        self._hide(folder, target)
        target.whole = True
        self._record.save(self._intent)
        return True

    def _show(self, folder: int, target: Target) -> None:
        """Give it the name that the options want until it is whole.

        It has a hidden one first: what a kill leaves is known by what was recorded of that.
        """
        if not target.shown:
            return
        try:
            self._rename_new(folder, target.temporary, folder, target.shown)
        except FileExistsError:
            raise Refused(Reason.EXISTS, target.shown) from None

    def _hide(self, folder: int, target: Target) -> None:
        """Give it its hidden name again: what is recorded as whole nobody else can take away."""
        if not target.shown:
            return
        found = present(folder, target.shown)
        if found is None or identity_of(found) != target.made:
            raise Refused(Reason.BUSY, target.shown, TAKEN_AWAY)
        self._rename_new(folder, target.shown, folder, target.temporary)

    def _publish(self, folder: int, name: str, target: Target, replace: bool) -> None:
        """Give what is whole its name."""
        now = target.temporary
        found = present(folder, now)
        if found is None or identity_of(found) != target.made:
            self._discard(folder, target)
            raise Refused(Reason.BUSY, now, TAKEN_AWAY)
        try:
            if replace:
                os.rename(now, name, src_dir_fd=folder, dst_dir_fd=folder)
                # Where both names are of one file already, the system does nothing.
                remove(folder, now)
            else:
                self._rename_new(folder, now, folder, name)
        except FileExistsError:
            self._discard(folder, target)
            self._taken(target)
        except OSError:
            self._discard(folder, target)
            raise
        else:
            target.done = True

    def sync(self) -> None:
        """Bring the names of copies to the disk; raises OSError and Refused.

        The source may be on another one, which would keep that it was removed.
        """
        for target in self._intent.targets:
            if target.done and target.copied is not None:
                place = self._roots.place(target.path)
                folder = open_folder(place, create=False)
                try:
                    _sync(folder, place.name)
                finally:
                    os.close(folder)

    def _discard(self, folder: int, target: Target) -> None:
        """Remove what did not get its name."""
        self._no_longer_whole(target)
        _remove_unfinished(folder, target)
        target.made = None

    def _forget(self, target: Target) -> None:
        self._no_longer_whole(target)
        target.made = None

    def _no_longer_whole(self, target: Target) -> None:
        """Record that before it is removed: what is whole and gone counts as published."""
        if not target.whole:
            return
        target.whole = False
        try:
            self._record.save(self._intent)
        except NotRecordedError:
            target.whole = True
            raise


def _unfinished(folder: int, target: Target) -> list[str]:
    """The names that it has until it gets its own; the hidden one is nobody else's."""
    names = [target.temporary] if present(folder, target.temporary) is not None else []
    if target.shown and target.made is not None:
        found = present(folder, target.shown)
        if found is not None and found.st_ino == target.made[1]:
            names.append(target.shown)
    return names


def _remove_unfinished(folder: int, target: Target) -> None:
    for name in _unfinished(folder, target):
        remove(folder, name)


def _was_published(folder: int, name: str, target: Target) -> bool:
    """Whether what was recorded as whole has got its name.

    Whoever reads the files may have taken it away since: only its temporary name tells, which no
    client can make go, and only in the very folder that it was made in.
    """
    if not target.whole or target.made is None or os.fstat(folder).st_dev != target.made[0]:
        return False
    if target.folder not in (None, identity_of(os.fstat(folder))):
        return False
    if not _unfinished(folder, target):
        return True
    # Without renameat2 it has both names for a moment.
    found = present(folder, name)
    return found is not None and identity_of(found) == target.made


def _create(folder: int, temporary: str) -> int:
    remove(folder, temporary)
    return os.open(temporary, _CREATE, 0o600, dir_fd=folder)


def remove(folder: int, name: str) -> None:
    """Remove a file that may be there."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _bytes(source: int, target: int, size: int) -> Iterator[None]:
    """Copy no more than so much: a file that grows meanwhile would never end."""
    offset = blocks = 0
    while offset < size and (block := os.pread(source, min(BLOCK, size - offset), offset)):
        view = memoryview(block)
        while view:
            view = view[os.write(target, view) :]
        offset += len(block)
        blocks += 1
        if blocks % BLOCKS == 0:
            yield


def _sync(folder: int, name: str) -> None:
    """Bring the names of a folder to the disk."""
    try:
        readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    except PermissionError:
        # It may be written but not read: a journal that has the file's sync has its name too.
        try:
            readable = open_file(folder, name)
        except FileNotFoundError:
            return
    try:
        os.fsync(readable)
    finally:
        os.close(readable)
