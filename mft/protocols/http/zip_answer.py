"""A folder, or some of what is in it, as one ZIP that is made while it is sent.

What it has is what the account sees in listings: folders, also empty ones, and files with their
times and permissions, under names relative to the folder. Links are left out, and so is what is
neither a file nor a folder. A file is in it with the size that it had when it was opened; what is
appended meanwhile is not. A ZIP that could silently lack a file does not come to its end: for a
file or folder that is listed and that the account may not read, that has gone, or that has become
shorter, one event tells why, and the connection is cut.
"""

import zlib
from collections.abc import Collection, Sequence
from functools import partial
from typing import Final

from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.http.answers import JSON
from mft.protocols.http.browsers import HTML
from mft.protocols.http.exchange import Exchange
from mft.protocols.paid import paid
from mft.protocols.sending_file import BLOCK, SHORTER
from mft.session.files import SentFile
from mft.session.listing import GuardedListing
from mft.vfs.base import LATER, Entry
from mft.wire.http.accept import preferred
from mft.wire.http.disposition import attachment
from mft.wire.http.head import BadRequest
from mft.wire.zip import Member, ZipWriter

ZIP: Final = "application/zip"
MAX_WAITING: Final = 1 << 16  # folders that were seen and are not listed yet: 16 MiB of paths
TURN: Final = 512 << 10  # bytes until others have their turn,
STEP: Final = 64 << 10  # of which each file, folder and batch of names costs so many


def wants_zip(exchange: Exchange) -> bool:
    """Whether a folder is asked for as a ZIP: by `?zip`, or as what the client likes best."""
    if exchange.target.one("zip") is not None:
        return True
    return preferred(exchange.head.fields.get("accept"), (JSON, HTML, ZIP)) == ZIP


async def send_zip(exchange: Exchange, folder: VPath, names: Collection[str] | None = None) -> None:
    """Answer with what is in a folder, or with those `names` of it and all that is below them.

    Raises Refused before the answer begins when the folder may not be listed, and for a name that
    is not in it; BadRequest for no names at all. Refused from later on cuts the answer, told by
    its own event. A HEAD is told the head only.
    """
    if names is not None and not names:
        raise BadRequest(400, "a ZIP of nothing")
    session = exchange.session
    listing = await session.list(folder)
    try:
        chosen = None if names is None else await _chosen(listing, folder, names)
        name = folder.name or session.account.name
        fields = ("Content-Type", ZIP), ("Content-Disposition", attachment(f"{name}.zip"))
        if exchange.head.method == "HEAD":
            await exchange.stream(200, *fields)
            await exchange.finish()
            return
        session.emit(events.HTTP_ZIP_STARTED, p.ZipStarted(1 if names is None else len(set(names))))
        sending = _Sending(exchange, folder)
        try:
            await exchange.stream(200, *fields)
            await sending.send(listing, chosen)
        except BaseException as error:
            why = str(error) if isinstance(error, Refused) else Reason.BROKEN.value
            session.emit(events.HTTP_ZIP_FAILED, p.Details(why))
            raise
        session.emit(events.HTTP_ZIP_DONE, p.ZipDone(sending.count))
    finally:
        await listing.close()


async def _chosen(
    listing: GuardedListing, folder: VPath, names: Collection[str]
) -> Sequence[Entry]:
    wanted = set(names)
    found = []
    while wanted and (entries := await listing.batch()):
        found += [entry for entry in entries if entry.name in wanted]
        wanted.difference_update(entry.name for entry in entries)
    if wanted:
        raise Refused(Reason.NOT_FOUND, str(folder), f"{min(wanted)!r} is not in the folder")
    return found


