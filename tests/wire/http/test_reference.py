"""References of servers: where they lead, and what leads nowhere."""

from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.http.reference import (
    MAX_REFERENCE,
    Reference,
    Site,
    parse_reference,
    parse_segments,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a/b?c=1#d", Reference(None, "/a/b", "?c=1")),
        ("https://Host.example.com", Reference(Site("https", "host.example.com", 443), "/", "")),
        ("http://host:81/a", Reference(Site("http", "host", 81), "/a", "")),
        ("https://[2001:db8::1]/a", Reference(Site("https", "2001:db8::1", 443), "/a", "")),
        ("HTTPS://host?x", Reference(Site("https", "host", 443), "/", "?x")),
        ("/a b", Reference(None, "/a b", "")),
    ],
)
def test_a_reference_is_a_url_or_a_path(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "a",
            "../a",
            "?x",
            "#x",
            "//host/a",
            "ftp://host/",
            "http:/a",
            "http://",
            "http:///a",
        ),
        *("https://me@host/", "https://host:0/", "https://host:99999/", "https://host\\@evil/"),
        *("/a\r\nb", "/a\x00", "/a\\b", "/" + "a" * MAX_REFERENCE, "https://ho st/"),
    ],
)
def test_what_leads_nowhere_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_reference(text)


@pytest.mark.parametrize(
    ("site", "text"),
    [
        (Site("https", "host", 443), "https://host"),
        (Site("http", "host", 443), "http://host:443"),
        (Site("https", "2001:db8::1", 8443), "https://[2001:db8::1]:8443"),
    ],
)
def test_a_site_is_written_without_its_usual_port(site: Site, text: str) -> None:
    assert str(site) == text
    assert parse_reference(text).site == site


@pytest.mark.parametrize(
    ("path", "names", "folder"),
    [
        ("/", (), True),
        ("/a", ("a",), False),
        ("/a/b/", ("a", "b"), True),
        ("/a%20b/%C3%BC", ("a b", "ü"), False),
        ("/%FF", ("\udcff",), False),
        ("/100%", ("100%",), False),
    ],
)
def test_names_are_decoded_once(path: str, names: tuple[str, ...], folder: bool) -> None:
    assert parse_segments(path) == (names, folder)


@pytest.mark.parametrize(
    "path", ["//", "/a//b", "/.", "/..", "/a/../b", "/%2e%2E/", "/a%2Fb", "/%2e%2e%2fa", "/a%00"]
)
def test_names_that_climb_are_malformed(path: str) -> None:
    with pytest.raises(Malformed):
        parse_segments(path)


@pytest.mark.fuzz
@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_malformed(text: str) -> None:
    with suppress(Malformed):
        found = parse_reference(text)
        parse_segments(found.path)


@pytest.mark.fuzz
@given(st.lists(st.text(min_size=1, max_size=9).filter(lambda one: one not in (".", ".."))))
def test_what_is_escaped_comes_back(names: list[str]) -> None:
    kept = [name.replace("/", "-").replace("\0", "-") for name in names]
    kept = [name for name in kept if name.isprintable()]
    path = "/" + "/".join(quote(name, safe="") for name in kept)
    assert parse_segments(path) == (tuple(kept), not kept)
