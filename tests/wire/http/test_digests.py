"""Digests in fields."""

from base64 import b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.digests import (
    MAX_ITEMS,
    old_digest,
    parse_digest,
    parse_old_digest,
    repr_digest,
    wants_old_digest,
    wants_repr_digest,
)

VALUE = sha256(b"abc").digest()
TEXT = b64encode(VALUE).decode()


@pytest.mark.parametrize(
    ("field", "there"),
    [
        (f"sha-256=:{TEXT}:", True),
        (f" sha-256=:{TEXT}: ", True),
        (f"sha-512=:YWJj:, sha-256=:{TEXT}:", True),
        (f"sha-256=:{TEXT}:,md5=:YWJj:", True),
        (f"sha-256=:{TEXT}:;a=1; b", True),
        (f"unixsum=::, sha-256=:{TEXT}:", True),
        ("sha-512=:YWJj:", False),
        ("", False),
        (f"sha-256={TEXT}", False),
        (f'sha-256="{TEXT}"', False),
        (f"SHA-256=:{TEXT}:", False),
        (f"id-sha-256=:{TEXT}:", False),
        (f"sha-256 =:{TEXT}:", False),
        (f"sha-256=:{TEXT}", False),
        (f"sha-256=:{TEXT}:,", False),
        (f"sha-256=:{TEXT}:, sha-256=:{TEXT}:", False),
        (f"sha-256=:{TEXT}:, nonsense", False),
        (f"sha-256=:{TEXT[:-1]}:", False),
        (f"sha-256=:{TEXT}=:", False),
        (f"sha-256=:{TEXT[:-4]}:", False),
        ("sha-256=:YWJj:", False),
        ("sha-256=::", False),
        ("sha-256=:" + TEXT.replace("+", "-").replace("/", "_") + ":x", False),
    ],
)
def test_a_digest_is_found_or_not(field: str, there: bool) -> None:
    assert parse_digest(field) == (VALUE if there else None)


@pytest.mark.parametrize(
    ("field", "there"),
    [
        (f"sha-256={TEXT}", True),
        (f"SHA-256={TEXT}", True),
        (f"MD5=YWJj,SHA-256={TEXT}", True),
        (f"UNIXsum=30637 , sha-256={TEXT}", True),
        (f"sha-256=:{TEXT}:", False),
        (f"sha-256={TEXT},sha-256={TEXT}", False),
        (f"sha-256={TEXT},", False),
        (f"sha256={TEXT}", False),
        ("sha-256=", False),
        ("sha-256", False),
        ("md5=YWJj", False),
        ("", False),
    ],
)
def test_an_old_digest_is_found_or_not(field: str, there: bool) -> None:
    assert parse_old_digest(field) == (VALUE if there else None)


def test_digests_have_a_limit() -> None:
    others = [f"a{number}=:YWJj:" for number in range(MAX_ITEMS - 1)]
    assert parse_digest(", ".join([*others, f"sha-256=:{TEXT}:"])) == VALUE
    assert parse_digest(", ".join([*others, "b=:YWJj:", f"sha-256=:{TEXT}:"])) is None


@pytest.mark.fuzz
@given(st.binary(min_size=32, max_size=32))
def test_a_digest_comes_back_as_it_was_told(value: bytes) -> None:
    assert parse_digest(repr_digest(value)) == value
    assert parse_old_digest(old_digest(value)) == value
    assert parse_old_digest(f"SHA-256={b64encode(value).decode()}") == value


@pytest.mark.fuzz
@given(st.text() | st.text(alphabet="sha-256=:,Y;").map(lambda text: f"sha-256=:{text}"))
def test_any_field_has_32_bytes_or_none(field: str) -> None:
    for found in (parse_digest(field), parse_old_digest(field)):
        assert found is None or len(found) == 32


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("sha-256=1", True),
        ("sha-256=10", True),
        ("SHA-256=1, sha-512=3", True),
        ("sha-512=3,sha-256=5;a=1", True),
        ("sha-256=0", False),
        ("sha-256=11", False),
        ("sha-256", False),
        ("sha-256=0.5", False),
        ("sha-512=3", False),
        ("sha-256=1, sha-256=0", False),
        ("sha-256=1, nonsense", False),
        ("", False),
        ("md5=1," * MAX_ITEMS + "sha-256=1", False),
    ],
)
def test_a_digest_is_wanted_or_not(field: str, wanted: bool) -> None:
    assert wants_repr_digest(field) is wanted


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("sha-256", True),
        ("SHA-256;q=0.3, MD5;q=1", True),
        ("MD5 ; q=0, SHA-256 ; q=1.000", True),
        ("SHA-256;q=0", False),
        ("SHA-256;q=0.000", False),
        ("SHA-256;q=2", False),
        ("SHA-256=1", False),
        ("SHA", False),
        ("", False),
    ],
)
def test_an_old_digest_is_wanted_or_not(field: str, wanted: bool) -> None:
    assert wants_old_digest(field) is wanted
