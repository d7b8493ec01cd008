"""What is sent of events."""

import base64
import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mft.config.http_kinds import MAX_HEADER
from mft.handlers.webhook_request import NAMESPACE, SOAP, Message, Writer
from tests.fakes.occurrences import SERVER, told
from tests.fakes.webhooks import HOOK, webhook_options

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-of-sixteen-or-more"
ENCODED = "whsec_" + base64.b64encode(b"another secret of ours").decode()


def writer(**given: str) -> Writer:
    return Writer(webhook_options(**given), SERVER, HOOK)


def sent(*paths: str, **given: str) -> Any:
    occurrences = [told(path, serial) for serial, path in enumerate(paths or ["/a"], 1)]
    return writer(**given).message(occurrences)


def fields(message: Message, moment: float = 1e9, **given: str) -> dict[str, str]:
    headers = writer(**given).headers(message, moment)
    found = {name.decode(): values for name, values in headers.getAllRawHeaders()}
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0].decode() for name, values in found.items()}


def test_the_body_is_a_list_of_events_and_what_was_added() -> None:
    body = json.loads(sent("/a", "/b", extra_data='{"site": "north", "deep": {"a": [1]}}').body)
    assert [event["data"]["path"] for event in body["events"]] == ["/a", "/b"]
    assert [event["id"] for event in body["events"]] == ["30068", "30068"]
    assert (body["site"], body["deep"]) == ("north", {"a": [1]})


def test_facts_in_what_is_added_are_values_whatever_they_say() -> None:
    hostile = '","admin":true,"x":"\\'
    body = json.loads(sent(hostile, extra_data='{"what": "{data.path}"}').body)
    assert body["what"] == hostile
    assert "admin" not in body


def test_a_fact_that_is_called_events_takes_the_place_of_none() -> None:
    body = json.loads(sent("events", extra_data='{"{data.path}": 1}').body)
    assert [event["data"]["path"] for event in body["events"]] == ["events"]


def test_what_is_no_json_with_an_event_is_the_fault_of_the_event() -> None:
    with pytest.raises(ValueError):
        sent("/a", extra_data='{"what": {data.path}}')


def test_a_body_of_ones_own_is_all_that_is_sent() -> None:
    text = '{"text": "{account.name} sent {data.path}", "tags": {}}'
    message = sent('/"a"', http_content_type="custom", extra_data=text)
    assert json.loads(message.body) == {"text": 'alice sent /"a"', "tags": {}}
    shown = fields(message, http_content_type="custom", extra_data=text)
    assert shown["Content-Type"] == "application/json; charset=utf-8"
    given = {"http_content_type": "custom", "extra_data": text}
    plain = fields(message, headers="Content-Type: text/plain", **given)
    assert plain["Content-Type"] == "application/json; charset=utf-8"
    message = sent("/a", headers="Content-Type: text/plain", **given)
    assert fields(message, **given)["Content-Type"] == "text/plain"


def test_a_body_of_xml_is_escaped_as_such() -> None:
    text = '<sent by="{account.name}">{data.path}</sent>'
    message = sent("/<a>&\x00", http_content_type="custom", extra_data=text)
    read = ElementTree.fromstring(message.body)
    assert (read.get("by"), read.text) == ("alice", "/<a>&\ufffd")
    shown = fields(message, http_content_type="custom", extra_data=text)
    assert shown["Content-Type"] == "application/xml; charset=utf-8"


def test_xml_has_the_same_keys() -> None:
    message = sent("/<a>", "/b", http_content_type="xml", extra_data='{"1 x": [true, null, 2]}')
    read = ElementTree.fromstring(message.body)
    space = {"m": NAMESPACE}
    paths = read.findall("m:events/m:item/m:data/m:path", space)
    assert [path.text for path in paths] == ["/<a>", "/b"]
    assert [item.text for item in read.findall("m:_1_x/m:item", space)] == ["true", None, "2"]


