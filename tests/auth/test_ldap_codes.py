"""One-time codes of a directory's accounts: what is bound, what is judged, and what is told."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import get_ident
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from mft.auth.account import Account
from mft.auth.base import Accepted, MoreNeeded, OneTimeCode, Password, PublicKey, Rejected, Verdict
from mft.auth.chain import Chain, Judged, Outcome
from mft.auth.kinds import ONE_TIME_CODE
from mft.auth.ldap import TOO_LATE, LdapAuthenticator
from mft.auth.ldap_codes import AWAITED_SECONDS, MAX_AWAITED, Attempt, Awaited, Second
from mft.auth.ldap_entry import Entry
from mft.auth.ldap_options import LdapOptions
from mft.auth.outside import outside_uuid
from mft.auth.second_factor import TOO_OFTEN, USED, WRONG, Factor
from mft.auth.time_codes import PERIOD, TimeCodes
from mft.auth.used_codes import MAX_WRONG, NOWHERE, Take, Used
from mft.core.failure import Refused
from mft.core.peer import Component
from mft.core.secret import Secret
from mft.daemon import build
from mft.events import catalogue as events
from tests.fakes.accounts import (
    CODES,
    NOW,
    OTPAUTH,
    PEER,
    SERVICE,
    Around,
    UsedInMemory,
    code_at,
    group,
)
from tests.fakes.loop import run_loop, until
from tests.fakes.lying import ANN, SEARCHER, Lying
from tests.fakes.run import run
from tests.fakes.slapd import KEY

METHOD = Component("method-1", "ldap", "directory")
BARE = CODES.secret.reveal()
CODE = frozenset((ONE_TIME_CODE,))
OURS = {
    "DEFAULT_GROUP": group(home_folder_path="/homes/${USER}"),
    "BOTH": group("both", home_folder_path="/b/${USER}", required_credentials="password, ssh-key"),
    "OFF": group("off", home_folder_path="/off", enabled="no"),
}
WRONG_CODE = next(
    one
    for one in map("{:06}".format, range(10))
    if one not in {code_at(NOW + step * PERIOD) for step in (-1, 0, 1)}
)


class Method(LdapAuthenticator, Around):
    """A method over a server that does as the test says; its entry of ann has a second factor."""

    def __init__(self, options: LdapOptions, lying: Lying) -> None:
        Around.__init__(self, groups=OURS)
        LdapAuthenticator.__init__(
            self, METHOD, options, self.parts._replace(directory=Path("/instance"))
        )
        self.lying = lying
        self.shows(BARE)

    def shows(self, *values: str | bytes) -> None:
        """Let the entry of ann have these values of the attribute."""
        shown = [one.encode() if isinstance(one, str) else one for one in values]
        keys = [KEY.line().encode()]
        self.lying.found = [
            (
                ANN.encode(),
                {"uid": [b"ann"], "sshPublicKey": keys, "oath": shown}
                if shown
                else {"uid": [b"ann"], "sshPublicKey": keys},
            )
        ]

    def log_in(self, text: str = "right", name: str = "ann") -> Verdict:
        return run(self.authenticate(Password(name, Secret(text)), PEER, SERVICE))

    def key(self, proven: bool = True) -> Verdict:
        return run(self.authenticate(PublicKey("ann", KEY.blob, proven), PEER, SERVICE))

    def code(self, text: str, account: Account | None) -> Verdict:
        return run(self.authenticate(OneTimeCode("ann", Secret(text), account), PEER, SERVICE))

    def waiting(self) -> Account:
        """The account of ann, who has given her password."""
        verdict = self.log_in()
        assert isinstance(verdict, MoreNeeded), verdict
        return verdict.account

    def bound(self, text: str, name: str = "ann") -> list[str]:
        """The passwords of the binds that one attempt takes, but the searching account's."""
        before = len(self.lying.binds)
        self.log_in(text, name)
        both = list(zip(self.lying.binds, self.lying.given, strict=True))[before:]
        return [given for who, given in both if who != SEARCHER]


Make = Callable[..., Method]


@pytest.fixture
def make() -> Iterator[Make]:
    """A method that searches, unless the options say otherwise."""
    made: list[Any] = []

    def method(**given: str) -> Method:
        lying = Lying()
        told = {
            "bind_dn_type": "search",
            "one_time_codes_attribute": "oath",
            "username_suffix": "@example" if given.get("bind_dn_type") == "direct-username" else "",
            **given,
        }
        found = Method(lying.options(**told), lying)
        made.append(found)
        return found

    yield method
    for one in made:
        run(one.stop())
        one.lying.server.close()


