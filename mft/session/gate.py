"""The gate: permission first, then the work, then one event that tells the outcome."""

import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Self, TypeVar

from mft.auth.account import Account
from mft.auth.permissions import LOOKS, Operation
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component, Origin
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.model import Event
from mft.runtime.threads import Blocking
from mft.session.bandwidth import Pace, Share
from mft.session.files import ReceivedFile, SentFile
from mft.session.inspection import Inspecting, Inspections
from mft.session.latest import Latest
from mft.session.listing import GuardedListing
from mft.session.numbers import (
    NO_METADATA,
    Metadata,
    Numbers,
    Opened,
    Simple,
    Telling,
    Unopened,
)
from mft.session.own_credentials import NO_WAYS, OwnCredentials
from mft.vfs.base import Entry, FileSystem, Upload

T = TypeVar("T")
D = TypeVar("D")
W = TypeVar("W")

MAX_OPEN: Final = 128  # files and listings of one session at once; each holds a descriptor or two


class Gate:
    """What every operation of a session passes: its account's rules, and the bus."""

    def __init__(
        self,
        account: Account,
        files: FileSystem,
        bus: Bus,
        numbers: Numbers,
        *,
        peer: Address,
        component: Component,
        pool: Blocking,
        sync_events: Callable[[], Awaitable[None]] | None = None,
        tell_requests: bool = False,
        max_open: int = MAX_OPEN,
        left: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        lent: bool = False,
        own: OwnCredentials | None = None,
        share: Share | None = None,
        inspections: Inspections | None = None,
        latest: Latest | None = None,
    ) -> None:
        """`left` is called at the end; with `lent`, somebody else closes the tree.

        `share` is its part in its account's bandwidth, where that is limited; `latest` what is
        known of uploads of all sessions.
        """
        self.account = account
        self.numbers = numbers
        self.origin = Origin(account.actor, peer, component)
        self.opened: set[ReceivedFile | SentFile | GuardedListing] = set()
        self.clock = clock
        self.pool = pool  # for calls that keep the processor busy
        self.began = time.time()
        self.identity = ""  # in the roster
        self._files = files
        self._bus = bus
        self._sync_events = sync_events
        self.tells_requests = tell_requests  # an audit of what is asked for, too
        self._max_open = max_open
        self._opening = 0  # what will be in `opened` soon
        self._left = left
        self._lent = lent
        self.own = own or OwnCredentials(NO_WAYS)
        self._share = share
        self._inspections = inspections
        self.latest = latest or Latest()
        self._inspecting: set[Inspecting] = set()
        self._awaited = True  # whether somebody waits for answers
        self._present = True  # the client, as far as we know
        self._closed = False

    def emit(self, event: Event[D], payload: D) -> None:
        """Tell an event of this session."""
        self._bus.emit(event, payload, self.origin)

    def asked(self, event: Event[p.PathOf], path: VPath) -> None:
        """Tell that something was asked for, where `audit_requests` says so."""
        if self.tells_requests:
            self.emit(event, p.PathOf(str(path), self._files.real_path(path)))

    def check_present(self, path: VPath) -> None:
        """Refused(ABORTED) once the client has left: what is done for it need not go on."""
        if not self._present:
            raise self._gone(path)

    def check_awaited(self, path: VPath) -> None:
        """Refused(ABORTED) once nobody waits for an answer: nothing more is committed."""
        if not self._awaited:
            raise self._gone(path)

    async def inspect(self, file: ReceivedFile, upload: Upload) -> None:
        """Let a whole upload pass what its account demands, before it is committed.

        Refused: REJECTED when it must not come in, UNINSPECTED when that could not be found out,
        ABORTED when the client has left meanwhile.
        """
        if not self.account.demands.inspections:
            return
        if self._inspections is None:
            raise Refused(Reason.UNINSPECTED, str(file.path), "there is nothing to inspect it with")
        inspecting = Inspecting(self._inspections, file, upload)
        self._inspecting.add(inspecting)
        try:
            await inspecting.judge()
        finally:
            self._inspecting.discard(inspecting)

    async def beginning_of(self, path: VPath, suffix: str, most: int) -> bytes | None:
        """The first bytes of the file whose name has this suffix more; None without one.

        No event and no rule: for us, never for the peer.
        """
        try:
            download = await self._files.download(path.parent.child(path.name + suffix))
        except Refused as refused:
            if refused.reason in (Reason.NOT_FOUND, Reason.INVALID, Reason.IS_A_DIRECTORY):
                return None
            raise
        try:
            buffer = bytearray(most)
            count = await download.lane.read_later([memoryview(buffer)], 0)
            return bytes(buffer[:count])
        finally:
            await download.close()

    def leave(self) -> None:
        """The client has left: long work for it ends at its next step; `close` must follow."""
        self._present = False
        self.wait_no_more()

    def wait_no_more(self) -> None:
        """Nobody is there to wait for anything: what waits for bandwidth finds that out.

        So do inspections: each ends where it is.
        """
        if not self._awaited:
            return
        self._awaited = False
        if self._share is not None:
            self._share.leave()
        for inspecting in tuple(self._inspecting):
            inspecting.stop()

    def upload_pace(self) -> Pace | None:
        """How fast one upload may come; None without a limit."""
        return None if self._share is None else self._share.upload()

    def download_pace(self) -> Pace | None:
        """How fast one download may go; None without a limit."""
        return None if self._share is None else self._share.download()

    @property
    def read_at_most(self) -> int:
        """Bytes to take from the client in one read, so that little is owed; 0 is any number."""
        return 0 if self._share is None else self._share.read_at_most

    def has_waited(self) -> bool:
        """Whether a transfer waits for bandwidth, or did since this was asked the last time.

        Or for an inspection, during which the client can do nothing but wait.

        Whoever asks is the one clock that would end a client for doing nothing.
        """
        waited = self._share is not None and self._share.has_waited()
        return waited or bool(self._inspecting)

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

    async def entry_at(self, path: VPath, *, follow: bool = False) -> Entry | None:
        """What is under a path now, or None; no event and no rule: for us, never for the peer."""
        try:
            return await self._files.stat(path, follow=follow)
        except Refused:
            return None

    def real_path(self, path: VPath) -> str:
        """Where a path is on this machine's disk; for the audit trail only."""
        return self._files.real_path(path)

    def visit(self, peer: Address, left: Callable[[], None]) -> Self:
        """The same login on another connection: a session of its own over the same tree.

        It must be closed before this one is; then `left` is called.
        """
        return type(self)(
            self.account,
            self._files,
            self._bus,
            self.numbers,
            peer=peer,
            component=self.origin.component,
            pool=self.pool,
            sync_events=self._sync_events,
            tell_requests=self.tells_requests,
            max_open=self._max_open,
            left=left,
            clock=self.clock,
            lent=True,
            own=self.own,
            share=None if self._share is None else self._share.another(),
            inspections=self._inspections,
            latest=self.latest,
        )

    async def close(self, details: str) -> None:
        """The peer is gone: what is still open is aborted, each with its event."""
        if self._closed:
            return
        self._closed = True
        self.leave()
        try:
            for file in tuple(self.opened):
                await file.abort(details)
            if not self._lent:
                await self._files.close()
        finally:
            if self._left is not None:
                self._left()

    async def _guarded(
        self,
        outcome: Simple,
        operation: Operation,
        path: VPath,
        work: Coroutine[Any, Any, T],
        what: str = "",
    ) -> T:
        if not self.account.rules.allow(operation, path):
            work.close()
            refused = self._denied(operation, path)
            self._failed(outcome, path, what, refused)
            raise refused
        return await self._simple(outcome, path, work, what)

    async def _simple(
        self, outcome: Simple, path: VPath, work: Coroutine[Any, Any, T], what: str = ""
    ) -> T:
        if self.tells_requests:
            self._ask(outcome, path, what)
        try:
            result = await work
        except Refused as refused:
            self._failed(outcome, path, what, refused)
            raise
        self.emit(outcome.done, outcome.of(str(path), self._files.real_path(path), what))
        return result

    def _ask(self, outcome: Telling[W, Any, Any], path: VPath, what: W) -> None:
        if outcome.asked is not None:
            self.emit(outcome.asked, outcome.of(str(path), self._files.real_path(path), what))

    def _failed(
        self, outcome: Telling[W, Any, Any], path: VPath, what: W, refused: Refused
    ) -> None:
        real = self._files.real_path(path)
        self.emit(outcome.failed, outcome.why(str(path), real, what, refused.details))

    def _permit(self, operation: Operation, path: VPath) -> None:
        if not self.account.rules.allow(operation, path):
            raise self._denied(operation, path)

    def _keeps_ending(self, path: VPath, old: str, new: str) -> None:
        """Refused(DENIED) where a file of this name was inspected for the ending that it loses."""
        if self._inspections is None:
            return
        lost = self._inspections.lost_ending(self.account.demands.inspections, old, new)
        if lost:
            details = f"what has passed as a signature keeps its ending {lost}"
            raise Refused(Reason.DENIED, str(path), details)

    def _denied(self, operation: Operation, path: VPath) -> Refused:
        """The refusal; what is hidden is not there for who looks, and denied to who changes."""
        decision = self.account.rules.decide(operation, path)
        hidden = operation in LOOKS and self.account.hides(path)
        return Refused(Reason.NOT_FOUND if hidden else Reason.DENIED, str(path), decision.why)

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

    async def _begun(self, path: VPath, size: int) -> Entry | None:
        self._permit(Operation.WRITE, path)
        self._fits(path, size)
        try:
            entry = await self._files.stat(path)
        except Refused as refused:
            if refused.reason is not Reason.NOT_FOUND:
                raise
            await self._files.stat(path.parent)  # which may be what is not there
            return None
        if entry.is_directory:
            raise Refused(Reason.IS_A_DIRECTORY, str(path))
        return entry

    def _fits(self, path: VPath, size: int) -> None:
        """Refused(QUOTA) for a file that is larger than the account may write."""
        most = self.account.file_write_size
        if 0 < most < size:
            details = f"{size} bytes is over the limit of {most}"
            raise Refused(Reason.QUOTA, str(path), details)

    def _open_failed(
        self,
        numbers: Opened[Any, Any],
        path: VPath,
        requested: VPath,
        mode: str,
        offset: int,
        refused: Refused,
        metadata: Metadata = NO_METADATA,
    ) -> None:
        names = str(path), self._files.real_path(path), mode, str(requested)
        self.emit(numbers.failed, numbers.why(Unopened(*names, offset, refused.details, metadata)))

    def _gone(self, path: VPath) -> Refused:
        return Refused(Reason.ABORTED, str(path), "the client left meanwhile")

    def _recordable(self) -> None:
        if refused := self.unrecordable():
            raise refused
