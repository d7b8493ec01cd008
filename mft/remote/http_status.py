"""What answers of servers mean: statuses that refuse, as reasons (RFC 9110 15, RFC 4918 11)."""

from collections.abc import Mapping
from typing import Final

from mft.core.failure import Reason, Refused

GOOD: Final = range(200, 300)
LOGIN: Final = frozenset((401, 407, 511))  # who we are, or must say first, is the matter

_REASONS: Final[Mapping[int, Reason]] = {
    400: Reason.INVALID,
    401: Reason.DENIED,
    403: Reason.DENIED,
    404: Reason.NOT_FOUND,
    405: Reason.UNSUPPORTED,
    407: Reason.DENIED,
    408: Reason.BUSY,
    409: Reason.NOT_FOUND,  # of WebDAV: the folder that it is to be in is missing
    410: Reason.NOT_FOUND,
    412: Reason.EXISTS,  # a name is to be free, or its content the one that was looked at
    413: Reason.QUOTA,
    414: Reason.INVALID,
    415: Reason.UNSUPPORTED,
    416: Reason.ABORTED,
    422: Reason.REJECTED,
    423: Reason.BUSY,  # locked by somebody else
    424: Reason.BUSY,
    425: Reason.BUSY,
    429: Reason.BUSY,
    431: Reason.INVALID,
    451: Reason.DENIED,
    501: Reason.UNSUPPORTED,
    502: Reason.BUSY,
    503: Reason.BUSY,
    504: Reason.BUSY,
    507: Reason.NO_SPACE,
    508: Reason.BROKEN,
    511: Reason.DENIED,
}
_WORDS: Final[Mapping[int, str]] = {
    401: "the login is refused",
    409: "there is no folder for it",
    423: "somebody has locked it",
}


def reason_of(status: int) -> Reason:
    """Why a status other than those of success refuses."""
    known = _REASONS.get(status)
    if known is not None:
        return known
    if status in range(300, 400):
        return Reason.UNSUPPORTED  # to go somewhere else
    return Reason.INVALID if status in range(400, 500) else Reason.BROKEN


def refusal(status: int, subject: str) -> Refused:
    """What a status means, for the audit trail."""
    words = _WORDS.get(status)
    told = f"the server answers {status}"
    return Refused(reason_of(status), subject, f"{told}: {words}" if words else told)
