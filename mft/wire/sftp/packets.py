"""What an SFTP client asks: one value per request of version 3 (draft-ietf-secsh-filexfer-02).

Paths and handles are bytes as the peer sent them. Bytes after the last field of a request are
ignored, as OpenSSH ignores them: clients of later drafts append fields, and the last WRITE of
rclone 1.60 is as long as the one before it whatever it holds.
"""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any, Final, NamedTuple

from mft.core.failure import Malformed
from mft.wire.buffer import Reader, Writer
from mft.wire.sftp.attrs import Attrs
from mft.wire.sftp.extended import EXTENSIONS, NAMES, Extension
from mft.wire.sftp.fields import ATTRS, BYTES, U32, U64, VIEW, Field

VERSION_SPOKEN = 3  # we answer VERSION 3 whatever is asked for
MAX_EXTENSION_PAIRS = 64  # in one INIT or VERSION; OpenSSH sends 11

# SSH_FXP_*: packet types.
INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT = range(1, 11)
OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK = range(11, 21)
STATUS, HANDLE, DATA, NAME, ATTRIBUTES = range(101, 106)
EXTENDED, EXTENDED_REPLY = 200, 201

# SSH_FXF_*: how a file is opened (`Open.flags`).
FOR_READING = 0x01
FOR_WRITING = 0x02
APPEND = 0x04
CREATE = 0x08
TRUNCATE = 0x10
EXCLUSIVE = 0x20


class MalformedRequest(Malformed):
    """A request that cannot be read; `request_id` is what to answer, None where even that fails."""

    def __init__(self, request_id: int | None, problem: str) -> None:
        super().__init__(problem)
        self.request_id = request_id


class Init(NamedTuple):
    """The first packet: the version that the client speaks; it has no request id."""

    version: int
    extensions: tuple[tuple[bytes, bytes], ...] = ()


class Open(NamedTuple):
    """Open or create a file; `flags` are FOR_READING to EXCLUSIVE."""

    request_id: int
    path: bytes
    flags: int
    attrs: Attrs


class Close(NamedTuple):
    """Close a file or directory; for an upload this is its end."""

    request_id: int
    handle: bytes


class Read(NamedTuple):
    """Read up to `length` bytes; whoever serves it clamps the length."""

    request_id: int
    handle: bytes
    offset: int
    length: int


class Write(NamedTuple):
    """Write at an offset; `data` is borrowed from the packet."""

    request_id: int
    handle: bytes
    offset: int
    data: memoryview


class LStat(NamedTuple):
    """Attributes of a path; a link is not followed."""

    request_id: int
    path: bytes


class FStat(NamedTuple):
    """Attributes of an open file."""

    request_id: int
    handle: bytes


class SetStat(NamedTuple):
    """Change attributes of a path."""

    request_id: int
    path: bytes
    attrs: Attrs


class FSetStat(NamedTuple):
    """Change attributes of an open file."""

    request_id: int
    handle: bytes
    attrs: Attrs


class OpenDir(NamedTuple):
    """Begin a listing."""

    request_id: int
    path: bytes


class ReadDir(NamedTuple):
    """The next part of a listing."""

    request_id: int
    handle: bytes


class Remove(NamedTuple):
    """Delete a file."""

    request_id: int
    path: bytes


class MkDir(NamedTuple):
    """Make a directory."""

    request_id: int
    path: bytes
    attrs: Attrs


class RmDir(NamedTuple):
    """Delete an empty directory."""

    request_id: int
    path: bytes


class RealPath(NamedTuple):
    """The absolute form of a path."""

    request_id: int
    path: bytes


class Stat(NamedTuple):
    """Attributes of a path; links are followed."""

    request_id: int
    path: bytes


class Rename(NamedTuple):
    """Rename; in version 3 the new name must be free."""

    request_id: int
    source: bytes
    target: bytes


class ReadLink(NamedTuple):
    """Where a symbolic link points."""

    request_id: int
    path: bytes


class SymLink(NamedTuple):
    """Make a symbolic link at `path` that points to `target`.

    The target comes first on the wire. The draft says the opposite, but OpenSSH's server read
    them in this order from the start, and clients send what works there.
    """

    request_id: int
    target: bytes
    path: bytes


class Unsupported(NamedTuple):
    """A request that we do not know: answer OP_UNSUPPORTED. `name` is that of an extension."""

    request_id: int
    kind: int
    name: bytes = b""


Request = (
    (Init | Open | Close | Read | Write | LStat | FStat | SetStat | FSetStat | OpenDir | ReadDir)
    | (Remove | MkDir | RmDir | RealPath | Stat | Rename | ReadLink | SymLink)
    | (Unsupported | Extension)
)


