"""What a dispatcher does with one file, in steps that may be broken off anywhere and begun again.

Each looks first at what is there already: after a kill, or when it is tried again, it goes on.
"""

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from mft.core.failure import Reason, Refused
from mft.handlers.dispatcher_copy import (
    TRIES,
    How,
    Making,
    Source,
    identity_of,
    present,
    remove,
    version_of,
)
from mft.handlers.dispatcher_record import Identity, Intent, NotRecordedError, Record
from mft.handlers.dispatcher_roots import Place, Roots, open_file, open_folder
from mft.handlers.dispatcher_rules import ACTIONS, DELETE, EXECUTE, RENAME, RENAME_STAMPED
from mft.vfs.refusal import refusal
from mft.vfs.rename import RenameNew

DONE: Final = "done"
GONE: Final = "gone"
FAILED: Final = "failed"


class Outcome(NamedTuple):
    """How it ended."""

    word: str
    details: str = ""


class _GoneError(Exception):
    """The file is not there, or another one is, which has an event of its own."""


class Work:
    """One intent and everything that is needed to carry it out."""

    def __init__(
        self, intent: Intent, record: Record, roots: Roots, how: How, rename_new: RenameNew
    ) -> None:
        self._intent = intent
        self._record = record
        self._roots = roots
        self._rename_new = rename_new
        self._making = Making(intent, record, roots, how, rename_new)
        self._action = ACTIONS[intent.mode]
        self._running = self._steps()

    def advance(self) -> Outcome | None:
        """Do a step, in a thread; None while there are more. Raises NotRecordedError.

        What is done is recorded as that, save where a program is still to be run.
        """
        try:
            next(self._running)
        except StopIteration:
            if self._action is not EXECUTE:
                self.end(Outcome(DONE))
            return Outcome(DONE)
        except _GoneError:
            return Outcome(GONE)
        except Refused as refused:
            return Outcome(FAILED, str(refused))
        except OSError as error:
            return Outcome(FAILED, refusal(error, "").details)
        return None

    def end(self, outcome: Outcome) -> None:
        """Record how it ended, in a thread; raises NotRecordedError."""
        intent = self._intent
        intent.ended, intent.details = outcome
        try:
            self._record.save(intent)
        except NotRecordedError:
            intent.ended = ""
            raise

    def close(self) -> None:
        """Break it off where it is."""
        self._running.close()

    def tidy(self) -> None:
        """Leave nothing half-made that a killed server left; raises NotRecordedError."""
        with suppress(OSError, Refused):
            place = self._roots.place(self._intent.path)
            folder = open_folder(place, create=False)
            try:
                self._put_back(folder, place)
            finally:
                os.close(folder)
        for target in self._intent.targets:
            if self._action not in (RENAME, RENAME_STAMPED):
                with suppress(OSError, Refused):
                    self._making.settle(target)
        self._record.save(self._intent)

    def _steps(self) -> Generator[None, None, None]:
        if self._intent.removed:  # what is there now is another, though it may have got its number
            return
        place = self._roots.place(self._intent.path)
        try:
            folder = open_folder(place, create=False)
        except FileNotFoundError:
            raise _GoneError from None
        try:
            self._put_back(folder, place)
            if self._action is EXECUTE:
                self._look(folder, place)
            elif self._action is DELETE:
                self._delete(folder, place)
            elif self._action in (RENAME, RENAME_STAMPED):
                self._rename(folder, place)
            else:
                yield from self._send(folder, place)
        finally:
            os.close(folder)

    def _put_back(self, folder: int, place: Place) -> None:
        """Undo a removal that a kill interrupted; it is then done anew."""
        taken = self._intent.taken
        if present(folder, taken) is not None:
            self._return(folder, taken, place.name)

    def _return(self, folder: int, taken: str, name: str) -> None:
        try:
            self._rename_new(folder, taken, folder, name)
        except FileExistsError:  # it would have been replaced by what is there now
            remove(folder, taken)

    def _source(self, folder: int, place: Place) -> Source | None:
        """Open the file that the intent is about; None where it is not there any more."""
        try:
            opened = open_file(folder, place.name)
        except FileNotFoundError:
            return None
        identity = identity_of(os.fstat(opened))
        if self._intent.source in (None, identity):
            self._intent.source = identity
            return Source(opened, identity, identity_of(os.fstat(folder)), place.name)
        os.close(opened)
        return None

    def _look(self, folder: int, place: Place) -> None:
        source = self._source(folder, place)
        if source is None:
            raise _GoneError
        os.close(source.descriptor)
        self._record.save(self._intent)

    def _delete(self, folder: int, place: Place) -> None:
        begun = self._intent.source is not None
        source = self._source(folder, place)
        if source is None:
            if begun:
                return
            raise _GoneError
        os.close(source.descriptor)
        try:
            self._record.save(self._intent)
        except NotRecordedError:
            if not begun:
                self._intent.source = None
            raise
        self._intent.removed = self._take(folder, place, source.identity)

    def _rename(self, folder: int, place: Place) -> None:
        (target,) = self._intent.targets
        if target.done:
            return
        begun = target.made is not None
        source = self._source(folder, place)
        if source is None:
            if not begun:
                raise _GoneError
            target.done = True
            return
        os.close(source.descriptor)
        there = self._roots.place(target.path)
        into = self._making.folder(there)
        try:
            if not (begun and self._has_both(folder, place, into, there)):
                self._rename_one(folder, place, into, there)
            target.done = True
        finally:
            os.close(into)

    def _rename_one(self, folder: int, place: Place, into: int, there: Place) -> None:
        (target,) = self._intent.targets
        target.made = self._intent.source
        try:
            self._record.save(self._intent)
        except NotRecordedError:
            target.made = None  # as long as nothing says so, what is gone was not renamed
            raise
        try:
            self._rename_new(folder, place.name, into, there.name)
        except OSError:
            target.made = None
            self._record.save(self._intent)  # what somebody else removes was not renamed
            raise
        self._check(folder, place, into, there)

    def _has_both(self, folder: int, place: Place, into: int, there: Place) -> bool:
        """Whether it has both names, as a kill may leave it where there is no renameat2."""
        found = present(into, there.name)
        if found is None or identity_of(found) != self._intent.source:
            return False
        remove(folder, place.name)
        return True

    def _check(self, folder: int, place: Place, into: int, there: Place) -> None:
        """Undo a rename of what is no file: somebody has put it there since it was opened."""
        found = present(into, there.name)
        if found is None or stat.S_ISREG(found.st_mode):
            return
        try:
            self._rename_new(into, there.name, folder, place.name)
        except FileExistsError:
            remove(into, there.name)
        raise Refused(Reason.DENIED, self._intent.path, "it was replaced by what is no file")

    def _send(self, folder: int, place: Place) -> Iterator[None]:
        """Make every target; then the source goes, where it is to."""
        intent, leaves = self._intent, self._action.leaves
        if not leaves and not os.access(".", os.W_OK, dir_fd=folder):
            details = "its folder may not be written, so that it could not be removed"
            raise Refused(Reason.DENIED, intent.path, details)
        for target in intent.targets:
            self._making.settle(target)
        for _ in range(TRIES):
            source = self._source(folder, place)
            if source is None:
                self._without_source()
                return
            try:
                for target in intent.targets:
                    link = not leaves and target is intent.targets[-1]
                    yield from self._making.make(target, source, link=link)
                self._making.sync()
                if leaves or any(target.skipped for target in intent.targets):
                    return
                status = os.fstat(source.descriptor)
            finally:
                os.close(source.descriptor)
            if self._copied(status) and self._take(folder, place, source.identity):
                intent.removed = True
                return
        raise Refused(Reason.BUSY, intent.path, "it is being written all the time")

    def _without_source(self) -> None:
        done = [target.done or target.skipped for target in self._intent.targets]
        if all(done):
            return
        if any(done):
            details = f"it is gone, and is in {sum(done)} of {len(done)} places"
            raise Refused(Reason.NOT_FOUND, self._intent.path, details)
        raise _GoneError

    def _copied(self, status: os.stat_result) -> bool:
        """Whether every target is what the source is now."""
        now = version_of(status)
        return all(one.copied in (None, now) for one in self._intent.targets)

    def _take(self, folder: int, place: Place, identity: Identity) -> bool:
        """Remove exactly this file; False where it has been written since it was copied.

        It gets a name of ours first, so that a file that replaces it meanwhile is never removed.
        """
        taken = self._intent.taken
        found = present(folder, place.name)
        if found is None or identity_of(found) != identity:
            return True  # the new one has an event of its own
        if not self._copied(found):
            return False
        with suppress(FileNotFoundError):
            self._rename_new(folder, place.name, folder, taken)
        found = present(folder, taken)
        if found is None:
            return True
        if identity_of(found) == identity and self._copied(found):
            os.unlink(taken, dir_fd=folder)
            return True
        self._return(folder, taken, place.name)
        return identity_of(found) != identity
