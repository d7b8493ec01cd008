"""The second factor of accounts of server.ini: what is judged, used up, and told."""

import asyncio
from typing import Any

import pytest

from mft.auth.account import DAY
from mft.auth.base import (
    Accepted,
    Certificate,
    Credentials,
    MoreNeeded,
    NotMine,
    OneTimeCode,
    Password,
    PasswordChange,
    PublicKey,
    Rejected,
    Verdict,
)
from mft.auth.chain import Chain
from mft.auth.own_factors import OwnFactor
from mft.auth.second_factor import TOO_OFTEN, USED, WRONG
from mft.auth.time_codes import PERIOD, TimeCodes, new_recovery_codes, recovery_digest
from mft.auth.used_codes import FORGIVEN, MAX_WRONG, NEVER, NOWHERE
from mft.core.failure import Reason, Refused
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import (
    CHEAP_HASH,
    CODES,
    METHOD,
    NOW,
    OTPAUTH,
    PEER,
    SERVICE,
    Method,
    account,
    code_at,
)
from tests.fakes.run import run

KEY = HostKey.generate().public
RECOVERY = new_recovery_codes()
DIGESTS = "\n".join(filter(None, map(recovery_digest, RECOVERY)))
CODE = frozenset(("one-time-code",))
BY_KEY = PublicKey("ann", KEY.blob, proven=True)


def coded(name: str = "ann", **options: str) -> Any:
    """An account with a password, one-time codes and recovery codes."""
    given = {"multi_factor_authentication": OTPAUTH, "recovery_codes": DIGESTS, **options}
    return account(name, password=CHEAP_HASH, **given)


@pytest.fixture
def method() -> Method:
    return Method(coded(), account("bob", password=CHEAP_HASH))


def ask(method: Method, given: Credentials) -> Verdict:
    return run(method.authenticate(given, PEER, SERVICE))


def word(text: str, name: str = "ann") -> Password:
    return Password(name, Secret(text))


def code(text: str, name: str = "ann") -> OneTimeCode:
    return OneTimeCode(name, Secret(text))


def why(verdict: Verdict) -> str:
    assert isinstance(verdict, Rejected)
    return verdict.details


