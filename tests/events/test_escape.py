import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.events.escape import visible, visible_json

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
