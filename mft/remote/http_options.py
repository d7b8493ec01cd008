"""The options of locations of HTTP: where they are, who we are there, and whom they believe."""

import re
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import urlsplit

from mft.config.http_kinds import (
    TAKEN,
    BasicName,
    Header,
    header_lines,
    in_clear,
    one_url,
    shown_url,
)
from mft.config.kinds import (
    Context,
    Kind,
    Maybe,
    SecretText,
    Size,
    Text,
    Wrong,
    each_line,
)
from mft.config.section import option
from mft.core.failure import Malformed, Refused
from mft.core.matching import Expression
from mft.core.secret import Secret
from mft.core.vpath import VPath, check_name
from mft.remote.base import LocationOptions
from mft.remote.http_tls import FIRST
from mft.remote.sftp_options import ProxyText
from mft.remote.tls_options import MAX_PINS, TlsClientOptions
from mft.wire.http.reference import parse_reference, parse_segments

WEBDAV_EXAMPLE: Final = "https://files.example.com/remote.php/dav/files/mft"
HTTPS_EXAMPLE: Final = "https://files.example.com/home"
PULL_EXAMPLE: Final = "https://partner.example.com/rates/today.csv"
MAX_BODY: Final = 64 << 10  # characters of a request
MAX_DOCUMENT: Final = 1 << 30  # bytes that are kept of an answer whose size nobody told

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
# What a request of ours says itself.
_OURS: Final = TAKEN | {
    "accept-encoding",
    "authorization",
    "content-range",
    "depth",
    "destination",
    "if-match",
    "if-none-match",
    "if-range",
    "overwrite",
    "range",
}


def _pin(line: str) -> str:
    if line.strip().lower() == FIRST:
        return FIRST
    digits = re.sub(r"^sha-?256[:= ]+", "", line.strip().lower()).replace(":", "")
    if _FINGERPRINT.fullmatch(digits) is None:
        raise Wrong(f"is not a SHA-256 of 64 hexadecimal digits, and not {FIRST}", line)
    return bytes.fromhex(digits).hex(":").upper()


def _pins(text: str, context: Context | None) -> tuple[str, ...]:
    found = each_line(text, _pin)
    if len(found) > MAX_PINS:
        raise Wrong(f"names more than {MAX_PINS} certificates")
    return found


def _file_name(text: str, context: Context | None) -> str:
    name = text.strip()
    try:
        if name:
            check_name(name)
            VPath().member(name)
    except Refused as refused:
        raise Wrong(f"is not the name of a file: {refused.details}") from None
    return name


def _statuses(text: str, context: Context | None) -> Expression:
    try:
        return Expression.parse(text.strip())
    except ValueError as error:
        raise Wrong(f"cannot be matched: {error}") from None


Pins = Annotated[tuple[str, ...], Kind("SHA-256 fingerprints", FIRST, _pins, write="\n".join)]


class HttpLocationOptions(TlsClientOptions, LocationOptions):
    """What locations of HTTP have in common."""

    ignored: ClassVar[Mapping[str, str]] = {**LocationOptions.ignored}

    username: BasicName = option(
        "The name that logs in there, by HTTP Basic. Empty: nobody logs in.", "", examples=["mft"]
    )
    password: SecretText = option("The password that goes with `username`.", Secret(""))
    bearer_token: SecretText = option(
        "A token that is shown in place of a name and a password (RFC 6750).",
        Secret(""),
        ours=True,
    )
    headers: Annotated[tuple[Header, ...], header_lines(_OURS)] = option(
        "More header fields of each request, one per line.", (), examples=["X-Token: abc"]
    )
    ssl_server_identity: Pins = option(
        "The SHA-256 fingerprints of certificates that the other server may show, one per line. "
        "With any, nothing else of the certificate counts: neither who signed it, nor its names, "
        f"nor its dates. `{FIRST}`, where no other line is given: the one that it shows first is "
        "kept, and no other is believed.",
        (),
        examples=[FIRST],
        ours=True,
    )
    proxy: Maybe[ProxyText] = option(
        "The proxy that leads there, SOCKS 5 (`socks5://host:1080`) or HTTP "
        "(`http://host:3128`), without a login; names are looked up by it. Empty: none.",
        None,
        examples=["socks5://proxy.example.com:1080"],
    )

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of files that cannot be used, and of logins that contradict."""
        yield from TlsClientOptions.check(self, context)
        if self.password and not self.username:
            yield Wrong("is given without a username", option="password")
        if self.bearer_token and self.username:
            yield Wrong("is given beside a username; there is one login", option="bearer_token")


class TreeOptions(HttpLocationOptions):
    """A location of HTTP that is a tree of files."""

    url: Annotated[str, one_url(WEBDAV_EXAMPLE, secure=True)] = option("Where the tree begins.")

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell also of a URL that is no folder."""
        yield from super().check(context)
        if "?" in self.url:
            yield Wrong("has a query, which a folder has not", shown_url(self.url), option="url")
        else:
            yield from _check_path(self.url)


