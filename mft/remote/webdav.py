"""`type = webdavs`: a server of WebDAV over TLS, class 1 or 2 (RFC 4918)."""

from collections.abc import Sequence
from typing import Final

from mft.core.failure import Malformed, Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import RESERVED_PREFIX, ROOT, VPath, check_name
from mft.remote.base import MAX_LISTED, Parts
from mft.remote.http_connector import HttpReach
from mft.remote.http_download import FOLDER, Version
from mft.remote.http_options import WebdavOptions
from mft.remote.http_peer import Asked, check
from mft.remote.http_status import GOOD, LOGIN, refusal
from mft.remote.http_tree import HttpTree, file_entry
from mft.remote.http_upload import HttpUpload
from mft.vfs.base import Entry, Existing
from mft.wire.http.multistatus import PROPFIND, TYPE, MultiStatus, Row
from mft.wire.http.reference import parse_reference, parse_segments

MULTI: Final = 207
MAX_TOLD: Final = 1 << 20  # bytes of an answer about one file, or about what went wrong
_CREATED_ALREADY: Final = 405  # MKCOL where something is (RFC 4918 9.3.1)


class WebdavTree(HttpTree):
    """A `Remote` over WebDAV."""

    async def known(self, path: VPath) -> tuple[Entry, Version]:
        """What PROPFIND tells of a path, as a file, or as a folder where it leads there."""
        asked = await self._propfind(path, "0", folder=path.is_root)
        led = self.peer.led_to(asked.answer, self.peer.place.target(path))
        if led == self.peer.place.target(path, folder=True):
            await asked.end()
            asked = await self._propfind(path, "0", folder=True)
        return await self._told(asked, path)

    async def enter(self, folder: str) -> None:
        """See that the root is a folder; Refused(INVALID) for one that may not be entered."""
        asked = await self._propfind(ROOT, "0", folder=True)
        try:
            entry, _ = await self._told(asked, ROOT)
        except Refused as refused:
            if refused.reason is not Reason.DENIED or asked.answer.status in LOGIN:
                raise
            # of one folder, which is no matter of the login
            raise Refused(Reason.INVALID, folder, refused.details) from None
        if not entry.is_directory:
            raise Refused(Reason.NOT_A_DIRECTORY, folder)

    async def _told(self, asked: Asked, path: VPath) -> tuple[Entry, Version]:
        """What an answer tells of a path."""
        try:
            rows = await _rows(asked, str(path))
        finally:
            await asked.end()
        names = (*self.peer.place.base, *path.parts)
        found = [row for row in rows if self._segments(row) == names]
        if len(found) != 1:
            raise Refused(Reason.BROKEN, str(path), "the server tells of something else")
        if found[0].status not in GOOD:
            raise refusal(found[0].status, str(path))
        return _entry(path.name, found[0]), _version(found[0])

    async def list(self, path: VPath) -> "WebdavListing":
        """Begin to read a folder."""
        asked = await self._propfind(path, "1", folder=True)
        try:
            _check_multi(asked, str(path))
        except Refused:
            await asked.end()
            raise
        return WebdavListing(self, asked, path)

    async def _propfind(self, path: VPath, depth: str, *, folder: bool) -> Asked:
        target = self.peer.place.target(path, folder=folder)
        fields = [("Depth", depth), ("Content-Type", TYPE), ("Accept-Encoding", "identity")]
        return await self.peer.ask("PROPFIND", target, *fields, body=PROPFIND, subject=str(path))

    def _segments(self, row: Row) -> tuple[str, ...]:
        """The names of what a row is about; Refused for a row about another server."""
        try:
            told = parse_reference(row.href)
            names, _ = parse_segments(told.path)
        except Malformed as bad:
            raise Refused(Reason.BROKEN, row.href[:200], str(bad)) from None
        # Behind a proxy servers may not know that they are asked over TLS.
        if told.site is not None and told.site.host != self.peer.place.site.host:
            raise Refused(Reason.BROKEN, row.href[:200], "the server tells of another server")
        return names

    def member(self, folder: VPath, row: Row) -> Entry | None:
        """The entry that a row is about; None for the folder itself.

        Refused(BROKEN) for what is not in the folder, NOT_A_DIRECTORY when it is none, and INVALID
        for what cannot be named.
        """
        names, within = self._segments(row), (*self.peer.place.base, *folder.parts)
        if names == within:
            if not row.folder:
                raise Refused(Reason.NOT_A_DIRECTORY, str(folder))
            return None
        if names[: len(within)] != within:
            raise Refused(Reason.BROKEN, str(folder), "the server tells of another folder")
        if len(names) > len(within) + 1 or row.status not in GOOD:
            return None
        check_name(names[-1])
        return _entry(names[-1], row)

    async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
        """Make a folder in one that is there."""
        target, subject = self.peer.place.target(path, folder=True), str(path)
        async with self.peer.asking("MKCOL", target, subject=subject) as asked:
            if asked.answer.status == _CREATED_ALREADY:
                raise Refused(Reason.EXISTS, subject)
            check(asked, subject)
            await self.look_into(asked, subject)

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> HttpUpload:
        """Begin to send a file into a folder that is there.

        The request begins with the first byte, and its answer would come behind the last one.
        """
        if len(path.parts) > 1:
            entry, _ = await self.known(path.parent)
            if not entry.is_directory:
                raise Refused(Reason.NOT_A_DIRECTORY, str(path))
        return await super().upload(path, how, mode=mode)

    async def remove_directory(self, path: VPath) -> None:
        """Remove a folder, once it was seen to be empty."""
        if path.is_root:
            raise Refused(Reason.DENIED, str(path))
        listing = await self.list(path)
        try:
            full = await listing.batch()
        finally:
            await listing.close()
        if full:
            raise Refused(Reason.NOT_EMPTY, str(path))
        await self.delete(path, folder=True)

    async def rename(self, source: VPath, target: VPath, *, replace: bool) -> None:
        """Give a file or folder another name; only a file is ever replaced, and by a file."""
        entry, _ = await self.known(source)
        if replace:
            replace = await self._replaceable(target, entry)
        place, folder = self.peer.place, entry.is_directory
        fields = [
            ("Destination", f"{place.site}{place.target(target, folder=folder)}"),
            ("Overwrite", "T" if replace else "F"),
        ]
        where, subject = place.target(source, folder=folder), str(target)
        async with self.peer.asking("MOVE", where, *fields, subject=subject) as asked:
            check(asked, subject)
            await self.look_into(asked, subject)

    async def _replaceable(self, target: VPath, by: Entry) -> bool:
        """Whether a file is under a name; a folder would be removed with all that is in it."""
        try:
            there, _ = await self.known(target)
        except Refused as refused:
            if refused.reason is not Reason.NOT_FOUND:
                raise
            return False
        if there.is_directory or by.is_directory:
            reason = Reason.IS_A_DIRECTORY if there.is_directory else Reason.EXISTS
            raise Refused(reason, str(target))
        return True

    async def look_into(self, asked: Asked, subject: str) -> None:
        """Raise what a 207 tells of a member: the whole was not done (RFC 4918 9.6.1, 9.9.4)."""
        if asked.answer.status != MULTI:
            return
        bad = [row for row in await _rows(asked, subject) if row.status not in GOOD]
        if bad:
            raise refusal(bad[0].status, subject)

    async def ping(self) -> None:
        """Ask about the folder that it was opened for."""
        await self.known(ROOT)


