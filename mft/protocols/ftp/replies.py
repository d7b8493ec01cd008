"""Reasons as FTP tells them (RFC 959 4.2, 5.4): a code for each, and the replies that recur."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mft.core.failure import Reason, Refused
from mft.protocols.sentences import explained
from mft.wire.ftp.reply import Reply

# 553 for what the rules forbid and 550 for what is not there: clients of such servers tell the two
# apart by it. 4xx where trying again later may help.
CODES: Final[Mapping[Reason, int]] = MappingProxyType(
    {
        Reason.NOT_FOUND: 550,
        Reason.DENIED: 553,
        Reason.EXISTS: 553,
        Reason.NOT_A_DIRECTORY: 550,
        Reason.IS_A_DIRECTORY: 550,
        Reason.NOT_EMPTY: 550,
        Reason.NO_SPACE: 452,
        Reason.QUOTA: 552,
        Reason.BUSY: 450,
        Reason.UNSUPPORTED: 504,
        # Also for an offset behind the end: after the 554 of RFC 1123 lftp hangs for ever.
        Reason.INVALID: 553,
        Reason.REJECTED: 553,
        Reason.UNINSPECTED: 450,
        Reason.ABORTED: 426,
        Reason.BROKEN: 451,
    }
)

COMPLETE: Final = Reply.of(226, "Transfer complete.")
OK: Final = Reply.of(200, "OK.")
DONE: Final = Reply.of(250, "Done.")
THERE_ALREADY: Final = Reply.of(550, "File exists.")  # RFC 959 5.4 knows no 553 for MKD
LOGIN_REFUSED: Final = Reply.of(530, "Login incorrect.")
NO_DATA: Final = Reply.of(425, "Data connection cannot be opened.")
NO_REUSE: Final = Reply.of(
    522, "The data connection must take up the TLS session of the control connection."
)
OTHER_CERTIFICATE: Final = Reply.of(
    522, "The data connection must show the certificate of the control connection."
)


class Told(Refused):
    """A refusal that is answered by a reply of its own, not by that of its reason."""

    def __init__(self, reply: Reply, details: str, reason: Reason = Reason.ABORTED) -> None:
        super().__init__(reason, "", details)
        self.reply = reply


def refusal(refused: Refused, incident: str = "") -> Reply:
    """The reply to a refused command; neither its subject nor its details are in it."""
    if isinstance(refused, Told):
        return refused.reply
    return Reply.of(CODES[refused.reason], f"{explained(refused, incident)}.")
