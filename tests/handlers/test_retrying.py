"""Dead letters are tried once more, some at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mft.core.failure import Refused
from mft.events import catalogue
from mft.handlers.dead_letters import DeadLetters
from mft.handlers.retrying import PATIENCE, STINT, Retried, Retrying
from tests.fakes.handlers import House, Remembering, house
from tests.fakes.occurrences import ALICE, uploaded
from tests.fakes.run import run

LETTERS = 5


class Slow(Remembering):
    """A handler that takes more than half of the time there is for each event."""

    def __init__(self, home: House) -> None:
        super().__init__()
        self._clock = home.clock

    async def handle_many(self, occurrences: Any) -> None:
        """Let time pass, and keep them."""
        self._clock.advance(STINT * 0.6)
        await super().handle_many(occurrences)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    made = house(tmp_path)
    for serial in range(1, LETTERS + 1):
        made.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(), ALICE)
        DeadLetters(tmp_path, "log").bury({"serial": serial})
    yield made
    made.journal.close()


def retrying(home: House, handler: Any) -> tuple[Retrying, DeadLetters]:
    letters = DeadLetters(home.directory, "log")
    return Retrying(handler, home.journal.directory, letters, home.around), letters


def serials(letters: DeadLetters) -> list[int]:
    return [letter["serial"] for letter in letters.read()]


def done(one: Retrying, first: int = 0) -> Retried:
    """Ask, and let the worker come by."""
    asked = Deferred.fromCoroutine(one.ask(first))
    run(one.work())
    return asked.result  # type: ignore[return-value]  # it has been called


def why(asked: "Deferred[Retried]") -> str:
    """Why that was refused; empty when it was not, or is not yet."""
    refusals: list[str] = []
    asked.addErrback(lambda failure: refusals.append(str(failure.trap(Refused) and failure.value)))
    return "".join(refusals)


def test_nothing_is_done_where_nobody_asks(home: House) -> None:
    one, letters = retrying(home, Remembering())
    assert run(one.work()) is None
    assert len(serials(letters)) == LETTERS


def test_many_are_tried_some_at_a_time(home: House) -> None:
    handler = Slow(home)
    one, letters = retrying(home, handler)
    assert done(one) == (2, 3, 3)
    assert serials(letters) == [3, 4, 5]
    assert done(one, 3) == (2, 1, 5)
    assert done(one, 5) == (1, 0, None)
    assert handler.serials == [1, 2, 3, 4, 5]


def test_what_failed_is_not_tried_again_by_who_goes_on(home: House) -> None:
    handler = Slow(home)
    handler.failing = lambda told: OSError("no space") if told[0].serial == 1 else None
    one, letters = retrying(home, handler)
    assert done(one) == (1, 4, 3)
    assert done(one, 3) == (2, 2, 5)
    assert done(one, 5) == (1, 1, None)
    assert letters.read() == [{"serial": 1, "details": "no space"}]


def test_an_event_that_became_a_letter_twice_is_handled_once(home: House) -> None:
    handler = Remembering()
    one, letters = retrying(home, handler)
    letters.bury({"serial": 1})
    assert done(one) == (LETTERS, 0, None)
    assert handler.serials == [1, 2, 3, 4, 5]


def test_an_event_that_the_journal_has_no_more_says_so(home: House) -> None:
    one, letters = retrying(home, Remembering())
    letters.keep([{"serial": LETTERS + 1}])
    assert done(one) == (0, 1, None)
    assert letters.read()[0]["details"] == "the journal does not have it any more"


def test_what_was_handled_before_a_stop_is_not_handled_again(home: House) -> None:
    handler = Remembering()
    handler.failing = lambda told: CancelledError() if told[0].serial == 3 else None
    one, letters = retrying(home, handler)
    asked = Deferred.fromCoroutine(one.ask(0))
    with pytest.raises(CancelledError):
        run(one.work())
    one.close()
    assert why(asked) == "the handler has stopped"
    assert serials(letters) == [3, 4, 5]


def test_none_is_begun_after_a_stop(home: House) -> None:
    handler = Remembering()
    one, letters = retrying(home, handler)
    handler.failing = lambda told: one.close()
    asked = Deferred.fromCoroutine(one.ask(0))
    run(one.work())
    assert why(asked) == "the handler has stopped"
    assert serials(letters) == [2, 3, 4, 5]
    assert why(Deferred.fromCoroutine(one.ask(0))) == "the handler has stopped"


def test_who_asks_is_answered_although_the_handler_is_busy(home: House) -> None:
    handler = Remembering()
    one, _ = retrying(home, handler)
    asked = Deferred.fromCoroutine(one.ask(0))
    home.clock.advance(PATIENCE)
    assert "the handler is busy" in why(asked)
    run(one.work())
    assert handler.handled == []  # nobody waits for it any more


def test_what_takes_long_is_done_although_nobody_waits(home: House) -> None:
    handler = Remembering()
    handler.gate = gate = Deferred()
    one, letters = retrying(home, handler)
    asked = Deferred.fromCoroutine(one.ask(0))
    working = Deferred.fromCoroutine(one.work())
    assert "already" in why(Deferred.fromCoroutine(one.ask(0)))
    home.clock.advance(PATIENCE)
    assert "the handler is busy" in why(asked)
    assert "already" in why(Deferred.fromCoroutine(one.ask(0)))
    gate.callback(None)
    assert working.result == LETTERS - 1
    assert serials(letters) == [2, 3, 4, 5]


def test_letters_that_cannot_be_read_are_told_to_who_asks(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: DeadLetters) -> None:
        raise PermissionError("not yours")

    monkeypatch.setattr(DeadLetters, "read", refuse)
    one, _ = retrying(home, Remembering())
    asked = Deferred.fromCoroutine(one.ask(0))
    run(one.work())
    assert "not yours" in why(asked)
    assert not one.asked
