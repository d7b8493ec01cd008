"""What credentials can be at all: nothing else reaches a method, and nobody hears why."""

import secrets

from mft.auth.base import (
    MAX_CREDENTIAL_LENGTH,
    Anonymous,
    Certificate,
    Credentials,
    OneTimeCode,
    Password,
    PublicKey,
)
from mft.core.secret import Secret


def impossible(credentials: Credentials) -> str | None:
    """Why no method is asked, or None.

    For an empty, overlong or unprintable name or password, and for a key that is revoked.
    """
    if told := _impossible_text("name", credentials.username):
        return told
    if isinstance(credentials, Password):
        return _impossible_text("password", credentials.password.reveal())
    if isinstance(credentials, OneTimeCode):
        return _impossible_text("code", credentials.code.reveal())
    if isinstance(credentials, Certificate | Anonymous):
        return None  # a name in it that is none, or too long, is nobody's
    return credentials.revoked or (None if credentials.blob else "the key is empty")


def _impossible_text(what: str, text: str) -> str | None:
    if not text:
        return f"the {what} is empty"
    if len(text) > MAX_CREDENTIAL_LENGTH:
        return f"the {what} is longer than {MAX_CREDENTIAL_LENGTH} characters"
    if not text.isprintable() and any(_control(ord(one)) for one in text):
        return f"the {what} has control characters"
    return None


def _control(code: int) -> bool:
    return code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000


def unheard_of(credentials: Credentials) -> Credentials:
    """Possible credentials of nobody: asking about them takes the time of an unknown name."""
    name = secrets.token_hex(16)
    if isinstance(credentials, Password):
        return Password(name, Secret(secrets.token_hex(16)))
    if isinstance(credentials, Certificate | Anonymous | OneTimeCode):
        return credentials._replace(username=name)
    return PublicKey(name, b"\0", proven=False)
