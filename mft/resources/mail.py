"""Mail as a mail server takes it: addresses, the envelope, and what the server said of it."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, NamedTuple

from mft.config.kinds import Context, Kind, Wrong, comma_list
from mft.events.escape import visible

MAX_ADDRESS: Final = 254  # characters (RFC 5321 4.5.3.1)
MAX_LOCAL: Final = 64  # of them before the @
MAX_NAME: Final = 200  # characters of a name in front of an address
MAX_WORDS: Final = 500  # characters of what a server said, in events

# Dot-atoms of RFC 5322, and names of hosts: nothing in them can end a line, a quote or a bracket.
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@{_LABEL}(?:\.{_LABEL})*")
_NAMED: Final = re.compile(r'("?)([^"<>]*+)\1\s*+<([^<>]*+)>')


class MailRejected(Exception):  # noqa: N818 - it says what became of a mail
    """The server will never take this mail as it is: the fault is the mail's."""


class Mailbox(NamedTuple):
    """An address, and the name of who is there."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        """What stands behind the @."""
        return self.address.rpartition("@")[2]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


class Envelope(NamedTuple):
    """One mail: who sends it, who gets it, and its bytes, lines between CR LF."""

    sender: str
    recipients: Sequence[str]
    content: bytes


class Reply(NamedTuple):
    """What a server said: its code, and its words as an administrator may see them."""

    code: int
    words: str

    @property
    def permanent(self) -> bool:
        """Whether the same would be said again."""
        return 500 <= self.code < 600

    def __str__(self) -> str:
        return f"{self.code} {self.words}".strip()


class Receipt(NamedTuple):
    """What became of a mail that a server has taken for some of its recipients, or for none."""

    taken: Sequence[str]
    refused: Mapping[str, Reply]


def is_address(text: str) -> bool:
    """Whether a text is an address that mail can be sent to, and nothing more than that."""
    found = _ADDRESS.fullmatch(text)
    return found is not None and len(text) <= MAX_ADDRESS and len(found[1]) <= MAX_LOCAL


def mailbox(text: str) -> Mailbox:
    """Read `address` or `Name <address>`; raises Wrong."""
    text = text.strip()
    found = _NAMED.fullmatch(text)
    name, address = (found[2].strip(), found[3].strip()) if found else ("", text)
    if not is_address(address) or len(name) > MAX_NAME or not name.isprintable():
        raise Wrong("is not an e-mail address such as ann@example.com or Ann <ann@example.com>")
    return Mailbox(address, name)


def shown(words: bytes | str) -> str:
    """What a server said, on one line of bounded length, whatever is in it."""
    text = words if isinstance(words, str) else words.decode("utf-8", "replace")
    return visible(" / ".join(text.split("\n")))[:MAX_WORDS]


def _read(text: str, context: Context | None) -> Mailbox:
    return mailbox(text)


def _read_all(text: str, context: Context | None) -> tuple[Mailbox, ...]:
    return tuple(mailbox(one) for one in comma_list(text))


MailboxText = Annotated[Mailbox, Kind("e-mail address", "ann@example.com", _read, write=str)]
Mailboxes = Annotated[
    tuple[Mailbox, ...],
    Kind("e-mail addresses between commas", "ann@example.com, bob@example.com", _read_all),
]
