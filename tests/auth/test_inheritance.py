"""What an account has of its own, what of its groups, and what of which group."""

from pathlib import Path

import pytest

from mft.auth.inheritance import Membership, build_account
from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.permissions import Operation
from mft.core.peer import Address
from mft.core.vpath import VPath
from tests.fakes.accounts import PEER, account, group

ELSEWHERE = Address("203.0.113.5", 1)


def whole(options: AccountOptions, **groups: GroupOptions) -> Membership:
    return Membership.of("id-1", options, groups or {"DEFAULT_GROUP": group()})


def test_an_account_value_stands_before_its_group_value() -> None:
    first = group("first", file_write_size="100", create_home_folder="yes")
    built = build_account(
        whole(account(file_write_size="5", group="G", email="a@b"), G=first), PEER
    )
    assert built.file_write_size == 5
    assert built.create_home_folder is True
    assert (built.uuid, built.name, built.kind) == ("id-1", "ann", "application")
    assert (built.groups, built.group_names, built.email) == (("G",), ("first",), ("a@b",))


def test_only_the_primary_group_gives_single_values() -> None:
    groups = {"A": group("a", file_write_size="7"), "B": group("b", file_write_size="9")}
    assert build_account(whole(account(group="B, A"), **groups), PEER).file_write_size == 9


def test_bandwidth_is_inherited_and_shared_limits_of_all_groups_count() -> None:
    groups = {
        "A": group("a", upload_bandwidth="4096", group_download_bandwidth="8192"),
        "B": group("b", upload_bandwidth="5000", group_upload_bandwidth="6000"),
        "C": group("c"),
    }
    built = build_account(
        whole(account(group="A, B, C", download_bandwidth="2048"), **groups), PEER
    )
    assert (built.upload_bandwidth, built.download_bandwidth) == (4096, 2048)
    assert built.group_bandwidths == (("A", 0, 8192), ("B", 6000, 0))


def test_path_rules_of_all_groups_follow_each_other() -> None:
    groups = {
        "A": group("a", permissions="allow-read\n/x/*, allow-write"),
        "B": group("b", permissions="allow-full-control\n/y/*, allow-list"),
    }
    rules = build_account(whole(account(group="A, B"), **groups), PEER).rules
    assert rules.allow(Operation.LIST, VPath.parse("/y/z"))
    assert not rules.allow(Operation.DELETE_FILE, VPath.parse("/other"))
    assert [rule.source for rule in rules.rules] == ["group a", "group b", "group a"]


def test_permissions_of_the_account_stand_for_those_of_its_groups_entirely() -> None:
    groups = {"A": group("a", permissions="allow-read\n/shared/*, deny-full-control")}
    options = account(group="A", permissions="allow-full-control\n/${USER}/*, allow-list")
    rules = build_account(whole(options, **groups), PEER).rules
    assert rules.allow(Operation.WRITE, VPath.parse("/shared/x"))
    assert not rules.allow(Operation.WRITE, VPath.parse("/ann/x"))


def test_virtual_folders_of_groups_add_up_and_the_first_of_a_place_counts() -> None:
    groups = {
        "A": group("a", virtual_folders="/shared, /srv/a\n/mine, /srv/${USER}"),
        "B": group("b", virtual_folders="/shared, /srv/b\n/more, /srv/more"),
    }
    built = build_account(whole(account(group="A, B"), **groups), PEER)
    assert [(str(path), real) for path, real in built.virtual_folders] == [
        ("/shared", "/srv/a"),
        ("/mine", "/srv/ann"),
        ("/more", "/srv/more"),
    ]
    own = account(group="A, B", virtual_folders="/own, /srv/own")
    built = build_account(whole(own, **groups), PEER)
    assert [str(path) for path, _ in built.virtual_folders] == ["/own"]


def test_a_name_in_a_virtual_folder_cannot_climb() -> None:
    groups = {"A": group("a", virtual_folders="/mine, /srv/${USER}")}
    with pytest.raises(ValueError, match="cannot stand in a path"):
        build_account(whole(account("..", group="A"), **groups), PEER)
    plain = {"A": group("a", virtual_folders="/mine, /srv/all")}
    assert build_account(whole(account("..", group="A"), **plain), PEER).virtual_folders


@pytest.mark.parametrize(
    ("path", "home"),
    [("/srv", "/srv/ann"), ("/srv/${USER}/x", "/srv/ann/x"), ("${SHARED}/srv", "/srv")],
)
def test_a_home_comes_from_the_primary_group(path: str, home: str) -> None:
    options = account(group="A", home_folder_path="inherit")
    built = build_account(whole(options, A=group("a", home_folder_path=path)), PEER)
    assert built.home == home


def test_an_account_without_any_home_cannot_be_used() -> None:
    with pytest.raises(ValueError, match="home_folder_path"):
        build_account(whole(account(home_folder_path="inherit")), PEER)


def test_keys_come_from_the_account_or_from_the_primary_group() -> None:
    groups = {"A": group("a", ssh_authorized_keys_path="keys")}
    assert whole(account(group="A"), **groups).keys_path == Path("/instance/keys/ann")
    own = account(group="A", ssh_authorized_keys_path="k.pub")
    assert whole(own, **groups).keys_path == Path("/instance/k.pub")
    assert whole(account(group="A", ssh_authorized_keys_path=""), **groups).keys_path is None
    assert whole(account()).keys_path is None


