"""Syslog messages: the lines of RFC 3164 and RFC 5424, and their framing on a stream (RFC 6587).

Whatever text comes in, one message is one line: no character of it ends a line, a field or a value.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

FACILITIES: Final = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
)  # fmt: skip  # in the order of their numbers
SEVERITIES: Final = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")

# Lengths of the fields, in characters of ASCII (RFC 5424 6). All of them together leave room for an
# empty element and some text in the shortest message.
MAX_HOST: Final = 255
MAX_APP: Final = 48
MAX_PROCESS: Final = 16  # the RFC has 128; a number of a process has 10
MAX_ID: Final = 32  # of a message, of an element and of the name of a value
MIN_TEXT: Final = 32  # bytes of text that the values always leave
MAX_VALUE: Final = 1024  # characters of one value, before they are escaped
MIN_SIZE: Final = 480  # bytes of a message that every receiver takes (RFC 5424 6.1)
MAX_SIZE: Final = 64_000  # bytes; a datagram holds 65,507
KEPT: Final = 1024  # names that are remembered as they are written; events have fewer
NIL: Final = "-"
CUT: Final = "..."  # ends what was too long
TRUNCATED: Final = ' cut="1"'  # says in the structured data that values of it are left out

_VERSION: Final = 1
_BOM: Final = "\ufeff"
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip  # whatever the language of the machine
# What ends a line or a message somewhere, and halves of characters, which cannot be written.
_BREAKING: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_IN_NAMES: Final = re.compile(r"[^!-~]")
_NOT_IN_TAGS: Final = re.compile(r"[^!-~]|[:\[\]]")
_NOT_IN_IDS: Final = re.compile(r'[^!-~]|[="\]]')


class Sender(NamedTuple):
    """Who says it: the same in every message."""

    host: str  # empty: the receiver knows, being of this machine
    app: str  # the server's name
    process: str = NIL
    element: str = "event@32473"  # the ID of the structured data


class Said(NamedTuple):
    """One message; `values` are what RFC 5424 has as structured data."""

    priority: int
    time: datetime  # with its zone
    text: str
    number: str = NIL  # the ID of this kind of message
    values: Iterable[tuple[str, str]] = ()


def priority(facility: str, severity: str) -> int:
    """The number before a message; raises ValueError for words that there are not."""
    return FACILITIES.index(facility) * 8 + SEVERITIES.index(severity)


def rfc3164(sender: Sender, said: Said, size: int) -> bytes:
    """The line `<30>Mon dd HH:MM:SS host SERVER: TEXT`, at most `size` bytes (MIN_SIZE or more)."""
    at = said.time
    stamp = f"{_MONTHS[at.month - 1]} {at.day:2d} {at.hour:02d}:{at.minute:02d}:{at.second:02d}"
    host = f"{_name(sender.host, MAX_HOST)} " if sender.host else ""
    head = f"<{said.priority}>{stamp} {host}{_tag(sender.app)}: "
    return _within(head, _one_line(said.text), size)


def rfc5424(sender: Sender, said: Said, size: int) -> bytes:
    """The line of RFC 5424, at most `size` bytes (MIN_SIZE or more), half of them for values."""
    stamp = said.time.isoformat(timespec="milliseconds")
    fields = (
        f"<{said.priority}>{_VERSION}",
        stamp,
        _name(sender.host, MAX_HOST),
        _name(sender.app, MAX_APP),
        _name(sender.process, MAX_PROCESS),
        _name(said.number, MAX_ID),
    )
    head = " ".join(fields)
    room = min(size // 2, size - len(head) - MIN_TEXT)
    data = _structured(sender.element, said.values, room)
    text = _one_line(said.text)
    mark = "" if text.isascii() else _BOM
    return _within(f"{head} {data} {mark}", text, size)


def counted(message: bytes) -> bytes:
    """A message on a stream, its length in front (RFC 6587 3.4.1 and RFC 5425)."""
    return b"%d %b" % (len(message), message)


def lined(message: bytes) -> bytes:
    """A message on a stream, a line feed behind it (RFC 6587 3.4.2)."""
    return message + b"\n"


def ended(message: bytes) -> bytes:
    """A message on a stream of this machine, as its own library for C sends them."""
    return message + b"\0"


def _structured(element: str, values: Iterable[tuple[str, str]], room: int) -> str:
    """One element with the values that fit into `room` bytes; those without text say nothing."""
    told = [f"[{_id(element)}"]
    left = room - len(told[0]) - len("]") - len(TRUNCATED)
    whole = True
    for name, value in values:
        if not value:
            continue
        shown = f' {_id(name)}="{_value(value)}"'
        cost = len(shown) if shown.isascii() else len(shown.encode())
        if cost > left:
            whole = False
            continue
        left -= cost
        told.append(shown)
    return "".join([*told, "" if whole else TRUNCATED, "]"])


def _value(text: str) -> str:
    """A value as it stands between quotes (RFC 5424 6.3.3)."""
    if len(text) > MAX_VALUE:
        text = text[: MAX_VALUE - len(CUT)] + CUT
    escaped = _one_line(text).replace("\\", r"\\").replace('"', r"\"")
    return escaped.replace("]", r"\]")


@lru_cache(KEPT)
def _id(text: str) -> str:
    return _NOT_IN_IDS.sub("_", text[:MAX_ID]) or "_"


@lru_cache(KEPT)
def _tag(app: str) -> str:
    return _NOT_IN_TAGS.sub("_", app[:MAX_APP]) or "mft"


@lru_cache(KEPT)
def _name(text: str, longest: int) -> str:
    return _NOT_IN_NAMES.sub("_", text[:longest]) or NIL


def _one_line(text: str) -> str:
    return text if text.isprintable() else _BREAKING.sub(" ", text)


def _within(head: str, text: str, size: int) -> bytes:
    """Both as UTF-8, the text cut between two characters where it is too long."""
    start, whole = head.encode(), text.encode()
    room = size - len(start)
    if len(whole) <= room:
        return start + whole
    kept = whole[: room - len(CUT)].decode(errors="ignore")
    return start + kept.encode() + CUT.encode()
