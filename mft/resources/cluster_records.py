"""Records of accounts in the database of a cluster: listed, read, and written if unchanged."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from sqlalchemy import and_, bindparam, case, func, or_, select, update

from mft.resources.cluster_calls import Call, Row, insert_new, now, statement
from mft.resources.cluster_tables import MAX_ID, RECORDS

MAX_VERSION: Final = 1 << 62  # what is beyond it nobody has counted
MAX_TEXT: Final = 96 << 10  # characters of a record; what is longer is none, and is not fetched
PAGE: Final = 1000  # that are listed in one round trip, of 100 bytes each
TOGETHER: Final = 50  # that are read in one round trip: at most 5 MB of MAX_TEXT

_MINE: Final = and_(RECORDS.c.account == bindparam("of"), RECORDS.c.kind == bindparam("sort"))
_AFTER: Final = or_(
    RECORDS.c.account > bindparam("after"),
    and_(RECORDS.c.account == bindparam("after"), RECORDS.c.kind > bindparam("after_kind")),
)
_LISTED: Final = (
    select(RECORDS.c.account, RECORDS.c.kind, RECORDS.c.version)
    .where(_AFTER)
    .order_by(RECORDS.c.account, RECORDS.c.kind)
    .limit(PAGE)
)
LIST: Final = statement(_LISTED)
LIST_CHANGED: Final = statement(
    _LISTED.where(RECORDS.c.changed >= bindparam("since"), RECORDS.c.kind != bindparam("but"))
)
VERSIONS: Final = statement(
    select(RECORDS.c.kind, RECORDS.c.version).where(RECORDS.c.account == bindparam("of"))
)
READ: Final = statement(
    select(
        RECORDS.c.version,
        case((func.octet_length(RECORDS.c.text) <= MAX_TEXT, RECORDS.c.text), else_=""),
    ).where(_MINE)
)
ADD: Final = insert_new(RECORDS, changed=now())
REPLACE: Final = statement(
    update(RECORDS)
    .where(_MINE, RECORDS.c.version == bindparam("before"))
    .values(version=bindparam("then"), text=bindparam("sealed"), changed=now())
)


class Asks(Protocol):
    """What asks the database: the cluster."""

    async def ask(self, *calls: Call, key: str = "") -> list[list[Row]]:
        """The rows of each call; raises Refused while the database is away."""


class Place(NamedTuple):
    """Where a record is: the key of its account, and its kind."""

    account: str
    kind: str


class Stored(NamedTuple):
    """A record as the database has it; version 0 where it has none."""

    version: int = 0
    text: str = ""


class Listed(NamedTuple):
    """That there is a record of a version."""

    place: Place
    version: int


class RecordTable:
    """The table; whatever it is asked raises Refused while the database is away."""

    def __init__(self, cluster: Asks) -> None:
        self._ask = cluster.ask

    async def page(
        self, after: Place, since: float | None = None, but: str = ""
    ) -> Sequence[Listed]:
        """The records behind a place, in their order; fewer than PAGE are the last ones.

        With `since` only those that have changed from that moment on, by the database's clock,
        and are of another kind than `but`.
        """
        words = {"after": after.account, "after_kind": after.kind}
        call = LIST(**words) if since is None else LIST_CHANGED(**words, since=since, but=but)
        (rows,) = await self._ask(call)
        return [Listed(Place(account, kind), version) for account, kind, version in rows]

    async def read(self, places: Sequence[Place]) -> list[Stored]:
        """Those at some places, TOGETHER of them at most."""
        found = await self._ask(*(READ(of=one.account, sort=one.kind) for one in places))
        return [_stored(rows) for rows in found]

    async def write(self, place: Place, name: str, before: int, then: int, sealed: str) -> Stored:
        """Write a record over the one of version `before`, 0 for none; gives what is there now.

        That is ours where it has our text, which nobody else can have made: it is sealed.
        """
        of, sort = place
        if before:
            words = {"before": before, "then": then, "sealed": sealed}
            call = REPLACE(of=of, sort=sort, **words)
        else:
            told = ascii(name)[1:-1][:MAX_ID]
            call = ADD(account=of, kind=sort, name=told, version=then, text=sealed)
        rows = await self._ask(call, READ(of=of, sort=sort), key=f"record {of} {sort}")
        return _stored(rows[-1])


def versions(account: str) -> Call:
    """Ask for the kinds of record that an account has, by its key, and their versions."""
    return VERSIONS(of=account)


def _stored(rows: Sequence[Row]) -> Stored:
    return Stored(*rows[0]) if rows else Stored()
