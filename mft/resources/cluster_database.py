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
# What a database says where another transaction won, and ours was taken back.
_LOST: Final = frozenset({1205, 1213, "40001", "40P01"})
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
                    lost, misfit = _code(error) in _LOST, _is_misfit(error)
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
        if self._kind == "postgresql":
            return _pipelined(self._connection, told)
        return _joined(self._connection, told)

    def _connect(self) -> Any:
        made = DIALECTS[self._kind].connect(self._options, False)
        if self._kind == "mysql":
            made._execute_command(_SET_OPTION, _SEVERAL)  # noqa: SLF001 - it has no other way
            made._read_packet()  # noqa: SLF001 - the answer to that
            with made.cursor() as cursor:
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        return made

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


def _pipelined(connection: Any, told: Sequence[tuple[str, dict[str, Any]]]) -> list[list[Row]]:
    with connection.pipeline():
        cursors = [connection.execute(text, values) for text, values in told]
        connection.commit()
    return [cursor.fetchall() if cursor.description else [] for cursor in cursors]


def _joined(connection: Any, told: Sequence[tuple[str, dict[str, Any]]]) -> list[list[Row]]:
    found: list[list[Row]] = []
    with connection.cursor() as cursor:
        texts = [cursor.mogrify(text, values) for text, values in told]
        cursor.execute(";".join(("START TRANSACTION", *texts, "COMMIT")))
        while cursor.nextset():
            found.append(list(cursor.fetchall()) if cursor.description else [])
    return found[:-1]  # the last is that of COMMIT


def _is_misfit(error: Exception) -> bool:
    """Whether a value is what went wrong; both drivers call that the same."""
    return any(one.__name__ in ("DataError", "IntegrityError") for one in type(error).__mro__)


def _code(error: Exception) -> Any:
    """The number by which a database tells what went wrong."""
    if (state := getattr(error, "sqlstate", None)) is not None:
        return state
    return error.args[0] if error.args and isinstance(error.args[0], int) else None
