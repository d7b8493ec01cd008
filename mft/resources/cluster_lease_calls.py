"""What a node says to the database of its cluster about leases.

A lease is over when `until` has come, by the clock of the database alone.
"""

from typing import Final, NamedTuple

from sqlalchemy import and_, bindparam, case, or_, select, update

from mft.resources.cluster_calls import Row, insert_new, now, statement
from mft.resources.cluster_tables import LEASES

MOST_LEASES: Final = 10_000  # that are looked at

_MINE: Final = LEASES.c.boot == bindparam("this")
_LIVES: Final = LEASES.c.until >= now()
_UNTIL: Final = now() + bindparam("seconds")

# One that nobody ever had.
APPEAR: Final = insert_new(LEASES, node="", boot="", fence=0, until=0)
# Its fence grows, unless this very tenure had begun, and the answer was lost. Columns are set in
# this order: MySQL takes those that were set before for what they are then.
TAKE: Final = statement(
    update(LEASES)
    .where(LEASES.c.name == bindparam("lease"), or_(_MINE, LEASES.c.until < now()))
    .ordered_values(
        (LEASES.c.fence, LEASES.c.fence + case((and_(_MINE, _LIVES), 0), else_=1)),
        (LEASES.c.until, _UNTIL),
        (LEASES.c.node, bindparam("node_uuid")),
        (LEASES.c.boot, bindparam("this")),
    )
)
# What is over is not renewed: it is gone, though nobody else has it yet.
RENEW: Final = statement(update(LEASES).where(_MINE, _LIVES).values(until=_UNTIL))
# None is for so long, unless the clock of the database was set back: who lives renews it with the
# next heartbeat, and what is nobody's is over in time. Nodes that are being told another
# `node_timeout` may have some that are longer than ours.
SETTLE: Final = statement(
    update(LEASES)
    .where(LEASES.c.until > now() + bindparam("most"))
    .values(until=now() + bindparam("most"))
)
LET_GO: Final = statement(
    update(LEASES)
    .where(LEASES.c.name == bindparam("lease"), _MINE, LEASES.c.fence == bindparam("tenure"))
    .values(until=0)
)
EVERY_LEASE: Final = statement(
    select(LEASES.c.name, LEASES.c.node, LEASES.c.boot, LEASES.c.fence, LEASES.c.until - now())
    .order_by(LEASES.c.name)
    .limit(MOST_LEASES)
)
HOLDER: Final = statement(
    select(LEASES.c.boot, LEASES.c.fence).where(LEASES.c.name == bindparam("lease"))
)


class Held(NamedTuple):
    """A lease as the database had it."""

    name: str
    node: str  # who has it, or had it last
    boot: str
    fence: int
    left: float  # seconds until it is over


def held_of(row: Row) -> Held:
    """Read a row of EVERY_LEASE."""
    name, node, boot, fence, left = row
    return Held(name, node, boot, int(fence), float(left))
