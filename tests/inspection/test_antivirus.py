"""Clamd that is down, slow, early, gone or not clamd: nothing of that is a verdict."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.protocol import Factory, Protocol

from mft.core.failure import Reason, Refused
from mft.inspection.antivirus import MAX_ANSWER, MAX_AT_ONCE, ClamdInspection, ClamdRules
from mft.inspection.base import BLOCK, Outcome, Verdict
from tests.fakes.inspections import BytesSource, gone, means, subject
from tests.fakes.loop import run_loop, until
from tests.interop.ports import free_port

CLOSING = MAX_AT_ONCE  # those whose end the peer has not seen yet
LARGE = bytes(BLOCK * 160)  # more than any socket takes at once


class Peer(Protocol):
    """A server that says something at the end of the stream, or does as a test says."""

    answer = b"stream: OK\0"

    def __init__(self) -> None:
        self.got = bytearray()
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.got += data
        self.took()

    def took(self) -> None:
        if self.got.endswith(bytes(4)) and self.whole() is not None:
            self.say(self.answer)

    def say(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True

    def whole(self) -> bytes | None:
        """The bytes of the stream; None before its end."""
        command, _, rest = bytes(self.got).partition(b"\0")
        assert command == b"zINSTREAM"
        data = b""
        while len(rest) >= 4:
            size = int.from_bytes(rest[:4])
            if not size:
                return data
            data, rest = data + rest[4 : 4 + size], rest[4 + size :]
        return None


class Early(Peer):
    """It has enough before the end."""

    def took(self) -> None:
        if len(self.got) > 100 and self.transport is not None:
            self.say(b"INSTREAM size limit exceeded. ERROR\0")
            self.transport.loseConnection()


class Silent(Peer):
    """It takes everything, and says nothing."""

    def took(self) -> None:
        self.got.clear()


class Deaf(Peer):
    """It takes nothing."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.pauseProducing()  # type: ignore[attr-defined]  # of TCP


