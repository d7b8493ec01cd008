"""Calls: statements for the database of a cluster, in the words of either kind."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, Double, Executable, Table, bindparam
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

Row = Sequence[Any]


class Statement:
    """One statement; `make` gives it for a kind of database, as SQLAlchemy has it.

    It may be done twice without harm: an answer that was lost is asked for again.
    """

    def __init__(self, make: Callable[[str], Executable]) -> None:
        self.make = make

    def __call__(self, **values: Any) -> "Call":
        """The statement with its values, which are texts in ASCII or numbers."""
        return Call(self, values)


class Call(NamedTuple):
    """A statement with its values."""

    statement: Statement
    values: Mapping[str, Any]


class _Now(FunctionElement[float]):
    type = Double()
    inherit_cache = True


def now() -> FunctionElement[float]:
    """The time of the database as a statement is made, in seconds since the epoch."""
    return _Now()


@compiles(_Now, "postgresql")
def _now_of_postgresql(element: Any, compiler: Any, **words: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


@compiles(_Now, "mysql", "mariadb")
def _now_of_mysql(element: Any, compiler: Any, **words: Any) -> str:
    return "(UNIX_TIMESTAMP(SYSDATE(6)) + 0e0)"


def statement(made: Executable) -> Statement:
    """One that both kinds of database understand."""
    return Statement(lambda kind: made)


def insert_new(table: Table, **given: Any) -> Statement:
    """Insert a row, unless there is one of its key; `given` are columns that are no parameters."""
    values = {one.name: given.get(one.name, bindparam(one.name)) for one in _written(table)}
    key = next(iter(values))

    def make(kind: str) -> Executable:
        if kind == "postgresql":
            return postgresql.insert(table).values(values).on_conflict_do_nothing()
        # Not IGNORE, which would cut what is too long.
        return mysql.insert(table).values(values).on_duplicate_key_update({key: table.c[key]})

    return Statement(make)


def put(table: Table, **given: Any) -> Statement:
    """Insert a row, or replace what the row of its key has."""
    values = {one.name: given.get(one.name, bindparam(one.name)) for one in _written(table)}
    keys = [one.name for one in table.primary_key]

    def make(kind: str) -> Executable:
        if kind == "postgresql":
            new = postgresql.insert(table).values(values)
            changed = {name: new.excluded[name] for name in values if name not in keys}
            return new.on_conflict_do_update(index_elements=keys, set_=changed)
        made = mysql.insert(table).values(values)
        return made.on_duplicate_key_update(
            {name: made.inserted[name] for name in values if name not in keys}
        )

    return Statement(make)


def _written(table: Table) -> list[Column[Any]]:
    return [one for one in table.columns if one.autoincrement is not True]
