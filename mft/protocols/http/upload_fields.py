"""What requests on uploads say, and what they are told: in the fields of tus, and of the draft."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from mft.protocols.http.answers import Field
from mft.protocols.http.body_digests import told_by
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.upload_parts import SHA_256, Demands, Part, Standing, Upload
from mft.wire.http.date import http_date
from mft.wire.http.framing import body_length
from mft.wire.http.head import BadRequest
from mft.wire.http.target import quote_path
from mft.wire.http.tus import (
    DRAFT_TYPE,
    TUS,
    TUS_TYPE,
    WHERE,
    Checksum,
    UploadName,
    complete,
    parse_checksum,
    parse_complete,
    parse_size,
)

# What a request says.


def speak_tus(exchange: Exchange) -> None:
    """Answer in tus; raises BadRequest(412) where the client speaks another version, or none."""
    exchange.fields.append(("Tus-Resumable", TUS))
    if exchange.head.fields.get("tus-resumable") != TUS:
        exchange.fields.append(("Tus-Version", TUS))
        raise BadRequest(412, "not the version of tus that is spoken here")


def speaks_tus(exchange: Exchange) -> bool:
    """Whether the client does."""
    return "tus-resumable" in exchange.head.fields


def _tus_part(exchange: Exchange, name: UploadName) -> Part:
    return Part(_begin_of(exchange), name.length, demands=demands_of(exchange))


def _draft_part(exchange: Exchange, name: UploadName) -> Part:
    begin, ends = _begin_of(exchange), parse_complete(exchange.head.fields.get("upload-complete"))
    if ends is None:
        raise BadRequest(400, "a part that does not say whether it is the last")
    length = length_of(exchange, begin, name.length, ends=ends)
    return Part(begin, length, ends, demands_of(exchange))


PARTS: Final[Mapping[str, Callable[[Exchange, UploadName], Part]]] = {
    TUS_TYPE: _tus_part,
    DRAFT_TYPE: _draft_part,
}


def _begin_of(exchange: Exchange) -> int:
    offset = parse_size(exchange.head.fields.get("upload-offset"))
    if offset is None:
        raise BadRequest(400, "a part that does not say where it begins")
    return offset


def demands_of(exchange: Exchange) -> Demands:
    """What the body, and the file, are to have: by tus, and by digests; raises BadRequest(400)."""
    field = exchange.head.fields.get("upload-checksum")
    checksum = None if field is None else parse_checksum(field)
    if field is not None and checksum is None:
        raise BadRequest(400, "a checksum that cannot be read, or is not known here")
    told = told_by(exchange.head.fields)
    digest = None if told.body is None else Checksum(SHA_256, told.body)
    return Demands(tuple(one for one in (checksum, digest) if one is not None), told.file)


def refuse_encoded(exchange: Exchange) -> None:
    """BadRequest(415) for a body that is not the bytes of the file (RFC 9110 8.4)."""
    if (exchange.head.fields.get("content-encoding") or "identity").lower() != "identity":
        raise BadRequest(415, "a body in an encoding of its own")


def length_of(exchange: Exchange, begin: int, known: int | None, *, ends: bool) -> int | None:
    """The length of a file, from all that tells it; BadRequest(400) where they differ."""
    told = parse_size(exchange.head.fields.get("upload-length"))
    body = body_length(exchange.head) if ends else None
    end = None if body is None else begin + body
    lengths = {length for length in (known, told, end) if length is not None}
    if len(lengths) > 1:
        raise BadRequest(400, "an upload of more than one length")
    return next(iter(lengths), None)


# What it is told.


def url_of(upload: Upload) -> str:
    """The URL of an upload on this server."""
    return quote_path((*WHERE, str(upload.name)), folder=False)


def told_of(exchange: Exchange, upload: Upload, standing: Standing) -> list[Field]:
    """How far an upload is, in fields of both."""
    told = [
        ("Upload-Offset", str(offset_of(exchange, upload, standing))),
        ("Upload-Complete", complete(standing.complete)),
    ]
    if upload.name.length is not None:
        told.append(("Upload-Length", str(upload.name.length)))
    if not standing.complete:
        told.append(("Upload-Expires", http_date(standing.until)))
        told.append(("Upload-Limit", limits(exchange, standing.until)))
    return told


def offset_of(exchange: Exchange, upload: Upload, standing: Standing) -> int:
    """How much of an upload is here, as its client understands it.

    To tus an upload is complete as soon as all of it is here. One of which all is here, and that
    was not put under its name because the server was killed, lacks its last byte to it.
    """
    length = upload.name.length
    if standing.complete or length is None or not speaks_tus(exchange):
        return standing.offset
    return min(standing.offset, max(0, length - 1))


def limits(exchange: Exchange, until: int) -> str:
    """The value of Upload-Limit for an upload that is kept until then."""
    size = exchange.session.account.file_write_size
    age = f"max-age={max(0, until - int(time.time()))}"
    return f"max-size={size}, {age}" if size else age
