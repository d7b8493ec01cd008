"""Noticing: the system tells at once that something changes in the folders of a source.

What it tells only makes a look come sooner. Looks find out what has changed, and which folders
there are: each is watched before it is read, so that nothing comes between. What the system cannot
tell is found by the looks that come from time to time.
"""

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

from mft.core.failure import Refused
from mft.core.vpath import ROOT, VPath, check_name
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.remote.base import Watchable
from mft.runtime import inotify
from mft.runtime.inotify import Change, Inotify
from mft.transfers.around import Around
from mft.transfers.fair import Fair
from mft.transfers.source import Wanted
from mft.vfs.base import FileSystem, Listing

MOST_WATCHED: Final = 8192  # folders of one source: about a KiB of the kernel's memory each

# Why folders are not watched, where the code of the system does not say what to do.
_WHY: Final = {
    errno.ENOSPC: "no more folders can be watched on this machine (fs.inotify.max_user_watches)",
    errno.EMFILE: "nothing more can be watched on this machine (fs.inotify.max_user_instances)",
    errno.ENOSYS: "this system does not tell of changes",
}


class Heard(NamedTuple):
    """What was told since it was asked last."""

    anything: bool = False  # there may be more
    matters: bool = False  # something that a look may find


NOTHING: Final = Heard()


class Noticing:
    """Watches the folders of one source, where that is on this machine and wanted."""

    def __init__(self, around: Around, wanted: Wanted, active: Callable[[], bool]) -> None:
        """`active` says whether anybody would look sooner for what is told."""
        self._around = around
        self._wanted = wanted
        self._active = active
        self._mask = inotify.CHANGES
        if not around.options.delete_source_on_success:
            # A copy that goes and comes again is sent again. Of what we move, we remove it.
            self._mask |= inotify.DEPARTURES
        self._fair = Fair(around.clock)
        self._system: Inotify | None = None
        self._ring: Callable[[], object] = lambda: None
        # What is watched, by the number of its watch; None is the folder that the source is in.
        self._folders: dict[int, VPath | None] = {}
        self._name = b""  # of the source, in that
        self._known: set[VPath | None] = set()  # the same, when the look that runs began
        self._met: set[int] = set()  # what that look has found
        self._why = ""  # not everything is watched, as far as that look knows
        self._told = ""  # the same, as it was told

    # What looks do.

    def begin_look(self, tree: FileSystem) -> None:
        """A look begins; there is one at a time."""
        self._met, self._known = set(), {*self._folders.values()}
        self._name = os.fsencode(os.path.basename(tree.real_path(ROOT)))
        self._why = "" if self._system is not None else self._open()

    def _open(self) -> str:
        """Begin to hear, if anybody would; why not."""
        if not self._around.notices or not self._active():
            return self._told
        try:
            self._system = Inotify(self._around.clock, lambda: self._ring())
        except OSError as error:
            return _why(error)
        return ""

    async def watch(self, folder: VPath, listing: Listing) -> None:
        """Watch a folder that is to be read, or go on with that."""
        if self._system is not None and isinstance(listing, Watchable):
            await listing.watch(partial(self._watch, self._system, folder))

    def _watch(self, system: Inotify, folder: VPath, descriptor: int) -> None:
        """The same, on the pool of its disk; one folder at a time."""
        if folder.is_root:
            # One that somebody has open, such as a connection of ours, does not tell that it goes.
            with suppress(OSError):
                self._watches(system.watch_above(descriptor), None)
        if len(self._folders) >= MOST_WATCHED and folder not in self._known:
            self._why = f"no more than {MOST_WATCHED} folders of one source are watched"
            return
        try:
            self._watches(system.watch(descriptor, self._mask), folder)
        except OSError as error:
            self._why = _why(error)

    def _watches(self, number: int, folder: VPath | None) -> None:
        self._folders[number] = folder
        self._met.add(number)

    async def end_look(self) -> None:
        """A look has found every folder: others are not watched any more."""
        for number in self._folders.keys() - self._met:
            if number in self._folders and self._system is not None:
                del self._folders[number]
                self._system.unwatch(number)
            await self._fair()
        self._tell()

    def _tell(self) -> None:
        if self._why == self._told:
            return
        self._told = self._why
        options = self._around.options
        named = options.source_path, options.source_uuid or "local"
        if self._why:
            told = p.AtLocationFailed(*named, self._why)
            self._around.tell(events.TRANSFER_UNNOTICED, told)
        else:
            self._around.tell(events.TRANSFER_NOTICED, p.AtLocation(*named))

    # What happens between them.

    def listen(self, ring: Callable[[], object]) -> None:
        """Ring once, as soon as anything is told."""
        self._ring = ring
        if self._system is not None:
            self._system.listen()

    def ignore(self) -> None:
        """Do not ring."""
        if self._system is not None:
            self._system.stopReading()

    def take(self) -> Heard:
        """Take a part of what was told."""
        if self._system is None:
            return NOTHING
        matters = False
        changes = self._system.take()
        for change in changes:
            if change.mask & inotify.IGNORED:
                self._folders.pop(change.watch, None)
            else:
                matters = matters or self._matters(change)
        return Heard(bool(changes), matters)

    def _matters(self, change: Change) -> bool:
        if change.mask & inotify.OVERFLOW:
            return True
        if change.watch not in self._folders:
            return False
        folder = self._folders[change.watch]
        if folder is None:
            return change.name == self._name
        if not change.name:
            return True
        try:
            name = change.name.decode()
            check_name(name)
        except (UnicodeDecodeError, Refused):  # such as an upload of ours that is not finished
            return False
        if change.mask & inotify.IS_FOLDER:
            return self._wanted.recursive
        return self._wanted.has(folder.child(name))

    def close(self) -> None:
        """Watch nothing any more, until the next look; none may be running."""
        system, self._system = self._system, None
        self._folders.clear()
        self._told = ""
        if system is not None:
            system.close()

    def describe(self) -> str:
        """How changes are noticed, for people."""
        if self._told:
            return f"looked for: {self._told}"
        return "looked for" if self._system is None else "told at once"


def _why(error: OSError) -> str:
    return _WHY.get(error.errno or 0) or f"folders cannot be watched: {error.strerror}"
