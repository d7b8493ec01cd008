"""Looking: what a session tells of files and folders, and never changes."""

from collections.abc import Sequence
from functools import cached_property
from typing import Final

from mft.auth.permissions import ListMode, Operation
from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import payloads as p
from mft.session.files import SentFile
from mft.session.gate import Gate
from mft.session.letters import Letters
from mft.session.listing import GuardedListing
from mft.session.numbers import Sought
from mft.session.whole_files import Digest, digest_of
from mft.vfs.base import Entry, Usage

ENTERING: Final = (Operation.TRAVERSE, Operation.LIST, Operation.READ_ATTRIBUTES)


class Looking(Gate):
    """The half of a session that looks."""

    async def stat(self, path: VPath, *, follow: bool = True, what: str = "") -> Entry:
        """Attributes of a file, folder or (without `follow`) link."""
        return await self._simple(self.numbers.stat, path, self._stat(path, follow=follow), what)

    async def look(self, path: VPath, *, finished: bool = False) -> Entry:
        """What `stat` gives; that it could be told is an event of whoever asks, not of this.

        With `finished`, an interrupted upload of the path is passed over.
        """
        try:
            return await self._stat(path, follow=True, finished=finished)
        except Refused as refused:
            self._failed(self.numbers.stat, path, "", refused)
            raise

    async def _stat(self, path: VPath, *, follow: bool, finished: bool = False) -> Entry:
        rules = self.account.rules
        if rules.allow(Operation.READ_ATTRIBUTES, path):
            return await self._files.stat(path, follow=follow, finished=finished)
        # Passing through a folder shows the folder itself, and nothing of files.
        if rules.allow(Operation.TRAVERSE, path):
            entry = await self._files.stat(path, follow=follow)
            if entry.is_directory:
                return entry
        raise self._denied(Operation.READ_ATTRIBUTES, path)

    async def enter(self, path: VPath) -> None:
        """Make sure that a folder is there for a client to work in; nothing is kept of it.

        It takes the right to list it, to pass through it or to read its attributes.
        Refused(NOT_A_DIRECTORY) for a file, and for a link to one.
        """
        await self._simple(self.numbers.enter, path, self._enter(path))

    async def _enter(self, path: VPath) -> None:
        rules = self.account.rules
        if not any(rules.allow(operation, path) for operation in ENTERING):
            raise self._denied(Operation.TRAVERSE, path)
        if not (await self._files.stat(path)).is_directory:
            raise Refused(Reason.NOT_A_DIRECTORY, str(path))

    def permissions_of(self, path: VPath, entry: Entry) -> str:
        """What may be done with an entry, as letters of the `perm` fact (RFC 3659 7.5.5)."""
        return self._letters.of(path, entry)

    @cached_property
    def _letters(self) -> Letters:
        return Letters(self.account.rules)

    async def is_folder(self, path: VPath, *, follow: bool = True) -> bool:
        """Whether an upload to this path goes into a folder; no event, and nothing else is told."""
        try:
            return (await self._files.stat(path, follow=follow)).is_directory
        except Refused:
            return False

    async def leads_to_folder(self, path: VPath, *, follow: bool = True) -> bool:
        """Whether this is a folder that the account may know of, or a link to one; no event."""
        rules = self.account.rules
        return any(rules.allow(operation, path) for operation in ENTERING) and (
            await self.is_folder(path, follow=follow)
        )

    async def list(
        self, path: VPath, *, what: str = "", glob: str = "", whole: bool = False
    ) -> GuardedListing:
        """Open a folder's listing; it tells its end when it is exhausted or closed.

        `glob` is only told: whoever asked for it picks the names. With `whole`, Refused(DENIED)
        where only the folders in it may be shown.
        """
        sought = Sought(what, glob)
        try:
            mode = self.account.rules.list_mode(path)
            if mode is ListMode.NONE or (whole and mode is ListMode.FOLDERS_ONLY):
                raise self._denied(Operation.LIST, path)
            self._may_open()
            if self.tells_requests:
                self._ask(self.numbers.list, path, sought)
            listing = await self._begin(self._files.list(path))
            if not self._present:
                await listing.close()
                raise self._gone(path)
        except Refused as refused:
            self._failed(self.numbers.list, path, sought, refused)
            raise
        folders_only = mode is ListMode.FOLDERS_ONLY
        guarded = GuardedListing(self, path, sought, listing, folders_only=folders_only)
        self.opened.add(guarded)
        return guarded

    async def followed(
        self, folder: VPath, entries: Sequence[Entry], *, folders: bool
    ) -> Sequence[Entry]:
        """Entries of a folder as clients see them that know no links: what these lead to; no event.

        A link that leads nowhere, or may not be looked at, stays a link. So does one to a folder
        without `folders`: a client that removes trees by itself would empty what it leads to.
        """
        if not any(entry.is_link for entry in entries):
            return entries
        return [await self._followed(folder, entry, folders=folders) for entry in entries]

    async def _followed(self, folder: VPath, entry: Entry, *, folders: bool) -> Entry:
        path = folder.child(entry.name)
        if not (entry.is_link and self.account.rules.allow(Operation.READ_ATTRIBUTES, path)):
            return entry
        found = await self.entry_at(path, follow=True)
        return entry if found is None or (found.is_directory and not folders) else found

    async def read_link(self, path: VPath, *, what: str = "") -> str:
        """Where a link leads, as a virtual path."""
        return await self._guarded(
            self.numbers.read_link, Operation.READ_LINK, path, self._files.read_link(path), what
        )

    async def usage(self, path: VPath, *, what: str = "") -> Usage:
        """Room on the volume below a path."""
        return await self._guarded(
            self.numbers.stat, Operation.READ_ATTRIBUTES, path, self._files.usage(path), what
        )

    async def checksum(
        self, path: VPath, algorithm: str, start: int = 0, end: int | None = None
    ) -> Digest:
        """Digest the bytes of a file from `start` up to `end` (None: to its end).

        `algorithm` is a name of ALGORITHMS, else Refused(UNSUPPORTED); a range that begins behind
        the file's end or its own is Refused(INVALID), one that ends behind it ends with the file.
        As for a download, the account's interrupted upload of the path is discarded.
        """
        outcome, real = self.numbers.checksum, self._files.real_path(path)
        try:
            self._permit(Operation.READ, path)
            self._may_open()
            digest = await self._begin(self._digest(path, algorithm, start, end))
        except Refused as refused:
            self.emit(outcome.failed, p.PathFailed(str(path), real, refused.details))
            raise
        length = digest.end - digest.start
        self.emit(outcome.done, p.Checksum(str(path), real, algorithm, digest.start, length))
        return digest

    async def checksum_of(self, file: SentFile, algorithm: str) -> Digest:
        """Digest all of a file that is being sent, with the event of `checksum`."""
        path, outcome = file.path, self.numbers.checksum
        try:
            digest = await digest_of(self, path, file.lane, algorithm, 0, file.entry.size)
        except Refused as refused:
            told = p.PathFailed(str(path), file.real_path, refused.details)
            self.emit(outcome.failed, told)
            raise
        self.emit(outcome.done, p.Checksum(str(path), file.real_path, algorithm, 0, digest.end))
        return digest

    async def _digest(self, path: VPath, algorithm: str, start: int, end: int | None) -> Digest:
        download = await self._files.download(path)
        try:
            return await digest_of(self, path, download.lane, algorithm, start, end)
        finally:
            await download.close()
