"""The chain: order, failing closed, and what never reaches a method."""

import pytest

from mft.auth.account import Account
from mft.auth.base import (
    Accepted,
    Anonymous,
    Bar,
    Certificate,
    Credentials,
    MoreNeeded,
    NotMine,
    OneTimeCode,
    Outcome,
    Password,
    PublicKey,
    Rejected,
    Seen,
    Verdict,
    WouldTry,
)
from mft.auth.chain import Chain, Judged, Proven
from mft.auth.permissions import Rules
from mft.auth.possible import impossible
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component
from mft.core.secret import Secret
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import CHEAP_HASH, OTPAUTH, PEER, SERVICE, Method, account, code_at
from tests.fakes.run import run
from tests.fakes.watches import POLICY, QUICK, SLOW, Watching

ANN = Account("id-ann", "ann", "/homes/ann", Rules.parse(["allow-read"]))
EVE = Account("id-eve", "eve", "/homes/eve", Rules.parse(["allow-read"]))
BOTH = frozenset(("password", "ssh-key"))
FIRST = Component("m1", "fake", "first")
SECOND = Component("m2", "fake", "second")
WORD = Password("ann", Secret("right"))
KEY = PublicKey("ann", b"blob", proven=True)
SHOWN = Certificate("ann", "ann", "AA:BB")
QUESTION = KEY._replace(proven=False)


class Fixed:
    """A method with one answer, which may be an exception; it keeps what it was asked."""

    def __init__(
        self,
        answer: Verdict | BaseException,
        component: Component = FIRST,
        kinds: frozenset[str] = BOTH | {"ssl-certificate"},
    ) -> None:
        self.answer = answer
        self.component = component
        self.kinds = kinds
        self.asked: list[Credentials] = []

    async def authenticate(
        self, credentials: Credentials, peer: Address, service: Component
    ) -> Verdict:
        self.asked.append(credentials)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def judge(chain: Chain, given: Credentials = WORD, proven: Proven | None = None) -> Judged:
    return run(chain.judge(given, PEER, SERVICE, proven))


def test_the_first_method_that_knows_the_name_decides() -> None:
    unaware, aware, later = Fixed(NotMine()), Fixed(Accepted(ANN, SECOND)), Fixed(NotMine())
    judged = judge(Chain([unaware, aware, later]))
    assert judged.outcome is Outcome.ACCEPTED
    assert (judged.account, judged.method) == (ANN, SECOND)
    assert (judged.username, judged.kind) == ("ann", "password")
    assert (len(unaware.asked), len(later.asked)) == (1, 0)


@pytest.mark.parametrize(
    ("forbidden", "outcome"), [(False, Outcome.WRONG), (True, Outcome.FORBIDDEN)]
)
def test_a_rejection_ends_the_chain(forbidden: bool, outcome: Outcome) -> None:
    later = Fixed(Accepted(ANN, SECOND))
    judged = judge(Chain([Fixed(Rejected(FIRST, "why", forbidden)), later]))
    assert (judged.outcome, judged.method, judged.details) == (outcome, FIRST, "why")
    assert judged.account is None
    assert later.asked == []


def test_a_name_that_nobody_knows_is_refused() -> None:
    judged = judge(Chain([Fixed(NotMine()), Fixed(NotMine())]))
    assert (judged.outcome, judged.account) == (Outcome.UNKNOWN, None)


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (ValueError("right is the password"), "ValueError"),
        (Refused(Reason.BUSY, "", "too many wait"), "too many wait"),
        (RecursionError(), "RecursionError"),
    ],
)
def test_a_method_that_breaks_refuses_at_once(error: Exception, details: str) -> None:
    later = Fixed(Accepted(ANN, SECOND))
    judged = judge(Chain([Fixed(error), later]))
    assert (judged.outcome, judged.method, judged.details) == (Outcome.BROKEN, FIRST, details)
    assert judged.account is None
    assert later.asked == []


def test_a_cancelled_login_stays_cancelled() -> None:
    class Cancelled(Exception):
        pass

    with pytest.raises(Cancelled):
        judge(Chain([Fixed(Cancelled())], (Cancelled,)))
    assert judge(Chain([Fixed(Cancelled())])).outcome is Outcome.BROKEN


