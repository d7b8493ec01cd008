import pytest

from mft.core.peer import Origin
from mft.events import catalogue, payloads
from mft.events.filters import Filter, Items
from mft.handlers import inbox as module
from mft.handlers.inbox import Inbox
from tests.fakes.handlers import LOG, house
from tests.fakes.occurrences import ALICE, uploaded
from tests.fakes.run import run

OWN = Origin(ALICE.actor, ALICE.peer, LOG)


@pytest.fixture
def home(tmp_path):
    home = house(tmp_path)
    yield home
    home.journal.close()


def emit(home, count=1, origin=ALICE):
    for _ in range(count):
        home.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(), origin)


def inbox_of(home, position=None, wants=None):
    place = home.journal.last if position is None else position
    inbox = Inbox(home.journal, wants or Filter(), LOG, home.around.blocking, place)
    home.bus.subscribe(inbox)
    return inbox


def drain(inbox, limit=100):
    serials = []
    while (batch := run(inbox.next(limit))) is not None:
        serials += [told.serial for told in batch.wanted]
    inbox.close()
    return serials


def test_what_happens_waits_in_memory(home):
    inbox = inbox_of(home)
    emit(home, 3)
    assert len(inbox) == 3
    first = run(inbox.next(2))
    assert ([told.serial for told in first.wanted], first.upto) == ([1, 2], 2)
    assert drain(inbox) == [3]
    assert inbox.empty
    assert inbox.from_journal == 0


def test_what_was_before_comes_from_the_journal(home):
    emit(home, 5)
    inbox = inbox_of(home, position=2)
    emit(home, 2)
    assert len(inbox) == 0
    assert drain(inbox, 2) == [3, 4, 5, 6, 7]
    emit(home)
    assert len(inbox) == 1
    assert drain(inbox) == [8]


def test_memory_is_bounded_and_nothing_is_lost(home, monkeypatch):
    monkeypatch.setattr(module, "MAX_KEPT", 10)
    inbox = inbox_of(home)
    emit(home, 100)
    assert len(inbox) == 10
    read = [told.serial for told in run(inbox.next(7)).wanted]
    emit(home, 50)
    assert len(inbox) == 3
    assert read + drain(inbox, 7) == list(range(1, 151))
    assert inbox.from_journal == 140


def test_events_while_the_end_of_the_journal_is_read_are_not_lost(home):
    emit(home, 3)
    inbox = inbox_of(home, position=0)

    async def meanwhile(call, *arguments):
        result = call(*arguments)
        if home.journal.last < 10:
            emit(home)
        return result

    inbox._blocking = meanwhile
    assert drain(inbox) == list(range(1, 11))


def test_what_is_not_wanted_is_passed_over(home):
    inbox = inbox_of(home, wants=Filter(target=Items(frozenset({"30064"}))))
    emit(home, 3)
    assert inbox.empty
    assert inbox.seen == 3
    home.bus.emit(catalogue.SCP_CLOSED, payloads.Nothing(), ALICE)
    emit(home)
    batch = run(inbox.next(10))
    assert ([told.serial for told in batch.wanted], batch.upto) == ([4], 5)


def test_a_handler_never_gets_what_it_told_itself(home):
    inbox = inbox_of(home)
    emit(home, origin=OWN)
    assert inbox.empty
    emit(home, origin=ALICE)
    behind = inbox_of(home, position=0)
    assert drain(behind) == [2]


def test_a_handler_gets_its_own_start_and_stop(home):
    inbox = inbox_of(home)
    started = payloads.ComponentStarted(
        "event-handlers", "audit", "Event handler", "local-file", ""
    )
    home.bus.emit(catalogue.COMPONENT_STARTED, started, OWN)
    assert drain(inbox) == [1]


def test_what_the_journal_cannot_write_yet_comes_later(home, monkeypatch):
    emit(home, 2)
    inbox = inbox_of(home, position=0)
    with monkeypatch.context() as patch:
        patch.setattr("mft.events.journal.os.write", lambda fd, data: 0)
        emit(home)  # and the event that tells of it
        assert [told.serial for told in run(inbox.next(10)).wanted] == [1, 2]
        assert run(inbox.next(10)) is None
        assert not inbox.empty
    assert home.bus.retry()
    assert drain(inbox) == [3, 4, 5]
