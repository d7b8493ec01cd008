"""The listening socket of a service over real sockets: taken, handed over, given up."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from mft.config.ini import parse
from mft.config.kinds import Context
from mft.config.problem import Problem
from mft.config.section import read_section
from mft.core.failure import Reason, Refused
from mft.protocols.listening import Listening
from mft.protocols.options import ServiceOptions
from mft.runtime.connection import Port
from tests.fakes.reactor import PATIENCE, Reactor


class Silent(Protocol):
    """A protocol that says nothing."""


class Service(Factory):
    """Remembers from where it was called."""

    noisy = False

    def __init__(self) -> None:
        self.came: list[int] = []

    def buildProtocol(self, addr: Any) -> Protocol:
        self.came.append(addr.port)
        return Silent()


def options(port: int, address: str = "127.0.0.1") -> ServiceOptions:
    """A service at an address."""
    problems: list[Problem] = []
    text = f"[services/a]\ntype = x\nname = a\naddress = {address}\nport = {port}\n"
    raw = parse(text.encode(), "server.ini", problems)["services/a"]
    made = read_section(ServiceOptions, raw, Context(Path("/")), problems)
    assert not problems
    assert made is not None
    return made


class House:
    """A reactor, and services that listen by it."""

    def __init__(self) -> None:
        self.reactor = Reactor()
        self.listening: list[Listening] = []

    def make(self, port: int = 0, address: str = "127.0.0.1") -> tuple[Listening, Service]:
        """A service that does not listen yet."""
        service = Service()
        made = Listening(options(port, address), service, self.reactor)
        self.listening.append(made)
        return made, service

    def call(self, port: int) -> int:
        """Connect, and let the port accept; the caller's port."""
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            for one in [one for one in self.reactor.readers if isinstance(one, Port)]:
                self.reactor.read(one)
            for one in self.reactor.readers - self.ports:
                one.abortConnection()
            self.reactor.advance(0)
            return int(client.getsockname()[1])

    @property
    def ports(self) -> set[Any]:
        """What listens."""
        return {one for one in self.reactor.readers if isinstance(one, Port)}

    def stop(self, listening: Listening) -> list[Any]:
        """Stop to listen; the list has something once that is done."""
        done: list[Any] = []
        Deferred.fromCoroutine(listening.stop()).addBoth(done.append)
        return done


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    for one in made.listening:
        made.stop(one)
    made.reactor.advance(0)
    assert not made.reactor.readers


def test_a_service_that_does_not_listen_has_no_address(house: House) -> None:
    listening, _ = house.make()
    assert listening.address is None
    assert listening.hand_over() is None
    assert house.stop(listening) == [None]
    listening.accept()
    assert not house.ports


def test_a_service_listens_where_its_options_say(house: House) -> None:
    listening, service = house.make()
    listening.bind()
    listening.accept()
    address = listening.address
    assert address is not None
    assert address.host == "127.0.0.1"
    assert service.came == []
    caller = house.call(address.port)
    assert service.came == [caller]


def test_who_comes_before_it_accepts_waits(house: House) -> None:
    listening, service = house.make()
    listening.bind()
    address = listening.address
    assert address is not None
    with socket.create_connection(address, PATIENCE) as early:
        assert not house.ports
        listening.accept()
        caller = house.call(address.port)
        assert service.came == [early.getsockname()[1], caller]


def test_an_address_of_ipv6_is_told_as_such(house: House) -> None:
    listening, _ = house.make(address="::1")
    listening.bind()
    assert listening.address is not None
    assert listening.address.host == "::1"


def test_an_address_in_use_is_refused_in_words(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listening, _ = house.make(port)
        with pytest.raises(Refused, match="Address already in use") as refused:
            listening.bind()
    assert refused.value.reason is Reason.BUSY
    assert refused.value.subject == f"127.0.0.1:{port}"
    assert listening.address is None
    assert not house.ports


def test_an_address_of_another_machine_is_refused_in_words(house: House) -> None:
    listening, _ = house.make(address="192.0.2.7")
    with pytest.raises(Refused, match="this machine does not have the address") as refused:
        listening.bind()
    assert refused.value.reason is Reason.INVALID


def test_who_stops_takes_no_more(house: House) -> None:
    listening, _ = house.make()
    listening.bind()
    address = listening.address
    assert address is not None
    done = house.stop(listening)
    assert (done, listening.address) == ([], None)
    house.reactor.advance(0)
    assert done == [None]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_a_port_that_is_closed_already_is_not_waited_for(house: House) -> None:
    listening, _ = house.make()
    listening.bind()
    listening.accept()
    (port,) = house.ports
    port.stopListening()
    house.reactor.advance(0)
    assert house.stop(listening) == [None]


def test_a_socket_is_handed_over_with_who_waits_in_it(house: House) -> None:
    old, first = house.make()
    old.bind()
    old.accept()
    address = old.address
    assert address is not None
    new, second = house.make(address.port)
    with socket.create_connection(address, PATIENCE) as client:
        given = old.hand_over()
        assert given is not None
        new.take_over(given)
        assert (old.address, new.address) == (None, address)
        assert house.stop(old) == [None]
        (port,) = house.ports
        house.reactor.read(port)
        assert (first.came, second.came) == ([], [client.getsockname()[1]])
        for one in house.reactor.readers - house.ports:
            one.abortConnection()
        house.reactor.advance(0)
