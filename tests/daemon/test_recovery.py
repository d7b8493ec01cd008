"""After a crash everything that was open is closed exactly once, and nothing else is told."""

from collections import Counter

import pytest

from mft.core.peer import Actor, Address, Component, Origin
from mft.daemon.recovery import Recovered, recover
from mft.daemon.state.begun import BEGUN
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


def test_a_start_that_is_killed_before_its_events_are_on_disk_is_made_up_for(
    directory, monkeypatch
):
    run = Run(directory)
    run.open(run.connect(1), "/up")
    run.died()

    def killed(path, data, mode):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("mft.daemon.recovery.replace", killed)
        journal = Journal.open(directory)
        emitted = []
        bus = Bus(journal, SERVER)
        bus.subscribe(type("Half", (), {"offer": lambda self, told: emitted.append(told)})())
        with pytest.raises(KeyboardInterrupt):
            recover(journal, bus, state_of(directory))
        journal.close()
    assert [one.event for one in emitted] == [
        events.SSH_UPLOAD_FAILED,
        events.SSH_CLOSED,
        events.CRASH_CLOSED,
    ]
    run = Run(directory)
    assert run.recovered == Recovered(0, 0)
    run.died()
    assert told(directory)[events.SSH_UPLOAD_FAILED.number] == 1


def test_a_journal_that_takes_nothing_leaves_the_old_place(directory):
    run = Run(directory)
    run.open(run.connect(1), "/up")
    run.died()
    place = (state_of(directory) / "run").read_bytes()

    def full(descriptor):
        raise OSError("no space left")

    journal = Journal.open(directory, sync=full)
    assert recover(journal, Bus(journal, SERVER), state_of(directory)) == Recovered(1, 1)
    assert not journal.healthy
    assert (state_of(directory) / "run").read_bytes() == place
    with pytest.raises(OSError, match="no space"):
        journal.close()
    run = Run(directory)
    assert run.recovered == Recovered(0, 0)
    run.died()


@pytest.mark.parametrize("text", [None, b"", b"garbage", b"\xff\xfe", b"-7\n"])
def test_without_a_place_the_whole_journal_is_read(directory, text):
    run = Run(directory)
    run.open(run.connect(1), "/up")
    run.died()
    place = state_of(directory) / "run"
    place.unlink()
    if text is not None:
        place.write_bytes(text)
    run = Run(directory)
    assert run.recovered == Recovered(1, 1)
    run.died()


def test_what_is_before_the_last_run_is_not_read(directory):
    run = Run(directory)
    run.open(run.connect(1), "/up")
    run.died()
    begins = Journal.open(directory)
    place = begins.last + 1
    begins.close()
    (state_of(directory) / "run").write_text(f"{place}\n")
    run = Run(directory)
    assert run.recovered == Recovered(0, 0)
    run.died()


def test_a_handler_that_was_stopped_by_a_reload_does_not_hide_a_crash(directory):
    run = Run(directory)
    run.connect(1)
    run.bus.emit(
        events.COMPONENT_STOPPED,
        p.ComponentStopped("event-handlers", "log", "event handler", "local-file", "reload"),
    )
    run.died()
    run = Run(directory)
    assert run.recovered == Recovered(1, 0)
    run.died()


def test_what_ftp_had_open_is_closed_as_well_the_files_first(directory):
    run = Run(directory)
    origin = Origin(Actor("a", "alice"), Address("192.0.2.7", 50_000), Component("f", "ftp", "f"))
    ends = p.Endpoints("192.0.2.1", 10_900, "192.0.2.7", 50_001)
    for event, payload in (
        (events.FTP_CONNECTED, p.Nothing()),
        (events.FTP_DATA_OPENED, ends),
        (events.FTP_WRITE_OPENED, p.OpenedAt("/up", "/srv/up", 0, "/up")),
        (events.FTP_READ_OPENED, p.OpenedAt("/down", "/srv/down", 0, "/down")),
        (events.FTP_APPEND_OPENED, p.OpenedAt("/done", "/srv/done", 3, "/done")),
        (events.FTP_UPLOAD_DONE, p.Moved("/done", "/srv/done", 1, 1, 0.1, "/done")),
    ):
        run.bus.emit(event, payload, origin)
    run.died()
    again = Run(directory)
    assert again.recovered == Recovered(connections=1, files=3)
    closing = [
        occurrence.event.number
        for occurrence in again.journal.read()
        if "killed" in str(occurrence.data.get("details"))
    ]
    assert closing == [
        events.FTP_UPLOAD_FAILED.number,
        events.FTP_DOWNLOAD_FAILED.number,
        events.FTP_DATA_BROKE.number,
        events.FTP_LOST.number,
    ]


def test_what_http_had_open_is_closed_as_well(directory):
    run = Run(directory)
    origin = Origin(Actor("a", "alice"), Address("192.0.2.7", 50_000), Component("w", "https", "w"))
    for event, payload in (
        (events.HTTP_CONNECTED, p.Nothing()),
        (events.HTTP_WRITE_OPENED, p.UploadByHttp("/up", "/srv/up", "/up", {"case": ["7"]})),
        (events.HTTP_READ_OPENED, p.PathOf("/down", "/srv/down")),
        (events.HTTP_READ_OPENED, p.PathOf("/done", "/srv/done")),
        (events.HTTP_DOWNLOAD_DONE, p.DownloadedByHttp("/done", "/srv/done", 1, 1, 0.1)),
        (events.HTTP_ZIP_STARTED, p.ZipStarted(2)),
    ):
        run.bus.emit(event, payload, origin)
    run.died()
    again = Run(directory)
    assert again.recovered == Recovered(connections=1, files=3)
    closing = [one for one in again.journal.read() if "killed" in str(one.data.get("details"))]
    assert [one.event for one in closing] == [
        events.HTTP_UPLOAD_FAILED,
        events.HTTP_DOWNLOAD_FAILED,
        events.HTTP_ZIP_FAILED,
        events.HTTP_CLOSED,
    ]
    assert closing[0].data["path"] == "/up"
    assert closing[1].data["path"] == "/down"


def test_what_a_transfer_had_open_at_a_location_is_closed_as_well(directory):
    run = Run(directory)
    origin = run.bus.origin._replace(component=Component("location-1", "sftp", "acme"))
    for event, payload in (
        (events.LOCATION_READ_OPENED, p.AtLocation("/in/done", "acme")),
        (events.LOCATION_CLOSED, p.LocationClosed("/in/done", "acme", "reading", 7, 0)),
        (events.LOCATION_READ_OPENED, p.AtLocation("/in/a", "acme")),
        (events.LOCATION_WRITE_OPENED, p.AtLocation("/out/a", "acme")),
        (events.LOCATION_APPEND_OPENED, p.AtLocation("/out/b", "acme")),
    ):
        run.bus.emit(event, payload, origin)
    run.died()
    again = Run(directory)
    assert again.recovered == Recovered(connections=0, files=3)
    closing = [one for one in again.journal.read() if "killed" in str(one.data.get("details"))]
    assert {one.event for one in closing} == {events.LOCATION_CLOSE_FAILED}
    assert [one.data["path"] for one in closing] == ["/in/a", "/out/a", "/out/b"]
    assert closing[0].origin.component == origin.component


def test_each_kind_of_thing_begins_and_ends_by_numbers_of_its_own():
    every = [number for kind in BEGUN for number in (*kind.begins, *kind.ends)]
    assert len(every) == len(set(every))
