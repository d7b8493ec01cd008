"""Base64 in one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.base64 import decode_base64, encode_base64


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b""),
        ("YQ==", b"a"),
        ("YWI=", b"ab"),
        ("YWJj", b"abc"),
        ("+/+/", b"\xfb\xff\xbf"),
        ("YQ", None),
        ("YQ=", None),
        ("YQ===", None),
        ("YWJj=", None),
        ("YWJj====", None),
        ("YR==", None),
        ("=YQ=", None),
        ("YQ==YQ==", None),
        ("YWJj\n", None),
        ("YW Jj", None),
        ("-_-_", None),
        ("é", None),
    ],
    ids=ascii,
)
def test_bytes_have_one_text(text: str, data: bytes | None) -> None:
    assert decode_base64(text) == data


@pytest.mark.fuzz
@given(st.binary())
def test_bytes_come_back(data: bytes) -> None:
    assert decode_base64(encode_base64(data)) == data


@pytest.mark.fuzz
@given(st.text() | st.text(alphabet="YQ=+/"))
def test_any_text_is_read_or_is_malformed(text: str) -> None:
    data = decode_base64(text)
    assert data is None or encode_base64(data) == text
