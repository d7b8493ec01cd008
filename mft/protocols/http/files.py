"""Files by URL: told, sent, received, removed (RFC 9110 9.3, 13, 14)."""

import hashlib
import mimetypes
import secrets
from functools import partial
from typing import Final

from mft.auth.permissions import Operation
from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.http import folders, uploads
from mft.protocols.http.answers import JSON, Field
from mft.protocols.http.body_digests import NOT_ITS_DIGEST, told_by
from mft.protocols.http.browsers import wants_page
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.pages import PAGE
from mft.protocols.http.trees import remove_any
from mft.protocols.http.upload_fields import refuse_encoded
from mft.protocols.http.zip_answer import send_zip, wants_zip
from mft.session.files import SentFile
from mft.vfs.base import Entry, Existing
from mft.wire.http.conditions import is_conditional, must_be_new, range_applies, verdict
from mft.wire.http.date import http_date
from mft.wire.http.dav import Depth, parse_depth
from mft.wire.http.digests import (
    old_digest,
    repr_digest,
    wants_old_digest,
    wants_repr_digest,
)
from mft.wire.http.disposition import attachment
from mft.wire.http.etag import strong
from mft.wire.http.head import BadRequest
from mft.wire.http.ranges import content_range, parse_ranges, unsatisfied_range
from mft.wire.http.target import quote_path

ANY_TYPE: Final = "application/octet-stream"
SHA_256: Final = "sha256"
OTHERWISE: Final = "What is there is not as the request expects it."

_TYPES: Final = mimetypes.MimeTypes()  # those of the library only: no file of this machine


async def get(exchange: Exchange) -> None:
    """GET: a file, or a part of it; a folder as its listing."""
    if exchange.target.folder:
        await folders.show(exchange)
        return
    session, path = exchange.session, exchange.path
    may_read = session.account.rules.allow(Operation.READ, path)
    if not may_read and await session.leads_to_folder(path):
        to_folder(exchange)
        return
    try:
        sending = await session.download(path, or_folder=True)
    except Refused as refused:
        if refused.reason is not Reason.IS_A_DIRECTORY:
            raise
        to_folder(exchange)
        return
    async with sending as sent:
        await _send(exchange, sent)


async def head(exchange: Exchange) -> None:
    """HEAD: what GET would tell; the owner of an interrupted upload is told how much is there."""
    session, path = exchange.session, exchange.path
    entry = await session.look(path)
    told = p.PathOf(str(path), session.real_path(path))
    if entry.is_directory:
        session.emit(events.HTTP_HEAD_OF_FOLDER, told)
        if wants_zip(exchange):
            await send_zip(exchange, path)
            return
        # As long as the listing that GET would make, which nobody has counted.
        kind = PAGE if wants_page(exchange.head) else (("Content-Type", JSON),)
        await exchange.stream(200, *kind, server_path(path, folder=True))
        await exchange.finish()
        return
    if exchange.target.folder:
        raise Refused(Reason.NOT_A_DIRECTORY, str(path))
    session.emit(events.HTTP_HEAD_OF_FILE, told)
    tag = tag_of(entry)
    status = verdict(exchange.head, tag, entry.modified)
    if status is not None:
        exchange.answer(status, b"", *_validators(entry, tag))
        return
    fields = _describe(path, entry, tag)
    exchange.complete = True
    exchange.client.line.say(exchange.begin(200, *fields, length=entry.size))


async def _send(exchange: Exchange, sent: SentFile) -> None:
    entry, path = sent.entry, sent.path
    tag = tag_of(entry)
    status = verdict(exchange.head, tag, entry.modified)
    if status is not None:
        exchange.answer(status, b"", *_validators(entry, tag))
        return
    await _add_wanted_digests(exchange, sent)
    wanted = exchange.head.fields.get("range")
    parts = None
    if wanted is not None and range_applies(exchange.head, tag, entry.modified):
        parts = parse_ranges(wanted, entry.size)
    if parts is None:
        await exchange.send_file(200, sent, range(entry.size), _describe(path, entry, tag))
    elif not parts:
        unsatisfied = ("Content-Range", unsatisfied_range(entry.size))
        exchange.refuse(416, "None of the ranges is in the file.", unsatisfied)
    elif len(parts) == 1:
        told = ("Content-Range", content_range(parts[0], entry.size))
        await exchange.send_file(206, sent, parts[0], [*_describe(path, entry, tag), told])
    else:
        await _send_parts(exchange, sent, parts, tag)


async def _send_parts(
    exchange: Exchange, sent: SentFile, parts: tuple[range, ...], tag: str
) -> None:
    """Answer with several ranges, each under a head of its own (RFC 9110 14.6)."""
    entry = sent.entry
    boundary = secrets.token_hex(16)
    described = [field for field in _describe(sent.path, entry, tag) if field[0] != "Content-Type"]
    kind = ("Content-Type", f"multipart/byteranges; boundary={boundary}")
    heads = [
        f"\r\n--{boundary}\r\nContent-Type: {content_type(sent.path)}\r\n"
        f"Content-Range: {content_range(part, entry.size)}\r\n\r\n".encode()
        for part in parts
    ]
    end = f"\r\n--{boundary}--\r\n".encode()
    length = sum(map(len, heads)) + sum(part.stop - part.start for part in parts) + len(end)
    line = exchange.client.line
    line.say(exchange.begin(206, *described, kind, length=length))
    for head_of_part, part in zip(heads, parts, strict=True):
        line.say(head_of_part)
        await exchange.send_part(sent, part)
    line.say(end)
    exchange.complete = True


