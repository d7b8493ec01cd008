"""Credentials in a field."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.secret import Secret
from mft.wire.http.authorization import MAX_CREDENTIALS, Basic, Token, parse_authorization


def basic(data: bytes) -> str:
    return f"Basic {b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        (basic(b"ann:secret"), Basic("ann", Secret("secret"))),
        (basic(b"ann:se:cr:et"), Basic("ann", Secret("se:cr:et"))),
        (basic(b"ann:"), Basic("ann", Secret(""))),
        (basic(b":x"), Basic("", Secret("x"))),
        (basic("zoë:日".encode()), Basic("zoë", Secret("日"))),
        (basic(b"zo\xeb:x"), Basic("zoë", Secret("x"))),
        (basic(b"a:b").replace("Basic ", "bASIC   "), Basic("a", Secret("b"))),
        ("Session abc-123_x.y~z+/==", Token(Secret("abc-123_x.y~z+/=="))),
        ("SESSION a", Token(Secret("a"))),
        (basic(b"ann"), None),
        (basic(b""), None),
        (basic(b"ann:a\0b"), None),
        (basic(b"an\nn:x"), None),
        (basic(b"ann:\x7f"), None),
        ("Basic YTpi=", None),
        ("Basic YTp", None),
        ("Basic YTpi YTpi", None),
        ("Basic Y-_i", None),
        ("Basic YT=pi", None),
        ("Basic \xe9", None),
        ("Basic", None),
        ("Basic ", None),
        ("Session", None),
        ("Session a b", None),
        ("Session a,b", None),
        ('Session "a"', None),
        ("Session a\n", None),
        ("Bearer abc", None),
        ("Digest abc", None),
        ("YTpi", None),
        ("", None),
    ],
    ids=ascii,
)
def test_a_field_has_a_password_or_a_token_or_is_malformed(
    field: str, meant: Basic | Token | None
) -> None:
    assert parse_authorization(field) == meant


def test_credentials_have_a_limit() -> None:
    assert parse_authorization("Session " + "a" * MAX_CREDENTIALS) is not None
    assert parse_authorization("Session " + "a" * (MAX_CREDENTIALS + 1)) is None


def test_credentials_do_not_show() -> None:
    for field in (basic(b"ann:hidden"), "Session hidden"):
        assert "hidden" not in repr(parse_authorization(field))


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x7f", min_codepoint=0x20))


@pytest.mark.fuzz
@given(TEXT.filter(lambda name: ":" not in name), TEXT)
def test_a_password_comes_back_as_it_was_sent(name: str, password: str) -> None:
    field = basic(f"{name}:{password}".encode())
    if len(field) <= MAX_CREDENTIALS:
        assert parse_authorization(field) == Basic(name, Secret(password))


@pytest.mark.fuzz
@given(st.text() | st.binary().map(basic) | st.text().map(lambda text: f"Basic {text}"))
def test_any_field_is_read_or_malformed(field: str) -> None:
    found = parse_authorization(field)
    assert found is None or isinstance(found, Basic | Token)