def test_methods_are_asked_only_for_what_they_understand() -> None:
    passwords = Fixed(Accepted(ANN, FIRST), kinds=frozenset(("password",)))
    chain = Chain([passwords])
    assert chain.kinds == {"password"}
    assert judge(chain, KEY).outcome is Outcome.UNSUPPORTED
    assert judge(Chain([])).outcome is Outcome.UNSUPPORTED
    keys = Fixed(Accepted(ANN, SECOND), SECOND, frozenset(("ssh-key",)))
    assert judge(Chain([passwords, keys]), KEY).method == SECOND
    assert passwords.asked == []


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (Password("", Secret("x")), "the name is empty"),
        (Password("ann", Secret("")), "the password is empty"),
        (Password("a" * 151, Secret("x")), "longer than 150"),
        (Password("ann", Secret("x" * 151)), "longer than 150"),
        (Password("ann\0", Secret("x")), "control"),
        (Password("ann", Secret("x\0")), "control"),
        (Password("an\nn", Secret("x")), "control"),
        (Password("an\x85n", Secret("x")), "control"),
        (Password("an\ud800n", Secret("x")), "control"),
        (PublicKey("", b"x", proven=True), "the name is empty"),
        (PublicKey("ann", b"", proven=True), "the key is empty"),
        (PublicKey("ann", b"x", proven=True, revoked="the key is revoked"), "is revoked"),
        (Certificate("", "ann", "AA:BB"), "the name is empty"),
        (Certificate("ann\0", "ann", "AA:BB"), "control"),
    ],
)
def test_what_is_no_name_or_password_never_reaches_a_method(given: Credentials, why: str) -> None:
    method = Fixed(Accepted(ANN, FIRST))
    judged = judge(Chain([method]), given)
    assert judged.outcome is Outcome.INVALID
    assert why in judged.details
    assert (judged.account, judged.method) == (None, None)
    assert len(judged.username) <= 150
    # The methods are asked about somebody who does not exist, so that it takes as long.
    (asked,) = method.asked
    assert impossible(asked) is None
    assert asked.username not in ("", given.username)
    if isinstance(asked, PublicKey):
        assert not asked.proven


def test_whatever_a_certificate_holds_it_is_asked_about() -> None:
    for given in (Certificate("ann", "", "AA:BB"), Certificate("ann", "\0" * 200, "AA:BB")):
        method = Fixed(NotMine())
        assert judge(Chain([method]), given).outcome is Outcome.UNKNOWN
        assert method.asked == [given]


def test_the_kinds_that_an_account_takes_only_are_told_with_its_refusal() -> None:
    only = frozenset(("ssl-certificate",))
    judged = judge(Chain([Fixed(Rejected(FIRST, "why", True, only))]))
    assert (judged.outcome, judged.required) == (Outcome.FORBIDDEN, only)


def test_an_impossible_password_costs_as_many_hashes_as_a_wrong_one() -> None:
    for word in ("wrong", "x" * 151, ""):
        method = Method(account(password=CHEAP_HASH))
        judge(Chain([method]), Password("ann", Secret(word)))
        assert method.hashes.calls == 1


def test_names_and_passwords_of_150_characters_are_asked_about() -> None:
    method = Fixed(NotMine())
    given = Password("ä" * 150, Secret("ö" * 150))
    assert judge(Chain([method]), given).outcome is Outcome.UNKNOWN
    assert method.asked == [given]


@pytest.mark.parametrize(
    "verdict", [Accepted(ANN, FIRST), MoreNeeded(ANN, FIRST, frozenset(("password",)))]
)
def test_a_question_about_a_key_never_logs_in(verdict: Verdict) -> None:
    proven = Proven("ann", ANN.uuid, FIRST.uuid, BOTH)
    judged = judge(Chain([Fixed(verdict)]), QUESTION, proven)
    assert judged.outcome is Outcome.ACCEPTABLE
    assert judged.account is None
    assert judged.query
    assert judged.proven == proven


NEEDS_KEY = Fixed(MoreNeeded(ANN, FIRST, frozenset(("ssh-key",))))
NEEDS_WORD = Fixed(MoreNeeded(ANN, FIRST, frozenset(("password",))))


