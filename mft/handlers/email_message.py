"""A mail as bytes: the headers and the body of one message, safe whatever its texts hold."""

import os
import stat
from collections.abc import Sequence
from datetime import datetime
from email import policy
from email.headerregistry import Address, Group
from email.message import EmailMessage
from typing import Final, NamedTuple

from mft.events.escape import path_part, visible
from mft.resources.mail import Mailbox

MAX_SUBJECT: Final = 250  # characters
MAX_FILE: Final = 5 << 20  # bytes of a file that goes with a mail
MAX_FILE_NAME: Final = 150  # characters of its name there

# Everything is sent in seven bits: what a server on the way makes of others is not ours.
_POLICY: Final = policy.SMTP.clone(cte_type="7bit")
_NOBODY: Final = Group("undisclosed-recipients", ())


class Draft(NamedTuple):
    """What a mail says, and to whom it says that it goes."""

    sender: Mailbox
    to: Sequence[Mailbox]
    cc: Sequence[Mailbox]
    subject: str
    body: str
    identifier: str  # of the Message-ID, before the @: the same for the same event
    moment: datetime


class Attachment(NamedTuple):
    """A file that goes with a mail: its name there, and its bytes."""

    name: str
    content: bytes


def compose(draft: Draft, attachment: Attachment | None = None, left_out: str = "") -> bytes:
    """Write the message; `left_out` says why a file that belongs to it is not there."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = _addresses([draft.sender])
    message["To"] = _addresses(draft.to) if draft.to else _NOBODY
    if draft.cc:
        message["Cc"] = _addresses(draft.cc)
    message["Subject"] = one_line(draft.subject, MAX_SUBJECT)
    message["Date"] = draft.moment
    message["Message-ID"] = f"<{draft.identifier}@{draft.sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody answers by machine
    message.set_content(_whole(draft.body))
    if attachment is not None:
        name = one_line(path_part(attachment.name), MAX_FILE_NAME)
        message.add_attachment(
            attachment.content, maintype="application", subtype="octet-stream", filename=name
        )
    if left_out:  # beside the body, which may be for programs
        message.add_attachment(_whole(left_out) + "\n", filename="not-attached.txt")
    return bytes(message)


def one_line(text: str, limit: int) -> str:
    """A text for a header: on one line, and nothing in it is read as an encoded word.

    What looks like one would be decoded, on the way out as well: to line ends, for one (RFC 2047).
    """
    return visible(text)[:limit].replace("=?", "= ?")


def read_file(path: str) -> Attachment:
    """Read a file that goes with a mail; raises OSError, and ValueError for one that may not.

    A link in its place is not followed, and nothing that is no file is waited for.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    fd = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError("it is not a file")
        with open(fd, "rb", closefd=False) as file:
            content = file.read(MAX_FILE + 1)
    finally:
        os.close(fd)
    if len(content) > MAX_FILE:
        raise ValueError(f"it has more than {MAX_FILE >> 20} MiB")
    return Attachment(os.path.basename(path), content)


def _addresses(every: Sequence[Mailbox]) -> tuple[Address, ...]:
    return tuple(Address(one_line(one.name, MAX_SUBJECT), addr_spec=one.address) for one in every)


def _whole(text: str) -> str:
    """The text without halves of characters, which have no bytes."""
    return text.encode("utf-8", "backslashreplace").decode()
