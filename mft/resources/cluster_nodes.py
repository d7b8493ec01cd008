"""The nodes of a cluster, as its database has them."""

from typing import Any, Final, NamedTuple

from sqlalchemy import and_, bindparam, or_, select, update

from mft.resources.cluster import LEFT
from mft.resources.cluster_calls import Row, insert_new, now, statement
from mft.resources.cluster_tables import NODES

UP: Final = "up"
DRAINING: Final = "draining"
MOST_NODES: Final = 256  # that are listed
AHEAD: Final = 1.0  # seconds: what is dated so far ahead was dated before a clock was set back

_MINE: Final = and_(NODES.c.uuid == bindparam("node"), NODES.c.boot == bindparam("this"))

# A node that was never there; `join` then takes the row.
_NOTHING: Final = dict.fromkeys(("instance", "boot", "name", "host", "version"), "")
APPEAR: Final = insert_new(NODES, **_NOTHING, state=LEFT, began=0, seen=0, sessions=0)
# Another process may have the row, unless it is of another folder than `before` and lives.
JOIN: Final = statement(
    update(NODES)
    .where(
        NODES.c.uuid == bindparam("node"),
        or_(
            NODES.c.instance == bindparam("before"),
            NODES.c.state == LEFT,
            NODES.c.seen < now() - bindparam("timeout"),
        ),
    )
    .values(
        instance=bindparam("folder"),
        boot=bindparam("this"),
        name=bindparam("called"),
        host=bindparam("on"),
        version=bindparam("program"),
        state=UP,
        began=now(),
        seen=now(),
        sessions=0,
    )
)
BEAT: Final = statement(
    update(NODES)
    .where(_MINE)
    .values(seen=now(), state=bindparam("doing"), sessions=bindparam("open"))
)
# Nobody was seen in times to come: there the clock of the database was set back. Who lives is seen
# again with its next heartbeat, and who is dead is so in time.
SETTLE: Final = statement(
    update(NODES).where(NODES.c.seen > now() + AHEAD, NODES.c.state != LEFT).values(seen=now())
)
EVERY: Final = statement(
    select(
        NODES.c.uuid,
        NODES.c.boot,
        NODES.c.name,
        NODES.c.host,
        NODES.c.version,
        NODES.c.state,
        NODES.c.began,
        NODES.c.seen,
        NODES.c.sessions,
        now(),
    )
    .order_by(NODES.c.uuid)
    .limit(MOST_NODES)
)


class Node(NamedTuple):
    """One node as it was at the last heartbeat of this one."""

    uuid: str
    boot: str
    name: str
    host: str
    version: str
    state: str
    began: float  # by the clock of the database, as `seen`
    seen: float
    sessions: int
    age: float  # seconds since it was seen

    def is_alive(self, timeout: float) -> bool:
        """Whether it was seen lately, and has not left."""
        return self.state != LEFT and self.age < timeout

    def describe(self, timeout: float, *, here: bool) -> dict[str, Any]:
        """What `mft nodes` shows."""
        return {
            "id": self.uuid,
            "name": self.name,
            "host": self.host,
            "state": self.state if self.state == LEFT or self.is_alive(timeout) else "dead",
            "this": here,
            "since": round(self.began),
            "seen": round(max(0.0, self.age), 1),
            "sessions": self.sessions,
            "version": self.version,
        }


def node_of(row: Row) -> Node:
    """Read a row of EVERY."""
    uuid, boot, name, host, version, state, began, seen, sessions, at = row
    return Node(uuid, boot, name, host, version, state, began, seen, sessions, at - seen)