class WebdavListing:
    """A folder that is read as it comes."""

    def __init__(self, tree: WebdavTree, asked: Asked, folder: VPath) -> None:
        self._tree = tree
        self._asked: Asked | None = asked
        self._folder = folder
        self._reader = MultiStatus()
        self._count = 0
        self.left_out = 0  # names that cannot be used

    async def batch(self) -> Sequence[Entry]:
        """The next entries; empty at the end. Refused(QUOTA) above MAX_LISTED."""
        entries: list[Entry] = []
        while not entries and self._asked is not None:
            piece = await self._asked.line.take()
            rows = _read(self._reader, bytes(piece), str(self._folder))
            found = map(self._member, rows)
            entries = [entry for entry in found if entry is not None]
            self._count += len(rows)
            if self._count > MAX_LISTED:
                raise Refused(Reason.QUOTA, str(self._folder), f"more than {MAX_LISTED} entries")
            if not piece:
                await self.close()
        return entries

    def _member(self, row: Row) -> Entry | None:
        try:
            return self._tree.member(self._folder, row)
        except Refused as refused:
            if refused.reason is not Reason.INVALID:
                raise
            self.left_out += not refused.subject.startswith(RESERVED_PREFIX)
            return None

    async def close(self) -> None:
        """Read nothing more."""
        asked, self._asked = self._asked, None
        if asked is not None:
            await asked.end()


def _read(reader: MultiStatus, data: bytes, subject: str) -> list[Row]:
    try:
        reader.feed(data) if data else reader.end()
    except Malformed as bad:
        raise Refused(Reason.BROKEN, subject, f"the server sent {bad}") from None
    rows, reader.rows = reader.rows, []
    return rows


def _check_multi(asked: Asked, subject: str) -> None:
    status = asked.answer.status
    if status == MULTI:
        return
    if status in GOOD or status in (405, 501):
        raise Refused(Reason.UNSUPPORTED, subject, f"no WebDAV: the server answers {status}")
    raise refusal(status, subject)


async def _rows(asked: Asked, subject: str) -> list[Row]:
    """Every row of an answer 207 of MAX_TOLD bytes at most."""
    _check_multi(asked, subject)
    reader = MultiStatus()
    data = await asked.document(MAX_TOLD, subject)
    return [*_read(reader, data, subject), *_read(reader, b"", subject)]


def _version(row: Row) -> Version:
    return Version(row.size, row.modified, row.tag)


def _entry(name: str, row: Row) -> Entry:
    if not row.folder:
        return file_entry(name, _version(row))
    modified = row.modified or 0
    return Entry(name, FOLDER, 0, modified, modified)


class WebdavConnector:
    """Connects to a server of WebDAV."""

    def __init__(self, component: Component, options: WebdavOptions, parts: Parts) -> None:
        self.component = component
        self._reach = HttpReach(component, options, options.url, parts)

    async def connect(self, folder: str) -> WebdavTree:
        """Connect, and look at the folder, which must be one."""
        tree = WebdavTree((await self._reach.reach(folder)).peer)
        try:
            await tree.enter(folder)
        except BaseException:
            await tree.close()
            raise
        return tree
