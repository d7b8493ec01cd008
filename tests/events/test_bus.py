import errno

import pytest

from mft.core.failure import Reason, Refused
from mft.core.peer import PROCESS
from mft.events import catalogue, payloads
from mft.events import journal as journal_module
from mft.events.bus import NOT_RECORDED, Bus, log_nowhere
from mft.events.journal import Journal
from tests.fakes.occurrences import ALICE, SERVER, uploaded
from tests.fakes.run import run


class Recorder:
    """A subscriber that keeps everything."""

    def __init__(self):
        self.told = []

    def offer(self, occurrence):
        self.told.append(occurrence)


@pytest.fixture
def journal(tmp_path):
    journal = Journal.open(tmp_path / "journal")
    yield journal
    journal.close()


@pytest.fixture
def log():
    return []


@pytest.fixture
def bus(journal, log):
    return Bus(journal, SERVER, clock=lambda: 1e9, log=log.append)


def full(monkeypatch):
    def write(fd, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal_module.os, "write", write)


def test_an_event_is_recorded_before_it_is_handed_out(bus, journal):
    class Reader:
        def offer(self, occurrence):
            self.seen = [told.serial for told in journal.read()]

    reader = Reader()
    bus.subscribe(reader)
    assert bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(), ALICE) == 1
    assert reader.seen == [1]


def test_what_subscribers_get_is_what_is_recorded(bus, journal):
    recorder = Recorder()
    bus.subscribe(recorder)
    bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded("/ä\n"), ALICE)
    assert recorder.told == list(journal.read())


def test_the_server_itself_is_the_origin_where_none_is_given(bus, journal):
    bus.emit(catalogue.SCP_CLOSED, payloads.Nothing())
    told = next(journal.read())
    assert told.origin.actor == PROCESS
    assert told.origin.component == SERVER


def test_a_subscriber_that_breaks_harms_nobody(bus, journal, log):
    class Broken:
        def offer(self, occurrence):
            raise RuntimeError("no")

    recorder = Recorder()
    bus.subscribe(Broken())
    bus.subscribe(recorder)
    assert bus.emit(catalogue.SCP_CLOSED, payloads.Nothing(), ALICE) == 1
    assert len(recorder.told) == 1
    assert bus.faults == 1
    assert "RuntimeError" in log[0]


def test_a_subscriber_that_left_is_told_no_more(bus):
    recorder = Recorder()
    bus.subscribe(recorder)
    bus.unsubscribe(recorder)
    bus.emit(catalogue.SCP_CLOSED, payloads.Nothing(), ALICE)
    assert recorder.told == []


def test_a_wrong_payload_never_reaches_the_caller(bus, log):
    assert bus.emit(catalogue.SSH_UPLOAD_DONE, payloads.Nothing(), ALICE) == NOT_RECORDED
    assert bus.faults == 1
    assert "30068" in log[0]


def test_a_journal_that_fails_and_recovers_says_so_once_each(bus, journal, monkeypatch):
    recorder = Recorder()
    bus.subscribe(recorder)
    with monkeypatch.context() as patch:
        full(patch)
        for _ in range(3):
            assert bus.emit(catalogue.SCP_CLOSED, payloads.Nothing(), ALICE)
        assert not bus.healthy
        assert not bus.retry()
    assert bus.retry()
    assert bus.healthy
    numbers = [told.event.number for told in recorder.told]
    assert numbers == [30064, 90002, 30064, 30064, 90003]
    assert recorder.told[-1].data["count"] == 4
    assert [told.event.number for told in journal.read()] == numbers
    assert journal.verify() is None


def test_events_beyond_what_memory_may_hold_are_counted(bus, journal, monkeypatch):
    monkeypatch.setattr(journal_module, "MAX_WAITING", 1000)
    with monkeypatch.context() as patch:
        full(patch)
        for _ in range(100):
            bus.emit(catalogue.SCP_CLOSED, payloads.Nothing(), ALICE)
        assert bus.lost > 50
    assert bus.retry()
    assert f"{bus.lost} events were lost" in list(journal.read())[-1].data["details"]


def test_a_sync_covers_what_was_emitted_before_it(bus, journal):
    async def here(call):
        bus.emit(catalogue.SCP_CLOSED, payloads.Nothing(), ALICE)  # while it runs
        call()

    bus.emit(catalogue.SCP_CLOSED, payloads.Nothing(), ALICE)
    run(bus.sync(here))
    assert journal.synced == 1
    assert journal.pending_sync


def test_a_sync_with_nothing_to_do_does_nothing(bus):
    async def never(call):
        raise AssertionError("called")

    run(bus.sync(never))


def test_a_sync_that_fails_makes_the_bus_unhealthy_until_one_succeeds(bus):
    async def broken(call):
        raise OSError(errno.EIO, "Input/output error")

    async def sound(call):
        call()

    bus.emit(catalogue.SCP_CLOSED, payloads.Nothing(), ALICE)
    run(bus.sync(broken))
    assert not bus.healthy
    run(bus.sync(sound))
    assert bus.healthy


def test_the_first_serial_of_the_process_is_known(bus, journal):
    assert bus.began == 1
    bus.emit(catalogue.SCP_CLOSED, payloads.Nothing(), ALICE)
    assert bus.began == 1
    assert Bus(journal, SERVER, log=log_nowhere).began == 2


def test_a_sync_while_the_disk_takes_nothing_is_told(bus, monkeypatch):
    async def never(call):
        raise AssertionError("called")

    with monkeypatch.context() as patch:
        full(patch)
        bus.emit(catalogue.SCP_CLOSED, payloads.Nothing(), ALICE)
        run(bus.sync(never))
        assert not bus.healthy


def test_a_sync_that_a_pool_refuses_is_made_up_for(bus, journal):
    async def busy(call):
        raise Refused(Reason.BUSY, "", "too many calls")

    async def here(call):
        call()

    bus.emit(catalogue.SCP_CLOSED, payloads.Nothing(), ALICE)
    run(bus.sync(busy))
    assert not bus.healthy
    run(bus.sync(here))
    assert bus.healthy
    assert journal.synced == 2  # what was emitted, and that the journal failed
