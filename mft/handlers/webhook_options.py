"""The options of the handler that tells events to a server over HTTP."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal

from cryptography import x509
from pydantic import field_validator

from mft.config.http_kinds import (
    TAKEN,
    BasicName,
    Header,
    header_lines,
    in_clear,
    several_urls,
    shown_url,
)
from mft.config.kinds import (
    Context,
    Count,
    FilePath,
    Kind,
    Maybe,
    SecretText,
    Text,
    Wrong,
    comma_list,
    duration,
    whole,
)
from mft.config.section import option
from mft.core.matching import Expression
from mft.core.secret import Secret
from mft.events.escape import json_text, xml_text
from mft.events.facts import NO_COMPONENT, Facts
from mft.events.filters import Filter, GroupsOf, of_nobody
from mft.events.template import Template
from mft.handlers.base import HandlerOptions
from mft.handlers.filled import Filled
from mft.handlers.results import without_results
from mft.trust.certificates import load_authorities

EXAMPLE: Final = "https://hooks.example.com/mft"
LONGEST: Final = 600.0  # seconds
MOST_EVENTS: Final = 500  # of one request, some 10 ms of computing
MAX_SECRETS: Final = 5
MIN_SECRET: Final = 16  # characters
ENCODED: Final = "whsec_"  # before a secret that is written in base64
# What the handler itself says of a request.
_OURS: Final = {"idempotency-key", "webhook-id", "webhook-timestamp", "webhook-signature"}


def _secrets(text: str, context: Context | None) -> tuple[Secret, ...]:
    found = comma_list(text)
    if len(found) > MAX_SECRETS:
        raise Wrong(f"has more than {MAX_SECRETS} secrets")
    for one in found:
        if len(one) < MIN_SECRET:
            raise Wrong(f"has a secret of less than {MIN_SECRET} characters")
        try:
            signing_key(Secret(one))
        except ValueError:
            raise Wrong(f"has a secret that is not base64 after {ENCODED}") from None
    return tuple(Secret(one) for one in found)


def signing_key(secret: Secret) -> bytes:
    """The bytes of a secret: those of its base64, or of its text; raises ValueError."""
    text = secret.reveal()
    if text.startswith(ENCODED):
        return base64.b64decode(text.removeprefix(ENCODED), validate=True)
    return text.encode()


def _expression(text: str, context: Context | None) -> Expression:
    try:
        return Expression.parse(text.strip())
    except ValueError as error:
        raise Wrong(f"cannot be matched: {error}") from None


class WebhookOptions(HandlerOptions):
    """Tell events to a server over HTTP, and again until it has taken them."""

    ignored: ClassVar[Mapping[str, str]] = {
        **HandlerOptions.ignored,
        "proxy": "the URLs are asked directly",
    }

    type: Literal["http"] = option("The kind of event handler.", "http")
    url: Annotated[tuple[str, ...], several_urls(EXAMPLE)] = option(
        "Where events are sent. With several, the next one is asked where one fails, which then "
        "rests for 5 minutes.",
        examples=[EXAMPLE],
    )
    timeout: Annotated[float, duration(0.1, LONGEST)] = option(
        "How long one URL may take to answer, from the first packet to the last byte.", 120.0
    )
    retry_count: Annotated[int, whole(0, 10, "number of retries")] = option(
        "How often a URL is asked again that could not be reached, or answered with 429 or a "
        "status from 500 on.",
        2,
        safer="A server that answers 503 with Retry-After gets the events later; none is dropped.",
    )
    retry_increase: Annotated[float, duration(0, 300)] = option(
        "How long it is waited before it is asked again; each time as much longer.", 10.0
    )
    username: BasicName = option(
        "The name that this server shows by HTTP Basic. Empty: none.", "", examples=["mft"]
    )
    password: SecretText = option("The password that goes with `username`.", Secret(""))
    request_method: Literal["POST", "PUT", "GET"] = option(
        "The method of the request. `GET` has no body.", "POST"
    )
    http_content_type: Literal["json", "xml", "soap", "custom"] = option(
        "`json`: an object with the list `events`. `xml`: the same as XML. `soap`: the same in an "
        "envelope of SOAP 1.2. `custom`: what `extra_data` says.",
        "json",
    )
    extra_data: Text = option(
        "A JSON object whose keys are sent beside `events`; {names} stand for facts of the event. "
        "With `custom`: the whole body, such as JSON.",
        "",
        examples=['{"site": "north", "who": "{account.name}"}'],
    )
    headers: Annotated[tuple[Header, ...], header_lines((TAKEN - {"content-type"}) | _OURS)] = (
        option(
            "More header fields of each request, one per line; {names} stand for facts of the "
            "event. `Content-Type` only with `custom`.",
            (),
            examples=["X-Token: abc"],
        )
    )
    expected_response: Maybe[
        Annotated[Expression, Kind("expression", "m/accepted/", _expression)]
    ] = option(
        "What the body of an answer must match, in its first 4096 characters (1024 for a regular "
        "expression). Empty: any will do.",
        None,
        examples=["m/accepted/"],
    )
    ssl_certificate_authority: Maybe[FilePath] = option(
        "The certificates that may sign that of the server asked, in PEM form. Empty: those that "
        "the system trusts.",
        None,
        examples=["conf/certificates/hooks-ca.pem"],
    )
    maximum_events: Annotated[int, whole(1, MOST_EVENTS, "number of events")] = option(
        "How many events one request may tell of. It is one where `extra_data` or `headers` name "
        "facts, with `custom` and with GET.",
        100,
        ours=True,
    )
    signature_secret: Annotated[
        tuple[Secret, ...], Kind("secrets between commas", "", _secrets, secret=True)
    ] = option(
        "Secrets shared with the receiver: each request is signed with every one of them, so that "
        "one can be replaced. Empty: no signature.",
        (),
        ours=True,
    )
    fail_after_errors: Count = option(
        "After how many failures in a row the handler stops itself. 0: never.",
        0,
        safer="A server that was away for a while does not end the webhook.",
    )

    @field_validator("http_content_type", mode="before")
    @classmethod
    def _no_legacy(cls, value: object) -> object:
        if isinstance(value, str) and value.strip().lower() == "legacy-webadmin":
            raise Wrong("is not spoken here; write json, or custom with a body of your own")
        return value

    @property
    def bodied(self) -> bool:
        """Whether a request has a body."""
        return self.request_method != "GET"

    @property
    def custom(self) -> bool:
        """Whether the body is that of `extra_data`."""
        return self.http_content_type == "custom"

    @property
    def custom_xml(self) -> bool:
        """Whether that body is XML."""
        return self.custom and self.extra_data.startswith("<")

    @property
    def _is_json(self) -> bool:
        """Whether that body is sent as JSON."""
        named = any(one.name.lower() == "content-type" for one in self.headers)
        return self.custom and self.bodied and not (self.custom_xml or named)

    def document(self, facts: Facts) -> Filled:
        """What `extra_data` says; raises ValueError for names that are none."""
        return Filled(self.extra_data, facts, xml_text if self.custom_xml else json_text)

    def filter(self, groups_of: GroupsOf = of_nobody, server: str = "") -> Filter:
        """Which events these options ask for: results of handlers only by their number."""
        kept = self.model_copy(update={"target": without_results(self.target)})
        return HandlerOptions.filter(kept, groups_of, server)

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Load who may sign the server's certificate; raises ValueError."""
        path = self.ssl_certificate_authority
        return () if path is None else load_authorities([path])

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell what single options do not: authorities, names in templates, what goes in clear."""
        try:
            self.authorities()
        except ValueError as error:
            shown = str(self.ssl_certificate_authority)
            yield Wrong(str(error), shown, option="ssl_certificate_authority")
        if self.password and not self.username:
            yield Wrong("is given without a username", option="password")
        yield from self._check_headers()
        yield from self._check_extra()
        for url in filter(in_clear, self.url):
            sentence = "goes over the network in clear; write https"
            yield Wrong(sentence, shown_url(url), option="url", mild=True)

    def _check_headers(self) -> Iterator[Wrong]:
        for header in self.headers:
            try:
                Template(header.value.reveal(), Facts(NO_COMPONENT))
            except ValueError as error:
                yield Wrong(f"has a value of {header.name} that {error}", option="headers")
            if header.name.lower() == "content-type" and not self.custom:
                yield Wrong("has Content-Type, which needs custom", option="headers")

    def _check_extra(self) -> Iterator[Wrong]:
        try:
            filled = self.document(Facts(NO_COMPONENT))
        except ValueError as error:
            yield Wrong(str(error), "...", option="extra_data")
            return
        if self.custom and self.bodied and not self.extra_data:
            yield Wrong("is missing: with custom it is the body", option="extra_data")
        elif self._is_json and not _json(filled.sample("0")):
            remedy = "is not JSON; what is none needs a line of headers with its Content-Type"
            yield Wrong(remedy, "...", option="extra_data", mild=True)
        if self.extra_data and not self.custom and not _object(filled.sample("0")):
            sentence = "is not a JSON object without a key events, such as {}"
            yield Wrong(sentence.format('{"site": "north"}'), "...", option="extra_data")


def _json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _object(text: str) -> bool:
    """Whether it can be merged into what is sent."""
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and "events" not in found
