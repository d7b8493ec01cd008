"""A server as a location uses it: its connections are used again, and nothing is sent twice."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.remote.http_peer import MAX_LINES, HttpPeer
from mft.remote.https import HttpsTree
from mft.wire.http.answer import Answer
from mft.wire.http.head import Fields
from tests.fakes.http_location import in_clear
from tests.fakes.odd_http import Asked, OddServer, Talk, answering, reply


def at(
    answer: Callable[[Asked, Talk], object],
    main: Callable[[HttpPeer, OddServer], Awaitable[None]],
) -> OddServer:
    async def whole(reactor: Any, server: OddServer) -> None:
        tree = await in_clear(reactor, server.port, HttpsTree, "base", fields=(("X-Who", "me"),))
        try:
            await main(tree.peer, server)
        finally:
            await tree.close()

    return answering(lambda asked, talk: answer(asked, talk) and None, whole)


async def ask(peer: HttpPeer, method: str) -> int:
    async with peer.asking(method, "/x", subject="/x") as asked:
        return asked.answer.status


async def refused(work: Awaitable[object]) -> Reason:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.reason


def test_one_connection_serves_one_request_after_the_other() -> None:
    async def main(peer: HttpPeer, server: OddServer) -> None:
        for _ in range(5):
            assert await ask(peer, "GET") == 404
        assert len(server.talks) == 1
        assert {one.field("X-Who") for one in server.asked} == {"me"}
        assert {one.field("Host") for one in server.asked} == {f"127.0.0.1:{server.port}"}

    at(lambda asked, talk: talk.write(reply(404, b"words")), main)


def test_a_connection_that_the_server_closes_behind_an_answer_is_made_anew() -> None:
    async def main(peer: HttpPeer, server: OddServer) -> None:
        for _ in range(3):
            assert await ask(peer, "MOVE") == 200
        assert len(server.talks) == 3

    at(lambda asked, talk: talk.write(reply(200, b"", "Connection: close")), main)


@pytest.mark.parametrize(
    ("method", "again"),
    [("GET", True), ("PROPFIND", True), ("MOVE", False), ("DELETE", False), ("POST", False)],
)
def test_only_what_may_be_repeated_is_sent_again_when_an_old_connection_ends(
    method: str, again: bool
) -> None:
    def answer(asked: Asked, talk: Talk) -> None:
        if len(talk.server.asked) == 2:
            talk.leave()
        else:
            talk.write(reply(200))

    async def main(peer: HttpPeer, server: OddServer) -> None:
        assert await ask(peer, "GET") == 200
        if again:
            assert await ask(peer, method) == 200
        else:
            assert await refused(ask(peer, method)) is Reason.ABORTED
        assert len(server.asked) == (3 if again else 2)
        assert peer.connected

    at(answer, main)


def test_a_server_that_always_closes_is_not_asked_for_ever() -> None:
    async def main(peer: HttpPeer, server: OddServer) -> None:
        assert await refused(ask(peer, "GET")) is Reason.ABORTED
        assert len(server.asked) == 1

    at(lambda asked, talk: talk.leave(), main)


def test_connections_have_a_number() -> None:
    async def main(peer: HttpPeer, server: OddServer) -> None:
        lines = [await peer.line() for _ in range(MAX_LINES)]
        assert await refused(peer.line()) is Reason.BUSY
        for line in lines:
            peer.give(line)
        assert await peer.line() in lines
        assert await peer.line(fresh=True) not in lines  # another one goes for it

    at(lambda asked, talk: None, main)


def test_a_server_that_is_gone_is_lost_once_and_for_all() -> None:
    async def main(peer: HttpPeer, server: OddServer) -> None:
        reactor = (await peer.line())._reactor
        await server.stop(reactor)
        assert await refused(ask(peer, "GET")) is Reason.ABORTED
        assert not peer.connected
        assert await refused(ask(peer, "GET")) is Reason.ABORTED

    at(lambda asked, talk: None, main)


def test_a_document_has_a_bound() -> None:
    async def main(peer: HttpPeer, server: OddServer) -> None:
        async with peer.asking("GET", "/", subject="/") as asked:
            assert await asked.document(5, "/") == b"12345"
        with pytest.raises(Refused) as caught:
            async with peer.asking("GET", "/", subject="/") as asked:
                await asked.document(4, "/")
        assert caught.value.reason is Reason.QUOTA

    at(lambda asked, talk: talk.write(reply(200, b"12345")), main)


@pytest.mark.parametrize(
    ("told", "led"),
    [
        ("/a/b?c#d", "/a/b?c"),
        ("b", "/x/b"),
        ("../b", "/b"),
        ("?q", "/x/y?q"),
        ("http://127.0.0.1:{port}/a", "/a"),
        ("//127.0.0.1:{port}/a", "/a"),
        ("http://127.0.0.1/a", None),
        ("https://127.0.0.1:{port}/a", None),
        ("http://evil.example.com:{port}/a", None),
        ("http://127.0.0.1:{port}@evil.example.com/a", None),
        ("http://[", None),
        ("javascript:alert(1)", None),
        (None, None),
    ],
)
def test_a_redirect_leads_to_the_same_server_or_nowhere(told: str | None, led: str | None) -> None:
    async def main(peer: HttpPeer, server: OddServer) -> None:
        fields = [] if told is None else [("Location", told.format(port=server.port))]
        assert peer.led_to(Answer(302, 1, Fields(fields)), "/x/y") == led
        assert peer.led_to(Answer(200, 1, Fields(fields)), "/x/y") is None

    at(lambda asked, talk: None, main)


def test_targets_are_escaped_and_folders_end_in_a_slash() -> None:
    async def main(peer: HttpPeer, server: OddServer) -> None:
        place = peer.place
        assert place.target(VPath()) == "/base/"
        assert place.target(VPath(("a b", "?#%"))) == "/base/a%20b/%3F%23%25"
        assert place.target(VPath(("a\r\nb",)), folder=True) == "/base/a%0D%0Ab/"

    at(lambda asked, talk: None, main)
