"""What the webhook handler sends: the body, its key, its signature and the header fields.

The signature is that of Standard Webhooks (standardwebhooks.com), which receivers have libraries
for: HMAC-SHA256 over the key, the time and the body, with full stops between them.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_OID, uuid5

import orjson
from twisted.web.http_headers import Headers

from mft.config.http_kinds import MAX_HEADER
from mft.core.peer import Component
from mft.events.escape import header_value, xml_text
from mft.events.facts import Facts, unique
from mft.events.line import plain
from mft.events.model import Occurrence
from mft.events.template import Template
from mft.handlers.webhook_options import WebhookOptions, signing_key
from mft.runtime.fetch import head_fields

TYPES: Final = {
    "json": "application/json; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
    "soap": "application/soap+xml; charset=utf-8",
    "custom": "application/json; charset=utf-8",
}
NAMESPACE: Final = "urn:mft:events"
MAX_TAGS: Final = 1024  # names of elements that are remembered
SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"


class Message(NamedTuple):
    """What is sent of some events; the same for the same events, however often it is sent."""

    key: str
    body: bytes
    fields: Sequence[tuple[str, str]]  # of the header, those of `headers`


class Writer:
    """Makes messages of events."""

    def __init__(self, options: WebhookOptions, server: Component, own: Component) -> None:
        self._options = options
        self._server = server
        self._facts = facts = Facts(server, own)
        self._extra = options.document(facts)
        self._fields = [
            (one.name, Template(one.value.reveal(), facts, header_value)) for one in options.headers
        ]
        self._keys = [signing_key(secret) for secret in options.signature_secret]

    @property
    def most(self) -> int:
        """How many events one message may tell of."""
        named = any("{" in one.value.reveal() for one in self._options.headers)
        alone = named or self._extra.varies or self._options.custom or not self._options.bodied
        return 1 if alone else self._options.maximum_events

    def message(self, occurrences: Sequence[Occurrence]) -> Message:
        """What is sent of these; raises ValueError where `extra_data` is no JSON with them."""
        first = occurrences[0]
        uuids = "\n".join(unique(self._server, one) for one in occurrences)
        fields = [(name, value.render(first)[:MAX_HEADER]) for name, value in self._fields]
        body = self._body(occurrences) if self._options.bodied else b""
        return Message(str(uuid5(NAMESPACE_OID, uuids)), body, fields)

    def headers(self, message: Message, moment: float) -> Headers:
        """The header fields of a message that is sent at a moment."""
        options = self._options
        ours = {"User-Agent": "mft", "Accept": "*/*"}
        if options.bodied:
            ours["Content-Type"] = TYPES["xml" if options.custom_xml else options.http_content_type]
        # A string of RFC 9651, as the draft about this field has it.
        ours["Idempotency-Key"] = f'"{message.key}"'
        if self._keys:
            ours |= signature(self._keys, message.key, str(int(moment)), message.body)
        return head_fields(ours, message.fields, options.username, options.password)

    def _body(self, occurrences: Sequence[Occurrence]) -> bytes:
        if self._options.custom:
            return self._extra.render(occurrences[0]).encode("utf-8", "replace")
        payload: dict[str, Any] = {"events": [self._facts.as_object(one) for one in occurrences]}
        if self._options.extra_data:
            extra = json.loads(self._extra.render(occurrences[0]))
            payload = {**payload, **extra, **payload}  # a name of a fact may be "events" too
        if self._options.http_content_type == "json":
            return orjson.dumps(plain(payload))
        inside = "".join(_element(key, value) for key, value in payload.items())
        return _document(inside, soap=self._options.http_content_type == "soap")


def signature(keys: Sequence[bytes], key: str, time: str, body: bytes) -> Mapping[str, str]:
    """The fields that sign a message, once with each of the keys."""
    signed = f"{key}.{time}.".encode() + body
    made = [hmac.new(one, signed, hashlib.sha256).digest() for one in keys]
    shown = " ".join(f"v1,{base64.b64encode(one).decode()}" for one in made)
    return {"Webhook-Id": key, "Webhook-Timestamp": time, "Webhook-Signature": shown}


def _document(inside: str, *, soap: bool) -> bytes:
    told = f'<message xmlns="{NAMESPACE}">{inside}</message>'
    if soap:
        told = f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body>{told}</soap:Body></soap:Envelope>'
    return f'<?xml version="1.0" encoding="utf-8"?>\n{told}'.encode()


def _element(name: str, value: object) -> str:
    """A value under its key: a list is its items, each an element of the list's name."""
    if isinstance(value, dict):
        inside = "".join(_element(str(key), item) for key, item in value.items())
    elif isinstance(value, list | tuple):
        inside = "".join(_element("item", item) for item in value)
    else:
        inside = xml_text(_scalar(value))
    tag = _tag(name)
    return f"<{tag}>{inside}</{tag}>"


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


@lru_cache(MAX_TAGS)
def _tag(name: str) -> str:
    """A key as the name of an element: what cannot be in one is `_`."""
    tag = "".join(one if one.isascii() and (one.isalnum() or one in "_-.") else "_" for one in name)
    return tag if tag[:1].isalpha() or tag[:1] == "_" else f"_{tag}"
