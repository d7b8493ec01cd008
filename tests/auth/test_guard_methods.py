"""Bans and denied names that are written as methods hold, wherever in the list they stand."""

import pytest

from mft.auth.base import NotMine, Outcome, Password
from mft.auth.chain import Chain
from mft.auth.guard import Guard
from mft.auth.guard_methods import GuardMethod
from mft.auth.policy_options import DenyUsernameOptions, IpTimeBanOptions
from mft.auth.registry import AUTHENTICATORS
from mft.core.peer import Address
from mft.core.secret import Secret
from tests.fakes.accounts import CHEAP_HASH, PEER, SERVICE, Method, account
from tests.fakes.run import run

RIGHT, WRONG = Password("ann", Secret("right")), Password("ann", Secret("wrong"))
OPTIONS = {"ip-time-ban": IpTimeBanOptions, "deny-username": DenyUsernameOptions}


def guard(kind: str, accounts: Method, **options: str) -> GuardMethod:
    given = OPTIONS[kind].model_validate({"name": kind, **options})
    made = AUTHENTICATORS[kind].build("m1", given, accounts.parts)
    assert isinstance(made, GuardMethod)
    assert isinstance(made, Guard)
    made.in_force()
    return made


def outcome(chain: Chain, given: Password, peer: Address = PEER) -> Outcome:
    return run(chain.judge(given, peer, SERVICE)).outcome


@pytest.mark.parametrize("first", [True, False])
def test_a_source_is_banned_after_so_many_failures_of_other_methods(first: bool) -> None:
    accounts = Method(account(password=CHEAP_HASH))
    ban = guard("ip-time-ban", accounts, ban_after_count="3", ban_interval="60")
    chain = Chain([ban, accounts] if first else [accounts, ban], watches=[ban])
    assert [outcome(chain, WRONG) for _ in range(4)] == [Outcome.WRONG] * 3 + [Outcome.BARRED]
    assert outcome(chain, RIGHT) is Outcome.BARRED
    assert outcome(chain, RIGHT, Address("192.0.2.8", 1)) is Outcome.ACCEPTED


def test_a_success_in_between_begins_the_count_anew() -> None:
    accounts = Method(account(password=CHEAP_HASH))
    ban = guard("ip-time-ban", accounts, ban_after_count="3")
    chain = Chain([ban, accounts], watches=[ban])
    given = [WRONG, WRONG, RIGHT, WRONG, WRONG, RIGHT]
    assert Outcome.BARRED not in [outcome(chain, one) for one in given]


def test_a_denied_name_is_refused_although_its_password_is_right_and_costs_a_hash() -> None:
    accounts = Method(account("Root", password=CHEAP_HASH), account(password=CHEAP_HASH))
    denied = guard("deny-username", accounts)
    chain = Chain([denied, accounts], watches=[denied])
    assert outcome(chain, Password("Root", Secret("right"))) is Outcome.FORBIDDEN
    assert accounts.hashes.calls == 1
    assert outcome(chain, RIGHT) is Outcome.ACCEPTED
    assert [outcome(chain, WRONG) for _ in range(99)] == [Outcome.WRONG] * 99


def test_they_know_nobody_and_offer_no_kind_of_credential() -> None:
    accounts = Method(account(password=CHEAP_HASH))
    ban = guard("ip-time-ban", accounts)
    assert ban.kinds == frozenset()
    assert run(ban.authenticate(RIGHT, PEER, SERVICE)) == NotMine()
    assert Chain([ban]).kinds == frozenset()
    run(ban.start())
    run(ban.stop())
