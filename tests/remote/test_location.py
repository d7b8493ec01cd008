import pytest
from twisted.internet.defer import CancelledError

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.events import catalogue as events
from mft.remote.links import CLOSE_TIMEOUT, CONNECT_TIMEOUT, PING_TIMEOUT
from mft.remote.location import State
from mft.remote.waits import MAX_WAITING
from mft.vfs.base import Existing
from tests.fakes.lending import Begun, Lending
from tests.fakes.refused import refused
from tests.fakes.remote import MemoryRemote

INTERVAL = 300


@pytest.fixture
def lending() -> Lending:
    return Lending()


# How many


def test_no_connection_is_made_until_one_is_needed(lending: Lending) -> None:
    assert lending.location.state is State.STARTED
    lending.pass_time(1000)
    assert lending.connects == 0


def test_a_connection_is_lent_again_for_the_same_folder(lending: Lending) -> None:
    lending.use()
    lending.use()
    assert lending.connects == 1
    assert lending.trail.count(events.LOCATION_CONNECTED) == 1


def test_there_are_no_more_connections_than_are_wanted(lending: Lending) -> None:
    four = [lending.borrow() for _ in range(4)]
    fifth, sixth = lending.borrow(), lending.borrow()
    assert lending.connects == 4
    assert fifth.begun.waits
    four[2].give_back()
    assert fifth.remote.connected
    assert sixth.begun.waits
    fifth.give_back()
    assert sixth.remote.connected
    assert lending.connects == 4


def test_one_for_another_folder_takes_the_place_of_one_that_nobody_uses(lending: Lending) -> None:
    lending.peer.put("/other/file", b"")
    some = [lending.borrow() for _ in range(4)]
    waiting = lending.borrow("/other")
    assert waiting.begun.waits
    some[0].give_back()
    assert waiting.remote.connected
    assert len(lending.peer.open) == 4
    assert lending.connects == 5


def test_who_came_first_is_served_first(lending: Lending) -> None:
    some = [lending.borrow() for _ in range(4)]
    waiting = [lending.borrow() for _ in range(3)]
    served = []
    for one in some[:3]:
        one.give_back()
        served.append([each.begun.waits for each in waiting])
    assert served == [[False, True, True], [False, False, True], [False, False, False]]


def test_a_queue_has_an_end() -> None:
    lending = Lending(max_connections="1")
    lending.borrow()
    waiting = [lending.borrow() for _ in range(MAX_WAITING)]
    late = lending.borrow()
    assert late.begun.reason is Reason.BUSY
    assert all(one.begun.waits for one in waiting)


def test_who_no_longer_waits_takes_no_turn() -> None:
    lending = Lending(max_connections="1")
    first, second, third = (lending.borrow() for _ in range(3))
    second.begun.deferred.cancel()
    first.give_back()
    assert third.remote.connected


def test_a_peer_that_takes_no_more_is_used_with_what_there_is(lending: Lending) -> None:
    first = lending.borrow()
    lending.refuse(Reason.BUSY, 9, "too many connections")
    second = lending.borrow()
    assert second.begun.waits
    assert lending.location.state is State.STARTED
    assert lending.trail.count(events.LOCATION_FEWER) == 1
    third = lending.borrow()
    assert lending.connects == 2
    first.give_back()
    assert second.remote.connected
    lending.peer.refuses.clear()
    lending.pass_time(INTERVAL)
    assert third.remote.connected
    assert lending.connects == 3


# Folders that are moved


