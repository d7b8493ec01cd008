"""Accounts that were seen at another node: found by their method, and judged as they are now."""

from typing import Any

import pytest

from mft.auth.account import Account
from mft.auth.base import Accepted, MoreNeeded, NotMine, Rejected, Seen, WouldTry
from mft.auth.finding import found_again, trace_of
from mft.auth.permissions import Rules
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from tests.fakes.accounts import PEER
from tests.fakes.run import run

ANN = Account("id-ann", "ann", "/homes/ann", Rules.parse(["allow-read"]))
METHOD = Component("m1", "fake", "first")
SEEN = Seen("m1", "id-ann", "ann", frozenset(("password",)), "trace")


class Finding:
    """A method with one answer, which may be an exception."""

    def __init__(self, answer: Any, component: Component = METHOD) -> None:
        self.answer = answer
        self.component = component
        self.asked: list[Seen] = []

    def trace(self, account: Account) -> str:
        return f"trace of {account.name} by {self.component.uuid}"

    async def find(self, seen: Seen, peer: Any) -> Any:
        self.asked.append(seen)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def found(*methods: Any, seen: Seen = SEEN, cancelled: Any = ()) -> Accepted | Rejected:
    return run(found_again(methods, seen, PEER, cancelled))


def test_the_method_that_has_seen_it_is_asked_and_no_other() -> None:
    first, second = Finding(Accepted(ANN, METHOD)), Finding(NotMine(), Component("m2", "f", "2"))
    assert found(second, first) == Accepted(ANN, METHOD)
    assert (first.asked, second.asked) == ([SEEN], [])


@pytest.mark.parametrize("methods", [(), (object(),), (Finding(NotMine(), Component("", "", "")),)])
def test_a_method_that_is_not_there_finds_nobody(methods: Any) -> None:
    verdict = found(*methods)
    assert isinstance(verdict, Rejected)
    assert "not there" in verdict.details


@pytest.mark.parametrize("answer", [NotMine(), WouldTry(METHOD)])
def test_an_account_that_is_no_more_is_refused(answer: Any) -> None:
    assert isinstance(found(Finding(answer)), Rejected)


def test_what_was_proved_there_must_be_all_that_is_wanted_here() -> None:
    more = MoreNeeded(ANN, METHOD, frozenset(("one-time-code", "password")))
    enough = SEEN._replace(kinds=frozenset(("password", "one-time-code")))
    assert found(Finding(more), seen=enough) == Accepted(ANN, METHOD)
    verdict = found(Finding(more))
    assert isinstance(verdict, Rejected)
    assert verdict.details == "the account wants one-time-code as well"


def test_a_refusal_is_told_as_it_is() -> None:
    refused = Rejected(METHOD, "the account is disabled", forbidden=True)
    assert found(Finding(refused)) == refused


def test_another_account_of_the_name_is_not_the_one_that_was_seen() -> None:
    verdict = found(Finding(Accepted(ANN, METHOD)), seen=SEEN._replace(account="id-of-old-ann"))
    assert isinstance(verdict, Rejected)
    assert "another account" in verdict.details


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Refused(Reason.BUSY, "", "too many wait"), "too many wait"),
        (RuntimeError("secret"), "RuntimeError"),
    ],
)
def test_what_cannot_be_found_out_now_is_no_answer(error: Exception, told: str) -> None:
    with pytest.raises(Refused) as refused:
        found(Finding(error))
    assert refused.value.reason is Reason.BROKEN
    assert refused.value.details == told


def test_whoever_waits_no_more_is_not_answered() -> None:
    with pytest.raises(KeyError):
        found(Finding(KeyError()), cancelled=(KeyError,))


def test_a_trace_is_that_of_the_method() -> None:
    one, other = Finding(NotMine()), Finding(NotMine(), Component("m2", "fake", "second"))
    assert trace_of([one, other], "m2", ANN) == "trace of ann by m2"
    assert trace_of([one, other], "m3", ANN) is None
    assert trace_of([object()], "m1", ANN) is None  # type: ignore[list-item]  # finds nobody
