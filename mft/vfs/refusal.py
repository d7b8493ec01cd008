"""What the operating system's refusals mean: errno to Reason, in this one place."""

from errno import (
    EACCES,
    EBADF,
    EBUSY,
    EDQUOT,
    EEXIST,
    EFBIG,
    EINVAL,
    EISDIR,
    ELOOP,
    EMFILE,
    EMLINK,
    ENAMETOOLONG,
    ENFILE,
    ENODEV,
    ENOENT,
    ENOSPC,
    ENOSYS,
    ENOTDIR,
    ENOTEMPTY,
    ENXIO,
    EOPNOTSUPP,
    EOVERFLOW,
    EPERM,
    EROFS,
    ESTALE,
    ETXTBSY,
    EXDEV,
)
from typing import Final

from mft.core.failure import Reason, Refused

REASONS: Final = {
    ENOENT: Reason.NOT_FOUND,
    EACCES: Reason.DENIED,
    EPERM: Reason.DENIED,
    EROFS: Reason.DENIED,
    EBUSY: Reason.DENIED,  # a mount point, or a directory in use by the system
    ETXTBSY: Reason.DENIED,
    EBADF: Reason.DENIED,  # a file opened for the other direction, or closed already
    ELOOP: Reason.DENIED,  # a link where none may be, or too many
    ENXIO: Reason.DENIED,  # a device or socket without its other side
    ENODEV: Reason.DENIED,
    EEXIST: Reason.EXISTS,
    ENOTDIR: Reason.NOT_A_DIRECTORY,
    EISDIR: Reason.IS_A_DIRECTORY,
    ENOTEMPTY: Reason.NOT_EMPTY,
    ENOSPC: Reason.NO_SPACE,
    EDQUOT: Reason.NO_SPACE,
    EFBIG: Reason.NO_SPACE,
    EMLINK: Reason.NO_SPACE,
    EMFILE: Reason.BUSY,
    ENFILE: Reason.BUSY,
    ESTALE: Reason.BUSY,  # another machine has changed it since it was looked up
    EXDEV: Reason.UNSUPPORTED,
    EOPNOTSUPP: Reason.UNSUPPORTED,
    ENOSYS: Reason.UNSUPPORTED,
    EINVAL: Reason.INVALID,
    EOVERFLOW: Reason.INVALID,
    ENAMETOOLONG: Reason.INVALID,
}


def refusal(error: OSError | OverflowError, subject: str) -> Refused:
    """The refusal for what the system said; its own words go to the audit log only.

    OverflowError is what Python says of numbers that no system call can take.
    """
    if not isinstance(error, OSError):
        return Refused(Reason.INVALID, subject, "no value that the storage can take")
    reason = REASONS.get(error.errno or 0, Reason.BROKEN)
    details = error.strerror or reason.value
    if error.errno == EXDEV:
        details = "source and target are on different volumes"
    return Refused(reason, subject, details)
