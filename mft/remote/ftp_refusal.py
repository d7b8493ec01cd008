"""Replies of FTP servers as refusals (RFC 959 4.2): the mirror of what our server says."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mft.core.failure import Reason, Refused
from mft.wire.ftp.replies import Answer

# 550 and 553 say little: what else is known of the path decides, and so does a plain sentence.
REASONS: Final[Mapping[int, Reason]] = MappingProxyType(
    {
        421: Reason.ABORTED,
        425: Reason.ABORTED,
        426: Reason.ABORTED,
        430: Reason.DENIED,
        431: Reason.BUSY,
        434: Reason.BUSY,
        450: Reason.BUSY,
        451: Reason.BROKEN,
        452: Reason.NO_SPACE,
        500: Reason.UNSUPPORTED,
        501: Reason.INVALID,
        502: Reason.UNSUPPORTED,
        503: Reason.BROKEN,
        504: Reason.UNSUPPORTED,
        522: Reason.UNSUPPORTED,
        530: Reason.DENIED,
        532: Reason.DENIED,
        533: Reason.DENIED,
        534: Reason.DENIED,
        535: Reason.DENIED,
        536: Reason.UNSUPPORTED,
        550: Reason.DENIED,
        551: Reason.INVALID,
        552: Reason.QUOTA,
        553: Reason.DENIED,
    }
)
UNKNOWN: Final = frozenset({500, 501, 502, 504})  # the server does not know the command

# What servers say plainly, in English or as their system's error.
_ABSENT: Final = re.compile(
    r"no such (?:file|dir|path)|not found|(?:does not|doesn't|not) exist|cannot find|can't find"
    r"|could not find|non-?existent",
    re.IGNORECASE,
)
_FORBIDDEN: Final = re.compile(
    r"permission|denied|not permitted|forbidden|not allowed|unauthori[sz]ed|no access",
    re.IGNORECASE,
)

_TAKEN: Final = re.compile(r"exist|overwrit|replac", re.IGNORECASE)


def says_absent(answer: Answer) -> bool:
    """Whether a refusal says, without a doubt, that the path is not there."""
    return (
        answer.code in (450, 550)
        and _ABSENT.search(answer.text) is not None
        and _FORBIDDEN.search(answer.text) is None
    )


def says_forbidden(answer: Answer) -> bool:
    """Whether a refusal is one for want of permission, without a doubt."""
    return answer.code in (530, 532) or _FORBIDDEN.search(answer.text) is not None


def says_taken(answer: Answer) -> bool:
    """Whether a refusal says for good that a name is taken; that it is must be looked at."""
    return (
        answer.code in (550, 553)
        and _TAKEN.search(answer.text) is not None
        and _ABSENT.search(answer.text) is None
        and not says_forbidden(answer)
    )


def refusal(answer: Answer, subject: str, shown: str) -> Refused:
    """What a reply that is not good means; `shown` is its text for people."""
    if says_absent(answer):
        return Refused(Reason.NOT_FOUND, subject, shown)
    found = REASONS.get(answer.code, Reason.BUSY if 400 <= answer.code < 500 else Reason.BROKEN)
    return Refused(found, subject, shown)
