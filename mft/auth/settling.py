"""Settling: what the nodes of a cluster have to agree on before a right login counts."""

from collections.abc import Callable
from typing import Any, Final, Protocol

from mft.auth.account import Account

LetGo = Callable[[], None]


def nothing() -> None:
    """Let nothing go."""


class Settle(Protocol):
    """Agrees with other nodes about a login whose credentials were right."""

    @property
    def known(self) -> Any:
        """What is known as a login begins to be judged, which the call is given."""

    async def __call__(self, account: Account | None, known: Any) -> LetGo:
        """Hear what others have seen of guesses; with an account, take a place for its session.

        What is given lets the place go, once the session has its own or there is none. Raises
        Refused where the account cannot be let in without the others, and where they have changed
        what it was judged by.
        """


class Alone:
    """There are no others."""

    known = None

    async def __call__(self, account: Account | None, known: Any) -> LetGo:
        """There is nothing to agree about."""
        return nothing


settle_alone: Final = Alone()
