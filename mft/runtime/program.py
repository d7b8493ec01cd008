"""A program of this machine, run to its end: never by a shell, bounded in time and in what it says.

It gets a session of its own, nothing to read unless it is given a file, and no other descriptor of
ours. What it has started and left behind in that session ends with it.
"""

import errno
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall

from mft.core.failure import Reason, Refused
from mft.runtime.child import Exit, Pipe
from mft.runtime.safe_programs import not_safe
from mft.runtime.threads import Blocking

TERM_PATIENCE: Final = 5.0  # seconds between asking a program to end, and ending it
KILL_PATIENCE: Final = 5.0  # seconds for the system to take away what was ended
UNKNOWN: Final = -1
ROOT: Final = 0
NOT_AS_ROOT: Final = (
    "programs never run as root: name the account to run as in `account` of [server]"
)


def refuse_root(who: Callable[[], int], name: str) -> None:
    """Raises Refused(DENIED) for what would run programs, where `who` tells that we are root."""
    if who() == ROOT:
        raise Refused(Reason.DENIED, name, NOT_AS_ROOT)


class Finished(NamedTuple):
    """How a program ended, and the first bytes of what it said."""

    exit_code: int  # UNKNOWN where a signal ended it
    signal: int  # the number; 0 where it ended by itself
    timed_out: bool  # whether it was ended because its time was over
    output: bytes
    error: bytes

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself, in time, with exit code 0."""
        return self.exit_code == 0 and not self.timed_out

    @property
    def told(self) -> str:
        """How it ended, for people."""
        if self.timed_out:
            return "it took too long and was ended"
        if self.signal:
            return f"signal {self.signal} ended it"
        return f"exit code {self.exit_code}"


async def run_program(
    reactor: Any,
    blocking: Blocking,
    argv: Sequence[str | bytes],
    env: Mapping[str, str | bytes],
    *,
    timeout: float,
    most_output: int,
    directory: Path,
    instance: Path,
    stdin: int = subprocess.DEVNULL,
) -> Finished:
    """Run `argv` in a directory with this environment and no other, for at most `timeout` seconds.

    `argv[0]` is a path: nothing is searched. At the timeout the program and what it has started get
    SIGTERM, and SIGKILL when that does not help; a cancel is SIGKILL at once. `most_output` bytes
    are kept of each of output and error; the rest is read and dropped. `stdin` is a descriptor that
    it reads. Raises OSError when it cannot be started, or is not safe in this `instance`.
    """
    running = _Running(reactor, most_output, instance)
    try:
        await blocking(running.start, argv, env, directory, stdin)
    except CancelledError:
        if running.started:
            running.watch(0.0)
            await running.killed()
        raise
    running.watch(timeout)
    return await running.finished()


class _Running:
    """One process, from its start until it is gone."""

    def __init__(self, reactor: Any, most_output: int, instance: Path) -> None:
        self._reactor = reactor
        self._most = most_output
        self._instance = instance
        self._process: subprocess.Popen[bytes] | None = None
        self._output: Pipe | None = None
        self._error: Pipe | None = None
        self._timer: IDelayedCall | None = None
        self._timed_out = False
        self._over = False
        self._waiter: Deferred[None] | None = None

    @property
    def started(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    def start(
        self,
        argv: Sequence[str | bytes],
        env: Mapping[str, str | bytes],
        directory: Path,
        stdin: int,
    ) -> None:
        """Start it, in a thread: the disk may be slow. Raises OSError."""
        if wrong := not_safe(Path(os.fsdecode(argv[0])), self._instance):
            raise PermissionError(errno.EACCES, f"it {wrong}")
        _touch(argv[0])
        self._process = subprocess.Popen(  # noqa: S603 - an argument list, which no shell sees
            argv,
            bufsize=0,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=directory,
            env=env,
            start_new_session=True,
        )

    def watch(self, timeout: float) -> None:
        """Begin to read what it says, and to wait for its end."""
        process = self._process
        if process is None or process.stdout is None or process.stderr is None:
            raise RuntimeError("the program has not been started")
        self._output = Pipe(self._reactor, process.stdout, self._most)
        self._error = Pipe(self._reactor, process.stderr, self._most)
        self._timer = self._reactor.callLater(timeout, self._ask_to_end)
        Exit(self._reactor, process.pid, self._ended)

    async def finished(self) -> Finished:
        """Wait for the end; when that is cancelled, the program is ended first."""
        cancelled = False
        while not self._over:
            self._waiter = Deferred()
            try:
                await self._waiter
            except CancelledError:
                cancelled = True
                self._kill()
        if cancelled:
            raise CancelledError
        return self._result()

    async def killed(self) -> None:
        """End it at once, and wait until it is gone."""
        self._kill()
        await self.finished()

    def _result(self) -> Finished:
        code = None if self._process is None else self._process.returncode
        output = b"" if self._output is None else bytes(self._output.kept)
        error = b"" if self._error is None else bytes(self._error.kept)
        if code is None:  # the system does not let it go: it is not waited for any longer
            return Finished(UNKNOWN, signal.SIGKILL, self._timed_out, output, error)
        by = max(-code, 0)
        return Finished(UNKNOWN if by else code, by, self._timed_out, output, error)

    def _ask_to_end(self) -> None:
        self._timed_out = True
        self._signal(signal.SIGTERM)
        self._timer = self._reactor.callLater(TERM_PATIENCE, self._kill)

    def _kill(self) -> None:
        self._no_timer()
        self._signal(signal.SIGKILL)
        if not self._over:
            self._timer = self._reactor.callLater(KILL_PATIENCE, self._tell)

    def _ended(self) -> None:
        """It has ended, and its number is its own until it is waited for."""
        self._signal(signal.SIGKILL)  # what it has left behind
        if self._process is not None:
            self._process.wait()
        self._tell()

    def _tell(self) -> None:
        self._no_timer()
        for pipe in (self._output, self._error):
            if pipe is not None:
                pipe.finish()
        self._over = True
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.called:
            waiter.callback(None)

    def _signal(self, number: signal.Signals) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(OSError):  # nobody is left, or somebody became another account
                os.killpg(process.pid, number)

    def _no_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()


def _touch(path: str | bytes) -> None:
    """Let a slow disk be slow now: while a program is loaded, Python stands still."""
    with suppress(OSError), open(path, "rb") as file:
        file.read(1)
