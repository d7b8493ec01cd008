"""A virtual path is absolute, normal, and cannot climb out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Reason, Refused
from mft.core.vpath import MAX_NAME_BYTES, MAX_PATH_BYTES, ROOT, VPath, check_name
from tests.fakes.refused import refused

BASE = VPath(("home", "inbox"))


@pytest.mark.parametrize(
    ("text", "base", "parts"),
    [
        ("", BASE, ("home", "inbox")),
        (".", BASE, ("home", "inbox")),
        ("a", BASE, ("home", "inbox", "a")),
        ("/a", BASE, ("a",)),
        ("../a", BASE, ("home", "a")),
        ("../../../../a", BASE, ("a",)),
        ("/..", BASE, ()),
        ("//a///b/./c/", None, ("a", "b", "c")),
        ("a/..", None, ()),
        ("...", None, ("...",)),
        (b"caf\xc3\xa9", None, ("caf\u00e9",)),
    ],
)
def test_text_becomes_one_normal_path(text, base, parts):
    assert VPath.parse(text, base).parts == parts


@pytest.mark.parametrize(
    "text",
    [
        "a\x00b",
        "a\nb",
        "\x7f",
        "\x85",
        "\u202etxt.exe",
        "\ud800",
        b"\xff",
        ".mft-0000",
        "a/.mft-0000/b",
        "x" * (MAX_NAME_BYTES + 1),
        "\u00e9" * 128,
        "a/" * (MAX_PATH_BYTES // 2) + "a",
    ],
)
def test_what_no_client_may_name_is_refused(text):
    with pytest.raises(Refused) as refused:
        VPath.parse(text)
    assert refused.value.reason is Reason.INVALID


@pytest.mark.parametrize("name", ["a", "...", " a "])
def test_a_member_is_one_name_in_its_folder(name):
    assert BASE.member(name) == VPath(("home", "inbox", name))


@pytest.mark.parametrize("text", ["", ".", "..", "a/", "/a", "a/b", "../inbox/a", "./a", "a\0b"])
def test_text_that_is_no_one_name_is_no_member(text):
    with pytest.raises(Refused) as refused:
        BASE.member(text)
    assert refused.value.reason is Reason.INVALID


@pytest.mark.parametrize("text", ["a/", "/a/b/", "a/.", "a/..", "/", b"a/", b"a/.", "../"])
def test_text_that_ends_as_of_a_folder_is_no_file(text):
    with refused(Reason.IS_A_DIRECTORY):
        VPath.parse_file(text)


@pytest.mark.parametrize("text", ["a", "/a/b.", "a..", b"a/...", ".a"])
def test_other_text_is_a_file_where_it_is_a_path(text):
    assert VPath.parse_file(text, VPath(("x",))) == VPath.parse(text, VPath(("x",)))


def test_a_name_of_exactly_the_limit_is_taken():
    check_name("x" * MAX_NAME_BYTES)
    check_name("\u00e9" * (MAX_NAME_BYTES // 2))


@pytest.mark.fuzz
@settings(max_examples=200)
@given(st.one_of(st.text(max_size=60), st.binary(max_size=60)), st.sampled_from([None, BASE]))
def test_any_text_is_a_path_that_stays_inside_or_is_refused(text, base):
    try:
        path = VPath.parse(text, base)
    except Refused:
        return
    assert not {"", ".", ".."} & set(path.parts)
    assert not any("/" in part or "\x00" in part for part in path.parts)
    assert path.within(ROOT)
    assert VPath.parse(str(path)) == path


def test_parents_stop_at_the_root():
    path = VPath.parse("/a/b")
    assert (path.name, str(path.parent), str(path.parent.parent)) == ("b", "/a", "/")
    assert ROOT.parent == ROOT
    assert ROOT.is_root
    assert ROOT.name == ""


def test_within_goes_by_names_not_by_text():
    assert VPath.parse("/in/a").within(VPath.parse("/in"))
    assert VPath.parse("/in").within(VPath.parse("/in"))
    assert not VPath.parse("/inbox").within(VPath.parse("/in"))
