"""Statements about the queues that the nodes of a cluster share, and rows as these have them."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import mysql, postgresql

from mft.core.vpath import VPath
from mft.resources.cluster_calls import insert_new, put
from mft.resources.cluster_tables import LEASES, QUEUE_FACTS, QUEUE_FILES, QUEUE_SENT, QUEUES
from mft.resources.cluster_tables import QUEUE_RESULTS as RESULTS
from mft.resources.cluster_tables import digest_of as digest_of
from mft.resources.event_rows import held
from mft.transfers.rows import FAILED, SEEN, SENDING, SENT, STABLE, Row, row_of, text_of

MAX_ERROR: Final = 4000  # characters of a sentence
WHOLE: Final = 1 << 64  # numbers of files are unsigned, and those of databases are not

F: Final = QUEUE_FILES.c
_MINE: Final = F.queue == bindparam("queue_id")
_THIS: Final = and_(_MINE, F.id == bindparam("row"))
# By nothing else than their numbers: a database that has not counted its rows yet would go through
# the whole queue.
_THESE: Final = F.id.in_(bindparam("rows", expanding=True))
_FIELDS: Final = (
    F.id,
    F.path,
    F.size,
    F.modified,
    F.state,
    F.found,
    F.batch,
    F.marker,
    F.tries,
    F.due,
    F.error,
    F.final,
    F.temporary,
    F.replaces,
    F.from_top,
    F.fallback,
    F.written,
    F.reached,
    F.begun,
    F.changed,
    F.unique_id,
)
# What nothing is known of yet.
FRESH: Final[dict[str, Any]] = {
    "tries": 0,
    "due": 0.0,
    "error": "",
    "final": "",
    "final_key": "",
    "temporary": "",
    "temporary_key": "",
    "replaces": 0,
    "from_top": 0,
    "fallback": 0,
    "written": -1,
    "reached": "",
    "begun": 0,
    "changed": 0,
    "unique_id": 0,
}

# The queue itself. Who may write holds this row until the end of the transaction: a new holder of
# the lease waits for that, and then has its own fence there.
FENCE: Final = (
    select(
        QUEUES.c.fence,
        select(LEASES.c.fence).where(LEASES.c.name == bindparam("lease")).scalar_subquery(),
    )
    .where(QUEUES.c.id == bindparam("queue_id"))
    .with_for_update(read=True)
)
TAKE_OVER: Final = (
    select(
        QUEUES.c.id,
        select(LEASES.c.fence).where(LEASES.c.name == bindparam("lease")).scalar_subquery(),
    )
    .where(QUEUES.c.key == bindparam("transfer_key"))
    .with_for_update()
)
NEW_FENCE: Final = (
    update(QUEUES).where(QUEUES.c.id == bindparam("queue_id")).values(fence=bindparam("tenure"))
)

# Looks.
KNOWN: Final = select(F.key, F.id, F.size, F.modified, F.state, F.since, F.batch).where(
    _MINE, F.key.in_(bindparam("keys", expanding=True))
)
REMEMBERED: Final = select(QUEUE_SENT.c.key, QUEUE_SENT.c.size, QUEUE_SENT.c.modified).where(
    QUEUE_SENT.c.queue == bindparam("queue_id"),
    QUEUE_SENT.c.key.in_(bindparam("keys", expanding=True)),
)
HOW_MANY: Final = select(func.count()).select_from(QUEUE_FILES).where(_MINE)
ADD: Final = insert(QUEUE_FILES)
CHANGE: Final = (
    update(QUEUE_FILES)
    .where(_THIS)
    .values(
        size=bindparam("new_size"),
        modified=bindparam("new_modified"),
        state=bindparam("new_state"),
        ready=bindparam("new_ready"),
        since=bindparam("now"),
        found=bindparam("now"),
        batch=bindparam("new_batch"),
        **FRESH,
    )
)
RESTED: Final = (
    update(QUEUE_FILES)
    .where(_THESE)
    .values(
        state=STABLE,
        ready=bindparam("new_ready"),
        batch=bindparam("new_batch"),
        since=bindparam("now"),
    )
)
SINCE: Final = update(QUEUE_FILES).where(_THESE).values(since=bindparam("now"))
# Pages in the order of their keys, which an index has.
FILES_PAGE: Final = (
    select(F.key, F.id, F.state)
    .where(_MINE, F.key > bindparam("after"))
    .order_by(F.key)
    .limit(bindparam("most"))
)
SENT_PAGE: Final = (
    select(QUEUE_SENT.c.key, QUEUE_SENT.c.at)
    .where(QUEUE_SENT.c.queue == bindparam("queue_id"), QUEUE_SENT.c.key > bindparam("after"))
    .order_by(QUEUE_SENT.c.key)
    .limit(bindparam("most"))
)
PATHS: Final = select(F.id, F.path, F.batch).where(_THESE)
FORGET: Final = delete(QUEUE_FILES).where(_THESE)
FORGET_SENT: Final = delete(QUEUE_SENT).where(
    QUEUE_SENT.c.queue == bindparam("queue_id"),
    QUEUE_SENT.c.key.in_(bindparam("keys", expanding=True)),
)

# Batches.
_LOOSE: Final = and_(_MINE, F.state == STABLE, F.batch.is_(None))
WAITING: Final = select(func.count(), func.max(F.since)).where(_LOOSE)
MARKED: Final = (
    select(F.batch)
    .where(_MINE, F.batch.in_(bindparam("batches", expanding=True)), F.marker > 0)
    .distinct()
)
# Files that have left a batch because they have changed, and the markers that come with them.
RESTLESS: Final = select(func.count()).where(_MINE, F.state == SEEN, F.batch < 0)
LOOSEN: Final = (
    update(QUEUE_FILES)
    .where(_MINE, F.batch == bindparam("number"), F.marker > 0, F.state == STABLE)
    .values(state=SEEN, ready=0, since=bindparam("now"), batch=-F.batch)
)
MARKERS: Final = select(F.marker).where(_LOOSE, F.marker > 0).distinct()
GATHER: Final = update(QUEUE_FILES).where(_LOOSE).values(batch=bindparam("new_batch"), ready=1)
GATHERED: Final = (
    select(F.path)
    .where(_MINE, F.batch == bindparam("number"))
    .order_by(F.marker, F.id)
    .limit(bindparam("most"))
)
LEFT: Final = select(F.id).where(_MINE, F.batch == bindparam("number"), F.ready == 1).limit(1)
_OF_BATCH: Final = and_(
    RESULTS.c.queue == bindparam("queue_id"), RESULTS.c.batch == bindparam("number")
)
LISTED: Final = (
    select(func.count())
    .select_from(RESULTS)
    .where(_OF_BATCH, RESULTS.c.outcome == bindparam("was"))
)
RESULT: Final = insert(RESULTS)
RESULTS_OF: Final = (
    select(RESULTS.c.outcome, RESULTS.c.path, RESULTS.c.destination, RESULTS.c.tries)
    .where(_OF_BATCH)
    .order_by(RESULTS.c.id)
)
ALL_GONE: Final = (
    select(RESULTS.c.batch)
    .where(
        RESULTS.c.queue == bindparam("queue_id"),
        ~exists(
            select(F.id).where(F.queue == RESULTS.c.queue, F.batch == RESULTS.c.batch, F.ready == 1)
        ),
    )
    .distinct()
)
TOLD: Final = delete(RESULTS).where(_OF_BATCH)
# Of files that are tried again nobody knows yet what becomes of them.
OPEN_AGAIN: Final = delete(RESULTS).where(
    RESULTS.c.queue == bindparam("queue_id"),
    RESULTS.c.outcome == FAILED,
    exists(
        select(F.id).where(
            F.queue == RESULTS.c.queue,
            F.batch == RESULTS.c.batch,
            F.path == RESULTS.c.path,
            F.state == FAILED,
        )
    ),
)

# Files.
_OTHER: Final = QUEUE_FILES.alias("other")
# A marker waits until nothing else of its batch is left.
_FIRST: Final = or_(
    F.marker == 0,
    ~exists(
        select(_OTHER.c.id).where(
            _OTHER.c.queue == F.queue,
            _OTHER.c.batch == F.batch,
            _OTHER.c.marker == 0,
            _OTHER.c.ready == 1,
        )
    ),
)


def _turn(due: ColumnElement[bool], *order: Any) -> Select[Any]:
    busy = F.id.not_in(bindparam("busy", expanding=True))
    found = select(*_FIELDS).where(_MINE, F.ready == 1, due, busy, _FIRST)
    return found.order_by(*order).limit(bindparam("most"))


# One whose wait is over comes before those that were never tried, or these would keep it for ever.
TURNS: Final = (
    _turn(F.due.between(0.001, bindparam("now")), F.due, F.id),
    _turn(F.due == 0, F.batch, F.marker, F.id),
)
RESTING: Final = select(func.min(F.since)).where(_MINE, F.state == SEEN)
NEXT_DUE: Final = select(func.min(F.due)).where(_MINE, F.ready == 1, F.due > bindparam("now"))
_SAVED: Final = (
    "size",
    "modified",
    "state",
    "ready",
    *FRESH,
)
SAVE: Final = (
    update(QUEUE_FILES).where(_THIS).values({name: bindparam(f"new_{name}") for name in _SAVED})
)
RENEW: Final = (
    update(QUEUE_FILES)
    .where(_THIS)
    .values(
        state=SEEN, ready=0, since=bindparam("now"), size=-1, batch=bindparam("new_batch"), **FRESH
    )
)
REMOVE: Final = delete(QUEUE_FILES).where(_THIS)
# In this order: MySQL takes columns that were set before for what they are then.
AGAIN: Final = (
    update(QUEUE_FILES)
    .where(_MINE, F.state == FAILED)
    .ordered_values(
        (F.state, F.reached),
        (F.ready, case((F.batch.is_(None), 0), else_=1)),
        (F.tries, 0),
        (F.due, 0.0),
        (F.error, ""),
        (F.fallback, case((F.reached == STABLE, 0), else_=F.fallback)),
        (F.reached, ""),
    )
)
COLLIDES: Final = (
    select(F.id)
    .where(
        _MINE,
        F.state.in_((SENDING, SENT)),
        F.id != bindparam("row"),
        F.from_top == bindparam("top"),
        F.fallback == bindparam("other_folder"),
        or_(
            F.temporary_key.in_(bindparam("names", expanding=True)),
            F.final_key.in_(bindparam("names", expanding=True)),
        ),
    )
    .limit(1)
)
HASTEN: Final = (
    update(QUEUE_FILES)
    .where(_MINE, F.ready == 1, F.due > bindparam("latest"))
    .values(due=bindparam("now"))
)
FAILED_OF: Final = select(RESULTS.c.id).where(_OF_BATCH, RESULTS.c.outcome == FAILED).limit(1)
COUNTS: Final = select(F.state, func.count()).where(_MINE).group_by(F.state)
FAILURES: Final = (
    select(F.path, F.error).where(_MINE, F.state == FAILED).order_by(F.id).limit(bindparam("most"))
)

# Facts.
_FACT: Final = and_(
    QUEUE_FACTS.c.queue == bindparam("queue_id"), QUEUE_FACTS.c.name == bindparam("fact")
)
GET_FACT: Final = select(QUEUE_FACTS.c.value).where(_FACT)


class Puts(NamedTuple):
    """Rows that are made or changed, in the words of one kind of database."""

    queue: Executable  # which stays as it is, if it is there
    remembered: Executable
    fact: Executable
    one_more: Executable  # a fact that counts

    @classmethod
    def of(cls, kind: str) -> "Puts":
        """Those of `postgresql` or `mysql`."""
        facts = QUEUE_FACTS.c
        given = {"queue": bindparam("queue"), "name": bindparam("name"), "value": 1.0}
        if kind == "postgresql":
            one_more: Executable = (
                postgresql.insert(QUEUE_FACTS)
                .values(given)
                .on_conflict_do_update(
                    index_elements=[facts.queue, facts.name], set_={"value": facts.value + 1}
                )
            )
        else:
            one_more = (
                mysql.insert(QUEUE_FACTS)
                .values(given)
                .on_duplicate_key_update(value=facts.value + 1)
            )
        return cls(
            insert_new(QUEUES).make(kind),
            put(QUEUE_SENT).make(kind),
            put(QUEUE_FACTS).make(kind),
            one_more,
        )


def read(found: Sequence[Any]) -> Row:
    """A row of a file."""
    row = row_of(found)
    row.unique %= WHOLE
    return row


def saved(row: Row) -> dict[str, Any]:
    """The values for SAVE."""
    found = {
        "size": row.size,
        "modified": row.modified,
        "state": row.state,
        "ready": int(row.is_ready),
        "tries": row.tries,
        "due": row.due,
        "error": held(row.error, MAX_ERROR),
        "final": text_of(row.final),
        "final_key": key_of(row.final),
        "temporary": text_of(row.temporary),
        "temporary_key": key_of(row.temporary),
        "replaces": int(row.replaces),
        "from_top": int(row.from_top),
        "fallback": int(row.fallback),
        "written": row.written,
        "reached": row.reached,
        "begun": int(row.begun),
        "changed": row.changed,
        "unique_id": row.unique - WHOLE if row.unique >= WHOLE // 2 else row.unique,
    }
    return {"row": row.id, **{f"new_{name}": value for name, value in found.items()}}


def key_of(path: VPath | None) -> str:
    """What finds a path; nothing finds none."""
    return "" if path is None else digest_of(str(path))
