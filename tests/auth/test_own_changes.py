"""An account of server.ini gives itself another password, or one-time codes."""

from typing import Any

import pytest

from mft.auth.account import DAY, Account
from mft.auth.base import (
    Accepted,
    Change,
    CodesChange,
    MoreNeeded,
    OneTimeCode,
    Password,
    PasswordChange,
    Rejected,
)
from mft.auth.chain import Chain, Outcome
from mft.auth.members import MAX_WAITING
from mft.auth.own_passwords import Fault, NotChanged, Policy
from mft.auth.passwords import SHA512, make_hash
from mft.auth.time_codes import PERIOD, TimeCodes, new_recovery_codes, recovery_digest
from mft.auth.used_codes import MAX_WRONG
from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.core.secret import Secret
from tests.fakes.accounts import (
    CHEAP_HASH,
    NOW,
    OTPAUTH,
    PEER,
    SERVICE,
    Method,
    account,
    code_at,
    group,
)
from tests.fakes.run import run

OTHER_HASH = CHEAP_HASH.replace("$rounds=1000$", "$rounds=1001$")
LOOSE = Policy(strength=0, length=0, history=0)
NEW = "correct horse battery staple"


def method(policy: Policy = LOOSE, **options: str) -> Method:
    return Method(account(**{"password": CHEAP_HASH, **options}), policy=policy)


def logged_in(method: Method, word: str) -> bool:
    verdict = run(method.authenticate(Password("ann", Secret(word)), PEER, SERVICE))
    return isinstance(verdict, Accepted)


def ann(method: Method) -> Account:
    """The account of a login."""
    member = method._members.named("ann")
    assert member is not None
    return method._members.account(member.whole, PEER)


def change(method: Method, old: str, new: str, peer: Address = PEER) -> Fault | None:
    return made(method, PasswordChange(Secret(old), Secret(new)), peer)


def made(method: Method, change: Change, peer: Address = PEER) -> Fault | None:
    try:
        run(Chain([method]).change_credentials(ann(method), change, peer))
    except NotChanged as why:
        return why.fault
    return None


def test_the_new_password_logs_in_and_the_old_one_does_not() -> None:
    ours = method(Policy())
    assert change(ours, "right", NEW) is None
    assert logged_in(ours, NEW)
    assert not logged_in(ours, "right")
    assert change(ours, "right", "another " + NEW) is Fault.WRONG
    assert change(ours, NEW, "another " + NEW) is None
    assert logged_in(ours, "another " + NEW)


def test_what_was_changed_counts_for_a_method_that_is_made_later() -> None:
    ours, later = method(), method()
    assert change(ours, "right", NEW) is None
    later.own.kept = ours.own.kept
    assert logged_in(later, NEW)
    assert not logged_in(later, "right")


def test_another_hash_in_the_configuration_has_the_last_word() -> None:
    ours, later = method(), method(password=OTHER_HASH)
    assert change(ours, "right", NEW) is None
    later.own.kept = ours.own.kept
    assert not logged_in(later, NEW)
    emptied = method(password="")
    emptied.own.kept = ours.own.kept
    assert not logged_in(emptied, NEW)


@pytest.mark.parametrize(
    ("new", "fault"),
    [
        ("", Fault.IMPOSSIBLE),
        ("x" * 151, Fault.IMPOSSIBLE),
        ("line\nbreak and more", Fault.IMPOSSIBLE),
        ("\ud800 and more of it", Fault.IMPOSSIBLE),
        ("little", Fault.SHORT),
        ("password1234", Fault.WEAK),
        ("ann@example.com", Fault.WEAK),
    ],
)
def test_what_the_policy_refuses_is_not_kept(new: str, fault: Fault) -> None:
    ours = method(Policy(), email="ann@example.com")
    assert change(ours, "right", new) is fault
    assert logged_in(ours, "right")
    assert ours.own.kept == {}


@pytest.mark.parametrize("old", ["", "wrong", "x" * 151, "a\0b"])
def test_the_old_password_is_needed(old: str) -> None:
    ours = method()
    assert change(ours, old, NEW) is Fault.WRONG
    assert logged_in(ours, "right")