class _Row(NamedTuple):
    make: Callable[..., Request]
    fields: tuple[Field, ...]  # after the request id, in the order of the value's own


REQUESTS: Final[Mapping[int, _Row]] = {
    OPEN: _Row(Open, (BYTES, U32, ATTRS)),
    CLOSE: _Row(Close, (BYTES,)),
    READ: _Row(Read, (BYTES, U64, U32)),
    WRITE: _Row(Write, (BYTES, U64, VIEW)),
    LSTAT: _Row(LStat, (BYTES,)),
    FSTAT: _Row(FStat, (BYTES,)),
    SETSTAT: _Row(SetStat, (BYTES, ATTRS)),
    FSETSTAT: _Row(FSetStat, (BYTES, ATTRS)),
    OPENDIR: _Row(OpenDir, (BYTES,)),
    READDIR: _Row(ReadDir, (BYTES,)),
    REMOVE: _Row(Remove, (BYTES,)),
    MKDIR: _Row(MkDir, (BYTES, ATTRS)),
    RMDIR: _Row(RmDir, (BYTES,)),
    REALPATH: _Row(RealPath, (BYTES,)),
    STAT: _Row(Stat, (BYTES,)),
    RENAME: _Row(Rename, (BYTES, BYTES)),
    READLINK: _Row(ReadLink, (BYTES,)),
    SYMLINK: _Row(SymLink, (BYTES, BYTES)),
}
KINDS: Final[Mapping[Any, int]] = {row.make: kind for kind, row in REQUESTS.items()}
# Of a request: its type, the name of an extension as it stands behind the id, and its fields.
_LAYOUTS: Final[Mapping[Any, tuple[int, bytes, tuple[Field, ...]]]] = {
    **{make: (kind, b"", REQUESTS[kind].fields) for make, kind in KINDS.items()},
    **{
        make: (EXTENDED, len(name).to_bytes(4, "big") + name, EXTENSIONS[name].fields)
        for make, name in NAMES.items()
    },
}
_pack_head: Final = Struct(">IBI").pack  # the length, which is told last, the type and the id


def parse_request(kind: int, body: bytes | memoryview) -> Request:
    """Read a request: its type, and the bytes after the type.

    Raises MalformedRequest, which carries the request id wherever its four bytes are there. A type
    or an extension that we do not know is no error but `Unsupported`.
    """
    reader = Reader(body)
    if kind == INIT:
        return _parse_init(reader)
    try:
        request_id = reader.u32()
    except Malformed:
        raise MalformedRequest(None, "a request without an id") from None
    try:
        if kind == EXTENDED:
            return _parse_extended(request_id, reader)
        row = REQUESTS.get(kind)
        if row is None:
            return Unsupported(request_id, kind)
        return row.make(request_id, *[field.read(reader) for field in row.fields])
    except Malformed as problem:
        raise MalformedRequest(request_id, str(problem)) from None


def _parse_extended(request_id: int, reader: Reader) -> Request:
    name = reader.string()
    row = EXTENSIONS.get(name)
    if row is None:
        return Unsupported(request_id, EXTENDED, name)
    return row.make(request_id, *[field.read(reader) for field in row.fields])


def _parse_init(reader: Reader) -> Init:
    try:
        return Init(reader.u32(), read_pairs(reader))
    except Malformed as problem:
        raise MalformedRequest(None, str(problem)) from None


def read_pairs(reader: Reader) -> tuple[tuple[bytes, bytes], ...]:
    """The extension pairs that end an INIT or VERSION, at most 64 of them."""
    pairs: list[tuple[bytes, bytes]] = []
    while reader.left:
        if len(pairs) == MAX_EXTENSION_PAIRS:
            raise Malformed("too many extensions")
        pairs.append((reader.string(), reader.string()))
    return tuple(pairs)


def encode_request(request: Request) -> bytes:
    """A request as a whole packet, length word included: what a client sends."""
    layout = _LAYOUTS.get(type(request))
    if layout is None:
        return _encode_other(request)
    kind, name, fields = layout
    writer = Writer(_pack_head(0, kind, request[0]) + name)
    for field, value in zip(fields, request[1:], strict=True):
        field.write(writer, value)
    return sealed(writer)


def _encode_other(request: Any) -> bytes:
    """One that is no row of a table."""
    writer = Writer(bytes(4))
    if isinstance(request, Init):
        writer.byte(INIT)
        writer.u32(request.version)
        for pair in request.extensions:
            writer.string(pair[0])
            writer.string(pair[1])
        return sealed(writer)
    writer.byte(request.kind)
    writer.u32(request.request_id)
    if request.kind == EXTENDED:
        writer.string(request.name)
    return sealed(writer)


def sealed(writer: Writer) -> bytes:
    """A packet whose first four bytes were kept free, with its length in them."""
    return writer.sealed()
