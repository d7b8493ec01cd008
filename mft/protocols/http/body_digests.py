"""What a request says of the bytes that it sends: SHA-256 of its body, and of the whole file."""

from typing import Final, NamedTuple

from mft.wire.http.digests import parse_digest, parse_old_digest
from mft.wire.http.head import BadRequest, Fields

NOT_ITS_DIGEST: Final = "the digest is not that of the body"


class Told(NamedTuple):
    """SHA-256, where it is told: of the body, and of the file that it is all or a part of."""

    body: bytes | None = None  # Content-Digest, RFC 9530 2
    file: bytes | None = None  # Repr-Digest, RFC 9530 3; Digest, RFC 3230 4.3.2

    def of_whole(self) -> bytes | None:
        """What a body has that is the whole file; BadRequest(400) where two digests differ."""
        return _one(self.body, self.file)


def told_by(fields: Fields) -> Told:
    """Read all fields that tell a SHA-256; BadRequest(400) where one cannot be read."""
    new = _read(fields, "repr-digest")
    return Told(_read(fields, "content-digest"), _one(new, _read(fields, "digest")))


def _read(fields: Fields, name: str) -> bytes | None:
    value = fields.get(name)
    if value is None or "sha-256" not in value.lower():
        return None
    found = parse_old_digest(value) if name == "digest" else parse_digest(value)
    if found is None:
        raise BadRequest(400, f"a {name} that cannot be read")
    return found


def _one(*digests: bytes | None) -> bytes | None:
    told = {digest for digest in digests if digest is not None}
    if len(told) > 1:
        raise BadRequest(400, "digests that differ")
    return next(iter(told), None)
