"""sd_notify reaches paths and abstract names, and nothing goes wrong without them."""

import os
import socket

import pytest

from mft.daemon.notify import READY, notify, reloading, watchdog_interval


def listener(address):
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(address)
    receiver.setblocking(False)
    return receiver


def test_a_path_is_notified(tmp_path):
    path = str(tmp_path / "n")
    with listener(path) as receiver:
        assert notify(READY, {"NOTIFY_SOCKET": path})
        assert receiver.recv(100) == b"READY=1"


def test_an_abstract_name_is_notified():
    name = f"mft-test-{os.getpid()}"
    with listener(f"\0{name}") as receiver:
        assert notify(reloading(), {"NOTIFY_SOCKET": f"@{name}"})
        assert receiver.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")


@pytest.mark.parametrize("name", ["", "relative", "/nowhere/at/all", "@mft-nobody-listens"])
def test_a_missing_socket_is_no_failure(name):
    assert not notify(READY, {"NOTIFY_SOCKET": name} if name else {})


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time(environment, interval):
    assert watchdog_interval(environment) == interval
