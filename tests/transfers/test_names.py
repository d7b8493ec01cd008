"""Which files are sent, and what they are called."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.config.kinds import Wrong
from mft.core.failure import Refused
from mft.core.matching import Expression
from mft.core.vpath import VPath
from mft.transfers.names import (
    Named,
    NoRuleError,
    conversion_of,
    destination,
    is_wanted,
    read_conversion,
    read_rule,
    stamped,
)

NOW = datetime(2026, 11, 27, 18, 45, 1, 123456, UTC)


def path(text: str) -> VPath:
    return VPath.parse(text)


def named(text: str, *rules: str) -> Named:
    return destination([read_rule(one) for one in rules], path(text), NOW)


def called(text: str, *rules: str) -> str:
    return str(named(text, *rules).path)


@pytest.mark.parametrize(
    ("expression", "text", "wanted"),
    [
        ("*.csv", "/in/sub/a.CSV", True),
        ("*.csv", "/in.csv/a.txt", False),
        ("/in/*.csv", "/in/a.csv", True),
        ("/in/*.csv", "/out/a.csv", False),
        ("! *.tmp|!*.part", "/a.csv", True),
        ("!*.tmp", "/a.tmp", False),
        ("g/*.csv/", "/in/a.csv", True),
        ("m/^.in.a/", "/in/a.csv", True),
        ("e/tmp/", "/tmp/a.csv", False),
    ],
)
def test_a_glob_without_a_slash_is_about_the_last_name(expression, text, wanted):
    assert is_wanted(Expression.parse(expression), path(text)) is wanted


def test_without_a_filter_every_file_is_wanted():
    assert is_wanted(None, path("/a"))


def test_without_rules_names_stay():
    assert called("/sub/A.csv") == "/sub/A.csv"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("*, transform, {path.source}.done", "/sub/A-1.csv.done"),
        ("*, transform, {path.directory_path}/x/{path.file_name}", "/sub/x/A-1.csv"),
        ("*, transform, {path.file_base}_{now.date}{path.file_extension}", "/A-1_20261127.csv"),
        (r"m/(\w)-(\d)/, transform, {group.2}/{group.1}", "/1/A"),
        ("*, only-filename", "/A-1.csv"),
        ("*, replace-separator, _", "/sub_A-1.csv"),
        ("*, lowercase", "/sub/a-1.csv"),
        ("*, fixed-path, one/two.csv", "/one/two.csv"),
        ("*, no-action", "/sub/A-1.csv"),
    ],
)
def test_actions(rule, expected):
    assert called("/sub/A-1.csv", rule) == expected


def test_every_rule_that_matches_is_applied_in_order():
    assert called("/s/A.CSV", "*, only-filename", "*.csv, lowercase", "*.txt, fixed-path, x") == (
        "/a.csv"
    )


def test_a_file_that_no_rule_matches_stops_the_transfer():
    with pytest.raises(NoRuleError):
        named("/a.txt", "*.csv, lowercase")


def test_temporary_names_of_rules():
    assert named("/a.csv", "*.csv, temporary-suffix, .tmp", "*, temporary-prefix, ~") == Named(
        path("/a.csv"), "~", ".tmp"
    )


def test_a_path_may_begin_at_the_top_of_the_location():
    found = named("/a.csv", "*, transform, {ignore_destination_path}/else/{path.file_name}")
    assert found == Named(path("/else/a.csv"), from_top=True)


@pytest.mark.parametrize(
    "rule",
    [r"m/([a-z.]+)x/, transform, {group.1}/b", r"m/([a-z.]+)x/, transform, a/{group.1}"],
)
def test_what_a_name_is_made_of_cannot_climb(rule):
    with pytest.raises(Refused, match=r"with \. or \.\."):
        named("/..x", rule)


@given(st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_no_name_leads_out(first, second):
    try:
        source = VPath.parse(f"{first}/{second}")
        found = destination(
            [read_rule("m/^(.)(.*)$/, transform, {group.2}/{group.1}{path.file_name}")], source, NOW
        )
    except (Refused, NoRuleError):
        return
    assert found.path == VPath.parse(str(found.path))
    assert not {".", "..", ""} & set(found.path.parts)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("*.csv", "needs an expression and an action"),
        ("*.csv, lowercas", 'did you mean "lowercase"'),
        ("*.csv, lowercase, x", "takes 0"),
        ("*.csv, transform", "takes 1"),
        ("m/[/, lowercase", "cannot be matched"),
        ("*, transform, {group.1}", "names group 1; the expression has 0"),
        ("*, transform, {path.nam}", "not known"),
        ("*, transform, {now.date", 'has a "{"'),
        ("*, transform, now}", 'has a "}"'),
        ("*, transform, ../{path.file_name}", "has .. in a path"),
        ("*, fixed-path, {path.file_name}", "with names in it"),
        ("*, temporary-suffix, a/b", "not a part of a file name"),
        ('"a', "not a list of items"),
        (f"*, transform, {'x' * 1025}", "is longer than"),
    ],
)
def test_what_is_no_rule_is_told(line, sentence):
    with pytest.raises(Wrong, match=sentence):
        read_rule(line)


def test_a_moment_stands_before_the_extension():
    assert str(stamped(path("/s/a.tar.gz"), NOW)) == "/s/a.tar-20261127-184501-123.gz"


@pytest.mark.parametrize("name", ["x" * 251 + ".csv", "ü" * 125 + ".csv", "a." + "x" * 253])
def test_a_name_that_is_too_long_for_a_moment_is_cut_and_stays_one_of_its_own(name):
    found = stamped(path(f"/s/{name}"), NOW)
    assert len(found.name.encode()) <= 255
    assert "-20261127-184501-123" in found.name
    assert found.name.endswith(".csv") == name.endswith(".csv")
    other = stamped(path(f"/s/{name[:-10]}y{name[-9:]}"), NOW)
    assert other != found


def test_the_first_conversion_that_matches_is_used():
    lines = ("*.txt, convert-charset, CP1252, utf-8", "*, convert-charset, latin-1, utf-16-le")
    found = [read_conversion(one) for one in lines]
    assert conversion_of(found, path("/a.txt")) is found[0]
    assert conversion_of(found, path("/a.csv")) is found[1]
    assert conversion_of(found[:1], path("/a.csv")) is None


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("*.txt, cp1252, utf-8", "not a conversion"),
        ("*.txt, convert-charset, cp1252, nothing", "names no charset"),
        ("*.txt, convert-charset, zlib, utf-8", "names no charset"),
    ],
)
def test_what_is_no_conversion_is_told(line, sentence):
    with pytest.raises(Wrong, match=sentence):
        read_conversion(line)