def test_passwords_before_do_not_come_back_for_as_long_as_they_are_remembered() -> None:
    ours = method(LOOSE._replace(history=2))
    assert change(ours, "right", "right") is Fault.USED
    assert change(ours, "right", "second") is None
    assert change(ours, "second", "right") is Fault.USED
    assert change(ours, "second", "third") is None
    assert change(ours, "third", "second") is Fault.USED
    assert change(ours, "third", "right") is None
    assert len(ours.own.kept["id-ann"].earlier) == 2


def test_what_an_account_chose_is_remembered_when_the_administrator_takes_it_away() -> None:
    policy = LOOSE._replace(history=8)
    ours, later = method(policy), method(policy, password=make_hash("third", SHA512, 1000))
    assert change(ours, "right", "second") is None
    later.own.kept = ours.own.kept
    assert [change(later, "third", word) for word in ("second", "right")] == [Fault.USED] * 2
    assert change(later, "third", "fourth") is None


def test_no_refusal_repeats_a_password() -> None:
    ours = method(Policy(), email="ann@example.com")
    for old, new in (("zorblax7", "krumplin"), ("right", "krumplin"), ("right", "krum\nplin")):
        given = PasswordChange(Secret(old), Secret(new))
        with pytest.raises(NotChanged) as why:
            run(Chain([ours]).change_credentials(ann(ours), given, PEER))
        assert "zorblax" not in str(why.value)
        assert "plin" not in str(why.value)


@pytest.mark.parametrize(
    "options",
    [
        {"group": "FIXED"},
        {"password": ""},
        {"enabled": "no"},
        {"expire_datetime": "2020-01-01"},
        {"source_ip_filter": "deny 192.0.2.7"},
    ],
    ids=str,
)
def test_who_may_not_change_it_now_does_not(options: dict[str, str]) -> None:
    """What counts is the configuration of now, not that of the login."""
    before, now = method(), method(**options)
    given = PasswordChange(Secret("right"), Secret(NEW))
    with pytest.raises(NotChanged) as why:
        run(Chain([now]).change_credentials(ann(before), given, PEER))
    assert why.value.fault is Fault.NOT_ALLOWED
    assert now.hashes.calls == 0
    assert now.own.kept == {}


def test_an_account_that_is_gone_changes_nothing() -> None:
    given = PasswordChange(Secret("right"), Secret(NEW))
    with pytest.raises(NotChanged) as why:
        run(Chain([Method(account("bob"))]).change_credentials(ann(method()), given, PEER))
    assert why.value.fault is Fault.NOT_ALLOWED


def test_only_the_primary_group_allows_it() -> None:
    groups = {"A": group("a"), "B": group("b", allow_own_password_change="yes")}
    second = Method(account(password=CHEAP_HASH, group="A, B"), groups=groups)
    first = Method(account(password=CHEAP_HASH, group="B, A"), groups=groups)
    assert not ann(second).allow_own_password_change
    assert change(second, "right", NEW) is Fault.NOT_ALLOWED
    assert ann(first).allow_own_password_change
    assert change(first, "right", NEW) is None


@pytest.mark.parametrize("broken", [OSError(28, "No space left on device"), Refused(Reason.BROKEN)])
def test_one_that_cannot_be_kept_changes_nothing(broken: Exception) -> None:
    ours = method()
    whose = ann(ours)
    ours.own.fails = broken
    given = PasswordChange(Secret("right"), Secret(NEW))
    with pytest.raises(NotChanged) as why:
        run(Chain([ours]).change_credentials(whose, given, PEER))
    assert why.value.fault is Fault.BROKEN
    ours.own.fails = None
    assert logged_in(ours, "right")


def test_one_that_cannot_be_read_lets_nobody_in_and_costs_as_much() -> None:
    ours = method()
    ours.own.fails = Refused(Reason.BROKEN, "", "it cannot be read")
    before = ours.hashes.calls
    judged = run(Chain([ours]).judge(Password("ann", Secret("right")), PEER, SERVICE))
    assert (judged.outcome, judged.details) == (Outcome.WRONG, "it cannot be read")
    assert ours.hashes.calls == before + 1


