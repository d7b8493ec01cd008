"""A connection to PostgreSQL that waits for no answer for ever, whatever the server does."""

import logging
import math
from typing import Any, TypeVar

import psycopg
from psycopg import errors

T = TypeVar("T")

# It would write to standard error what it raises as well.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)


class Bounded(psycopg.Connection[Any]):
    """Gives up, and closes itself, when one answer takes too long.

    A limit that the server keeps would not help against one that hangs.
    """

    patience: float = 10.0  # seconds

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait as the library does, for a while; raises OperationalError."""
        limit = self.patience if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except errors._WaitTimeout:  # noqa: SLF001 - the library has no public name for it
            self.close()
            raise psycopg.OperationalError(f"no answer within {limit:g} seconds") from None


def connect(patience: float, **words: Any) -> Bounded:
    """Connect within that many seconds, which are the limit of every answer as well."""
    made = Bounded.connect(
        connect_timeout=max(2, math.ceil(patience)),  # less than 2 the library does not take
        prepare_threshold=None,  # poolers between us and the server forget what was prepared
        **words,
    )
    made.patience = patience
    return made