def test_both_credentials_in_either_order_log_in() -> None:
    for first, second, one, two in (
        (NEEDS_KEY, NEEDS_WORD, WORD, KEY),
        (NEEDS_WORD, NEEDS_KEY, KEY, WORD),
    ):
        judged = judge(Chain([first]), one)
        assert judged.outcome is Outcome.MORE_NEEDED
        assert judged.account is None
        assert judged.missing == {two.kind}
        assert judged.required == BOTH
        assert judged.account_name == "ann"
        again = judge(Chain([first]), one, judged.proven)
        assert again.outcome is Outcome.MORE_NEEDED
        judged = judge(Chain([second]), two, judged.proven)
        assert (judged.outcome, judged.account) == (Outcome.ACCEPTED, ANN)
        assert judged.proven is None


def test_what_was_proved_is_good_for_one_name_account_and_method_only() -> None:
    proven = Proven("ann", ANN.uuid, FIRST.uuid, frozenset(("password",)))
    other_name = KEY._replace(username="eve")
    more = MoreNeeded(EVE, FIRST, frozenset(("password",)))
    judged = judge(Chain([Fixed(more)]), other_name, proven)
    assert judged.outcome is Outcome.MORE_NEEDED
    assert judged.proven == Proven(
        "eve", EVE.uuid, FIRST.uuid, frozenset(("ssh-key",)), frozenset(("password",)), EVE
    )
    assert judge(Chain([Fixed(more)]), KEY, proven).outcome is Outcome.MORE_NEEDED
    elsewhere = Fixed(MoreNeeded(ANN, SECOND, frozenset(("password",))), SECOND)
    assert judge(Chain([elsewhere]), KEY, proven).outcome is Outcome.MORE_NEEDED


def test_a_wrong_second_credential_leaves_the_first_as_it_was() -> None:
    proven = Proven("ann", ANN.uuid, FIRST.uuid, frozenset(("password",)))
    judged = judge(Chain([Fixed(Rejected(FIRST, "no"))]), KEY, proven)
    assert judged.outcome is Outcome.WRONG
    assert judged.proven == proven
    forgotten = judge(Chain([Fixed(NotMine())]), KEY._replace(username="eve"), proven)
    assert forgotten.proven is None


def test_an_account_that_was_barred_in_between_does_not_log_in() -> None:
    options = {"password": CHEAP_HASH, "required_credentials": "password, ssh-key"}
    judged = judge(Chain([Method(account(**options))]))
    assert judged.outcome is Outcome.MORE_NEEDED
    barred = Method(account(**options, enabled="no"))
    assert judge(Chain([barred]), KEY, judged.proven).outcome is Outcome.FORBIDDEN


def test_a_public_area_is_judged_as_any_login_is() -> None:
    method = Method(account("ann"))
    judged = run(Chain([method]).judge(Anonymous("id-ann"), PEER, SERVICE))
    assert (judged.outcome, judged.kind) == (Outcome.ACCEPTED, "public")
    unknown = run(Chain([method]).judge(Anonymous("id-bob"), PEER, SERVICE))
    assert unknown.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("given", [WORD, KEY, QUESTION, SHOWN, Anonymous("id-ann")])
@pytest.mark.parametrize("more", [False, True])
def test_an_account_that_may_not_act_is_refused_whichever_method_found_it(
    given: Credentials, more: bool
) -> None:
    verdict = MoreNeeded(ANN, FIRST, BOTH - {given.kind}) if more else Accepted(ANN, FIRST)
    kinds = frozenset((given.kind,))
    later = Fixed(Accepted(ANN, SECOND), kinds=kinds)
    chain = Chain(
        [Fixed(verdict, kinds=kinds), later],
        barred=lambda account, peer: f"{account.name} is barred",
    )
    judged = judge(chain, given)
    assert (judged.outcome, judged.details) == (Outcome.FORBIDDEN, "ann is barred")
    # Behind a question others are asked as well, so that it does not tell which names are known.
    asked_too = [given] if given is QUESTION else []
    assert (judged.account, judged.method, later.asked) == (None, FIRST, asked_too)


def test_where_nobody_can_tell_whether_an_account_may_act_it_may_not() -> None:
    def broken(account: Account, peer: Address) -> str | None:
        raise RuntimeError("what it knows of ann")

    judged = judge(Chain([Fixed(Accepted(ANN, FIRST))], barred=broken))
    assert (judged.outcome, judged.details) == (Outcome.BROKEN, "RuntimeError")


