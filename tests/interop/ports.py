"""Ports for servers that start later: no connection of anybody takes one in between.

Processes that test side by side take them from a part of the range each.
"""

import os
import random
import socket
from pathlib import Path

LOWEST = 10240  # below it are the ports of well-known services
PARTS = 6  # at least

_given: dict[int, None] = {}  # the oldest first


def free_port() -> int:
    """A port that nobody listens on, and that this process was not given lately."""
    return free_base(0)


def free_base(*offsets: int) -> int:
    """A number that gives a free port with each of the offsets added.

    They are given one after the other, so that long ranges stay whole.
    """
    lowest, end = _ours()
    end -= max(offsets)
    begin = random.randrange(lowest, end)
    if _given:
        begin = next(reversed(_given)) + 1 - max(offsets)
    for _ in range(2):
        for step in range(end - lowest):
            base = lowest + (begin - lowest + step) % (end - lowest)
            ports = [base + offset for offset in offsets]
            if not any(port in _given for port in ports) and all(map(_is_free, ports)):
                _given.update(dict.fromkeys(ports))
                return base
        for port in list(_given)[: len(_given) // 2]:  # whoever was given these has ended
            del _given[port]
    raise AssertionError("this machine has no free ports")


def _ours() -> tuple[int, int]:
    """The part of this process: its first port, and the one behind its last."""
    parts = max(PARTS, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")) + 1)
    # The last is of whoever is not one of several, but may run beside these (see the Makefile).
    ours = os.environ.get("PYTEST_XDIST_WORKER", f"gw{parts - 1}").removeprefix("gw")
    size = (_first_of_connections() - LOWEST) // parts
    lowest = LOWEST + int(ours) * size
    return lowest, lowest + size


def _first_of_connections() -> int:
    """Where the ports start that the kernel gives to connections: one may be in use any time."""
    file = Path("/proc/sys/net/ipv4/ip_local_port_range")
    return int(file.read_text().split()[0])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
