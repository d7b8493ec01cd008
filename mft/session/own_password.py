"""The own password of whoever has logged in: changed by giving the old one."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from mft.auth.base import PasswordChange
from mft.auth.own_passwords import Fault, NotChanged
from mft.events import catalogue as events
from mft.events import payloads as p

if TYPE_CHECKING:
    from mft.session.gate import Gate

MAX_WRONG: Final = 5  # old passwords that one login may get wrong; then it may not try any more

Change = Callable[[PasswordChange], Awaitable[None]]  # raises NotChanged


class OwnPassword:
    """One login's way to another password; every connection of a web session has the same."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._wrong = 0

    async def change(self, session: "Gate", change: PasswordChange) -> None:
        """Change it, for one of the login's sessions; raises NotChanged. Either way it is told."""
        try:
            if unrecordable := session.unrecordable():
                raise NotChanged(Fault.BROKEN, unrecordable.details)
            if self._wrong >= MAX_WRONG:
                raise NotChanged(Fault.TOO_OFTEN)
            await self._change(change)
        except NotChanged as why:
            self._wrong += why.fault is Fault.WRONG
            broke = why.fault is Fault.BROKEN
            event = events.PASSWORD_CHANGE_BROKE if broke else events.PASSWORD_NOT_CHANGED
            session.emit(event, p.Details(str(why)))
            raise
        session.emit(events.PASSWORD_CHANGED, p.Nothing())
