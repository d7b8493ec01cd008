"""The life of the process: start, run, reload, drain, exit; signals in, an exit code out."""

import os
import signal
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mft.core.failure import Refused
from mft.daemon.notify import READY, STOPPING, WATCHDOG, notify, reloading, watchdog_interval
from mft.daemon.state.pid_file import PID_FILE, remove_pid, write_pid

DONE: Final = 0
FAILED: Final = 1

log = Logger()


class StartFailed(Exception):  # noqa: N818 - it says what happened
    """The server did not start, and nothing of it is left running; one sentence per problem."""

    def __init__(self, problems: Iterable[object]) -> None:
        self.problems = tuple(str(problem) for problem in problems)
        super().__init__("; ".join(self.problems))


class Served(Protocol):
    """The daemon, as its process sees it."""

    async def start(self) -> None:
        """Start everything; StartFailed leaves nothing running."""

    async def stop(self) -> None:
        """Drain and end everything; returns within the configured grace."""

    async def reload(self) -> None:
        """Read server.ini again; a bad one changes nothing and is an event."""


class Reactor(Protocol):
    """What the life of a process needs of a Twisted reactor."""

    def callWhenRunning(self, call: Callable[..., Any], /, *args: Any) -> Any:
        """Call once the reactor runs."""

    def callFromThread(self, call: Callable[..., Any], /, *args: Any) -> Any:
        """Call in the reactor's next turn, and wake it up for that."""

    def callLater(self, delay: float, call: Callable[..., Any], /, *args: Any) -> IDelayedCall:
        """Call after so many seconds."""

    def run(self) -> None:
        """Run until stopped."""

    def stop(self) -> None:
        """End `run`."""


class Life:
    """Runs one daemon until it is told to end.

    SIGTERM and SIGINT drain and exit 0; a second one ends at once and exits 1. SIGHUP reloads.
    A start that fails exits 1. `wrong` gets each failure as a line for people; `started` is
    called once everything runs.
    """

    def __init__(
        self,
        daemon: Served,
        reactor: Reactor,
        state: Path,
        *,
        wrong: Callable[[str], None],
        started: Callable[[], None] = lambda: None,
        environment: Mapping[str, str],
        end_at_once: Callable[[int], object] = os._exit,
    ) -> None:
        self._daemon = daemon
        self._reactor = reactor
        self._state = state
        self._wrong = wrong
        self._started = started
        self._environment = environment
        self._end_at_once = end_at_once
        self._code = DONE
        self._left = False
        self._forced = False
        self._running = False
        self._ending = False
        self._reloads = 0  # reloads asked for and not yet done; two are as good as many
        self._pid: Path | None = None
        self._watchdog: IDelayedCall | None = None

    def run(self) -> int:
        """Run the reactor until the daemon has ended; gives the exit code."""
        self._reactor.callWhenRunning(self.begin)
        self._reactor.run()
        if self._forced:  # threads that wait or hang must not keep the process from ending
            self._end_at_once(self._code)
        return self._code

    def begin(self) -> None:
        """Take the signals over and start the daemon."""
        self._take(signal.SIGTERM, self.end)
        self._take(signal.SIGINT, self.end)
        self._take(signal.SIGHUP, self.reload)
        self._spawn(self._start)

    def end(self) -> None:
        """Drain and exit; called again, exit at once."""
        if self._ending:
            self._forced = True
            self._leave(FAILED)
            return
        self._ending = True
        if self._running:
            self._spawn(self._stop)

    def reload(self) -> None:
        """Read the configuration again, once the reload that runs now has ended."""
        self._reloads = min(self._reloads + 1, 2)
        if self._running and self._reloads == 1:
            self._spawn(self._reload)

    async def _start(self) -> None:
        try:
            await self._daemon.start()
        except StartFailed as failed:
            for problem in failed.problems:
                self._say(problem)
            self._leave(FAILED)
            return
        self._running = True
        if self._ending:  # told to end while starting
            await self._stop()
            return
        if not self._write_pid():
            await self._stop()
            return
        self._tell(READY)
        self._feed_watchdog()
        self._started()
        if self._reloads:
            await self._reload()

    def _write_pid(self) -> bool:
        try:
            self._pid = write_pid(self._state)
        except OSError as error:
            self._say(f"{self._state / PID_FILE}: {error.strerror}")
            self._code = FAILED
            self._ending = True
        return self._pid is not None

    async def _stop(self) -> None:
        self._tell(STOPPING)
        try:
            await self._daemon.stop()
        finally:
            self._leave(self._code)

    async def _reload(self) -> None:
        while self._reloads and not self._ending:
            self._tell(reloading())
            try:
                await self._daemon.reload()
            except Refused as refused:
                self._say(str(refused))
            finally:
                self._reloads -= 1
                self._tell(READY)

    def _leave(self, code: int) -> None:
        if self._left:
            return
        self._left = True
        self._code = code
        if self._watchdog is not None and self._watchdog.active():
            self._watchdog.cancel()
        if self._pid is not None:
            remove_pid(self._pid)
        self._reactor.stop()

    def _take(self, number: signal.Signals, act: Callable[[], None]) -> None:
        signal.signal(number, lambda *_: self._reactor.callFromThread(act))

    def _spawn(self, work: Callable[[], Any]) -> None:
        Deferred.fromCoroutine(work()).addErrback(self._broke)

    def _broke(self, failure: Failure) -> None:
        log.failure("the server failed", failure)
        self._say(f"internal error: {failure.getErrorMessage()}")
        if not self._running:
            self._leave(FAILED)
        else:
            self._code = FAILED
            if not self._ending:
                self.end()

    def _say(self, problem: str) -> None:
        with suppress(OSError):  # it may lead to a full disk; what has failed ends all the same
            self._wrong(problem)

    def _tell(self, state: str) -> None:
        notify(state, self._environment)

    def _feed_watchdog(self) -> None:
        interval = watchdog_interval(self._environment)
        if interval is not None:
            self._tell(WATCHDOG)
            self._watchdog = self._reactor.callLater(interval, self._feed_watchdog)
