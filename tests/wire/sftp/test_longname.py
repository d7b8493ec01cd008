"""The `ls -l` lines, and NAME packets full of them."""

from calendar import timegm

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.vfs.base import Entry
from mft.wire.buffer import Reader
from mft.wire.sftp.attrs import read_attrs
from mft.wire.sftp.longname import MAX_ENTRY, RECENT_SECONDS, longname, pack_entries
from mft.wire.sftp.responses import NameReply, name_packed, parse_reply

NOW = timegm((2024, 6, 1, 12, 0, 0))
ONE = Entry("report.txt", 0o100644, 1234, timegm((2024, 5, 9, 7, 5, 59)), NOW, 1000, 100, 1, 42)


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (ONE, "-rw-r--r--    1 1000     100          1234 May  9 07:05 report.txt"),
        (
            ONE._replace(name="old", modified=timegm((2023, 11, 30, 23, 59, 59)), mode=0o120777),
            "lrwxrwxrwx    1 1000     100          1234 Nov 30  2023 old",
        ),
        (
            ONE._replace(name="d", mode=0o41777, links=12, size=1 << 40, modified=0),
            "drwxrwxrwt   12 1000     100      1099511627776 Jan  1  1970 d",
        ),
        (
            ONE._replace(modified=NOW + 2 * 86400),
            "-rw-r--r--    1 1000     100          1234 Jun  3  2024 report.txt",
        ),
        (
            ONE._replace(name="a\nb\x1b[2Jc\u202ed\udcff"),
            "-rw-r--r--    1 1000     100          1234 May  9 07:05 a?b?[2Jc?d?",
        ),
    ],
)
def test_a_line_has_the_columns_of_ls(entry: Entry, line: str) -> None:
    assert longname(entry, NOW).decode() == line


def test_owner_and_group_can_be_given_names() -> None:
    line = longname(ONE, NOW, "alice", "staff").decode()
    assert line == "-rw-r--r--    1 alice    staff        1234 May  9 07:05 report.txt"


def test_the_time_of_day_is_shown_for_half_a_year() -> None:
    young = ONE._replace(modified=NOW - RECENT_SECONDS + 1)
    assert b":" in longname(young, NOW)
    assert b":" not in longname(young, NOW + 1)


def test_packed_entries_are_those_that_came_with_their_lines() -> None:
    entries = [ONE, ONE._replace(name="zwölf", mode=0o40755, links=3), ONE._replace(modified=-5)]
    packed, count = pack_entries(entries, NOW, 10_000, owner="me")
    reply = parse_reply(104, name_packed(7, count, packed)[5:])
    assert isinstance(reply, NameReply)
    assert reply.request_id == 7
    assert [entry.name.decode() for entry in reply.entries] == [e.name for e in entries]
    assert [entry.longname for entry in reply.entries] == [longname(e, NOW, "me") for e in entries]
    assert [entry.attrs.modified for entry in reply.entries] == [ONE.modified, ONE.modified, 0]
    assert reply.entries[1].attrs == (1234, 0o40755, NOW, ONE.modified, 1000, 100, ())


def test_entries_stop_at_the_limit_and_go_on_from_there() -> None:
    entries = [ONE._replace(name=f"{number:03}") for number in range(100)]
    size = len(pack_entries(entries[:1], NOW, MAX_ENTRY)[0])
    packed, count = pack_entries(entries, NOW, 10 * size + size - 1)
    assert (len(packed), count) == (10 * size, 10)
    rest, more = pack_entries(entries, NOW, 1000 * size, start=10)
    assert more == 90
    assert Reader(rest).string() == b"010"


def test_the_longest_entry_fits_where_one_must() -> None:
    giant = Entry("\u00fc" * 127 + "x", 0o100644, 1 << 62, 0, 0, 1 << 31, 1 << 31, 1 << 31, 1)
    assert pack_entries([giant], NOW, MAX_ENTRY)[1] == 1


def test_names_that_were_no_utf8_on_disk_go_out_as_they_are() -> None:
    packed, _ = pack_entries(
        [ONE._replace(name="caf\udce9"), ONE._replace(name="\ud800")], NOW, 999
    )
    reader = Reader(packed)
    assert reader.string() == b"caf\xe9"
    assert reader.string().endswith(b" caf?")
    read_attrs(reader)
    assert reader.string() == b"?"


@pytest.mark.fuzz
@settings(max_examples=200, deadline=None)
@given(
    name=st.text(min_size=1, max_size=60),
    numbers=st.tuples(*[st.integers(-(1 << 65), 1 << 65)] * 4),
    now=st.integers(0, 1 << 34),
)
def test_any_entry_is_packed_and_its_line_is_one_line(name, numbers, now) -> None:
    size, mtime, atime, uid = numbers
    entry = Entry(name, 0o100600, size, mtime, atime, uid, uid, 1)
    packed, count = pack_entries([entry], now, 2 * MAX_ENTRY)
    reader = Reader(packed)
    reader.string()
    line = reader.string()
    read_attrs(reader)
    reader.finish()
    assert count == 1
    assert line == longname(entry, now)
    assert line.decode().isprintable()
