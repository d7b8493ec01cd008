"""Values with parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.parameters import MAX_PARAMETERS, parse_parameters


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", ("", {})),
        ("text/html", ("text/html", {})),
        (" a ;b=c", ("a", {"b": "c"})),
        ("a ; B=c;d=E\t", ("a", {"b": "c", "d": "E"})),
        ('a;b="c;d=e"', ("a", {"b": "c;d=e"})),
        ('a;b=""', ("a", {"b": ""})),
        (r'a;b="\"\\\n"', ("a", {"b": '"\\\\n'})),
        ('a;b="é日"', ("a", {"b": "é日"})),
        ("a;", ("a", {})),
        ("a;;b=c; ;d=e", ("a", {"b": "c", "d": "e"})),
        ("a;b", None),
        ("a;b=", None),
        ("a;=b", None),
        ("a;b =c", None),
        ("a;b= c", None),
        ('a;b="c', None),
        ('a;b="c\\"', None),
        ('a;b="c"d', None),
        ('a;b="c\n"', None),
        ("a;b=c d", None),
        ("a;b=c;B=d", None),
        ("a;é=b", None),
    ],
)
def test_a_value_may_have_parameters(text: str, meant: tuple[str, dict[str, str]] | None) -> None:
    assert parse_parameters(text) == meant


def test_parameters_have_a_limit() -> None:
    pairs = [f"a{number}=b" for number in range(MAX_PARAMETERS)]
    parsed = parse_parameters(";".join(["x", *pairs]))
    assert parsed is not None
    assert len(parsed[1]) == MAX_PARAMETERS
    assert parse_parameters(";".join(["x", *pairs, "c=d"])) is None


@pytest.mark.fuzz
@given(st.text() | st.text(alphabet='a;="\\ \t'))
def test_any_text_is_read_or_is_malformed(text: str) -> None:
    parsed = parse_parameters(text)
    assert parsed is None or ";" not in parsed[0]


@pytest.mark.fuzz
@given(st.text(st.characters(exclude_categories=("Cc", "Cs"))))
def test_what_is_quoted_comes_back(value: str) -> None:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_parameters(f'a; b="{escaped}"') == ("a", {"b": value})
