"""Finding: accounts of those who have logged in at another node, by the method that knew them.

Nothing is taken from there but that something was proved: whether the account is still there, what
it may, and whether that is still enough is judged here and now.
"""

from collections.abc import Sequence
from typing import Final

from mft.auth.account import Account
from mft.auth.base import Accepted, Authenticator, Finds, MoreNeeded, Rejected, Seen
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component

NOBODY: Final = Component("", "", "")


def trace_of(methods: Sequence[Authenticator], method: str, account: Account) -> str | None:
    """By what another node finds an account again that a method, by its ID, has found.

    None where it cannot. Raises Refused(BROKEN) where that cannot be read now.
    """
    known = _named(methods, method)
    return None if known is None else known.trace(account)


async def found_again(
    methods: Sequence[Authenticator],
    seen: Seen,
    peer: Address,
    cancelled: tuple[type[Exception], ...],
) -> Accepted | Rejected:
    """The account as it is now, where what was proved is enough for it.

    Raises Refused(BROKEN) where that cannot be found out now, and what is `cancelled`.
    """
    method = _named(methods, seen.method)
    if method is None:
        return Rejected(NOBODY, "its method of logging in is not there")
    component = method.component
    try:
        verdict = await method.find(seen, peer)
    except cancelled:
        raise
    except Exception as error:  # whatever it is, it must not let anybody in
        told = str(error) if isinstance(error, Refused) else type(error).__name__
        raise Refused(Reason.BROKEN, component.name, told) from None
    if isinstance(verdict, MoreNeeded):
        if missing := verdict.kinds - seen.kinds:
            return Rejected(component, f"the account wants {', '.join(sorted(missing))} as well")
        verdict = Accepted(verdict.account, component)
    if isinstance(verdict, Accepted) and verdict.account.uuid != seen.account:
        return Rejected(component, "the name is that of another account by now")
    if isinstance(verdict, Accepted | Rejected):
        return verdict
    return Rejected(component, "there is no such account any more")


def _named(methods: Sequence[Authenticator], uuid: str) -> Finds | None:
    return next(
        (one for one in methods if isinstance(one, Finds) and one.component.uuid == uuid),
        None,
    )
