"""SharedDatabase: the database of a cluster, as the queues of its transfers use it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, ParamSpec, TypeVar

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from twisted.internet.defer import DeferredSemaphore

from mft.core.failure import Reason, Refused
from mft.resources.database_options import ServerOptions
from mft.resources.sql_dialects import engine_of
from mft.resources.trouble import said
from mft.runtime.threads import Blocking

P = ParamSpec("P")
T = TypeVar("T")

CONNECTIONS: Final = 4  # for all transfers of a node: so many threads may wait for its answers
_FULL: Final = frozenset({"53100", 1021, 1114})  # what a database says that has no room
_UNKNOWN_VARIABLE: Final = 1193


class SharedDatabase:
    """A few connections. Its calls block, on threads of `pool`; everything raises Refused.

    A transaction of a node that is frozen ends after `idle` seconds: nobody waits longer for it.
    """

    def __init__(self, options: ServerOptions, pool: Blocking, idle: float) -> None:
        self.label = options.label
        self.kind = options.type
        self._pool = pool
        self._idle = idle
        self._timeout = options.timeout
        self._free = DeferredSemaphore(CONNECTIONS)
        self._engine = engine_of(options, connections=CONNECTIONS)
        connected = _postgresql if options.type == "postgresql" else _mysql
        event.listen(
            self._engine,
            "connect",
            lambda connection, record: connected(connection, idle, self._timeout),
        )

    async def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call in a thread, with a connection that is free for it."""
        await self._free.acquire()
        try:
            return await self._pool(call, *args, **kwargs)
        finally:
            self._free.release()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All of it is done, or nothing."""
        with self.doing(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def doing(self) -> Iterator[None]:
        """What the database says against it is Refused: NO_SPACE, or BROKEN."""
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            full = isinstance(error, DBAPIError) and _code(error) in _FULL
            reason = Reason.NO_SPACE if full else Reason.BROKEN
            raise Refused(reason, self.label, said(error)) from None

    async def close(self) -> None:
        """Let the connections go."""
        await self._pool(self._engine.dispose)


def _code(error: DBAPIError) -> Any:
    original: Any = error.orig
    state = getattr(original, "sqlstate", None)
    return state or (original.args[0] if original is not None and original.args else None)


def _postgresql(connection: Any, idle: float, timeout: float) -> None:
    settings = {
        "idle_in_transaction_session_timeout": f"{max(1, round(idle * 1000))}ms",
        "lock_timeout": f"{round(timeout * 500)}ms",
        "default_transaction_isolation": "read committed",
    }
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    connection.commit()


def _mysql(connection: Any, idle: float, timeout: float) -> None:
    seconds = max(1, round(idle))
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute("SET SESSION innodb_lock_wait_timeout = %s", (max(1, round(timeout / 2)),))
        try:
            cursor.execute("SET SESSION idle_transaction_timeout = %s", (seconds,))
        except Exception as error:  # MySQL only knows connections that are idle at any time
            if error.args[:1] != (_UNKNOWN_VARIABLE,):
                raise
            cursor.execute("SET SESSION wait_timeout = %s", (seconds,))
