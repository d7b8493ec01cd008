"""Whether an upload's temporary is being written now, by this process or another."""

import errno
import fcntl
import os
import struct
from typing import Final

# struct flock, whole file. Locks of an open file description (fcntl(2), "OFD") conflict between
# two opens in one process too, end when the last descriptor does, and can be asked for untaken.
_OFD: Final = hasattr(fcntl, "F_OFD_SETLK")
_WHOLE: Final = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
# ESTALE is a network file system's answer where another machine has put the file in its place, or
# removed it, since it was opened.
_TAKEN: Final = frozenset({errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.ESTALE})


def claim(descriptor: int) -> bool | None:
    """Claim an open file until it is closed; it must be open for writing.

    True when it is ours now, False when somebody else has it or has done with it, None when this
    storage has no locks to tell by.
    """
    try:
        if _OFD:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _WHOLE)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _TAKEN else None
    return True


def claimed(descriptor: int) -> bool:
    """Whether somebody else has claimed an open file; also true where there are no locks."""
    try:
        if _OFD:
            answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _WHOLE)
            return int(struct.unpack_from("h", answer)[0]) != fcntl.F_UNLCK
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError:
        return True
    return False
