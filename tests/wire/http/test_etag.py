"""Entity tags and conditions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.etag import matches_strongly, matches_weakly, strong


def test_a_tag_is_made_of_parts() -> None:
    assert strong(255, "a-b.c", 0) == '"ff:a-b.c:0"'
    assert strong('"é:\n') == '"%22%C3%A9%3A%0A"'
    assert strong("a", "b") != strong("a:b")
    assert strong() == '""'


@pytest.mark.parametrize(
    ("field", "strongly", "weakly"),
    [
        ('"a"', True, True),
        (' "a" ', True, True),
        ('"b", "a"', True, True),
        ('"b","a","c"', True, True),
        (', "b",, "a" ,', True, True),
        ('"x,y", "a"', True, True),
        ("*", True, True),
        (" * ", True, True),
        ('W/"a"', False, True),
        ('W/"b", W/"a"', False, True),
        ('w/"a"', False, False),
        ('"A"', False, False),
        ('"b"', False, False),
        ('""', False, False),
        ("", False, False),
        (",", False, False),
        ("a", False, False),
        ('"a', False, False),
        ('"a" "b"', False, False),
        ('"a", b', False, False),
        ('"a", *', False, False),
        ('*, "a"', False, False),
        ('"a";q=1', False, False),
        ('W/ "a"', False, False),
        ('"a\n"', False, False),
    ],
)
def test_conditions_are_compared_strongly_or_weakly(
    field: str, strongly: bool, weakly: bool
) -> None:
    assert matches_strongly(field, '"a"') is strongly
    assert matches_weakly(field, '"a"') is weakly


def test_a_weak_tag_of_ours_never_matches_strongly() -> None:
    assert not matches_strongly('W/"a"', 'W/"a"')
    assert not matches_strongly('"a"', 'W/"a"')
    assert matches_weakly('"a"', 'W/"a"')
    assert matches_strongly("*", 'W/"a"')


def test_what_is_not_there_matches_nothing() -> None:
    for field in ("*", '"a"'):
        assert not matches_strongly(field, None)
        assert not matches_weakly(field, None)


def test_a_long_list_is_read_at_once() -> None:
    assert matches_strongly(", ".join(['"b"'] * 5000) + ', "a"', '"a"')
    assert not matches_strongly('"b", ' * 5000 + '"', '"a"')
    assert not matches_strongly(", " * 10000, '"a"')


@pytest.mark.fuzz
@given(st.lists(st.integers() | st.text(), max_size=4))
def test_a_tag_matches_itself(parts: list[int | str]) -> None:
    tag = strong(*parts)
    assert matches_strongly(tag, tag)
    assert matches_weakly(f"W/{tag}", tag)


@pytest.mark.fuzz
@given(st.text() | st.text(alphabet='W/"a, *'))
def test_any_field_is_compared(field: str) -> None:
    assert not matches_strongly(field, '"a"') or matches_weakly(field, '"a"')
