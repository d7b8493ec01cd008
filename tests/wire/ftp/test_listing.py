"""LIST, NLST, MLST and MLSD."""

from calendar import timegm
from time import gmtime, struct_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.vfs.base import Entry
from mft.wire.ftp.listing import (
    DEFAULT_FACTS,
    KNOWN_FACTS,
    RECENT_SECONDS,
    facts_text,
    feature_text,
    list_lines,
    mlsd_lines,
    mlsx_line,
    nlst_lines,
    parse_facts,
)

NOW = timegm((2024, 6, 1, 12, 0, 0))
ONE = Entry("report.txt", 0o100644, 1234, timegm((2024, 5, 9, 7, 5, 59)), NOW, 1000, 100, 1, 42)


def half_past(seconds: int) -> struct_time:
    """A zone that is five and a half hours ahead of UTC."""
    return gmtime(seconds + 19800)


def far_behind(seconds: int) -> struct_time:
    """The zone that is furthest behind UTC."""
    return gmtime(seconds - 43200)


def far_ahead(seconds: int) -> struct_time:
    """The zone that is furthest ahead of UTC."""
    return gmtime(seconds + 50400)


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (ONE, "-rw-r--r--   1 ftp      ftp              1234 May  9 07:05 report.txt"),
        (
            ONE._replace(name="old", modified=timegm((2023, 11, 30, 23, 59, 59)), mode=0o120777),
            "lrwxrwxrwx   1 ftp      ftp              1234 Nov 30  2023 old",
        ),
        (
            ONE._replace(name=" d ", mode=0o41777, links=1200, size=1 << 40, modified=0),
            "drwxrwxrwt 1200 ftp      ftp      1099511627776 Jan  1  1970  d ",
        ),
        (
            ONE._replace(modified=NOW + 2 * 86400),
            "-rw-r--r--   1 ftp      ftp              1234 Jun  3  2024 report.txt",
        ),
        (
            ONE._replace(name="a\r\nb\x1b[2Jc\u202ed\udcffe\u3000f"),
            "-rw-r--r--   1 ftp      ftp              1234 May  9 07:05 a??b?[2Jc?d?e\u3000f",
        ),
    ],
)
def test_a_line_of_list_has_the_columns_of_ls(entry: Entry, line: str) -> None:
    assert list_lines([entry], NOW, gmtime).decode() == f"{line}\r\n"


def test_the_time_of_day_is_shown_for_half_a_year() -> None:
    young = ONE._replace(modified=NOW - RECENT_SECONDS + 1)
    assert b":" in list_lines([young], NOW, gmtime)
    assert b":" not in list_lines([young], NOW + 1, gmtime)


def test_dates_are_those_of_the_zone() -> None:
    late = ONE._replace(modified=timegm((2024, 5, 31, 20, 15, 0)))
    assert b"May 31 20:15" in list_lines([late], NOW, gmtime)
    assert b"Jun  1 01:45" in list_lines([late], NOW, half_past)


def test_dates_out_of_reach_are_clamped_in_every_zone() -> None:
    entries = [ONE._replace(modified=modified) for modified in (-(1 << 70), 1 << 70)]
    assert b"Jan  1  1970" in list_lines(entries, NOW, gmtime)
    assert b"Dec 30  9999" in list_lines(entries, NOW, gmtime)
    assert b"Dec 31  1969" in list_lines(entries, NOW, far_behind)
    assert b"Dec 31  9999" in list_lines(entries, NOW, far_ahead)


def test_an_empty_directory_is_no_lines() -> None:
    assert list_lines([], NOW, gmtime) == b""
    assert mlsd_lines([], DEFAULT_FACTS, lambda row: "") == b""
    assert nlst_lines([]) == b""


def test_nlst_is_names_and_nothing_else() -> None:
    assert nlst_lines(["a b", "zürich", "c\nd"]) == "a b\r\nzürich\r\nc?d\r\n".encode()


@pytest.mark.parametrize(
    ("entry", "facts", "line"),
    [
        (
            ONE,
            DEFAULT_FACTS,
            "type=file;size=1234;modify=20240509070559;perm=adfrw;unique=2a;UNIX.mode=0644;"
            " report.txt",
        ),
        (
            ONE._replace(name="/a {0} %s", mode=0o42755, unique=0),
            DEFAULT_FACTS,
            "type=dir;modify=20240509070559;perm=adfrw;UNIX.mode=2755; /a {0} %s",
        ),
        (ONE._replace(name=".", mode=0o40755), ("type",), "type=cdir; ."),
        (ONE._replace(name="..", mode=0o40755), ("type",), "type=pdir; .."),
        (ONE._replace(mode=0o120777), ["type", "size"], "type=OS.unix=slink;size=1234; report.txt"),
        (ONE._replace(mode=0o010644), ("type",), "type=OS.unix=special; report.txt"),
        (ONE._replace(name="a\nb"), (), " a?b"),
    ],
)
def test_a_machine_line_has_the_facts_that_were_selected(
    entry: Entry, facts: tuple[str, ...], line: str
) -> None:
    assert mlsx_line(entry, facts, "adfrw") == line


def test_mlsd_asks_for_permissions_only_when_they_are_told() -> None:
    asked: list[str] = []

    def permissions(entry: Entry) -> str:
        asked.append(entry.name)
        return entry.name[0]

    entries = [ONE, ONE._replace(name="zürich")]
    told = mlsd_lines(entries, ("size", "perm"), permissions)
    assert told.decode() == "size=1234;perm=r; report.txt\r\nsize=1234;perm=z; zürich\r\n"
    assert asked == ["report.txt", "zürich"]
    assert mlsd_lines(entries[:1], ("size",), permissions) == b"size=1234; report.txt\r\n"
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("argument", "facts"),
    [
        ("size;type;", ("type", "size")),
        ("UNIX.MODE;Modify", ("modify", "UNIX.mode")),
        ("type;type;UNIX.owner;x y;", ("type",)),
        ("", ()),
        (";", ()),
    ],
)
def test_opts_selects_the_facts_that_are_known(argument: str, facts: tuple[str, ...]) -> None:
    assert parse_facts(argument) == facts


def test_the_selection_is_told() -> None:
    assert facts_text(("type", "size")) == "MLST OPTS type;size;"
    assert facts_text(()) == "MLST OPTS"
    assert feature_text() == "MLST type*;size*;modify*;perm*;unique*;UNIX.mode*;"
    assert feature_text(("size",)) == "MLST type;size*;modify;perm;unique;UNIX.mode;"


@pytest.mark.fuzz
@settings(max_examples=200)
@given(
    name=st.text(min_size=1, max_size=60),
    mode=st.integers(0, 0o177777),
    numbers=st.tuples(*[st.integers(-(1 << 65), 1 << 65)] * 3),
    now=st.integers(0, 1 << 34),
    facts=st.lists(st.sampled_from(KNOWN_FACTS), unique=True),
    zone=st.sampled_from([gmtime, half_past, far_ahead, far_behind]),
)
def test_any_entry_is_one_line(name, mode, numbers, now, facts, zone) -> None:
    size, modified, unique = numbers
    entry = Entry(name, mode, size, modified, 0, unique=unique)
    made = (
        list_lines([entry], now, zone),
        nlst_lines([name]),
        mlsd_lines([entry], facts, lambda row: "r"),
    )
    for line in made:
        assert line.endswith(b"\r\n")
        assert len(line.decode().splitlines()) == 1
    told = mlsx_line(entry, facts, "r").partition(" ")[0]
    assert set(parse_facts(told.replace("=", ";"))) <= set(facts)
