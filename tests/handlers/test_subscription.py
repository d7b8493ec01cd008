import errno
import json
from dataclasses import replace

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mft.core.failure import Reason, Refused
from mft.events import catalogue, payloads
from mft.events.filters import Items
from mft.handlers import inbox as inbox_module
from mft.handlers.base import LONGEST_DELAY, HandlerOptions
from mft.handlers.subscription import DELAY, FAULT_ATTEMPTS, LONGEST_RETRY, Subscription
from tests.fakes.handlers import Remembering, house
from tests.fakes.occurrences import ALICE, SERVER, uploaded
from tests.fakes.run import run

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def home(tmp_path):
    home = house(tmp_path)
    yield home
    home.journal.close()


def emit(home, count=1):
    for _ in range(count):
        home.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(), ALICE)


def subscribed(home, handler, begin=None, **options):
    chosen = HandlerOptions(name="audit", type="local-file", **options)
    subscription = Subscription(handler, chosen, home.bus, home.around, begin)
    run(subscription.start())
    return subscription


def stop(home, subscription, grace=5.0):
    """Stop it, letting time pass until it has."""
    done = Deferred.fromCoroutine(subscription.stop(grace))
    for _ in range(100):
        if done.called:
            break
        home.clock.advance(0.1)
    assert done.called
    assert not hasattr(done, "result") or done.result is None


def wait(home, seconds=DELAY):
    home.clock.advance(seconds)


def test_events_are_delivered_together_after_a_moment(home):
    handler = Remembering()
    subscription = subscribed(home, handler)
    emit(home, 3)
    assert handler.handled == []
    wait(home)
    assert handler.serials == [1, 2, 3]
    assert handler.calls == 1
    stop(home, subscription)
    assert not handler.running


def test_a_handler_that_somebody_waits_for_has_no_delay(home):
    class Hurried(HandlerOptions):
        delay = 0.0

    handler = Remembering()
    options = Hurried(name="audit", type="local-file")
    subscription = Subscription(handler, options, home.bus, home.around)
    run(subscription.start())
    emit(home, 1)
    assert handler.handled == []  # emitting never runs it
    wait(home, 0)
    assert handler.serials == [1]
    stop(home, subscription)


def test_a_full_batch_does_not_wait(home):
    handler = Remembering(batch=4)
    subscription = subscribed(home, handler)
    emit(home, 4)
    wait(home, 0)
    assert handler.serials == [1, 2, 3, 4]
    stop(home, subscription)


class Patient(HandlerOptions):
    """Of a handler whose batches cost the same whatever is in them."""

    longest_delay = LONGEST_DELAY


def patient(home, handler):
    options = Patient(name="audit", type="local-file")
    subscription = Subscription(handler, options, home.bus, home.around)
    run(subscription.start())
    return subscription


def test_what_comes_while_a_batch_is_handled_waits_for_company_as_well(home):
    handler = Remembering()
    subscription = subscribed(home, handler)
    handler.gate = Deferred()
    emit(home, 1)
    wait(home)
    emit(home, 1)
    handler.gate.callback(None)
    handler.gate = None
    emit(home, 1)
    assert handler.serials == [1]
    wait(home)
    assert (handler.serials, handler.calls) == ([1, 2, 3], 2)
    stop(home, subscription)


def test_many_events_one_after_the_other_become_few_batches(home):
    handler = Remembering(batch=1000)
    subscription = patient(home, handler)
    for _ in range(3000):
        emit(home, 1)
        wait(home, 0.001)
    wait(home, LONGEST_DELAY)
    assert handler.serials == list(range(1, 3001))
    assert handler.calls <= 12
    stop(home, subscription)


def test_a_stop_waits_for_no_company(home):
    handler = Remembering(batch=1000)
    subscription = patient(home, handler)
    emit(home, 200)
    wait(home)
    emit(home, 5)
    run(subscription.stop(5.0))
    assert handler.serials == list(range(1, 206))


