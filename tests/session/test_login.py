"""Every login ends in one event, and a refusal looks the same whatever its cause."""

from typing import Any

import pytest

from mft.auth.account import Account
from mft.auth.base import (
    Accepted,
    Credentials,
    MoreNeeded,
    NotMine,
    OneTimeCode,
    Password,
    PublicKey,
    Rejected,
    Seen,
    Verdict,
)
from mft.auth.chain import Chain
from mft.core.failure import Reason, Refused
from mft.core.peer import UNKNOWN, Address, Component, Origin
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.session.login import BARRED, REFUSED, Login, LoginResult
from mft.session.session import Session
from tests.fakes.run import run
from tests.fakes.sessions import PEER, SERVICE, account, session
from tests.fakes.trail import Trail
from tests.fakes.watches import QUICK, Watching

ANN = account("allow-read", "/in/*, allow-write", group_names=("partners",), groups=("g1",))
METHOD = Component("m1", "application", "accounts of this file")
WORD = Password("ann", Secret("s3cret-word"))
KEY = PublicKey("ann", b"blob", proven=True)
ENDINGS = {
    events.LOGIN_DONE,
    events.MORE_CREDENTIALS_NEEDED,
    events.LOGIN_FAILED,
    events.LOGIN_FORBIDDEN,
    events.LOGIN_UNKNOWN,
    events.CREDENTIALS_UNSUPPORTED,
}


class Fixed:
    """A method with one answer, which may be an exception."""

    component = METHOD

    def __init__(self, answer: Verdict | Exception, *kinds: str) -> None:
        self.answer = answer
        self.kinds = frozenset(kinds or ("password", "ssh-key"))

    async def authenticate(
        self, credentials: Credentials, peer: Address, service: Component
    ) -> Verdict:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def trace(self, account: Account) -> str:
        return ""

    async def find(self, seen: Seen, peer: Address) -> Verdict:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Door:
    """Opens sessions, or refuses to."""

    def __init__(self, trail: Trail, refusal: Refused | None = None) -> None:
        self.trail = trail
        self.refusal = refusal
        self.opened: list[Session] = []

    async def __call__(self, given: Account, peer: Address, component: Component) -> Session:
        if self.refusal is not None:
            raise self.refusal
        self.opened.append(session(trail=self.trail, account_=given))
        return self.opened[-1]


def login(
    answer: Verdict | Exception, *kinds: str, refusal: Refused | None = None
) -> tuple[Login, Trail, Door]:
    trail = Trail()
    door = Door(trail, refusal)
    chain: Any = Chain([Fixed(answer, *kinds)])
    return Login(chain, trail, door, PEER, SERVICE), trail, door  # type: ignore[arg-type]  # fake


def test_a_login_opens_a_session_and_tells_who_and_what_is_allowed() -> None:
    entering, trail, door = login(Accepted(ANN, METHOD))
    result = run(entering.attempt(WORD))
    assert result.session is door.opened[0]
    assert result.seen == Seen("m1", ANN.uuid, "ann", frozenset(("password",)))
    assert trail.events == [events.LOGIN_DONE, events.PERMISSIONS_IN_FORCE]
    done, rules = (told.payload for told in trail.told)
    assert (done.account_name, done.username, done.group_name) == ("ann", "ann", "partners")
    assert (done.method_name, done.credentials_type) == ("accounts of this file", "password")
    assert trail.told[0].origin == Origin(ANN.actor, PEER, SERVICE)
    assert "/in/*, allow-write" in str(rules)


def test_what_names_uploads_get_is_told_at_login() -> None:
    for amended, words in ((True, "uuid-prefix"), (False, "as given")):
        entering, trail, _ = login(Accepted(account(amend_write_name=amended), METHOD))
        run(entering.attempt(WORD))
        assert words in str(trail.told[1].payload)


REFUSALS = {
    "a wrong secret": (login(Rejected(METHOD, "wrong password")), events.LOGIN_FAILED),
    "a rule": (
        login(Rejected(METHOD, "the account is disabled", forbidden=True)),
        events.LOGIN_FORBIDDEN,
    ),
    "an unknown name": (login(NotMine()), events.LOGIN_UNKNOWN),
    "an unsupported kind": (login(NotMine(), "ssh-key"), events.CREDENTIALS_UNSUPPORTED),
    "a broken method": (login(RuntimeError("s3cret-word")), events.LOGIN_FAILED),
    "a method that refuses": (login(Refused(Reason.BROKEN)), events.LOGIN_FAILED),
}


