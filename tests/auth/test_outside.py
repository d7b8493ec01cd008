"""Accounts that another system knows are read by the rules of server.ini."""

from dataclasses import replace

import pytest

from mft.auth.base import MAX_TRACE, Accepted, MoreNeeded, Rejected, Seen
from mft.auth.inheritance import build_account
from mft.auth.outside import admitted, found_again, outside_account, outside_uuid, trace_of
from mft.core.peer import Component
from tests.fakes.accounts import GROUPS, METHOD, NOW, PEER, Around, account, group

OPTIONS = {"name": "ann", "home_folder_path": "/homes/ann"}


def test_one_name_of_one_method_has_one_id_and_no_other_has_it() -> None:
    other = Component("method-2", "ldap", "elsewhere")
    ids = {outside_uuid(METHOD, "ann"), outside_uuid(METHOD, "bob"), outside_uuid(other, "ann")}
    assert len(ids) == 3
    assert outside_uuid(METHOD, "ann") in ids


def test_it_has_the_values_that_were_told_and_else_those_of_its_groups() -> None:
    groups = {**GROUPS, "READERS": group("readers", permissions="allow-read", file_write_size="9")}
    whole = outside_account(
        "id-1", "ldap", groups, ["READERS"], {**OPTIONS, "email": "a@b.example"}
    )
    verdict = admitted(whole, METHOD, NOW, PEER)
    assert isinstance(verdict, Accepted)
    account = verdict.account
    assert (account.uuid, account.kind, account.name) == ("id-1", "ldap", "ann")
    assert (account.groups, account.file_write_size) == (("READERS",), 9)
    assert (account.email, account.home) == (("a@b.example",), "/homes/ann")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("home_folder_path", "homes/ann"),
        ("home_folder_path", "/homes/../etc\0"),
        ("permissions", "allow-everything"),
        ("virtual_folders", "/, /srv"),
        ("no_such_option", "1"),
    ],
)
def test_what_could_not_stand_in_server_ini_is_refused_by_its_name(option: str, value: str) -> None:
    with pytest.raises(ValueError, match=option):
        outside_account("id-1", "ldap", GROUPS, ["DEFAULT_GROUP"], {**OPTIONS, option: value})


def test_a_group_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no group NOBODY"):
        outside_account("id-1", "ldap", GROUPS, ["NOBODY"], OPTIONS)


@pytest.mark.parametrize("name", ["ann:b", "ann/b", "ann\\b", "ann*b", "ann|b"])
def test_a_name_that_a_path_would_change_has_the_folders_of_nobody_else(name: str) -> None:
    """`ann.b` is somebody else, who has the folder that this name would be in a path."""
    by_name = {"ALL": group("all", home_folder_path="/homes/${USER}")}
    shared = {"ALL": group("all", virtual_folders="/own, /own/${USER}")}
    for groups, told in ((by_name, {}), (shared, {"home_folder_path": "/homes/one"})):
        for who, kind in (("ann.b", Accepted), (name, Rejected)):
            whole = outside_account("id-1", "http", groups, ["ALL"], {**told, "name": who})
            verdict = admitted(whole, METHOD, NOW, PEER)
            assert isinstance(verdict, kind), verdict
    own = outside_account("id-1", "http", GROUPS, ["DEFAULT_GROUP"], {**OPTIONS, "name": name})
    assert isinstance(admitted(own, METHOD, NOW, PEER), Accepted), "a home of its own"


def test_a_disabled_group_bars_it() -> None:
    groups = {"OFF": group("off", enabled="no")}
    whole = outside_account("id-1", "ldap", groups, ["OFF"], OPTIONS)
    verdict = admitted(whole, METHOD, NOW, PEER)
    assert isinstance(verdict, Rejected)
    assert verdict.forbidden


def test_without_a_home_it_cannot_be_used() -> None:
    whole = outside_account("id-1", "ldap", GROUPS, ["DEFAULT_GROUP"], {"name": "ann"})
    verdict = admitted(whole, METHOD, NOW, PEER)
    assert isinstance(verdict, Rejected)
    assert "home_folder_path" in verdict.details


@pytest.mark.parametrize(
    ("required", "kind", "verdict"),
    [
        ("any", "password", Accepted),
        ("password", "password", Accepted),
        ("ssh-key", "password", Rejected),
        ("password", "ssh-key", Rejected),
        ("password, ssh-key", "password", MoreNeeded),
        ("password, ssh-key", "ssh-key", MoreNeeded),
        ("any", "ssl-certificate", Rejected),  # the group does not allow certificates
    ],
)
def test_what_a_group_wants_of_logins_holds(required: str, kind: str, verdict: type) -> None:
    groups = {"G": group("g", required_credentials=required)}
    whole = outside_account("id-1", "ldap", groups, ["G"], OPTIONS)
    found = admitted(whole, METHOD, NOW, PEER, kind)
    assert isinstance(found, verdict)
    if isinstance(found, MoreNeeded):
        assert found.kinds == {"password", "ssh-key"} - {kind}
    if isinstance(found, Rejected):
        assert found.forbidden


# What was told of an account at another node.


def told(**options: str) -> Seen:
    whole = outside_account("id-1", METHOD.kind, GROUPS, ["FIXED"], {**OPTIONS, **options})
    trace = trace_of(build_account(whole, PEER))
    assert trace is not None
    return Seen(METHOD.uuid, "id-1", "ann", frozenset(("password",)), trace)


def test_what_was_told_there_is_read_again_and_groups_are_those_of_here() -> None:
    seen = told(permissions="allow-read\n/in/*, allow-write", virtual_folders="/v, /srv/v")
    groups = {**GROUPS, "FIXED": group("fixed", file_write_size="7")}
    found = found_again(seen, METHOD, Around(groups=groups).parts, PEER)
    assert isinstance(found, Accepted)
    assert (found.account.uuid, found.account.groups) == ("id-1", ("FIXED",))
    assert found.account.file_write_size == 7
    assert [str(path) for path, _ in found.account.virtual_folders] == ["/v"]
    assert trace_of(found.account) == seen.trace, "a third node finds it as well"


def test_a_group_that_is_not_here_or_bars_refuses_it() -> None:
    without = Around(groups={"DEFAULT_GROUP": group()})
    off = Around(groups={"FIXED": group(enabled="no")})
    for around in (without, off):
        assert isinstance(found_again(told(), METHOD, around.parts, PEER), Rejected)


def test_an_account_that_is_in_server_ini_by_now_is_not_what_was_told() -> None:
    around = Around(account("ann"))
    found = found_again(told()._replace(account="id-ann"), METHOD, around.parts, PEER)
    assert isinstance(found, Rejected)
    assert "server.ini" in found.details


def test_what_is_too_much_or_nothing_has_no_trace() -> None:
    rules = "\n".join(f"/{'x' * 1000}{n}, allow-read" for n in range(70))
    given = {**OPTIONS, "permissions": f"allow-list\n{rules}"}
    whole = outside_account("id-1", METHOD.kind, GROUPS, ["FIXED"], given)
    much = build_account(whole, PEER)
    assert len(rules) > MAX_TRACE
    assert trace_of(much) is None
    assert trace_of(replace(much, told=())) is None
