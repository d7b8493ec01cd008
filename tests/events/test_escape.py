import json
import re
import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.events.escape import header_value, visible, visible_json, xml_text

NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").match
ANY_TEXT = st.text(st.characters(codec=None), max_size=60)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä 日本", "plain ä 日本"),
        ("a\nb", r"a\nb"),
        ("a\r\tb", r"a\r\tb"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b", r"\x9b"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\u2028", r"\u2028"),
        ("\udcff", r"\udcff"),
        ("no-break\xa0space", "no-break\xa0space"),
    ],
)
def test_hostile_characters_are_shown(text, shown):
    assert visible(text) == shown


@pytest.mark.fuzz
@given(ANY_TEXT)
@settings(max_examples=200, deadline=None)
def test_no_character_of_any_text_moves_or_breaks_a_line(text):
    for shown in (visible(text), visible_json(json.dumps(text, ensure_ascii=False))):
        assert len(shown.splitlines()) <= 1
        assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in shown)
        assert not any(unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "RLI") for c in shown)
        shown.encode()


@pytest.mark.fuzz
@given(ANY_TEXT)
@settings(max_examples=100, deadline=None)
def test_json_keeps_its_value(text):
    assert json.loads(visible_json(json.dumps(text, ensure_ascii=False))) == text


@pytest.mark.fuzz
@given(ANY_TEXT)
@settings(max_examples=100, deadline=None)
def test_xml_keeps_what_it_can_hold(text):
    shown = xml_text(text)
    read = ElementTree.fromstring(f'<a b="{shown}">{shown}</a>')
    assert read.get("b") == (read.text or "")
    held = "".join("\ufffd" if NOT_IN_XML(one) else one for one in text)
    assert read.text == (held or None)


@pytest.mark.fuzz
@given(ANY_TEXT)
@settings(max_examples=100, deadline=None)
def test_a_header_field_is_one_line_of_ascii(text):
    assert header_value(text).isascii()
    assert header_value(text).isprintable()
