"""May the account act: one predicate, and every way in which the answer is no."""

from dataclasses import replace

import pytest

from mft.auth.account import DAY, Account, GroupRestrictions, Restrictions, admits
from mft.auth.permissions import Rules
from mft.core.peer import Actor, Address, Network, parse_network
from mft.core.vpath import VPath
from tests.fakes.accounts import NOW, PEER

THERE = Address("198.51.100.9", 50000)


def rules(*lines: str) -> tuple[tuple[bool, Network], ...]:
    split = [line.split() for line in lines]
    return tuple((verb == "allow", parse_network(network)) for verb, network in split)


INSIDE = rules("allow 192.0.2.0/24")


def test_an_account_without_restrictions_may_act() -> None:
    assert Restrictions().may_act(NOW, PEER) is None
    account = Account("id", "ann", "/homes/ann", Rules.parse(["allow-read"]), email=("a@b", "c@d"))
    assert account.may_act(NOW, PEER) is None
    assert account.actor == Actor("id", "ann", "a@b, c@d")


@pytest.mark.parametrize(
    ("restrictions", "why"),
    [
        (Restrictions(enabled=False), "is disabled"),
        (Restrictions(groups=(GroupRestrictions("g", enabled=False),)), 'group "g" is disabled'),
        (
            Restrictions(groups=(GroupRestrictions("f"), GroupRestrictions("g", enabled=False))),
            'group "g" is disabled',
        ),
        (Restrictions(expires=NOW), "expired on 2030-03-17"),
        (Restrictions(expires=NOW - 1), "expired"),
        (Restrictions(sources=rules("allow 198.51.100.0/24")), "not allowed from 192.0.2.7"),
        (Restrictions(sources=rules("deny 192.0.2.7", "allow 0.0.0.0/0")), "not allowed from"),
        (
            Restrictions(groups=(GroupRestrictions("g", sources=rules("deny 0.0.0.0/0")),)),
            "no group",
        ),
    ],
)
def test_what_bars_an_account(restrictions: Restrictions, why: str) -> None:
    told = restrictions.may_act(NOW, PEER)
    assert told is not None
    assert why in told


@pytest.mark.parametrize(
    "restrictions",
    [
        Restrictions(expires=NOW + 1),
        Restrictions(sources=INSIDE),
        Restrictions(sources=rules("allow 192.0.2.7", "deny 192.0.2.0/24")),
        Restrictions(groups=(GroupRestrictions("g", sources=INSIDE),)),
        Restrictions(
            groups=(
                GroupRestrictions("g", sources=rules("deny 0.0.0.0/0")),
                GroupRestrictions("everywhere"),
            )
        ),
    ],
)
def test_what_does_not_bar_an_account(restrictions: Restrictions) -> None:
    assert restrictions.may_act(NOW, PEER) is None


def test_the_lines_of_an_account_end_in_a_denial_and_stand_before_those_of_groups() -> None:
    restrictions = Restrictions(sources=INSIDE, groups=(GroupRestrictions("everywhere"),))
    assert restrictions.may_act(NOW, PEER) is None
    assert restrictions.may_act(NOW, THERE) is not None


def test_an_address_family_is_not_a_way_around_a_rule() -> None:
    assert admits(INSIDE, Address("::ffff:192.0.2.7", 1))
    assert not admits(rules("allow ::/0"), PEER)
    assert not admits(rules("allow 0.0.0.0/0"), Address("2001:db8::1", 1))
    assert not admits(INSIDE, Address("not-an-address", 1))
    assert admits((), Address("not-an-address", 1))


UNUSED = Restrictions(inactivity=10 * DAY)


def test_an_account_that_was_not_used_for_so_long_is_barred_until_it_is_written_anew() -> None:
    assert UNUSED.may_act(NOW, PEER, NOW - 10 * DAY + 1) is None
    told = UNUSED.may_act(NOW, PEER, NOW - 10 * DAY)
    assert told == "the account was not used since 2030-03-07"
    again = replace(UNUSED, renewed=NOW - DAY)
    assert again.may_act(NOW, PEER, NOW - 10 * DAY) is None
    assert again.may_act(NOW + 9 * DAY, PEER, NOW - 10 * DAY) is not None
    assert Restrictions().may_act(NOW, PEER, 0.0) is None


def test_where_nobody_knows_of_logins_only_the_chain_can_tell() -> None:
    assert replace(UNUSED, renewed=0.0).may_act(NOW, PEER) is None


def test_an_account_passes_on_when_it_was_used() -> None:
    rules = Rules.parse(["allow-read"])
    account = Account("id", "ann", "/homes/ann", rules, restrictions=UNUSED)
    assert account.may_act(NOW, PEER, 0.0) == "the account was not used since 1970-01-01"


@pytest.mark.parametrize(
    ("path", "hidden"), [("/", False), ("/in/a", True), ("/in/open/a", False), ("/b", False)]
)
def test_what_is_hidden_is_what_nothing_may_be_done_with(path: str, hidden: bool) -> None:
    rules = Rules.parse(
        [
            "allow-read",
            "/, deny-full-control",
            "/in/open/*, allow-write",
            "/in/*, deny-full-control",
        ]
    )
    account = Account("id", "ann", "/homes/ann", rules, hide_denied_entries=True)
    assert account.hides(VPath.parse(path)) is hidden
    assert not replace(account, hide_denied_entries=False).hides(VPath.parse(path))
