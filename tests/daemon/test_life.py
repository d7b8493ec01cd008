"""The process starts, reloads, drains and exits with the right code."""

import errno
import os
import signal

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mft.core.failure import Reason, Refused
from mft.daemon import life
from mft.daemon.life import Life, StartFailed
from mft.daemon.state.pid_file import PID_FILE


class Reactor(Clock):
    """A clock that can be run and stopped like a reactor."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped = 0

    def callWhenRunning(self, call, *args):
        call(*args)

    def callFromThread(self, call, *args):
        call(*args)

    def run(self) -> None:
        self.ran = True

    def stop(self) -> None:
        self.stopped += 1


class Daemon:
    """Waits where it is told to."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.wait: dict[str, Deferred[None]] = {}
        self.fail: Exception | None = None

    async def _do(self, what: str) -> None:
        self.said.append(what)
        if what in self.wait:
            await self.wait[what]
        if self.fail is not None and what != "stop":
            raise self.fail

    async def start(self) -> None:
        await self._do("start")

    async def stop(self) -> None:
        await self._do("stop")

    async def reload(self) -> None:
        await self._do("reload")


class House:
    """A life with its fakes."""

    def __init__(self, state) -> None:
        self.reactor = Reactor()
        self.daemon = Daemon()
        self.wrong: list[str] = []
        self.ended_at_once: list[int] = []
        self.started = 0
        self.state = state
        self.life = Life(
            self.daemon,
            self.reactor,
            state,
            wrong=self.wrong.append,
            started=self._count,
            environment={},
            end_at_once=self.ended_at_once.append,
        )

    def _count(self) -> None:
        self.started += 1

    @property
    def pid(self):
        return self.state / PID_FILE


@pytest.fixture
def house(tmp_path):
    kept = {number: signal.getsignal(number) for number in (1, 2, 15)}
    yield House(tmp_path)
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_a_start_writes_the_pid_for_its_owner_only(house):
    house.life.begin()
    assert house.started == 1
    assert house.pid.read_text() == f"{os.getpid()}\n"
    assert house.pid.stat().st_mode & 0o777 == 0o600


def test_a_signal_drains_and_exits_with_0(house):
    house.life.begin()
    os.kill(os.getpid(), signal.SIGTERM)
    assert house.daemon.said == ["start", "stop"]
    assert house.reactor.stopped == 1
    assert not house.pid.exists()
    assert house.life.run() == 0


def test_a_second_signal_does_not_wait_for_the_drain(house):
    house.daemon.wait["stop"] = Deferred()
    house.life.begin()
    house.life.end()
    assert house.reactor.stopped == 0
    house.life.end()
    assert house.reactor.stopped == 1
    assert house.life._code == 1


def test_threads_that_are_left_do_not_keep_a_process_that_was_told_twice(house):
    house.daemon.wait["stop"] = Deferred()
    house.life.begin()
    house.life.end()
    house.life.end()
    house.daemon.wait["stop"].callback(None)  # the drain ends after all
    assert house.reactor.stopped == 1
    house.life.run()
    assert house.ended_at_once == [1]


def test_a_process_that_was_told_once_ends_by_itself(house):
    house.life.begin()
    house.life.end()
    house.life.run()
    assert house.ended_at_once == []


def test_a_failed_start_says_every_problem_and_exits_with_1(house):
    house.daemon.fail = StartFailed(["port 22 is taken", "no key"])
    house.life.begin()
    assert house.wrong == ["port 22 is taken", "no key"]
    assert house.life._code == 1
    assert house.reactor.stopped == 1
    assert not house.pid.exists()


def test_what_fails_ends_also_where_nobody_can_be_told(house, monkeypatch):
    def full(problem):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(house.life, "_wrong", full)
    house.daemon.fail = StartFailed(["the journal is another's"])
    house.life.begin()
    assert (house.reactor.stopped, house.life.run()) == (1, 1)


def test_a_server_without_room_for_its_pid_ends_also_where_nobody_can_be_told(house, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(house.life, "_wrong", full)
    monkeypatch.setattr(life, "write_pid", full)
    house.life.begin()
    assert house.daemon.said == ["start", "stop"]
    assert (house.reactor.stopped, house.life.run()) == (1, 1)


def test_a_pid_that_cannot_be_written_is_told_and_stops_what_has_started(house):
    house.pid.mkdir()
    house.life.begin()
    assert house.wrong == [f"{house.pid}: Is a directory"]
    assert house.daemon.said == ["start", "stop"]
    assert (house.started, house.reactor.stopped, house.life.run()) == (0, 1, 1)
    assert list(house.state.iterdir()) == [house.pid]


def test_ending_while_starting_stops_what_has_started(house):
    house.daemon.wait["start"] = Deferred()
    house.life.begin()
    house.life.end()
    assert house.daemon.said == ["start"]
    house.daemon.wait["start"].callback(None)
    assert house.daemon.said == ["start", "stop"]
    assert house.started == 0
    assert house.life._code == 0


def test_reloads_asked_for_during_a_reload_are_one_more(house):
    house.life.begin()
    house.daemon.wait["reload"] = Deferred()
    for _ in range(5):
        os.kill(os.getpid(), signal.SIGHUP)
    assert house.daemon.said == ["start", "reload"]
    house.daemon.wait.pop("reload").callback(None)
    assert house.daemon.said == ["start", "reload", "reload"]


def test_a_reload_asked_for_while_starting_is_done_after_it(house):
    house.daemon.wait["start"] = Deferred()
    house.life.begin()
    house.life.reload()
    assert house.daemon.said == ["start"]
    house.daemon.wait["start"].callback(None)
    assert house.daemon.said == ["start", "reload"]


def test_a_refused_reload_leaves_the_server_running(house):
    house.life.begin()
    house.daemon.fail = Refused(Reason.INVALID, "server.ini:3", "no such option")
    house.life.reload()
    assert house.wrong == ["server.ini:3: no such option"]
    assert house.reactor.stopped == 0