class Gone(Peer):
    """It goes at once."""

    def took(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()


class Endless(Peer):
    """It says much, and never comes to an end."""

    def took(self) -> None:
        self.say(b"x" * MAX_ANSWER * 4)


class Hasty(Peer):
    """It has seen enough of a file that it has not got."""

    def took(self) -> None:
        self.say(self.answer)


class HastyFind(Hasty):
    """It has found something already."""

    answer = b"stream: Win.Test.EICAR_HDB-1 FOUND\0"


def asked(
    kind: Callable[[], Peer],
    data: bytes = b"data",
    timeout: float = 20.0,
    source: BytesSource | None = None,
    **given: Any,
) -> tuple[Verdict, Peer]:
    peers: list[Peer] = []

    def made() -> Peer:
        peers.append(kind())
        return peers[-1]

    async def main(reactor: Any) -> Verdict:
        port = reactor.listenTCP(0, Factory.forProtocol(made), interface="127.0.0.1")
        rules = ClamdRules(name="c", url=f"tcp://127.0.0.1:{port.getHost().port}", timeout=timeout)
        inspection = ClamdInspection(rules, means(clock=reactor))
        await inspection.start()
        try:
            one = subject(data, **given)
            return await inspection.inspect(one._replace(source=source or one.source))
        finally:
            for peer in peers:
                if isinstance(peer, Deaf) and peer.transport is not None:
                    peer.transport.abortConnection()  # type: ignore[attr-defined]  # of TCP
            await until(reactor, lambda: all(peer.lost for peer in peers))
            await port.stopListening()

    verdict = run_loop(main)
    return verdict, peers[0]


def answering(answer: bytes) -> type[Peer]:
    return type("Answering", (Peer,), {"answer": answer})


@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK * 7 + 3])
def test_the_whole_file_is_streamed(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    verdict, peer = asked(Peer, data[:size], most=50_000)
    assert verdict.outcome is Outcome.PASSED
    assert peer.whole() == data[:size]


@pytest.mark.parametrize(
    ("answer", "outcome", "details"),
    [
        (b"stream: Win.Test.EICAR_HDB-1 FOUND\0", Outcome.REJECTED, "Win.Test.EICAR_HDB-1"),
        (b"stream: a FOUND FOUND\0", Outcome.REJECTED, "clamd found a FOUND"),
        (b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0", Outcome.UNABLE, "MaxFileSize"),
        (b"stream: Heuristics.Limits.Exceeded FOUND\0", Outcome.UNABLE, "limit of clamd"),
        (b"stream: Can't allocate memory ERROR\0", Outcome.UNABLE, "allocate memory"),
        (b"UNKNOWN COMMAND\0", Outcome.UNABLE, "UNKNOWN COMMAND"),
        (b"\0", Outcome.UNABLE, "clamd says"),
        (b"stream: OK and more\0", Outcome.UNABLE, "OK and more"),
        (b"stream: \xff\x1b[2J FOUND\0", Outcome.REJECTED, "\\xff"),
    ],
)
def test_only_its_own_words_are_a_verdict(answer: bytes, outcome: Outcome, details: str) -> None:
    verdict, _ = asked(answering(answer))
    assert verdict.outcome is outcome
    assert details in verdict.details


@pytest.mark.parametrize(
    ("kind", "data", "timeout", "details"),
    [
        (Early, LARGE, 20.0, "StreamMaxLength"),
        (Silent, b"data", 0.3, "clamd was silent for 0.3 s"),
        (Deaf, LARGE, 0.3, "clamd was silent for 0.3 s"),
        (Gone, b"data", 20.0, "clamd has gone"),
        (Endless, b"data", 20.0, f"clamd says more than {MAX_ANSWER} bytes"),
        (Hasty, LARGE, 20.0, "clamd answered before it had the file"),
    ],
)
def test_what_goes_wrong_is_no_verdict(
    kind: type[Peer], data: bytes, timeout: float, details: str
) -> None:
    verdict, _ = asked(kind, data, timeout)
    assert verdict.outcome is Outcome.UNABLE
    assert details in verdict.details


def test_what_it_finds_before_the_end_is_found() -> None:
    verdict, _ = asked(HastyFind, LARGE)
    assert verdict.outcome is Outcome.REJECTED


def test_nobody_is_there() -> None:
    async def main(reactor: Any) -> list[Verdict]:
        found = []
        for url in (f"tcp://127.0.0.1:{free_port()}", "file:///nowhere/clamd.ctl"):
            inspection = ClamdInspection(ClamdRules(name="c", url=url), means(clock=reactor))
            found.append(await inspection.inspect(subject(b"data")))
        return found

    for verdict in run_loop(main):
        assert verdict.outcome is Outcome.UNABLE
        assert "cannot be reached" in verdict.details


def test_a_deaf_clamd_does_not_fill_the_memory() -> None:
    source = BytesSource(LARGE)
    verdict, _ = asked(Deaf, LARGE, 0.3, source=source)
    assert verdict.outcome is Outcome.UNABLE
    assert source.reads * BLOCK < len(LARGE)  # what sockets hold, and a block more


def test_it_ends_when_nobody_waits_for_the_verdict() -> None:
    with pytest.raises(Refused) as refused:
        asked(Peer, go_on=gone)
    assert refused.value.reason is Reason.ABORTED


def test_one_that_is_cancelled_ends_its_connection() -> None:
    peers: list[Peer] = []

    def made() -> Peer:
        peers.append(Silent())
        return peers[-1]

    async def main(reactor: Any) -> None:
        port = reactor.listenTCP(0, Factory.forProtocol(made), interface="127.0.0.1")
        rules = ClamdRules(name="c", url=f"tcp://127.0.0.1:{port.getHost().port}")
        inspection = ClamdInspection(rules, means(clock=reactor))
        asking = Deferred.fromCoroutine(inspection.inspect(subject(b"data")))
        await until(reactor, lambda: peers)
        asking.cancel()
        with pytest.raises(CancelledError):
            await asking
        await until(reactor, lambda: peers[0].lost)
        await port.stopListening()
        assert reactor.getDelayedCalls() == []

    run_loop(main)


@pytest.mark.parametrize("url", ["", "clamd", "tcp://", "file://host/x", "tcp://h:x", "http://h"])
def test_a_place_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="is not file:///run/clamav"):
        ClamdRules.model_validate({"name": "c", "url": url})


def test_only_so_many_talk_to_it_at_a_time() -> None:
    crowd, at_once, most = MAX_AT_ONCE * 3, [0], [0]

    class Counting(Peer):
        def connectionMade(self) -> None:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])

        def connectionLost(self, reason: Any = None) -> None:
            at_once[0] -= 1

    async def main(reactor: Any) -> list[Verdict]:
        port = reactor.listenTCP(0, Factory.forProtocol(Counting), interface="127.0.0.1")
        rules = ClamdRules(name="c", url=f"tcp://127.0.0.1:{port.getHost().port}")
        inspection = ClamdInspection(rules, means(clock=reactor))
        asking = [
            Deferred.fromCoroutine(inspection.inspect(subject(b"data"))) for _ in range(crowd)
        ]
        verdicts: list[Verdict] = await gatherResults(asking)
        await until(reactor, lambda: at_once[0] == 0)
        await port.stopListening()
        return verdicts

    assert {one.outcome for one in run_loop(main)} == {Outcome.PASSED}
    assert 1 < most[0] <= MAX_AT_ONCE + CLOSING