def test_a_full_batch_that_is_left_waits_for_nobody(home):
    handler = Remembering(batch=4)
    subscription = subscribed(home, handler)
    handler.gate = Deferred()
    emit(home, 4)
    wait(home, 0)
    emit(home, 9)
    handler.gate.callback(None)
    handler.gate = None
    assert handler.serials == list(range(1, 13))
    wait(home)
    assert handler.serials == list(range(1, 14))
    stop(home, subscription)


def test_emitting_never_runs_the_handler(home):
    handler = Remembering(batch=1)
    subscription = subscribed(home, handler)
    emit(home, 100)
    assert handler.calls == 0
    stop(home, subscription)


def test_what_happened_before_the_handler_started_is_delivered(home):
    emit(home, 3)
    handler = Remembering()
    subscription = subscribed(home, handler)
    assert handler.serials == [1, 2, 3]
    stop(home, subscription)


def test_a_handler_that_was_added_later_begins_then(home):
    emit(home, 3)
    handler = Remembering()
    subscription = subscribed(home, handler, begin=home.journal.last + 1)
    emit(home)
    wait(home)
    assert handler.serials == [4]
    stop(home, subscription)


def test_a_cursor_survives_a_restart(tmp_path):
    home = house(tmp_path)
    first = Remembering()
    subscription = subscribed(home, first)
    emit(home, 3)
    stop(home, subscription)
    emit(home, 2)
    home.journal.close()
    again = house(tmp_path)
    emit(again, 1)
    second = Remembering()
    subscription = subscribed(again, second)
    assert (first.serials, second.serials) == ([1, 2, 3], [4, 5, 6])
    stop(again, subscription)
    again.journal.close()


def test_a_kill_repeats_little_and_loses_nothing(tmp_path):
    home = house(tmp_path)
    first = Remembering()
    subscribed(home, first)
    emit(home, 3)
    wait(home)
    wait(home, 2.0)
    emit(home, 2)
    wait(home)  # the process ends here, without a word
    home.journal.close()
    again = house(tmp_path)
    second = Remembering()
    subscription = subscribed(again, second)
    assert set(first.serials) | set(second.serials) == {1, 2, 3, 4, 5}
    assert second.serials in ([], [4, 5])
    stop(again, subscription)
    again.journal.close()


def test_a_new_handler_that_is_killed_at_once_still_gets_its_first_events(tmp_path):
    home = house(tmp_path)
    emit(home, 3)
    failing = Remembering()
    failing.failing = FULL
    subscribed(home, failing)
    home.journal.close()
    again = house(tmp_path)
    handler = Remembering()
    subscription = subscribed(again, handler)
    assert handler.serials[:3] == [1, 2, 3]
    stop(again, subscription)
    again.journal.close()


def test_a_slow_handler_keeps_memory_flat_and_loses_nothing(home, monkeypatch):
    monkeypatch.setattr(inbox_module, "MAX_KEPT", 20)
    monkeypatch.setattr("mft.handlers.subscription.MAX_KEPT", 20)
    handler = Remembering()
    handler.gate = Deferred()
    subscription = subscribed(home, handler)
    emit(home)
    wait(home)
    emit(home, 500)
    assert len(subscription._inbox) <= 20
    gate, handler.gate = handler.gate, None
    gate.callback(None)
    wait(home)
    assert handler.serials == list(range(1, 502))
    assert home.numbers()[-1] == catalogue.HANDLER_CAUGHT_UP.number
    stop(home, subscription)


def test_a_failure_is_told_and_tried_again_until_it_works(home):
    handler = Remembering()
    handler.failing = FULL
    subscription = subscribed(home, handler, fail_after_errors=0)
    emit(home, 2)
    wait(home)
    wait(home, 1.0)
    wait(home, 2.0)
    assert handler.calls == 3
    handler.failing = None
    wait(home, 4.0)
    assert handler.serials == [1, 2]
    assert home.numbers() == [30068, 30068, 20174, 20174, 20174]
    told = list(home.journal.read())[-1]
    assert told.data["id"] == 30068
    assert "No space left" in told.data["details"]
    stop(home, subscription)


