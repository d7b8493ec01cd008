"""What an SFTP server's STATUS means to us: a reason for each code, and the server's own words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mft.core.failure import Reason, Refused
from mft.remote.ssh_above import shown
from mft.wire.sftp.responses import Reply, StatusReply
from mft.wire.sftp.status import MESSAGES, Status

# Beside version 3: codes of later drafts, which some servers send to clients of version 3 as well.
REASONS: Final[Mapping[int, Reason]] = MappingProxyType(
    {
        Status.EOF: Reason.BROKEN,
        Status.NO_SUCH_FILE: Reason.NOT_FOUND,
        Status.PERMISSION_DENIED: Reason.DENIED,
        Status.FAILURE: Reason.BROKEN,
        Status.BAD_MESSAGE: Reason.BROKEN,
        Status.NO_CONNECTION: Reason.ABORTED,
        Status.CONNECTION_LOST: Reason.ABORTED,
        Status.OP_UNSUPPORTED: Reason.UNSUPPORTED,
        10: Reason.NOT_FOUND,  # no such path
        11: Reason.EXISTS,
        12: Reason.DENIED,  # write protected
        14: Reason.NO_SPACE,
        15: Reason.QUOTA,
        17: Reason.BUSY,  # locked by another
        18: Reason.NOT_EMPTY,
        19: Reason.NOT_A_DIRECTORY,
        20: Reason.INVALID,  # the name
        24: Reason.IS_A_DIRECTORY,
    }
)


def refusal(status: StatusReply, subject: str) -> Refused:
    """What a STATUS that is not OK refuses, with what the server says of it."""
    reason = REASONS.get(status.code, Reason.BROKEN)
    known = Status(status.code) if status.code in Status.__members__.values() else None
    words = shown(status.message) or (MESSAGES[known] if known is not None else "")
    return Refused(reason, subject, f"the server says: {words or f'code {status.code}'}")


def good(answer: Reply | Refused, subject: str) -> Reply:
    """An answer; one that there was not, and a STATUS that is not OK, are raised as Refused."""
    if isinstance(answer, StatusReply) and answer.code != Status.OK:
        answer = refusal(answer, subject)
    if isinstance(answer, Refused):
        raise answer
    return answer


def is_missing(answer: Reply | Refused) -> bool:
    """Whether an answer says that nothing has the name."""
    return isinstance(answer, StatusReply) and REASONS.get(answer.code) is Reason.NOT_FOUND


def is_vague(refused: Refused) -> bool:
    """Whether the server has said nothing but that it failed: what it means must be found out."""
    return refused.reason is Reason.BROKEN