@pytest.fixture
def method(make: Make) -> Method:
    return make()


def why(verdict: Verdict) -> str:
    assert isinstance(verdict, Rejected), verdict
    assert not verdict.forbidden
    return verdict.details


# What a text may mean.


def texts(text: str, digits: int = 6, coded: bool = True) -> list[tuple[str, str]]:
    readings = Attempt(Secret(text), NOW, coded).readings(digits)
    return [(one.password.reveal(), one.code.reveal()) for one in readings]


def test_a_text_that_ends_in_six_digits_is_read_in_two_ways() -> None:
    assert texts("right123456") == [("right123456", ""), ("right", "123456")]
    assert texts("right12345678", 8) == [("right12345678", ""), ("right", "12345678")]
    for text in (
        "right",
        "right12345",
        "right12345x",
        "right\u0661\u0662\u0663\u0664\u0665\u0666",
        "right-12345 6",
    ):
        assert texts(text) == [(text, "")]
    assert texts("right123456", coded=False) == [("right123456", "")]


@pytest.mark.parametrize("text", ["123456", " 123456", "\u3000\u00a0123456"])
@pytest.mark.parametrize("digits", [6, 8])
def test_a_password_that_would_be_blank_without_its_end_is_whole(text: str, digits: int) -> None:
    assert texts(text, digits) == [(text, "")]


def test_how_many_readings_there_are_depends_on_the_text_alone() -> None:
    for text in ("x123456", "12345678", " 12345678", "xy123456"):
        assert len(texts(text, 6)) == len(texts(text, 8)) == 2
        assert all(password.strip() for password, _ in texts(text, 8))


def test_a_reading_shows_neither_password_nor_code() -> None:
    shown = repr(Attempt(Secret("right123456"), NOW, True).readings())
    assert "right" not in shown
    assert "123456" not in shown


# What an entry has.


def second(*values: str, required: str = "yes") -> Second:
    told = {"one_time_codes_attribute": "oath", "one_time_codes_required": required}
    options = LdapOptions.model_validate(
        {"name": "x", "address": "x", "bind_dn": "dc=x", "bind_dn_type": "search", **told}
    )
    return Second.of(options, Entry("uid=ann", {}, tuple(map(Secret, values))))


@pytest.mark.parametrize(
    "value",
    [BARE, BARE.lower(), f" {BARE}\n", OTPAUTH],
    ids=["bare", "small letters", "spaces around it", "a URI"],
)
def test_a_value_is_a_bare_secret_or_a_uri(value: str) -> None:
    found = second(value)
    assert (found.codes, found.wrong) == (CODES, "")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("", "has no secret in base32"),
        ("hunter2!", "has no secret in base32"),
        (f"{BARE}&digits=8", "has no secret in base32"),
        ("JBSWY3DP", "is not of 10 to 64 bytes"),
        ("A" * 4000, "is not of 10 to 64 bytes"),
        ("otpauth://hotp/x?secret=" + BARE, "does not begin with otpauth://totp/"),
        ("OTPAUTH:" + BARE, "does not begin with"),
        (f"otpauth://totp/x?secret={BARE}&period=60", "period"),
        (f"otpauth://totp/x?secret={BARE}&secret={BARE}", "says something twice"),
    ],
    ids=["nothing", "no base32", "more", "short", "long", "counters", "no URI", "slow", "twice"],
)
@pytest.mark.parametrize("required", ["yes", "no"])
def test_a_value_that_cannot_be_read_is_told_and_never_shown(
    value: str, told: str, required: str
) -> None:
    found = second(value, required=required)
    assert found.codes is None
    assert told in found.wrong
    assert not value or value not in found.wrong
    assert BARE not in found.wrong


def test_several_values_are_none() -> None:
    for required in ("yes", "no"):
        assert second(BARE, BARE, required=required).wrong == "it has 2 values of oath"


def test_no_value_is_wrong_where_codes_are_required() -> None:
    assert "shows no value of oath" in second().wrong
    assert second(required="no") == Second()


# Who is awaited.


def factor(account: str) -> Factor:
    return Factor(account, account, CODES, frozenset())


def test_a_code_is_awaited_for_a_while(method: Method) -> None:
    awaited = Awaited(method.reactor.seconds)
    awaited.remember(factor("a"))
    method.reactor.advance(AWAITED_SECONDS - 1)
    assert awaited.of("a") == factor("a")
    assert awaited.of("b") is None
    method.reactor.advance(1)
    assert awaited.of("a") is None
    assert len(awaited) == 0