def test_the_wait_between_two_attempts_is_bounded(home):
    handler = Remembering()
    handler.failing = FULL
    subscription = subscribed(home, handler, fail_after_errors=0)
    emit(home)
    wait(home)
    for _ in range(20):
        wait(home, LONGEST_RETRY)
    assert handler.calls == 21
    stop(home, subscription, grace=0.0)


def test_a_handler_that_fails_too_often_in_a_row_stops_itself(home):
    handler = Remembering()
    handler.failing = Refused(Reason.DENIED, "log", "not allowed")
    subscription = subscribed(home, handler, fail_after_errors=3)
    emit(home)
    wait(home)
    for _ in range(10):
        wait(home, LONGEST_RETRY)
    assert handler.calls == 3
    assert subscription.given_up
    assert home.numbers() == [30068, 20174, 20174, 20174, 20066]
    assert subscription.position == 0
    stop(home, subscription)
    handler.failing = None
    again = subscribed(home, handler)
    assert handler.serials[0] == 1  # it goes on where it was
    stop(home, again)


def test_failures_in_a_row_end_with_a_success(home):
    handler = Remembering()
    subscription = subscribed(home, handler, fail_after_errors=2)
    for _ in range(5):
        handler.failing = FULL
        emit(home)
        wait(home)
        handler.failing = None
        wait(home, 1.0)
    assert not subscription.given_up
    assert len(handler.handled) == 5
    stop(home, subscription)


@pytest.mark.parametrize("error", [ValueError("poison"), FULL])
def test_one_poisonous_event_becomes_a_dead_letter_and_the_others_pass(home, tmp_path, error):
    handler = Remembering(attempts=3)
    handler.failing = lambda told: error if 2 in [one.serial for one in told] else None
    subscription = subscribed(home, handler)
    emit(home, 3)
    wait(home)
    for _ in range(3):
        wait(home, LONGEST_RETRY)
    assert handler.serials == [1, 3]
    letters = list((tmp_path / "state" / "dead-letters").iterdir())
    assert json.loads(letters[0].read_text())["serial"] == 2
    told = [one for one in home.journal.read() if one.event is catalogue.DEAD_LETTER]
    assert [one.data["serial"] for one in told] == [2]
    assert subscription.position >= 3
    stop(home, subscription)


def test_events_that_become_dead_letters_do_not_switch_the_handler_off(home):
    handler = Remembering(batch=1, attempts=5)
    handler.failing = lambda told: FULL if told[0].serial < 4 else None
    subscription = subscribed(home, handler)  # stops itself after 10 failures in a row
    emit(home, 4)
    wait(home)
    for _ in range(20):
        wait(home, LONGEST_RETRY)
    assert subscription.state == "running"
    assert subscription.buried == 3
    assert handler.serials == [4]
    stop(home, subscription)


def test_one_poisonous_event_does_not_switch_a_handler_off(home):
    handler = Remembering(attempts=0)
    handler.failing = lambda told: ValueError("poison") if told[0].serial == 1 else None
    subscription = subscribed(home, handler, fail_after_errors=FAULT_ATTEMPTS)
    emit(home, 2)
    wait(home)
    for _ in range(FAULT_ATTEMPTS):
        wait(home, LONGEST_RETRY)
    assert handler.serials == [2]
    assert subscription.buried == 1
    stop(home, subscription)


def test_a_fault_leaves_its_trace_in_the_event(home):
    handler = Remembering(attempts=1)
    handler.failing = ZeroDivisionError("oops")
    subscription = subscribed(home, handler)
    emit(home)
    wait(home)
    failed = next(one for one in home.journal.read() if one.event is catalogue.HANDLER_FAILED)
    assert "ZeroDivisionError" in failed.data["traceback"]
    stop(home, subscription)


