"""Credentials in the field Authorization: Basic (RFC 7617), and the token of a session."""

import re
from typing import Final, NamedTuple

from mft.core.secret import Secret
from mft.wire.http.base64 import decode_base64

MAX_CREDENTIALS: Final = 1024  # characters behind the scheme

_TOKEN = re.compile(r"[0-9A-Za-z._~+/\-]++=*+")  # token68 of RFC 9110 11.2
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Basic(NamedTuple):
    """A name, which has no colon, and a password."""

    username: str
    password: Secret


class Token(NamedTuple):
    """The token of a session."""

    value: Secret


def parse_authorization(field: str) -> Basic | Token | None:
    """Read `Basic ...` or `Session ...`; None for all else and for what is malformed.

    The name and the password are UTF-8, or else ISO 8859-1, and have no control characters.
    """
    scheme, _, credentials = field.partition(" ")
    credentials = credentials.strip(" ")
    if len(credentials) > MAX_CREDENTIALS or not _TOKEN.fullmatch(credentials):
        return None
    match scheme.lower():
        case "basic":
            return _basic(credentials)
        case "session":
            return Token(Secret(credentials))
    return None


def _basic(credentials: str) -> Basic | None:
    data = decode_base64(credentials)
    if data is None:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    username, colon, password = text.partition(":")
    if not colon or (not text.isprintable() and _CONTROL.search(text)):
        return None
    return Basic(username, Secret(password))
