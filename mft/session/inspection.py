"""Between the last byte of an upload and its name: the inspections that it must pass."""

import hashlib
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from mft.auth.account import Account
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import ROOT, VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.inspection import quarantine
from mft.inspection.base import SIGNATURE, Outcome, Subject, Verdict, fed
from mft.runtime.stoppable import Stoppable
from mft.runtime.threads import Blocking
from mft.vfs.base import Upload

if TYPE_CHECKING:
    from mft.session.files import ReceivedFile

REFUSED: Final = "refused"
LET_THROUGH: Final = "let through"


class Running(Protocol):
    """An inspection of the configuration that runs."""

    component: Component
    ending: str  # of names; a file that has passed for it keeps it

    async def inspect(self, subject: Subject) -> Verdict:
        """Look at one file; Refused where its bytes cannot be read."""


class Inspections(NamedTuple):
    """The inspections that run now, by their IDs, and where blocking calls go."""

    find: Callable[[str], Running | None]
    disk: Blocking
    now: Callable[[], float] = time.time

    def lost_ending(self, identifiers: Iterable[str], old: str, new: str) -> str:
        """The ending for which a file has passed these inspections, if a new name has it no more.

        One that does not run now may have looked for any.
        """
        running = map(self.find, identifiers)
        endings = {SIGNATURE if one is None else one.ending for one in running}
        lost = (one for one in endings if one and old.endswith(one) and not new.endswith(one))
        return next(lost, "")


