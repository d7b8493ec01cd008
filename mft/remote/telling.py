"""Telling: a borrowed connection whose operations are events.

Changes, the opening and the end of files, and all that fails are always told; what only looks is
told where `audit_requests` says so (decision 0012).
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Event
from mft.remote.base import (
    Identity,
    Remote,
    discard_unfinished,
    finish_removal,
    remove_same,
    rename_seen,
    stat_each,
)
from mft.remote.open_files import Teller, ToldDownload, ToldListing, ToldUpload, Use
from mft.vfs.base import Attributes, Download, Entry, Existing, Listing, Upload, Usage

T = TypeVar("T")


class Told:
    """A borrowed connection, until it is given back; a `Remote`."""

    def __init__(self, remote: Remote, folder: str, teller: Teller) -> None:
        self.files_at_a_time = remote.files_at_a_time
        self.places_bytes = remote.places_bytes
        self.use = Use(teller)
        self._remote = remote
        self._folder = folder.rstrip("/")
        self._teller = teller
        self.closed = False  # by whoever borrowed it
        self._ended = False

    def end(self) -> None:
        """It is given back: nothing can be done with it any more."""
        self._ended = True
        self.use.left()

    @property
    def rounds_times(self) -> bool:
        """Whether times of files may be told in whole minutes."""
        return self._remote.rounds_times

    @property
    def identity(self) -> Identity:
        """Who is at the other end."""
        return self._remote.identity

    @property
    def connected(self) -> bool:
        """Whether the connection lives, and is still borrowed."""
        return not self._ended and self._remote.connected

    def may_digest(self, algorithm: str) -> bool:
        """Whether the peer may make digests of files."""
        return self._remote.may_digest(algorithm)

    async def digest(self, path: VPath, algorithm: str) -> bytes | None:
        """The peer's own digest of a file."""
        with self._doing(None, ()):
            return await self._remote.digest(path, algorithm)

    async def ping(self) -> None:
        """Ask for a sign of life."""
        with self._doing(None, ()):
            await self._remote.ping()

    async def stat(self, path: VPath, *, follow: bool = True, finished: bool = False) -> Entry:
        """What is under a path; that nothing is there is an answer, and no failure."""
        try:
            with self._doing(None, ()):
                found = await self._remote.stat(path, follow=follow, finished=finished)
        except Refused as refused:
            self._tell_look(path, refused)
            raise
        self._tell_look(path, found)
        return found

    async def stat_each(self, *paths: VPath) -> list[Entry | Refused]:
        """What is under several paths, asked for at once where that saves time."""
        try:
            with self._doing(None, ()):
                answers = await stat_each(self._remote, *paths)
        except Refused as refused:
            answers = [refused] * len(paths)
        for path, answer in zip(paths, answers, strict=True):
            if isinstance(answer, Refused):
                self.use.heard(answer)
            self._tell_look(path, answer)
        return answers

    def _tell_look(self, path: VPath, answer: Entry | Refused) -> None:
        named = self._named(path)
        if not isinstance(answer, Refused):
            self._teller.step(events.LOCATION_STAT_DONE, p.AtLocation(*named))
        elif answer.reason is Reason.NOT_FOUND:
            self._teller.step(events.LOCATION_NOT_THERE, p.AtLocation(*named))
        else:
            told = p.AtLocationFailed(*named, str(answer))
            self._teller.tell(events.LOCATION_STAT_FAILED, told)

    async def list(self, path: VPath) -> Listing:
        """Begin to read a folder."""
        with self._doing(events.LOCATION_LIST_FAILED, self._named(path)):
            inner = await self._remote.list(path)
        return ToldListing(self.use, inner, self._named(path))

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> Upload:
        """Begin to write a file."""
        extends = how is Existing.EXTEND
        failed = (
            events.LOCATION_APPEND_OPEN_FAILED if extends else events.LOCATION_WRITE_OPEN_FAILED
        )
        named = self._named(path)
        with self._doing(failed, named):
            inner = await self._remote.upload(path, how, mode=mode)
        done = events.LOCATION_APPEND_OPENED if inner.start else events.LOCATION_WRITE_OPENED
        self._teller.tell(done, p.AtLocation(*named))
        return ToldUpload(self.use, inner, named)

    async def download(self, path: VPath) -> Download:
        """Open a file."""
        named = self._named(path)
        with self._doing(events.LOCATION_READ_OPEN_FAILED, named):
            inner = await self._remote.download(path)
        self._teller.tell(events.LOCATION_READ_OPENED, p.AtLocation(*named))
        return ToldDownload(self.use, inner, named)

    async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
        """Make a folder."""
        named = self._named(path)
        with self._doing(events.LOCATION_MAKE_FOLDER_FAILED, named):
            await self._remote.make_directory(path, mode=mode)
        self._teller.tell(events.LOCATION_MAKE_FOLDER_DONE, p.AtLocation(*named))

    async def remove(self, path: VPath) -> None:
        """Remove a file."""
        await self._removed(self._remote.remove, path)

    async def remove_same(self, path: VPath, same: Callable[[Entry], bool]) -> bool:
        """The same for one that was looked at; whether it was that, where the peer can tell."""
        return await self._removed(partial(remove_same, self._remote, same=same), path)

    async def finish_removal(self, path: VPath, same: Callable[[Entry], bool]) -> None:
        """See that nothing is left of a file that has gone."""
        with self._doing(events.LOCATION_REMOVE_FAILED, self._named(path)):
            await finish_removal(self._remote, path, same)

    async def discard_unfinished(self, path: VPath) -> None:
        """See that nothing hidden is left of an upload."""
        with self._doing(events.LOCATION_REMOVE_FAILED, self._named(path)):
            await discard_unfinished(self._remote, path)

    async def _removed(self, remove: Callable[[VPath], Awaitable[T]], path: VPath) -> T:
        named = self._named(path)
        with self._doing(events.LOCATION_REMOVE_FAILED, named):
            done = await remove(path)
        if done is not False:  # it was another one, and stays
            self._teller.tell(events.LOCATION_REMOVE_DONE, p.AtLocation(*named))
        return done

    async def remove_directory(self, path: VPath) -> None:
        """Remove an empty folder."""
        named = self._named(path)
        try:
            with self._doing(None, ()):
                await self._remote.remove_directory(path)
        except Refused as refused:
            told = p.LocationFolderFailed(*named, False, str(refused))
            self._teller.tell(events.LOCATION_REMOVE_FOLDER_FAILED, told)
            raise
        self._teller.tell(events.LOCATION_REMOVE_FOLDER_DONE, p.LocationFolder(*named, False))

    async def rename(self, source: VPath, target: VPath, *, replace: bool) -> None:
        """Give something another name."""
        await self._renamed(self._remote.rename, source, target, replace=replace)

    async def rename_seen(self, source: VPath, target: VPath, *, replace: bool) -> Entry | None:
        """The same, and what has the new name then, where the peer tells that along."""
        rename = partial(rename_seen, self._remote)
        found = await self._renamed(rename, source, target, replace=replace)
        if found is not None:
            self._teller.step(events.LOCATION_STAT_DONE, p.AtLocation(*self._named(target)))
        return found

    async def _renamed(
        self, rename: Callable[..., Awaitable[T]], source: VPath, target: VPath, *, replace: bool
    ) -> T:
        old, new = self._named(source)[0], self._named(target)[0]
        named = (new, self._teller.name, old, new)
        try:
            with self._doing(None, ()):
                found = await rename(source, target, replace=replace)
        except Refused as refused:
            told = p.LocationRenameFailed(*named, str(refused))
            self._teller.tell(events.LOCATION_RENAME_FAILED, told)
            raise
        self._teller.tell(events.LOCATION_RENAME_DONE, p.LocationRenamed(*named))
        return found

    async def change(self, path: VPath, attributes: Attributes, *, follow: bool = True) -> None:
        """Set attributes."""
        named = self._named(path)
        with self._doing(events.LOCATION_TOUCH_FAILED, named):
            await self._remote.change(path, attributes, follow=follow)
        self._teller.tell(events.LOCATION_TOUCH_DONE, p.AtLocation(*named))

    async def read_link(self, path: VPath) -> str:
        """Where a link leads."""
        with self._doing(None, ()):
            return await self._remote.read_link(path)

    async def make_link(self, path: VPath, target: str) -> None:
        """Make a link, where that can be."""
        with self._doing(None, ()):
            await self._remote.make_link(path, target)

    async def make_hard_link(self, source: VPath, target: VPath) -> None:
        """Give a file a second name, where that can be."""
        with self._doing(None, ()):
            await self._remote.make_hard_link(source, target)

    async def usage(self, path: VPath) -> Usage:
        """The room that is left, where that is told."""
        with self._doing(None, ()):
            return await self._remote.usage(path)

    def real_path(self, path: VPath) -> str:
        """Where the path is."""
        return self._remote.real_path(path)

    async def close(self) -> None:
        """End the connection, instead of giving it back for others."""
        self.closed = self._ended = True
        await self._remote.close()

    def _named(self, path: VPath) -> tuple[str, str]:
        """The path of the peer, and the location."""
        below = "/".join(path.parts)
        return (f"{self._folder}/{below}" if below else self._folder or "/"), self._teller.name

    @contextmanager
    def _doing(
        self, failed: Event[p.AtLocationFailed] | None, named: Sequence[str]
    ) -> Iterator[None]:
        if self._ended:
            raise Refused(Reason.ABORTED, self._teller.name, "the connection was given back")
        try:
            yield
        except Refused as refused:
            sentence = self.use.heard(refused)
            if failed is not None:
                self._teller.tell(failed, p.AtLocationFailed(named[0], named[1], sentence))
            raise
