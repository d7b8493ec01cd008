"""Open files and listings of a borrowed connection: each tells its one end."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

from mft.core.failure import Reason, Refused
from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Emitter, Event
from mft.remote.base import MAX_LISTED, Watchable, announce, left_out, seen
from mft.vfs.base import (
    LATER,
    Attributes,
    Buffers,
    Download,
    Entry,
    Lane,
    Later,
    Listing,
    Upload,
)

READING: Final = "reading"
WRITING: Final = "writing"
APPENDING: Final = "appending"
GIVEN_UP: Final = "given up before its end"


class Teller:
    """Tells what happens at one location."""

    def __init__(self, bus: Emitter, component: Component, *, steps: bool) -> None:
        """With `steps`, what only looks is told too."""
        self.name = component.name
        self._bus = bus
        self._origin = Origin(PROCESS, NOWHERE, component)
        self._steps = steps

    def tell(self, event: Event[Any], payload: Any) -> None:
        """Tell an event."""
        self._bus.emit(event, payload, self._origin)

    def step(self, event: Event[Any], payload: Any) -> None:
        """Tell one where steps are wanted."""
        if self._steps:
            self.tell(event, payload)


class Use:
    """What one use of a connection has open, and what it heard of its end."""

    def __init__(self, teller: Teller) -> None:
        self.tell = teller.tell
        self.step = teller.step
        self.open_files = 0  # and listings: what must be closed before somebody else may use it
        self.opened: dict[_Open, None] = {}  # those files, in the order of their beginning
        self.trouble = ""  # why the connection was lost, as it was told last

    def left(self) -> None:
        """The connection is given back: files that nobody has closed end with it."""
        for one in tuple(self.opened):
            if one.ends(counts=False):
                one.cut(one.lane.broken or GIVEN_UP)

    def heard(self, refused: Refused) -> str:
        """Remember why a connection was lost; gives the sentence."""
        sentence = str(refused)
        if refused.reason is Reason.ABORTED:
            self.trouble = sentence
        return sentence


class ToldListing:
    """A `Listing` whose end is told."""

    def __init__(self, use: Use, inner: Listing, named: tuple[str, str]) -> None:
        use.open_files += 1
        self._use = use
        self._inner = inner
        self._named = named
        self._count = 0
        self._failed = False
        self._closed = False

    async def batch(self) -> Sequence[Entry]:
        """The next entries; Refused(QUOTA) after MAX_LISTED."""
        try:
            found = await self._inner.batch()
            self._count += len(found)
            if self._count > MAX_LISTED:
                details = f"more than {MAX_LISTED} entries"
                raise Refused(Reason.QUOTA, self._named[0], details)
        except Refused as refused:
            self._failed = True
            told = p.AtLocationFailed(*self._named, self._use.heard(refused))
            self._use.tell(events.LOCATION_LIST_FAILED, told)
            raise
        return found

    @property
    def left_out(self) -> int:
        """How many of the names that were read so far nobody could use again."""
        return left_out(self._inner)

    async def watch(self, begin: Callable[[int], object]) -> None:
        """Give the folder's descriptor to a call, where it has one."""
        if isinstance(self._inner, Watchable):
            await self._inner.watch(begin)

    async def close(self) -> None:
        """Close the folder."""
        if self._closed:
            return
        self._closed = True
        self._use.open_files -= 1
        await self._inner.close()
        if not self._failed:
            self._use.step(events.LOCATION_LIST_DONE, p.AtLocation(*self._named))


class Moved(NamedTuple):
    """Of an open file: its path and location, and how it was opened."""

    path: str
    location: str
    mode: str


