"""Content-Disposition, of answers and of parts of forms."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.disposition import MAX_NAME, attachment, parse_disposition


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a.txt", 'attachment; filename="a.txt"'),
        ("a (1) [b] {c}.txt", 'attachment; filename="a (1) [b] {c}.txt"'),
        ("é.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%A9.txt"),
        ('a"b', "attachment; filename=\"a_b\"; filename*=UTF-8''a%22b"),
        ("a\\b", "attachment; filename=\"a_b\"; filename*=UTF-8''a%5Cb"),
        ("100%", "attachment; filename=\"100_\"; filename*=UTF-8''100%25"),
        ("a;b", "attachment; filename=\"a_b\"; filename*=UTF-8''a%3Bb"),
        ("a'b*", "attachment; filename=\"a'b_\"; filename*=UTF-8''a%27b%2A"),
        ("a\r\nX: y", "attachment; filename=\"a__X_ y\"; filename*=UTF-8''a__X%3A%20y"),
        ("../a", 'attachment; filename=".._a"'),
        ("a\u202etxt.exe", 'attachment; filename="a_txt.exe"'),
        ("\udc80\x85", 'attachment; filename="__"'),
        ("", 'attachment; filename="_"'),
        (".", 'attachment; filename="_"'),
        ("..", 'attachment; filename="_"'),
        ("a" * 300, f'attachment; filename="{"a" * MAX_NAME}"'),
    ],
    ids=ascii,
)
def test_a_name_is_told_without_harm(name: str, value: str) -> None:
    assert attachment(name) == value


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ('form-data; name="a"', ("form-data", {"name": "a"})),
        ("Form-Data; NAME=a", ("form-data", {"name": "a"})),
        (
            'form-data; name="a"; filename="b c.txt"',
            ("form-data", {"name": "a", "filename": "b c.txt"}),
        ),
        ('form-data; name=""; filename=""', ("form-data", {"name": "", "filename": ""})),
        (r'form-data; name="a\"b\\c\d"', ("form-data", {"name": r'a"b\c\d'})),
        ('form-data; name="%22%0d%0A%20%25"', ("form-data", {"name": '"\r\n%20%25'})),
        ('form-data; name="日"', ("form-data", {"name": "日"})),
        ('form-data; name="a;b"', ("form-data", {"name": "a;b"})),
        ("attachment", ("attachment", {})),
        ("form-data; name=", None),
        ('form-data; name="a', None),
        ('form-data; name="a"; name="b"', None),
        ('form-data; name="a\r\nb"', None),
        ("form data", None),
        ("", None),
        ('; name="a"', None),
    ],
    ids=ascii,
)
def test_what_a_part_is_called(field: str, meant: tuple[str, dict[str, str]] | None) -> None:
    assert parse_disposition(field) == meant


HARMLESS = re.compile(
    r"attachment; filename=\"([^\"\\%\x00-\x1f\x7f-\uffff]+)\"(?:; filename\*=UTF-8''([!#-~]+))?"
)


@pytest.mark.fuzz
@given(st.text() | st.text(st.characters(categories=("Cs", "Cc", "Cf"))))
def test_any_name_gives_one_harmless_value(name: str) -> None:
    found = HARMLESS.fullmatch(attachment(name))
    assert found is not None
    for told in (found[1], unquote(found[2] or "x", errors="strict")):
        assert told not in ("", ".", "..")
        assert "/" not in told
    assert parse_disposition(attachment(name)) is not None


@pytest.mark.fuzz
@given(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs"), exclude_characters="/"))
)
def test_a_name_without_harm_is_kept(name: str) -> None:
    if name not in ("", ".", "..") and len(name) <= MAX_NAME:
        parsed = parse_disposition(attachment(name))
        assert parsed is not None
        whole = parsed[1].get("filename*", parsed[1]["filename"])
        assert unquote(whole.removeprefix("UTF-8''")) == name


@pytest.mark.fuzz
@given(st.text() | st.text(alphabet='a;="\\% 2').map(lambda text: f"form-data; name={text}"))
def test_any_field_is_read_or_malformed(field: str) -> None:
    parsed = parse_disposition(field)
    assert parsed is None or parsed[0] == parsed[0].lower()
