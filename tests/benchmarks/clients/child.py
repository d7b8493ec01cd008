"""What the benchmark's own clients have in common: each is a process that is told when to begin."""

import gc
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from tests.benchmarks.servers.base import HOST

PATIENCE = 60.0  # seconds that one answer may take
OPENING = 6  # logins at a time while many sessions are opened; mft admits 10 an address
GUESSERS = 20  # of a flood: twice as many as mft lets one address be before its login
PRIORITY = -15  # a probe must not wait for the downloads' clients; as root only


def ready() -> None:
    """Say that it could begin, and wait for a line (or the end) of the input."""
    print("ready", flush=True)
    sys.stdin.readline()


def prompt() -> None:
    """Be as quick as a probe must be: before others, and without collecting garbage."""
    if os.geteuid() == 0:
        os.nice(PRIORITY)
    gc.collect()
    gc.freeze()
    gc.disable()


def trusting() -> ssl.SSLContext:
    """TLS with whatever certificate there is."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def connect(port: int) -> socket.socket:
    """A connection that sends at once what it is given."""
    made = socket.create_connection((HOST, port), PATIENCE)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def flood(per_minute: int, seconds: float, make: Callable[[], Callable[[], bool]]) -> dict:
    """Attempts at an even pace for so long, never faster; how many there were, and were answered.

    make: for each of GUESSERS, which take the attempts in turn, what makes one; it returns whether
    the server has answered it, and not refused or ended its connection.
    """
    ready()
    start = time.perf_counter()
    turns = count()

    def guess(attempt: Callable[[], bool]) -> tuple[int, int]:
        made = answered = 0
        while (passed := time.perf_counter() - start) < seconds:
            due = next(turns) * 60 / per_minute
            if due > passed:
                time.sleep(due - passed)
            answered += attempt()
            made += 1
        return made, answered

    with ThreadPoolExecutor(GUESSERS) as pool:
        told = list(pool.map(guess, [make() for _ in range(GUESSERS)]))
    made, answered = (sum(numbers) for numbers in zip(*told, strict=True))
    return {"attempts": made, "answered": answered, "seconds": time.perf_counter() - start}
