"""Attributes as SFTP tells them, and entries as file systems do."""

import stat
from typing import Final

from mft.vfs.base import Attributes, Entry
from mft.wire.sftp.attrs import Attrs

UNKNOWN: Final = 0  # what servers do not tell: times, sizes, types


def entry_of(name: str, attrs: Attrs, longname: bytes = b"") -> Entry:
    """An entry from what a server told; without a type it is what its `ls -l` line begins with."""
    mode = attrs.mode or UNKNOWN
    if not stat.S_IFMT(mode):
        mode |= _KINDS.get(longname[:1], stat.S_IFREG)
    return Entry(
        name,
        mode,
        attrs.size or UNKNOWN,
        attrs.modified or UNKNOWN,
        attrs.accessed or UNKNOWN,
        attrs.uid or UNKNOWN,
        attrs.gid or UNKNOWN,
    )


_KINDS: Final = {b"d": stat.S_IFDIR, b"l": stat.S_IFLNK, b"p": stat.S_IFIFO, b"s": stat.S_IFSOCK}


def sent_attrs(attributes: Attributes) -> Attrs:
    """What is to be set; version 3 knows the two times and the two owners only together."""
    accessed, modified = attributes.accessed, attributes.modified
    return Attrs(
        attributes.size,
        attributes.mode,
        modified if accessed is None else accessed,
        accessed if modified is None else modified,
        attributes.uid,
        attributes.gid,
    )