def test_logins_by_certificate_are_allowed_by_the_account_or_its_primary_group() -> None:
    groups = {"A": group("a", allow_certificate_authentication="yes"), "B": group("b")}
    assert not whole(account()).allows_certificates
    assert whole(account(group="A, B"), **groups).allows_certificates
    assert not whole(account(group="B, A"), **groups).allows_certificates
    for own in ("yes", "no"):
        options = account(group="A", allow_certificate_authentication=own)
        assert whole(options, **groups).allows_certificates is (own == "yes")


def test_a_group_that_the_source_leaves_out_gives_nothing() -> None:
    groups = {
        "A": group(
            "inside",
            source_ip_filter="allow 192.0.2.0/24",
            permissions="allow-full-control",
            file_write_size="1",
        ),
        "B": group("everywhere", permissions="allow-read", file_write_size="2"),
    }
    member = whole(account(group="A, B"), **groups)
    near, far = build_account(member, PEER), build_account(member, ELSEWHERE)
    assert near.rules.allow(Operation.WRITE, VPath())
    assert not far.rules.allow(Operation.WRITE, VPath())
    assert (near.file_write_size, far.file_write_size) == (1, 2)
    assert (near.ignored_groups, far.ignored_groups) == ((), ("inside",))
    assert far.group_names == ("everywhere",)
    with pytest.raises(ValueError, match="no group"):
        build_account(whole(account(group="A"), A=groups["A"]), ELSEWHERE)


def test_restrictions_of_account_and_groups_are_kept_together() -> None:
    options = account(group="A", expire_datetime="2030-01-01Z", source_ip_filter="deny 1.2.3.4")
    built = build_account(whole(options, A=group("a", enabled="no")), PEER)
    assert built.restrictions.expires == 1893456000.0
    assert built.may_act(0, PEER) == 'the group "a" is disabled'


def test_a_group_that_does_not_exist_is_told() -> None:
    with pytest.raises(ValueError, match="no group X"):
        Membership.of("id", account(group="X"), {})


def test_folders_of_a_new_home_are_virtual_paths() -> None:
    options = account(home_folder_structure="in\nout/old", required_credentials="password")
    built = build_account(whole(options), PEER)
    assert [str(path) for path in built.home_folder_structure] == ["/in", "/out/old"]
    assert built.required_credentials == {"password"}


def test_how_long_an_account_may_be_unused_is_its_own_or_its_primary_groups() -> None:
    groups = {"A": group("a", disable_on_inactivity="30"), "B": group("b")}
    written = account(group="A, B", created="2030-01-01Z", changed="2030-02-01Z")
    found = whole(written, **groups).restrictions()
    assert (found.inactivity, found.renewed) == (30 * 86400.0, 1896134400.0)
    found = whole(account(group="B, A"), **groups).restrictions()
    assert (found.inactivity, found.renewed) == (0.0, None)
    own = account(group="A", disable_on_inactivity="0", created="2030-01-01Z")
    found = whole(own, **groups).restrictions()
    assert (found.inactivity, found.renewed) == (0.0, 1893456000.0)


def test_what_is_denied_is_hidden_where_the_account_or_its_primary_group_says_so() -> None:
    groups = {"A": group("a", hide_denied_entries="yes"), "B": group("b")}
    for options, hidden in (
        (account(group="A, B"), True),
        (account(group="B, A"), False),
        (account(group="A", hide_denied_entries="no"), False),
        (account(group="B", hide_denied_entries="yes"), True),
    ):
        assert build_account(whole(options, **groups), PEER).hide_denied_entries is hidden


@pytest.mark.parametrize(("order", "writes"), [("A, B", True), ("B, A", False), ("C, A, B", True)])
def test_of_several_groups_the_first_whose_rule_matches_a_path_decides(
    order: str, writes: bool
) -> None:
    groups = {
        "A": group("a", permissions="allow-list\n/${USER}/in/*, allow-write"),
        "B": group("b", permissions="allow-list\n/ANN/*, allow-read\n/only-b, allow-write"),
        "C": group("c", permissions="deny-full-control\n/elsewhere/*, allow-read"),
    }
    rules = build_account(whole(account(group=order), **groups), PEER).rules
    assert rules.allow(Operation.WRITE, VPath.parse("/ann/in/x")) is writes
    assert rules.allow(Operation.READ, VPath.parse("/ann/out")) is True
    assert rules.allow(Operation.WRITE, VPath.parse("/only-b")) is True
    # Where no rule matches, the primary group alone counts: what it denies no other allows.
    assert rules.allow(Operation.LIST, VPath.parse("/nowhere")) is (order[0] != "C")


def test_rules_of_a_second_group_count_where_it_gives_a_folder() -> None:
    groups = {
        "A": group("a", permissions="allow-read, allow-list"),
        "B": group(
            "b",
            virtual_folders="/team, /srv/team",
            permissions="allow-full-control\n/team, allow-list\n/team/*, allow-write",
        ),
    }
    built = build_account(whole(account(group="A, B"), **groups), PEER)
    assert [str(path) for path, _ in built.virtual_folders] == ["/team"]
    assert built.rules.allow(Operation.WRITE, VPath.parse("/team/x"))
    assert not built.rules.allow(Operation.READ, VPath.parse("/team/x"))
    assert not built.rules.allow(Operation.WRITE, VPath.parse("/mine"))