@pytest.mark.parametrize(("server", "serials"), [(SERVER.uuid, [1, 2, 3]), ("server-2", [])])
def test_a_handler_of_another_server_gets_nothing(home, server, serials):
    handler = Remembering()
    subscription = subscribed(home, handler, servers=Items(frozenset({server})))
    emit(home, 3)
    wait(home)
    assert handler.serials == serials
    assert subscription.position == 3
    stop(home, subscription)


def test_filters_hold(home):
    handler = Remembering()
    subscription = subscribed(home, handler, usernames=Items(frozenset({"bob"})))
    emit(home, 3)
    wait(home)
    assert handler.handled == []
    assert subscription.position == 3  # nothing for it holds a segment back
    stop(home, subscription)


def test_a_stop_delivers_what_is_left(home):
    handler = Remembering(batch=2)
    subscription = subscribed(home, handler)
    emit(home, 7)
    stop(home, subscription)
    assert handler.serials == [1, 2, 3, 4, 5, 6, 7]


def test_a_stop_does_not_wait_for_ever(home):
    handler = Remembering()
    handler.failing = FULL
    subscription = subscribed(home, handler, fail_after_errors=0)
    emit(home)
    stop(home, subscription, grace=3.0)
    assert not handler.running
    assert home.clock.seconds() < 10
    assert subscription.position == 0
    assert home.clock.getDelayedCalls() == []


def test_a_stop_does_not_wait_for_a_handler_that_takes_it_for_a_failure(home):
    class Stubborn(Remembering):
        async def handle_many(self, occurrences):
            self.calls += 1
            try:
                await Deferred()
            except CancelledError:
                raise Refused(Reason.ABORTED, "", "nobody answered") from None

    handler = Stubborn()
    subscription = subscribed(home, handler, fail_after_errors=0)
    emit(home)
    wait(home)
    stop(home, subscription, grace=3.0)
    assert home.clock.seconds() < 10
    assert handler.calls == 1
    assert home.clock.getDelayedCalls() == []


def test_a_stop_wakes_a_handler_that_waits_to_try_again(home):
    handler = Remembering()
    handler.failing = FULL
    subscription = subscribed(home, handler, fail_after_errors=0)
    emit(home)
    wait(home)
    for _ in range(10):
        wait(home, LONGEST_RETRY)
    handler.failing = None
    run(subscription.stop(grace=3.0))
    assert handler.serials == [1]
    assert subscription.position >= 1
    assert home.clock.getDelayedCalls() == []


def test_a_stop_tries_once_more_and_not_for_all_the_time_it_has(home):
    handler = Remembering()
    handler.failing = FULL
    subscription = subscribed(home, handler, fail_after_errors=0)
    emit(home)
    wait(home)
    run(subscription.stop(grace=3.0))
    assert handler.calls == 2
    assert subscription.position == 0
    assert home.clock.getDelayedCalls() == []


def test_a_journal_that_lost_its_end_is_told_and_not_waited_for(tmp_path):
    home = house(tmp_path)
    subscription = subscribed(home, Remembering())
    emit(home, 5)
    stop(home, subscription)
    home.journal.close()
    path = next((tmp_path / "log" / "journal").glob("*.jsonl"))
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    again = house(tmp_path)
    handler = Remembering()
    subscription = subscribed(again, handler)
    assert again.numbers() == [30068, 30068, 20174]
    emit(again)
    wait(again)
    assert handler.serials == [4]
    stop(again, subscription)
    again.journal.close()