def test_one_at_a_time_by_whichever_method() -> None:
    """Each service may have methods of its own, and after a reload there are new ones."""
    ours, other = method(), method()
    other._changes._parts = other.parts._replace(own=ours.own)
    whose, chain = ann(ours), Chain([ours])
    given = PasswordChange(Secret("right"), Secret(NEW))
    inside: list[Any] = []

    class Held:
        """A pool in which somebody else asks for the same meanwhile."""

        async def __call__(self, call: Any, /, *args: Any) -> Any:
            ours._computed._login = ours.parts.login
            with pytest.raises(NotChanged) as why:
                await Chain([other]).change_credentials(whose, given, PEER)
            inside.append(why.value.fault)
            return call(*args)

    ours._computed._login = Held()
    run(chain.change_credentials(whose, given, PEER))
    assert inside == [Fault.BUSY]
    assert logged_in(ours, NEW)
    assert ours.own.changing == set()


def test_the_line_for_hashes_is_the_one_of_logins() -> None:
    ours = method()
    ours._computed.waiting = MAX_WAITING
    assert change(ours, "right", NEW) is Fault.BUSY


ENDING = {"password_lifetime": "10", "last_password_update": "2030-03-10"}


def test_the_lifetime_of_a_password_of_ones_own_begins_with_it() -> None:
    ours = method(**ENDING)
    assert change(ours, "right", NEW) is None
    for days, lets_in in ((9, True), (10, False)):
        later = Method(account(password=CHEAP_HASH, **ENDING), now=NOW + days * DAY)
        later.own.kept = ours.own.kept
        assert logged_in(later, NEW) is lets_in
    fixed = Method(account(password=OTHER_HASH, **ENDING), now=NOW + DAY)
    fixed.own.kept = ours.own.kept
    assert logged_in(fixed, "right") is False  # another hash, and no newer update


def test_a_password_that_has_expired_meanwhile_changes_nothing() -> None:
    ours = method(password_lifetime="10", last_password_update="2030-01-01")
    assert change(ours, "right", NEW) is Fault.NOT_ALLOWED
    assert change(ours, "wrong", NEW) is Fault.WRONG
    assert ours.own.kept == {}


# A password, where the account has one-time codes.

CODED = {"multi_factor_authentication": OTPAUTH}


@pytest.mark.parametrize(
    "old",
    ["right", "right000000", "right" + code_at(NOW + 5 * PERIOD)],
    ids=["none", "a wrong one", "one of later"],
)
def test_whoever_has_codes_changes_the_password_with_one_only(old: str) -> None:
    """Who finds an open screen, and knows the password, locks nobody out."""
    ours = method(**CODED)
    assert change(ours, old, NEW) is Fault.CODE_WRONG
    assert ours.own.kept == {}
    assert change(ours, "right" + code_at(), NEW) is None


def test_the_code_may_come_beside_the_old_password_or_at_its_end() -> None:
    for old, code in (("right", code_at()), ("right" + code_at(), "")):
        ours = method(**CODED)
        given = PasswordChange(Secret(old), Secret(NEW), Secret(code))
        assert made(ours, given) is None
        assert isinstance(verdict_on(ours, NEW), MoreNeeded)
        assert change(ours, NEW + code_at(), "another " + NEW) is Fault.CODE_WRONG  # it was used


def test_codes_that_an_account_gave_itself_are_needed_for_another_password_too() -> None:
    ours = method()
    assert set_codes(ours) is None
    ours.now += PERIOD
    assert change(ours, "right", NEW) is Fault.CODE_WRONG
    given = PasswordChange(Secret("right"), Secret(NEW), Secret(RECOVERY))
    assert made(ours, given) is None


