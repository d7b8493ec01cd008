"""A method as the second factor of another: both, by the same name, and never one of both."""

from collections.abc import Iterable
from typing import Any

import pytest

from mft.auth.base import (
    Accepted,
    Anonymous,
    Certificate,
    Credentials,
    MoreNeeded,
    NotMine,
    OneTimeCode,
    Password,
    PasswordChange,
    PublicKey,
    Rejected,
    Seen,
    Verdict,
)
from mft.auth.chain import Chain, Judged, Outcome
from mft.auth.passwords import make_hash
from mft.auth.second_method import WithSecondMethod
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.secret import Secret
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import CHEAP_HASH, NOW, OTPAUTH, PEER, SERVICE, Method, account
from tests.fakes.run import run

KEY = HostKey.generate().public
OTHER_HASH = make_hash("second", "crypt-sha512", 1000)
OTHER = Component("method-2", "other", "another method")
WORD = Password("ann", Secret("right"))
BY_KEY = PublicKey("ann", KEY.blob, proven=True)
BY_CERTIFICATE = Certificate("ann", "ann", "AA")
ANSWER = OneTimeCode("ann", Secret("second"))
SECOND_WORD = Password("ann", Secret("second"))
WAYS = {"ssh_authorized_keys_content": KEY.line(), "allow_certificate_authentication": "yes"}


class Second:
    """A method with one answer; it keeps what it was asked."""

    component = OTHER
    kinds = frozenset(("password",))

    def __init__(self, answer: Verdict | Exception | None = None) -> None:
        """Without an answer, it knows ann by the password `second`."""
        self._answer = answer
        self._method = Method(account(password=OTHER_HASH))
        self.asked: list[Credentials] = []

    async def authenticate(self, given: Credentials, *where: Any) -> Verdict:
        self.asked.append(given)
        if isinstance(self._answer, Exception):
            raise self._answer
        if self._answer is not None:
            return self._answer
        return await self._method.authenticate(given, *where)


def both(second: Any = None, **options: str) -> tuple[Chain, Second]:
    """A chain of one method with a second factor; ann has every way to log in."""
    second = second or Second()
    first = Method(account(password=CHEAP_HASH, **WAYS, **options))
    return Chain([WithSecondMethod(first, second, lambda: NOW)]), second


def judged(chain: Chain, order: Iterable[Credentials]) -> Judged:
    """The last of some attempts on one connection."""
    found = None
    for given in order:
        found = run(chain.judge(given, PEER, SERVICE, found and found.proven))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "order",
    [(WORD, ANSWER), (BY_KEY, SECOND_WORD), (BY_CERTIFICATE, SECOND_WORD)],
    ids=["password", "key", "certificate"],
)
def test_the_first_gives_the_account_and_the_second_must_agree(order: Any) -> None:
    chain, second = both()
    done = judged(chain, order)
    assert (done.outcome, done.second) == (Outcome.ACCEPTED, OTHER)
    assert done.account is not None
    assert (done.account.uuid, done.account.home) == ("id-ann", "/homes/ann")
    assert second.asked == [SECOND_WORD]


@pytest.mark.parametrize("first", [WORD, BY_KEY, BY_CERTIFICATE])
def test_neither_is_enough_alone(first: Credentials) -> None:
    chain, _ = both()
    more = judged(chain, [first])
    assert more.outcome is Outcome.MORE_NEEDED
    assert more.missing == {"one-time-code" if first is WORD else "password"}
    assert judged(chain, [first, first]).account is None
    assert judged(chain, [ANSWER]).account is None
    assert judged(chain, [SECOND_WORD]).account is None


def test_the_same_password_twice_is_no_second_factor() -> None:
    chain, _ = both()
    assert judged(chain, [WORD, WORD]).outcome is Outcome.MORE_NEEDED
    assert judged(chain, [BY_KEY, WORD]).outcome is Outcome.WRONG, "the second one knows another"
    assert judged(chain, [WORD, OneTimeCode("ann", Secret("right"))]).outcome is Outcome.WRONG
    assert judged(chain, [WORD, BY_KEY]).missing == {"one-time-code"}
    assert judged(chain, [BY_KEY, WORD, WORD]).account is None


