"""Fields of uploads that go on: tus 1.0, and the draft `httpbis-resumable-upload` of the IETF.

An upload has a URL of its own. What the server has to know of it stands in the last name of that
URL, so that nothing has to be remembered of an upload of which not one byte came.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from mft.core.failure import Refused
from mft.core.vpath import VPath
from mft.wire.http.base64 import decode_base64, encode_base64
from mft.wire.http.grammar import TOKEN

TUS: Final = "1.0.0"  # the one version that tus has
TUS_EXTENSIONS: Final = "creation,creation-with-upload,checksum,termination,expiration"
WHERE: Final = ("__mft__", "tus")  # the path of all uploads at a server of ours
TUS_TYPE: Final = "application/offset+octet-stream"  # of a part of an upload
DRAFT_TYPE: Final = "application/partial-upload"  # the same in the draft
# Versions of the draft that have the same fields and this type: draft 04 and later.
DRAFT_VERSIONS: Final = frozenset((6, 7, 8))
ALGORITHMS: Final[Mapping[str, int]] = {"md5": 16, "sha1": 20, "sha256": 32}  # sizes in bytes

MAX_SIZE: Final = (1 << 63) - 1  # bytes of a file
MAX_PAIRS: Final = 64  # in one Upload-Metadata
MAX_NAME: Final = 7 << 10  # characters of the last name of an upload's URL; see MAX_TARGET

_TO_URL: Final = str.maketrans("+/", "-_")  # RFC 4648 5
_FROM_URL: Final = str.maketrans("-_", "+/")
_NUMBER = re.compile(r"[0-9]{1,19}+")
_KEY = re.compile(r"[!-+\--~]++")  # ASCII without blanks and commas
_CHECKSUM = re.compile(rf"({TOKEN}) ([0-9A-Za-z+/]*+=*+)")
_BOOLEAN = re.compile(r"\?([01])(?:;[ ]*+[!-+\--:<-~]++)*")  # RFC 9651 3.3.6, and 3.1.2
_NAME = re.compile(r"([0-9]{0,19}+):([0-9]{1,20}+):([0-9]{0,20}+):(/.*+)", re.DOTALL)


class Checksum(NamedTuple):
    """What a part is to have: the name of an algorithm of ALGORITHMS, and the digest."""

    algorithm: str
    value: bytes


def parse_size(field: str | None) -> int | None:
    """The bytes in Upload-Length or Upload-Offset; None without one that a file can have."""
    text = (field or "").strip(" \t")
    if not _NUMBER.fullmatch(text):
        return None
    size = int(text)
    return size if size <= MAX_SIZE else None


def parse_complete(field: str | None) -> bool | None:
    """Whether a request says by Upload-Complete that it ends an upload; None when malformed."""
    found = _BOOLEAN.fullmatch((field or "").strip(" \t"))
    return None if found is None else found[1] == "1"


def complete(value: bool) -> str:
    """The value of Upload-Complete."""
    return "?1" if value else "?0"


def parse_draft_version(field: str | None) -> int | None:
    """The version in Upload-Draft-Interop-Version, where it is one of DRAFT_VERSIONS."""
    version = parse_size(field)
    return version if version in DRAFT_VERSIONS else None


def parse_metadata(field: str) -> dict[str, bytes] | None:
    """The keys of Upload-Metadata with their values, which are Base64; None when malformed.

    Malformed is also a key that comes twice, and more than MAX_PAIRS. A key may have no value.
    """
    if field.count(",") >= MAX_PAIRS:
        return None
    pairs: dict[str, bytes] = {}
    for item in field.split(",") if field else ():
        key, _, text = item.strip(" ").partition(" ")
        value = decode_base64(text)
        if value is None or key in pairs or not _KEY.fullmatch(key):
            return None
        pairs[key] = value
    return pairs


def parse_checksum(field: str) -> Checksum | None:
    """What Upload-Checksum demands; None when malformed, and for an algorithm not known here."""
    found = _CHECKSUM.fullmatch(field.strip(" \t"))
    size = None if found is None else ALGORITHMS.get(found[1])
    if found is None or size is None:
        return None
    value = decode_base64(found[2])
    return Checksum(found[1], value) if value is not None and len(value) == size else None


class UploadName(NamedTuple):
    """The last name of an upload's URL: what it says of the upload."""

    path: VPath  # where the file will be
    length: int | None  # of the whole file; None where the client did not say
    begun: int  # nanoseconds since the epoch: no two uploads of one path begin at once
    # The number of the finished file that was there at the beginning, 0 where none was. None:
    # nobody could see whether there was one.
    before: int | None

    def __str__(self) -> str:
        length = "" if self.length is None else self.length
        before = "" if self.before is None else self.before
        text = f"{length}:{self.begun}:{before}:{self.path}"
        return encode_base64(text.encode()).translate(_TO_URL).rstrip("=")


def parse_upload_name(text: str) -> UploadName | None:
    """What a name of MAX_NAME characters at most says; None for one that we have never made.

    Anybody can make one: what it says is no proof of anything.
    """
    if len(text) > MAX_NAME:
        return None
    padding = "=" * (-len(text) % 4)
    try:
        data = decode_base64(text.translate(_FROM_URL) + padding) or b""
        found = _NAME.fullmatch(data.decode())
        path = None if found is None else VPath.parse(found[4])
    except (UnicodeError, Refused):
        return None
    if found is None or path is None:
        return None
    name = UploadName(path, _number(found[1]), int(found[2]), _number(found[3]))
    fits = name.length is None or name.length <= MAX_SIZE
    return name if fits and str(name) == text else None


def _number(text: str) -> int | None:
    return int(text) if text else None
