"""Times, permission bits, and the commands that set them."""

from calendar import timegm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.ftp.facts import (
    CHANGEABLE,
    UnknownFact,
    Utime,
    format_time,
    parse_chmod,
    parse_copy,
    parse_mdtm_set,
    parse_mff,
    parse_mfmt,
    parse_mode,
    parse_passwords,
    parse_time,
    parse_utime,
)

WHEN = timegm((2024, 1, 31, 23, 59, 58))
TEXT = "20240131235958"
YEAR_1, YEAR_9999 = -62135596800, 253402300799


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (TEXT, WHEN),
        (f"{TEXT}.5", WHEN),
        (f"{TEXT}.123456789", WHEN),
        ("19700101000000", 0),
        ("19691231235959", -1),
        ("00010101000000", YEAR_1),
        ("99991231235959", YEAR_9999),
        ("20240229000000", timegm((2024, 2, 29, 0, 0, 0))),
        ("20161231235960", timegm((2017, 1, 1, 0, 0, 0))),
    ],
)
def test_a_time_is_fourteen_digits_in_utc(text: str, seconds: int) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024013123595",
        "202401312359580",
        "191240131235958",
        f"{TEXT}.",
        f"{TEXT}.1234567890",
        f"{TEXT} ",
        f"+{TEXT[1:]}",
        "20230229000000",
        "20240001000000",
        "20241301000000",
        "20240132000000",
        "00000101000000",
        "20240131240000",
        "20240131236000",
        "20240131235961",
        "\uff120240131235958",
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(Malformed):
        parse_time(text)


def test_times_out_of_reach_are_clamped() -> None:
    assert format_time(YEAR_1 - 1) == "00010101000000"
    assert format_time(YEAR_9999 + 1) == "99991231235959"
    assert format_time(1 << 63) == "99991231235959"


@pytest.mark.fuzz
@given(st.integers(YEAR_1, YEAR_9999))
def test_a_time_comes_back_as_it_was(seconds: int) -> None:
    assert parse_time(format_time(seconds)) == seconds


def test_mfmt_is_a_time_and_a_path() -> None:
    assert parse_mfmt(f"{TEXT} a b") == (WHEN, "a b")
    assert parse_mfmt(f"{TEXT}.25  a ") == (WHEN, " a ")
    for argument in ("", TEXT, f"{TEXT} ", "a", f"a {TEXT}"):
        with pytest.raises(Malformed):
            parse_mfmt(argument)


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        (f"{TEXT} a b", (WHEN, "a b")),
        (f"{TEXT}.5 a", (WHEN, "a")),
        ("a.txt", None),
        (TEXT, None),
        (f"{TEXT} ", None),
        ("20249931235958 a", None),
        (f"{TEXT}x a", None),
    ],
)
def test_mdtm_sets_when_a_time_comes_before_a_path(argument: str, meant: object) -> None:
    assert parse_mdtm_set(argument) == meant


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        (f"modify={TEXT}; a b", ({"modify": TEXT}, "a b")),
        (f"MODIFY={TEXT};unix.Mode=0644; a", ({"modify": TEXT, "UNIX.mode": "0644"}, "a")),
        ("UNIX.mode=755;  a;b=c; ", ({"UNIX.mode": "755"}, " a;b=c; ")),
    ],
)
def test_mff_is_facts_and_a_path(argument: str, meant: object) -> None:
    assert parse_mff(argument) == meant


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "a",
        "; a",
        f"modify={TEXT} a",
        f"modify={TEXT};",
        f"modify={TEXT}; ",
        f"modify={TEXT};x a",
        f"x;modify={TEXT}; a",
        f"modify={TEXT};Modify={TEXT}; a",
        "modify=; a",
        "modify=yesterday; a",
        "UNIX.mode=999; a",
        "=1; a",
        "modify==1; a",
    ],
)
def test_anything_else_is_no_mff(argument: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_mff(argument)
    assert not isinstance(caught.value, UnknownFact)


def test_facts_that_cannot_be_set_are_told_apart() -> None:
    for fact in ("create", "size", "perm"):
        assert fact not in CHANGEABLE
        with pytest.raises(UnknownFact):
            parse_mff(f"{fact}=1; a")


def test_chmod_is_octal_digits_and_a_path() -> None:
    assert parse_chmod("644 a b") == (0o644, "a b")
    assert parse_chmod("4755  a") == (0o4755, " a")
    assert parse_mode("0000") == 0
    for argument in ("", "644", "644 ", "64 a", "06440 a", "888 a", "-44 a", "u+x a", "\uff1644 a"):
        with pytest.raises(Malformed):
            parse_chmod(argument)


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        ("202401312359 a b", Utime("a b", WHEN - 58)),
        (f"{TEXT} a", Utime("a", WHEN)),
        (f"a b 20240101000000 {TEXT} 19700101000000 UTC", Utime("a b", WHEN, 1704067200)),
        (f"a 20240101000000 {TEXT} 19700101000000 utc", Utime("a", WHEN, 1704067200)),
        (f"{TEXT} a 20240101000000 UTC", Utime("a 20240101000000 UTC", WHEN)),
    ],
)
def test_utime_has_two_forms(argument: str, meant: Utime) -> None:
    assert parse_utime(argument) == meant


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "a",
        TEXT,
        f"{TEXT} ",
        "2024013123595 a",
        "202413312359 a",
        f"a {TEXT} {TEXT} 20249931235958 UTC",
        f"a {TEXT} {TEXT} UTC",
    ],
)
def test_anything_else_is_no_utime(argument: str) -> None:
    with pytest.raises(Malformed):
        parse_utime(argument)


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        ("old new", ("old", "new")),
        ('"my old" "my new"', ("my old", "my new")),
        ('"my old" new', ("my old", "new")),
        ('old "say ""new"""', ("old", 'say "new"')),
        ('o"ld n"ew"', ('o"ld', 'n"ew"')),
        ('"" ""', ("", "")),
        ('"""" x', ('"', "x")),
    ],
)
def test_two_passwords_are_words_or_stand_in_quotes(argument: str, meant: object) -> None:
    assert parse_passwords(argument) == meant


@pytest.mark.parametrize(
    "argument", ["", "old", "old ", " new", "a b c", "a  b", '"a b', '"a"b c', '"a" "b', '"a""b"']
)
def test_anything_else_is_no_two_passwords(argument: str) -> None:
    with pytest.raises(Malformed):
        parse_passwords(argument)


def test_two_paths_are_read_alike_and_are_not_empty() -> None:
    assert parse_copy('"a b" c') == ("a b", "c")
    for argument in ("a", '"" b', 'a ""'):
        with pytest.raises(Malformed):
            parse_copy(argument)


@pytest.mark.fuzz
@given(st.text(), st.text())
def test_two_words_in_quotes_come_back(old: str, new: str) -> None:
    argument = " ".join('"' + one.replace('"', '""') + '"' for one in (old, new))
    assert parse_passwords(argument) == (old, new)


@pytest.mark.fuzz
@given(
    st.text()
    | st.lists(st.sampled_from(['"', " ", "1", "a", ";", "=", "modify", TEXT, "UTC"])).map("".join),
    st.sampled_from(
        [parse_mff, parse_mfmt, parse_utime, parse_chmod, parse_passwords, parse_copy, parse_time]
    ),
)
def test_any_text_is_a_value_or_malformed(text: str, parse) -> None:
    parse_mdtm_set(text)
    try:
        parse(text)
    except Malformed:
        return
