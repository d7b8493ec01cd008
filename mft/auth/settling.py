"""Settling: what the nodes of a cluster have to agree on before a right login counts."""

from collections.abc import Callable
from typing import Protocol

from mft.auth.account import Account

LetGo = Callable[[], None]


def nothing() -> None:
    """Let nothing go."""


class Settle(Protocol):
    """Agrees with other nodes about a login whose credentials were right."""

    async def __call__(self, account: Account | None) -> LetGo:
        """Hear what others have seen of guesses; with an account, take a place for its session.

        What is given lets the place go, once the session has its own or there is none. Raises
        Refused where the account cannot be let in without the others.
        """


async def settle_alone(account: Account | None) -> LetGo:
    """There are no others."""
    return nothing