class _Sending:
    """One ZIP on its way."""

    def __init__(self, exchange: Exchange, folder: VPath) -> None:
        self.count = 0  # files that are in it
        self._exchange = exchange
        self._session = exchange.session
        self._above = len(folder.parts)
        self._folder = folder
        self._zip = ZipWriter()
        self._waiting: list[VPath] = []
        self._spent = 0
        self._pace = exchange.session.download_pace()
        self._block = BLOCK if self._pace is None else min(BLOCK, self._pace.piece)

    async def send(self, listing: GuardedListing, chosen: Sequence[Entry] | None) -> None:
        """Send all of it; `chosen` are the entries of the listing that are wanted, if not all."""
        if chosen is None:
            await self._add_all(self._folder, listing)
        else:
            await self._add(self._folder, chosen)
        while self._waiting:
            folder = self._waiting.pop()
            inner = await self._session.list(folder)
            try:
                await self._add_all(folder, inner)
            finally:
                await inner.close()
        for piece in self._zip.directory():
            await self._send(piece)
        await self._exchange.finish()

    async def _add_all(self, folder: VPath, listing: GuardedListing) -> None:
        while entries := await listing.batch():
            await self._add(folder, entries)

    async def _add(self, folder: VPath, entries: Sequence[Entry]) -> None:
        for entry in entries:
            path = folder.child(entry.name)
            if entry.is_directory:
                await self._add_folder(path, entry)
            elif entry.is_file:
                await self._add_file(path)
        await self._step(STEP)

    async def _add_folder(self, path: VPath, entry: Entry) -> None:
        if len(self._waiting) >= MAX_WAITING:
            raise Refused(Reason.QUOTA, str(path), f"more than {MAX_WAITING} folders side by side")
        self._waiting.append(path)
        await self._send(self._zip.begin(self._member(path, entry, 0), 0))
        await self._step(STEP)

    async def _add_file(self, path: VPath) -> None:
        async with await self._session.download(path) as sent:
            member = self._member(path, sent.entry, sent.entry.size)
            if member.size <= self._block:
                await self._send_whole(sent, member)
            else:
                await self._send_in_pieces(sent, member)
            await self._exchange.taken()
        self.count += 1
        await self._step(STEP)

    async def _send_whole(self, sent: SentFile, member: Member) -> None:
        """A small file: its CRC-32 is known before it, and all of it is sent at once."""
        data = await self._read(sent, range(member.size))
        await self._send(self._zip.begin(member, zlib.crc32(data)) + data)
        self._moved(sent, member.size)

    async def _send_in_pieces(self, sent: SentFile, member: Member) -> None:
        await self._send(self._zip.begin(member))
        crc = 0
        for at in range(0, member.size, self._block):
            data = await self._read(sent, range(at, min(at + self._block, member.size)))
            crc = zlib.crc32(data, crc)
            await self._send(data)
            self._moved(sent, len(data))
        await self._send(self._zip.end(crc))

    def _moved(self, sent: SentFile, count: int) -> None:
        sent.sent(count)
        if self._pace is not None:
            self._pace.moved(count)

    async def _read(self, sent: SentFile, part: range) -> bytes:
        await paid(self._pace)
        blocks = self._exchange.client.hub.blocks
        block = blocks.take()
        view = block[: len(part)]
        try:
            count = sent.lane.read_into([view], part.start)
            if count is LATER:
                count = await sent.lane.read_later([view], part.start)
            if count != len(part):
                raise Refused(Reason.BROKEN, str(sent.path), SHORTER)
            return bytes(view)
        except Refused as refused:
            sent.read_failed(part.start, len(part), refused)
            raise
        finally:
            blocks.give(block)

    def _member(self, path: VPath, entry: Entry, size: int) -> Member:
        return Member("/".join(path.parts[self._above :]), entry.mode, entry.modified, size)

    async def _send(self, data: bytes) -> None:
        await self._exchange.send(data)
        await self._step(len(data))

    async def _step(self, cost: int) -> None:
        """Let others have their turn when this one has cost enough."""
        self._spent += cost
        if self._spent >= TURN:
            self._spent = 0
            over: Deferred[None] = Deferred()
            self._exchange.client.hub.soon(partial(over.callback, None))
            await over
