"""ClusterDatabase: several statements in one round trip and one transaction. Its calls block."""

import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Final

from sqlalchemy.dialects import mysql, postgresql

from mft.resources.cluster_calls import Call, Row, Statement
from mft.resources.cluster_tables import prepare_tables
from mft.resources.database_options import ServerOptions
from mft.resources.event_table import Unfit
from mft.resources.sql_dialects import DIALECTS, engine_of
from mft.resources.trouble import CHECK, Trouble, said

TRIES: Final = 4  # of a batch that a lock of another node was in the way of
LOCK_SHARE: Final = 0.4  # of the timeout: so long a row is waited for that somebody else holds
# What a database says where another transaction won, and ours was taken back,
_LOST: Final = frozenset({1213, "40001", "40P01"})
_LOCKED: Final = frozenset({1205, "55P03"})  # and where it was waited for in vain.
_SET_OPTION: Final = 0x1B  # of MySQL's protocol: COM_SET_OPTION
_SEVERAL: Final = struct.pack("<H", 0)  # MYSQL_OPTION_MULTI_STATEMENTS_ON


class ClusterDatabase:
    """One connection, made when it is needed, for one thread at a time.

    Raises Trouble when the database is in the way, and ValueError when a value is.
    """

    def __init__(self, options: ServerOptions) -> None:
        self.label = options.label
        self._options = options
        self._kind = options.type
        self._engine = engine_of(options)
        self._made: dict[Statement, tuple[str, Mapping[str, Any]]] = {}
        self._connection: Any = None
        self._lock = Lock()
        self._prepared = False

    def batch(self, calls: Sequence[Call]) -> list[list[Row]]:
        """Do all of them or none, in order, and give the rows of each."""
        with self._lock:
            told = [self._told(call) for call in calls]
            for left in reversed(range(TRIES)):
                fresh = self._connection is None
                try:
                    return self._once(told)
                except Exception as error:
                    code, misfit = _code(error), _is_misfit(error)
                    lost, fresh = code in _LOST, fresh or code in _LOCKED
                    self._let_go(keep=lost or misfit)
                    if misfit:
                        raise ValueError(said(error)) from None
                    # A connection that nobody used for a while may have been cut long ago.
                    if not left or (fresh and not lost):
                        raise self._trouble(error) from None
        raise AssertionError

    def close(self) -> None:
        """Let the connection go."""
        with self._lock:
            self._let_go()
            self._engine.dispose()

    def _once(self, told: Sequence[tuple[str, dict[str, Any]]]) -> list[list[Row]]:
        if self._connection is None:
            self._prepare()
            self._connection = self._connect()
        return _joined(self._connection, told, self._settings)

    def _connect(self) -> Any:
        made = DIALECTS[self._kind].connect(self._options, False)
        if self._kind == "postgresql":
            from psycopg import ClientCursor

            made.autocommit = True  # the batch has its own beginning and end
            made.cursor_factory = ClientCursor
        else:
            made._execute_command(_SET_OPTION, _SEVERAL)  # noqa: SLF001 - it has no other way
            made._read_packet()  # noqa: SLF001 - the answer to that
        return made

    @property
    def _settings(self) -> Sequence[str]:
        """How long a row is waited for: less long than we do, so that nothing is done afterwards.

        They are told each time: poolers between us and the server forget what was told before.
        """
        patience = LOCK_SHARE * self._options.timeout
        if self._kind == "postgresql":
            level, patience_told = "BEGIN ISOLATION LEVEL READ COMMITTED", round(patience * 1000)
            return level, f"SET LOCAL lock_timeout = {patience_told}"
        wait = f"SET SESSION innodb_lock_wait_timeout = {max(1, int(patience))}"
        return "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", wait, "START TRANSACTION"

    def _prepare(self) -> None:
        if self._prepared:
            return
        with (
            self._engine.begin() as connection,
            DIALECTS[self._kind].locked(connection, self._options.timeout),
        ):
            prepare_tables(connection)
        self._engine.dispose()
        self._prepared = True

    def _let_go(self, *, keep: bool = False) -> None:
        """After what went wrong: with `keep` the connection is as good as before."""
        connection = self._connection
        if connection is None:
            return
        if keep:
            with suppress(Exception):
                connection.rollback()
                return
        self._connection = None
        self._prepared = False  # it may be another database by the next time
        with suppress(Exception):
            connection.close()

    def _told(self, call: Call) -> tuple[str, dict[str, Any]]:
        """A call as the driver takes it."""
        made = self._made.get(call.statement)
        if made is None:
            statement: Any = call.statement.make(self._kind)
            compiled = statement.compile(dialect=_dialect(self._kind))
            made = self._made[call.statement] = str(compiled), compiled.params
        text, values = made
        return text, {**values, **call.values}

    def _trouble(self, error: Exception) -> Trouble:
        if isinstance(error, Unfit):
            return Trouble(CHECK, self.label, str(error))
        return Trouble("ask", self.label, said(error))


def _dialect(kind: str) -> Any:
    """A dialect that writes parameters as both drivers take them."""
    return (postgresql if kind == "postgresql" else mysql).dialect(paramstyle="pyformat")


def _joined(
    connection: Any, told: Sequence[tuple[str, dict[str, Any]]], settings: Sequence[str]
) -> list[list[Row]]:
    """All of it is one message: a server that has not got the whole of it does nothing.

    So a node that is frozen in the middle of sending holds no row that others wait for.
    """
    found: list[list[Row]] = []
    with connection.cursor() as cursor:
        texts = [cursor.mogrify(text, values) for text, values in told]
        cursor.execute(";".join((*settings, *texts, "COMMIT")))
        for number in range(len(settings) + len(texts)):
            if number >= len(settings):
                found.append(list(cursor.fetchall()) if cursor.description else [])
            cursor.nextset()
    return found


def _is_misfit(error: Exception) -> bool:
    """Whether a value is what went wrong; both drivers call that the same."""
    return any(one.__name__ in ("DataError", "IntegrityError") for one in type(error).__mro__)


def _code(error: Exception) -> Any:
    """The number by which a database tells what went wrong."""
    if (state := getattr(error, "sqlstate", None)) is not None:
        return state
    return error.args[0] if error.args and isinstance(error.args[0], int) else None
