"""Work in a process of its own, which is killed before one of its calls of the system.

The processes are forked from one that is small: a test runner has so much memory that a fork of it
takes longer than the work. What is to be there already, modules and what they make when they are
first used, is made there by `prepare`.
"""

import atexit
import gc
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mft.transfers.queue import Queue
from mft.vfs.rename import KernelRename

ROOT = Path(__file__).parents[2]
CALLS = ("open", "link", "rename", "unlink", "write", "mkdir", "fsync", "fchmod", "utime", "close")


def child(work: Callable[..., None], *words: Any) -> bool:
    """Do work, a function of a module that needs no pytest; False when that was killed."""
    code = _ask(work, words, apart=True)
    assert code in (0, -signal.SIGKILL)
    return code == 0


def prepare(work: Callable[..., None], *words: Any) -> None:
    """Do work in the process that children are forked from."""
    assert _ask(work, words, apart=False) == 0


def _ask(work: Callable[..., None], words: tuple[Any, ...], *, apart: bool) -> int:
    small = _small()
    assert small.stdin is not None
    assert small.stdout is not None
    pickle.dump((work, words, apart), small.stdin)
    small.stdin.flush()
    return int(small.stdout.readline())


@cache
def _small() -> subprocess.Popen[bytes]:
    """What forks for this process, until its end."""
    argv = [sys.executable, "-m", "tests.fakes.killed"]
    started = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    atexit.register(started.communicate)
    return started


def serve() -> None:
    """Do each piece of work that comes, and say how it ended."""
    while True:
        try:
            work, words, apart = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        if apart:
            print(_apart(work, words), flush=True)
        else:
            work(*words)
            gc.collect()
            gc.freeze()  # a search for garbage in a child would copy all of it
            print(0, flush=True)


def _apart(work: Callable[..., None], words: tuple[Any, ...]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work(*words)
            os._exit(0)
        finally:
            os._exit(3)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def arm(at: int, calls: Sequence[str] = CALLS, queue: Sequence[str] = ()) -> None:
    """End this process before so manieth a call from now on: of the system, or of a queue."""
    count = 0

    def wrap(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*words: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*words, **named)

        return counted

    for name in calls:
        setattr(os, name, wrap(getattr(os, name)))
    for name in queue:
        setattr(Queue, name, wrap(getattr(Queue, name)))
    KernelRename.__call__ = wrap(KernelRename.__call__)  # type: ignore[method-assign]  # the process ends


if __name__ == "__main__":
    serve()
