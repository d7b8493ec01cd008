"""HttpOptions: a service for browsers and programs (`type = http` in clear, `https` over TLS)."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Final

from mft.config.kinds import (
    Context,
    Kind,
    Maybe,
    PortOrAny,
    Wrong,
    YesNo,
    comma_list,
    duration,
    each_line,
    reference,
    whole,
)
from mft.config.section import option
from mft.core.peer import parse_ip
from mft.protocols.http.metadata import Metadata
from mft.protocols.http.page_options import Languages, LoginFootnotes
from mft.protocols.http.triggers import Triggers
from mft.protocols.options import ServiceOptions, listening_port
from mft.protocols.tls_options import TlsOptions
from mft.wire.http.grammar import AUTHORITY, FIELD, TOKEN

MAX_HEADERS: Final = 50  # lines of `headers`
CLEAR_FRONT: Final = "http"  # the word that says that browsers come in clear
YEAR: Final = 366 * 86400

_FIELD = re.compile(FIELD)
_TOKEN = re.compile(TOKEN)
_ORIGIN = re.compile(AUTHORITY)
_URL = re.compile(rf"https?://{AUTHORITY}(?:/[!-~]*+)?", re.IGNORECASE)
# What frames a message, or is told of each answer anew.
_OURS: Final = frozenset(
    (
        *("connection", "content-length", "date", "keep-alive", "set-cookie", "trailer"),
        *("transfer-encoding", "upgrade"),
    )
)

ROOT_NAME: Final = "ROOT"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")
_TAKEN: Final = frozenset(("home", "__mft__", "__chsps__"))


def _header(line: str) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    if found is None or not line.isascii():
        raise Wrong("is not a header such as X-Robots-Tag: none")
    name, value = found[1], found[2].strip()
    if name.lower() in _OURS:
        raise Wrong("is a header that the server writes itself")
    return name, value


def _headers(text: str, context: Context | None) -> tuple[tuple[str, str], ...]:
    found = each_line(text, _header)
    if len(found) > MAX_HEADERS:
        raise Wrong(f"has more than {MAX_HEADERS} headers", found[0][0])
    return found


def _headers_text(headers: tuple[tuple[str, str], ...]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)


def _origins(text: str, context: Context | None) -> tuple[str, ...]:
    items = tuple(item.lower() for item in comma_list(text))
    for item in items:
        if not _ORIGIN.fullmatch(item):
            raise Wrong("is not a host with an optional port such as files.example.com:8443", item)
    return items


def _field_name(text: str, context: Context | None) -> str:
    name = text.strip()
    if name and not _TOKEN.fullmatch(name):
        raise Wrong("is not the name of a header such as X-Forwarded-For")
    return name


def _public_name(text: str, context: Context | None) -> str:
    name = text.strip()
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise Wrong(
            "is not a name such as public, of letters, digits, - and _; nor is it one of ours"
        )
    return name


PublicAccount = Annotated[str, reference("accounts")]
PublicName = Annotated[str, Kind("name", "public", _public_name)]
Headers = Annotated[
    tuple[tuple[str, str], ...],
    Kind(
        "lines of a name, a colon and a value",
        "X-Robots-Tag: none",
        _headers,
        write=_headers_text,
    ),
]
Origins = Annotated[
    tuple[str, ...], Kind("hosts between commas", "files.example.com:8443", _origins)
]
FieldName = Annotated[str, Kind("name of a header", "X-Forwarded-For", _field_name)]


class AnsweringOptions(ServiceOptions):
    """What every service has that answers HTTP."""

    headers: Headers = option(
        "Headers that every answer has, one on each line; one of ours of the same name is left "
        "out. `Server:` with nothing behind it hides who we are.",
        (),
        examples=["X-Robots-Tag: none"],
    )
    client_forwarded_header: FieldName = option(
        "The header in which proxies tell the client's address: X-Forwarded-For, Forwarded, or "
        "another of one address. It counts from `trusted_proxies` only, and of a list the last "
        "address that is none of theirs. A request whose header tells no address is refused.",
        "",
        examples=["X-Forwarded-For"],
    )
    strict_transport_security: Annotated[float, duration(0, 10 * YEAR)] = option(
        "For how long a browser that has been here insists on https (HSTS). 0: not told.",
        0.0,
        examples=["365d"],
        ours=True,
    )

    def check(self, context: Context) -> Iterator[Wrong]:
        """See that a header of the client's address is believed of somebody."""
        yield from super().check(context)
        if self.client_forwarded_header and not self.trusted_proxies:
            yield Wrong("is believed of nobody", option="trusted_proxies")
        if self.client_forwarded_header and self.proxy_protocol == "no":
            yield from self.believes_everybody()

    def speaks_for_others(self, host: str) -> bool:
        """Whether an address is that of a proxy, whose requests tell whose they are."""
        if not self.client_forwarded_header:
            return False
        return self.trusts(parse_ip(host))

    def as_http(self) -> "HttpOptions":
        """The same for a service that has nothing else of an HTTP service."""
        known = HttpOptions.model_fields
        given = {name: getattr(self, name) for name in type(self).model_fields if name in known}
        return HttpOptions.model_validate(given)


