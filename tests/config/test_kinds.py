"""Every kind reads its text, or says in one sentence what would be right."""

import random
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mft.config import kinds
from mft.config.kinds import (
    INHERIT,
    Context,
    Inheritable,
    Kind,
    Maybe,
    NetworkRule,
    Wrong,
    Wrongs,
)
from mft.core.secret import Secret

CONTEXT = Context(Path("/srv/instance"))
EVERY = {
    name: kind
    for name in dir(kinds)
    for kind in getattr(getattr(kinds, name), "__metadata__", ())
    if isinstance(kind, Kind)
}


def kind_of(annotated):
    (kind,) = (each for each in annotated.__metadata__ if isinstance(each, Kind))
    return kind


def read(annotated, text, context=CONTEXT):
    return kind_of(annotated).read(text, context)


def sentence(annotated, text):
    with pytest.raises(Wrong) as caught:
        read(annotated, text)
    return caught.value.sentence


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (kinds.YesNo, "Yes", True),
        (kinds.YesNo, "TRUE", True),
        (kinds.YesNo, " no ", False),
        (kinds.YesNo, "False", False),
        (kinds.Seconds, "30", 30),
        (kinds.Seconds, "0", 0),
        (kinds.Seconds, "1.5h", 5400),
        (kinds.Seconds, "5 m", 300),
        (kinds.Seconds, "1D", 86400),
        (kinds.Seconds, "2w", 1209600),
        (kinds.Size, "512", 512),
        (kinds.Size, "512b", 512),
        (kinds.Size, "64 KiB", 65536),
        (kinds.Size, "10 MB", 10_000_000),
        (kinds.Size, "1G", 1 << 30),
        (kinds.Size, "0.5k", 512),
        (kinds.Count, "0", 0),
        (kinds.Port, "65535", 65535),
        (kinds.PortOrAny, "0", 0),
        (kinds.Umask, "022", 0o022),
        (kinds.ListenAddress, "0.0.0.0", "0.0.0.0"),
        (kinds.ListenAddress, " :: ", "::"),
        (kinds.ListenAddress, "2001:DB8::0001", "2001:db8::1"),
        (kinds.Text, " a\nb ", "a\nb"),
        (kinds.Name, "files one", "files one"),
        (kinds.FilePath, "conf/key", Path("/srv/instance/conf/key")),
        (kinds.FilePath, "/etc/key", Path("/etc/key")),
        (kinds.FilePaths, 'a, "b, c"', (CONTEXT.directory / "a", CONTEXT.directory / "b, c")),
        (kinds.DirectoryPath, "log", Path("/srv/instance/log")),
        (kinds.AbsolutePath, "/srv/data", Path("/srv/data")),
        (kinds.CommaList, 'a, "b, c"', ("a", "b, c")),
        (kinds.Lines, "a\n\n; note\n b ", ("a", "b")),
        (kinds.Moment, "2030-12-31T18:00Z", datetime(2030, 12, 31, 18, tzinfo=UTC)),
        (kinds.SecretText, " hunter2 ", Secret("hunter2")),
        (kinds.GroupRefs, "a, b", ("a", "b")),
    ],
)
def test_text_becomes_a_value(kind, text, value):
    assert read(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (kinds.YesNo, "on", "is not Yes or No"),
        (kinds.Seconds, "5 fortnights", "is not a duration such as 30 or 5m"),
        (kinds.Seconds, "", "is not a duration such as 30 or 5m"),
        (kinds.Seconds, "-1", "is shorter than 0 seconds"),
        (kinds.Seconds, "9999999w", "is longer than 3162240000 seconds"),
        (kinds.PositiveSeconds, "0", "is shorter than 0.001 seconds"),
        (kinds.Size, "1 XB", "is not a size such as 512 or 64 MiB"),
        (kinds.Size, "-1", "is not a size such as 512 or 64 MiB"),
        (kinds.Size, "9999T", f"is more than {1 << 50} bytes"),
        (kinds.Count, "-1", "is not a whole number from 0"),
        (kinds.Count, "1.5", "is not a whole number from 0"),
        (kinds.Count, "\u0663", "is not a whole number from 0"),
        (kinds.PositiveCount, "0", "is not a whole number from 1"),
        (kinds.Port, "0", "is not a port from 1 to 65535"),
        (kinds.PortOrAny, "65536", "is not a port from 0 to 65535"),
        (kinds.Umask, "088", "is not a file mode mask in octal such as 022"),
        (kinds.Umask, "1777", "is not a file mode mask in octal such as 022"),
        (kinds.ListenAddress, "localhost", "is not an IP address such as 127.0.0.1, 0.0.0.0 or ::"),
        (kinds.Name, " ", "is empty; it needs a name"),
        (kinds.Name, "x" * 151, "is longer than 150 characters"),
        (kinds.Name, "a\nb", "has control characters or more than one line"),
        (kinds.FilePath, "", "is empty; it needs a path"),
        (
            kinds.FilePath,
            "a\x1bb",
            "is not a path: it has control characters or more than one line",
        ),
        (kinds.AbsolutePath, "data", "is not an absolute path such as /srv/data"),
        (kinds.Moment, "tomorrow", "is not a date such as 2030-12-31 or 2030-12-31 18:00:00+01:00"),
        (kinds.Moment, "2030-02-30", "is not a date of the calendar"),
        (kinds.Moment, "0001-01-01", "is not a date of the calendar"),
    ],
)
def test_other_text_is_told_what_would_be_right(kind, text, expected):
    assert sentence(kind, text) == expected


