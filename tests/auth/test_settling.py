"""A right login counts only once other nodes have had their say."""

from typing import Any

from mft.auth.account import Account
from mft.auth.base import Accepted, MoreNeeded, Outcome, Password, Rejected, Verdict
from mft.auth.chain import Chain, Judged
from mft.auth.kinds import PASSWORD
from mft.auth.permissions import Rules
from mft.auth.settling import LetGo, settle_alone
from mft.core.failure import Reason, Refused
from mft.core.secret import Secret
from tests.fakes.accounts import METHOD, PEER, SERVICE
from tests.fakes.run import run
from tests.fakes.watches import QUICK, Watching

ANN = Account("ann-1", "ann", "/", Rules(()))
ACCEPTED = Accepted(ANN, METHOD)


class Fixed:
    """A method with one answer."""

    component = METHOD
    kinds = frozenset({PASSWORD})

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict

    async def authenticate(self, *given: object) -> Verdict:
        return self._verdict


class Others:
    """Other nodes, which hear of who comes."""

    def __init__(self, refusal: Refused | None = None) -> None:
        self.asked: list[Account | None] = []
        self.places = 0
        self._refusal = refusal

    known = "what is known"

    async def __call__(self, account: Account | None, known: Any) -> LetGo:
        assert known == self.known
        self.asked.append(account)
        if self._refusal is not None:
            raise self._refusal
        self.places += 1
        return self._leave

    def _leave(self) -> None:
        self.places -= 1


def judge(verdict: Verdict, others: Others, watch: Watching | None = None) -> Judged:
    method: Any = Fixed(verdict)
    chain = Chain([method], watches=[watch] if watch else [], settle=others)
    return run(chain.judge(Password("ann", Secret("x")), PEER, SERVICE))


def test_others_are_asked_about_what_was_right_and_nothing_else() -> None:
    others = Others()
    assert judge(Rejected(METHOD, "wrong"), others).outcome is Outcome.WRONG
    assert others.asked == []
    assert judge(ACCEPTED, others).outcome is Outcome.ACCEPTED
    judge(MoreNeeded(ANN, METHOD, frozenset({"password", "ssh-key"})), others)
    assert others.asked == [ANN, None]


def test_the_place_of_a_login_is_its_own_until_it_is_let_go() -> None:
    others = Others()
    judged = judge(ACCEPTED, others)
    assert others.places == 1
    judged.let_go()
    assert others.places == 0


def test_a_login_that_others_cannot_let_in_is_refused_and_tells_nothing() -> None:
    watch = Watching()
    judged = judge(ACCEPTED, Others(Refused(Reason.BROKEN, "", "they are away")), watch)
    assert judged.outcome is Outcome.BROKEN
    assert judged.account is None
    assert watch.heard == [Outcome.BROKEN]


def test_a_ban_that_others_have_told_of_meanwhile_takes_the_place_back() -> None:
    others = Others()
    judged = judge(ACCEPTED, others, Watching(after=QUICK))
    assert judged.outcome is Outcome.BARRED
    assert others.places == 0


def test_who_is_alone_has_nothing_to_settle() -> None:
    run(settle_alone(ANN, settle_alone.known))()
