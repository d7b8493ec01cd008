"""Heads of answers: a status, the fields that every answer has, and those of this one."""

import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import orjson

from mft.protocols.http.options import HttpOptions
from mft.protocols.http.status import phrase
from mft.wire.http.date import http_date

Field = tuple[str, str]
Fields = Sequence[Field]

JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"
HSTS: Final = "Strict-Transport-Security"  # RFC 6797

# A browser must not guess what a file is, run it, frame it, keep it, or tell others of it.
_ALWAYS: Final[Fields] = (
    ("Server", "mft"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


class AnswerHeads:
    """Writes the heads of one service's answers."""

    def __init__(self, options: HttpOptions) -> None:
        own = {name.lower() for name, _ in options.headers}
        fields = [field for field in _ALWAYS if field[0].lower() not in own]
        if options.strict_transport_security and HSTS.lower() not in own:
            age = int(options.strict_transport_security)
            fields.append((HSTS, f"max-age={age}"))
        fields += [(name, value) for name, value in options.headers if value]
        self._always = tuple(fields)
        self._usual = _lines(fields)
        self._second = -1
        self._date = ""

    def write(self, status: int, fields: Fields) -> bytes:
        """Write a head; a field of `fields` stands for the usual one of its name.

        ValueError for a value that would end its line: what a client may put there is quoted by
        whoever makes the field.
        """
        own = {name.lower() for name, _ in fields}
        usual = self._usual
        if not own.isdisjoint(_OVERRIDDEN):
            usual = _lines(field for field in self._always if field[0].lower() not in own)
        lines = _lines(fields)
        if lines.count("\n") != len(fields) or lines.count("\r") != len(fields):
            raise ValueError("a field of an answer has more than one line")
        text = f"HTTP/1.1 {status} {phrase(status)}\r\nDate: {self._now()}\r\n{usual}{lines}\r\n"
        return text.encode("latin-1")

    def _now(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second, self._date = second, http_date(second)
        return self._date


# By some answers.
_OVERRIDDEN: Final = frozenset(("content-security-policy", "cache-control", "referrer-policy"))


def _lines(fields: Iterable[Field]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in fields])


def as_json(value: object) -> bytes:
    """The JSON text of a value."""
    return orjson.dumps(value) + b"\n"


@lru_cache(64)
def error_json(title: str, message: str) -> bytes:
    """The body of an answer that tells an error to a program."""
    return as_json({"errors": [{"title": title, "message": message}]})
