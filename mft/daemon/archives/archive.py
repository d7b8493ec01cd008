"""What an archive of `mft export` or `mft backup` says of itself: its head, its files, their sums.

The first file of an archive tells who wrote it, the last one the size, mode and SHA-256 of each
between them. Those are `instance/...`, what was in the instance, and `outside/...`, what was
elsewhere on the machine.
"""

from enum import Enum
from typing import Any, Final, NamedTuple

import orjson

from mft import __version__
from mft.core.failure import Malformed, Reason, Refused
from mft.core.vpath import MAX_NAME_BYTES, RESERVED_PREFIX

FORMAT: Final = 1  # of archives; one that is newer is not read
HEAD: Final = "mft-archive.json"
MANIFEST: Final = "manifest.json"
INSTANCE, OUTSIDE = "instance", "outside"
# Before a file whose name has no place in a header there is one with that name in it.
NAME_OF, NAMED = "mft-name", "mft-named"
JOURNAL: Final = ("log", "journal")  # in an instance
MAX_HEAD: Final = 16 << 10  # bytes
MAX_DEPTH: Final = 64  # names in a path
MAX_MODE: Final = 0o755  # whatever an archive says, nobody else may write a file, nor become root


class Contents(Enum):
    """What an archive is of; also the command that writes it."""

    EXPORT = "export"
    BACKUP = "backup"

    @property
    def reader(self) -> str:
        """The command that reads it."""
        return "import" if self is Contents.EXPORT else "restore"


class Limits(NamedTuple):
    """How much an archive may hold. Nothing is compressed: it is never more than its file."""

    members: int
    member: int  # bytes of one
    total: int  # bytes of all
    manifest: int  # bytes


LIMITS: Final = {
    # The longest file that server.ini names is a list of revoked certificates, of 16 MiB.
    Contents.EXPORT: Limits(10_000, 16 << 20, 256 << 20, 4 << 20),
    # Records of 200,000 accounts, and a journal of any length in files of 4 GiB.
    Contents.BACKUP: Limits(250_000, 8 << 30, 1 << 50, 64 << 20),
}


class Head(NamedTuple):
    """Who wrote an archive, when, and of what."""

    contents: Contents
    product: str  # version
    made: float  # seconds since the epoch
    name: str  # of the server
    uuid: str
    host: str
    directory: str  # of the instance
    config: str  # the path of server.ini in it


class Member(NamedTuple):
    """A file of an archive."""

    name: str
    size: int
    mode: int
    sha256: str


class Manifest(NamedTuple):
    """Every file of an archive, and the files of the system that are needed and not in it."""

    members: tuple[Member, ...]
    system: tuple[str, ...] = ()


def is_newer(version: str) -> bool:
    """Whether a version of the product is later than this one; raises Malformed for none."""
    return _numbers(version) > _numbers(__version__)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version[:100].split(".")
    if not all(one.isascii() and one.isdigit() for one in parts):
        raise Malformed("it does not tell the version of what wrote it")
    return tuple(map(int, parts))


def head_bytes(head: Head) -> bytes:
    """The first file of an archive."""
    fields = {"format": FORMAT, **head._asdict(), "contents": head.contents.value}
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2) + b"\n"


def read_head(data: bytes, wanted: Contents) -> Head:
    """Read the head of an archive.

    Raises Malformed, and Refused for one of a later version, or one that is of something else.
    """
    fields = _object(data)
    form, product, made = (fields.get(name) for name in ("format", "product", "made"))
    if not isinstance(form, int) or not isinstance(product, str):
        raise Malformed("it does not tell what wrote it")
    if form > FORMAT or is_newer(product):
        details = f"version {product} of mft has written it; this one is {__version__}"
        raise Refused(Reason.UNSUPPORTED, "", details)
    known = {one.value: one for one in Contents}
    contents = known.get(str(fields.get("contents")))
    if form != FORMAT or contents is None:
        raise Malformed("it does not tell what is in it")
    if contents is not wanted:
        details = f"it is of `mft {contents.value}`, for `mft {contents.reader}`"
        raise Refused(Reason.INVALID, "", details)
    texts = [fields.get(name) for name in ("name", "uuid", "host", "directory", "config")]
    if not isinstance(made, int | float) or not all(isinstance(one, str) for one in texts):
        raise Malformed("its head is not whole")
    head = Head(wanted, product, float(made), *map(str, texts))
    check_name(f"{INSTANCE}/{head.config}", wanted)
    return head


def manifest_bytes(manifest: Manifest) -> bytes:
    """The last file of an archive."""
    members = [member._asdict() for member in manifest.members]
    fields = {"members": members, "system": manifest.system}
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2) + b"\n"


def read_manifest(data: bytes) -> Manifest:
    """Read it back; raises Malformed."""
    fields = _object(data)
    members, system = fields.get("members"), fields.get("system")
    if not isinstance(members, list) or not isinstance(system, list):
        raise Malformed("its manifest is not whole")
    if not all(isinstance(one, str) and one.isprintable() for one in system):
        raise Malformed("its manifest is not whole")
    return Manifest(tuple(map(_member, members)), tuple(system))


def _member(fields: Any) -> Member:
    if not isinstance(fields, dict):
        raise Malformed("its manifest is not whole")
    name, size, mode, digest = (fields.get(key) for key in Member._fields)
    texts = isinstance(name, str) and isinstance(digest, str)
    if not texts or not isinstance(size, int) or not isinstance(mode, int):
        raise Malformed("its manifest is not whole")
    return Member(str(name), size, mode, str(digest))


def _object(data: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        raise Malformed("what it says of itself is not JSON")
    return fields


def check_name(name: str, contents: Contents) -> None:
    """Refuse the name of a file that is not below one of the two tops, climbs, or is ours.

    Raises Malformed.
    """
    top, *parts = name.split("/")
    if top not in (INSTANCE, OUTSIDE) or not parts or len(parts) > MAX_DEPTH:
        raise Malformed("it has a file that belongs nowhere")
    for part in parts:
        if part in ("", ".", "..") or part.startswith(RESERVED_PREFIX) or not part.isprintable():
            raise Malformed("it has a file whose path is none")
        if len(part.encode()) > MAX_NAME_BYTES:
            raise Malformed("it has a file whose name is too long")
    if top == INSTANCE and _is_elsewhere(tuple(parts), contents):
        raise Malformed(f"it has a file in {parts[0]}/, which is not carried")


def _is_elsewhere(parts: tuple[str, ...], contents: Contents) -> bool:
    """Whether a path of an instance is of something that such an archive never has."""
    if contents is Contents.EXPORT:
        return parts[0] in ("data", "log", "state")
    return parts[0] == "data" or (parts[0] == "log" and parts[:2] != JOURNAL)


def in_instance(path: str) -> str:
    """The name of a file of the instance, by its path in it."""
    return f"{INSTANCE}/{path}"