@pytest.fixture
def places(lending: Lending, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the next connections that are lent again still lead to their folders."""
    found: list[bool] = []

    async def in_place(remote: MemoryRemote) -> bool:
        await remote.peer.meet("in_place", ROOT)
        return found.pop(0)

    monkeypatch.setattr(MemoryRemote, "in_place", in_place, raising=False)
    return found


def test_a_connection_that_leads_elsewhere_is_not_lent_again(
    lending: Lending, places: list[bool]
) -> None:
    lending.use()
    places += [True, False]
    lending.use()
    assert lending.connects == 1
    lending.use()
    assert lending.connects == 2
    assert lending.location.state is State.STARTED
    assert lending.trail.count(events.LOCATION_LOST) == 0
    assert len(lending.peer.open) == 1


def test_who_waits_to_know_where_it_leads_may_give_up(lending: Lending, places: list[bool]) -> None:
    lending.use()
    lending.peer.hangs.add("in_place")
    waiting = lending.borrow()
    waiting.begun.deferred.cancel()
    lending.peer.answer()
    places += [True]
    lending.use()
    assert lending.connects == 1


def test_who_waits_to_know_where_it_leads_is_refused_by_a_stop(
    lending: Lending, places: list[bool]
) -> None:
    lending.use()
    lending.peer.hangs.add("in_place")
    waiting = lending.borrow()
    Begun(lending.location.stop())
    places += [True]
    lending.peer.answer()
    assert waiting.begun.reason is Reason.ABORTED


# What comes back


def test_a_refusal_is_an_answer_after_which_the_connection_is_as_good(lending: Lending) -> None:
    borrower = lending.borrow()
    borrower.give_back(Refused(Reason.NOT_FOUND, "/a"))
    lending.use()
    assert lending.connects == 1


@pytest.mark.parametrize("error", [CancelledError(), ValueError(), GeneratorExit()])
def test_what_was_cut_short_is_not_lent_again(lending: Lending, error: BaseException) -> None:
    lending.borrow().give_back(error)
    assert lending.peer.open == []
    lending.use()
    assert lending.connects == 2


def test_what_was_left_open_ends_the_connection(lending: Lending) -> None:
    borrower = lending.borrow()
    Begun(borrower.remote.upload(VPath.parse("a"), Existing.REPLACE))
    borrower.give_back()
    assert lending.peer.open == []


def test_a_borrower_may_end_the_connection(lending: Lending) -> None:
    borrower = lending.borrow()
    Begun(borrower.remote.close())
    borrower.give_back()
    assert lending.trail.count(events.LOCATION_LOST) == 0
    lending.use()
    assert lending.connects == 2


def test_nothing_is_done_with_what_was_given_back(lending: Lending) -> None:
    borrower = lending.borrow()
    remote = borrower.remote
    borrower.give_back()
    assert not remote.connected
    with refused(Reason.ABORTED):
        assert Begun(remote.stat(ROOT)).result


# Out of reach


def test_what_cannot_be_reached_is_tried_again_by_itself(lending: Lending) -> None:
    lending.refuse(Reason.ABORTED, 2, "connection refused")
    first = lending.borrow()
    assert first.begun.reason is Reason.BUSY
    assert "connection refused" in str(first.begun.refusal)
    assert lending.location.state is State.DISCONNECTED
    waiting = Begun(lending.location.available())
    lending.pass_time(INTERVAL)
    assert lending.connects == 2
    assert lending.location.state is State.DISCONNECTED
    assert waiting.waits
    lending.pass_time(INTERVAL)
    assert lending.location.state is State.STARTED
    assert waiting.result is None
    lending.use()
    assert lending.connects == 3
    told = [one.message for one in lending.trail.told if one.event is events.LOCATION_UNREACHABLE]
    assert len(told) == 2
    assert "at most 12 times more" in told[0]
    assert "at most 11 times more" in told[1]


def test_who_borrows_meanwhile_hears_so_and_nobody_connects(lending: Lending) -> None:
    lending.refuse(Reason.ABORTED)
    lending.borrow()
    for _ in range(50):
        late = lending.borrow()
        assert late.begun.reason is Reason.BUSY
        assert "tried again" in str(late.begun.refusal)
    assert lending.connects == 1


def test_several_that_fail_together_are_one_failure(lending: Lending) -> None:
    lending.peer.hangs.add("connect")
    some = [lending.borrow() for _ in range(4)]
    fifth = lending.borrow()
    lending.refuse(Reason.ABORTED, 4)
    lending.peer.answer()
    assert {one.begun.reason for one in (*some, fifth)} == {Reason.BUSY}
    assert lending.trail.count(events.LOCATION_UNREACHABLE) == 1


def test_it_has_failed_once_all_tries_are_used_up() -> None:
    lending = Lending(connection_retry_count="2", connection_retry_interval="10")
    lending.refuse(Reason.ABORTED, 9)
    lending.borrow()
    lending.pass_time(100)
    assert lending.location.state is State.FAILED
    assert lending.connects == 3
    assert lending.trail.count(events.LOCATION_FAILED) == 1
    assert "started anew" in str(lending.borrow().begun.refusal)


def test_a_success_gives_all_tries_back() -> None:
    lending = Lending(connection_retry_count="1", connection_retry_interval="10")
    for _ in range(3):
        lending.refuse(Reason.ABORTED)
        assert lending.borrow().begun.reason is Reason.BUSY
        lending.pass_time(10)
        assert lending.location.state is State.STARTED
        lending.pass_time(400)  # nobody uses it, and it ends


def test_a_refused_identity_is_not_tried_again(lending: Lending) -> None:
    lending.refuse(Reason.DENIED, 1, "another host key")
    assert lending.borrow().begun.reason is Reason.BUSY
    assert lending.location.state is State.FAILED
    waiting = Begun(lending.location.available())
    lending.pass_time(10_000)
    assert lending.connects == 1
    assert waiting.waits
    assert "another host key" in lending.location.describe()["details"]
    Begun(lending.location.start())
    assert waiting.result is None
    lending.use()
    assert lending.connects == 2


@pytest.mark.parametrize("reason", [Reason.NOT_FOUND, Reason.NOT_A_DIRECTORY, Reason.INVALID])
def test_a_folder_that_is_not_there_is_told_to_who_asks(lending: Lending, reason: Reason) -> None:
    lending.refuse(reason)
    assert lending.borrow().begun.reason is reason
    assert lending.location.state is State.STARTED
    lending.use()


def test_a_folder_that_is_gone_meanwhile_is_a_sign_of_life(lending: Lending) -> None:
    lending.peer.refuses["connect"] = [Refused(Reason.ABORTED), Refused(Reason.NOT_FOUND)]
    lending.borrow()
    lending.pass_time(INTERVAL)
    assert lending.location.state is State.STARTED


def test_a_peer_that_never_answers_has_an_end(lending: Lending) -> None:
    lending.peer.hangs.add("connect")
    borrower = lending.borrow()
    lending.pass_time(CONNECT_TIMEOUT - 1)
    assert borrower.begun.waits
    lending.pass_time(1)
    assert borrower.begun.reason is Reason.BUSY
    assert "no answer" in str(borrower.begun.refusal)


def test_a_connector_that_breaks_is_a_place_that_cannot_be_reached(
    lending: Lending, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(folder: str) -> None:
        raise OSError(113, "No route to host")

    monkeypatch.setattr(lending.connector, "connect", connect)
    borrower = lending.borrow()
    assert "No route to host" in str(borrower.begun.refusal)
    assert lending.location.state is State.DISCONNECTED


def test_who_succeeds_while_another_fails_brings_the_location_back(lending: Lending) -> None:
    lending.peer.hangs.add("connect")
    late = lending.borrow()
    lending.peer.hangs.clear()
    lending.refuse(Reason.ABORTED)
    assert lending.borrow().begun.reason is Reason.BUSY
    seen: list[bool] = []

    async def hope() -> None:
        await lending.location.available()
        async with lending.location.borrow("/") as remote:
            seen.append(remote.connected)
            seen.append(len(lending.peer.open) == 2)  # it is not the one that was made for another

    hoping = Begun(hope())
    lending.peer.answer()
    assert late.remote.connected
    assert hoping.result is None
    assert seen == [True, True]
    assert lending.location.state is State.STARTED
    lending.pass_time(2 * INTERVAL)
    assert lending.connects == 3


def test_who_succeeds_after_a_refusal_gets_nothing(lending: Lending) -> None:
    lending.peer.hangs.add("connect")
    late = lending.borrow()
    lending.peer.hangs.clear()
    lending.refuse(Reason.DENIED)
    lending.borrow()
    lending.peer.answer()
    assert late.begun.reason is Reason.BUSY
    assert lending.peer.open == []


def test_an_attempt_that_is_given_up_makes_room() -> None:
    lending = Lending(max_connections="1")
    lending.peer.hangs.add("connect")
    first, second = lending.borrow(), lending.borrow()
    lending.peer.hangs.clear()
    first.begun.deferred.cancel()
    assert second.remote.connected
    assert len(lending.peer.open) == 1


def test_an_attempt_by_itself_ends_with_a_refusal(lending: Lending) -> None:
    lending.peer.refuses["connect"] = [Refused(Reason.ABORTED), Refused(Reason.DENIED)]
    lending.borrow()
    lending.pass_time(INTERVAL)
    assert lending.location.state is State.FAILED


def test_a_start_does_not_wait_for_the_next_try(lending: Lending) -> None:
    lending.refuse(Reason.ABORTED)
    lending.borrow()
    Begun(lending.location.start())
    lending.use()
    assert lending.connects == 2
    lending.pass_time(INTERVAL)
    assert lending.connects == 2


# Losses


def test_a_loss_is_told_and_another_connection_is_made(lending: Lending) -> None:
    borrower = lending.borrow()
    lending.peer.cut()
    with refused(Reason.ABORTED):
        assert Begun(borrower.remote.stat(ROOT)).result
    borrower.give_back()
    assert lending.trail.count(events.LOCATION_LOST) == 1
    lending.use()
    assert lending.connects == 2


def test_one_that_ended_while_nobody_used_it_is_not_lent(lending: Lending) -> None:
    lending.use()
    lending.peer.cut()
    assert lending.borrow().remote.connected
    assert lending.connects == 2


def test_many_that_are_lost_at_once_are_one_loss(lending: Lending) -> None:
    some = [lending.borrow() for _ in range(4)]
    lending.peer.cut()
    for one in some:
        one.give_back()
    assert lending.location.state is State.STARTED
    assert lending.borrow().remote.connected


# Idle


def test_a_connection_that_nobody_uses_is_ended(lending: Lending) -> None:
    lending.use()
    lending.pass_time(299)
    assert len(lending.peer.open) == 1
    lending.pass_time(7)
    assert lending.peer.open == []
    told = [one for one in lending.trail.told if one.event is events.LOCATION_IDLE]
    assert len(told) == 1
    assert told[0].origin.component is lending.location.component


def test_one_that_is_used_is_not_idle(lending: Lending) -> None:
    lending.borrow()
    lending.pass_time(1000)
    assert len(lending.peer.open) == 1


def test_one_that_is_always_kept_is_made_again() -> None:
    lending = Lending(idle_connection_timeout="0")
    lending.use()
    lending.pass_time(10_000)
    assert len(lending.peer.open) == 1
    lending.peer.cut()
    lending.pass_time(10)
    assert len(lending.peer.open) == 1
    assert lending.connects == 2
    assert lending.trail.count(events.LOCATION_RECONNECTING) == 1


def test_one_that_is_always_kept_and_cannot_be_made_again_is_out_of_reach() -> None:
    lending = Lending(idle_connection_timeout="0")
    lending.use()
    lending.refuse(Reason.ABORTED)
    lending.peer.cut()
    lending.pass_time(10)
    assert lending.location.state is State.DISCONNECTED
    lending.pass_time(INTERVAL)
    assert len(lending.peer.open) == 1


def test_signs_of_life_are_asked_for() -> None:
    lending = Lending(steps=True, idle_connection_keepalive_interval="30")
    lending.use()
    lending.pass_time(100)
    assert 2 <= len(lending.peer.asked_for("ping")) <= 3
    assert lending.trail.count(events.LOCATION_KEEPALIVE_SENT) >= 2
    assert lending.connects == 1


def test_one_without_a_sign_of_life_is_ended() -> None:
    lending = Lending(idle_connection_keepalive_interval="30")
    lending.use()
    lending.peer.hangs.add("ping")
    lending.pass_time(40)
    other = lending.borrow()  # nobody gets the one that is being asked
    assert lending.connects == 2
    other.give_back()
    lending.pass_time(PING_TIMEOUT)
    assert lending.trail.count(events.LOCATION_KEEPALIVE_FAILED) >= 1
    assert lending.trail.count(events.LOCATION_KEEPALIVE_SENT) == 0  # a step, which is not wanted


# The end


def test_a_stop_ends_everything(lending: Lending) -> None:
    used = lending.borrow()
    lending.use()
    stopped = Begun(lending.location.stop())
    assert stopped.result is None
    assert lending.peer.open == []
    used.give_back()
    assert lending.borrow().begun.reason is Reason.ABORTED
    assert lending.clock.getDelayedCalls() == []


def test_a_stop_ends_every_wait() -> None:
    lending = Lending(max_connections="1")
    lending.borrow()
    waiting = lending.borrow()
    Begun(lending.location.stop())
    assert waiting.begun.reason is Reason.ABORTED


def test_a_stop_ends_attempts_and_hopes(lending: Lending) -> None:
    lending.peer.hangs.add("connect")
    borrower = lending.borrow()
    Begun(lending.location.stop())
    assert borrower.begun.reason is Reason.ABORTED
    lending.peer.hangs.clear()
    Begun(lending.location.start())
    lending.refuse(Reason.ABORTED)
    lending.borrow()
    hoping = Begun(lending.location.available())
    Begun(lending.location.stop())
    assert hoping.reason is Reason.ABORTED
    assert lending.clock.getDelayedCalls() == []


def test_a_stop_forgets_that_a_peer_takes_no_more(lending: Lending) -> None:
    lending.borrow()
    lending.refuse(Reason.BUSY)
    waiting = lending.borrow()
    Begun(lending.location.stop())
    assert waiting.begun.reason is Reason.ABORTED
    assert lending.clock.getDelayedCalls() == []
    Begun(lending.location.start())
    four = [lending.borrow() for _ in range(4)]
    assert all(one.remote.connected for one in four)


def test_a_stop_ends_a_sign_of_life_that_is_waited_for() -> None:
    lending = Lending(idle_connection_keepalive_interval="30")
    lending.use()
    lending.peer.hangs.add("ping")
    lending.pass_time(40)
    stopped = Begun(lending.location.stop())
    assert stopped.result is None
    assert lending.clock.getDelayedCalls() == []


def test_a_location_that_never_started_can_be_stopped() -> None:
    lending = Lending()
    Begun(lending.location.stop())
    assert Begun(lending.location.stop()).result is None
    assert Begun(lending.location.available()).reason is Reason.ABORTED


def test_a_stop_does_not_wait_for_a_peer_that_does_not_part(lending: Lending) -> None:
    lending.use()
    lending.peer.hangs.add("close")
    stopped = Begun(lending.location.stop())
    assert stopped.waits
    lending.pass_time(CLOSE_TIMEOUT)
    assert stopped.result is None


def test_what_it_does_is_described(lending: Lending) -> None:
    lending.borrow()
    lending.use()
    assert lending.location.describe() == {
        "id": "location-1",
        "name": "partner",
        "type": "memory",
        "state": "started",
        "connections": 2,
        "in_use": 1,
        "waiting": 0,
        "details": "",
    }
