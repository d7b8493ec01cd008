"""Syslog messages: whatever is said, one message is one line, and every field is in its place."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.wire.syslog import (
    CUT,
    FACILITIES,
    MAX_ID,
    MAX_SIZE,
    MAX_VALUE,
    MIN_SIZE,
    SEVERITIES,
    Said,
    Sender,
    counted,
    ended,
    lined,
    priority,
    rfc3164,
    rfc5424,
)

AT = datetime(2026, 3, 7, 19, 44, 5, 6_999, timezone(timedelta(hours=-3, minutes=-30)))
HERE = Sender("host", "files", "77")

# The grammar of RFC 5424 6, as far as a receiver needs it to take a message apart.
VALUE = rb'(?:[^"\\\]]|\\["\\\]])*'
NAME = rb"[!#-<>-\\^-~]{1,32}"
MESSAGE_5424 = re.compile(
    rb"<(\d{1,3})>1 (\S+) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) "
    rb"\[(" + NAME + rb")((?: " + NAME + rb'="' + VALUE + rb'")*)\]'
    rb"(?: (?:\xef\xbb\xbf)?(.*))?",
    re.DOTALL,
)
PAIR = re.compile(rb" (" + NAME + rb')="(' + VALUE + rb')"')
MESSAGE_3164 = re.compile(
    rb"<(\d{1,3})>([A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d) ([!-~]{1,255} )?([!-~]{1,48}): (.*)",
    re.DOTALL,
)
hostile = st.text(
    st.one_of(
        st.sampled_from('\n\r\0\t"\\]=[<> :%\x85\u2028\u202e\ud800\U0001f4a9e'), st.characters()
    )
)


def said(text: str = "hello", *values: tuple[str, str]) -> Said:
    return Said(30, AT, text, "20142", values)


def pairs(message: bytes) -> dict[str, str]:
    """The structured data as a receiver reads it."""
    found = MESSAGE_5424.fullmatch(message)
    assert found is not None, message
    return {
        name.decode(): re.sub(rb'\\(["\\\]])', rb"\1", value).decode()
        for name, value in PAIR.findall(found[8])
    }


def test_the_line_of_rfc_3164_is_the_one_that_operators_know() -> None:
    text = "20142 alice 192.0.2.7:51234 Login failed."
    line = rfc3164(HERE, said(text), 1024)
    assert line == b"<30>Mar  7 19:44:05 host files: " + text.encode()


def test_the_line_of_rfc_5424_has_milliseconds_a_zone_and_every_value() -> None:
    line = rfc5424(HERE, said("hello", ("id", "20142"), ("account.name", "alice")), 2048)
    assert line == (
        b"<30>1 2026-03-07T19:44:05.006-03:30 host files 77 20142 "
        b'[event@32473 id="20142" account.name="alice"] hello'
    )


def test_utc_is_told_as_an_offset_too() -> None:
    line = rfc5424(HERE, said()._replace(time=datetime(2026, 3, 7, tzinfo=UTC)), 2048)
    assert b" 2026-03-07T00:00:00.000+00:00 " in line


def test_a_text_that_is_not_ascii_begins_with_the_mark_of_utf_8() -> None:
    line = rfc5424(HERE, said("naïve"), 2048)
    assert line.endswith(b"] \xef\xbb\xbfna\xc3\xafve")
    assert b"\xef\xbb\xbf" not in rfc5424(HERE, said("naive", ("a", "ï")), 2048)
    assert b"\xef\xbb\xbf" not in rfc3164(HERE, said("naïve"), 2048)


def test_what_has_a_meaning_between_quotes_is_escaped() -> None:
    value = 'a"b\\c]d="e"'
    line = rfc5424(HERE, said("", ("path", value)), 2048)
    assert rb'path="a\"b\\c\]d=\"e\""' in line
    assert pairs(line) == {"path": value}


def test_a_value_without_text_is_left_out() -> None:
    assert pairs(rfc5424(HERE, said("x", ("a", ""), ("b", "1")), 2048)) == {"b": "1"}


def test_a_long_value_is_cut_and_too_many_are_told_as_cut() -> None:
    line = rfc5424(HERE, said("x", ("long", "v" * 5000)), 8192)
    assert pairs(line) == {"long": "v" * (MAX_VALUE - len(CUT)) + CUT}
    many = [(f"n{number}", "v" * 100) for number in range(100)]
    line = rfc5424(HERE, said("the text", *many), 2048)
    assert pairs(line)["cut"] == "1"
    assert line.endswith(b" the text")
    assert len(line) <= 2048


def test_a_long_text_is_cut_between_two_characters() -> None:
    for make in (rfc3164, rfc5424):
        for size in range(MIN_SIZE, MIN_SIZE + 5):
            line = make(HERE, said("ä" * 4000), size)
            assert size - 1 <= len(line) <= size
            assert line.decode().endswith(f"ä{CUT}")


def test_names_that_are_no_names_still_make_fields() -> None:
    sender = Sender("a host\n", "my: [server]", "", 'event"]=@1')
    assert rfc3164(sender, said(), 1024).startswith(b"<30>Mar  7 19:44:05 a_host_ my___server_: ")
    found = MESSAGE_5424.fullmatch(rfc5424(sender, said(), 1024))
    assert found is not None
    assert found.group(3, 4, 5, 7) == (b"a_host_", b"my:_[server]", b"-", b"event___@1")
    assert b" - - - 20142 [" in rfc5424(Sender("", "", ""), said(), 1024)


def test_to_this_machine_a_line_has_no_host() -> None:
    assert rfc3164(Sender("", ""), said(), 1024) == b"<30>Mar  7 19:44:05 mft: hello"


def test_a_priority_is_eight_times_the_facility_and_the_severity() -> None:
    assert priority("daemon", "info") == 30
    assert priority("local7", "debug") == 191
    assert priority("kern", "emerg") == 0
    assert (len(FACILITIES), len(SEVERITIES)) == (24, 8)
    with pytest.raises(ValueError):
        priority("daemon", "loud")


def test_frames() -> None:
    assert counted("ä1".encode()) == b"3 \xc3\xa41"
    assert lined(b"a") == b"a\n"
    assert ended(b"a") == b"a\0"


senders = st.builds(Sender, hostile, hostile, hostile, hostile)
sizes = st.integers(MIN_SIZE, 3000) | st.just(MAX_SIZE)
values = st.lists(st.tuples(st.text('abc.\n"]= ', max_size=40), hostile), max_size=8)


@pytest.mark.fuzz
@settings(deadline=None)
@given(senders, hostile, sizes)
def test_no_text_makes_a_second_line_of_rfc_3164(sender: Sender, text: str, size: int) -> None:
    line = rfc3164(sender, said(text), size)
    assert len(line) <= size
    assert MESSAGE_3164.fullmatch(line) is not None
    harmless(line)


@pytest.mark.fuzz
@settings(deadline=None)
@given(senders, hostile, values, sizes)
def test_no_value_ends_the_structured_data_of_rfc_5424(
    sender: Sender, text: str, told: list[tuple[str, str]], size: int
) -> None:
    line = rfc5424(sender, said(text, *told), size)
    assert len(line) <= size
    assert all(len(name) <= MAX_ID for name in pairs(line))
    harmless(line)


def harmless(line: bytes) -> None:
    """It is text of one line, which every framing carries as one message."""
    text = line.decode()
    assert text.splitlines() == [text]
    assert not re.search("[\x00-\x1f\x7f-\x9f]", text)
    length, _, rest = counted(line).partition(b" ")
    assert rest == line
    assert int(length) == len(line)
    assert lined(line).count(b"\n") == 1
    assert ended(line).count(b"\0") == 1
