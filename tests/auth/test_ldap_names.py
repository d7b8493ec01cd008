"""Names of a directory: what a peer gives is one value, and never more."""

from contextlib import suppress
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import MATCH_EQUAL, parse_filter
from ldap3.utils.dn import parse_dn

from mft.auth.ldap_names import (
    MAX_RDNS,
    DistinguishedName,
    escape_dn,
    escape_filter,
    folded,
    same_entry,
)
from tests.fakes.slapd import HOSTILE

NAMES = (*HOSTILE, "\0", "a\0b", "\n", "  ", "\u202e")


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_stays_one_value_of_a_filter(name: str) -> None:
    node = parse_filter(f"(uid={escape_filter(name)})", None, False, False, None, False)
    (only,) = node.elements
    assert only.tag == MATCH_EQUAL
    assert only.assertion["attr"] == "uid"
    told = only.assertion["value"]
    assert b"*" not in told
    unescaped = told.replace(b"\\", b"%")
    assert unquote_to_bytes(unescaped) == name.encode()


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_stays_one_value_of_a_distinguished_name(name: str) -> None:
    text = f"uid={escape_dn(name)},ou=people"
    parsed = DistinguishedName.parse(text)
    assert parsed.rdns == ((("uid", name),), (("ou", "people"),))
    assert len(parse_dn(text)) == 2  # another reader finds as many parts


@given(st.text(min_size=1, max_size=20))
def test_any_text_comes_back_as_it_was(name: str) -> None:
    if any(0xD800 <= ord(one) < 0xE000 for one in name):
        return
    text = f"uid={escape_dn(name)}+cn=x,ou=people"
    parsed = DistinguishedName.parse(text)
    assert parsed.rdns[0][0] == ("uid", name)
    assert DistinguishedName.parse(str(parsed)) == parsed


@given(st.text(max_size=40))
def test_anything_at_all_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        DistinguishedName.parse(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=ann,ou=people", "UID=Ann , OU=People"),
        ("uid=a\\2cb,ou=x", "uid=a\\,b,ou=x"),
        ("cn=a+sn=b,ou=x", "sn=b+cn=a,ou=x"),
        ("cn=Zo\\c3\\ab,ou=x", "cn=Zoë,ou=x"),
        ("cn=a  b,ou=x", "cn=a b,ou=x"),
    ],
)
def test_one_entry_may_be_written_in_several_ways(one: str, other: str) -> None:
    assert same_entry(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=ann,ou=people", "uid=bob,ou=people"),
        ("uid=ann,ou=people", "uid=ann,ou=others"),
        ("uid=ann,ou=people", "uid=ann\\,ou=people"),
        ("uid=ann", "cn=ann"),
        ("rubbish", "rubbish"),
    ],
)
def test_other_entries_are_not_taken_for_it(one: str, other: str) -> None:
    assert not same_entry(one, other)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not attribute=value"),
        ("ann", "not attribute=value"),
        ("uid=ann,", "not attribute=value"),
        ("uid=", "has no value"),
        ("=ann", "not attribute=value"),
        ("u id=ann", "not attribute=value"),
        ("uid=ann\\", "in the middle of an escape"),
        ('uid="ann"', "must be escaped"),
        ("uid=\\ff", "not UTF-8"),
        (",".join(["ou=x"] * (MAX_RDNS + 1)), f"more than {MAX_RDNS}"),
    ],
)
def test_what_is_no_distinguished_name_is_told(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        DistinguishedName.parse(text)


def test_a_name_is_below_those_that_end_it() -> None:
    name = DistinguishedName.parse("uid=ann,ou=people,dc=example")
    assert name.below(DistinguishedName.parse("OU=People,DC=example"))
    assert not name.below(name)
    assert not name.below(DistinguishedName.parse("ou=others,dc=example"))
    assert not DistinguishedName.parse("dc=example").below(name)


def test_names_are_compared_as_directories_do() -> None:
    assert folded(" Ann  SMITH ") == folded("ann smith")
    assert folded("\uff21nn") == folded("ann")
    assert folded("ann") != folded("anna")
