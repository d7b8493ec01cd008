"""Trouble: what a database says when it does not do what it is asked for."""

from typing import Final

from mft.core.failure import Reason, Refused

CHECK: Final = "check"  # the action that found a table which is not ours
MIGRATE: Final = "migrate"  # the action that makes tables of an older version ours

MAX_SAID: Final = 500  # characters of what a database says


class Trouble(Refused):
    """A database that is in the way; `action` is what it was asked for, such as insert."""

    def __init__(self, action: str, label: str, details: str) -> None:
        super().__init__(Reason.ABORTED, label, details)
        self.action = action


def said(error: Exception) -> str:
    """What the database said, on one line, without the statement and its values."""
    original = getattr(error, "orig", None) or error
    words = " ".join(str(word) for word in original.args) or type(original).__name__
    return " ".join(words.split())[:MAX_SAID]
