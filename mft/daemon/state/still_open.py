"""What has begun and not ended, as the events say it one by one.

The running server counts with every event, and a start after a crash with what it reads: both by
the same rules, so that they come to the same.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final, Generic, TypeVar

from mft.core.peer import Address
from mft.daemon.state.begun import BEGUN, Begun
from mft.events import catalogue as events
from mft.events.model import Occurrence

T = TypeVar("T")

# About 400 bytes each while the server runs, and 2 KiB while a start reads.
MAX_OPEN: Final = 100_000  # things of a kind that are open at once; what is beyond is not closed
MAX_SAME: Final = 1000  # times that one connection has one thing open; what is beyond neither

# Event handlers may have their say after DRAINED; a start that failed was no run.
_RUNS: Final = {events.PROCESS_STARTED.number: True, events.DRAINED.number: False}

# A component by its ID, the peer, and the data that tells one thing on a connection from another.
Key = tuple[str, Address, Any]


class StillOpen(Generic[T]):
    """What is open after the events that it was offered; a subscriber of the bus."""

    def __init__(self, kept: Callable[[Occurrence], T]) -> None:
        """`kept` gives what is remembered of the event that began something."""
        self.running = False  # it has started, and not said that it was done
        self._kept = kept
        # By the kinds of BEGUN: things in the order in which they began.
        self._things: tuple[dict[Key, list[T]], ...] = tuple({} for _ in BEGUN)

    def offer(self, told: Occurrence) -> None:
        """Be told of one event, each in its turn."""
        number = told.event.number
        row = _ROWS.get(number)
        if row is None:
            if number in _RUNS:
                self.running = _RUNS[number]
            return
        kind, data, do = row
        things, origin = self._things[kind], told.origin
        try:
            key = origin.component.uuid, origin.peer, data(told.data)
            if do is not None:
                do(things, key, self._kept(told))
            elif (same := things.pop(key, None)) is not None and len(same) > 1:
                things[key] = same[1:]  # one connection had it open more than once
        except TypeError:  # data of another kind than ours, which a journal may have
            return
        except KeyError:  # of another version
            self.offer(told._replace(data=_whole(kind, told)))

    def restore(self, kind: int, told: Occurrence) -> None:
        """Take what was open: the event that began it, or that told more of it.

        `kind` is its place in BEGUN. Raises ValueError for an event that is about something else.
        """
        about, data, do = _ROWS.get(told.event.number, _NO_ROW)
        if about != kind or do is None:
            raise ValueError(f"event {told.serial} did not begin what is said of it")
        origin = told.origin
        try:
            key = origin.component.uuid, origin.peer, data(_whole(kind, told))
            _begin(self._things[kind], key, self._kept(told))
        except TypeError:
            raise ValueError(f"event {told.serial} has data of another kind") from None

    @property
    def count(self) -> int:
        """How many things are open."""
        return sum(len(same) for things in self._things for same in things.values())

    def by_kinds(self) -> list[list[T]]:
        """What is remembered of everything that is open, by the kinds of BEGUN."""
        return [[one for same in things.values() for one in same] for things in self._things]


def known(kind: Begun, told: Occurrence) -> dict[str, Any]:
    """What its beginning, or an event that told more of it, says of a thing."""
    said = {name: told.data.get(name, "") for name in kind.names}
    return {**said, **told.data} if told.event.number == kind.learns else said


def _whole(kind: int, told: Occurrence) -> dict[str, Any]:
    """The data with everything that tells its kind of thing apart."""
    return {**dict.fromkeys(BEGUN[kind].names, ""), **told.data}


def _begin(things: dict[Key, list[T]], key: Key, one: T) -> None:
    same = things.get(key)
    if same is None:
        if len(things) < MAX_OPEN:
            things[key] = [one]
    elif len(same) < MAX_SAME:
        same.append(one)


def _learn(things: dict[Key, list[T]], key: Key, one: T) -> None:
    same = things.get(key, [])
    same[:] = [one] * len(same)


def _nothing(data: dict[str, Any]) -> str:
    return ""


_Do = Callable[[dict[Key, list[Any]], Key, Any], None]
# Of a number: the kind in BEGUN, the data that tells one thing from another, and what it does; an
# end, which is all that has no more to do than to take away, has None.
_Row = tuple[int, Callable[[dict[str, Any]], Any], _Do | None]


def _rows() -> dict[int, _Row]:
    rows: dict[int, _Row] = {}
    for index, kind in enumerate(BEGUN):
        data = itemgetter(*kind.names) if kind.names else _nothing
        rows |= dict.fromkeys(kind.begins, (index, data, _begin))
        rows |= dict.fromkeys(kind.ends, (index, data, None))
        if kind.learns:
            rows[kind.learns] = index, data, _learn
    return rows


_ROWS: Final = _rows()
_NO_ROW: Final[_Row] = (-1, _nothing, None)
