"""Rules: which path they are for, and what they make of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Reason
from mft.core.vpath import RESERVED_PREFIX
from mft.events.facts import NO_COMPONENT, Facts
from mft.handlers.dispatcher_rules import (
    Prepared,
    check_path,
    fact_of,
    fixed_folder,
    own_values,
    read_fallback,
    read_matches,
    read_rules,
    write_rules,
)
from tests.fakes.occurrences import told
from tests.fakes.refused import refused

FACTS = Facts(NO_COMPONENT)


def prepared(line, matches=()):
    (rule,) = read_rules(line, None)
    return Prepared(rule, FACTS, matches)


def paths(one, path, /, **data):
    """Where a rule sends a path."""
    groups = one.groups(path)
    happened = told()._replace(data={"real_path": path, **data})
    destinations = one.destinations(happened, own_values(groups, (), happened))
    return one.paths(destinations, path.rpartition("/")[2], lambda name: name)


@pytest.mark.parametrize(
    ("expression", "path", "matches"),
    [
        ("*.pdf", "/srv/alice/in/a.PDF", True),
        ("*/inbox/*.pdf", "/srv/alice/Inbox/a.pdf", True),
        ("*/inbox/*.pdf", "/srv/alice/out/a.pdf", False),
        ("a.pdf", "/srv/a.pdf", False),
        (r"m/\.pdf$/", "/srv/a.pdf", True),
        (r"m/\.pdf$/", "/srv/a.PDF", False),
        (r"m/\.pdf$/i", "/srv/a.PDF", True),
        (r"e/\.exe$/", "/srv/a.pdf", True),
        (r"e/\.exe$/", "/srv/a.exe", False),
        ('"m/a{1,2}$/"', "/srv/aa", True),
    ],
)
def test_expressions_are_matched_against_the_whole_path(expression, path, matches):
    assert (prepared(f"delete, {expression}").groups(path) is not None) is matches


@pytest.mark.parametrize(
    ("line", "path", "found"),
    [
        ("move, *, /out", "/in/a", ["/out/a"]),
        ("move, *, /out/", "/in/a", ["/out/a"]),
        ("copy, *, /one, /two/", "/in/a", ["/one/a", "/two/a"]),
        ("move, m/.*/, /out", "/in/a", ["/out/a"]),
        (r"move, m/(\w+)\.(\w+)$/, /out/{2}/{1}", "/in/a.pdf", ["/out/pdf/a"]),
        (r"move, m/(\w+)\.(\w+)$/, /out/{2}/", "/in/a.pdf", ["/out/pdf/a.pdf"]),
        (r"move, m/\/(\w+)\/(\w+)\/[^\/]*$/, /out/{1}-{2}/", "/a/b/c", ["/out/a-b/c"]),
        ("move, g/*/, /out/{Account.Name}/", "/in/a", ["/out/alice/a"]),
        ("move, g/*/, /out/{account.name}-x", "/in/a", ["/out/alice-x"]),
    ],
)
def test_where_a_file_goes(line, path, found):
    assert paths(prepared(line), path) == found


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("..", "__"),
        (".", "_"),
        ("/etc/shadow", "_etc_shadow"),
        ("a\nb\x00", "a_b_"),
        ("{1}%s", "{1}%s"),
    ],
)
def test_a_value_is_one_name_and_leads_nowhere(value, name):
    one = prepared("move, m/.*/, /out/{data.path}/x")
    assert paths(one, "/in/a", path=value) == [f"/out/{name}/x"]


@pytest.mark.parametrize("value", ["", ".mft-1", "a" * 256])
def test_a_value_that_makes_no_name_is_refused(value):
    with refused(Reason.INVALID):
        paths(prepared("move, m/.*/, /out/{data.path}/x"), "/in/a", path=value)


def test_dots_that_come_together_are_refused():
    with refused(Reason.INVALID):
        paths(prepared("move, m/.*/, /out/.{data.path}/x"), "/in/a", path="")
    with refused(Reason.INVALID):
        paths(prepared("move, m/.*/, /out/.{data.path}/x"), "/in/a", path="mft-x")


def test_a_path_that_is_too_long_for_an_expression_is_never_passed_over():
    with refused(Reason.INVALID):
        prepared("delete, *.pdf").groups("/a" * 3000)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_values_ever_lead_out_of_the_fixed_folder(one, two):
    rule = prepared("move, m/.*/, /srv/out/{data.path}/.{data.details}.{data.path}")
    try:
        (path,) = paths(rule, "/in/a", path=one, details=two)
    except Exception as error:
        assert type(error).__name__ == "Refused"  # noqa: PT017 - one of two ends that are right
        return
    names = path.split("/")
    assert names[:3] == ["", "srv", "out"]
    assert len(names) == 5
    assert not any(name in ("", ".", "..") for name in names[3:])
    assert not any(name.startswith(RESERVED_PREFIX) for name in names)


def test_groups_of_attributes():
    matches = read_matches("real_path, ^/(\\w+)/(\\w+)?\naccount.name, m/^(A)/i", None)
    happened = told()._replace(data={"real_path": "/srv/"})
    pairs = [(match, fact_of(FACTS, match.attribute)) for match in matches]
    values = own_values(("x",), pairs, happened)
    assert values["1"] == "x"
    assert values["real_path.1_upper"] == "SRV"
    assert values["real_path.2"] == ""
    assert values["account.name.1"] == "a"
    assert values["account.name.1_lower"] == "a"
    assert set(values) - {"1"} == {name for match in matches for name in match.names}


def test_an_attribute_that_does_not_match_leaves_its_names_empty():
    (match,) = read_matches("real_path, ^(x)", None)
    happened = told()._replace(data={"real_path": "/srv/"})
    assert own_values((), [(match, fact_of(FACTS, "real_path"))], happened) == {}


def test_rules_are_written_as_they_were_read():
    text = 'move, "m/a{1,2}/", /srv/out\ndelete, *.tmp'
    assert write_rules(read_rules(text, None)) == text
    assert read_fallback(" move, /srv/rest ", None).text == "move, /srv/rest"


@pytest.mark.parametrize(
    ("destination", "folder"),
    [
        ("/srv/out", "/srv/out"),
        ("/srv/out/", "/srv/out"),
        ("/srv/out/{1}", "/srv/out"),
        ("/srv/out-{1}/x", "/srv"),
        ("/{1}/x", "/"),
        ("/", "/"),
    ],
)
def test_the_fixed_folder_of_a_destination(destination, folder):
    assert fixed_folder(destination) == folder


@pytest.mark.parametrize("path", ["/a//b", "/a/../b", "/a/.", "/", "/a/.mft-x", "/" + "a/" * 3000])
def test_paths_that_are_none(path):
    with refused(Reason.INVALID):
        check_path(path)
