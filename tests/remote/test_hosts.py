"""Where hosts are, and connections to them."""

import socket
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.remote.hosts import MAX_ADDRESSES, addresses, reach
from tests.fakes.loop import run_loop
from tests.fakes.remotes import Hurried, parts

HERE = "127.0.0.1"


class Silent:
    """A protocol that does nothing."""

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport

    def connectionLost(self, reason: Any) -> None:
        """Gone."""


async def found(answer: Any, host: str = "partner") -> tuple[Address, ...]:
    async def outside(call: Any, *given: Any, **named: Any) -> Any:
        assert call is socket.getaddrinfo
        if isinstance(answer, Exception):
            raise answer
        return answer

    return await addresses(Waits(), outside, host, 21)


class Waits:
    """A reactor of which only a timer is asked."""

    def callLater(self, seconds: float, call: Any) -> Any:
        class Timer:
            def active(self) -> bool:
                return True

            def cancel(self) -> None:
                """Never rings."""

        return Timer()


def told(*texts: str) -> list[Any]:
    return [(0, 0, 0, "", (text, 21)) for text in texts]


def run(asked: Any) -> Any:
    return run_loop(lambda _: asked)


def test_addresses_are_distinct_in_the_order_of_the_system_and_few() -> None:
    both = run(found(told("::1", HERE, "::1", "::ffff:127.0.0.1")))
    assert both == (Address("::1", 21), Address(HERE, 21))
    many = run(found(told(*(f"192.0.2.{n}" for n in range(50)))))
    assert len(many) == MAX_ADDRESSES


@pytest.mark.parametrize("answer", [[], socket.gaierror(-2, "no such name"), UnicodeError("bad")])
def test_a_name_without_an_address_may_have_one_later(answer: Any) -> None:
    with pytest.raises(Refused) as caught:
        run(found(answer))
    assert caught.value.reason is Reason.BUSY


def test_a_name_server_that_says_nothing_is_not_waited_for() -> None:
    async def main(reactor: Any) -> None:
        from twisted.internet.defer import Deferred

        async def outside(*_: Any, **__: Any) -> Any:
            await Deferred()

        with pytest.raises(Refused) as caught:
            await addresses(Hurried(reactor), outside, "partner", 21)
        assert caught.value.reason is Reason.BUSY

    run_loop(main)


def test_the_first_address_that_answers_is_taken() -> None:
    listening = socket.create_server((HERE, 0))
    port = listening.getsockname()[1]
    held = socket.socket()
    held.bind((HERE, 0))
    closed = held.getsockname()[1]

    async def main(reactor: Any) -> None:
        protocol: Any = Silent()
        made = await reach(reactor, (Address(HERE, closed), Address(HERE, port)), protocol)
        assert made.getPeer().port == port
        made.abortConnection()
        with pytest.raises(Refused) as caught:
            await reach(reactor, (Address(HERE, closed),), protocol)
        assert caught.value.reason is Reason.BUSY

    try:
        run_loop(main)
    finally:
        listening.close()
        held.close()


def test_real_names_are_looked_up() -> None:
    async def main(reactor: Any) -> None:
        with parts(reactor) as given:
            assert Address(HERE, 21) in await addresses(reactor, given.outside, HERE, 21)

    run_loop(main)
