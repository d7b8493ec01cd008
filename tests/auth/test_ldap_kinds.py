"""Kinds of value of the ldap method: every bad line is told by itself."""

import pytest

from mft.auth.ldap_kinds import MAX_BASES, MAX_FILTER, MAX_MAPPINGS, MAX_SERVERS, HomeAttribute
from mft.auth.ldap_options import LdapOptions
from tests.auth.test_ldap_options import LEAST, options, told
from tests.auth.test_options import read


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("address =", "needs at least one server"),
        ("address = a b", "is not the name or IP address"),
        ("address = ldap://x", "is not the name or IP address"),
        ("address = x:636", "the port has an option"),
        ("address = " + ", ".join(["x"] * (MAX_SERVERS + 1)), f"more than {MAX_SERVERS}"),
    ],
)
def test_servers_are_names_or_addresses(text: str, sentence: str) -> None:
    (problem,) = read(LdapOptions, f"bind_dn = dc=x\n{text}")[1]
    assert sentence in problem


def test_servers_may_be_ipv6() -> None:
    found, problems = read(LdapOptions, "bind_dn = dc=x\naddress = ::1, 2001:db8::1, 192.0.2.1")
    assert problems == []
    assert found.address == ("::1", "2001:db8::1", "192.0.2.1")  # type: ignore[attr-defined]  # options of LDAP


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("search_bind_dn = ann", "is not a distinguished name"),
        ("search_filter = cn=x", "is not a filter"),
        ("search_filter = (cn=x", "is not a filter"),
        ("search_filter = (&(cn=x)", "is not a filter"),
        ("search_filter = (cn)", "is not a filter"),
        (f"search_filter = (cn={'x' * MAX_FILTER})", "is longer"),
        ("email_attribute = mail;binary", "is not the name of an attribute"),
        ("username_attribute = uid)(", "is not the name of an attribute"),
        ("home_folder_attribute = ../x", "does not begin with the name"),
        ("home_folder_attribute = uid, homes/{uid}", "needs an absolute path with {uid}"),
        ("home_folder_attribute = uid, /homes", "needs an absolute path with {uid}"),
        ("home_folder_attribute = uid, /{uid}/{uid}", "once"),
        ("group_mapping = ou, sales", "needs an attribute, an expression and a group"),
        ("group_mapping = o u, sales, G", "does not begin with an attribute"),
        ("group_mapping = ou, m/(/, G", "has an expression that cannot be used"),
        ('group_mapping = "ou, sales, G', "cannot be taken apart"),
    ],
)
def test_a_wrong_value_is_told(text: str, sentence: str) -> None:
    (problem,) = told(text)
    assert sentence in problem


def test_each_wrong_line_is_told_with_its_number() -> None:
    start = LEAST.count("\n") + 3
    problems = told("group_mapping =\n    ou, a, G\n    b\n    c, d\n")
    assert [one.split(":")[1] for one in problems] == [str(start + 2), str(start + 3)]
    problems = told("group_mapping =\n" + "    ou, a, G\n" * (MAX_MAPPINGS + 1))
    assert f"more than {MAX_MAPPINGS}" in problems[0]


def test_lines_of_bases_are_bounded_and_checked() -> None:
    lines = "    dc=x\n" * (MAX_BASES + 1)
    (problem,) = read(LdapOptions, f"address = x\nbind_dn =\n{lines}")[1]
    assert f"more than {MAX_BASES}" in problem
    assert "it needs a name" in read(LdapOptions, "address = x\nbind_dn =")[1][0]


def test_a_mapping_keeps_commas_in_quotes_and_knows_its_line() -> None:
    (first, second) = options(
        'group_mapping =\n    memberOf, "cn=sales,ou=x,*", A, B\n    # a note\n    ou, !x, C\n'
    ).group_mapping
    assert (first.attribute, first.expression.text) == ("memberOf", "cn=sales,ou=x,*")
    assert (first.identifiers, second.identifiers) == (("A", "B"), ("C",))
    assert (first.line, second.line) == (0, 2)
    assert second.expression.negated


def test_a_home_has_a_place_with_dashes_written_as_in_templates() -> None:
    home = options("home_folder_attribute = home-dir, /srv/{home_dir}/x").home_folder_attribute
    assert home == HomeAttribute("home-dir", "/srv/{home_dir}/x")
    assert options("home_folder_attribute =").home_folder_attribute is None
    assert options("home_folder_attribute = x").home_folder_attribute == HomeAttribute("x")