@pytest.mark.parametrize("more", [0, 1, 9])
def test_what_has_the_serials_of_lost_events_is_delivered(tmp_path, more):
    """A power failure took the end of the journal, but not what the handler had kept of it."""
    home = house(tmp_path)
    subscription = subscribed(home, Remembering())
    emit(home, 5)
    stop(home, subscription)
    home.journal.close()
    path = next((tmp_path / "log" / "journal").glob("*.jsonl"))
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    home = house(tmp_path)
    emit(home, more)  # of the start, before there are handlers
    handler = Remembering()
    subscription = subscribed(home, handler)
    emit(home, 1)
    stop(home, subscription)
    assert [one for one in handler.serials if one != 3 + more] == [*range(3, 3 + more), 4 + more]
    # One that is configured anew goes on where it was, in the same process.
    handler = Remembering()
    chosen = HandlerOptions(name="audit", type="local-file")
    subscription = Subscription(handler, chosen, home.bus, home.around, again=True)
    run(subscription.start())
    emit(home, 1)
    stop(home, subscription)
    assert handler.serials == [5 + more]
    home.journal.close()


def test_a_handler_that_cannot_start_says_so_to_its_starter(home):
    class Broken(Remembering):
        async def start(self):
            raise FULL

    with pytest.raises(OSError, match="No space"):
        subscribed(home, Broken())
    emit(home)
    assert home.clock.getDelayedCalls() == []


def test_a_place_that_cannot_be_read_is_told_at_the_start(home, tmp_path):
    (tmp_path / "state").write_text("a file is in the way")
    with pytest.raises(OSError, match="directory"):
        subscribed(home, Remembering())


def test_a_place_that_cannot_be_understood_is_told_and_nothing_is_missed(home, tmp_path):
    """A power cut may leave an empty file; a handler without any begins with this process."""
    emit(home, 3)
    (tmp_path / "state" / "cursors").mkdir(parents=True)
    (tmp_path / "state" / "cursors" / "log-1.json").touch()
    handler = Remembering()
    subscription = subscribed(home, handler, begin=3)
    wait(home)
    assert handler.serials == [1, 2, 3]
    (told,) = [one for one in home.journal.read() if one.event is catalogue.HANDLER_FAILED]
    assert "begins with the oldest" in told.data["details"]
    stop(home, subscription)


def test_a_cursor_that_cannot_be_written_stops_nothing(home, monkeypatch):
    def refuse(self, serial):
        raise FULL

    monkeypatch.setattr("mft.handlers.cursor.Cursor.save", refuse)
    handler = Remembering()
    subscription = subscribed(home, handler)
    emit(home, 2)
    wait(home)
    assert handler.serials == [1, 2]
    assert "No space left" in home.log[0]
    stop(home, subscription)


def test_two_handlers_do_not_disturb_each_other(home):
    good, bad = Remembering(), Remembering()
    bad.component = bad.component._replace(uuid="log-2")
    bad.failing = FULL
    one, other = subscribed(home, good), subscribed(home, bad, fail_after_errors=2)
    emit(home)
    wait(home)
    for _ in range(5):
        wait(home, LONGEST_RETRY)
    numbers = [told.event.number for told in good.handled]
    assert numbers == [30068, 20174, 20174, 20066]
    stop(home, one)
    stop(home, other)


def test_a_journal_that_cannot_be_read_is_tried_again(home, monkeypatch):
    emit(home, 2)
    handler = Remembering()
    with monkeypatch.context() as patch:

        def refuse(self, limit):
            raise PermissionError(errno.EACCES, "Permission denied")

        patch.setattr("mft.events.reader.JournalReader.take", refuse)
        subscription = subscribed(home, handler)
        assert handler.handled == []
    wait(home, LONGEST_RETRY)
    assert handler.serials == [1, 2]
    assert 20174 in home.numbers()
    stop(home, subscription)


def test_the_payload_of_the_own_start_is_delivered(home):
    handler = Remembering()
    subscription = subscribed(home, handler)
    started = payloads.ComponentStarted(
        "event-handlers", "audit", "Event handler", "local-file", ""
    )
    home.bus.emit(catalogue.COMPONENT_STARTED, started, subscription._origin)
    wait(home)
    assert handler.serials == [1]
    stop(home, subscription)