def test_soap_has_it_in_an_envelope() -> None:
    message = sent(http_content_type="soap")
    read = ElementTree.fromstring(message.body)
    assert read.tag == f"{{{SOAP}}}Envelope"
    found = read.find("s:Body/m:message/m:events/m:item/m:id", {"s": SOAP, "m": NAMESPACE})
    assert found is not None
    assert found.text == "30068"
    shown = fields(message, http_content_type="soap")
    assert shown["Content-Type"] == "application/soap+xml; charset=utf-8"


def test_a_get_has_no_body_and_no_type_of_one() -> None:
    message = sent(request_method="GET")
    assert message.body == b""
    assert "Content-Type" not in fields(message, request_method="GET")


@pytest.mark.parametrize(
    ("given", "most"),
    [
        ({}, 100),
        ({"maximum_events": "7"}, 7),
        ({"extra_data": '{"a": 1}'}, 100),
        ({"extra_data": '{"a": "{id}"}'}, 1),
        ({"headers": "X-A: b"}, 100),
        ({"headers": "X-A: {id}"}, 1),
        ({"request_method": "GET"}, 1),
        ({"http_content_type": "custom", "extra_data": "{}"}, 1),
    ],
)
def test_what_names_facts_tells_of_one_event(given: dict[str, str], most: int) -> None:
    assert writer(**given).most == most


def test_the_same_events_have_the_same_key_and_others_have_another() -> None:
    assert sent("/a", "/b").key == sent("/a", "/b").key
    assert sent("/a").key != sent("/a", "/b").key
    message = sent()
    assert fields(message)["Idempotency-Key"] == f'"{message.key}"'


def test_header_fields_are_filled_in_and_stay_one_line() -> None:
    lines = "X-What: {data.path}\nX-Same: {account.name}\nAuthorization: Bearer {id}"
    message = sent("/a\r\nX-Admin: 1\u00e9" + "y" * MAX_HEADER, headers=lines)
    shown = fields(message)
    assert shown["X-What"].startswith(r"/a\r\nX-Admin: 1\xe9y")
    assert len(shown["X-What"]) == MAX_HEADER
    assert "X-Admin" not in shown
    assert shown["X-Same"] == "alice"
    assert shown["Authorization"] == "Bearer 30068"
    basic = fields(message, username="me", password="pw")
    assert basic["Authorization"] == f"Basic {base64.b64encode(b'me:pw').decode()}"


def test_a_message_is_signed_with_every_secret() -> None:
    message = sent()
    shown = fields(message, 1700000000.9, signature_secret=f"{SECRET}, {ENCODED}")
    assert shown["Webhook-Id"] == message.key
    assert shown["Webhook-Timestamp"] == "1700000000"
    signed = f"{message.key}.1700000000.".encode() + message.body
    made = [
        base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        for key in (SECRET.encode(), b"another secret of ours")
    ]
    assert shown["Webhook-Signature"] == f"v1,{made[0]} v1,{made[1]}"
    assert not [name for name in fields(message) if name.startswith("Webhook")]


def test_the_recipe_of_the_guide_tells_what_is_genuine() -> None:
    guide = (ROOT / "docs/guide/webhooks.md").read_text()
    recipe = next(
        text for text in re.findall(r"```python\n(.*?)```", guide, re.S) if "hmac" in text
    )
    world: dict[str, Any] = {}
    exec(recipe, world)
    genuine = world["genuine"]
    message = sent()
    headers = fields(message, 1e9, signature_secret=f"{ENCODED}, {SECRET}")
    assert genuine(headers, message.body, SECRET.encode(), 1e9 + 10)
    assert not genuine(headers, message.body + b" ", SECRET.encode(), 1e9 + 10)
    assert not genuine(headers, message.body, b"another", 1e9 + 10)
    assert not genuine(headers, message.body, SECRET.encode(), 1e9 + 1000)
    assert not genuine({}, message.body, SECRET.encode(), 1e9)
