"""Kinds of value for servers that are asked over HTTP: URLs, header fields, a name for Basic."""

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlsplit

from mft.config.kinds import Context, Kind, Wrong, comma_list, each_line
from mft.core.secret import Secret

MAX_URLS: Final = 10
MAX_URL: Final = 2000  # characters
MAX_HEADERS: Final = 50
MAX_HEADER: Final = 8000  # characters of one line

# What a request itself decides.
TAKEN: Final = frozenset(
    {"connection", "content-length", "content-type", "expect", "host", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2


class Header(NamedTuple):
    """One header field of every request; what it says may be a secret."""

    name: str
    value: Secret


def several_urls(example: str) -> Kind:
    """Make the kind of several URLs; the example is shown for what is none."""

    def read(text: str, context: Context | None) -> tuple[str, ...]:
        found = comma_list(text)
        if not found:
            raise Wrong(f"is empty; it needs a URL such as {example}")
        if len(found) > MAX_URLS:
            raise Wrong(f"has more than {MAX_URLS} URLs", "...")
        for url in found:
            _check_url(url, example)
        if len(set(found)) < len(found):
            raise Wrong("names a URL twice", "...")
        return found

    return Kind("URLs between commas", "", read)


def one_url(example: str, *, secure: bool = False) -> Kind:
    """Make the kind of one URL; with `secure` it must be of https."""

    def read(text: str, context: Context | None) -> str:
        url = text.strip()
        _check_url(url, example)
        if secure and not url.lower().startswith("https:"):
            raise Wrong(f"does not begin with https, as {example} does", shown_url(url))
        return url

    return Kind("URL", example, read)


def _check_url(text: str, example: str) -> None:
    usable = named = False
    plain = text.isascii() and text.isprintable() and " " not in text and len(text) <= MAX_URL
    try:
        url = urlsplit(text)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        named = "@" in url.netloc
    except ValueError:
        pass
    if named:
        message = "has a name before the host; write username and password as options"
        raise Wrong(message, "...")
    if not usable or not plain or "#" in text:
        raise Wrong(f"is not a URL such as {example}", shown_url(text))


def shown_url(url: str) -> str:
    """A URL as administrators see it: where it leads. What comes after that may be a secret."""
    whole = url.partition("?")[0].replace("#", "/")
    scheme, slashes, rest = whole.partition("//")
    if not slashes or "/" in scheme:  # no URL at all
        scheme, slashes, rest = "", "", whole
    named, slash, path = rest.partition("/")
    host = named.rpartition("@")[2]
    return f"{scheme}{slashes}{host}{slash}{'...' if path else ''}"


def in_clear(url: str) -> bool:
    """Whether what is sent there can be read on its way: no TLS, and not to this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or host == "localhost":
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True


def header_lines(taken: Collection[str] = TAKEN) -> Kind:
    """Make the kind of header fields, one per line; those `taken` cannot be given."""

    def read(text: str, context: Context | None) -> tuple[Header, ...]:
        found = each_line(text, lambda line: _header(line, taken))
        if len(found) > MAX_HEADERS:
            raise Wrong(f"has more than {MAX_HEADERS} lines", "...")
        return found

    return Kind("lines of header fields", "X-Token: abc", read, secret=True)


def _header(line: str, taken: Collection[str]) -> Header:
    name, colon, value = line.partition(":")
    if not colon or _TOKEN.fullmatch(name) is None:
        raise Wrong("has a line that is not a header such as X-Token: abc", "...")
    if name.lower() in taken:
        raise Wrong(f"has {name}, which the request itself decides", "...")
    if not value.isascii() or not value.strip().isprintable() or len(line) > MAX_HEADER:
        raise Wrong(f"has a value of {name} that is too long or not printable ASCII", "...")
    return Header(name, Secret(value.strip()))


def _username(text: str, context: Context | None) -> str:
    if ":" in text or not text.strip().isprintable():
        raise Wrong("has a colon or control characters, which HTTP Basic cannot carry")
    return text.strip()


BasicName = Annotated[str, Kind("text", "", _username)]
