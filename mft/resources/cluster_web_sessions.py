"""What the database of a cluster has of web sessions."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import and_, bindparam, delete, or_, select, update

from mft.resources.cluster_calls import Call, insert_new, now, statement
from mft.resources.cluster_tables import WEB_SESSIONS

MANY: Final = 50  # digests in one statement
MOST_ENDED: Final = 1000  # ends that are read at once
MOST_IDLE: Final = 100  # idle ones that are looked at, at once

_DIGEST: Final = WEB_SESSIONS.c.digest == bindparam("one")
_GOES_ON: Final = WEB_SESSIONS.c.over == 0
_ANY: Final = WEB_SESSIONS.c.digest.in_([bindparam(f"digest{n}") for n in range(MANY)])

# One that begins, with what is told of it; one that is there stays as it is.
KEEP: Final = insert_new(WEB_SESSIONS, until=now() + bindparam("lasts"), over=0.0, by="")
# What is new of one that goes on.
RENEW: Final = statement(
    update(WEB_SESSIONS).where(_DIGEST, _GOES_ON).values(told=bindparam("new"))
)
# One that somebody asks about lasts a little, if it does still.
HOLD: Final = statement(
    update(WEB_SESSIONS)
    .where(
        _DIGEST,
        _GOES_ON,
        WEB_SESSIONS.c.until > now(),
        WEB_SESSIONS.c.until < now() + bindparam("least"),
    )
    .values(until=now() + bindparam("least"))
)
FIND: Final = statement(
    select(WEB_SESSIONS.c.told).where(_DIGEST, _GOES_ON, WEB_SESSIONS.c.until > now())
)
# An end of one that is not there, so that it cannot be kept any more.
BURY: Final = insert_new(WEB_SESSIONS, told="", until=0.0, over=now())
END: Final = statement(
    update(WEB_SESSIONS).where(_DIGEST, _GOES_ON).values(over=now(), by=bindparam("claim"))
)
ENDED_BY: Final = statement(select(WEB_SESSIONS.c.by).where(_DIGEST))
END_OTHERS: Final = statement(
    update(WEB_SESSIONS)
    .where(
        WEB_SESSIONS.c.account == bindparam("whose"),
        WEB_SESSIONS.c.service == bindparam("where"),
        WEB_SESSIONS.c.digest != bindparam("but"),
        _GOES_ON,
    )
    .values(over=now(), by=bindparam("claim"))
)
ENDED_OTHERS: Final = statement(
    select(WEB_SESSIONS.c.digest, WEB_SESSIONS.c.told).where(
        WEB_SESSIONS.c.account == bindparam("whose"), WEB_SESSIONS.c.by == bindparam("claim")
    )
)
# Of several.
_USE: Final = statement(
    update(WEB_SESSIONS).where(_ANY, _GOES_ON).values(until=now() + bindparam("lasts"))
)
_GOING_ON: Final = statement(select(WEB_SESSIONS.c.digest).where(_ANY, _GOES_ON))
# Those that have ended since a moment, and behind a digest of that very moment.
ENDED: Final = statement(
    select(WEB_SESSIONS.c.over, WEB_SESSIONS.c.digest)
    .where(
        or_(
            WEB_SESSIONS.c.over > bindparam("since"),
            and_(
                WEB_SESSIONS.c.over == bindparam("since"),
                WEB_SESSIONS.c.digest > bindparam("after"),
            ),
        )
    )
    .order_by(WEB_SESSIONS.c.over, WEB_SESSIONS.c.digest)
    .limit(MOST_ENDED)
)
CLOCK: Final = statement(select(now()))
# Those of which nothing was asked on any node for too long.
IDLE: Final = statement(
    select(WEB_SESSIONS.c.digest, WEB_SESSIONS.c.told)
    .where(_GOES_ON, WEB_SESSIONS.c.until < now())
    .limit(MOST_IDLE)
)
FORGET: Final = statement(
    delete(WEB_SESSIONS).where(
        WEB_SESSIONS.c.over > 0, WEB_SESSIONS.c.over < now() - bindparam("age")
    )
)


def use(digests: Iterable[str], lasts: float) -> list[Call]:
    """Let several last for so many seconds from now on, where they have not ended."""
    return [_USE(**these, lasts=lasts) for these in _in_parts(digests)]


def going_on(digests: Iterable[str]) -> list[Call]:
    """Ask which of several have not ended."""
    return [_GOING_ON(**these) for these in _in_parts(digests)]


def _in_parts(digests: Iterable[str]) -> list[dict[str, Any]]:
    # In order: two nodes that write the same rows then do not wait for each other.
    every: Sequence[str] = sorted(digests)
    parts = [every[begin : begin + MANY] for begin in range(0, len(every), MANY)]
    return [{f"digest{n}": part[n] if n < len(part) else "" for n in range(MANY)} for part in parts]
