"""WebDAV class 1 on files and folders: what is told of them, and folders made (RFC 4918).

Properties are those that files have by themselves; nothing that a client says of a file is kept.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.files import OTHERWISE, content_type, holds, server_path, tag_of
from mft.protocols.http.listed import batch_of
from mft.protocols.sentences import sentence
from mft.session.session import Session
from mft.vfs.base import Entry, Usage
from mft.wire.http import dav
from mft.wire.http.conditions import is_conditional
from mft.wire.http.date import http_date
from mft.wire.http.dav import Asked, Depth, Name, PropFind
from mft.wire.http.head import BadRequest
from mft.wire.http.target import quote_path

TYPE: Final = ("Content-Type", dav.TYPE)
ANNOUNCED: Final = (("DAV", "1"), ("MS-Author-Via", "DAV"))  # what OPTIONS tells
# What may be done with a folder that is there, but not made again.
THERE: Final = ("Allow", "GET, HEAD, DELETE, POST, OPTIONS, PROPFIND, PROPPATCH, COPY, MOVE")
PIECE: Final = 64 << 10  # bytes that are sent together, and one row more
NOT_KEPT: Final = "properties of clients are not kept"


class _Shown(NamedTuple):
    """A file or folder, and what is known of it."""

    path: VPath
    entry: Entry
    area: tuple[str, ...]
    usage: Usage | None = None

    @property
    def url(self) -> str:
        """Its path in URLs; that of a folder ends in a slash."""
        return quote_path((*self.area, *self.path.parts), self.entry.is_directory)


Tell = Callable[[_Shown], str | None]


def _length(one: _Shown) -> str | None:
    return None if one.entry.is_directory else str(one.entry.size)


def _type(one: _Shown) -> str | None:
    return None if one.entry.is_directory else content_type(one.path)


def _tag(one: _Shown) -> str | None:
    """The entity tag of a file; listings do not tell what it is made of."""
    unknown = one.entry.is_directory or not one.entry.changed
    return None if unknown else dav.escaped(tag_of(one.entry))


def _available(one: _Shown) -> str | None:
    usage = one.usage
    return None if usage is None else str(usage.available_blocks * usage.block_size)


def _used(one: _Shown) -> str | None:
    usage = one.usage
    return None if usage is None else str((usage.blocks - usage.free_blocks) * usage.block_size)


def _of_dav(table: Mapping[str, Tell]) -> dict[Name, Tell]:
    return {Name(dav.DAV, local): tell for local, tell in table.items()}


# What a property is, as XML, or None where there is none (RFC 4918 15).
USUAL: Final = _of_dav(
    {
        "resourcetype": lambda one: "<D:collection/>" if one.entry.is_directory else "",
        "displayname": lambda one: dav.escaped(one.path.name),
        "getcontentlength": _length,
        "getcontenttype": _type,
        "getetag": _tag,
        "getlastmodified": lambda one: http_date(one.entry.modified),
    }
)
# Told only to who asks for them by name (RFC 4331 3, 4), and of one folder, not of its members.
QUOTA: Final = _of_dav({"quota-available-bytes": _available, "quota-used-bytes": _used})
LIVE: Final = {**USUAL, **QUOTA}


async def propfind(exchange: Exchange) -> None:
    """PROPFIND: what is known of a file, a folder, or a folder and what is in it (9.1)."""
    depth = dav.parse_depth(exchange.head.fields)
    if depth is Depth.ALL:
        exchange.answer(403, dav.error("propfind-finite-depth"), TYPE)
        return
    wanted = dav.parse_propfind(await exchange.body.read(dav.MAX_XML))
    session, path = exchange.session, exchange.path
    entry = await session.look(path)
    if exchange.target.folder and not entry.is_directory:
        raise Refused(Reason.NOT_A_DIRECTORY, str(path))
    rows, one = _Rows(wanted), _Shown(path, entry, exchange.area)
    if entry.is_directory and not exchange.target.folder:
        exchange.fields.append(("Content-Location", one.url))
    if entry.is_directory and depth is Depth.MEMBERS:
        await _tell_members(exchange, rows, one)
        return
    usage = await _usage(session, path, wanted)
    row = rows.row(one._replace(usage=usage))
    exchange.answer(207, dav.BEGIN + row + dav.END, TYPE)


async def _usage(session: Session, path: VPath, wanted: PropFind) -> Usage | None:
    """The room below a path, where that is wanted and known; either way one event tells of it."""
    if QUOTA.keys().isdisjoint(wanted.names):
        session.emit(events.HTTP_STAT_DONE, p.PathOf(str(path), session.real_path(path)))
        return None
    try:
        usage = await session.usage(path)
    except Refused:
        return None
    return usage if usage.blocks else None


async def _tell_members(exchange: Exchange, rows: "_Rows", folder: _Shown) -> None:
    """Answer with a folder and what is in it, in no order, streamed."""
    listing = await exchange.session.list(folder.path)
    try:
        await exchange.stream(207, TYPE)
        piece = bytearray(dav.BEGIN + rows.row(folder))
        while entries := await batch_of(exchange, listing, folders=False):
            for entry in entries:
                piece += rows.row(_Shown(folder.path.child(entry.name), entry, folder.area))
                if len(piece) >= PIECE:
                    await exchange.send(bytes(piece))
                    piece.clear()
        await exchange.send(bytes(piece) + dav.END)
        await exchange.finish()
    finally:
        await listing.close()


class _Rows:
    """Tells of one file or folder after the other what one request asks for."""

    def __init__(self, wanted: PropFind) -> None:
        self._usual = () if wanted.asked is Asked.SOME else tuple(USUAL)
        self._silent = wanted.asked is Asked.NAMES
        self._absent = {name: dav.element(name) for name in wanted.names}

    def row(self, one: _Shown) -> bytes:
        """The response of one."""
        values = {name: _value(name, one) for name in (*self._usual, *self._absent)}
        known = [
            dav.element(name, "" if self._silent else value)
            for name, value in values.items()
            if value is not None
        ]
        missing = [tag for name, tag in self._absent.items() if values[name] is None]
        return dav.response(one.url, {200: known, 404: missing})


def _value(name: Name, one: _Shown) -> str | None:
    tell = LIVE.get(name)
    return None if tell is None else tell(one)


async def proppatch(exchange: Exchange) -> None:
    """PROPPATCH: whatever a client says of a file or folder is refused, by its name (9.2)."""
    names = dav.parse_propertyupdate(await exchange.body.read(dav.MAX_XML))
    if not await is_as_expected(exchange):
        return
    session, path = exchange.session, exchange.path
    one = _Shown(path, await session.look(path), exchange.area)
    told = p.PathFailed(str(path), session.real_path(path), NOT_KEPT)
    session.emit(events.HTTP_SETSTAT_FAILED, told)
    row = dav.response(one.url, {403: [dav.element(name) for name in names]})
    exchange.answer(207, dav.BEGIN + row + dav.END, TYPE)


async def is_as_expected(exchange: Exchange) -> bool:
    """Whether the conditions of a request hold; else it has been answered."""
    if is_conditional(exchange.head) and not await holds(exchange):
        exchange.refuse(412, OTHERWISE)
        return False
    return True


async def mkcol(exchange: Exchange) -> None:
    """MKCOL: make a folder (9.3)."""
    if not exchange.body.done:
        raise BadRequest(415, "a body that says what a folder is")
    if not await is_as_expected(exchange):
        return
    try:
        await exchange.session.make_directory(exchange.path)
    except Refused as refused:
        if refused.reason is Reason.EXISTS:
            exchange.refuse(405, sentence(refused.reason), THERE)
        elif refused.reason is Reason.NOT_FOUND:
            exchange.refuse(409, "There is no folder to make it in.")
        else:
            raise
        return
    exchange.answer(201, b"", server_path(exchange.path, folder=True))
