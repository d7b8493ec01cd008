"""When accounts were used last, in the database of a cluster, by the keys of the accounts."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Executable, bindparam, func, select
from sqlalchemy.dialects import mysql, postgresql

from mft.resources.cluster_calls import Statement, statement
from mft.resources.cluster_records import Asks
from mft.resources.cluster_tables import ACCOUNTS

PAGE: Final = 2000  # accounts in one round trip, of 80 bytes each

USED_SINCE: Final = statement(
    select(ACCOUNTS.c.account, ACCOUNTS.c.used)
    .where(ACCOUNTS.c.account > bindparam("after"), ACCOUNTS.c.used >= bindparam("since"))
    .order_by(ACCOUNTS.c.account)
    .limit(PAGE)
)


def _used_at(kind: str) -> Executable:
    """The later of what there is and what is told."""
    told: dict[str, Any] = {"account": bindparam("account"), "used": bindparam("used")}
    if kind == "postgresql":
        new = postgresql.insert(ACCOUNTS).values(told)
        later = func.greatest(ACCOUNTS.c.used, new.excluded.used)
        return new.on_conflict_do_update(index_elements=["account"], set_={"used": later})
    made = mysql.insert(ACCOUNTS).values(told)
    later = func.greatest(ACCOUNTS.c.used, made.inserted.used)
    return made.on_duplicate_key_update({"used": later})


USED_AT: Final = Statement(_used_at)


async def used_since(cluster: Asks, moment: float, most: int) -> Sequence[tuple[str, float]]:
    """The accounts that were used since a moment, `most` of them; Refused if it is away."""
    found: list[tuple[str, float]] = []
    last = ""
    while len(found) < most:
        (rows,) = await cluster.ask(USED_SINCE(after=last, since=moment))
        found += [(account, used) for account, used in rows]
        if len(rows) < PAGE:
            break
        last = found[-1][0]
    return found[:most]


async def tell_used(cluster: Asks, account: str, moment: float) -> None:
    """Tell that an account was used at a moment, or later; Refused if it is away."""
    await cluster.ask(USED_AT(account=account, used=moment), key=f"account {account}")
