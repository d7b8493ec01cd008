"""Child processes of a run: each has a meter, a log, a time limit, and an end."""

import contextlib
import os
import resource
import select
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from tests.benchmarks.cpu import Meter
from tests.benchmarks.proctree import birth, tree

STOP_SECONDS = 20.0  # SIGTERM to SIGKILL: longer than any server here needs to drain nothing
TAIL = 1500  # characters of a child's log that an error message shows


class ChildError(Exception):
    """A child ended badly, said something unexpected, or took too long."""


class Child:
    """One process in a session of its own (Ctrl-C on the terminal does not reach it)."""

    def __init__(
        self,
        argv: list[str],
        meter: Meter,
        log: Path,
        *,
        talk: bool = False,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._argv = argv
        self._meter = meter
        self._log = log
        with log.open("ab") as errors:
            pipe = subprocess.PIPE if talk else None
            self._popen = subprocess.Popen(
                meter.command(argv),
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or errors,
                stderr=errors,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                text=True,
                start_new_session=True,
            )
        self.pid = self._popen.pid
        meter.started(self.pid)

    @property
    def ended(self) -> bool:
        """Whether the process has gone."""
        return self._reap(0)

    def send(self, text: str) -> None:
        """Write to its standard input; blocks as long as it does not read."""
        pipe = self._pipe(self._popen.stdin)
        try:
            pipe.write(text)
            pipe.flush()
        except BrokenPipeError:
            self.kill()
            raise self.error("closed its input") from None

    def line(self, timeout: float, start: str = "") -> str:
        """The next line of its output that starts so; ChildError when none comes in time."""
        with self.limit(timeout):
            lines = iter(self._pipe(self._popen.stdout).readline, "")
            text = next((line for line in lines if line.startswith(start)), "")
        if not text:
            self.kill()
            raise self.error("ended or was too slow")
        return text.rstrip("\n")

    @contextlib.contextmanager
    def limit(self, timeout: float) -> Iterator[None]:
        """Kill the child when the body takes longer than this; the body then sees end of file."""
        timer = threading.Timer(timeout, self._signal)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def finish(self, timeout: float) -> None:
        """Close its input and wait for a good end."""
        self._close()
        if not self._reap(timeout):
            self.kill()
            raise self.error(f"did not end within {timeout:.0f} s")
        if self._popen.returncode != 0:
            raise self.error(f"ended with {self._popen.returncode}")

    def stop(self) -> None:
        """SIGTERM, then SIGKILL for it and whatever it has left behind."""
        family = {pid: birth(pid) for pid in tree([self.pid]) if pid != self.pid}
        if not self.ended:
            self._popen.terminate()
        self._close()
        if not self._reap(STOP_SECONDS):
            self.kill()
        for pid, born in family.items():
            if born is not None and birth(pid) == born:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def kill(self) -> None:
        """SIGKILL for its process group, and wait for it."""
        self._signal()
        self._reap(STOP_SECONDS)
        self._close()

    def error(self, what: str) -> ChildError:
        """An error that tells the last line of its log, then the command and more of the log."""
        tail = self._log.read_text(errors="replace")[-TAIL:].strip()
        last = tail.splitlines()[-1] if tail else "nothing in its log"
        return ChildError(f"{self._log.stem} {what}: {last}\n{' '.join(self._argv)}\n{tail}")

    def _signal(self) -> None:
        if self._popen.returncode is None:  # else the number may be another process's by now
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def _reap(self, timeout: float) -> bool:
        if self._popen.returncode is not None:
            return True
        before = _children_seconds()
        if timeout and self._popen.poll() is None:
            # Popen.wait with a limit looks every 50 ms, and that would be in the figures.
            handle = os.pidfd_open(self.pid)
            try:
                select.select([handle], [], [], timeout)
            finally:
                os.close(handle)
        if self._popen.poll() is None:
            return False
        self._meter.reaped(self.pid, _children_seconds() - before)
        return True

    def _close(self) -> None:
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _pipe(self, pipe: IO[str] | None) -> IO[str]:
        if pipe is None:
            raise self.error("was started without talk=True")
        return pipe


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Processes:
    """Every child of the run, so that all can be ended however the run ends."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []

    def end(self) -> None:
        """End every child that is still there."""
        for child in reversed(self._children):
            if not child.ended:
                child.stop()

    def start(
        self,
        argv: list[str],
        meter: Meter,
        name: str,
        *,
        talk: bool = False,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Child:
        """Start argv, counted by the meter; its stderr (and output, unless talk) go to a log."""
        self._children = [child for child in self._children if not child.ended]
        log = self._logs / f"{name}.log"
        child = Child(argv, meter, log, talk=talk, cwd=cwd, env=env)
        self._children.append(child)
        return child
