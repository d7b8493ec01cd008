"""What is bound for a name, by each bind_dn_type, and what the account is called then."""

from pathlib import Path

import pytest

from mft.auth.ldap_entry import Entry, Unusable
from mft.auth.ldap_options import LdapOptions
from mft.auth.ldap_users import account_name, attributes_of, filter_of, names_to_bind
from mft.config.kinds import Context

PEOPLE = "ou=people,dc=example"


def options(**given: str) -> LdapOptions:
    told = {"name": "x", "address": "x", "bind_dn": PEOPLE, "username_attribute": "uid", **given}
    return LdapOptions.model_validate(told, context=Context(Path("/i")))


def test_a_parent_gets_the_name_as_one_value() -> None:
    two = options(bind_dn=f"{PEOPLE}\nou=others")
    assert names_to_bind(two, "ann") == (f"uid=ann,{PEOPLE}", "uid=ann,ou=others")
    assert names_to_bind(options(), "ann,ou=x") == (f"uid=ann\\2cou\\3dx,{PEOPLE}",)


def test_a_relative_name_cannot_reach_beyond_its_parent() -> None:
    relative = options(bind_dn_type="relative")
    assert names_to_bind(relative, "UID=ann, ou=in") == (f"UID=ann,ou=in,{PEOPLE}",)
    for name in ("ann", "uid=ann\\", "uid=ann,", 'uid="ann'):
        with pytest.raises(Unusable, match="no distinguished name"):
            names_to_bind(relative, name)


def test_an_absolute_name_is_below_one_of_the_lines() -> None:
    absolute = options(bind_dn_type="absolute")
    assert names_to_bind(absolute, f"uid=ann,{PEOPLE}") == (f"uid=ann,{PEOPLE}",)
    for name in (PEOPLE, "cn=root,dc=example", f"uid=ann,{PEOPLE},dc=evil"):
        with pytest.raises(Unusable, match="not below any line"):
            names_to_bind(absolute, name)


def test_the_filter_holds_the_name_and_who_may_transfer_files() -> None:
    assert filter_of(options(), "a*") == "(&(uid=a\\2a)(objectClass=*))"
    assert filter_of(options(search_filter="(ou=x)"), "ann") == "(&(uid=ann)(ou=x))"


def test_the_account_is_called_as_the_directory_writes_it() -> None:
    entry = Entry(f"uid=Ann,{PEOPLE}", {"uid": (b"Ann", b"annie")})
    assert account_name(options(), "ANN", entry) == "Ann"
    assert account_name(options(), "annie", entry) == "annie"
    assert account_name(options(bind_dn_type="absolute"), "x", entry) == entry.dn
    for name in ("bob", ""):
        with pytest.raises(Unusable, match="does not show this name"):
            account_name(options(), name, entry)


def test_only_attributes_that_matter_are_read_each_once() -> None:
    assert attributes_of(options()) == ("uid",)
    assert attributes_of(
        options(
            nested_groups="yes",
            home_folder_attribute="homeDirectory",
            email_attribute="mail",
            one_time_codes_attribute="totpSecret",
            group_mapping="memberof, x, G\nou, y, G\nMAIL, z, G",
        )
    ) == ("uid", "homeDirectory", "MAIL", "totpSecret", "memberof", "ou")
