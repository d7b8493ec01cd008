"""The one expected exception, and the closed set of reasons it can give."""

from enum import Enum


class Reason(Enum):
    """Why an operation was refused; every protocol maps each of these to its own code."""

    NOT_FOUND = "no such file or directory"
    DENIED = "permission denied"
    EXISTS = "already exists"
    NOT_A_DIRECTORY = "not a directory"
    IS_A_DIRECTORY = "is a directory"
    NOT_EMPTY = "directory not empty"
    NO_SPACE = "no space left"
    QUOTA = "a limit of the account was reached"
    BUSY = "too much at once"
    UNSUPPORTED = "not supported"
    INVALID = "not a valid name or value"
    REJECTED = "rejected by an inspection"
    UNINSPECTED = "could not be inspected"
    ABORTED = "interrupted"
    BROKEN = "internal error"


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """An expected refusal: the reason for the peer, and details for the audit log only.

    `told` is what the peer hears beside the sentence of the reason: words of the administrator.
    """

    def __init__(
        self, reason: Reason, subject: str = "", details: str = "", told: str = ""
    ) -> None:
        super().__init__(reason, subject, details)
        self.reason = reason
        self.subject = subject
        self.details = details or reason.value
        self.told = told

    def __str__(self) -> str:
        return f"{self.subject}: {self.details}" if self.subject else self.details


class Malformed(ValueError):  # noqa: N818 - a verdict on input, not an error of ours
    """Bytes from a peer that do not follow the protocol's grammar; raised by `wire` only."""
