"""Listings as a client hears them: MLSD, and LIST in the forms that servers have."""

import stat
from calendar import timegm
from time import gmtime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.ftp.listed import AHEAD, Listed, decoded, parse_list, parse_mlst, parse_mlsx
from mft.wire.ftp.listing import list_lines, mlsd_lines

NOW = timegm((2026, 3, 10, 12, 0, 0))


def at(*when: int) -> int:
    return timegm((*when, 0, 0, 0, 0)[:6])


def listed(line: str, now: float = NOW) -> tuple[str, int, int, int]:
    found = parse_list(line, now)
    assert found is not None
    return found.name, stat.S_IFMT(found.mode), found.size, found.modified


FILE, FOLDER, LINK = stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "-rw-r--r--    1 0        0             124 Jan 31  2024 a b",
            ("a b", FILE, 124, at(2024, 1, 31)),
        ),
        (
            "drwxr-xr-x   2 ftp ftp 4096 Mar  9 23:59 sub",
            ("sub", FOLDER, 4096, at(2026, 3, 9, 23, 59)),
        ),
        ("-rw-r--r--+ 1 u g 0 Mar 10 13:00 ahead", ("ahead", FILE, 0, at(2026, 3, 10, 13))),
        ("-rw-r--r--. 1 u g 0 Dec 31 13:00 last", ("last", FILE, 0, at(2025, 12, 31, 13))),
        ("-rw-r--r-- 1 domain users 12 Mar  1 01:02 x", ("x", FILE, 12, at(2026, 3, 1, 1, 2))),
        ("-rw-r--r-- 1 owner 12 Mar  1 01:02 x", ("x", FILE, 12, at(2026, 3, 1, 1, 2))),
        ("-rw-r--r-- 1 u g 12 2026-03-01 01:02 x", ("x", FILE, 12, at(2026, 3, 1, 1, 2))),
        ("-rw-r--r-- 1 u g 12 Mar  1 01:02  x ", (" x ", FILE, 12, at(2026, 3, 1, 1, 2))),
        ("-rw-r--r-- 1 u g 5 Mar  1 01:02 a -> b", ("a -> b", FILE, 5, at(2026, 3, 1, 1, 2))),
        ("lrwxrwxrwx 1 u g 1 Mar  1 01:02 a -> b", ("a", LINK, 1, at(2026, 3, 1, 1, 2))),
        ("lrwxrwxrwx 1 u g 6 Mar  1 01:02 a -> b -> c", ("a", LINK, 6, at(2026, 3, 1, 1, 2))),
        ("lrwxrwxrwx 1 u g 1 Mar  1 01:02 a -> b -> c", ("a -> b", LINK, 1, at(2026, 3, 1, 1, 2))),
        (
            "crw-rw---- 1 u g 4, 64 Mar  1 01:02 tty",
            ("tty", stat.S_IFCHR, 64, at(2026, 3, 1, 1, 2)),
        ),
        ("01-31-24  11:59PM       <DIR>          a b", ("a b", FOLDER, 0, at(2024, 1, 31, 23, 59))),
        (
            "01-31-2024  12:01AM             1234 x.txt",
            ("x.txt", FILE, 1234, at(2024, 1, 31, 0, 1)),
        ),
        ("01-31-99  12:01PM                  0 x", ("x", FILE, 0, at(1999, 1, 31, 12, 1))),
        ("01-31-24  13:01                  0 x", ("x", FILE, 0, at(2024, 1, 31, 13, 1))),
        (
            "01-31-24  01:01PM       <JUNCTION>     j [c:\\]",
            ("j [c:\\]", FOLDER, 0, at(2024, 1, 31, 13, 1)),
        ),
        ("+i8388621.48594,m825718503,r,s280,\tdjb.html", ("djb.html", FILE, 280, 825718503)),
        ("+i8388621.50690,m824255907,/,\t514", ("514", FOLDER, 0, 824255907)),
    ],
)
def test_a_line_of_list_is_read_as_the_server_means_it(line: str, expected: object) -> None:
    assert listed(line) == expected


@pytest.mark.parametrize("line", ["", "total 8", "Total 12k", "drwxr-xr-x 2 u g 0 Jan 1 2024 ."])
def test_lines_that_name_nothing_are_passed_over(line: str) -> None:
    assert parse_list(line, NOW) is None


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "ls: cannot open directory '.': Permission denied",
        "-rw-r--r-- 1 u g 12 Mar  1 01:02",
        "-rw-r--r-- 1 u g 12 Mar 32 01:02 x",
        "-rw-r--r-- 1 u g 12 Mar  1 25:02 x",
        "-rw-r--r-- 1 u g 12 Xyz  1 01:02 x",
        "-rw-r--r-- 1 u g 99999999999999999999 Mar  1 01:02 x",
        "13-31-24  11:59PM       <DIR>          x",
        "+m1",
        "+mx,r,s1,\tx",
    ],
)
def test_what_cannot_be_read_is_malformed_and_not_lost(line: str) -> None:
    with pytest.raises(Malformed):
        parse_list(line, NOW)


