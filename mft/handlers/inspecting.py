"""Handlers that inspect the file of an event, after the event: they tell, and move nothing."""

import errno
import os
import stat
from collections.abc import Sequence
from typing import Final

from mft.config.kinds import Text
from mft.config.section import option
from mft.core.failure import Reason, Refused
from mft.core.peer import Component, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.facts import datum
from mft.events.model import Occurrence
from mft.handlers.base import HandlerOptions
from mft.inspection.base import Inspection, Outcome, Subject
from mft.resources.base import Surroundings

ATTEMPTS: Final = 5  # at an inspection that cannot be made; then the event is a dead letter
LEFT: Final = "left as it is"
# What inspections tell is not inspected: two of these handlers would feed each other for ever.
VERDICTS: Final = frozenset(
    {
        events.SIGNATURE_VALID,
        events.SIGNATURE_INVALID,
        events.CONTENT_FOUND,
        events.FILE_DIGEST,
        events.INSPECTION_PASSED,
        events.INSPECTION_REJECTED,
        events.INSPECTION_UNABLE,
        events.QUARANTINED,
        events.QUARANTINE_FAILED,
        events.QUARANTINE_DELETED,
        events.QUARANTINE_RELEASE_FAILED,
        events.REJECTED_DELETED,
    }
)
_UNOPENED: Final = frozenset({errno.ELOOP, errno.ENXIO})  # symbolic links and sockets
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class InspectingOptions(HandlerOptions):
    """What handlers have that inspect files."""

    source_attribute: Text = option(
        "The data key of the event that has the path of the file, or a list of them.", "real_path"
    )


class DiskSource:
    """The bytes of a file on the disk, by its descriptor."""

    def __init__(self, descriptor: int, around: Surroundings) -> None:
        self.descriptor = descriptor
        self._around = around

    async def read(self, view: memoryview, offset: int) -> int:
        """Read on the disk pool."""
        try:
            return await self._around.blocking(os.preadv, self.descriptor, [view], offset)
        except OSError as error:
            raise Refused(Reason.BROKEN, "", str(error)) from None

    def reopen(self) -> int:
        """A descriptor of its own."""
        return os.dup(self.descriptor)


class InspectionHandler:
    """Runs an inspection on the files that an event names, and tells what it found."""

    batch: int = 1  # a file may take long: none is inspected again for another's failure
    attempts: int = ATTEMPTS

    def __init__(
        self,
        component: Component,
        options: InspectingOptions,
        around: Surroundings,
        inspection: Inspection,
        *,
        tells: bool = False,
    ) -> None:
        """`tells` whether a file has passed: for an inspection that has no events of its own."""
        self.component = component
        self._tells = tells
        self._key = options.source_attribute
        self._around = around
        self._inspection = inspection

    async def start(self) -> None:
        """Get ready; raises what makes that impossible."""
        await self._inspection.start()

    async def handle_many(self, occurrences: Sequence[Occurrence]) -> None:
        """Inspect each file; raises Refused or OSError where that was not possible."""
        for occurrence in occurrences:
            if occurrence.event not in VERDICTS:
                for path in _paths(datum(occurrence.data, self._key)):
                    await self._inspect(occurrence, path)

    async def stop(self) -> None:
        """Nothing is held."""

    async def _inspect(self, occurrence: Occurrence, path: str) -> None:
        origin = occurrence.origin._replace(component=self.component)
        shown = occurrence.data.get("path") if self._key == "real_path" else None
        virtual = shown if isinstance(shown, str) else path
        try:
            descriptor, size = await self._around.blocking(_opened, path)
        except (FileNotFoundError, NotADirectoryError):
            self._left(virtual, path, origin, "it is not there any more")
            return
        except Refused as refused:
            if refused.reason is not Reason.UNSUPPORTED:
                raise
            self._left(virtual, path, origin, "it is not a regular file")
            return
        try:
            subject = self._subject(virtual, path, size, DiskSource(descriptor, self._around))
            verdict = await self._inspection.inspect(subject)
        finally:
            await self._around.blocking(os.close, descriptor)
        if verdict.outcome is Outcome.UNABLE:
            raise Refused(Reason.UNINSPECTED, path, verdict.details)
        for event, payload in verdict.told:
            self._around.bus.emit(event, payload, origin)
        if self._tells:
            passed = verdict.outcome is Outcome.PASSED
            event = events.INSPECTION_PASSED if passed else events.INSPECTION_REJECTED
            told = p.Inspected(virtual, path, self.component.name, verdict.details)
            self._around.bus.emit(event, told, origin)

    def _left(self, virtual: str, path: str, origin: Origin, why: str) -> None:
        """Tell of what is not inspected: it would be no other the next time."""
        told = p.Uninspected(virtual, path, self.component.name, LEFT, why)
        self._around.bus.emit(events.INSPECTION_UNABLE, told, origin)

    def _subject(self, virtual: str, path: str, size: int, source: DiskSource) -> Subject:
        async def beside(suffix: str, most: int) -> bytes | None:
            return await self._around.blocking(_beginning, path + suffix, most + 1)

        return Subject(virtual, path, size, source, beside, lambda: None)


def _paths(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _opened(path: str) -> tuple[int, int]:
    """Open a regular file, and give its size; OSError, or Refused(UNSUPPORTED) for others."""
    try:
        descriptor = os.open(path, _OPEN)
    except OSError as error:
        if error.errno not in _UNOPENED:
            raise
        raise Refused(Reason.UNSUPPORTED, path, "is not a regular file") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise Refused(Reason.UNSUPPORTED, path, "is not a regular file")
    return descriptor, status.st_size


def _beginning(path: str, most: int) -> bytes | None:
    try:
        descriptor, _ = _opened(path)
    except FileNotFoundError:
        return None
    try:
        return os.pread(descriptor, most, 0)
    finally:
        os.close(descriptor)
