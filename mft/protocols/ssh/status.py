"""Reasons as SFTP and SCP tell them: a code, and words that show nothing of our insides."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mft.core.failure import Reason, Refused
from mft.wire.sftp import responses
from mft.wire.sftp.status import Status

# Version 3 has few codes. Where OpenSSH's server has one for the same cause, clients meet it here.
CODES: Final[Mapping[Reason, Status]] = MappingProxyType(
    {
        Reason.NOT_FOUND: Status.NO_SUCH_FILE,
        Reason.DENIED: Status.PERMISSION_DENIED,
        Reason.EXISTS: Status.FAILURE,
        Reason.NOT_A_DIRECTORY: Status.NO_SUCH_FILE,
        Reason.IS_A_DIRECTORY: Status.FAILURE,
        Reason.NOT_EMPTY: Status.FAILURE,
        Reason.NO_SPACE: Status.FAILURE,
        Reason.QUOTA: Status.FAILURE,
        Reason.BUSY: Status.FAILURE,
        Reason.UNSUPPORTED: Status.OP_UNSUPPORTED,
        # Not BAD_MESSAGE: clients take that for a broken connection, and the name is what is wrong.
        Reason.INVALID: Status.FAILURE,
        # Sending the same file again would end the same way; FAILURE invites to try.
        Reason.REJECTED: Status.PERMISSION_DENIED,
        Reason.ABORTED: Status.FAILURE,
        Reason.BROKEN: Status.FAILURE,
    }
)

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
        Reason.ABORTED: "Interrupted",
        Reason.BROKEN: "Internal error",
    }
)


def sentence(reason: Reason, incident: str = "") -> str:
    """What a peer is told; `incident` is the short id under which the log has the trace."""
    return f"{SENTENCES[reason]} ({incident})" if incident else SENTENCES[reason]


def refusal(request_id: int, refused: Refused, incident: str = "") -> bytes:
    """The STATUS packet for a refused request; neither its subject nor its details are in it."""
    return responses.status(request_id, CODES[refused.reason], sentence(refused.reason, incident))
