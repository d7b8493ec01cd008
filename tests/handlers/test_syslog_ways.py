"""Ways to a receiver: when a batch counts as delivered, and what is done when it does not."""

import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol

from mft.config.kinds import Context
from mft.core.failure import Refused
from mft.events.bus import Bus
from mft.events.journal import Journal
from mft.handlers import syslog_ways
from mft.handlers.syslog_options import SyslogOptions
from mft.handlers.syslog_ways import Way, way
from mft.resources.base import Surroundings
from tests.fakes.loop import run_loop, until
from tests.fakes.occurrences import SERVER
from tests.fakes.threads import Inline

HERE = "127.0.0.1"


class Receiver(Protocol):
    """One connection to a receiver, which reads everything."""

    def __init__(self, receivers: "Receivers") -> None:
        self.receivers = receivers
        self.heard = b""
        self.open = True

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if self.receivers.leaves:
            self.transport.loseConnection()

    def connectionLost(self, reason: Any) -> None:
        self.open = False
        if self.receivers.dies and self.heard:
            self.receivers.port.stopListening()


class Receivers(Factory):
    """A receiver: every connection that there was, and how it behaves."""

    noisy = False

    def __init__(self) -> None:
        self.met: list[Receiver] = []
        self.leaves = False  # closes as soon as something comes
        self.dies = False  # with a connection that has carried something
        self.port: Any = None

    def buildProtocol(self, address: Any) -> Receiver:
        self.met.append(Receiver(self))
        return self.met[-1]

    @property
    def heard(self) -> list[bytes]:
        """What each connection carried."""
        return [one.heard for one in self.met if one.heard]


Main = Callable[[Any, Receivers, Way], Awaitable[None]]


def sending(tmp_path: Path, main: Main, url: str = "", **given: str) -> None:
    """Run `main(reactor, receivers, way)` on a way to a receiver over TCP, or to `url`."""
    journal = Journal.open(tmp_path / "journal")

    async def whole(reactor: Any) -> None:
        receivers = Receivers()
        receivers.port = reactor.listenTCP(0, receivers, interface=HERE)
        told = {
            "name": "logs",
            "url": url or f"tcp://{HERE}:{receivers.port.getHost().port}",
            "timeout": "2",
            **given,
        }
        options = SyslogOptions.model_validate(
            {"type": "syslog", **told}, context=Context(tmp_path)
        )
        bus = Bus(journal, SERVER)
        around = Surroundings(SERVER, tmp_path, bus, reactor, Inline(), Inline(), Inline(), print)
        made = await way(options, around)
        try:
            await main(reactor, receivers, made)
        finally:
            await made.close()
            await until(reactor, lambda: not any(one.open for one in receivers.met))
            if receivers.port.connected:
                await receivers.port.stopListening()

    run_loop(whole)
    journal.close()


def test_a_batch_in_turn_is_on_a_connection_of_its_own_and_the_next_is_ready(
    tmp_path: Path,
) -> None:
    async def main(reactor: Any, receivers: Receivers, way: Way) -> None:
        await way.send([b"one", b"two"])
        assert receivers.heard == [b"3 one3 two"]
        await until(reactor, lambda: [one.open for one in receivers.met] == [False, True])
        await way.send([b"three"])
        assert receivers.heard == [b"3 one3 two", b"5 three"]
        await until(reactor, lambda: len(receivers.met) == 3)

    sending(tmp_path, main)


def test_a_batch_does_not_count_when_nobody_takes_the_next_connection(tmp_path: Path) -> None:
    async def main(reactor: Any, receivers: Receivers, way: Way) -> None:
        receivers.dies = True
        with pytest.raises(Refused, match="refused"):
            await way.send([b"one"])
        assert receivers.heard == [b"3 one"]

    sending(tmp_path, main)


def test_a_batch_does_not_count_when_the_receiver_leaves_before_its_end(tmp_path: Path) -> None:
    async def main(reactor: Any, receivers: Receivers, way: Way) -> None:
        receivers.leaves = True
        with pytest.raises(OSError):
            await way.send([b"x" * 4_000_000, b"y"])
        receivers.leaves = False
        await way.send([b"two"])
        assert receivers.heard[-1] == b"3 two"

    sending(tmp_path, main)


