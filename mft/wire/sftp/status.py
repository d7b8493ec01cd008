"""SFTP status codes (draft-ietf-secsh-filexfer-02, section 7) and a plain sentence for each."""

from enum import IntEnum
from types import MappingProxyType
from typing import Final


class Status(IntEnum):
    """SSH_FX_*: the outcome of a request, all that version 3 knows."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    NO_CONNECTION = 6  # made up by clients; a server never sends it
    CONNECTION_LOST = 7  # likewise
    OP_UNSUPPORTED = 8


MESSAGES: Final = MappingProxyType(
    {
        Status.OK: "Done.",
        Status.EOF: "End of file.",
        Status.NO_SUCH_FILE: "No such file or directory.",
        Status.PERMISSION_DENIED: "Permission denied.",
        Status.FAILURE: "Failed.",
        Status.BAD_MESSAGE: "The request is malformed.",
        Status.NO_CONNECTION: "No connection.",
        Status.CONNECTION_LOST: "The connection was lost.",
        Status.OP_UNSUPPORTED: "Not supported.",
    }
)
