"""What the benchmark's own clients have in common: each is a process that is told when to begin."""

import gc
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable

from tests.benchmarks.servers.base import HOST

PATIENCE = 60.0  # seconds that one answer may take
OPENING = 6  # logins at a time while many sessions are opened; mft admits 10 an address
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


def paced(per_minute: int, seconds: float, attempt: Callable[[], None]) -> dict:
    """Attempts at an even pace for so long, never faster; how many there were.

    attempt: one attempt, which the server may refuse in whatever way.
    """
    ready()
    start = time.perf_counter()
    made = 0
    while (passed := time.perf_counter() - start) < seconds:
        due = made * 60 / per_minute
        if due > passed:
            time.sleep(due - passed)
        attempt()
        made += 1
    return {"attempts": made, "seconds": time.perf_counter() - start}
