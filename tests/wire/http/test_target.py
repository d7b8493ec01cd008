"""Targets of requests: decoded once, never normalised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.head import MAX_TARGET, BadRequest
from mft.wire.http.target import MAX_QUERY, Target, parse_query, parse_target, quote_path


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("/", Target((), True)),
        ("/a", Target(("a",), False)),
        ("/a/", Target(("a",), True)),
        ("/a/b.txt", Target(("a", "b.txt"), False)),
        ("/a%20b/%C3%A9%e6%97%a5", Target(("a b", "é日"), False)),
        ("/a+b;c=d:e@f!$&'()*,~", Target(("a+b;c=d:e@f!$&'()*,~",), False)),
        ("/...", Target(("...",), False)),
        ("/.a/..b", Target((".a", "..b"), False)),
        ("/%5C%3F%23%25", Target(("\\?#%",), False)),
        ("/%2541", Target(("%41",), False)),  # decoded once
        ("/%252F", Target(("%2F",), False)),
        ("/%252e%252e", Target(("%2e%2e",), False)),
        ("/a?", Target(("a",), False)),
        ("/a?b=c&d", Target(("a",), False, (("b", "c"), ("d", "")))),
        ("/?a=b=c&a=+%2B%2F&&=e", Target((), True, (("a", "b=c"), ("a", " +/"), ("", "e")))),
        ("/a?b/../c?d", Target(("a",), False, (("b/../c?d", ""),))),
        ("http://a.example", Target((), True, (), "a.example")),
        ("http://a.example/", Target((), True, (), "a.example")),
        ("HTTPS://[::1]:8443/a?b=c", Target(("a",), False, (("b", "c"),), "[::1]:8443")),
        ("http://a?b=c", Target((), True, (("b", "c"),), "a")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_target_is_names_and_pairs(text: str, meant: Target) -> None:
    assert parse_target(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "a",
        "a.example:443",
        "ftp://a/",
        "http:///a",
        "http://",
        "http:/a",
        "http://user@a/",
        "http://user:password@a/",
        "http://a:b/",
        "http://a\\b/",
        "http://a#b",
        "//a",
        "/a//b",
        "/a//",
        "/.",
        "/..",
        "/./a",
        "/../a",
        "/a/..",
        "/a/../",
        "/a/%2e%2E/b",
        "/%2e",
        "/.%2e/",
        "/%",
        "/%4",
        "/%4g",
        "/%%41",
        "/%u0041",
        "/a%00b",
        "/%0d%0a",
        "/%1F",
        "/%7f",
        "/a%2Fb",
        "/a%2fb",
        "/a\\b",
        "/..\\a",
        "/%FF",
        "/%C3",
        "/%C0%AF",  # a slash that is too long
        "/%C0%80",
        "/%ED%A0%80",  # half of a character
        "/%F4%90%80%80",
        "/a#b",
        "/a b",
        "/a\tb",
        "/a\n",
        "/é",
        "/\udc80",
        "/a?b=%",
        "/a?b=%zz",
        "/a?b=%FF",
        "/a?%00=b",
        "/a?b=%0A",
        "/a?b#c",
    ],
    ids=ascii,
)
def test_what_a_proxy_may_read_otherwise_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_target(text)
    assert refused.value.status == 400


def test_a_target_has_a_limit() -> None:
    assert parse_target("/" + "a" * (MAX_TARGET - 1)).segments == ("a" * (MAX_TARGET - 1),)
    with pytest.raises(BadRequest) as refused:
        parse_target("/" + "a" * MAX_TARGET)
    assert refused.value.status == 414


def test_a_query_has_a_limit() -> None:
    assert len(parse_query("&".join(["a=b"] * MAX_QUERY))) == MAX_QUERY
    with pytest.raises(BadRequest):
        parse_query("&".join(["a=b"] * (MAX_QUERY + 1)))
    with pytest.raises(BadRequest):
        parse_query("&" * MAX_QUERY)


def test_a_form_may_hold_characters_that_are_not_escaped() -> None:
    assert parse_query("name=é") == (("name", "é"),)
    for text in ("a=\n", "a=\0", "a=\udc80"):
        with pytest.raises(BadRequest):
            parse_query(text)


def test_the_first_value_of_a_name_is_found() -> None:
    target = parse_target("/?a=1&b=2&a=3")
    assert (target.one("a"), target.one("b"), target.one("c")) == ("1", "2", None)


def test_a_path_is_quoted() -> None:
    assert quote_path((), True) == "/"
    assert quote_path((), False) == "/"
    assert quote_path(("a b", "é/%'\"<&>"), False) == "/a%20b/%C3%A9%2F%25%27%22%3C%26%3E"
    assert quote_path(("a",), True) == "/a/"
    assert quote_path(("\udc80",), False) == "/%ED%B2%80"


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\x7f", min_codepoint=0x20), min_size=1
).filter(lambda name: name not in (".", ".."))


@pytest.mark.fuzz
@given(st.lists(NAMES, max_size=5), st.booleans())
def test_a_path_comes_back_as_it_was_quoted(names: list[str], folder: bool) -> None:
    path = quote_path(names, folder)
    if len(path) <= MAX_TARGET:
        assert parse_target(path) == Target(tuple(names), folder or not names)


@pytest.mark.fuzz
@given(
    st.text()
    | st.lists(
        st.sampled_from(
            ["/", "%", "2e", "%2f", ".", "a", "?", "&", "=", "%C3", "%A9", "http://", ":"]
        )
    ).map(lambda parts: "/" + "".join(parts))
)
def test_any_text_gives_a_target_or_a_refusal(text: str) -> None:
    try:
        target = parse_target(text)
    except BadRequest:
        return
    for name in target.segments:
        assert name not in ("", ".", "..")
        assert "/" not in name
        assert not any(ord(character) < 0x20 or ord(character) == 0x7F for character in name)
        name.encode()
