"""Session: a logged-in peer, and the one door to files.

Every operation of every protocol passes here: the permission is checked, the work is done by the
account's file system, and one event tells the outcome. There is no second way to a file.
"""

import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from mft.auth.account import Account
from mft.auth.permissions import ListMode, Operation
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component, Origin
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.model import Event
from mft.session.files import ReceivedFile, SentFile
from mft.session.listing import GuardedListing
from mft.session.numbers import Numbers, Simple
from mft.vfs.base import Attributes, Entry, Existing, FileSystem, Usage

T = TypeVar("T")
D = TypeVar("D")

MAX_OPEN: Final = 128  # files and listings of one session at once; each holds a descriptor or two


class Session:
    """One logged-in peer. Paths are virtual; every refusal is Refused, and has been told."""

    def __init__(
        self,
        account: Account,
        files: FileSystem,
        bus: Bus,
        numbers: Numbers,
        *,
        peer: Address,
        component: Component,
        sync_events: Callable[[], Awaitable[None]] | None = None,
        tell_requests: bool = False,
        max_open: int = MAX_OPEN,
        left: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.account = account
        self.numbers = numbers
        self.origin = Origin(account.actor, peer, component)
        self.opened: set[ReceivedFile | SentFile | GuardedListing] = set()
        self.clock = clock
        self.began = time.time()
        self.identity = ""  # in the roster
        self._files = files
        self._bus = bus
        self._sync_events = sync_events
        self._tell_requests = tell_requests
        self._max_open = max_open
        self._opening = 0  # what will be in `opened` soon
        self._left = left
        self._closed = False

    def emit(self, event: Event[D], payload: D) -> None:
        """Tell an event of this session."""
        self._bus.emit(event, payload, self.origin)

    async def recorded(self) -> None:
        """Wait until what was told is on disk, where `journal_sync = always` asks for it.

        Refused(BROKEN) when the journal could not take it.
        """
        if self._sync_events is not None:
            await self._sync_events()
        self._recordable()

    def unrecordable(self) -> Refused | None:
        """Why nothing may be changed now, or None: the journal cannot be written."""
        if self._bus.healthy:
            return None
        return Refused(Reason.BROKEN, "", "the audit journal cannot be written")

    def real_path(self, path: VPath) -> str:
        """Where a path is on this machine's disk; for the audit trail only."""
        return self._files.real_path(path)

    # Looking.

    async def stat(self, path: VPath, *, follow: bool = True) -> Entry:
        """Attributes of a file, folder or (without `follow`) link."""
        return await self._simple(self.numbers.stat, path, self._stat(path, follow=follow))

    async def _stat(self, path: VPath, *, follow: bool) -> Entry:
        rules = self.account.rules
        if rules.allow(Operation.READ_ATTRIBUTES, path):
            return await self._files.stat(path, follow=follow)
        # Passing through a folder shows the folder itself, and nothing of files.
        if rules.allow(Operation.TRAVERSE, path):
            entry = await self._files.stat(path, follow=follow)
            if entry.is_directory:
                return entry
        raise self._denied(Operation.READ_ATTRIBUTES, path)

    async def is_folder(self, path: VPath) -> bool:
        """Whether an upload to this path goes into a folder; no event, and nothing else is told."""
        try:
            return (await self._files.stat(path)).is_directory
        except Refused:
            return False

    async def list(self, path: VPath) -> GuardedListing:
        """Open a folder's listing; it tells its end when it is exhausted or closed."""
        try:
            mode = self.account.rules.list_mode(path)
            if mode is ListMode.NONE:
                raise self._denied(Operation.LIST, path)
            self._may_open()
            self._ask(self.numbers.list, path)
            listing = await self._begin(self._files.list(path))
            if self._closed:
                await listing.close()
                raise self._gone(path)
        except Refused as refused:
            self.emit(self.numbers.list.failed, self._failed(path, refused))
            raise
        guarded = GuardedListing(self, path, listing, folders_only=mode is ListMode.FOLDERS_ONLY)
        self.opened.add(guarded)
        return guarded

    async def read_link(self, path: VPath) -> str:
        """Where a link leads, as a virtual path."""
        return await self._guarded(
            self.numbers.read_link, Operation.READ_LINK, path, self._files.read_link(path)
        )

    async def usage(self, path: VPath) -> Usage:
        """Room on the volume below a path."""
        return await self._guarded(
            self.numbers.stat, Operation.READ_ATTRIBUTES, path, self._files.usage(path)
        )

    # Changing.

    async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
        """Make a folder."""
        self._recordable()
        await self._guarded(
            self.numbers.make_directory,
            Operation.CREATE_FOLDER,
            path,
            self._files.make_directory(path, mode=mode),
        )

    async def remove(self, path: VPath) -> None:
        """Remove a file or a link."""
        self._recordable()
        await self._guarded(
            self.numbers.remove, Operation.DELETE_FILE, path, self._files.remove(path)
        )

    async def remove_directory(self, path: VPath) -> None:
        """Remove an empty folder; never the root."""
        self._recordable()
        if path.is_root:
            self.emit(events.ROOT_PROTECTED, p.Nothing())
        await self._guarded(
            self.numbers.remove_directory,
            Operation.DELETE_FOLDER,
            path,
            self._files.remove_directory(path),
        )

    async def change(self, path: VPath, attributes: Attributes, *, follow: bool = True) -> None:
        """Set attributes by name; a new size needs the right to write as well."""
        self._recordable()
        needed = Operation.SET_ATTRIBUTES
        if attributes.size is not None and not self.account.rules.allow(Operation.WRITE, path):
            needed = Operation.WRITE
        await self._guarded(
            self.numbers.set_attributes,
            needed,
            path,
            self._files.change(path, attributes, follow=follow),
        )

    async def change_open(self, file: ReceivedFile, attributes: Attributes) -> None:
        """Set attributes of a file that is open for writing: they are part of the upload."""
        await self._simple(self.numbers.set_attributes, file.path, file.lane.change(attributes))
        if attributes.size is not None:
            file.resized(attributes.size)

    async def make_link(self, path: VPath, target: str) -> None:
        """Make a symbolic link whose target stays inside the account's tree.

        Refused(DENIED) where path rules tell paths apart: what is reached through a link is
        judged by the link's path, so it would lead around them.
        """
        self._recordable()
        if self.account.rules.by_path:
            refused = Refused(Reason.DENIED, str(path), "links could lead around the path rules")
            self.emit(self.numbers.make_link.failed, self._failed(path, refused))
            raise refused
        await self._guarded(
            self.numbers.make_link, Operation.MAKE_LINK, path, self._files.make_link(path, target)
        )

    async def make_hard_link(self, source: VPath, target: VPath, *, allowed: bool) -> None:
        """Make a second name for a file, where the service allows it at all."""
        self._recordable()
        try:
            if not allowed:
                raise Refused(Reason.UNSUPPORTED, str(target), "hard links are switched off")
            # Whatever is done under the new name is done to the file of the old one.
            self._permit(Operation.READ, source)
            self._permit(Operation.WRITE, source)
            self._permit(Operation.MAKE_LINK, target)
        except Refused as refused:
            self.emit(self.numbers.make_link.failed, self._failed(target, refused))
            raise
        work = self._files.make_hard_link(source, target)
        await self._simple(self.numbers.make_link, target, work)

    async def rename(self, source: VPath, target: VPath, *, replace: bool) -> None:
        """Rename; needs the permission on both paths."""
        outcome = self.numbers.rename
        real = self._files.real_path(target)
        try:
            self._recordable()
            self._permit(Operation.RENAME, source)
            self._permit(Operation.RENAME, target)
            if self._tell_requests and outcome.asked:
                self.emit(outcome.asked, p.Renamed(str(target), real, str(source), str(target)))
            await self._files.rename(source, target, replace=replace)
        except Refused as refused:
            self.emit(
                outcome.failed,
                p.RenameFailed(str(target), real, str(source), str(target), refused.details),
            )
            raise
        self.emit(outcome.done, p.Renamed(str(target), real, str(source), str(target)))

    # Files.

    async def upload(
        self, path: VPath, how: Existing, *, mode: int = 0o666, reading: bool = False
    ) -> ReceivedFile:
        """Begin to receive a file; it is under its name only once the returned file is closed."""
        requested, what = path, _MODES[how] + (" and reading" if reading else "")
        try:
            self._recordable()
            self._permit(Operation.WRITE, path)
            if reading:
                self._permit(Operation.READ, path)
            self._may_open()
            if self.account.amend_write_name and not path.is_root:
                path, how = path.parent.child(f"{uuid.uuid4()}-{path.name}"), Existing.REFUSE
            upload = await self._begin(self._files.upload(path, how, mode=mode))
            if self._closed:
                await upload.abort(keep=upload.start > 0)
                raise self._gone(path)
        except Refused as refused:
            self._open_failed(path, requested, what, refused)
            raise
        received = ReceivedFile(self, path, requested, what, upload, reading=reading)
        self.opened.add(received)
        self.emit(
            self.numbers.opened, p.Opened(str(path), received.real_path, what, str(requested))
        )
        if upload.start and not upload.in_place:
            self.emit(
                events.INTERRUPTED_UPLOAD_CONTINUED,
                p.Continued(str(path), received.real_path, upload.start),
            )
        return received

    async def download(self, path: VPath) -> SentFile:
        """Begin to send a file."""
        try:
            self._permit(Operation.READ, path)
            self._may_open()
            download = await self._begin(self._files.download(path))
            if self._closed:
                await download.close()
                raise self._gone(path)
        except Refused as refused:
            self._open_failed(path, path, "reading", refused)
            raise
        sent = SentFile(self, path, "reading", download)
        self.opened.add(sent)
        self.emit(self.numbers.opened, p.Opened(str(path), sent.real_path, "reading", str(path)))
        return sent

    async def close(self, details: str) -> None:
        """The peer is gone: what is still open is aborted, each with its event."""
        if self._closed:
            return
        self._closed = True
        try:
            for file in tuple(self.opened):
                await file.abort(details)
            await self._files.close()
        finally:
            if self._left is not None:
                self._left()

    # The gate itself.

    async def _guarded(
        self, outcome: Simple, operation: Operation, path: VPath, work: Coroutine[Any, Any, T]
    ) -> T:
        if not self.account.rules.allow(operation, path):
            work.close()
            refused = self._denied(operation, path)
            self.emit(outcome.failed, self._failed(path, refused))
            raise refused
        return await self._simple(outcome, path, work)

    async def _simple(self, outcome: Simple, path: VPath, work: Coroutine[Any, Any, T]) -> T:
        self._ask(outcome, path)
        try:
            result = await work
        except Refused as refused:
            self.emit(outcome.failed, self._failed(path, refused))
            raise
        self.emit(outcome.done, p.PathOf(str(path), self._files.real_path(path)))
        return result

    def _ask(self, outcome: Simple, path: VPath) -> None:
        if outcome.asked is not None:
            self.asked(outcome.asked, path)

    def asked(self, event: Event[p.PathOf], path: VPath) -> None:
        """Tell that something was asked for, where `audit_requests` says so."""
        if self._tell_requests:
            self.emit(event, p.PathOf(str(path), self._files.real_path(path)))

    def _permit(self, operation: Operation, path: VPath) -> None:
        if not self.account.rules.allow(operation, path):
            raise self._denied(operation, path)

    def _denied(self, operation: Operation, path: VPath) -> Refused:
        decision = self.account.rules.decide(operation, path)
        return Refused(Reason.DENIED, str(path), decision.why)

    def _may_open(self) -> None:
        if len(self.opened) + self._opening >= self._max_open:
            self.emit(events.LIMIT_REACHED, p.LimitReached("maximum_open_files", self._max_open))
            raise Refused(Reason.BUSY, "", f"{self._max_open} files are open")

    async def _begin(self, work: Coroutine[Any, Any, T]) -> T:
        self._opening += 1
        try:
            return await work
        finally:
            self._opening -= 1

    def _gone(self, path: VPath) -> Refused:
        return Refused(Reason.ABORTED, str(path), "the client left meanwhile")

    def _recordable(self) -> None:
        if refused := self.unrecordable():
            raise refused

    def _failed(self, path: VPath, refused: Refused) -> p.PathFailed:
        return p.PathFailed(str(path), self._files.real_path(path), refused.details)

    def _open_failed(self, path: VPath, requested: VPath, mode: str, refused: Refused) -> None:
        self.emit(
            self.numbers.open_failed,
            p.OpenFailed(
                str(path), self._files.real_path(path), mode, str(requested), refused.details
            ),
        )


_MODES: Final = {
    Existing.REFUSE: "creating",
    Existing.REPLACE: "writing",
    Existing.EXTEND: "appending",
    Existing.MODIFY: "changing",
}