# Those who watch over guessing.


def test_a_watch_hears_how_every_attempt_ended() -> None:
    endings = {
        Outcome.ACCEPTED: Fixed(Accepted(ANN, FIRST)),
        Outcome.WRONG: Fixed(Rejected(FIRST, "no")),
        Outcome.FORBIDDEN: Fixed(Rejected(FIRST, "no", forbidden=True)),
        Outcome.UNKNOWN: Fixed(NotMine()),
        Outcome.BROKEN: Fixed(RuntimeError()),
        Outcome.UNSUPPORTED: Fixed(NotMine(), kinds=frozenset()),
        Outcome.MORE_NEEDED: Fixed(MoreNeeded(ANN, FIRST, BOTH)),
    }
    watch = Watching()
    for outcome, method in endings.items():
        assert judge(Chain([method], watches=[watch])).outcome is outcome
    judge(Chain([endings[Outcome.WRONG]], watches=[watch]), Password("", Secret("x")))
    assert watch.heard == [*endings, Outcome.INVALID]


def test_what_a_watch_bars_reaches_no_method_and_is_not_heard_of() -> None:
    method, first, second = Fixed(Accepted(ANN, FIRST)), Watching(), Watching(before=QUICK)
    for given in (WORD, KEY, QUESTION):
        judged = judge(Chain([method], watches=[first, second, Watching()]), given)
        assert judged.outcome is Outcome.BARRED
        assert (judged.method, judged.details) == (POLICY, "the source is banned")
        assert judged.proven is judged.account is None
    assert method.asked == first.heard == second.heard == []


def test_a_method_can_see_whether_the_source_of_a_password_is_banned_by_now() -> None:
    method, watches = Fixed(NotMine()), [Watching(), Watching()]
    judge(Chain([method], watches=watches))
    judge(Chain([method]))
    asked, unwatched = (one for one in method.asked if isinstance(one, Password))
    assert not asked.banned()
    watches[1].banned = True
    assert asked.banned()
    assert not unwatched.banned()


def test_a_slow_bar_costs_what_an_unknown_name_costs_and_the_name_reaches_no_method() -> None:
    method, watch = Fixed(NotMine()), Watching(before=SLOW)
    for given in (WORD, KEY, QUESTION):
        assert judge(Chain([method], watches=[watch]), given).outcome is Outcome.FORBIDDEN
    assert [type(one) for one in method.asked] == [Password, PublicKey, PublicKey]
    assert "ann" not in [one.username for one in method.asked]
    assert watch.heard == [Outcome.FORBIDDEN] * 2  # a question is no attempt


@pytest.mark.parametrize("verdict", [Accepted(ANN, FIRST), MoreNeeded(ANN, FIRST, BOTH)])
def test_what_was_right_is_refused_when_a_watch_bars_it_in_the_end(verdict: Verdict) -> None:
    last = Watching()
    judged = judge(Chain([Fixed(verdict)], watches=[Watching(after=QUICK), last]))
    assert judged.outcome is Outcome.BARRED
    assert judged.account is judged.proven is None
    assert judged.missing == judged.required == frozenset()
    assert last.heard == [Outcome.BARRED]


def test_a_question_is_seen_but_is_no_attempt() -> None:
    watch = Watching(after=QUICK)
    chain = Chain([Fixed(Accepted(ANN, FIRST))], watches=[watch])
    assert judge(chain, QUESTION).outcome is Outcome.ACCEPTABLE
    assert (watch.seen, watch.heard) == ([QUESTION], [])


def test_whoever_leaves_before_the_answer_has_guessed_all_the_same() -> None:
    class Cancelled(Exception):
        pass

    watch = Watching()
    with pytest.raises(Cancelled):
        judge(Chain([Fixed(Cancelled())], (Cancelled,), watches=[watch]))
    assert watch.heard == [Outcome.WRONG]


def test_any_watch_may_turn_a_connection_away() -> None:
    chain = Chain([], watches=[Watching(), Watching(before=QUICK)])
    assert chain.at_connection(PEER, SERVICE, banned=True) == QUICK
    assert chain.at_connection(PEER, SERVICE, banned=False) is None


