"""What is done to one name of an open directory; raises OSError and Refused."""

import errno
import os
import stat
from collections.abc import Callable
from itertools import islice
from typing import Final

from mft.core.failure import Reason, Refused
from mft.core.vpath import RESERVED_PREFIX
from mft.vfs.base import Entry, Existing
from mft.vfs.lane import PERMISSION_BITS, entry
from mft.vfs.rename import RenameNew
from mft.vfs.resolve import SAFELY
from mft.vfs.temporary import OWNER_BITS, Temporaries, remove
from mft.vfs.upload import Begun
from mft.vfs.volume import LARGE

# Files that a dispatcher has on their way: whoever is started again looks for them, so that no
# client may make them go.
ON_ITS_WAY: Final = f"{RESERVED_PREFIX}dispatched-"
LEFTOVERS: Final = 500  # interrupted uploads removed with their directory; more keep it there
_IN_PLACE: Final = os.O_RDWR | os.O_NOFOLLOW | SAFELY
_LISTING: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def status_of(
    directory: int, name: str, temporaries: Temporaries, finished: bool
) -> tuple[os.stat_result, bool]:
    """What is under the name, links not followed; an interrupted upload comes first: then True.

    With `finished` there are no interrupted uploads.
    """
    if finished:
        return os.stat(name, dir_fd=directory, follow_symlinks=False), False
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        interrupted = temporaries.find(directory, name)
        if interrupted is None:
            raise
        return interrupted, True
    interrupted = None if stat.S_ISDIR(status.st_mode) else temporaries.find(directory, name)
    return (status, False) if interrupted is None else (interrupted, True)


def make_directory(directory: int, name: str, temporaries: Temporaries, mode: int) -> None:
    """Make a directory; special bits of `mode` are not for clients to give."""
    os.mkdir(name, mode & PERMISSION_BITS, dir_fd=directory)
    temporaries.discard(directory, name)


