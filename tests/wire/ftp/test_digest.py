"""HASH, RANG and the X commands of checksums."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.ftp.command import MAX_NUMBER
from mft.wire.ftp.digest import (
    ALGORITHMS,
    BY_VERB,
    DEFAULT_ALGORITHM,
    Range,
    feature_text,
    hash_text,
    parse_algorithm,
    parse_rang,
    parse_range,
)


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        ("a.txt", Range("a.txt")),
        ("a b.txt", Range("a b.txt")),
        ("a b.txt 5", Range("a b.txt", 5)),
        ("a b.txt 5 10", Range("a b.txt", 5, 10)),
        ("a 5 5", Range("a", 5, 5)),
        ("1 2 3 4", Range("1 2", 3, 4)),
        ("2024", Range("2024")),
        ("a -5", Range("a -5")),
        ("a \u0665", Range("a \u0665")),
        ('"report 2024"', Range("report 2024")),
        ('"report 2024" 1', Range("report 2024", 1)),
        ('"say ""hi""" 1 2', Range('say "hi"', 1, 2)),
        ('"half', Range('"half')),
        ('"a"b', Range('"a"b')),
        (" a ", Range(" a ")),
        (f"a {MAX_NUMBER}", Range("a", MAX_NUMBER)),
    ],
)
def test_a_range_is_a_path_and_perhaps_two_numbers(argument: str, meant: Range) -> None:
    assert parse_range(argument) == meant


@pytest.mark.parametrize(
    "argument", ["", '""', '"" 1', "a 5 4", f"a {MAX_NUMBER + 1}", "a " + "9" * 5000]
)
def test_anything_else_is_no_range(argument: str) -> None:
    with pytest.raises(Malformed):
        parse_range(argument)


def test_rang_names_its_last_byte() -> None:
    assert parse_rang("0 0") == (0, 1)
    assert parse_rang("100 199") == (100, 200)
    assert parse_rang(f"0 {MAX_NUMBER - 1}") == (0, MAX_NUMBER)
    assert parse_rang("1 0") is None


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "1",
        "2 1",
        "0 -1",
        "-1 0",
        "+1 2",
        "1  2",
        "1 2 3",
        "1 2 ",
        f"0 {MAX_NUMBER}",
        "1 \u0662",
    ],
)
def test_anything_else_is_no_rang(argument: str) -> None:
    with pytest.raises(Malformed):
        parse_rang(argument)


def test_algorithms_are_named_in_any_case() -> None:
    assert parse_algorithm("sha-256") == "SHA-256"
    assert parse_algorithm("CRC32") == "CRC32"
    for text in ("SHA256", "", "SHA-3", "sha-256 "):
        with pytest.raises(Malformed):
            parse_algorithm(text)


def test_every_command_of_a_checksum_has_a_known_algorithm() -> None:
    assert set(BY_VERB.values()) == set(ALGORITHMS)
    assert DEFAULT_ALGORITHM == "SHA-256"


def test_the_feature_shows_which_algorithm_is_chosen() -> None:
    assert feature_text() == "HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32"
    assert feature_text("MD5") == "HASH SHA-256;SHA-512;SHA-1;MD5*;CRC32"


def test_a_hash_is_told_with_its_algorithm_range_and_path() -> None:
    assert hash_text("CRC32", 0, 49, "cafe0123", "/a b") == "CRC32 0-49 cafe0123 /a b"


@pytest.mark.fuzz
@given(st.text(min_size=1), st.integers(0, MAX_NUMBER), st.integers(0, 9))
def test_a_quoted_path_with_a_range_comes_back(path: str, start: int, more: int) -> None:
    end = min(start + more, MAX_NUMBER)
    quoted = '"' + path.replace('"', '""') + '"'
    assert parse_range(f"{quoted} {start} {end}") == Range(path, start, end)


@pytest.mark.fuzz
@given(
    st.text() | st.lists(st.sampled_from(['"', " ", "1", "a", "-"])).map("".join),
    st.sampled_from([parse_range, parse_rang, parse_algorithm]),
)
def test_any_text_is_a_value_or_malformed(text: str, parse) -> None:
    try:
        parse(text)
    except Malformed:
        return