def test_a_code_is_used_up_for_no_password_that_is_not_taken() -> None:
    ours = method(Policy(), **CODED)
    assert change(ours, "wrong" + code_at(), NEW) is Fault.WRONG
    assert change(ours, "right" + code_at(), "little") is Fault.SHORT
    assert change(ours, "right" + code_at(), NEW) is None


def test_a_code_that_is_missing_is_no_guess() -> None:
    ours = method(**CODED)
    assert [change(ours, "right", NEW) for _ in range(MAX_WRONG)] == [Fault.CODE_WRONG] * MAX_WRONG
    wrong = [change(ours, "right000000", NEW) for _ in range(MAX_WRONG)]
    assert wrong == [Fault.CODE_WRONG] * MAX_WRONG
    assert change(ours, "right" + code_at(), NEW) is Fault.TOO_OFTEN


def test_without_codes_the_end_of_an_old_password_is_its_own() -> None:
    ours = method()
    assert change(ours, "right123456", NEW) is Fault.WRONG


# One-time codes.

NEW_CODES = TimeCodes.fresh()
OTHER_CODES = TimeCodes.fresh()
RECOVERY = new_recovery_codes()[0]
DIGESTS = frozenset(filter(None, (recovery_digest(RECOVERY),)))


def set_codes(
    method: Method,
    new: TimeCodes | None = NEW_CODES,
    *,
    password: str = "right",
    code: str = "",
    first: str | None = None,
) -> Fault | None:
    """Have these codes; `code` is one of those until now."""
    if first is None:
        first = "" if new is None else code_at(method.now, new)
    given = CodesChange(Secret(password), Secret(code), new, Secret(first), DIGESTS)
    return made(method, given)


def verdict_on(method: Method, word: str) -> Any:
    return run(method.authenticate(Password("ann", Secret(word)), PEER, SERVICE))


def test_codes_that_an_account_gave_itself_are_needed_from_then_on() -> None:
    ours = method()
    assert "one-time-code" not in ours.kinds
    assert set_codes(ours) is None
    assert "one-time-code" in ours.kinds
    assert isinstance(verdict_on(ours, "right"), MoreNeeded)
    ours.now += PERIOD
    assert isinstance(verdict_on(ours, "right" + code_at(ours.now, NEW_CODES)), Accepted)
    code = OneTimeCode("ann", Secret(RECOVERY))
    verdict = run(ours.authenticate(code, PEER, SERVICE))
    assert isinstance(verdict, MoreNeeded)
    assert verdict.kinds == {"password"}  # which the chain knows came before


def test_the_code_that_proved_them_does_not_log_in_as_well() -> None:
    ours = method()
    first = code_at(ours.now, NEW_CODES)
    assert set_codes(ours, first=f"{first[:3]} {first[3:]}") is None
    refused = verdict_on(ours, "right" + first)
    assert isinstance(refused, Rejected)
    assert "used before" in refused.details


def test_they_count_for_a_method_that_is_made_later() -> None:
    ours, later = method(), method()
    assert set_codes(ours) is None
    later.factors.kept = ours.factors.kept
    assert isinstance(verdict_on(later, "right"), MoreNeeded)


@pytest.mark.parametrize("password", ["wrong", "", "right "])
def test_nobody_sets_them_without_the_password(password: str) -> None:
    ours = method()
    assert set_codes(ours, password=password) is Fault.WRONG
    assert ours.factors.kept == {}


@pytest.mark.parametrize("first", ["", "000000", "12345", "\u0661\u0662\u0663\u0664\u0665\u0666"])
def test_nor_without_a_code_of_them(first: str) -> None:
    ours = method()
    assert set_codes(ours, first=first) is Fault.NEW_CODE_WRONG
    assert ours.factors.kept == {}


def test_others_take_a_code_of_those_until_now() -> None:
    ours = method()
    assert set_codes(ours) is None
    ours.now += PERIOD
    assert set_codes(ours, OTHER_CODES) is Fault.CODE_WRONG
    assert set_codes(ours, OTHER_CODES, code="000000") is Fault.CODE_WRONG
    assert set_codes(ours, OTHER_CODES, code=code_at(ours.now, OTHER_CODES)) is Fault.CODE_WRONG
    assert set_codes(ours, OTHER_CODES, code=code_at(ours.now, NEW_CODES)) is None
    assert ours.factors.kept["id-ann"].codes is OTHER_CODES