@pytest.mark.parametrize("cause", REFUSALS)
def test_every_refusal_is_one_event_and_the_same_answer(cause: str) -> None:
    (entering, trail, door), event = REFUSALS[cause]
    trail.forget()
    assert run(entering.attempt(WORD)) is REFUSED
    assert [told for told in trail.events if told in ENDINGS] == [event]
    assert not door.opened
    for told in trail.told:
        assert told.origin == Origin(UNKNOWN, PEER, SERVICE)
        assert "s3cret-word" not in told.message + repr(told.payload)


@pytest.mark.parametrize(
    "refusal",
    [Refused(Reason.NOT_FOUND, "/homes/ann", "is missing"), Refused(Reason.QUOTA, "", "is full")],
)
def test_right_credentials_without_a_session_are_a_refusal_that_says_why(refusal: Refused) -> None:
    entering, trail, door = login(Accepted(ANN, METHOD), refusal=refusal)
    assert run(entering.attempt(WORD)) == LoginResult(failure=str(refusal))
    assert trail.events == [events.LOGIN_FAILED]
    assert str(refusal) in trail.told[0].message
    assert not door.opened


def test_a_refusal_says_which_kinds_the_account_takes_instead() -> None:
    only = frozenset(("ssl-certificate",))
    entering, trail, _ = login(Rejected(METHOD, "by certificate only", True, only))
    assert run(entering.attempt(WORD)) == LoginResult(required=only)
    assert trail.events == [events.LOGIN_FORBIDDEN]


def test_impossible_credentials_are_one_failure() -> None:
    entering, trail, _ = login(NotMine())
    assert run(entering.attempt(Password("", Secret("x")))) is REFUSED
    assert trail.events == [events.LOGIN_FAILED]


def test_a_method_that_breaks_is_told_apart_for_the_administrator() -> None:
    entering, trail, _ = login(RuntimeError())
    run(entering.attempt(WORD))
    assert trail.events == [events.AUTHENTICATION_BROKEN, events.LOGIN_FAILED]


def test_a_login_fails_while_the_journal_cannot_be_written() -> None:
    entering, trail, door = login(Accepted(ANN, METHOD))
    trail.healthy = False
    assert run(entering.attempt(WORD)).failure == "the audit journal cannot be written"
    assert trail.events == [events.LOGIN_FAILED]
    assert not door.opened
    trail.healthy = True
    assert run(entering.attempt(WORD)).session is door.opened[0]


def test_two_kinds_of_credential_are_asked_for_one_after_the_other() -> None:
    both = frozenset(("password", "ssh-key"))
    entering, trail, door = login(MoreNeeded(ANN, METHOD, both))
    first = run(entering.attempt(WORD))
    assert first == LoginResult(missing=frozenset(("ssh-key",)))
    assert trail.events == [events.MORE_CREDENTIALS_NEEDED]
    assert run(entering.attempt(WORD)).missing == {"ssh-key"}  # the same again proves no more
    second = run(entering.attempt(KEY))
    assert second.session is door.opened[0]
    assert trail.count(events.LOGIN_DONE) == 1


def test_a_code_is_waited_for_after_its_password_and_told_once_it_was_right() -> None:
    code = frozenset(("one-time-code",))
    entering, trail, door = login(MoreNeeded(ANN, METHOD, code), "password", "one-time-code")
    assert entering.takes_codes
    assert not entering.awaits_code("ann")
    assert run(entering.attempt(WORD)).missing == code
    assert (entering.awaits_code("ann"), entering.awaits_code("eve")) == (True, False)
    assert trail.events == [events.MORE_CREDENTIALS_NEEDED]
    trail.forget()
    assert run(entering.attempt(OneTimeCode("ann", Secret("123456")))).session is door.opened[0]
    second, done, _ = trail.told
    assert (second.event, done.event) == (events.SECOND_FACTOR_DONE, events.LOGIN_DONE)
    assert (second.payload.username, second.payload.credentials_type) == ("ann", "one-time-code")
    assert second.origin.actor.name == "ann"


def test_a_login_without_codes_waits_for_none() -> None:
    entering, trail, _ = login(Accepted(ANN, METHOD))
    assert not entering.takes_codes
    run(entering.attempt(WORD))
    assert trail.count(events.SECOND_FACTOR_DONE) == 0


def test_what_was_proved_for_one_name_is_nothing_for_another() -> None:
    both = frozenset(("password", "ssh-key"))
    entering, _, door = login(MoreNeeded(ANN, METHOD, both))
    run(entering.attempt(WORD))
    result = run(entering.attempt(KEY._replace(username="eve")))
    assert result.session is None
    assert not door.opened