def wrong_code(now: float) -> str:
    near = {CODES.code(int(now // PERIOD) + one) for one in (-1, 0, 1)}
    return next(one for one in map("{:06}".format, range(10)) if one not in near)


# The code comes with the password.


def test_a_code_at_the_end_of_the_password_is_all_that_is_needed(method: Method) -> None:
    verdict = ask(method, word("right" + code_at()))
    assert isinstance(verdict, Accepted)
    assert verdict.proved == CODE


def test_a_password_alone_is_not_enough(method: Method) -> None:
    verdict = ask(method, word("right"))
    assert isinstance(verdict, MoreNeeded)
    assert (verdict.kinds, verdict.proved, verdict.method) == (CODE, frozenset(), METHOD)


def test_a_code_with_a_wrong_password_is_refused_and_still_does(method: Method) -> None:
    assert why(ask(method, word("wrong" + code_at()))) == "the password is wrong"
    assert why(ask(method, word(code_at()))) == "the password is wrong"
    assert isinstance(ask(method, word("right" + code_at())), Accepted)


def test_a_wrong_code_is_refused_by_the_same_verdict(method: Method) -> None:
    assert why(ask(method, word("right" + wrong_code(method.now)))) == WRONG
    assert why(ask(method, word("right" + code_at(method.now + 3 * PERIOD)))) == WRONG


def test_a_password_that_itself_ends_in_digits_is_one() -> None:
    from mft.auth.passwords import make_hash

    hashed = make_hash("summer201912", "crypt-sha512", 1000)
    method = Method(account(password=hashed, multi_factor_authentication=OTPAUTH))
    assert isinstance(ask(method, word("summer201912")), MoreNeeded)
    assert isinstance(ask(method, word("summer201912" + code_at())), Accepted)
    assert not method.used.slips.too_many("id-ann", method.now)


def test_eight_digits_are_taken_apart_as_well() -> None:
    codes = TimeCodes.fresh()
    uri = codes.uri("ann", "mft").replace("digits=6", "digits=8")
    method = Method(account(password=CHEAP_HASH, multi_factor_authentication=uri))
    eight = TimeCodes.parse(uri)
    assert isinstance(ask(method, word("right" + code_at(codes=codes))), Rejected)
    assert isinstance(ask(method, word("right" + code_at(codes=eight))), Accepted)


@pytest.mark.parametrize(
    ("login", "options"),
    [
        ([word("right" + code_at())], {}),
        ([word("right"), code(code_at())], {}),
        ([word("right" + code_at()), BY_KEY], {"required_credentials": "password, ssh-key"}),
        ([BY_KEY, word("right"), code(code_at())], {"required_credentials": "password, ssh-key"}),
    ],
    ids=["at the end", "in its own field", "and then a key", "after a key"],
)
def test_whoever_gives_a_password_learns_when_it_ends(
    login: list[Credentials], options: dict[str, str]
) -> None:
    """The account of a login is that of its last credential."""
    ending = {"password_lifetime": "10", "last_password_update": str(int(NOW - 5 * DAY))}
    method = Method(coded(ssh_authorized_keys_content=KEY.line(), **ending, **options))
    chain, proven = Chain([method]), None
    for given in login:
        judged = run(chain.judge(given, PEER, SERVICE, proven))
        proven = judged.proven
    assert judged.account is not None
    assert judged.account.password_days_left(NOW) == 5


def test_who_has_no_second_factor_is_asked_for_none(method: Method) -> None:
    assert isinstance(ask(method, word("right", "bob")), Accepted)
    assert isinstance(ask(method, word("right" + code_at(), "bob")), Rejected)
    assert why(ask(method, code(code_at(), "bob"))) == WRONG
    assert ask(method, word("right" + code_at(), "eve")) == NotMine()
    assert ask(method, code(code_at(), "eve")) == NotMine()


@pytest.mark.parametrize("name", ["ann", "bob", "eve"])
@pytest.mark.parametrize(("text", "hashes"), [("wrong", 1), ("wrong123456", 2), ("123456", 2)])
def test_the_cost_depends_on_what_is_given_only(
    method: Method, monkeypatch: pytest.MonkeyPatch, name: str, text: str, hashes: int
) -> None:
    spent: list[str] = []
    from mft.auth import passwords

    def count(word: bytes, *given: Any, **kept: Any) -> str:
        spent.append(word.decode())
        return ""

    monkeypatch.setattr(passwords.sha_crypt, "digest", count)
    ask(method, word(text, name))
    assert len(spent) == hashes
    assert method.hashes.calls == 1, "and it waits for its turn once"


def test_where_nobody_has_codes_nothing_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    method = Method(account(password=CHEAP_HASH))
    assert "one-time-code" not in method.kinds
    assert "one-time-code" in Method(coded()).kinds
    verdict = ask(method, word("right" + code_at()))
    assert why(verdict) == "the password is wrong"


# The code comes after it.


@pytest.mark.parametrize("shape", ["{}", " {} ", "{:.3} {:.3}"])
def test_a_code_is_right_however_it_is_typed(method: Method, shape: str) -> None:
    text = code_at()
    given = f"{text[:3]} {text[3:]}" if ":" in shape else shape.format(text)
    verdict = ask(method, code(given))
    assert isinstance(verdict, MoreNeeded), "the chain knows that the password came before"
    assert verdict.kinds == {"password"}


@pytest.mark.parametrize("text", ["", "12345", "x" * 150, "\ud800"])
def test_what_is_no_code_is_wrong(method: Method, text: str) -> None:
    assert why(ask(method, code(text))) == WRONG


def test_a_recovery_code_does_once_and_tells_how_many_are_left(method: Method) -> None:
    assert isinstance(ask(method, code(RECOVERY[3])), MoreNeeded)
    assert why(ask(method, code(RECOVERY[3].lower()))) == USED
    assert isinstance(ask(method, code(RECOVERY[4].replace("-", ""))), MoreNeeded)
    told = [one.payload for one in method.trail.told if one.event is events.RECOVERY_CODE_USED]
    assert [(one.account_name, one.left) for one in told] == [("ann", 9), ("ann", 8)]


def test_a_recovery_code_at_the_end_of_a_password_is_none(method: Method) -> None:
    assert isinstance(ask(method, word("right" + RECOVERY[0])), Rejected)
    assert isinstance(ask(method, word("right " + RECOVERY[0])), Rejected)
    assert isinstance(ask(method, code(RECOVERY[0])), MoreNeeded)


def test_a_used_recovery_code_stays_used_when_it_comes_back(method: Method) -> None:
    """An administrator may take codes out of server.ini, and put them back later."""
    ask(method, code(RECOVERY[0]))
    between = Method(account("ann", password=CHEAP_HASH))
    codes, another = TimeCodes.fresh(), new_recovery_codes()[0]
    digests = frozenset(filter(None, (recovery_digest(another),)))
    between.factors.kept["id-ann"] = OwnFactor(codes, digests, NEVER)
    between.used.used = method.used.used
    assert isinstance(ask(between, word("right" + code_at(codes=codes))), Accepted)
    assert isinstance(ask(between, code(another)), MoreNeeded)
    (told,) = [one for one in between.trail.told if one.event is events.RECOVERY_CODE_USED]
    assert told.payload.left == 0
    assert why(ask(method, code(RECOVERY[0]))) == USED


# What is used is used up.


def test_a_code_does_once(method: Method) -> None:
    assert isinstance(ask(method, word("right" + code_at())), Accepted)
    assert why(ask(method, word("right" + code_at()))) == USED
    assert why(ask(method, code(code_at()))) == USED


def test_nor_does_an_older_one(method: Method) -> None:
    assert isinstance(ask(method, code(code_at(method.now))), MoreNeeded)
    assert why(ask(method, code(code_at(method.now - PERIOD)))) == USED
    assert isinstance(ask(method, code(code_at(method.now + PERIOD))), MoreNeeded)


def test_a_new_secret_has_codes_of_its_own(method: Method) -> None:
    ask(method, code(code_at(method.now + PERIOD)))
    codes = TimeCodes.fresh()
    after = Method(coded(multi_factor_authentication=codes.uri("ann", "mft")))
    after.used.used = method.used.used
    assert isinstance(ask(after, code(code_at(codes=codes))), MoreNeeded)


def test_of_two_logins_at_once_with_one_code_one_gets_in(method: Method) -> None:
    release = asyncio.Event()
    hashing = method.parts.login

    async def slow(work: Any, *given: Any) -> Any:
        await release.wait()
        return await hashing(work, *given)

    method._computed._login = slow

    async def both() -> list[Verdict]:
        given = word("right" + code_at())
        logins = [asyncio.create_task(method.authenticate(given, PEER, SERVICE)) for _ in range(2)]
        await asyncio.sleep(0)
        release.set()
        return list(await asyncio.gather(*logins))

    one, other = asyncio.run(both())
    assert {type(one), type(other)} == {Accepted, Rejected}


@pytest.mark.parametrize(
    "fails",
    [OSError(28, "No space left on device"), Refused(Reason.BROKEN, "", "it cannot be read")],
)
@pytest.mark.parametrize("given", [word("right" + code_at()), code(code_at()), code(RECOVERY[0])])
def test_what_cannot_be_kept_lets_nobody_in(
    method: Method, given: Credentials, fails: Exception
) -> None:
    method.used.fails = fails
    with pytest.raises(Refused):
        ask(method, given)


def test_where_used_codes_are_not_known_a_wrong_one_is_no_guess(method: Method) -> None:
    wrong = wrong_code(method.now)
    method.used.fails = Refused(Reason.BROKEN, "", "the database is away")
    for _ in range(MAX_WRONG + 1):
        with pytest.raises(Refused):
            ask(method, word("right" + wrong))
    method.used.fails = None
    assert isinstance(ask(method, word("right" + code_at())), Accepted)


def test_guesses_side_by_side_count_before_anybody_looks_what_was_used(method: Method) -> None:
    async def many() -> list[Verdict]:
        release = asyncio.Event()

        class Slow(type(method.used)):  # type: ignore[misc]  # whatever it is
            async def look(self, account: str) -> Any:
                await release.wait()
                return await super().look(account)

        method.used.__class__ = Slow
        given = [code(wrong_code(method.now)) for _ in range(2 * MAX_WRONG)]
        logins = [asyncio.ensure_future(method.authenticate(o, PEER, SERVICE)) for o in given]
        await asyncio.sleep(0)
        release.set()
        return list(await asyncio.gather(*logins))

    whys = [why(one) for one in asyncio.run(many())]
    assert whys == [WRONG] * MAX_WRONG + [TOO_OFTEN] * MAX_WRONG


def test_without_a_place_for_used_codes_nobody_gets_in(method: Method) -> None:
    fresh = Method(coded())
    fresh._codes._parts = fresh.parts._replace(used_codes=NOWHERE)
    with pytest.raises(Refused):
        ask(fresh, word("right" + code_at()))


# Guessing.


@pytest.mark.parametrize("way", [lambda text: word("right" + text), code])
def test_after_five_wrong_codes_none_is_judged(method: Method, way: Any) -> None:
    wrong = wrong_code(method.now)
    assert [why(ask(method, way(wrong))) for _ in range(MAX_WRONG)] == [WRONG] * MAX_WRONG
    assert method.trail.events == [events.ONE_TIME_CODES_WRONG]
    assert why(ask(method, word("right" + code_at()))) == TOO_OFTEN
    assert why(ask(method, code(code_at()))) == TOO_OFTEN
    assert isinstance(ask(method, code(RECOVERY[0])), MoreNeeded), "which nobody guesses"
    method.now += FORGIVEN
    assert isinstance(ask(method, word("right" + code_at(method.now))), Accepted)


def test_right_codes_between_them_give_no_more_guesses(method: Method) -> None:
    for _ in range(MAX_WRONG):
        method.now += 2 * PERIOD
        assert why(ask(method, code(wrong_code(method.now)))) == WRONG
        if not method.used.slips.too_many("id-ann", method.now):
            assert isinstance(ask(method, code(code_at(method.now))), MoreNeeded)
    assert why(ask(method, code(code_at(method.now)))) == TOO_OFTEN


def test_a_client_that_goes_on_with_a_code_of_yesterday_locks_nobody_out(method: Method) -> None:
    old = word("right" + code_at(method.now))
    assert isinstance(ask(method, old), Accepted)
    method.now += 10 * PERIOD
    for _ in range(2 * MAX_WRONG):
        assert why(ask(method, old)) == USED
    assert isinstance(ask(method, word("right" + code_at(method.now))), Accepted)
    assert why(ask(method, old)) == USED, "nor after another one"
    assert not method.trail.events


def test_who_does_not_know_the_password_locks_nobody_out(method: Method) -> None:
    for number in range(2 * MAX_WRONG):
        ask(method, word(f"wrong{number:06}"))
        ask(method, word(f"{number:06}"))
    assert isinstance(ask(method, word("right" + code_at())), Accepted)


# With other credentials.


def test_a_key_alone_is_asked_for_no_code() -> None:
    method = Method(coded(ssh_authorized_keys_content=KEY.line()))
    assert isinstance(ask(method, PublicKey("ann", KEY.blob, proven=True)), Accepted)


def test_a_certificate_alone_is_asked_for_no_code() -> None:
    method = Method(coded(allow_certificate_authentication="yes"))
    assert isinstance(ask(method, Certificate("ann", "ann", "AA")), Accepted)


def test_where_both_are_required_the_password_has_its_code() -> None:
    both = {"ssh_authorized_keys_content": KEY.line(), "required_credentials": "password, ssh-key"}
    method = Method(coded(**both))
    by_key = ask(method, PublicKey("ann", KEY.blob, proven=True))
    assert isinstance(by_key, MoreNeeded)
    assert by_key.kinds == {"password", "one-time-code"}
    by_word = ask(method, word("right"))
    assert isinstance(by_word, MoreNeeded)
    assert by_word.kinds == {"ssh-key", "one-time-code"}
    by_code = ask(method, word("right" + code_at()))
    assert isinstance(by_code, MoreNeeded)
    assert (by_code.kinds, by_code.proved) == ({"ssh-key"}, CODE)


def test_an_account_that_takes_a_password_only_takes_its_code_too() -> None:
    method = Method(coded(required_credentials="password"))
    verdict = ask(method, word("right"))
    assert isinstance(verdict, MoreNeeded)
    assert verdict.kinds == CODE
    assert isinstance(ask(method, word("right" + code_at())), Accepted)


def test_an_account_that_takes_a_key_only_takes_no_code() -> None:
    verdict = ask(Method(coded(required_credentials="ssh-key")), code(code_at()))
    assert isinstance(verdict, Rejected)
    assert verdict.forbidden


def test_an_account_that_may_not_act_does_not_by_a_code() -> None:
    verdict = ask(Method(coded(enabled="no")), word("right" + code_at()))
    assert isinstance(verdict, Rejected)
    assert verdict.forbidden


def test_the_own_password_of_an_account_takes_the_same_codes(method: Method) -> None:
    new = "correct horse battery staple"
    verdict = ask(method, word("right" + code_at()))
    assert isinstance(verdict, Accepted)
    change = PasswordChange(Secret("right" + code_at(method.now + PERIOD)), Secret(new))
    assert run(method.change_credentials(verdict.account, change, PEER)) is True
    assert isinstance(ask(method, word(new)), MoreNeeded)
    method.now += PERIOD
    later = code_at(method.now + PERIOD)
    assert isinstance(ask(method, word(new + later)), Accepted)
    assert isinstance(ask(method, word("right" + later)), Rejected)
