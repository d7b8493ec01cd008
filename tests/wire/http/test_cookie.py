"""Cookies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.cookie import cookie, set_cookie


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sid=abc", "abc"),
        ("a=b; sid=abc; c=d", "abc"),
        ("a=b;sid=abc;", "abc"),
        ("sid=a=b==", "a=b=="),
        ("sid=", ""),
        ("sid=abc; SID=x; xsid=y; sid2=z", "abc"),
        ("x=sid=1; sid=2", "2"),
        (None, None),
        ("", None),
        ("SID=abc", None),
        ("sid", ""),
        ("sid=a; sid=b", None),
        ("sid=a; sid=a", None),
        ("sid=a; sid", None),
        ("sid=a, sid=b", None),
        ('sid="abc"', None),
        ("sid=a b", None),
        ("sid=é", None),
        ("sid =abc", None),
        ("sid= abc", None),
        ("sid=a\\b", None),
    ],
)
def test_a_cookie_is_found_by_its_exact_name(field: str | None, value: str | None) -> None:
    assert cookie(field, "sid") == value


def test_a_cookie_is_set_out_of_reach_of_scripts() -> None:
    assert set_cookie("sid", "abc", secure=True) == (
        "sid=abc; Path=/; HttpOnly; SameSite=Strict; Secure"
    )
    assert set_cookie("sid", "", secure=False, max_age=0, same_site="Lax", path="/files") == (
        "sid=; Path=/files; HttpOnly; SameSite=Lax; Max-Age=0"
    )
    assert "SameSite=None" in set_cookie("sid", "a", secure=True, same_site="None")


@pytest.mark.parametrize(
    ("name", "value", "path", "same_site"),
    [
        ("", "a", "/", "Strict"),
        ("a b", "a", "/", "Strict"),
        ("a=b", "a", "/", "Strict"),
        ("a;b", "a", "/", "Strict"),
        ("a\r\nb", "a", "/", "Strict"),
        ("sid", "a;b", "/", "Strict"),
        ("sid", "a,b", "/", "Strict"),
        ("sid", 'a"b', "/", "Strict"),
        ("sid", "a b", "/", "Strict"),
        ("sid", "a\\b", "/", "Strict"),
        ("sid", "a\r\nX: y", "/", "Strict"),
        ("sid", "é", "/", "Strict"),
        ("sid", "a", "", "Strict"),
        ("sid", "a", "a", "Strict"),
        ("sid", "a", "/;b", "Strict"),
        ("sid", "a", "/\n", "Strict"),
        ("sid", "a", "/é", "Strict"),
        ("sid", "a", "/", "strict"),
        ("sid", "a", "/", "Lax; Domain=a"),
        ("sid", "a", "/", "None"),
    ],
    ids=ascii,
)
def test_a_cookie_that_would_say_more_is_not_set(
    name: str, value: str, path: str, same_site: str
) -> None:
    with pytest.raises(ValueError):
        set_cookie(name, value, secure=False, same_site=same_site, path=path)


@pytest.mark.fuzz
@given(st.text() | st.text(alphabet="sid=; ,"))
def test_any_field_has_a_value_or_none(field: str) -> None:
    found = cookie(field, "sid")
    assert found is None or ";" not in found


@pytest.mark.fuzz
@given(st.text() | st.from_regex(r"[!-~]*", fullmatch=True))
def test_a_cookie_comes_back_as_it_was_set(value: str) -> None:
    try:
        line = set_cookie("sid", value, secure=True)
    except ValueError:
        return
    assert cookie(line.partition(";")[0], "sid") == value