def test_a_wrong_second_factor_may_be_given_again() -> None:
    chain, _ = both()
    wrong = OneTimeCode("ann", Secret("wrong"))
    assert judged(chain, [WORD, wrong]).outcome is Outcome.WRONG
    assert judged(chain, [WORD, wrong, ANSWER]).outcome is Outcome.ACCEPTED
    assert judged(chain, [BY_KEY, WORD, SECOND_WORD]).outcome is Outcome.ACCEPTED


def test_a_wrong_first_factor_never_reaches_the_second() -> None:
    chain, second = both()
    wrong = Password("ann", Secret("wrong"))
    assert judged(chain, [wrong, ANSWER]).account is None
    assert judged(chain, [PublicKey("ann", b"x" * 40, proven=True), SECOND_WORD]).account is None
    assert second.asked == []


def test_what_one_name_has_proved_does_not_count_for_another() -> None:
    chain, second = both()
    other = ANSWER._replace(username="eve")
    assert judged(chain, [WORD, other]).account is None
    assert judged(chain, [BY_KEY, SECOND_WORD._replace(username="eve")]).account is None
    assert second.asked == []


def test_a_peer_cannot_say_whose_the_second_factor_is() -> None:
    chain, _ = both()
    eve = run(
        Method(account("eve", password=CHEAP_HASH)).authenticate(
            Password("eve", Secret("right")), PEER, SERVICE
        )
    )
    assert isinstance(eve, Accepted)
    done = judged(chain, [WORD, ANSWER._replace(account=eve.account)])
    assert done.account is not None
    assert done.account.name == "ann"


@pytest.mark.parametrize(
    ("order", "outcome"),
    [
        ((WORD, ANSWER), Outcome.MORE_NEEDED),
        ((WORD, BY_KEY), Outcome.MORE_NEEDED),
        ((WORD, ANSWER, BY_KEY), Outcome.ACCEPTED),
        ((WORD, BY_KEY, ANSWER), Outcome.ACCEPTED),
        ((BY_KEY, SECOND_WORD), Outcome.ACCEPTED),
        ((BY_KEY, WORD), Outcome.WRONG),
    ],
)
def test_with_password_and_key_the_key_is_enough_of_the_first(order: Any, outcome: Outcome) -> None:
    chain, _ = both(required_credentials="password, ssh-key")
    last = judged(chain, order)
    assert last.outcome is outcome
    if outcome is Outcome.ACCEPTED:
        assert last.second == OTHER, "whatever came last"


@pytest.mark.parametrize(
    "answer",
    [
        NotMine(),
        Rejected(OTHER, "no"),
        MoreNeeded(None, OTHER, frozenset(("ssh-key",))),  # type: ignore[arg-type]  # nobody looks
    ],
)
def test_anything_but_yes_is_no(answer: Verdict) -> None:
    for order in ((WORD, ANSWER), (BY_KEY, SECOND_WORD)):
        chain, _ = both(Second(answer))
        refused = judged(chain, order)
        assert (refused.outcome, refused.method) == (Outcome.WRONG, OTHER)


@pytest.mark.parametrize("error", [RuntimeError("x"), Refused(Reason.BUSY, "", "busy")])
def test_a_second_that_breaks_refuses(error: Exception) -> None:
    chain, _ = both(Second(error))
    assert judged(chain, [WORD, ANSWER]).outcome is Outcome.BROKEN


def test_without_a_second_that_takes_passwords_nobody_gets_in() -> None:
    keys_only = Second()
    keys_only.kinds = frozenset(("ssh-key",))
    for second in (None, keys_only):
        first = Method(account(password=CHEAP_HASH))
        chain = Chain([WithSecondMethod(first, second, lambda: NOW)])  # type: ignore[arg-type]  # the fake
        assert judged(chain, [WORD, ANSWER]).outcome is Outcome.BROKEN


