"""The options of the method that asks a server over HTTP."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Annotated, ClassVar, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from cryptography import x509

from mft.auth.options import MethodOptions
from mft.config.kinds import (
    Context,
    FilePath,
    Kind,
    Maybe,
    SecretText,
    Wrong,
    YesNo,
    comma_list,
    duration,
    each_line,
)
from mft.config.section import option
from mft.core.secret import Secret
from mft.trust.certificates import load_authorities

MAX_URLS: Final = 10
MAX_URL: Final = 2000  # characters
MAX_HEADERS: Final = 50
MAX_HEADER: Final = 8000  # characters of one line
LONGEST: Final = 300.0  # seconds
# Less than the time of a login, so that another server can still be asked.
SECONDS: Final = 20.0

# What the request itself decides.
_TAKEN: Final = frozenset(
    {"connection", "content-length", "content-type", "expect", "host", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2


class Header(NamedTuple):
    """One header field of every request; what it says may be a secret."""

    name: str
    value: Secret


def _urls(text: str, context: Context | None) -> tuple[str, ...]:
    found = comma_list(text)
    if not found:
        raise Wrong("is empty; it needs a URL such as https://auth.example.com/login")
    if len(found) > MAX_URLS:
        raise Wrong(f"has more than {MAX_URLS} URLs", "...")
    for url in found:
        _check_url(url)
    if len(set(found)) < len(found):
        raise Wrong("names a URL twice", "...")
    return found


def _check_url(text: str) -> None:
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
        raise Wrong("is not a URL such as https://auth.example.com/login", shown_url(text))


def shown_url(url: str) -> str:
    """A URL as administrators see it: without its query, which may hold a secret."""
    return url.partition("?")[0]


def _header(line: str) -> Header:
    name, colon, value = line.partition(":")
    if not colon or _TOKEN.fullmatch(name) is None:
        raise Wrong("has a line that is not a header such as X-Token: abc", "...")
    if name.lower() in _TAKEN:
        raise Wrong(f"has {name}, which the request itself decides", "...")
    if not value.isascii() or not value.strip().isprintable() or len(line) > MAX_HEADER:
        raise Wrong(f"has a value of {name} that is too long or not printable ASCII", "...")
    return Header(name, Secret(value.strip()))


def _headers(text: str, context: Context | None) -> tuple[Header, ...]:
    found = each_line(text, _header)
    if len(found) > MAX_HEADERS:
        raise Wrong(f"has more than {MAX_HEADERS} lines", "...")
    return found


def _username(text: str, context: Context | None) -> str:
    if ":" in text or not text.strip().isprintable():
        raise Wrong("has a colon or control characters, which HTTP Basic cannot carry")
    return text.strip()


class HttpAuthOptions(MethodOptions):
    """Accounts that a server knows, which is asked over HTTP at each login."""

    ignored: ClassVar[Mapping[str, str]] = {
        "proxy": "the servers are asked directly",
        "public_error": "who is refused is never told why",
    }

    type: Literal["http"] = option("The kind of method.", "http")
    url: Annotated[tuple[str, ...], Kind("URLs between commas", "", _urls)] = option(
        "Where logins are judged. With several, the next one is asked where one fails, which then "
        "rests for 5 minutes.",
        examples=["https://auth.example.com/login"],
    )
    timeout: Annotated[float, duration(0.1, LONGEST)] = option(
        "How long one URL may take to answer, from the first packet to the last byte.",
        SECONDS,
        safer="it leaves time to ask the next URL before the client's time to log in is over.",
    )
    username: Annotated[str, Kind("text", "", _username)] = option(
        "The name that this server shows by HTTP Basic. Empty: none.", "", examples=["mft"]
    )
    password: SecretText = option("The password that goes with `username`.", Secret(""))
    headers: Annotated[
        tuple[Header, ...], Kind("lines of header fields", "X-Token: abc", _headers, secret=True)
    ] = option("More header fields of each request, one per line.", (), examples=["X-Token: abc"])
    test_at_start: YesNo = option(
        "Whether each URL is asked about a name that nobody has when the server starts or reloads; "
        "an event tells how that went. Logins are judged whatever it says.",
        True,
    )
    ssl_certificate_authority: Maybe[FilePath] = option(
        "The certificates that may sign that of the server asked, in PEM form. Empty: those that "
        "the system trusts.",
        None,
        examples=["conf/certificates/auth-ca.pem"],
    )

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Load who may sign the server's certificate; raises ValueError."""
        path = self.ssl_certificate_authority
        return () if path is None else load_authorities([path])

    @property
    def clear(self) -> tuple[str, ...]:
        """The URLs to which passwords would go over the network as they are."""
        return tuple(url for url in self.url if _is_clear(url))

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of authorities that cannot be read, and of a password without a name."""
        try:
            self.authorities()
        except ValueError as error:
            shown = str(self.ssl_certificate_authority)
            yield Wrong(str(error), shown, option="ssl_certificate_authority")
        if self.password and not self.username:
            yield Wrong("is given without a username", option="password")


def _is_clear(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or host == "localhost":
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True
