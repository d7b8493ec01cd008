"""What nodes of a cluster say to its database so that one of them tells what several come to know.

A notice is claimed, told, and then confirmed: where who has claimed it dies in between, another
node claims it. All of that may be said twice.
"""

from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Double,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    update,
)

from mft.resources.cluster_calls import Statement, insert_new, now, statement
from mft.resources.cluster_nodes import AHEAD
from mft.resources.cluster_tables import NOTICES

_ONE: Final = NOTICES.c.key == bindparam("notice")
_AT: Final[BindParameter[float]] = bindparam("moment", type_=Double())
# When it was, by the clock of the database: at a moment, or (0) so many seconds ago.
_MOMENT: Final = case((_AT > 0, _AT), else_=now() - bindparam("age", type_=Double()))
_UP_TO: Final = now() + bindparam("seconds", type_=Double())

# A notice that nobody ever gave.
APPEAR: Final = insert_new(NOTICES, boot="", at=0, lifted=0, told=1)
# It is ours, unless another has claimed the same, or it was lifted since. What was claimed before a
# lift is another one; so is what is yet to come, where the clock of the database was set back.
# `dead` is who has claimed it and will not tell it any more.
CLAIM: Final = statement(
    update(NOTICES)
    .where(
        _ONE,
        NOTICES.c.lifted < _MOMENT,
        or_(
            NOTICES.c.at <= NOTICES.c.lifted,
            NOTICES.c.at < _MOMENT - bindparam("spread", type_=Double()),
            and_(NOTICES.c.at > now() + AHEAD, now() + AHEAD > _MOMENT),
            and_(NOTICES.c.told == 0, NOTICES.c.boot == bindparam("dead")),
        ),
    )
    .values(boot=bindparam("this"), at=_MOMENT, told=bindparam("done"))
)
CLAIMED: Final = statement(select(NOTICES.c.boot, NOTICES.c.told).where(_ONE))
CONFIRM: Final = statement(
    update(NOTICES).where(_ONE, NOTICES.c.boot == bindparam("this")).values(told=1)
)


def _lift(which: Any) -> Statement:
    """What was up to a moment is not told any more. MySQL sets columns in this order."""
    told = case((NOTICES.c.at <= _UP_TO, 1), else_=NOTICES.c.told)
    lifted = func.greatest(NOTICES.c.lifted, _UP_TO)
    values = ((NOTICES.c.told, told), (NOTICES.c.lifted, lifted))
    return statement(update(NOTICES).where(which).ordered_values(*values))


LIFT: Final = _lift(_ONE)
LIFT_PART: Final = _lift(NOTICES.c.part == bindparam("of"))
FORGET_NOTICES: Final = statement(
    delete(NOTICES).where(
        NOTICES.c.at < now() - bindparam("age"), NOTICES.c.lifted < now() - bindparam("age")
    )
)
