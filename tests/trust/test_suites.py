"""Words of options to versions and cipher suites."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.trust.suites import (
    SECURE_CIPHERS,
    SECURE_VERSIONS,
    TLS13_CIPHERS,
    Version,
    ciphers,
    versions,
)

NEVER = "!aNULL:!eNULL"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["secure"], SECURE_VERSIONS),
        (["ALL"], tuple(Version)),
        (["tlsv1"], (Version.TLS_1_0,)),
        (["tlsv1.3", " TLSv1.1 "], (Version.TLS_1_1, Version.TLS_1_3)),
        (["tlsv1.2", "secure"], SECURE_VERSIONS),
    ],
)
def test_versions_are_read_by_name_the_oldest_first(
    words: list[str], expected: tuple[Version, ...]
) -> None:
    assert versions(words) == expected


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sslv3"], "names sslv3, which is broken"),
        (["secure", "SSLv2"], "names sslv2, which is broken"),
        (["tlsv2"], 'does not know "tlsv2"; it knows secure, all'),
        ([], "needs a version of TLS"),
    ],
)
def test_other_versions_are_told(words: list[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        versions(words)


def test_secure_stands_for_forward_secrecy_and_authenticated_encryption() -> None:
    older, newer = ciphers("secure")
    assert older.split(":") == [*SECURE_CIPHERS, *NEVER.split(":")]
    assert newer.split(":") == [*TLS13_CIPHERS]
    assert [name for name in SECURE_CIPHERS if not name.startswith("ECDHE-")] == []
    assert [name for name in SECURE_CIPHERS if "GCM" not in name and "POLY" not in name] == []


def test_secure_may_be_one_word_of_several() -> None:
    assert ciphers("Secure, AES128-SHA").older == ":".join((*SECURE_CIPHERS, "AES128-SHA", NEVER))
    assert ciphers("HIGH:!PSK") == (f"HIGH:!PSK:{NEVER}", ":".join(TLS13_CIPHERS))


def test_suites_of_tls_1_3_are_named_like_the_others() -> None:
    chosen = ciphers("TLS_AES_128_GCM_SHA256:AES128-SHA")
    assert chosen == (f"AES128-SHA:{NEVER}", "TLS_AES_128_GCM_SHA256")
    assert ciphers("TLS_AES_128_GCM_SHA256").older == ciphers("secure").older


def test_old_versions_bring_the_old_hash_only_with_ciphers_of_their_own() -> None:
    assert "@SECLEVEL=0" in ciphers("ALL", (Version.TLS_1_0,)).older
    assert "@SECLEVEL" not in ciphers("ALL").older
    assert "@SECLEVEL" not in ciphers("secure", tuple(Version)).older
    assert ciphers("ALL:@SECLEVEL=1", tuple(Version)).older == f"ALL:@SECLEVEL=1:{NEVER}"


@pytest.mark.fuzz
@given(st.text())
def test_any_words_are_read_or_refused_with_a_sentence(text: str) -> None:
    assert ciphers(text).older.endswith(NEVER)
    with suppress(ValueError):
        assert versions(text.split(","))
