"""A database that takes events, for the rooms above: nothing of it keeps the reactor waiting."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from twisted.internet.defer import DeferredSemaphore

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.events.model import Occurrence
from mft.resources.base import Surroundings
from mft.resources.database_options import DatabaseOptions, SqliteOptions

if TYPE_CHECKING:
    from mft.resources.event_store import EventStore

P = ParamSpec("P")
T = TypeVar("T")

CALLS: Final = 2  # of one database at a time; others wait without a thread


class Database:
    """One database; every call ends within a few of its timeouts.

    Raises Refused when the database is in the way, and ValueError when a value is.
    """

    def __init__(
        self, component: Component, options: DatabaseOptions, around: Surroundings
    ) -> None:
        self.component = component
        self.label = options.label
        self._options = options
        self._around = around
        self._turns = DeferredSemaphore(CALLS)
        self._store: EventStore | None = None

    async def start(self) -> None:
        """Get ready, without a connection: a database that is down keeps nobody from starting.

        Raises OSError, or ImportError, for what no waiting would heal.
        """
        self._store = await self._around.outside(_open, self._options)

    async def stop(self) -> None:
        """Let connections go."""
        store, self._store = self._store, None
        if store is not None:
            await self._around.outside(store.close)

    async def prepare(self) -> None:
        """See that the tables and the rights are there."""
        await self._call(self._running.prepare)

    async def add(self, occurrences: Sequence[Occurrence]) -> None:
        """Add all or none; what is there already is passed over."""
        await self._call(self._running.add, self._around.server, occurrences)

    async def delete_older(self, moment: float, limit: int) -> int:
        """Delete some events of this server from before a time; how many that were."""
        return await self._call(self._running.delete_older, self._around.server, moment, limit)

    @property
    def _running(self) -> "EventStore":
        if self._store is None:
            raise Refused(Reason.ABORTED, self.label, "the database is stopped")
        return self._store

    async def _call(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        await self._turns.acquire()
        try:
            return await self._around.outside(call, *args, **kwargs)
        finally:
            self._turns.release()


def _open(options: DatabaseOptions) -> "EventStore":
    """Import in a thread what takes a while, and only where somebody has a database."""
    if isinstance(options, SqliteOptions) and not options.path.parent.is_dir():
        raise FileNotFoundError(f"the folder of {options.path} is not there: make it")
    from mft.resources.event_store import EventStore

    return EventStore(options)
