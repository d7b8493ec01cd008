"""Whether a request may come from a page that its browser shows."""

import pytest

from mft.protocols.http.same_origin import SAFE, other_origin
from mft.wire.http.head import Fields, Head

HOST = "files.example.com"


def why(
    *fields: tuple[str, str],
    method: str = "POST",
    host: str | None = HOST,
    accepted: tuple[str, ...] = (),
    ambient: bool = True,
) -> str | None:
    """Why such a request is refused."""
    own = () if host is None else (("Host", host),)
    head = Head(method, "/home/", 1 if host else 0, Fields((*own, *fields)))
    return other_origin(head, accepted, ambient=ambient)


@pytest.mark.parametrize("method", sorted(SAFE))
def test_looking_is_allowed_from_anywhere(method: str) -> None:
    assert why(("Origin", "https://evil.example.com"), method=method) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "MOVE", "BREW"])
def test_changing_is_not(method: str) -> None:
    told = why(("Origin", "https://evil.example.com"), method=method, ambient=False)
    assert told == "Origin is not this server"


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://files.example.com", HOST),
        ("http://files.example.com", HOST),
        ("https://FILES.example.com", "files.EXAMPLE.com"),
        ("https://files.example.com:443", HOST),
        ("http://files.example.com:80", HOST),
        ("https://files.example.com:8443", "files.example.com:8443"),
        ("https://192.0.2.1", "192.0.2.1"),
        ("https://[2001:db8::1]:8443", "[2001:db8::1]:8443"),
        ("https://[2001:db8::1]", "[2001:DB8::1]"),
    ],
)
def test_a_page_of_this_host_may_change_things(origin: str, host: str) -> None:
    assert why(("Origin", origin), host=host) is None
    assert why(("Referer", f"{origin}/home/?a=b"), host=host) is None


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://",
        "files.example.com",
        "https://evil.example.com",
        "https://files.example.com.evil.example.com",
        "https://files.example.com@evil.example.com",
        "https://evil.example.com/files.example.com",
        "https://files.example.com:8443",
        "http://files.example.com:443",
        "https://files.example.com:99999",
        "https://files.example.com:port",
        "https://[files.example.com",
        "ftp://files.example.com",
        "javascript://files.example.com",
        "https://files.example.com, https://evil.example.com",
    ],
)
def test_a_page_of_another_may_not(origin: str) -> None:
    assert why(("Origin", origin)) == "Origin is not this server"
    assert why(("Referer", origin), ambient=False) == "Referer is not this server"


def test_where_a_host_is_not_told_no_page_is_of_it() -> None:
    for origin in ("null", "", "https://files.example.com"):
        assert why(("Origin", origin), host=None) == "Origin is not this server"


def test_origin_counts_before_referer_and_that_before_the_site() -> None:
    ours, other = f"https://{HOST}", "https://evil.example.com"
    cross = ("Sec-Fetch-Site", "cross-site")
    assert why(("Origin", ours), ("Referer", other), cross) is None
    assert why(("Origin", other), ("Referer", ours)) is not None
    assert why(("Referer", ours), cross) is None
    assert why(("Referer", other), ("Sec-Fetch-Site", "same-origin")) is not None


@pytest.mark.parametrize(
    ("site", "refused"),
    [
        ("same-origin", False),
        ("Same-Origin", False),
        ("none", False),
        ("same-site", True),
        ("cross-site", True),
        ("", True),
    ],
)
def test_the_site_counts_where_nothing_else_is_told(site: str, refused: bool) -> None:
    expected = "it is from another site" if refused else None
    assert why(("Sec-Fetch-Site", site)) == expected
    assert why(("Sec-Fetch-Site", site), ambient=False) == expected


def test_who_tells_nothing_must_show_credentials_of_its_own() -> None:
    assert why(ambient=True) == "it does not say where it is from"
    assert why(ambient=False) is None


def test_accepted_hosts_stand_for_that_of_the_request() -> None:
    accepted = ("public.example.com", "Other.example.com:8443")
    for origin in ("https://public.example.com", "https://other.example.com:8443"):
        assert why(("Origin", origin), accepted=accepted) is None
    for origin in (f"https://{HOST}", "https://other.example.com"):
        assert why(("Origin", origin), accepted=accepted) is not None