class HttpOptions(AnsweringOptions):
    """HTTP in clear, for a machine of its own network, or behind a proxy that speaks TLS."""

    ignored: ClassVar[Mapping[str, str]] = {
        **ServiceOptions.ignored,
        "theme_path": "there is one look, in light and in dark",
        "ui_version": "there is one look",
    }

    port: PortOrAny = listening_port("10080")
    accepted_origins: Origins = option(
        "The hosts, with their ports where these are not the usual ones, under which browsers "
        "know this service where a proxy changes the Host. The first may be the word http, for a "
        "proxy that browsers reach in clear; otherwise cookies are for https only.",
        (),
        examples=["files.example.com"],
    )
    public_account_uuid: Maybe[PublicAccount] = option(
        "The ID of the account whose files everybody may see and use, without a login, as its "
        "permissions allow. Empty: there is no such area.",
        None,
        examples=["an ID"],
        old_names=["public_account"],
    )
    public_name: PublicName = option(
        "The name below which they are: https://HOST/NAME/. ROOT: at the top, beside /home/.",
        "public",
    )
    announce_session_authentication: YesNo = option(
        "Whether a refused request is told of `Authorization: session` as well as of Basic.", True
    )
    metadata_fields: Metadata = option(
        "A header in which clients say of what they send, as `key=value` between commas; the tags "
        "are in the events of the upload. The first line is the header, and `required` where it "
        "must be there; each line behind it an expression for keys, and `required` or `optional`. "
        "What does not fit is refused.",
        None,
        examples=["X-Tags, required"],
    )
    triggers: Triggers = option(
        "Words that clients may say to files, each a button in the browser and a command for "
        "programs: a label, a colour (primary, info, success, warning, danger, inverse), and the "
        "ID of the group that has it, if not everybody. Saying one is event 40043.",
        (),
        examples=["Release, success"],
    )
    languages: Languages = option(
        "The languages that pages have here, en and de: each browser is shown the one that it "
        "likes best, else the first. Those that are not there yet are taken for English.",
        ("en",),
        examples=["en, de"],
    )
    login_footnotes: LoginFootnotes = option(
        "A note on the login page: the first line is what opens it, the second its title, and the "
        "rest its text.",
        None,
        examples=["Terms of use"],
    )
    maximum_open_files: Annotated[int, whole(1, 100)] = option(
        "How many files and folders one request may have open.", 20, ours=True
    )
    maximum_web_sessions: Annotated[int, whole(1, 100000)] = option(
        "How many logins of browsers and programs, by a page or by `login`, there are at a time. "
        "Where there are as many, the account that has the most gives up the one that it has not "
        "used for the longest, to one that has fewer.",
        1000,
        ours=True,
    )

    @property
    def origins(self) -> tuple[str, ...]:
        """The hosts under which browsers know it; empty: that of the request."""
        return tuple(origin for origin in self.accepted_origins if origin != CLEAR_FRONT)

    @property
    def public_area(self) -> tuple[str, ...] | None:
        """The names that stand before the paths of the public area; None where there is none."""
        if not self.public_account_uuid:
            return None
        return () if self.public_name == ROOT_NAME else (self.public_name,)

    @property
    def is_secure(self) -> bool:
        """Whether browsers come over https, here or at a proxy before us."""
        return bool(self.accepted_origins) and self.accepted_origins[0] != CLEAR_FRONT


class HttpsOptions(HttpOptions, TlsOptions):
    """HTTP over TLS."""

    ignored: ClassVar[Mapping[str, str]] = {**TlsOptions.ignored, **HttpOptions.ignored}
    spoken: ClassVar[tuple[bytes, ...]] = (b"http/1.1", b"http/1.0")

    port: PortOrAny = listening_port("10443")
    enable_ssl_certificate_authentication: YesNo = option(
        "Whether clients log in by their certificate, whose common name is the account's, where "
        "the account says so by `allow_certificate_authentication`. They have one with "
        "`ssl_certificate_authority` only.",
        True,
    )

    @property
    def is_secure(self) -> bool:
        """Whether browsers come over https."""
        return True


def _redirect_url(text: str, context: Context | None) -> str:
    url = text.strip()
    found = _URL.fullmatch(url)
    if found is None:
        raise Wrong("is not a URL such as https://files.example.com/")
    return url


RedirectUrl = Annotated[str, Kind("URL", "https://files.example.com/", _redirect_url)]


class RedirectOptions(AnsweringOptions):
    """A service that sends every browser elsewhere, such as from http to https."""

    port: PortOrAny = listening_port("80")
    redirect_url: RedirectUrl = option(
        "Where browsers are sent. What they asked for is put behind a URL that ends in a slash.",
        examples=["https://files.example.com/"],
    )


class HealthOptions(AnsweringOptions):
    """What balancers and monitors ask: /health/live, /health/ready, and /metrics for Prometheus.

    Nobody logs in here, so it should listen where only they are. Its connections are no events.
    """

    port: PortOrAny = listening_port("10081")
