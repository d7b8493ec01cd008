"""Trouble: what a database says when it does not do what it is asked for."""

from mft.core.failure import Reason, Refused

CHECK = "check"  # the action that found a table which is not ours
MIGRATE = "migrate"  # the action that makes tables of an older version ours


class Trouble(Refused):
    """A database that is in the way; `action` is what it was asked for, such as insert."""

    def __init__(self, action: str, label: str, details: str) -> None:
        super().__init__(Reason.ABORTED, label, details)
        self.action = action
