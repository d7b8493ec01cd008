"""Uploads that go on after a cut, by a URL of their own: tus 1.0, and the draft of the IETF.

Both ask the same of the same URL. What tells them apart is Tus-Resumable, and the type of a part.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.upload_fields import (
    PARTS,
    demands_of,
    length_of,
    limits,
    offset_of,
    refuse_encoded,
    speak_tus,
    speaks_tus,
    told_of,
    url_of,
)
from mft.protocols.http.upload_parts import NANOSECONDS, Part, Standing, Upload, discard
from mft.session.latest import OTHERS
from mft.wire.http.head import BadRequest
from mft.wire.http.target import quote_path
from mft.wire.http.tus import (
    ALGORITHMS,
    DRAFT_TYPE,
    MAX_NAME,
    TUS,
    TUS_EXTENSIONS,
    TUS_TYPE,
    UploadName,
    complete,
    parse_complete,
    parse_draft_version,
    parse_metadata,
    parse_size,
    parse_upload_name,
)

ANNOUNCED: Final = ("Accept-Patch", DRAFT_TYPE)  # where a PUT may begin an upload of the draft
NAMED_BY: Final = ("path", "filename", "name")  # keys of metadata, the first that is there counts
GIVEN_UP: Final = "the client has given it up"
ANOTHER: Final = "another upload of its path begins"


# Beginning one.


async def create(exchange: Exchange) -> None:
    """POST: begin an upload of tus, with its first bytes where they come with it."""
    speak_tus(exchange)
    fields = exchange.head.fields
    length = parse_size(fields.get("upload-length"))
    if length is None or "upload-concat" in fields:
        raise BadRequest(400, "not the length of one whole file")
    if not exchange.body.done and exchange.head.media_type != TUS_TYPE:
        raise BadRequest(415, f"a part that is not {TUS_TYPE}")
    refuse_encoded(exchange)
    demands = demands_of(exchange)
    path, goes_on = _asked_for(exchange)
    upload = await _begun(exchange, path, length, goes_on=goes_on)
    if length and exchange.body.done:
        standing = await upload.standing()
    else:
        async with upload.turn():
            standing = await upload.append(Part(0, length, demands=demands))
    exchange.answer(201, b"", ("Location", url_of(upload)), *told_of(exchange, upload, standing))


def _asked_for(exchange: Exchange) -> tuple[VPath, bool]:
    """The path that is to be uploaded, and whether with what is there of it already."""
    pairs = parse_metadata(exchange.head.fields.get("upload-metadata") or "")
    key = None if pairs is None else next((key for key in NAMED_BY if key in pairs), None)
    if pairs is None or key is None:
        raise BadRequest(400, "no Upload-Metadata that names a file")
    folder = VPath.parse(exchange.target.one("folder") or "")
    path = VPath.parse(pairs[key], folder)
    if key != "path" and path != folder.child(pairs[key].decode()):
        raise Refused(Reason.INVALID, str(path), "not a name in the folder")
    return path, "continue" in pairs


async def _begun(
    exchange: Exchange, path: VPath, length: int | None, *, goes_on: bool = False
) -> Upload:
    """A new upload; what another has left of the path is discarded, unless this one goes on."""
    session = exchange.session
    entry = await session.begun(path, length or 0)
    if entry is not None and entry.interrupted and not goes_on:
        await discard(session, path, ANOTHER)
        entry = await session.begun(path)
    before: int | None = 0
    if entry is not None:
        before = None if entry.interrupted else entry.unique
    upload = Upload(exchange, UploadName(path, length, time.time_ns(), before))
    if len(str(upload.name)) > MAX_NAME:
        raise BadRequest(400, "a path that no URL of an upload can tell")
    upload.begins(entry)
    return upload


def is_part(exchange: Exchange) -> bool:
    """Whether a PUT is only the beginning of its file.

    BadRequest(400) where that cannot be read, or is said as drafts before 03 have it: half a file
    must not be taken for all of it.
    """
    fields = exchange.head.fields
    told = fields.get("upload-complete")
    complete = parse_complete(told)
    if told is not None and complete is None:
        raise BadRequest(400, "an Upload-Complete that is not ?0 or ?1")
    older = fields.get("upload-incomplete")
    if older is not None and parse_complete(older) is not False:
        raise BadRequest(400, "a part in the terms of another draft")
    return complete is False


async def put_part(exchange: Exchange) -> None:
    """PUT with Upload-Complete: ?0 begins an upload of the draft, with its first part."""
    length, demands = length_of(exchange, 0, None, ends=False), demands_of(exchange)
    upload = await _begun(exchange, exchange.path, length)
    _announce(exchange, upload)
    async with upload.turn():
        if exchange.body.done:
            standing = await upload.standing()
        else:
            standing = await upload.append(Part(0, length, ends=False, demands=demands))
    exchange.answer(201, b"", ("Location", url_of(upload)), *told_of(exchange, upload, standing))


@asynccontextmanager
async def offered(exchange: Exchange) -> AsyncIterator[int]:
    """A PUT of a whole file: where it asks for it, it goes on by the URL that it is told.

    What is given is which upload with a URL it is a part of.
    """
    if not parse_complete(exchange.head.fields.get("upload-complete")):
        yield OTHERS
        return
    length = length_of(exchange, 0, None, ends=True)
    upload = await _begun(exchange, exchange.path, length)
    _announce(exchange, upload)
    async with upload.turn():
        yield upload.name.begun
    exchange.fields.append(("Upload-Complete", complete(True)))


def _announce(exchange: Exchange, upload: Upload) -> None:
    """Tell a client of the draft where it may go on, before its body comes."""
    version = parse_draft_version(exchange.head.fields.get("upload-draft-interop-version"))
    if version is not None and exchange.head.minor == 1:
        lifetime = exchange.session.account.interrupted_upload_lifetime
        until = int(upload.name.begun / NANOSECONDS + lifetime)
        lines = (
            "HTTP/1.1 104 Upload Resumption Supported",
            f"Location: {url_of(upload)}",
            f"Upload-Draft-Interop-Version: {version}",
            f"Upload-Limit: {limits(exchange, until)}",
        )
        exchange.client.line.say("\r\n".join((*lines, "", "")).encode("ascii"))


# Going on with it.


def _named(exchange: Exchange) -> Upload:
    """The upload whose URL is asked for; a client that speaks tus is answered in it."""
    if "tus-resumable" in exchange.head.fields or exchange.head.media_type == TUS_TYPE:
        speak_tus(exchange)
    name = parse_upload_name(exchange.target.segments[-1])
    if name is None:
        raise Refused(Reason.NOT_FOUND, "", "no name of an upload")
    return Upload(exchange, name)


async def head(exchange: Exchange) -> None:
    """HEAD: how much is here; a request that still adds to it is ended first."""
    upload = _named(exchange)
    async with upload.turn():
        standing = await upload.standing()
    exchange.answer(200, b"", *told_of(exchange, upload, standing))


async def patch(exchange: Exchange) -> None:
    """PATCH: the next part; the file is under its name with the last one."""
    upload = _named(exchange)
    read = PARTS.get(exchange.head.media_type)
    if read is None:
        raise BadRequest(415, f"a part that is neither {TUS_TYPE} nor {DRAFT_TYPE}")
    refuse_encoded(exchange)
    part = read(exchange, upload.name)
    async with upload.turn():
        standing = await upload.standing()
        told = told_of(exchange, upload, standing)
        if part.offset != offset_of(exchange, upload, standing):
            exchange.refuse(409, "The part does not begin where the upload ends.", *told)
            return
        if not standing.complete:
            standing = await upload.append(part)
        elif not exchange.body.done:
            exchange.refuse(409, "The upload is complete.", *told)
            return
    _answer_part(exchange, upload, standing)


def _answer_part(exchange: Exchange, upload: Upload, standing: Standing) -> None:
    told = told_of(exchange, upload, standing)
    if standing.complete:
        told.append(("Server-Path", quote_path(upload.path.parts, folder=False)))
    if standing.complete and not speaks_tus(exchange):  # as the whole PUT would be answered
        place = exchange.place(upload.path, folder=False)
        exchange.answer(201, b"", ("Location", place), *told)
    else:
        exchange.answer(204, b"", *told)


async def delete(exchange: Exchange) -> None:
    """DELETE: what is here of an upload goes; a finished file does not."""
    upload = _named(exchange)
    async with upload.turn():
        if (await upload.standing()).complete:
            exchange.refuse(409, "The upload is complete.")
            return
        await upload.give_up(GIVEN_UP)
    exchange.answer(204)


async def instead(exchange: Exchange) -> None:
    """POST with X-HTTP-Method-Override, for clients that know no other methods (tus 1.0)."""
    serve = _OVERRIDES.get(exchange.head.fields.get("x-http-method-override") or "")
    if serve is None:
        exchange.refuse(405, "This cannot be done here.", ("Allow", "HEAD, PATCH, DELETE"))
        return
    await serve(exchange)


async def options(exchange: Exchange) -> None:
    """OPTIONS: what is done here; the limit of an account, where it is shown whose."""
    shown = "authorization" in exchange.head.fields
    if shown and not await exchange.client.sign_in.enter(exchange):
        return
    size = exchange.session.account.file_write_size if shown else 0
    exchange.answer(
        204,
        b"",
        ("Allow", "POST, HEAD, PATCH, DELETE, OPTIONS"),
        ("Accept-Patch", f"{TUS_TYPE}, {DRAFT_TYPE}"),
        ("Tus-Resumable", TUS),
        ("Tus-Version", TUS),
        ("Tus-Extension", TUS_EXTENSIONS),
        ("Tus-Checksum-Algorithm", ",".join(ALGORITHMS)),
        *([("Tus-Max-Size", str(size)), ("Upload-Limit", f"max-size={size}")] if size else ()),
    )


_OVERRIDES: Final = {"PATCH": patch, "DELETE": delete}
_ALL: Final = {"POST": create}
_ONE: Final = {"HEAD": head, "PATCH": patch, "DELETE": delete, "POST": instead}


def methods(names: tuple[str, ...]) -> Mapping[str, Callable[[Exchange], Awaitable[None]]]:
    """The functions for the methods on what has these names below WHERE; none for nothing."""
    return (_ALL, _ONE)[len(names)] if len(names) <= 1 else {}