@pytest.mark.parametrize(
    ("now", "year"),
    [
        (at(2026, 3, 10), 2026),
        (at(2026, 3, 1) - AHEAD, 2026),  # its clock, or its zone, is ahead
        (at(2026, 3, 1) - AHEAD - 60, 2025),
        (at(2026, 1, 1), 2025),
        (at(2025, 12, 31, 23), 2025),
    ],
)
def test_a_year_that_is_left_out_is_the_last_that_can_be(now: int, year: int) -> None:
    assert listed("-rw-r--r-- 1 u g 1 Mar  1 00:00 x", now)[3] == at(year, 3, 1)


def test_a_leap_day_without_a_year_was_in_the_last_leap_year() -> None:
    assert listed("-rw-r--r-- 1 u g 1 Feb 29 00:00 x")[3] == at(2024, 2, 29)
    assert listed("-rw-r--r-- 1 u g 1 Feb 29 00:00 x", at(1904, 2, 1))[3] == at(1896, 2, 29)


def test_permissions_are_those_of_the_line() -> None:
    found = parse_list("drwxr-s--T 2 u g 0 Jan 1 2024 x", NOW)
    assert found is not None
    assert found.mode == stat.S_IFDIR | 0o750


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "type=file;size=12;modify=20240131000000;UNIX.mode=0600; a b",
            Listed("a b", FILE | 0o600, 12, at(2024, 1, 31), True, "20240131000000"),
        ),
        (
            "Type=Dir;Modify=20240131000000.123; x",
            Listed("x", FOLDER | 0o755, 0, at(2024, 1, 31), True, "20240131000000.123"),
        ),
        ("type=dir;sizd=4096; x", Listed("x", FOLDER | 0o755, 4096, 0)),
        ("type=OS.unix=slink:/etc;size=3; x", Listed("x", LINK | 0o644, 3, 0)),
        ("type=OS.unix=chr-1/2;size=3; x", Listed("x", stat.S_IFIFO | 0o644, 3, 0)),
        ("size=3;  x=1; y", Listed(" x=1; y", FILE | 0o644, 3, 0)),
    ],
)
def test_facts_are_read(line: str, expected: Listed) -> None:
    assert parse_mlsx(line) == expected


@pytest.mark.parametrize("kind", ["cdir", "pdir", "CDIR"])
def test_the_folder_itself_is_no_entry(kind: str) -> None:
    assert parse_mlsx(f"type={kind};modify=20240131000000; .") is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x",
        "type=file;size=1;",
        "type=file;size=1; ",
        "type=file; x",
        "type=file;size=-1; x",
        "type=file;size=1x; x",
        "type=file;size=1 x",
        "type=file;size=1;modify=yesterday; x",
        "-rw-r--r-- 1 u g 12 Mar  1 01:02 x",
    ],
)
def test_facts_that_cannot_be_read_are_malformed(line: str) -> None:
    with pytest.raises(Malformed):
        parse_mlsx(line)


def test_mlst_is_the_line_that_has_facts() -> None:
    lines = ("Listing /x", " type=file;size=1; /x", "End")
    assert parse_mlst(lines) == Listed("/x", FILE | 0o644, 1, 0)
    assert parse_mlst(("Begin", "type=dir; /", "End")) == Listed("/", FOLDER | 0o755, 0, 0)
    for bad in ((), ("a", "b"), ("a", "b", "c")):
        with pytest.raises(Malformed):
            parse_mlst(bad)


@pytest.mark.fuzz
@given(
    st.text(st.characters(exclude_categories=("C", "Z")), min_size=1).filter(
        lambda name: name.isprintable() and name not in (".", "..")
    ),
    st.integers(0, 1 << 62),
    st.integers(0, timegm((9999, 1, 1, 0, 0, 0))),
)
def test_what_our_server_lists_comes_back(name: str, size: int, modified: int) -> None:
    row = (name, FILE | 0o640, size, modified, 0, 0, 0, 1, 1)
    line = decoded(
        mlsd_lines([row], ["type", "size", "modify", "UNIX.mode"], lambda _: "").strip(b"\r\n")
    )
    found = parse_mlsx(line)
    assert found is not None
    assert (found.name, found.size, found.modified) == (name, size, modified)
    if size < 10**19:
        line = decoded(list_lines([row], NOW, gmtime).strip(b"\r\n"))
        again = parse_list(line, NOW)
        assert again is not None
        assert (again.name, again.size) == (name, size)


@pytest.mark.fuzz
@given(
    st.text(max_size=200)
    | st.lists(
        st.sampled_from(
            (
                *("-rw-r--r-- ", "1 ", "ftp ", "Jan ", "31 ", "12:00 ", "2024 ", "x", " -> ", "l"),
                *("01-31-24  ", "<DIR> ", "type=file;", "size=1;", "+", "\t", "m1,"),
            )
        ),
        max_size=20,
    ).map("".join)
)
def test_any_line_is_an_entry_or_malformed(line: str) -> None:
    for parse in (parse_mlsx, lambda text: parse_list(text, NOW)):
        try:
            found = parse(line)
        except Malformed:
            continue
        assert found is None or found.name


def test_a_long_line_takes_no_long_time() -> None:
    for line in (
        "-rw-r--r-- " + "1 " * 4000,
        "-rw-r--r-- " + "9" * 8000,
        "-rwxrwxrwx" + " " * 8000,
    ):
        with pytest.raises(Malformed):
            parse_list(line, NOW)