def test_a_recovery_code_does_as_well_and_is_used_up_for_nothing_else() -> None:
    ours = method()
    assert set_codes(ours) is None
    ours.now += PERIOD
    assert set_codes(ours, OTHER_CODES, code=RECOVERY, first="000000") is Fault.NEW_CODE_WRONG
    assert set_codes(ours, OTHER_CODES, code=RECOVERY, password="wrong") is Fault.WRONG
    assert set_codes(ours, OTHER_CODES, code=RECOVERY) is None


def test_they_are_given_up_with_the_password_and_a_code() -> None:
    ours = method()
    assert set_codes(ours) is None
    ours.now += PERIOD
    code = code_at(ours.now, NEW_CODES)
    assert set_codes(ours, None, code=code, password="wrong") is Fault.WRONG
    assert set_codes(ours, None) is Fault.CODE_WRONG
    assert set_codes(ours, None, code=code) is None
    assert isinstance(verdict_on(ours, "right"), Accepted)


def test_who_has_none_gives_up_none() -> None:
    ours = method()
    assert set_codes(ours, None, password="wrong") is Fault.WRONG
    assert set_codes(ours, None) is Fault.NO_CODES


def test_guesses_at_the_code_count_as_at_a_login() -> None:
    ours = method()
    assert set_codes(ours) is None
    ours.now += PERIOD
    faults = [set_codes(ours, None, code="000000") for _ in range(MAX_WRONG)]
    assert faults == [Fault.CODE_WRONG] * MAX_WRONG
    assert set_codes(ours, None, code=code_at(ours.now, NEW_CODES)) is Fault.TOO_OFTEN


def test_an_account_with_codes_of_the_configuration_has_those() -> None:
    ours = method(multi_factor_authentication=OTPAUTH)
    assert not ann(ours).allow_own_one_time_codes
    assert set_codes(ours, code=code_at()) is Fault.NOT_ALLOWED


@pytest.mark.parametrize(
    "options",
    [
        {"group": "FIXED"},
        {"password": ""},
        {"required_credentials": "ssh-key"},
        {"enabled": "no"},
        {"expire_datetime": "2030-01-01"},
    ],
)
def test_who_may_not_gives_itself_none(options: dict[str, str]) -> None:
    allowed, ours = method(), method(**options)
    given = CodesChange(
        Secret("right"), Secret(""), NEW_CODES, Secret(code_at(NOW, NEW_CODES)), DIGESTS
    )
    with pytest.raises(NotChanged) as why:
        run(Chain([ours]).change_credentials(ann(allowed), given, PEER))
    assert why.value.fault is Fault.NOT_ALLOWED
    assert ours.factors.kept == {}


def test_codes_stay_in_force_where_nobody_may_set_them_any_more() -> None:
    ours, fixed = method(), method(group="FIXED")
    assert set_codes(ours) is None
    fixed.factors.kept = ours.factors.kept
    assert isinstance(verdict_on(fixed, "right"), MoreNeeded)


def test_codes_that_cannot_be_kept_are_not_in_force() -> None:
    ours = method()
    ours.factors.fails = OSError(28, "No space left on device")
    assert set_codes(ours) is Fault.BROKEN
    ours.factors.fails = None
    assert isinstance(verdict_on(ours, "right"), Accepted)


def test_codes_that_cannot_be_read_let_no_password_in_and_cost_as_much() -> None:
    ours = method()
    ours.factors.fails = Refused(Reason.BROKEN, "", "its codes cannot be read")
    before = ours.hashes.calls
    judged = run(Chain([ours]).judge(Password("ann", Secret("right")), PEER, SERVICE))
    assert (judged.outcome, judged.details) == (Outcome.WRONG, "its codes cannot be read")
    assert ours.hashes.calls == before + 1