def test_a_key_that_only_its_signature_lets_a_method_judge_is_worth_one() -> None:
    assert judge(Chain([Fixed(WouldTry(FIRST))]), QUESTION).outcome is Outcome.ACCEPTABLE


@pytest.mark.parametrize("given", [WORD, KEY])
def test_an_answer_to_a_question_that_was_not_asked_lets_nobody_in(given: Credentials) -> None:
    judged = judge(Chain([Fixed(WouldTry(FIRST)), Fixed(Accepted(ANN, SECOND), SECOND)]), given)
    assert judged.outcome is Outcome.BROKEN
    assert judged.account is None


@pytest.mark.parametrize(
    "first", [NotMine(), Rejected(FIRST, "the key is not one of the account's")]
)
def test_where_a_method_tries_every_key_a_question_does_not_tell_which_names_are_known(
    first: Verdict,
) -> None:
    chain = Chain([Fixed(first), Fixed(WouldTry(SECOND), SECOND)])
    assert judge(chain, QUESTION).outcome is Outcome.ACCEPTABLE
    assert judge(chain, KEY).outcome is not Outcome.ACCEPTABLE


def test_what_a_method_refuses_to_a_question_no_other_finds_acceptable() -> None:
    chain = Chain([Fixed(Rejected(FIRST, "no")), Fixed(Accepted(ANN, SECOND), SECOND)])
    assert judge(chain, QUESTION).outcome is Outcome.WRONG


# A one-time code.

CODE = OneTimeCode("ann", Secret("123456"))
KINDS = BOTH | {"one-time-code"}
CODE_ONLY = frozenset(("one-time-code",))
WORD_DONE = Proven("ann", ANN.uuid, FIRST.uuid, frozenset(("password",)), CODE_ONLY)
CODE_RIGHT = MoreNeeded(ANN, FIRST, frozenset(("password",)))


def test_a_code_after_a_right_password_logs_in() -> None:
    judged = judge(Chain([Fixed(CODE_RIGHT, kinds=KINDS)]), CODE, WORD_DONE)
    assert (judged.outcome, judged.account, judged.second) == (Outcome.ACCEPTED, ANN, FIRST)


@pytest.mark.parametrize(
    "proven",
    [
        None,
        WORD_DONE._replace(username="eve"),
        WORD_DONE._replace(kinds=frozenset(("ssh-key",))),
        WORD_DONE._replace(missing=frozenset(("ssh-key",))),
    ],
    ids=["nothing", "another name", "a key", "no code is wanted"],
)
def test_a_code_without_its_password_reaches_no_method(proven: Proven | None) -> None:
    method = Fixed(CODE_RIGHT, kinds=KINDS)
    assert judge(Chain([method]), CODE, proven).outcome is Outcome.INVALID
    assert method.asked == []


@pytest.mark.parametrize("text", ["", "x" * 151, "1\n2"])
def test_what_is_no_possible_code_reaches_no_method(text: str) -> None:
    method = Fixed(CODE_RIGHT, kinds=KINDS)
    judged = judge(Chain([method]), CODE._replace(code=Secret(text)), WORD_DONE)
    assert (judged.outcome, judged.proven) == (Outcome.INVALID, WORD_DONE)
    assert method.asked == []


def test_a_code_is_judged_by_the_method_that_found_the_password_right() -> None:
    other = Fixed(Accepted(EVE, SECOND), SECOND, KINDS)
    judged = judge(Chain([other, Fixed(CODE_RIGHT, kinds=KINDS)]), CODE, WORD_DONE)
    assert judged.account == ANN
    assert other.asked == []
    gone = judge(Chain([other]), CODE, WORD_DONE)
    assert (gone.outcome, gone.account) == (Outcome.UNKNOWN, None)


def test_the_code_of_another_account_is_nothing_with_this_password() -> None:
    of_eve = MoreNeeded(EVE, FIRST, frozenset(("password",)))
    judged = judge(Chain([Fixed(of_eve, kinds=KINDS)]), CODE, WORD_DONE)
    assert (judged.outcome, judged.missing) == (Outcome.MORE_NEEDED, {"password"})


