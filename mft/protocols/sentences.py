"""Reasons in words for peers, of every protocol: they show nothing of our insides."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mft.core.failure import Reason, Refused

SENTENCES: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.NOT_FOUND: "No such file or directory",
        Reason.DENIED: "Permission denied",
        Reason.EXISTS: "File exists",
        Reason.NOT_A_DIRECTORY: "Not a directory",
        Reason.IS_A_DIRECTORY: "Is a directory",
        Reason.NOT_EMPTY: "Directory not empty",
        Reason.NO_SPACE: "No space left on the server",
        Reason.QUOTA: "A limit of this account was reached",
        Reason.BUSY: "Too much at once, try again later",
        Reason.UNSUPPORTED: "Not supported",
        Reason.INVALID: "Invalid name or value",
        Reason.REJECTED: "The file was rejected by an inspection",
        Reason.UNINSPECTED: "The file could not be inspected, try again later",
        Reason.ABORTED: "Interrupted",
        Reason.BROKEN: "Internal error",
    }
)


def sentence(reason: Reason, incident: str = "") -> str:
    """What a peer is told; `incident` is the short id under which the log has the trace."""
    return f"{SENTENCES[reason]} ({incident})" if incident else SENTENCES[reason]


def explained(refused: Refused, incident: str = "") -> str:
    """The sentence of a refusal, and behind it what the administrator has for the peer."""
    text = sentence(refused.reason, incident)
    return f"{text}: {refused.told}" if refused.told else text
