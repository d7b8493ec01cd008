"""Reasons as SFTP tells them: a code for each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mft.core.failure import Reason, Refused
from mft.protocols.sentences import explained
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
        Reason.UNINSPECTED: Status.FAILURE,
        Reason.ABORTED: Status.FAILURE,
        Reason.BROKEN: Status.FAILURE,
    }
)


def refusal(request_id: int, refused: Refused, incident: str = "") -> bytes:
    """The STATUS packet for a refused request; neither its subject nor its details are in it."""
    return responses.status(request_id, CODES[refused.reason], explained(refused, incident))