def test_what_comes_while_the_cursor_is_saved_does_not_wait(home):
    handler = Remembering()
    subscription = subscribed(home, handler)
    home.clock.advance(10)
    inline, late = home.around.blocking, []

    async def meanwhile(call, *arguments):
        if call.__name__ == "save" and not late:
            late.append(call)
            emit(home)
            home.clock.advance(DELAY)
        return await inline(call, *arguments)

    subscription._around = replace(home.around, blocking=meanwhile)
    emit(home)
    wait(home)
    assert handler.serials == [1, 2]
    stop(home, subscription)


def test_a_poisonous_event_does_not_stall_even_a_handler_that_skips_nothing(home):
    handler = Remembering(attempts=0)
    handler.failing = lambda told: ValueError("poison") if told[0].serial == 1 else None
    subscription = subscribed(home, handler, fail_after_errors=0)
    emit(home, 2)
    wait(home)
    for _ in range(FAULT_ATTEMPTS + 1):
        wait(home, LONGEST_RETRY)
    assert handler.serials == [2]
    assert home.numbers().count(catalogue.DEAD_LETTER.number) == 1
    stop(home, subscription)


def test_a_dead_letter_without_room_for_its_record_is_still_told(home, monkeypatch):
    def refuse(self, letter):
        raise FULL

    monkeypatch.setattr("mft.handlers.dead_letters.DeadLetters.bury", refuse)
    handler = Remembering(attempts=1)
    handler.failing = FULL
    subscription = subscribed(home, handler)
    emit(home)
    wait(home)
    letter = next(one for one in home.journal.read() if one.event is catalogue.DEAD_LETTER)
    assert "no record of it" in letter.data["details"]
    stop(home, subscription)


def test_a_worker_that_ends_by_a_fault_of_ours_says_so(home, monkeypatch):
    async def broken(self, limit):
        raise RuntimeError("a fault of ours")

    handler = Remembering()
    subscription = subscribed(home, handler)
    monkeypatch.setattr("mft.handlers.inbox.Inbox.next", broken)
    emit(home)
    wait(home)
    assert subscription.given_up
    assert "a fault of ours" in home.log[0]
    assert home.numbers() == [30068, 20174]
    stop(home, subscription)


def test_a_stop_while_the_journal_cannot_be_written_ends(home, monkeypatch):
    handler = Remembering()
    emit(home)
    with monkeypatch.context() as patch:
        patch.setattr("mft.events.journal.os.write", lambda fd, data: 0)
        emit(home)
        subscription = subscribed(home, handler)
        assert handler.serials == [1]
        wait(home, 1.0)
        stop(home, subscription)
    assert subscription.position == 1


def test_a_handler_that_never_started_can_be_stopped(home):
    options = HandlerOptions(name="audit", type="local-file")
    subscription = Subscription(Remembering(), options, home.bus, home.around)
    emit(home)
    subscription.offer(next(home.journal.read()))
    stop(home, subscription)
    assert subscription.position == 0


def test_giving_up_in_the_middle_of_single_deliveries_keeps_the_place(home):
    handler = Remembering()
    handler.failing = lambda told: ValueError("poison") if told[-1].serial > 1 else None
    subscription = subscribed(home, handler, fail_after_errors=2)
    emit(home, 3)
    wait(home)
    wait(home, LONGEST_RETRY)
    assert handler.serials == [1]
    assert subscription.given_up
    assert subscription.position == 1
    stop(home, subscription)


# Dead letters, once more.


def poisoned(home):
    """A handler that gave up on the event with the serial 2, and would take it now."""
    handler = Remembering(attempts=1)
    handler.failing = lambda told: FULL if 2 in [one.serial for one in told] else None
    subscription = subscribed(home, handler)
    emit(home)
    wait(home)
    emit(home)
    wait(home)
    assert (handler.serials, subscription.buried) == ([1], 1)
    handler.failing = None
    return handler, subscription


