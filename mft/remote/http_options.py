"""The options of locations of HTTP: where they are, who we are there, and whom they believe."""

import re
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import urlsplit

from cryptography import x509

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
    FilePath,
    Kind,
    Maybe,
    SecretText,
    Size,
    Text,
    Wrong,
    comma_list,
)
from mft.config.section import option
from mft.core.failure import Malformed, Refused
from mft.core.matching import Expression
from mft.core.secret import Secret
from mft.core.vpath import VPath, check_name
from mft.remote.base import LocationOptions
from mft.remote.http_tls import FIRST
from mft.trust.certificates import Identity, load_authorities
from mft.wire.http.reference import parse_reference, parse_segments

WEBDAV_EXAMPLE: Final = "https://files.example.com/remote.php/dav/files/mft"
HTTPS_EXAMPLE: Final = "https://files.example.com/home"
PULL_EXAMPLE: Final = "https://partner.example.com/rates/today.csv"
MAX_PINNED: Final = 10  # certificates of one server: the present one, and those to come
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


def _pinned(text: str, context: Context | None) -> tuple[str, ...]:
    found = []
    for item in comma_list(text):
        word = item.strip().lower()
        digits = word.replace(":", "").removeprefix("sha256")
        if word != FIRST and not _FINGERPRINT.fullmatch(digits):
            raise Wrong(f"is not a SHA-256 of 64 hexadecimal digits, and not {FIRST}", item)
        found.append(word if word == FIRST else digits)
    if len(found) > MAX_PINNED:
        raise Wrong(f"has more than {MAX_PINNED} certificates")
    return tuple(found)


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


Pinned = Annotated[tuple[str, ...], Kind("fingerprints between commas", FIRST, _pinned)]


class HttpLocationOptions(LocationOptions):
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
    ssl_certificate_authority: Maybe[FilePath] = option(
        "The certificates that may sign that of the server, in PEM form. Empty: those that the "
        "system trusts.",
        None,
        examples=["conf/certificates/partner-ca.pem"],
    )
    ssl_server_identity: Pinned = option(
        "The SHA-256 of the server's certificate, or of several between commas: then one of them "
        f"is what the server must show, whoever has signed it. `{FIRST}`: the one that it "
        "shows first is kept, and no other is believed. Empty: the certificate must be signed by "
        "an authority that is believed, and be for the host of the URL.",
        (),
        examples=[FIRST],
        ours=True,
    )
    ssl_certificate: Maybe[FilePath] = option(
        "The certificate that this server shows there, with its private key and those between it "
        "and the root: a file in PEM or PFX form. Empty: none.",
        None,
        examples=["conf/certificates/at-partner.pem"],
    )
    ssl_key: Maybe[FilePath] = option(
        "The private key of `ssl_certificate`, where it is in a file of its own.", None
    )
    ssl_key_password: SecretText = option("The password of the private key.", Secret(""))

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Load who may sign the server's certificate; raises ValueError."""
        path = self.ssl_certificate_authority
        return () if path is None else load_authorities([path])

    def identity(self) -> Identity | None:
        """Load the certificate that is shown there; raises ValueError."""
        if self.ssl_certificate is None:
            return None
        password = self.ssl_key_password if self.ssl_key_password else None
        return Identity.load(self.ssl_certificate, self.ssl_key, password)

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of files that cannot be read, and of logins that contradict."""
        try:
            self.authorities()
        except ValueError as error:
            shown = str(self.ssl_certificate_authority)
            yield Wrong(str(error), shown, option="ssl_certificate_authority")
        try:
            self.identity()
        except ValueError as error:
            yield Wrong(str(error), str(self.ssl_certificate), option="ssl_certificate")
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
