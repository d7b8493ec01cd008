"""The page of a folder: sorted where that takes little memory, else streamed as it is read."""

import stat
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple
from urllib.parse import quote

from mft.core.vpath import VPath
from mft.protocols.http import files
from mft.protocols.http.browsers import wants_page
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.folder_order import order_of
from mft.protocols.http.listed import batch_of
from mft.protocols.http.pages import PAGE, as_bytes
from mft.protocols.http.triggers import triggers_of
from mft.protocols.http.words import Words, iso
from mft.protocols.http.zip_answer import wants_zip
from mft.runtime.ending import Ending
from mft.session.listing import GuardedListing
from mft.session.session import Session
from mft.vfs.base import Entry
from mft.wire.http.target import quote_path

MAX_SORTED: Final = 2000  # entries that a page holds to sort them: 1 MiB
STEP: Final = 100  # rows that are made at once: about 2 ms
ANY_NAME: Final = "new"

_FOLDER: Final = Entry("", stat.S_IFDIR, 0, 0, 0)
_FILE: Final = Entry("", stat.S_IFREG, 0, 0, 0)


class Rights(NamedTuple):
    """What a page offers. It is a hint: what is asked for is judged anew."""

    upload: bool
    make: bool
    delete: bool
    rename: bool
    read: bool


def rights_in(session: Session, folder: VPath) -> Rights:
    """What may be done in a folder; everything may be where rules judge single names."""
    if session.account.rules.by_path:
        return Rights(*(True,) * len(Rights._fields))
    within = session.permissions_of(folder, _FOLDER)
    single = session.permissions_of(folder.child(ANY_NAME), _FILE)
    return Rights("c" in within, "m" in within, "p" in within, "f" in single, "r" in single)


class Row(NamedTuple):
    """One entry as the page shows it."""

    name: str
    href: str
    folder: bool
    size: str
    moment: str
    time: str


def rows_of(t: Words, entries: Iterable[Entry]) -> list[Row]:
    """The rows of some entries."""
    return [
        Row(
            entry.name,
            quote(entry.name, safe="", errors="surrogatepass") + "/" * entry.is_directory,
            entry.is_directory,
            "" if entry.is_directory else t.size(entry.size),
            iso(entry.modified),
            t.time(entry.modified),
        )
        for entry in entries
    ]


def above(folder: VPath) -> list[VPath]:
    """The folders above this one, from the root on."""
    return [VPath(folder.parts[:count]) for count in range(len(folder.parts))]


class Notes(NamedTuple):
    """What a page says first: what was done, or what could not be, name by name."""

    notice: str = ""
    problem: str = ""
    failures: Sequence[tuple[str, str]] = ()


async def get(exchange: Exchange) -> None:
    """GET: a folder as a page for browsers; anything else, and for anybody else, as it is."""
    if exchange.target.folder and wants_page(exchange.head) and not wants_zip(exchange):
        await show(exchange)
    else:
        await files.get(exchange)


async def show(exchange: Exchange, status: int = 200, notes: Notes | None = None) -> None:
    """Answer with the page of a folder; raises Refused before it begins, else cuts it."""
    pages, session, path = exchange.client.hub.pages, exchange.session, exchange.path
    listing = await session.list(path)
    try:
        entries, whole = await _first(exchange, listing)
        order = order_of(exchange.target)
        if whole:
            order.sort(entries)
        top, end = pages.around(
            exchange,
            "folder.html",
            path=path,
            here=exchange.place(path, folder=True),
            crumbs=[(one.name, exchange.place(one, folder=True)) for one in above(path)],
            rights=rights_in(session, path),
            triggers=triggers_of(session.account, exchange.client.hub.options.triggers).values(),
            notes=notes or Notes(pages.notice(exchange)),
            expiry=pages.expiry(exchange),
            order=order,
            whole=whole,
            most=MAX_SORTED,
            empty=not entries,
        )
        where = ("Server-Path", quote_path(path.parts, folder=True))
        await exchange.stream(status, *PAGE, where)
        await exchange.send(top)
        while entries:
            await _send(exchange, entries)
            entries = []
            if not whole:
                entries += await batch_of(exchange, listing, folders=True)
        await exchange.send(end)
        await exchange.finish()
    finally:
        await listing.close()


async def _first(exchange: Exchange, listing: GuardedListing) -> tuple[list[Entry], bool]:
    """The entries up to the first batch behind MAX_SORTED, and whether these are all."""
    entries: list[Entry] = []
    while batch := await batch_of(exchange, listing, folders=True):
        entries += batch
        if len(entries) > MAX_SORTED:
            return entries, False
    return entries, True


async def _send(exchange: Exchange, entries: Iterable[Entry]) -> None:
    """Send rows a few at a time, and let others have their turn in between."""
    pages = exchange.client.hub.pages
    t = pages.words(exchange)
    for some in _steps(entries):
        rows = pages.make(exchange, "rows.html", rows=rows_of(t, some))
        await exchange.send(as_bytes(rows))
        turn = Ending()
        exchange.client.hub.soon(turn.succeed)
        await turn


def _steps(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    left = iter(entries)
    while some := list(islice(left, STEP)):
        yield some
