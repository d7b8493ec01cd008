"""Which address PASV tells: by the client's network, by a name, or none."""

import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mft.config.kinds import Context
from mft.protocols.ftp.options import FtpOptions
from mft.protocols.ftp.passive_address import RETRY, PassiveTold

OURS, OURS_6 = "192.0.2.1", "2001:db8::1"
REFRESH = 300.0


class Names:
    """DNS: what each name leads to, and how often it was asked."""

    def __init__(self, **found: str) -> None:
        self.found = {name.replace("_", "."): address for name, address in found.items()}
        self.asked: list[str] = []
        self.holding: Deferred[None] | None = None

    async def __call__(self, call: Any, name: str, *given: Any) -> Any:
        assert call is socket.getaddrinfo
        assert given == (None, socket.AF_INET, socket.SOCK_STREAM)
        self.asked.append(name)
        if self.holding is not None:
            await self.holding
        if name not in self.found:
            raise OSError("no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.found[name], 0))]


def told(
    text: str, names: Names | None = None, clock: Clock | None = None, refresh: float = REFRESH
) -> PassiveTold:
    options = FtpOptions.model_validate(
        {"name": "a", "type": "ftp", "port": "0", "passive_address": text},
        context=Context(Path("/instance")),
    )
    pool: Any = names or Names()
    return PassiveTold(options.passive_address, refresh, clock or Clock(), pool)


def test_without_an_address_it_is_ours() -> None:
    made = told("")
    assert made.for_client("198.51.100.9", OURS) == OURS
    assert made.for_client("198.51.100.9", OURS_6) is None


@pytest.mark.parametrize(
    ("client", "address"),
    [
        ("10.1.2.3", "10.0.0.5"),
        ("192.168.1.1", "192.168.0.5"),
        ("198.51.100.9", "203.0.113.5"),
        ("2001:db8::7", "203.0.113.5"),
    ],
)
def test_the_first_network_that_fits_counts(client: str, address: str) -> None:
    made = told("10.0.0.0/8 10.0.0.5\n192.168.0.0/16 192.168.0.5\n203.0.113.5\n10.0.0.0/8 1.2.3.4")
    assert made.for_client(client, OURS) == address


def test_a_client_of_no_network_is_told_ours() -> None:
    assert told("10.0.0.0/8 10.0.0.5").for_client("198.51.100.9", OURS) == OURS


def test_a_name_is_looked_up_again_and_again() -> None:
    names, clock = Names(files_example_com="203.0.113.5"), Clock()
    made = told("10.0.0.0/8 10.0.0.5\nfiles.example.com", names, clock)
    assert made.for_client("198.51.100.9", OURS) is None  # not yet
    made.start()
    assert made.for_client("198.51.100.9", OURS) == "203.0.113.5"
    assert made.for_client("10.1.2.3", OURS) == "10.0.0.5"
    names.found["files.example.com"] = "203.0.113.6"
    clock.advance(REFRESH - 1)
    assert made.for_client("198.51.100.9", OURS) == "203.0.113.5"
    clock.advance(1)
    assert made.for_client("198.51.100.9", OURS) == "203.0.113.6"
    made.stop()
    assert clock.getDelayedCalls() == []


@pytest.mark.parametrize(("refresh", "retry"), [(REFRESH, RETRY), (5.0, 5.0)])
def test_a_name_that_is_not_found_keeps_its_address_and_is_tried_soon(
    refresh: float, retry: float
) -> None:
    names, clock = Names(one_example="203.0.113.5", two_example="203.0.113.6"), Clock()
    made = told("10.0.0.0/8 one.example\ntwo.example", names, clock, refresh)
    made.start()
    del names.found["two.example"]
    clock.advance(refresh)
    assert made.for_client("198.51.100.9", OURS) == "203.0.113.6"
    names.found["two.example"] = "203.0.113.7"
    clock.advance(retry)
    assert made.for_client("198.51.100.9", OURS) == "203.0.113.7"


def test_who_has_no_names_asks_nobody() -> None:
    names, clock = Names(), Clock()
    made = told("203.0.113.5", names, clock)
    made.start()
    made.stop()
    assert names.asked == []
    assert clock.getDelayedCalls() == []


def test_what_is_stopped_while_it_looks_up_stays_stopped() -> None:
    names, clock = Names(files_example="203.0.113.5"), Clock()
    names.holding = Deferred()
    made = told("files.example", names, clock)
    made.start()
    made.stop()
    names.holding.callback(None)
    assert clock.getDelayedCalls() == []


def test_a_fault_is_logged(faults: list[str]) -> None:
    class Broken:
        async def __call__(self, *given: Any) -> Any:
            raise RuntimeError("DNS broke")

    made = told("files.example", Broken())  # type: ignore[arg-type]  # as bad as it can be
    made.start()
    assert "DNS broke" in faults.pop()
