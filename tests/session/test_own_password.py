"""The own password of whoever has logged in: what is told, and when there is an end to trying."""

import pytest

from mft.auth.base import PasswordChange
from mft.auth.own_passwords import Fault, NotChanged
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.session.own_password import MAX_WRONG, OwnPassword
from tests.fakes.run import run
from tests.fakes.sessions import PEER, session
from tests.fakes.trail import Trail

GIVEN = PasswordChange(Secret("old"), Secret("new"))


class Asked:
    """What changes a password, or does not for a reason."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault
        self.calls = 0

    async def __call__(self, given: PasswordChange) -> None:
        self.calls += 1
        assert given is GIVEN
        if self.fault is not None:
            raise NotChanged(self.fault, "details")


def test_a_change_is_told() -> None:
    trail, asked = Trail(), Asked()
    run(session(trail=trail, own_password=OwnPassword(asked)).change_password(GIVEN))
    assert [one.event for one in trail.told] == [events.PASSWORD_CHANGED]
    assert trail.told[0].origin.actor.name == "ann"


@pytest.mark.parametrize("fault", Fault)
def test_so_is_one_that_is_refused(fault: Fault) -> None:
    trail = Trail()
    with pytest.raises(NotChanged):
        run(session(trail=trail, own_password=OwnPassword(Asked(fault))).change_password(GIVEN))
    (told,) = trail.told
    broken = fault is Fault.BROKEN
    wanted = events.PASSWORD_CHANGE_BROKE if broken else events.PASSWORD_NOT_CHANGED
    assert told.event is wanted
    assert told.payload.details == f"{fault.value}: details"


def test_a_session_that_nobody_gave_a_way_has_none() -> None:
    with pytest.raises(NotChanged) as why:
        run(session().change_password(GIVEN))
    assert why.value.fault is Fault.NOT_ALLOWED


def test_the_old_password_may_be_wrong_a_few_times_over_all_connections_of_a_login() -> None:
    asked = Asked(Fault.WRONG)
    login = session(own_password=OwnPassword(asked))
    for _ in range(MAX_WRONG):
        with pytest.raises(NotChanged):
            run(login.visit(PEER, lambda: None).change_password(GIVEN))
    asked.fault = None
    with pytest.raises(NotChanged) as why:
        run(login.visit(PEER, lambda: None).change_password(GIVEN))
    assert why.value.fault is Fault.TOO_OFTEN
    assert asked.calls == MAX_WRONG


def test_other_faults_may_come_as_often_as_they_do() -> None:
    asked = Asked(Fault.WEAK)
    login = session(own_password=OwnPassword(asked))
    for _ in range(MAX_WRONG + 1):
        with pytest.raises(NotChanged):
            run(login.change_password(GIVEN))
    asked.fault = None
    run(login.change_password(GIVEN))


def test_what_cannot_be_recorded_is_not_done() -> None:
    trail, asked = Trail(), Asked()
    trail.healthy = False
    with pytest.raises(NotChanged) as why:
        run(session(trail=trail, own_password=OwnPassword(asked)).change_password(GIVEN))
    assert why.value.fault is Fault.BROKEN
    assert asked.calls == 0