async def _add_wanted_digests(exchange: Exchange, sent: SentFile) -> None:
    """Tell the SHA-256 of the whole file, in the fields that are asked for."""
    asked = exchange.head.fields
    asked_new, asked_old = asked.get("want-repr-digest"), asked.get("want-digest")
    new = asked_new is not None and wants_repr_digest(asked_new)
    old = asked_old is not None and wants_old_digest(asked_old)
    if not (new or old):
        return
    value = (await exchange.session.checksum_of(sent, SHA_256)).value
    if new:
        exchange.fields.append(("Repr-Digest", repr_digest(value)))
    if old:
        exchange.fields.append(("Digest", old_digest(value)))


async def put(exchange: Exchange) -> None:
    """PUT: a file is under its name when all of it has come; a path with `/` makes a folder."""
    if exchange.target.folder:
        await folders.make(exchange)
        return
    fields = exchange.head.fields
    if "content-range" in fields:
        raise BadRequest(400, "a part of a file cannot be put (RFC 9110 14.4)")
    refuse_encoded(exchange)
    if uploads.is_part(exchange):
        await _put_part(exchange)
        return
    digest = told_by(fields).of_whole()
    only_new, conditional = must_be_new(exchange.head), is_conditional(exchange.head)
    if not only_new and conditional and not await holds(exchange):
        exchange.refuse(412, OTHERWISE)
        return
    try:
        await _receive(exchange, Existing.REFUSE if only_new else Existing.REPLACE, digest)
    except Refused as refused:
        if refused.reason is Reason.NOT_FOUND:
            exchange.refuse(409, "There is no folder to put it in.")  # RFC 4918 9.7.1
            return
        is_folder = only_new and refused.reason is Reason.IS_A_DIRECTORY  # where nothing was to be
        if not (is_folder or (conditional and refused.reason is Reason.EXISTS)):
            raise
        exchange.refuse(412, OTHERWISE)


async def _put_part(exchange: Exchange) -> None:
    if is_conditional(exchange.head) and not await holds(exchange):
        exchange.refuse(412, OTHERWISE)
    else:
        await uploads.put_part(exchange)


async def _receive(exchange: Exchange, how: Existing, digest: bytes | None) -> None:
    path, fields = exchange.path, exchange.head.fields
    hasher = None if digest is None else hashlib.sha256()
    metadata = exchange.client.hub.metadata(fields)
    upload = exchange.session.upload
    async with (
        uploads.offered(exchange) as begun,
        await upload(path, how, metadata=metadata, begun=begun) as received,
    ):
        if how is not Existing.REFUSE and is_conditional(exchange.head):
            received.condition = partial(holds, exchange)  # others may be faster than its body
        update = None if hasher is None else hasher.update
        await exchange.body.into(received, exchange.client.hub.soon, update)
        if hasher is not None and hasher.digest() != digest:
            received.discard()
            raise BadRequest(400, NOT_ITS_DIGEST)
    if hasher is not None:
        exchange.fields.append(("Repr-Digest", repr_digest(hasher.digest())))
    place = exchange.place(received.path, folder=False)
    exchange.answer(201, b"", ("Location", place), server_path(received.path))


async def holds(exchange: Exchange) -> bool:
    """Whether the conditions of a request that changes something hold."""
    try:
        entry = await exchange.session.look(exchange.path, finished=True)
    except Refused as refused:
        if refused.reason is not Reason.NOT_FOUND:
            raise
        return verdict(exchange.head, None, None) is None
    return verdict(exchange.head, tag_of(entry), entry.modified) is None


async def delete(exchange: Exchange) -> None:
    """DELETE: a file, or a folder with all that is in it, and never without (RFC 4918 9.6.1)."""
    session, path = exchange.session, exchange.path
    whole = parse_depth(exchange.head.fields) is Depth.ALL
    if not whole and await session.leads_to_folder(path, follow=False):
        raise BadRequest(400, "a folder that is to be removed without what is in it")
    if is_conditional(exchange.head) and not await holds(exchange):
        exchange.refuse(412, OTHERWISE)
        return
    await remove_any(session, path, folder=exchange.target.folder)
    exchange.answer(204)


def to_folder(exchange: Exchange) -> None:
    """Send a client from the name of a folder to the folder, with what else it has said."""
    _, mark, query = exchange.head.target.partition("?")
    place = exchange.place(exchange.path, folder=True) + mark + query
    exchange.session.emit(events.HTTP_REDIRECTED, p.Redirected(exchange.uri, place))
    exchange.lead_on(place)


def tag_of(entry: Entry) -> str:
    """The strong entity tag of a file: another for every change of it."""
    return strong(entry.unique, entry.size, entry.changed)


def _validators(entry: Entry, tag: str) -> tuple[Field, Field, Field]:
    """What an answer 304 must say as the whole one does (RFC 9110 15.4.5)."""
    return (
        ("Cache-Control", "private, no-cache"),
        ("ETag", tag),
        ("Last-Modified", http_date(entry.modified)),
    )


def _describe(path: VPath, entry: Entry, tag: str) -> list[Field]:
    """The fields of a file: to be saved, never shown by the browser as a page of ours."""
    return [
        ("Content-Type", content_type(path)),
        ("Content-Disposition", attachment(path.name)),
        ("Accept-Ranges", "bytes"),
        *_validators(entry, tag),
        server_path(path),
    ]


def content_type(path: VPath) -> str:
    """What a file is, by its name."""
    kind, packed = _TYPES.guess_type("x/" + path.name, strict=True)
    return kind if kind and not packed else ANY_TYPE  # a packed file is not what is packed in it


def server_path(path: VPath, *, folder: bool = False) -> Field:
    """The field that tells the virtual path, quoted as a URL's path is."""
    return "Server-Path", quote_path(path.parts, folder)