def test_a_connection_that_was_closed_or_idle_for_long_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(reactor: Any, receivers: Receivers, way: Way) -> None:
        await way.send([b"one"])
        await until(reactor, lambda: len(receivers.met) == 2)
        receivers.met[1].transport.loseConnection()
        await until(reactor, lambda: not receivers.met[1].open)
        await way.send([b"two"])
        assert [one.heard for one in receivers.met[:3]] == [b"3 one", b"", b"3 two"]
        await until(reactor, lambda: len(receivers.met) == 4)
        monkeypatch.setattr(syslog_ways, "LONGEST_IDLE", 0.0)
        await way.send([b"three"])
        assert [one.heard for one in receivers.met[3:5]] == [b"", b"5 three"]
        await until(reactor, lambda: len(receivers.met) == 6)

    sending(tmp_path, main)


def test_a_kept_connection_carries_everything_until_it_is_lost(tmp_path: Path) -> None:
    async def main(reactor: Any, receivers: Receivers, way: Way) -> None:
        await way.send([b"one"])
        await way.send([b"two"])
        await until(reactor, lambda: receivers.heard == [b"one\ntwo\n"])
        receivers.met[0].transport.abortConnection()
        await until(reactor, lambda: not receivers.met[0].open)
        await until_sent(way, b"three")
        await until(reactor, lambda: receivers.heard[-1] == b"three\n")

    sending(tmp_path, main, connection="kept", framing="newline")


@pytest.mark.parametrize("connection", ["in-turn", "kept"])
def test_a_batch_that_is_cancelled_leaves_nothing_open(tmp_path: Path, connection: str) -> None:
    async def main(reactor: Any, receivers: Receivers, way: Way) -> None:
        going = Deferred.fromCoroutine(way.send([b"x" * 60_000] * 512))
        await until(reactor, lambda: receivers.met)
        receivers.met[0].transport.pauseProducing()
        going.cancel()
        with pytest.raises(CancelledError):
            await going
        receivers.met[0].transport.resumeProducing()
        await until(reactor, lambda: not receivers.met[0].open)

    sending(tmp_path, main, connection=connection)


async def until_sent(way: Way, message: bytes) -> None:
    """Send, once more where the loss of the connection was not known yet."""
    try:
        await way.send([message])
    except OSError:
        await way.send([message])


def test_datagrams_go_to_a_socket_file_which_may_be_made_anew(tmp_path: Path) -> None:
    path = str(tmp_path / "log")

    async def main(reactor: Any, receivers: Receivers, way: Way) -> None:
        for message in (b"one", b"two"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reading:
                reading.bind(path)
                await until_sent(way, message)
                assert reading.recv(100) == message
            os.unlink(path)
        with pytest.raises(OSError):
            await way.send([b"three"])
        with pytest.raises(FileNotFoundError):
            await way.send([b"three"])

    sending(tmp_path, main, f"file://{path}")


def test_a_socket_file_of_streams_is_found_out(tmp_path: Path) -> None:
    path = str(tmp_path / "log")

    async def main(reactor: Any, receivers: Receivers, way: Way) -> None:
        listening = reactor.listenUNIX(path, receivers)
        await way.send([b"one", b"two"])
        await way.send([b"three"])
        await until(reactor, lambda: receivers.heard == [b"one\0two\0three\0"])
        await listening.stopListening()

    sending(tmp_path, main, f"file://{path}")


def test_a_host_is_looked_up_again_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reading:
        reading.bind((HERE, 0))

        async def main(reactor: Any, receivers: Receivers, way: Any) -> None:
            await way.send([b"one"])
            first = way._socket
            await way.send([b"two"])
            assert way._socket is first
            monkeypatch.setattr(syslog_ways, "LOOKED_UP", 0.0)
            await way.send([b"three"])
            assert way._socket is not first
            assert [reading.recv(100) for _ in range(3)] == [b"one", b"two", b"three"]

        sending(tmp_path, main, f"udp://{HERE}:{reading.getsockname()[1]}")


def test_a_datagram_that_no_system_sends_is_the_fault_of_the_event(tmp_path: Path) -> None:
    async def main(reactor: Any, receivers: Receivers, way: Way) -> None:
        with pytest.raises(ValueError, match="is longer than a datagram"):
            await way.send([b"x" * 70_000])

    sending(tmp_path, main, f"udp://{HERE}:9")
