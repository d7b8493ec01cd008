"""Why a password is not changed, in words for clients of FTP, SSH and the API."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mft.auth.own_passwords import Fault, NotChanged

SENTENCES: Final[Mapping[Fault, str]] = MappingProxyType(
    {
        Fault.NOT_ALLOWED: "This account may not change its password.",
        Fault.TOO_OFTEN: "The old password or the code was wrong too often. "
        "Log in again to try once more.",
        Fault.WRONG: "The old password is wrong.",
        Fault.CODE_WRONG: "The one-time code is missing or wrong, or was used before; "
        "it may stand at the end of the old password.",
        Fault.IMPOSSIBLE: "The new password is empty, too long, or has control characters.",
        Fault.SHORT: "The new password must have at least {least} characters.",
        Fault.PLAIN: "The new password needs other kinds of characters as well: {kinds}.",
        Fault.WEAK: "The new password is too easy to guess.",
        Fault.USED: "The new password was used before.",
        Fault.BUSY: "There is too much to do. Try again in a moment.",
        Fault.BROKEN: "The password cannot be changed now. The administrator can find out why.",
    }
)

NOT_TWICE: Final = "The new password was not typed twice in the same way."


def password_sentence(why: NotChanged) -> str:
    """What a client is told."""
    return SENTENCES[why.fault].format(least=why.least, kinds=", ".join(why.kinds))
