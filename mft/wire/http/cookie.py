"""Cookies: one that came, and one to set (RFC 6265)."""

import re
from typing import Final

from mft.wire.http.grammar import TOKEN

SAME_SITE: Final = ("Strict", "Lax", "None")

_NAME = re.compile(TOKEN)
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*+")  # cookie-octets of RFC 6265 4.1.1, without quotes
_PATH = re.compile(r"/[ -:<-~]*+")


def cookie(field: str | None, name: str) -> str | None:
    """The value of the cookie of exactly this name in the field Cookie.

    None without it, where its value has other characters than `set_cookie` gives, and where it
    comes twice: somebody who controls a neighbouring host has then put one beside ours.
    """
    values = []
    for pair in (field or "").split(";"):
        key, _, value = pair.strip(" \t").partition("=")
        if key == name:
            values.append(value)
    return values[0] if len(values) == 1 and _VALUE.fullmatch(values[0]) else None


def set_cookie(
    name: str,
    value: str,
    *,
    secure: bool,
    max_age: int | None = None,
    same_site: str = "Strict",
    path: str = "/",
) -> str:
    """The value of Set-Cookie, which no script can read; `max_age` is in seconds, 0 ends it.

    ValueError for characters that would end a part of it, and for what browsers drop: SameSite=None
    without Secure.
    """
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or not _PATH.fullmatch(path):
        raise ValueError("characters that cannot stand in a cookie")
    if same_site not in SAME_SITE or (same_site == "None" and not secure):
        raise ValueError("not a SameSite, or one that needs Secure")
    parts = [f"{name}={value}", f"Path={path}", "HttpOnly", f"SameSite={same_site}"]
    if max_age is not None:
        parts.append(f"Max-Age={max_age:d}")
    if secure:
        parts.append("Secure")
    return "; ".join(parts)