def test_a_dead_letter_is_handled_when_that_is_asked_for(home, tmp_path):
    handler, subscription = poisoned(home)
    told = run(subscription.retry())
    assert told == (1, 0, None)
    assert 2 in handler.serials
    assert subscription.buried == 0
    assert not (tmp_path / "state" / "dead-letters" / "log-1.jsonl").exists()
    assert run(subscription.retry()) == (0, 0, None)
    stop(home, subscription)


def test_what_fails_again_stays_a_dead_letter_and_says_why(home, tmp_path):
    handler, subscription = poisoned(home)
    handler.failing = ValueError("still poison")
    assert run(subscription.retry()) == (0, 1, None)
    letter = json.loads((tmp_path / "state" / "dead-letters" / "log-1.jsonl").read_text())
    assert (letter["serial"], letter["details"]) == (2, "still poison")
    stop(home, subscription)


def test_dead_letters_are_counted_from_the_start(home):
    _, subscription = poisoned(home)
    stop(home, subscription)
    again = subscribed(home, Remembering())
    assert again.buried == 1
    stop(home, again)


def test_a_retry_waits_for_the_batch_that_is_being_handled(home):
    handler, subscription = poisoned(home)
    handler.gate = Deferred()
    emit(home)
    wait(home)
    asked = Deferred.fromCoroutine(subscription.retry())
    assert not asked.called
    gate, handler.gate = handler.gate, None
    gate.callback(None)
    assert asked.result == (1, 0, None)
    stop(home, subscription)


def test_who_asks_while_it_stops_hears_so(home):
    handler, subscription = poisoned(home)
    handler.gate = Deferred()
    emit(home)
    wait(home)
    asked = Deferred.fromCoroutine(subscription.retry())
    stop(home, subscription)
    with pytest.raises(Refused, match="the handler has stopped"):
        asked.result.raiseException()
    with pytest.raises(Refused, match="the handler has stopped"):
        run(subscription.retry())


def test_who_asks_a_handler_that_gives_up_hears_so(home):
    handler, subscription = poisoned(home)
    handler.attempts, handler.gate, handler.failing = 0, Deferred(), FULL
    subscription._fail_after = 1
    emit(home)
    wait(home)
    asked = Deferred.fromCoroutine(subscription.retry())
    handler.gate.callback(None)
    assert subscription.given_up
    for one in (asked, Deferred.fromCoroutine(subscription.retry())):
        with pytest.raises(Refused, match="the handler has stopped"):
            one.result.raiseException()
    stop(home, subscription)


def test_who_asks_a_handler_whose_worker_ended_hears_so(home, monkeypatch):
    _, subscription = poisoned(home)

    def broken(self):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("mft.handlers.dead_letters.DeadLetters.read", broken)
    asked = Deferred.fromCoroutine(subscription.retry())
    with pytest.raises(Refused, match="the handler has stopped"):
        asked.result.raiseException()
    assert subscription.given_up
    stop(home, subscription)


def test_who_asks_a_handler_that_tries_something_again_is_not_kept_waiting(home):
    handler, subscription = poisoned(home)
    handler.attempts, handler.gate, handler.failing = 0, Deferred(), FULL
    emit(home)
    wait(home)
    asked = Deferred.fromCoroutine(subscription.retry())
    handler.gate.callback(None)
    for one in (asked, Deferred.fromCoroutine(subscription.retry())):
        with pytest.raises(Refused, match="is trying another event again"):
            one.result.raiseException()
    handler.failing = handler.gate = None
    wait(home, LONGEST_RETRY)
    assert run(subscription.retry()) == (1, 0, None)
    stop(home, subscription)


def test_the_state_is_one_of_three(home):
    handler = Remembering()
    subscription = subscribed(home, handler, fail_after_errors=2)
    assert subscription.state == "running"
    handler.failing = FULL
    emit(home)
    wait(home)
    assert subscription.state == "trying again"
    wait(home, LONGEST_RETRY)
    assert subscription.state == "stopped itself"
    stop(home, subscription)