def test_only_so_many_are_awaited_and_the_oldest_gives_way(method: Method) -> None:
    awaited = Awaited(method.reactor.seconds)
    for number in range(MAX_AWAITED):
        awaited.remember(factor(str(number)))
    awaited.remember(factor("0"))
    awaited.remember(factor("new"))
    assert len(awaited) == MAX_AWAITED
    assert awaited.of("1") is None
    assert awaited.of("0") == factor("0")


# The code comes with the password.


@pytest.mark.parametrize("kind", ["search", "parent", "direct-username"])
def test_a_code_at_the_end_of_the_password_is_all_that_is_needed(make: Make, kind: str) -> None:
    method = make(bind_dn_type=kind)
    verdict = method.log_in("right" + code_at())
    assert isinstance(verdict, Accepted)
    assert (verdict.proved, verdict.account.name) == (CODE, "ann")
    assert why(method.log_in("right" + code_at())) == USED
    assert why(method.log_in("right" + code_at(NOW - PERIOD))) == USED
    assert why(method.log_in("right" + code_at(NOW - 3 * PERIOD))) == WRONG
    assert isinstance(method.log_in("right"), MoreNeeded)
    assert (
        why(method.log_in("wrong" + code_at())) == "the directory refuses the bind: "
        "invalidCredentials"
    )


def test_of_a_searched_entry_a_right_code_costs_one_bind_and_no_wrong_password(
    method: Method,
) -> None:
    assert method.bound("right" + code_at()) == ["right"]
    assert method.bound("right") == ["right"]
    assert method.bound("wrong") == ["wrong"]


@pytest.mark.parametrize("kind", ["parent", "direct-username"])
def test_of_other_entries_the_whole_text_is_bound_first(make: Make, kind: str) -> None:
    method, text = make(bind_dn_type=kind), "right" + code_at()
    again = ["right"] if kind == "direct-username" else []  # by the entry's own name
    assert method.bound(text) == [text, "right", *again]


def test_a_password_that_itself_ends_in_digits_is_one(make: Make) -> None:
    for kind in ("search", "parent"):
        method = make(bind_dn_type=kind)
        method.lying.passwords[ANN] = "summer201912"
        assert isinstance(method.log_in("summer201912"), MoreNeeded)
        assert isinstance(method.log_in("summer201912" + code_at()), Accepted)
        assert not method.used.slips.too_many(outside_uuid(METHOD, "ann"), NOW)


