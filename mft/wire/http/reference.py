"""References that servers give: where something is, in terms of the URL that was asked (RFC 3986).

A path is decoded once and never normalised: what has `.` or `..` in it leads nowhere.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from mft.core.failure import Malformed
from mft.wire.http.grammar import AUTHORITY

MAX_REFERENCE: Final = 16 << 10  # characters: a path of 4 KiB, each byte of it escaped, and a host

_ABSOLUTE = re.compile(rf"(https?)://({AUTHORITY})(?![^/?#])", re.IGNORECASE)
_USUAL: Final = {"http": 80, "https": 443}


class Site(NamedTuple):
    """One server: what must be the same for a password to be shown to it."""

    scheme: str  # "http" or "https"
    host: str  # in small letters, an IPv6 address without brackets
    port: int

    @property
    def authority(self) -> str:
        """The host and the port, as Host says it: without the usual port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _USUAL[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


class Reference(NamedTuple):
    """Where something is; `site` is None where it is the server that was asked."""

    site: Site | None
    path: str  # still escaped; begins with a slash
    query: str  # with its question mark, or empty


def parse_reference(text: str) -> Reference:
    """Read a URL of HTTP, or a path that begins with a slash; Malformed for anything else.

    A fragment is left out. Spaces and the like, which some servers do not escape, are taken.
    """
    if len(text) > MAX_REFERENCE or any(ord(one) < 0x20 or one in "\x7f\\" for one in text):
        raise Malformed("a reference that is too long, or has characters that none has")
    found = _ABSOLUTE.match(text)
    site = None
    if found is not None:
        site, text = _site(found[1].lower(), found[2].lower()), text[found.end() :]
        text = text if text.startswith("/") else f"/{text}"
    if not text.startswith("/") or text.startswith("//"):
        raise Malformed("a reference that is neither a URL of HTTP nor a path")
    path, mark, query = text.partition("#")[0].partition("?")
    return Reference(site, path, mark + query)


def _site(scheme: str, authority: str) -> Site:
    host, colon, port = authority.rpartition(":")
    if not colon or "]" in port:
        host, port = authority, ""
    number = int(port) if port else _USUAL[scheme]
    if not 0 < number < 1 << 16:
        raise Malformed("a reference with a port that is none")
    return Site(scheme, host.strip("[]"), number)


def parse_segments(path: str) -> tuple[tuple[str, ...], bool]:
    """The decoded names of an escaped path, and whether it ends in a slash.

    Malformed for a name that is empty, `.` or `..`, or that has a slash or a zero byte. Bytes that
    are not UTF-8 become what no path of ours takes (lone surrogates).
    """
    names = path[1:].split("/")
    folder = not names[-1]
    if folder:
        names.pop()
    decoded = tuple(
        unquote_to_bytes(name.encode(errors="replace")).decode(errors="surrogateescape")
        for name in names
    )
    for name in decoded:
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise Malformed("a path with a name that is none")
    return decoded, folder