def test_an_account_that_was_barred_in_between_does_not_log_in() -> None:
    now = [NOW]
    first = Method(account(password=CHEAP_HASH, expire_datetime="2031-01-01"))
    second: Any = Second()
    chain = Chain([WithSecondMethod(first, second, lambda: now[0])])
    more = judged(chain, [WORD])
    now[0] += 366 * 86400
    late = run(chain.judge(ANSWER, PEER, SERVICE, more.proven))
    assert (late.outcome, second.asked) == (Outcome.FORBIDDEN, [])


def test_two_second_factors_are_none() -> None:
    first = Method(account(password=CHEAP_HASH, multi_factor_authentication=OTPAUTH))
    second: Any = Second()
    chain = Chain([WithSecondMethod(first, second, lambda: NOW)])
    assert judged(chain, [WORD]).outcome is Outcome.BROKEN
    assert judged(chain, [WORD, ANSWER]).account is None


def test_everything_else_is_left_to_the_first() -> None:
    first = Method(account(password=CHEAP_HASH))
    second: Any = Second()
    method = WithSecondMethod(first, second, lambda: NOW)
    run(method.start())
    run(method.stop())
    assert method.component == first.component
    assert method.kinds == first.kinds | {"one-time-code"}
    eve = Password("eve", Secret("right"))
    assert run(method.authenticate(eve, PEER, SERVICE)) == NotMine()
    public = run(method.authenticate(Anonymous("id-ann"), PEER, SERVICE))
    assert isinstance(public, Accepted)
    change = PasswordChange(Secret("right"), Secret("correct horse battery staple"))
    assert run(method.change_credentials(public.account, change, PEER)) is True


def test_a_question_about_a_key_reaches_the_first_only() -> None:
    chain, second = both()
    assert judged(chain, [BY_KEY._replace(proven=False)]).outcome is Outcome.ACCEPTABLE
    assert second.asked == []


# Who was seen at another node.


@pytest.mark.parametrize(
    ("order", "required"),
    [
        ((WORD, ANSWER), "any"),
        ((WORD, ANSWER), "password"),
        ((BY_KEY, SECOND_WORD), "ssh-key"),
        ((BY_CERTIFICATE, SECOND_WORD), "any"),
        ((BY_CERTIFICATE, SECOND_WORD), "password, ssl-certificate"),
    ],
)
def test_who_was_seen_with_both_factors_is_found_again(order: Any, required: str) -> None:
    chain, second = both(required_credentials=required)
    done = judged(chain, order)
    assert done.account is not None
    trace = chain.trace("method-1", done.account)
    assert trace is not None
    seen = Seen("method-1", "id-ann", "ann", done.kinds, trace)
    second.asked.clear()
    assert isinstance(run(chain.find_again(seen, PEER, SERVICE)), Accepted)
    assert second.asked == []
    only_first = seen._replace(kinds=done.kinds - {"one-time-code"})
    refused = run(chain.find_again(only_first, PEER, SERVICE))
    assert isinstance(refused, Rejected)
    assert refused.details == "the account wants one-time-code as well"


def test_without_a_second_method_or_one_that_finds_nobody_is_found() -> None:
    first = Method(account(password=CHEAP_HASH))
    seen = Seen("method-1", "id-ann", "ann", frozenset(("password", "one-time-code")), "")
    assert run(WithSecondMethod(first, None, lambda: NOW).find(seen, PEER)) == NotMine()
    finds_none: Any = Second()
    blind = WithSecondMethod(finds_none, finds_none, lambda: NOW)
    assert run(blind.find(seen, PEER)) == NotMine()
    verdict = run(first.authenticate(WORD, PEER, SERVICE))
    assert isinstance(verdict, Accepted)
    assert blind.trace(verdict.account) is None
