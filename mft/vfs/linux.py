"""The Linux system calls that Python has no name for, each absent where the kernel has it not."""

import ctypes
import errno
import os
import re
import struct
import sys
from collections.abc import Callable
from functools import cache
from typing import Final

SYS_OPENAT2: Final = 437  # the same number on every architecture
RESOLVE_NO_MAGICLINKS: Final = 0x02
RESOLVE_BENEATH: Final = 0x08
RENAME_NOREPLACE: Final = 0x01
_HOW = struct.Struct("=QQQ")  # struct open_how: flags, mode, resolve
_FDINFO_BYTES = 4096  # of /proc/PID/fdinfo of a folder; what we want is in its first lines
_MOUNT = re.compile(rb"^mnt_id:\s*(\d+)$", re.MULTILINE)
_ESCAPED = re.compile(rb"\\([0-7]{3})")  # a space and its like in /proc/PID/mountinfo
_STATFS_BYTES = 256  # struct statfs has at most 120 bytes; its first word is the type

# statfs(2) f_type of storage that a network or another process serves: it can stall at any call.
REMOTE_TYPES: Final = frozenset(
    {
        0x6969,  # NFS
        0xFF534D42,  # CIFS
        0xFE534D42,  # SMB2
        0x517B,  # SMB
        0x65735546,  # FUSE, virtiofs
        0x00C36400,  # Ceph
        0x5346414F,  # AFS
        0x73757245,  # Coda
        0x01021997,  # 9P
        0x0BD00BD0,  # Lustre
        0x47504653,  # GPFS
    }
)
MEMORY_TYPES: Final = frozenset({0x01021994, 0x858458F6})  # tmpfs, ramfs: nothing to sync


class Openat2:
    """openat2(2) that never leaves the directory that it starts from, nor follows /proc's links."""

    def __init__(self) -> None:
        """Raises OSError where the kernel, or a sandbox around us, does not have the call."""
        if not sys.platform.startswith("linux"):
            raise OSError(errno.ENOSYS, "openat2 is a Linux call")
        call = ctypes.CDLL(None, use_errno=True).syscall
        call.restype = ctypes.c_long
        call.argtypes = (
            ctypes.c_long,
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
        )
        self._call = call
        # One structure per set of flags; the kernel only reads them, so threads share them.
        # A program has a handful of flag sets, so this stays small.
        self._hows: dict[int, tuple[ctypes.Array[ctypes.c_char], int]] = {}
        root = os.open("/", os.O_PATH | os.O_CLOEXEC)
        try:
            os.close(self(root, b".", os.O_PATH))
        finally:
            os.close(root)

    def __call__(self, root: int, path: bytes, flags: int) -> int:
        """Open `path` beneath `root`; raises OSError, EXDEV for what would leave it."""
        how = self._hows.get(flags)
        if how is None:
            packed = _HOW.pack(flags | os.O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
            buffer = ctypes.create_string_buffer(packed, _HOW.size)
            how = self._hows[flags] = (buffer, ctypes.addressof(buffer))
        opened: int = self._call(SYS_OPENAT2, root, path, how[1], _HOW.size)
        if opened < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return opened


class Renameat2:
    """renameat2(2) with RENAME_NOREPLACE: a rename that fails when the target is there."""

    def __init__(self) -> None:
        """Raises OSError where the C library does not have the call."""
        try:
            call = ctypes.CDLL(None, use_errno=True).renameat2
        except AttributeError:
            raise OSError(errno.ENOSYS, "no renameat2") from None
        call.restype = ctypes.c_int
        call.argtypes = (
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_uint,
        )
        self._call = call

    def __call__(self, source: int, old: str, target: int, new: str) -> None:
        """Rename within two directories; raises OSError, EEXIST when the target is there."""
        names = os.fsencode(old), os.fsencode(new)
        if self._call(source, names[0], target, names[1], RENAME_NOREPLACE) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))


def storage_type(descriptor: int) -> int:
    """The `f_type` of statfs(2) for an open file; 0 where this system does not tell."""
    if not sys.platform.startswith("linux"):
        return 0
    buffer = ctypes.create_string_buffer(_STATFS_BYTES)
    if _fstatfs()(descriptor, buffer) != 0:
        return 0
    return ctypes.c_ulong.from_buffer(buffer).value & 0xFFFFFFFF


@cache
def _fstatfs() -> Callable[..., int]:
    """The system's call, found once: it is made at every login."""
    call = ctypes.CDLL(None).fstatfs
    call.argtypes = ctypes.c_int, ctypes.c_void_p
    return call


def mount_of(descriptor: int) -> int:
    """The ID of the mount that an open file is on; 0 where this system does not tell.

    Two mounts of one device (bind mounts) have the same device, and IDs of their own.
    """
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", "rb") as file:
            found = _MOUNT.search(file.read(_FDINFO_BYTES))
    except OSError:
        return 0
    return int(found[1]) if found else 0


def mount_points() -> list[str]:
    """Where something is mounted, as far as this process sees; nothing where nobody tells."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    fields = (line.split(b" ", 5) for line in lines)
    return [os.fsdecode(_ESCAPED.sub(_plain, each[4])) for each in fields if len(each) > 5]


def _plain(escaped: re.Match[bytes]) -> bytes:
    return bytes((int(escaped[1], 8),))
