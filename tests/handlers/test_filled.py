"""Documents that have braces of their own."""

import json

import pytest

from mft.events.escape import json_text
from mft.events.facts import Facts
from mft.events.template import MAX_TEMPLATE
from mft.handlers.filled import Filled
from tests.fakes.occurrences import SERVER, told

FACTS = Facts(SERVER)


def test_names_are_filled_in_and_other_braces_stay() -> None:
    text = '{"text": "{ Account.NAME } sent {data.path}", "rest": {"a": {}, "b": [{"c": 1}]}}'
    filled = Filled(text, FACTS, json_text).render(told('/a"b'))
    assert json.loads(filled) == {
        "text": 'alice sent /a"b',
        "rest": {"a": {}, "b": [{"c": 1}]},
    }


def test_values_are_filled_in_once() -> None:
    assert Filled("<{data.path}>", FACTS, str).render(told("{account.name}")) == "<{account.name}>"


def test_a_name_of_no_fact_is_refused() -> None:
    with pytest.raises(ValueError, match=r'did you mean "account\.name"'):
        Filled('{"a": "{acount.name}"}', FACTS, json_text)


def test_a_document_has_a_limit() -> None:
    with pytest.raises(ValueError, match="longer than"):
        Filled("x" * (MAX_TEMPLATE + 1), FACTS, json_text)


def test_it_is_known_whether_anything_is_filled_in() -> None:
    assert Filled("a {id} b", FACTS, str).varies
    assert not Filled('{"a": {}}', FACTS, str).varies
    assert Filled("a {id} b", FACTS, str).sample("0") == "a 0 b"