def test_an_unclosed_quote_in_a_list_is_told():
    assert sentence(kinds.CommaList, '"a').startswith("is not a list of items between commas")


def test_bounds_are_inclusive():
    bounded = kinds.size(1024, 2048)
    assert bounded.read("1 KiB", None) == 1024
    assert bounded.read("2 KiB", None) == 2048
    with pytest.raises(Wrong, match="less than 1024 bytes"):
        bounded.read("1023", None)


def test_a_key_given_for_a_path_is_never_shown():
    for kind in (kinds.FilePath, kinds.FilePaths):
        with pytest.raises(Wrong) as caught:
            read(kind, "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END")
        assert "c2VjcmV0" not in f"{caught.value.part}{caught.value.sentence}"


def test_a_path_without_an_instance_stays_as_it_is():
    assert read(kinds.FilePath, "conf/key", None) == Path("conf/key")


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2030-06-01 10:00:00+02:00", timezone(timedelta(hours=2))),
        ("2030-06-01 10:00:00 +02", timezone(timedelta(hours=2))),
        ("2030-06-01T10:00:00-0330", timezone(-timedelta(hours=3, minutes=30))),
    ],
)
def test_a_date_may_name_its_zone(text, zone):
    assert read(kinds.Moment, text) == datetime(2030, 6, 1, 10, tzinfo=zone)


def test_a_date_alone_begins_at_midnight_in_the_zone_of_this_machine():
    assert read(kinds.Moment, "2030-06-01") == datetime(2030, 6, 1).astimezone()


def test_network_rules_keep_their_order():
    assert read(kinds.NetworkRules, "deny 192.0.2.7\n# office\nALLOW  ::ffff:10.0.0.0/104\n") == (
        NetworkRule(False, ip_network("192.0.2.7/32")),
        NetworkRule(True, ip_network("10.0.0.0/8")),
    )


def test_every_bad_line_is_told_by_its_number():
    with pytest.raises(Wrongs) as caught:
        read(kinds.NetworkRules, "allow ::1\npermit 1.2.3.4\n\ndeny example.com\nallow")
    assert [(wrong.line, wrong.part) for wrong in caught.value.each] == [
        (1, "permit 1.2.3.4"),
        (3, "deny example.com"),
        (4, "allow"),
    ]
    assert str(caught.value).startswith("is not a rule such as")


def test_inherit_is_a_value_of_its_own_and_other_text_goes_to_the_kind():
    adapter = TypeAdapter(Inheritable[kinds.Size])
    assert adapter.validate_python("INHERIT") is INHERIT
    assert adapter.validate_python(INHERIT) is INHERIT
    assert adapter.validate_python("1k") == 1024
    with pytest.raises(ValidationError, match="is not a size"):
        adapter.validate_python("much")


def test_empty_text_and_its_old_spelling_mean_none():
    adapter = TypeAdapter(Maybe[kinds.Seconds])
    assert adapter.validate_python("") is None
    assert adapter.validate_python("Disabled") is None
    assert adapter.validate_python(None) is None
    assert adapter.validate_python("1m") == 60


def test_references_know_their_family():
    assert kind_of(kinds.GroupRefs).family == "groups"
    assert kinds.reference("groups").read(" g-1 ", None) == "g-1"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (kinds.YesNo, "Yes"),
        (kinds.Seconds, "90"),
        (kinds.Seconds, "5m"),
        (kinds.Seconds, "1w"),
        (kinds.Seconds, "0"),
        (kinds.Size, "64 MiB"),
        (kinds.Size, "1000"),
        (kinds.Size, "0"),
        (kinds.Umask, "007"),
        (kinds.CommaList, 'a, "b, c", """d"'),
        (kinds.Lines, "a\nb"),
        (kinds.NetworkRules, "allow 10.0.0.0/8\ndeny ::/0"),
    ],
)
def test_what_is_written_is_read_back(kind, text):
    assert kind_of(kind).write(read(kind, text)) == text


@pytest.mark.parametrize("name", sorted(EVERY))
@pytest.mark.fuzz
@example(text="0\x1f")
@example(text="0 /")
@example(text='"0\r0", " 1"')
@settings(max_examples=60)
@given(text=st.text(max_size=60) | st.text('0123456789.:-/+ TZkMGiBsmhdw\n,"', max_size=40))
def test_any_text_is_a_value_or_a_sentence(name, text):
    kind = EVERY[name]
    try:
        value = kind.read(text, CONTEXT)
    except (Wrong, Wrongs):
        pass
    else:
        assert kind.read(kind.write(value), CONTEXT) == value or kind.secret or name == "Moment"


def test_the_fuzzed_kinds_are_all_kinds():
    assert len(EVERY) > 20
    assert random.choice(sorted(EVERY)) in dir(kinds)