def test_a_code_within_a_password_counts_with_it() -> None:
    chain = Chain([Fixed(MoreNeeded(ANN, FIRST, frozenset(("ssh-key",)), CODE_ONLY), kinds=KINDS)])
    judged = judge(chain)
    assert (judged.outcome, judged.missing) == (Outcome.MORE_NEEDED, {"ssh-key"})
    assert judged.required == KINDS
    assert judged.proven is not None
    assert judged.proven.kinds == {"password", "one-time-code"}
    alone = judge(Chain([Fixed(Accepted(ANN, FIRST, CODE_ONLY))]))
    assert (alone.outcome, alone.second) == (Outcome.ACCEPTED, FIRST)
    assert judge(Chain([Fixed(Accepted(ANN, FIRST))])).second is None


def test_a_password_with_its_code_and_a_key_are_all_in_any_order() -> None:
    options = {
        "password": CHEAP_HASH,
        "multi_factor_authentication": OTPAUTH,
        "required_credentials": "password, ssh-key",
    }
    key = HostKey.generate().public
    given = PublicKey("ann", key.blob, proven=True)
    with_code = Password("ann", Secret("right" + code_at()))
    for order in ((given, with_code), (with_code, given), (given, WORD, "code"), (WORD, "code")):
        method = Method(account(ssh_authorized_keys_content=key.line(), **options))
        chain, judged = Chain([method]), None
        for one in order:
            code = OneTimeCode("ann", Secret(code_at()))
            judged = judge(chain, code if one == "code" else one, judged and judged.proven)
        assert judged is not None
        if given in order:
            assert (judged.outcome, judged.second) == (Outcome.ACCEPTED, method.component)
        else:
            assert judged.missing == {"ssh-key"}


# Those who have logged in at another node.

HASHED = account(password=CHEAP_HASH)


def seen(method: Method) -> Seen:
    """That ann has logged in by her password."""
    chain = Chain([method])
    judged = run(chain.judge(WORD, PEER, SERVICE))
    assert judged.account is not None
    assert judged.method is not None
    assert judged.kinds == {"password"}
    trace = chain.trace(judged.method.uuid, judged.account)
    assert trace is not None
    return Seen(judged.method.uuid, judged.account.uuid, "ann", judged.kinds, trace)


def test_who_was_seen_at_another_node_is_found_at_this_one() -> None:
    verdict = run(Chain([Method(HASHED)]).find_again(seen(Method(HASHED)), PEER, SERVICE))
    assert isinstance(verdict, Accepted)
    assert verdict.account.uuid == "id-ann"


@pytest.mark.parametrize("bar", [QUICK, SLOW])
def test_what_a_watch_bars_is_not_found_again(bar: Bar) -> None:
    method, watch = Method(HASHED), Watching(bar)
    proof, watched = seen(method), Chain([method], watches=[watch])
    verdict = run(watched.find_again(proof, PEER, SERVICE))
    assert verdict == Rejected(POLICY, bar.details, forbidden=True)
    assert watch.heard == [], "it is no guess"


def test_a_name_whose_passwords_are_guessed_is_found_all_the_same() -> None:
    method, watch = Method(HASHED), Watching()
    run(Chain([method], watches=[watch]).find_again(seen(method), PEER, SERVICE))
    assert [one.kind for one in watch.seen] == ["ssl-certificate"]


def test_who_may_not_act_here_is_not_found() -> None:
    method = Method(HASHED)
    proof = seen(method)
    barring = Chain([method], barred=lambda account, peer: f"{account.name} is away")
    verdict = run(barring.find_again(proof, PEER, SERVICE))
    assert isinstance(verdict, Rejected)
    assert (verdict.details, verdict.forbidden) == ("ann is away", True)


def test_all_kinds_that_were_proved_are_told() -> None:
    by_key = MoreNeeded(ANN, FIRST, frozenset(("password",)))
    by_word = MoreNeeded(ANN, FIRST, frozenset(("ssh-key",)))
    first = run(Chain([Fixed(by_key)]).judge(KEY, PEER, SERVICE))
    second = run(Chain([Fixed(by_word)]).judge(WORD, PEER, SERVICE, first.proven))
    assert second.kinds == BOTH
    coded = Accepted(ANN, FIRST, frozenset(("one-time-code",)))
    done = run(Chain([Fixed(coded)]).judge(WORD, PEER, SERVICE))
    assert done.kinds == {"password", "one-time-code"}