class UploadSource:
    """The bytes of an upload that nobody writes any more."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload

    async def read(self, view: memoryview, offset: int) -> int:
        """Read on the disk pool."""
        return await self._upload.lane.read_later([view], offset)

    def reopen(self) -> int:
        """A descriptor of its own."""
        return self._upload.reopen()


class Inspecting:
    """One upload on its way through the inspections of its account."""

    def __init__(self, inspections: Inspections, file: "ReceivedFile", upload: Upload) -> None:
        self._inspections = inspections
        self._file = file
        self._upload = upload
        self._session = file.session
        self._account = file.session.account
        self._path, self._real = str(file.path), file.real_path
        self._looking = Stoppable()

    def stop(self) -> None:
        """Nobody waits any more: the inspection that looks at the file is cancelled."""
        self._looking.stop()

    async def judge(self) -> None:
        """Return when the file may be committed; else Refused, with a reason for the client.

        REJECTED: the file is in quarantine or will be deleted. UNINSPECTED and ABORTED: nothing is
        known against it.
        """
        before = await self._upload.lane.stat()
        subject = self._subject(before.size)
        for identifier in self._account.demands.inspections:
            await self._pass(identifier, subject)
        self._session.check_awaited(self._file.path)
        after = await self._upload.lane.stat()
        if (before.size, before.changed) != (after.size, after.changed):
            raise Refused(Reason.ABORTED, self._path, "the file changed while it was inspected")

    def _subject(self, size: int) -> Subject:
        session, path = self._session, self._file.path

        async def beside(suffix: str, most: int) -> bytes | None:
            return await session.beginning_of(path, suffix, most + 1)

        def go_on() -> None:
            session.check_awaited(path)

        return Subject(self._path, self._real, size, UploadSource(self._upload), beside, go_on)

    async def _pass(self, identifier: str, subject: Subject) -> None:
        name, verdict, kind = identifier, Verdict.unable("it is not running"), ""
        running = self._inspections.find(identifier)
        if running is not None:
            name, kind = running.component.name, running.component.kind
            verdict = await self._verdict(running, subject)
        for event, payload in verdict.told:
            self._session.emit(event, payload)
        if verdict.outcome is Outcome.UNABLE:
            self._unable(name, verdict)
        elif verdict.outcome is Outcome.REJECTED:
            await self._reject(subject, name, kind, verdict)
        elif self._account.demands.tell_passed:
            told = p.Inspected(self._path, self._real, name, verdict.details)
            self._session.emit(events.INSPECTION_PASSED, told)

    async def _verdict(self, running: Running, subject: Subject) -> Verdict:
        """The verdict; whatever goes wrong in an inspection, nothing is known of the file."""
        try:
            subject.go_on()
            verdict = await self._looking.do(running.inspect(subject))
        except Refused as refused:
            verdict = Verdict.unable(refused.details)
        except Exception as error:
            verdict = Verdict.unable(f"it broke: {type(error).__name__}: {error}")
        if verdict.outcome is Outcome.UNABLE:
            subject.go_on()  # one that was cut short is not unable
        return verdict

    def _unable(self, name: str, verdict: Verdict) -> None:
        through = self._account.demands.fails_open
        outcome = LET_THROUGH if through else REFUSED
        told = p.Uninspected(self._path, self._real, name, outcome, verdict.details)
        self._session.emit(events.INSPECTION_UNABLE, told)
        if not through:
            details = f"not inspected by {name}: {verdict.details}"
            raise Refused(Reason.UNINSPECTED, self._path, details)

    async def _reject(self, subject: Subject, name: str, kind: str, verdict: Verdict) -> None:
        told = p.Inspected(self._path, self._real, name, verdict.details)
        self._session.emit(events.INSPECTION_REJECTED, told)
        folder = self._account.demands.quarantine
        if folder:
            await self._set_aside(subject, folder, name, kind, verdict.details)
        else:
            self._session.emit(events.REJECTED_DELETED, p.PathOf(self._path, self._real))
        words = [part for part in (verdict.hint, self._account.demands.message) if part]
        details = f"rejected by {name}: {verdict.details}"
        raise Refused(Reason.REJECTED, self._path, details, ". ".join(words))

    async def _set_aside(
        self, subject: Subject, folder: str, name: str, kind: str, details: str
    ) -> None:
        """Put the file into quarantine; what cannot be put there is deleted."""
        disk, identifier = self._inspections.disk, str(uuid.uuid4())
        try:
            sha256 = await self._digest(subject)
            record = self._record(identifier, subject, sha256, (name, kind, details))
            await disk(quarantine.prepare, folder)
            await disk(quarantine.write, folder, record)
            await self._upload.divert(folder, identifier)
        except (Refused, OSError) as error:
            with suppress(OSError):  # it cannot be reached: nothing was put there
                await disk(quarantine.remove, folder, identifier)
            why = error.details if isinstance(error, Refused) else str(error)
            told = p.PathFailed(self._path, self._real, why)
            self._session.emit(events.QUARANTINE_FAILED, told)
            return
        self._session.emit(
            events.QUARANTINED,
            p.Quarantined(
                self._path,
                self._real,
                identifier,
                f"{folder}/{identifier}",
                record.size,
                record.sha256,
                name,
                details,
            ),
        )

    async def _digest(self, subject: Subject) -> str:
        """The file's SHA-256; empty once nobody waits: it is evidence without one as well."""
        hasher = hashlib.sha256()
        try:
            await fed(subject, self._inspections.disk, hasher.update, subject.size)
        except Refused as refused:
            if refused.reason is not Reason.ABORTED:
                raise
            return ""
        return hasher.hexdigest()

    def _record(
        self, identifier: str, subject: Subject, sha256: str, why: tuple[str, str, str]
    ) -> quarantine.Record:
        origin, account = self._session.origin, self._account
        return quarantine.Record(
            identifier,
            self._inspections.now(),
            account.name,
            account.uuid,
            f"{origin.peer.host}:{origin.peer.port}",
            origin.component.name,
            self._path,
            self._real,
            root_of(account, self._file.path),
            subject.size,
            sha256,
            *why,
        )


def root_of(account: Account, path: VPath) -> str:
    """The real folder at which the tree begins that a path lies in: the home, or another."""
    found = [(ROOT, account.home)]
    found += [(mount, real) for mount, real in account.virtual_folders if path.within(mount)]
    return max(found, key=lambda one: len(one[0].parts))[1]
