"""Datagrams on real sockets: sent, held up, refused, too long."""

import errno
import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mft.runtime.datagrams import Datagrams, local, udp
from tests.fakes.loop import run_loop, running, until

HERE = "127.0.0.1"
LONG = 20.0
SHORT = 0.1


def receiver(path: Path) -> socket.socket:
    """A socket file that takes datagrams."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(str(path))
    return made


def test_each_message_is_one_datagram(tmp_path: Path) -> None:
    async def main(reactor: Any) -> None:
        with receiver(tmp_path / "log") as reading:
            sending = Datagrams(reactor, local(str(tmp_path / "log")), LONG)
            for message in (b"a", b"b\nc", b"d" * 60_000):
                await sending.send(message)
            assert [reading.recv(1 << 16) for _ in range(3)] == [b"a", b"b\nc", b"d" * 60_000]
            sending.close()
            assert sending.fileno() == -1

    run_loop(main)


def test_udp_reaches_a_host_by_its_name() -> None:
    async def main(reactor: Any) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reading:
            reading.bind((HERE, 0))
            sending = Datagrams(reactor, udp(HERE, reading.getsockname()[1]), LONG)
            await sending.send(b"hello")
            assert reading.recv(100) == b"hello"
            sending.close()

    run_loop(main)


async def filled(sending: Datagrams) -> tuple[int, "Deferred[None]"]:
    """Send until one has to wait: how many went, and the one that waits."""
    for count in range(100_000):
        going = Deferred.fromCoroutine(sending.send(b"a" * 1000))
        if not going.called:
            return count, going
    raise AssertionError("the queue has no end")


def test_a_full_queue_holds_up_who_sends_until_there_is_room(tmp_path: Path) -> None:
    async def main(reactor: Any) -> None:
        with receiver(tmp_path / "log") as reading:
            sending = Datagrams(reactor, local(str(tmp_path / "log")), LONG)
            count, going = await filled(sending)
            for _ in range(count):
                reading.recv(2000)
            await going
            assert reading.recv(2000) == b"a" * 1000
            assert running(reactor) == []
            sending.close()

    run_loop(main)


def test_a_queue_that_stays_full_is_a_failure_and_a_cancelled_wait_leaves_nothing(
    tmp_path: Path,
) -> None:
    async def main(reactor: Any) -> None:
        with receiver(tmp_path / "log"):
            sending = Datagrams(reactor, local(str(tmp_path / "log")), SHORT)
            _, going = await filled(sending)
            with pytest.raises(TimeoutError, match="takes nothing"):
                await going
            again = Deferred.fromCoroutine(sending.send(b"a" * 1000))
            again.cancel()
            with pytest.raises(CancelledError):
                await again
            assert running(reactor) == []
            sending.close()

    run_loop(main)


def test_nobody_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        local(str(tmp_path / "none"))

    async def main(reactor: Any) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind((HERE, 0))
            port = free.getsockname()[1]
        sending = Datagrams(reactor, udp(HERE, port), LONG)
        refused: list[OSError] = []

        def send() -> object:
            Deferred.fromCoroutine(sending.send(b"x")).addErrback(
                lambda why: refused.append(why.value)
            )
            return refused

        await until(reactor, send)
        assert refused[0].errno == errno.ECONNREFUSED
        sending.close()

    run_loop(main)


def test_a_datagram_that_is_too_long_is_told() -> None:
    async def main(reactor: Any) -> None:
        sending = Datagrams(reactor, udp(HERE, 9), LONG)
        with pytest.raises(OSError) as failed:
            await sending.send(b"a" * 70_000)
        assert failed.value.errno == errno.EMSGSIZE
        sending.close()

    run_loop(main)


def test_a_socket_file_of_streams_takes_no_datagrams(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "log"))
        listening.listen()
        with pytest.raises(OSError) as failed:
            local(str(tmp_path / "log"))
    assert failed.value.errno == errno.EPROTOTYPE