class ToldLane:
    """A `Lane` that counts its bytes, and tells the first of what fails."""

    def __init__(self, use: Use, inner: Lane, moved: Moved) -> None:
        self.read = 0  # bytes
        self.written = 0
        self.broken = ""  # what has failed
        self._use = use
        self._inner = inner
        self._moved = moved

    def fileno(self) -> int | None:
        """The descriptor, of a local file."""
        return self._inner.fileno()

    # Each piece of a file passes here: `with` would cost more than all the rest.

    def read_into(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Fill the views."""
        try:
            count = self._inner.read_into(views, offset)
        except Refused as refused:
            self._fails(events.LOCATION_READ_FAILED, refused)
            raise
        if count is not LATER:
            self.read += count
        return count

    def write_from(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Write the views."""
        try:
            count = self._inner.write_from(views, offset)
        except Refused as refused:
            self._fails(events.LOCATION_WRITE_FAILED, refused)
            raise
        if count is not LATER:
            self.written += count
        return count

    async def read_later(self, views: Buffers, offset: int) -> int:
        """Fill the views, waiting."""
        try:
            count = await self._inner.read_later(views, offset)
        except Refused as refused:
            self._fails(events.LOCATION_READ_FAILED, refused)
            raise
        self.read += count
        return count

    async def write_later(self, views: Buffers, offset: int) -> int:
        """Write the views, waiting."""
        try:
            count = await self._inner.write_later(views, offset)
        except Refused as refused:
            self._fails(events.LOCATION_WRITE_FAILED, refused)
            raise
        self.written += count
        return count

    async def stat(self) -> Entry:
        """The open file as it is now."""
        return await self._inner.stat()

    async def change(self, attributes: Attributes) -> None:
        """Set attributes of the open file."""
        await self._inner.change(attributes)

    async def sync(self) -> None:
        """Wait until the peer has what was written."""
        try:
            await self._inner.sync()
        except Refused as refused:
            self._fails(events.LOCATION_WRITE_FAILED, refused)
            raise

    def _fails(self, event: Event[p.LocationHandleFailed], refused: Refused) -> None:
        sentence = self._use.heard(refused)
        if not self.broken:
            self.broken = sentence
            self._use.tell(event, p.LocationHandleFailed(*self._moved, self.broken))


class _Open:
    """An open file that tells its one end."""

    def __init__(self, use: Use, lane: Lane, moved: Moved) -> None:
        use.open_files += 1
        use.opened[self] = None
        self.lane = ToldLane(use, lane, moved)
        self._use = use
        self._moved = moved
        self._ended = False

    def ends(self, *, counts: bool = True) -> bool:
        """Whether it ends now, and not before; `counts`: it is closed by that."""
        if self._ended:
            return False
        self._ended = True
        del self._use.opened[self]
        self._use.open_files -= counts
        return True

    def closed(self) -> None:
        """It ended well."""
        sizes = self.lane.read, self.lane.written
        self._use.tell(events.LOCATION_CLOSED, p.LocationClosed(*self._moved, *sizes))

    def cut(self, why: str) -> None:
        """It did not."""
        self._use.tell(events.LOCATION_CLOSE_FAILED, p.LocationHandleFailed(*self._moved, why))


class ToldUpload:
    """An `Upload` whose end is told."""

    def __init__(self, use: Use, inner: Upload, named: tuple[str, str]) -> None:
        self._use = use
        self._inner = inner
        mode = APPENDING if inner.start else WRITING
        self._named = named
        self._open = _Open(use, inner.lane, Moved(*named, mode))
        self.lane: Lane = self._open.lane

    @property
    def start(self) -> int:
        """Bytes that are there already."""
        return self._inner.start

    @property
    def seen(self) -> Entry | None:
        """What the peer told of it along with its end."""
        return seen(self._inner)

    @property
    def in_place(self) -> bool:
        """Whether a finished file is being changed."""
        return self._inner.in_place

    @property
    def real_path(self) -> str:
        """Where the file will be."""
        return self._inner.real_path

    @property
    def replaced(self) -> bool:
        """Whether a file was there."""
        return self._inner.replaced

    def announce(self, size: int) -> None:
        """Tell a peer that wants to know how large the whole file will be."""
        announce(self._inner, size)

    async def commit(self, *, durable: bool) -> None:
        """Wait until the peer has everything."""
        first = self._open.ends()
        try:
            await self._inner.commit(durable=durable)
        except Refused as refused:
            sentence = self._use.heard(refused)
            if first:
                self._open.cut(sentence)
            raise
        if first:
            self._open.closed()
            if self.seen is not None:
                self._use.step(events.LOCATION_STAT_DONE, p.AtLocation(*self._named))

    async def abort(self, *, keep: bool) -> None:
        """End without committing."""
        if self._open.ends():
            self._open.cut(self._open.lane.broken or GIVEN_UP)
        await self._inner.abort(keep=keep)

    async def leave_hole(self) -> None:
        """Nothing: files of locations are written from their beginning to their end."""

    async def divert(self, folder: str, name: str) -> None:
        """Never: files of locations are not set aside."""
        raise Refused(Reason.UNSUPPORTED, self.real_path)

    def reopen(self) -> int:
        """A descriptor of its own for reading, of a local file."""
        return self._inner.reopen()


class ToldDownload:
    """A `Download` whose end is told."""

    def __init__(self, use: Use, inner: Download, named: tuple[str, str]) -> None:
        self._inner = inner
        self._open = _Open(use, inner.lane, Moved(*named, READING))
        self.lane: Lane = self._open.lane

    @property
    def entry(self) -> Entry:
        """The file as it was when it was opened."""
        return self._inner.entry

    @property
    def real_path(self) -> str:
        """Where the file is."""
        return self._inner.real_path

    async def close(self) -> None:
        """Close the file."""
        if self._open.ends():
            broken = self._open.lane.broken
            if broken:
                self._open.cut(broken)
            else:
                self._open.closed()
        await self._inner.close()
