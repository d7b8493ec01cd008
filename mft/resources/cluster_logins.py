"""What the database of a cluster has of logins: guesses, sessions of accounts, their last use."""

from typing import Final

from sqlalchemy import and_, bindparam, delete, func, select

from mft.resources.cluster import LEFT
from mft.resources.cluster_calls import insert_new, now, put, statement
from mft.resources.cluster_tables import ACCOUNTS, COUNTS, GUESSES, NODES

MOST_NEWS: Final = 1000  # guesses that are read at once

# One change of a ledger, by its number among those of this process.
APPEND: Final = insert_new(GUESSES, at=now())
# What other processes have added behind a number.
NEWS: Final = statement(
    select(GUESSES.c.id, GUESSES.c.boot, GUESSES.c.serial, GUESSES.c.at, GUESSES.c.told, now())
    .where(GUESSES.c.id > bindparam("after"), GUESSES.c.boot != bindparam("this"))
    .order_by(GUESSES.c.id)
    .limit(MOST_NEWS)
)
FORGET: Final = statement(delete(GUESSES).where(GUESSES.c.at < now() - bindparam("age")))

# An account is used now. Others that write its row wait until this has committed.
USE: Final = put(ACCOUNTS, used=now())
COUNT: Final = put(COUNTS)
# How many sessions of an account other nodes have that live.
OTHERS: Final = statement(
    select(func.coalesce(func.sum(COUNTS.c.sessions), 0))
    .select_from(COUNTS)
    .join(NODES, and_(NODES.c.uuid == COUNTS.c.node, NODES.c.boot == COUNTS.c.boot))
    .where(
        COUNTS.c.account == bindparam("account"),
        COUNTS.c.node != bindparam("node"),
        NODES.c.state != LEFT,
        NODES.c.seen > now() - bindparam("timeout"),
    )
)
