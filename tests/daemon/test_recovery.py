"""After a crash everything that was open is closed exactly once, and nothing else is told."""

from collections import Counter

import pytest

from mft.core.peer import Actor, Address, Component, Origin
from mft.daemon.recovery import Recovered, recover
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.journal import Journal

SERVER = Component("server", "server", "mft")
SSH = Component("ssh", "ssh", "ssh")


def state_of(directory):
    state = directory.parent / "state"
    state.mkdir(exist_ok=True)
    return state


class Run:
    """One run of a server, as its journal tells it."""

    def __init__(self, directory, *, started=True):
        self.journal = Journal.open(directory)
        self.bus = Bus(self.journal, SERVER)
        self.recovered = recover(self.journal, self.bus, state_of(directory))
        self.bus.emit(events.PROCESS_STARTING, p.ProcessState("mft", "1"))
        if started:
            self.bus.emit(events.PROCESS_STARTED, p.ProcessState("mft", "1"))

    def connect(self, port):
        origin = Origin(Actor("a", "alice"), Address("192.0.2.7", port), SSH)
        self.bus.emit(events.SSH_CONNECTED, p.Nothing(), origin)
        return origin

    def open(self, origin, path, mode="writing"):
        self.bus.emit(events.SSH_OPEN_DONE, p.Opened(path, f"/srv{path}", mode, path), origin)

    def drained(self):
        self.bus.emit(events.DRAINED, p.Drained(0.0, 0))

    def died(self):
        self.journal.close()


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "journal"


def told(directory):
    journal = Journal.open(directory)
    numbers = Counter(occurrence.event.number for occurrence in journal.read())
    journal.close()
    return numbers


def test_what_was_open_is_closed_once_however_often_it_is_killed(directory):
    run = Run(directory)
    origin = run.connect(1)
    run.open(origin, "/up")
    run.open(origin, "/down", "reading")
    run.open(origin, "/both", "changing and reading")
    run.connect(2)
    run.died()
    run = Run(directory)
    assert run.recovered == Recovered(2, 3)
    run.died()
    run = Run(directory)
    assert run.recovered == Recovered(0, 0)
    run.died()
    numbers = told(directory)
    assert numbers[events.SSH_CLOSED.number] == 2
    assert numbers[events.SSH_UPLOAD_FAILED.number] == 1
    assert numbers[events.SSH_DOWNLOAD_FAILED.number] == 1
    assert numbers[events.SSH_CHANGE_INTERRUPTED.number] == 1
    assert numbers[events.CRASH_CLOSED.number] == 2


def test_a_file_that_one_connection_had_open_twice_is_closed_twice(directory):
    run = Run(directory)
    origin = run.connect(1)
    run.open(origin, "/up")
    run.open(origin, "/up")
    run.died()
    assert Run(directory).recovered == Recovered(1, 2)


def test_a_run_that_was_drained_did_not_crash_whatever_its_handlers_said_later(directory):
    run = Run(directory)
    run.drained()
    run.bus.emit(events.SERVICE_STOPPED, p.ServiceStopped("late"))
    run.died()
    Run(directory).died()
    assert told(directory)[events.CRASH_CLOSED.number] == 0


def test_a_start_that_failed_is_no_crash(directory):
    Run(directory, started=False).died()
    Run(directory, started=False).died()
    assert told(directory)[events.CRASH_CLOSED.number] == 0


def test_a_crash_while_closing_is_finished_by_the_next_start(directory):
    run = Run(directory)
    run.open(run.connect(1), "/up")
    run.died()
    journal = Journal.open(directory)
    first = Bus(journal, SERVER)
    recover(journal, first, state_of(directory))  # and killed before it says that it starts
    journal.close()
    run = Run(directory)
    assert run.recovered == Recovered(0, 0)
    run.died()
    assert told(directory)[events.SSH_UPLOAD_FAILED.number] == 1