def _check_path(url: str) -> Iterator[Wrong]:
    try:
        parse_segments(parse_reference(url).path)
    except Malformed as bad:
        yield Wrong(f"is {bad}", shown_url(url), option="url")


class WebdavOptions(TreeOptions):
    """A server of WebDAV over TLS."""

    type: Literal["webdavs"] = option("The kind of location.", "webdavs")
    url: Annotated[str, one_url(WEBDAV_EXAMPLE, secure=True)] = option(
        "The folder of the server that paths begin in.", examples=[WEBDAV_EXAMPLE]
    )


class HttpsOptions(TreeOptions):
    """A server that gives, takes and removes files by their URLs, and tells of no folder."""

    type: Literal["https"] = option("The kind of location.", "https", ours=True)
    url: Annotated[str, one_url(HTTPS_EXAMPLE, secure=True)] = option(
        "Where the URLs of the files begin.", examples=[HTTPS_EXAMPLE], ours=True
    )


class HttpPullOptions(HttpLocationOptions):
    """One document of a server, fetched as a file."""

    type: Literal["http-pull"] = option("The kind of location.", "http-pull")
    url: Annotated[str, one_url(PULL_EXAMPLE)] = option("What is fetched.", examples=[PULL_EXAMPLE])
    request_method: Literal["GET", "POST", "PUT"] = option("The method of the request.", "GET")
    request_body: Text = option("The body of the request; not with `GET`.", "")
    headers: Annotated[tuple[Header, ...], header_lines(_OURS - {"content-type"})] = option(
        "More header fields of each request, one per line.",
        (),
        examples=["Accept: text/csv"],
        old_names=["request_headers"],
    )
    response_code: Annotated[
        Expression, Kind("expression", "2*", _statuses, write=attrgetter("text"))
    ] = option(
        "Which status of an answer brings the file.", Expression.parse("2*"), examples=["200"]
    )
    response_file_name: Annotated[str, Kind("text", "", _file_name)] = option(
        "The name that the file has here. Empty: the last name of the URL's path.",
        "",
        examples=["rates.csv"],
    )
    maximum_size: Size = option(
        "How much of an answer is taken whose size the server does not tell beforehand.",
        MAX_DOCUMENT,
        ours=True,
    )

    @property
    def file_name(self) -> str:
        """The name that the file has here; empty where nothing says it."""
        names = urlsplit(self.url).path.rstrip("/").rsplit("/", 1)
        return self.response_file_name or names[-1]

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell also of a body that is not sent, and of a file without a name."""
        yield from super().check(context)
        if in_clear(self.url):
            sentence = "goes over the network in clear; write https"
            yield Wrong(sentence, shown_url(self.url), option="url", mild=True)
        if self.request_body and self.request_method == "GET":
            yield Wrong("is not sent with GET", "...", option="request_body")
        if len(self.request_body) > MAX_BODY:
            yield Wrong(f"has more than {MAX_BODY} characters", "...", option="request_body")
        try:
            check_name(self.file_name)
            VPath().member(self.file_name)
        except Refused:
            yield Wrong("is needed: the URL names no file", option="response_file_name")
