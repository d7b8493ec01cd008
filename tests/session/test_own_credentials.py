"""Own credentials of whoever has logged in: what is told, and when trying has an end."""

from typing import Any

import pytest

from mft.auth.base import Change, CodesChange, PasswordChange
from mft.auth.own_passwords import Fault, NotChanged
from mft.auth.time_codes import TimeCodes
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.session.own_credentials import MAX_OFFERS, MAX_WRONG, OwnCredentials, Ways
from tests.fakes.run import run
from tests.fakes.sessions import PEER, session
from tests.fakes.trail import Trail

GIVEN = PasswordChange(Secret("old"), Secret("new"))
CODES = CodesChange(Secret("old"), Secret(""), TimeCodes.fresh(), Secret("123456"))
NONE = CodesChange(Secret("old"), Secret("123456"))


class Asked:
    """What changes a password, or does not for a reason."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault
        self.calls = 0

    async def __call__(self, given: Change) -> None:
        self.calls += 1
        assert given in (GIVEN, CODES, NONE)
        if self.fault is not None:
            raise NotChanged(self.fault, "details")


def own(asked: Asked, *, has_codes: bool = False) -> OwnCredentials:
    return OwnCredentials(Ways(asked, lambda: has_codes))


async def change(one: Any, given: Change = GIVEN) -> None:
    await one.own.change(one, given)


def test_a_change_is_told() -> None:
    trail, asked = Trail(), Asked()
    run(change(session(trail=trail, own=own(asked))))
    assert [one.event for one in trail.told] == [events.PASSWORD_CHANGED]
    assert trail.told[0].origin.actor.name == "ann"


@pytest.mark.parametrize("fault", Fault)
def test_so_is_one_that_is_refused(fault: Fault) -> None:
    trail = Trail()
    with pytest.raises(NotChanged):
        run(change(session(trail=trail, own=own(Asked(fault)))))
    (told,) = trail.told
    broken = fault is Fault.BROKEN
    wanted = events.PASSWORD_CHANGE_BROKE if broken else events.PASSWORD_NOT_CHANGED
    assert told.event is wanted
    assert told.payload.details == f"{fault.value}: details"


def test_a_session_that_nobody_gave_a_way_has_none() -> None:
    with pytest.raises(NotChanged) as why:
        run(change(session()))
    assert why.value.fault is Fault.NOT_ALLOWED


def test_the_old_password_may_be_wrong_a_few_times_over_all_connections_of_a_login() -> None:
    asked = Asked(Fault.WRONG)
    login = session(own=own(asked))
    for _ in range(MAX_WRONG):
        with pytest.raises(NotChanged):
            run(change(login.visit(PEER, lambda: None)))
    asked.fault = None
    with pytest.raises(NotChanged) as why:
        run(change(login.visit(PEER, lambda: None)))
    assert why.value.fault is Fault.TOO_OFTEN
    assert asked.calls == MAX_WRONG


def test_other_faults_may_come_as_often_as_they_do() -> None:
    asked = Asked(Fault.WEAK)
    login = session(own=own(asked))
    for _ in range(MAX_WRONG + 1):
        with pytest.raises(NotChanged):
            run(change(login))
    asked.fault = None
    run(change(login))


def test_what_cannot_be_recorded_is_not_done() -> None:
    trail, asked = Trail(), Asked()
    trail.healthy = False
    with pytest.raises(NotChanged) as why:
        run(change(session(trail=trail, own=own(asked))))
    assert why.value.fault is Fault.BROKEN
    assert asked.calls == 0


# One-time codes.


@pytest.mark.parametrize(
    ("given", "event"),
    [(CODES, events.SECOND_FACTOR_SET), (NONE, events.SECOND_FACTOR_REMOVED)],
)
def test_codes_that_were_set_or_given_up_are_told(given: Change, event: object) -> None:
    trail = Trail()
    run(change(session(trail=trail, own=own(Asked())), given))
    assert [one.event for one in trail.told] == [event]


@pytest.mark.parametrize("fault", Fault)
def test_so_are_codes_that_stay_as_they_were(fault: Fault) -> None:
    trail = Trail()
    with pytest.raises(NotChanged):
        run(change(session(trail=trail, own=own(Asked(fault))), CODES))
    broken = fault is Fault.BROKEN
    wanted = events.SECOND_FACTOR_BROKE if broken else events.SECOND_FACTOR_NOT_CHANGED
    assert [one.event for one in trail.told] == [wanted]


def test_codes_are_offered_anew_each_time_and_no_more_once_they_are_in_force() -> None:
    login = session(own=own(Asked(), has_codes=True))
    first, second = login.own.offer(), login.own.offer()
    assert first.identity != second.identity
    assert first.codes.secret != second.codes.secret
    assert login.visit(PEER, lambda: None).own.offered(first.identity) == first
    assert login.own.has_codes
    run(change(login, CODES))
    assert [login.own.offered(one.identity) for one in (first, second)] == [None, None]


def test_the_last_few_offers_of_a_login_are_remembered() -> None:
    one = own(Asked())
    made = [one.offer() for _ in range(MAX_OFFERS + 1)]
    assert [one.offered(each.identity) for each in made] == [None, *made[1:]]
    assert one.offered("") is None


def test_guesses_at_a_password_count_together_whatever_they_are_for() -> None:
    asked = Asked(Fault.WRONG)
    login = session(own=own(asked))
    for given in (GIVEN, CODES, NONE, GIVEN, CODES):
        with pytest.raises(NotChanged):
            run(change(login, given))
    asked.fault = None
    with pytest.raises(NotChanged) as why:
        run(change(login, GIVEN))
    assert why.value.fault is Fault.TOO_OFTEN


def test_a_password_that_was_changed_is_known_to_all_connections_of_the_login() -> None:
    login = session(own=own(Asked()))
    assert not login.own.password_changed
    run(change(login.visit(PEER, lambda: None)))
    assert login.own.password_changed


def test_that_somebody_has_tried_is_remembered_and_the_trace_is_asked_for_each_time() -> None:
    traces = iter(["first", "second"])
    ways = Ways(Asked(Fault.WRONG), lambda: False, lambda method: f"{next(traces)} of {method}")
    one = session(own=OwnCredentials(ways))
    assert not one.own.was_wrong
    with pytest.raises(NotChanged):
        run(change(one))
    assert one.own.was_wrong
    assert [one.own.trace("m1"), one.own.trace("m2")] == ["first of m1", "second of m2"]
    assert own(Asked()).trace("m1") is None