def is_large(directory: int, name: str, temporaries: Temporaries) -> bool:
    """Whether removing or replacing what is there frees a large file."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_size > LARGE
    except OSError:
        return False


def remove_file(directory: int, name: str, temporaries: Temporaries) -> None:
    """Remove a file or link, and the interrupted upload; one of them must be there."""
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        if not temporaries.discard(directory, name):
            raise
    else:
        temporaries.discard(directory, name)


def remove_same(
    directory: int,
    name: str,
    temporaries: Temporaries,
    same: Callable[[Entry], bool],
    rename_new: RenameNew,
) -> bool:
    """Remove a file if it is what it should be; False where it is not, or is another by then.

    It is moved aside for that: what somebody puts under its name meanwhile is looked at before it
    could go, and put back. What a kill leaves of that is for `finish_removal`.
    """
    finish_removal(directory, name, temporaries, same, rename_new)
    before = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if not same(entry(name, before, before.st_ctime_ns)):
        return False
    aside = temporaries.aside_name_of(name)
    try:
        os.rename(name, aside, src_dir_fd=directory, dst_dir_fd=directory)
    except PermissionError:  # the folder may take no new names
        remove_file(directory, name, temporaries)
        return True
    moved = os.stat(aside, dir_fd=directory, follow_symlinks=False)
    if _content(moved) != _content(before):
        _put_back(directory, aside, name, rename_new)
        return False
    os.unlink(aside, dir_fd=directory)
    temporaries.discard(directory, name)
    return True


def discard(directory: int, name: str, temporaries: Temporaries) -> None:
    """Remove the interrupted upload of a name, if there is one that nobody goes on with."""
    temporaries.discard(directory, name)


def finish_removal(
    directory: int,
    name: str,
    temporaries: Temporaries,
    same: Callable[[Entry], bool],
    rename_new: RenameNew,
) -> None:
    """Remove what a kill has left aside, or put it back where it is not what it should be."""
    aside = temporaries.aside_name_of(name)
    try:
        left = os.stat(aside, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    if same(entry(name, left)):  # without the time of its change, which a new name has changed
        os.unlink(aside, dir_fd=directory)
    else:
        _put_back(directory, aside, name, rename_new)


def _put_back(directory: int, aside: str, name: str, rename_new: RenameNew) -> None:
    try:
        rename_new(directory, aside, directory, name)
    except FileExistsError:  # a newer one is there already, in place of that
        os.unlink(aside, dir_fd=directory)


def _content(status: os.stat_result) -> tuple[int, ...]:
    """What tells two files, and two contents of one, apart whatever their names."""
    return status.st_ino, status.st_dev, status.st_size, status.st_mtime_ns


def remove_directory(directory: int, name: str, temporaries: Temporaries) -> None:
    """Remove a directory that a client would call empty."""
    try:
        os.rmdir(name, dir_fd=directory)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        _remove_leftovers(directory, name)
        os.rmdir(name, dir_fd=directory)


def _remove_leftovers(directory: int, name: str) -> None:
    below = os.open(name, _LISTING, dir_fd=directory)
    try:
        with os.scandir(below) as entries:
            names = [entry.name for entry in islice(entries, LEFTOVERS)]
        if all(map(_is_leftover, names)):
            for left in names:
                remove(below, left)
    finally:
        os.close(below)


def _is_leftover(name: str) -> bool:
    return name.startswith(RESERVED_PREFIX) and not name.startswith(ON_ITS_WAY)


def read_link(directory: int, name: str, temporaries: Temporaries) -> str:
    """The text of a link; EINVAL for what is none."""
    return os.readlink(name, dir_fd=directory)


def make_link(directory: int, name: str, temporaries: Temporaries, text: str) -> None:
    """Make a link with this text."""
    os.symlink(text, name, dir_fd=directory)
    temporaries.discard(directory, name)


def make_hard_link(source: int, old: str, target: int, new: str, temporaries: Temporaries) -> None:
    """Give a regular file a second name; EEXIST when the name is taken."""
    if not stat.S_ISREG(os.stat(old, dir_fd=source, follow_symlinks=False).st_mode):
        raise Refused(Reason.DENIED, "", "not a regular file")
    os.link(old, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    temporaries.discard(target, new)


def begin(
    directory: int, name: str, temporaries: Temporaries, how: Existing, mode: int, device: int
) -> Begun:
    """Open what an upload of `name` is written to."""
    present = _present(directory, name, how)
    if how is Existing.REFUSE and present is not None:
        raise Refused(Reason.EXISTS)
    going_on = how is Existing.EXTEND or how is Existing.MODIFY
    opened = temporaries.adopt(directory, name) if going_on else None
    if opened is None:
        if going_on and present is not None:
            return _in_place(directory, name, device)
        opened = temporaries.create(directory, name, mode & PERMISSION_BITS)
    exact: int | None = None
    if present is not None and stat.S_ISREG(present.st_mode):
        exact = present.st_mode & PERMISSION_BITS
    elif mode & OWNER_BITS != OWNER_BITS:
        exact = mode & PERMISSION_BITS
    return Begun(
        descriptor=opened.descriptor,
        temporary=opened.name,
        start=opened.size,
        replaced=present is not None,
        frees=present is not None and present.st_size > LARGE,
        mode=exact,
        masked=present is None,
        directory=directory,
        device=device,
    )


def _present(directory: int, name: str, how: Existing) -> os.stat_result | None:
    # Most uploads have a new name, and asking costs less than an exception. Where a C library
    # wrongly says no, the rename finds out; so only REPLACE, for which that is enough, asks.
    if how is Existing.REPLACE and not os.access(
        name, os.F_OK, dir_fd=directory, follow_symlinks=False
    ):
        return None
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise Refused(Reason.IS_A_DIRECTORY)
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        raise Refused(Reason.DENIED, "", "not a regular file")
    return status


def _in_place(directory: int, name: str, device: int) -> Begun:
    descriptor = os.open(name, _IN_PLACE, dir_fd=directory)
    size = regular(descriptor).st_size
    return Begun(
        descriptor=descriptor,
        temporary="",
        start=size,
        replaced=True,
        frees=False,
        mode=None,
        masked=False,
        directory=directory,
        device=device,
    )


def regular(descriptor: int) -> os.stat_result:
    """The status of an open file; closed and Refused when it is not a regular one."""
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return status
    os.close(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise Refused(Reason.IS_A_DIRECTORY)
    raise Refused(Reason.DENIED, "", "not a regular file")


def changeable(descriptor: int) -> None:
    """Refused unless an open file is a regular one or a directory."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISLNK(mode):
        raise Refused(Reason.UNSUPPORTED, "", "links have no attributes of their own")
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise Refused(Reason.DENIED, "", "not a regular file")
