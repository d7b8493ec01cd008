"""The reactor gives every descriptor that is ready its turn, and counts how long turns are."""

import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from mft.runtime.epoll import TOGETHER, Reactor
from mft.runtime.turns import Turns


class Descriptor:
    """One end of a socket pair that the reactor watches."""

    def __init__(self, reactor: Reactor, *, fails: bool = False) -> None:
        self.near, self.far = socket.socketpair()
        self.reactor = reactor
        self.fails = fails
        self.done: list[str] = []

    def fileno(self) -> int:
        return self.near.fileno()

    def logPrefix(self) -> str:
        return "descriptor"

    def doRead(self) -> object:
        self.done.append(f"read {self.near.recv(10)!r}")
        return None

    def doWrite(self) -> object:
        self.done.append("write")
        self.reactor.removeWriter(self)
        return None

    def connectionLost(self, reason: object) -> None:
        self.done.append("lost")
        self.close()

    def close(self) -> None:
        self.near.close()
        self.far.close()


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def reactor(turns: Turns) -> Iterator[Reactor]:
    reactor = Reactor(turns)
    yield reactor
    reactor.removeAll()
    reactor._poller.close()
    for waker in (reactor.waker, *reactor._internalReaders):
        for name in ("i", "o"):
            end = getattr(waker, name, None)
            if isinstance(end, int) and end >= 0:
                os.close(end)
                setattr(waker, name, -1)
        waker.fileno = lambda: -1


def test_what_is_ready_has_its_turn(reactor: Reactor, turns: Turns) -> None:
    one, other = Descriptor(reactor), Descriptor(reactor)
    reactor.addReader(one)
    reactor.addWriter(other)
    one.far.send(b"hello")
    reactor.doPoll(1)
    assert one.done == ["read b'hello'"]
    assert other.done == ["write"]
    assert not any(turns.wall.counts)  # this turn has not ended
    reactor.doPoll(0)
    assert sum(turns.wall.counts) == 1
    for descriptor in (one, other):
        reactor.removeReader(descriptor)
        descriptor.close()


def test_those_that_are_always_ready_have_their_turns_one_after_another(reactor: Reactor) -> None:
    several = [Descriptor(reactor) for _ in range(3 * TOGETHER)]
    for descriptor in several:
        reactor.addReader(descriptor)
        descriptor.far.send(bytes(30))  # three reads
    for served in (1, 2, 3):
        for _ in range(3):
            before = sum(len(one.done) for one in several)
            reactor.doPoll(1)
            assert sum(len(one.done) for one in several) - before <= TOGETHER
        assert [len(one.done) for one in several] == [served] * len(several)
    for descriptor in several:
        reactor.removeReader(descriptor)
        descriptor.close()


def test_a_descriptor_that_went_in_this_turn_has_none(reactor: Reactor) -> None:
    one, other = Descriptor(reactor), Descriptor(reactor)
    for descriptor, partner in ((one, other), (other, one)):
        reactor.addReader(descriptor)
        descriptor.far.send(b"x")

        def leave(self: Descriptor = descriptor, partner: Descriptor = partner) -> None:
            self.done.append("read")
            reactor.removeReader(partner)

        descriptor.doRead = leave  # type: ignore[method-assign]  # the first that is ready
    reactor.doPoll(1)
    assert sorted(one.done + other.done) == ["read"]
    for descriptor in (one, other):
        reactor.removeReader(descriptor)
        descriptor.close()


def test_it_counts_nothing_where_nobody_asked() -> None:
    class Poller:
        def poll(self, timeout: float, most: int) -> list[Any]:
            return []

    reactor = Reactor.__new__(Reactor)
    reactor._turns = None
    reactor._poller = Poller()
    reactor._selectables = {}
    reactor.doPoll(None)


@pytest.mark.parametrize(("error", "raised"), [(errno.EINTR, False), (errno.EBADF, True)])
def test_a_signal_ends_a_wait_and_nothing_else(error: int, raised: bool) -> None:
    class Poller:
        def poll(self, timeout: float, most: int) -> list[Any]:
            raise OSError(error, "interrupted")

    reactor = Reactor.__new__(Reactor)
    reactor._turns = None
    reactor._poller = Poller()
    reactor._selectables = {}
    if raised:
        with pytest.raises(OSError, match="interrupted"):
            reactor.doPoll(0)
    else:
        reactor.doPoll(0)