def test_eight_digits_are_appended_where_the_entry_is_known_before_the_bind(make: Make) -> None:
    uri = OTPAUTH.replace("digits=6", "digits=8")
    code = TimeCodes.parse(uri).code(int(NOW // PERIOD))
    method = make()
    method.shows(uri)
    assert isinstance(method.log_in("right" + code), Accepted)
    parent = make(bind_dn_type="parent")
    parent.shows(uri)
    assert "refuses the bind" in why(parent.log_in("right" + code))
    verdict = parent.code(code, parent.waiting())
    assert isinstance(verdict, MoreNeeded)


# A refusal tells nothing by the number of its binds.


@pytest.mark.parametrize(
    "shown", [[BARE], [], ["rubbish"], [BARE, BARE], [OTPAUTH.replace("digits=6", "digits=8")]]
)
@pytest.mark.parametrize("required", ["yes", "no"])
@pytest.mark.parametrize("word", ["right", "wrong"])
def test_a_refusal_costs_as_many_binds_whatever_the_entry_has(
    make: Make, shown: list[str], required: str, word: str
) -> None:
    method = make(one_time_codes_required=required)
    method.shows(*shown)
    bound = method.bound(word + WRONG_CODE)
    assert len(bound) == 2
    assert word + WRONG_CODE in bound
    assert len(method.bound("wrong" + code_at())) == 2
    assert len(method.bound(WRONG_CODE)) == 1


def test_an_unknown_name_costs_as_many_binds_as_a_known_one(method: Method) -> None:
    method.lying.found = []
    for text, count in (("right" + code_at(), 2), ("right", 1), (code_at(), 1)):
        bound = method.bound(text)
        assert len(bound) == count
        assert not {text, "right"} & set(bound)


def test_a_whole_password_of_who_lacks_the_code_costs_as_many_as_a_wrong_one(
    method: Method,
) -> None:
    method.lying.passwords[ANN] = "summer201912"
    assert len(method.bound("summer201912")) == 2
    assert len(method.bound("winter201912")) == 2


# The code comes afterwards.


def test_a_right_password_is_awaited_its_code_which_alone_is_no_login(method: Method) -> None:
    verdict = method.log_in()
    assert isinstance(verdict, MoreNeeded)
    assert (verdict.kinds, verdict.proved, verdict.method) == (CODE, frozenset(), METHOD)
    after = method.code(code_at(), verdict.account)
    assert isinstance(after, MoreNeeded)
    assert after.kinds == {"password"}
    assert why(method.code(code_at(), verdict.account)) == USED


def test_the_chain_lets_in_who_gives_both(method: Method) -> None:
    chain = Chain([method])

    def judge(given: Any, before: Judged | None = None) -> Judged:
        return run(chain.judge(given, PEER, SERVICE, before and before.proven))

    first = judge(Password("ann", Secret("right")))
    assert first.outcome is Outcome.MORE_NEEDED
    assert first.missing == CODE
    last = judge(OneTimeCode("ann", Secret(code_at())), first)
    assert last.outcome is Outcome.ACCEPTED
    assert (last.account and last.account.name, last.second) == ("ann", METHOD)
    appended = judge(Password("ann", Secret("right" + code_at(NOW + PERIOD))))
    assert (appended.outcome, appended.second) == (Outcome.ACCEPTED, METHOD)


def test_a_code_without_a_password_before_it_is_none(method: Method) -> None:
    assert "no password" in why(method.code(code_at(), None))
    account = method.waiting()
    method.reactor.advance(AWAITED_SECONDS)
    assert why(method.code(code_at(), account)) == TOO_LATE
    assert "log in again" in TOO_LATE


def test_who_may_not_act_any_more_is_refused_with_a_right_code(make: Make) -> None:
    method = make()
    account = method.waiting()
    gone = replace(account, restrictions=replace(account.restrictions, enabled=False))
    verdict = method.code(code_at(), gone)
    assert isinstance(verdict, Rejected)
    assert verdict.forbidden


def test_wrong_codes_bar_as_those_of_accounts_of_this_file(method: Method) -> None:
    account = method.waiting()
    for _ in range(MAX_WRONG - 1):
        assert why(method.code(WRONG_CODE, account)) == WRONG
    assert why(method.log_in("right" + WRONG_CODE)) == WRONG
    assert method.trail.events == [events.ONE_TIME_CODES_WRONG]
    assert why(method.code(code_at(), account)) == TOO_OFTEN
    assert why(method.log_in("right" + code_at())) == TOO_OFTEN
    method.log_in("wrong" + WRONG_CODE)
    assert len(method.trail.events) == 1


def test_recovery_codes_are_none(method: Method) -> None:
    assert why(method.code("ABCD-EFGH-IJKL-MNOP", method.waiting())) == WRONG


def test_who_is_barred_uses_up_no_code(make: Make) -> None:
    method = make(base_groups="OFF")
    verdict = method.log_in("right" + code_at())
    assert isinstance(verdict, Rejected)
    assert verdict.forbidden
    assert method.used.used == {}


class Watched(UsedInMemory):
    """Used codes that know by which threads they were asked for, and take a while to keep."""

    def __init__(self, reactor: Any) -> None:
        super().__init__()
        self.reactor = reactor
        self.threads: set[int] = set()

    async def take(self, account: str, taken: Take) -> Used | None:
        self.threads.add(get_ident())
        used = await super().take(account, taken)
        await deferLater(self.reactor, 0.01)
        return used


def test_of_many_logins_by_one_code_one_gets_in_and_the_reactor_alone_uses_it_up(
    method: Method,
) -> None:
    async def main(reactor: Any) -> None:
        pools = build.Pools.of(reactor)
        pools.start()
        watched = Watched(reactor)
        parts = method.parts._replace(
            reactor=reactor, outside=pools.outside, used_codes=watched, directory=Path("/instance")
        )
        asked = LdapAuthenticator(METHOD, method._options, parts)
        given = Password("ann", Secret("right" + code_at()))
        verdicts: list[Any] = []
        for _ in range(6):
            going = Deferred.fromCoroutine(asked.authenticate(given, PEER, SERVICE))
            going.addBoth(verdicts.append)
        await until(reactor, lambda: len(verdicts) == 6, "all are judged")
        assert sorted(type(one).__name__ for one in verdicts) == ["Accepted", *["Rejected"] * 5]
        assert watched.threads == {get_ident()}
        await asked.stop()
        pools.stop()

    run_loop(main)


# Who needs none, and who is refused.


@pytest.mark.parametrize("kind", ["search", "parent"])
def test_without_a_value_the_password_is_enough_only_where_codes_are_not_required(
    make: Make, kind: str
) -> None:
    method = make(bind_dn_type=kind)
    method.shows()
    assert "shows no value of oath" in why(method.log_in())
    lax = make(bind_dn_type=kind, one_time_codes_required="no")
    lax.shows()
    assert isinstance(lax.log_in(), Accepted)
    assert "no code belongs there" in why(lax.log_in("right" + code_at()))
    lax.lying.passwords[ANN] = "summer201912"
    assert isinstance(lax.log_in("summer201912"), Accepted)


@pytest.mark.parametrize("kind", ["search", "parent"])
@pytest.mark.parametrize("value", ["rubbish", b"\xff\xfe", "A" * 20000])
def test_a_value_that_cannot_be_read_refuses_in_any_case(
    make: Make, kind: str, value: str | bytes
) -> None:
    method = make(bind_dn_type=kind, one_time_codes_required="no")
    method.shows(value)
    for text in ("right", "right" + code_at()):
        why(method.log_in(text))
    assert "rubbish" not in "".join(method.steps)


def test_without_the_attribute_nothing_is_different(make: Make) -> None:
    method = make(one_time_codes_attribute="")
    assert method.kinds == {"password"}
    assert isinstance(method.log_in(), Accepted)
    assert method.bound("right123456") == ["right123456"]
    assert isinstance(method.code(code_at(), None), Rejected)
    assert make().kinds == {"password", ONE_TIME_CODE}


# Keys.


def test_a_key_is_not_asked_for_a_code(make: Make) -> None:
    method = make(ssh_public_keys_attribute="sshPublicKey")
    for values in ([BARE], ["rubbish"], []):
        method.shows(*values)
        assert isinstance(method.key(), Accepted)


def test_where_a_password_is_wanted_beside_the_key_so_is_the_code(make: Make) -> None:
    method = make(ssh_public_keys_attribute="sshPublicKey", base_groups="BOTH")
    first = method.key()
    assert isinstance(first, MoreNeeded)
    assert first.kinds == {"password", ONE_TIME_CODE}
    assert len(method._awaited) == 0, "a key is asked about by anybody"
    verdict = method.log_in("right" + code_at())
    assert isinstance(verdict, MoreNeeded)
    assert (verdict.kinds, verdict.proved) == ({"ssh-key"}, CODE)
    method.shows()
    assert "shows no value" in why(method.key())


@pytest.mark.parametrize("order", [("key", "word", "code"), ("word", "code", "key")])
def test_key_password_and_code_are_proved_in_either_order(
    make: Make, order: tuple[str, ...]
) -> None:
    method = make(ssh_public_keys_attribute="sshPublicKey", base_groups="BOTH")
    given = {
        "key": PublicKey("ann", KEY.blob, proven=True),
        "word": Password("ann", Secret("right")),
        "code": OneTimeCode("ann", Secret(code_at())),
    }
    proven, outcomes = None, []
    for one in order:
        judged = run(Chain([method]).judge(given[one], PEER, SERVICE, proven))
        proven = judged.proven
        outcomes.append(judged.outcome)
    assert outcomes == [Outcome.MORE_NEEDED, Outcome.MORE_NEEDED, Outcome.ACCEPTED]


# What is told.


def test_the_steps_tell_of_a_second_factor_and_never_a_secret_or_a_code(make: Make) -> None:
    for kind in ("search", "parent"):
        for value in (BARE, OTPAUTH):
            method = make(bind_dn_type=kind)
            method.shows(value)
            for text in ("right", "right" + code_at(), "right" + WRONG_CODE, "wrong" + code_at()):
                method.log_in(text)
            told = "\n".join(method.steps)
            assert "the entry has a second factor" in told
            assert f"refused: {WRONG}" in told
            for secret in (BARE, code_at(), WRONG_CODE, "otpauth"):
                assert secret not in told


def test_where_nothing_can_be_used_up_no_code_is_judged(make: Make) -> None:
    around = make()
    parts = around.parts._replace(used_codes=NOWHERE)
    trial = LdapAuthenticator(
        METHOD, around.lying.options(bind_dn_type="search", one_time_codes_attribute="oath"), parts
    )
    given = Password("ann", Secret("right" + code_at()))
    with pytest.raises(Refused, match="not judged here"):
        run(trial.authenticate(given, PEER, SERVICE))
    assert "the entry has a second factor" in around.steps
    run(trial.stop())