def test_a_question_about_a_key_is_no_login_and_no_event() -> None:
    question = KEY._replace(proven=False)
    for answer, would in ((Accepted(ANN, METHOD), True), (Rejected(METHOD, "no"), False)):
        entering, trail, door = login(answer)
        assert run(entering.would_do(question)) is would
        assert not trail.told
        assert not door.opened


def test_a_question_that_is_taken_for_an_attempt_is_refused() -> None:
    entering, trail, door = login(Accepted(ANN, METHOD))
    assert run(entering.attempt(KEY._replace(proven=False))) is REFUSED
    assert trail.events == [events.LOGIN_FAILED]
    assert not door.opened


def test_what_a_policy_bars_is_told_by_the_policy_and_looks_like_any_refusal() -> None:
    trail = Trail()
    chain: Any = Chain([Fixed(Accepted(ANN, METHOD))], watches=[Watching(QUICK)])
    entering = Login(chain, trail, Door(trail), PEER, SERVICE)  # type: ignore[arg-type]  # fake
    for given in (WORD, KEY):
        result = run(entering.attempt(given))
        assert result == BARRED
        assert result._replace(barred=False) == REFUSED
    assert not entering.barred
    assert not run(entering.would_do(KEY._replace(proven=False)))
    assert entering.barred
    assert trail.told == []


@pytest.mark.parametrize(("watches", "waits"), [([Watching(QUICK)], 2), ([], 0)])
@pytest.mark.parametrize("verdict", [Accepted(ANN, METHOD), Rejected(METHOD, "no"), NotMine()])
def test_only_what_a_policy_bars_waits_for_its_answer(
    watches: list[Watching], waits: int, verdict: Verdict
) -> None:
    waited: list[None] = []

    async def pause() -> None:
        waited.append(None)

    trail = Trail()
    chain: Any = Chain([Fixed(verdict)], watches=watches)
    entering = Login(chain, trail, Door(trail), PEER, SERVICE, pause)  # type: ignore[arg-type]  # fake
    run(entering.attempt(WORD))
    run(entering.would_do(KEY._replace(proven=False)))
    assert len(waited) == waits


# Logins of other nodes.

SEEN = Seen("m1", ANN.uuid, "ann", frozenset(("password",)))


def test_a_login_of_another_node_goes_on_and_one_event_tells_so() -> None:
    going_on, trail, door = login(Accepted(ANN, METHOD))
    result = run(going_on.go_on(SEEN, "ann", "node-1"))
    assert result.session is door.opened[0]
    assert trail.events == [events.WEB_SESSION_TAKEN, events.PERMISSIONS_IN_FORCE]
    told = trail.told[0]
    assert (told.payload.account_name, told.payload.node) == ("ann", "node-1")
    assert told.origin == Origin(ANN.actor, PEER, SERVICE)


def test_one_that_does_not_is_told_with_the_name_that_it_had() -> None:
    going_on, trail, door = login(Rejected(METHOD, "the account is disabled", forbidden=True))
    assert run(going_on.go_on(SEEN, "ann", "node-1")) is REFUSED
    assert trail.events == [events.WEB_SESSION_NOT_TAKEN]
    told = trail.told[0]
    assert told.payload.details == "the account is disabled"
    assert (told.payload.account_name, told.payload.account_uuid) == ("ann", ANN.uuid)
    assert told.origin == Origin(UNKNOWN, PEER, SERVICE)
    assert not door.opened


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (Refused(Reason.BROKEN, "", "the directory is away"), None),
        (RuntimeError("s3cret-word"), None),
        (Accepted(ANN, METHOD), Refused(Reason.QUOTA, "", "too many sessions")),
    ],
)
def test_one_that_may_go_on_later_is_told_apart(answer: Any, refusal: Refused | None) -> None:
    going_on, trail, door = login(answer, refusal=refusal)
    result = run(going_on.go_on(SEEN, "ann", "node-1"))
    assert result.failure
    assert result.session is None
    assert trail.events == [events.WEB_SESSION_NOT_TAKEN]
    assert "s3cret-word" not in trail.told[0].message
    assert not door.opened


def test_none_goes_on_while_the_journal_cannot_be_written() -> None:
    going_on, trail, door = login(Accepted(ANN, METHOD))
    trail.healthy = False
    assert run(going_on.go_on(SEEN, "ann", "node-1")).failure
    assert not door.opened
