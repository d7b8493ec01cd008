"""One answer to one request: its head, its framing for either version, and its end."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.http import router
from mft.protocols.http.exchange import MAX_SHOWN, Exchange
from mft.protocols.http.status import STATUS
from mft.protocols.sentences import SENTENCES
from mft.vfs.memory import MemoryFileSystem
from mft.wire.http.framing import LAST_CHUNK
from mft.wire.http.head import BadRequest, Fields, Head
from tests.fakes.http_server import CLIENT, HttpClient, HttpServer
from tests.fakes.instead import Instead
from tests.fakes.refused import refused

Serve = Callable[..., HttpServer]
Do = Callable[[Exchange], Any]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Do], list[Exchange]]:
    """Let every request for a file be answered by this; the exchanges that there were."""

    def use(do: Do) -> list[Exchange]:
        found: list[Exchange] = []

        async def answer(exchange: Exchange) -> None:
            found.append(exchange)
            await do(exchange)

        for method in ("GET", "HEAD", "PUT"):
            monkeypatch.setitem(router.METHODS, method, answer)
        return found

    return use


def raw(client: HttpClient, request: bytes) -> bytes:
    """What is answered to a request of any version."""
    shown = f"Authorization: {client.fields['Authorization']}\r\n".encode()
    first, _, rest = request.partition(b"\r\n")
    client.write(first + b"\r\n" + shown + rest)
    said = bytes(client.end.received)
    client.end.received.clear()
    return said


# What it knows of the request.


def test_it_knows_who_asks_for_what(client: HttpClient, answers: Any) -> None:
    async def do(exchange: Exchange) -> None:
        assert exchange.session.account.name == "ann"
        assert exchange.path is exchange.path
        exchange.answer(204)

    found = answers(do)
    assert client.ask("GET", "/home/a%20b/c/?x=1&x=2").status == 204
    (exchange,) = found
    assert exchange.path == VPath(("a b", "c"))
    assert exchange.target.folder
    assert exchange.target.one("x") == "1"
    assert exchange.source.host == CLIENT
    assert (exchange.status, exchange.complete) == (204, True)


def test_nobody_has_a_session_before_login() -> None:
    client: Any = SimpleNamespace(line=None, source=lambda head: None)
    exchange = Exchange(client, Head("GET", "/home/" + "a" * 2000, 1, Fields([("Host", "a")])))
    with refused(Reason.DENIED):
        assert exchange.session
    assert len(exchange.uri) == MAX_SHOWN
    for target in ("home", "/home/../a", "/home/a%00"):
        with pytest.raises(BadRequest):
            Exchange(client, Head("GET", target, 1, Fields([("Host", "a")])))


@pytest.mark.parametrize("name", [".mft-x", "a%C2%85b", "%E2%80%AEexe.txt", "n" * 256])
def test_a_name_that_no_client_may_use_is_refused(client: HttpClient, name: str) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = client.ask(method, f"/home/{name}", b"" if method == "PUT" else None)
        assert answer.status == 400


# Framing.


def test_a_whole_answer_tells_its_length(client: HttpClient, answers: Any) -> None:
    async def do(exchange: Exchange) -> None:
        exchange.fields.append(("X-More", "always"))
        exchange.answer(200, b"body", ("Content-Type", "text/plain"))

    answers(do)
    answer = client.ask("GET", "/home/a")
    assert answer.body == b"body"
    assert answer.field("Content-Length") == "4"
    assert answer.field("X-More") == "always"
    assert answer.field("Connection") is None
    silent = client.ask("HEAD", "/home/a")
    assert silent.field("Content-Length") == "4"
    assert not client.end.received


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_tells_no_length(
    client: HttpClient, answers: Any, status: int
) -> None:
    async def do(exchange: Exchange) -> None:
        exchange.answer(status, b"never said")

    answers(do)
    answer = client.ask("GET", "/home/a")
    assert answer.field("Content-Length") is None
    assert not client.end.received


def test_a_streamed_answer_is_chunked(client: HttpClient, answers: Any) -> None:
    async def do(exchange: Exchange) -> None:
        await exchange.stream(200, ("Content-Type", "text/plain"))
        for piece in (b"one ", b"", b"two"):  # an empty chunk would end it
            await exchange.send(piece)
        await exchange.finish()

    answers(do)
    answer = client.ask("GET", "/home/a")
    assert answer.body == b"one two"
    assert answer.raw.endswith(LAST_CHUNK)
    assert answer.field("Content-Length") is None
    assert client.ask("HEAD", "/home/a").field("Transfer-Encoding") == "chunked"
    assert not client.end.received
    assert client.ask("GET", "/home/a").body == b"one two"


def test_http_1_0_is_answered_without_chunks_and_ends_with_the_connection(
    client: HttpClient, answers: Any
) -> None:
    async def do(exchange: Exchange) -> None:
        await exchange.stream(200)
        await exchange.send(b"one ")
        await exchange.send(b"two")
        await exchange.finish()

    answers(do)
    said = raw(client, b"GET /home/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    head, _, body = said.partition(b"\r\n\r\n")
    assert body == b"one two"
    assert b"Connection: close" in head
    assert b"Transfer-Encoding" not in head
    assert client.closed


@pytest.mark.parametrize(
    ("request_head", "told", "stays"),
    [
        (b"GET /home/a HTTP/1.1\r\nHost: a\r\n\r\n", None, True),
        (b"GET /home/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"close", False),
        (b"GET /home/a HTTP/1.0\r\n\r\n", b"close", False),
        (b"GET /home/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"keep-alive", True),
    ],
)
def test_an_answer_says_whether_the_connection_stays(
    client: HttpClient, answers: Any, request_head: bytes, told: bytes | None, stays: bool
) -> None:
    async def do(exchange: Exchange) -> None:
        exchange.answer(200, b"body")

    answers(do)
    said = raw(client, request_head)
    assert said.endswith(b"\r\n\r\nbody")
    assert (b"Connection: " in said) is (told is not None)
    assert told is None or b"\r\nConnection: " + told + b"\r\n" in said
    assert client.closed is not stays


def test_an_answer_may_be_the_last_one(client: HttpClient, answers: Any) -> None:
    async def do(exchange: Exchange) -> None:
        exchange.close_after()
        assert not exchange.keeps
        exchange.answer(200)

    answers(do)
    assert client.ask("GET", "/home/a").field("Connection") == "close"
    assert client.closed


def test_a_body_that_was_not_invited_is_the_end_of_the_connection(
    client: HttpClient, answers: Any
) -> None:
    async def do(exchange: Exchange) -> None:
        exchange.answer(403)

    answers(do)
    client.write(client.head("PUT", "/home/a", Content_Length="5", Expect="100-continue"))
    assert client.answer().field("Connection") == "close"
    assert client.closed


# Errors.


@pytest.mark.parametrize("reason", [one for one in Reason if one is not Reason.ABORTED])
def test_every_reason_is_answered_by_its_status_and_tells_nothing_of_our_insides(
    client: HttpClient, answers: Any, reason: Reason
) -> None:
    async def do(exchange: Exchange) -> None:
        raise Refused(reason, "/secret/path", "secret details")

    answers(do)
    answer = client.ask("GET", "/home/a")
    assert answer.status == STATUS[reason]
    assert answer.json["errors"][0]["message"] == SENTENCES[reason]
    assert b"secret" not in answer.body
    assert answer.field("Retry-After") == ("10" if answer.status == 503 else None)
    assert not client.closed


def test_what_is_interrupted_may_be_tried_again(client: HttpClient, answers: Any) -> None:
    async def do(exchange: Exchange) -> None:
        raise Refused(Reason.ABORTED)

    answers(do)
    assert client.ask("GET", "/home/a").status == 503


def test_a_fault_tells_an_id_only(client: HttpClient, answers: Any, faults: list[str]) -> None:
    async def do(exchange: Exchange) -> None:
        raise RuntimeError("/secret/place")

    answers(do)
    answer = client.ask("GET", "/home/a")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert "/secret/place" in faults.pop()


@pytest.mark.parametrize(
    "wrong", [BadRequest(400, "a request"), Refused(Reason.NOT_FOUND)], ids=["bad", "refused"]
)
def test_an_answer_that_was_begun_can_only_be_cut(
    client: HttpClient, answers: Any, wrong: Exception
) -> None:
    async def do(exchange: Exchange) -> None:
        await exchange.stream(200)
        await exchange.send(b"begun")
        raise wrong

    found = answers(do)
    client.write(client.head("GET", "/home/a"))
    assert client.closed
    assert bytes(client.end.received).count(b"HTTP/1.1") == 1
    assert LAST_CHUNK not in bytes(client.end.received)
    assert not found[0].complete


def test_a_value_that_would_end_its_line_is_a_fault_of_ours(
    client: HttpClient, answers: Any, faults: list[str]
) -> None:
    async def do(exchange: Exchange) -> None:
        exchange.redirect("/home/\r\nSet-Cookie: mft=1")

    answers(do)
    client.write(client.head("GET", "/home/a"))
    assert b"Set-Cookie" not in bytes(client.end.received)
    assert faults.pop()


def test_a_client_is_sent_elsewhere(client: HttpClient, answers: Any) -> None:
    async def do(exchange: Exchange) -> None:
        exchange.redirect("/home/b")

    answers(do)
    answer = client.ask("GET", "/home/a")
    assert (answer.status, answer.field("Location")) == (302, "/home/b")


# Files, of which `files.py` says what is sent.


class Unreadable(MemoryFileSystem):
    """Files that can be opened, and not be read."""

    async def download(self, path: VPath) -> Any:
        download = await super().download(path)

        def read(views: Any, offset: int) -> int:
            raise Refused(Reason.BROKEN, str(path), "a bad block")

        return Instead(download, lane=Instead(download.lane, read_into=read))


def test_a_small_file_that_cannot_be_read_is_told(serve: Serve) -> None:
    server = serve(storage=lambda memory: Unreadable(memory.tree, memory.owner))
    server.put("/a", b"data")
    client = HttpClient(server)
    assert client.ask("GET", "/home/a").status == 500
    assert not client.closed


def test_a_large_file_that_cannot_be_read_is_cut(serve: Serve) -> None:
    server = serve(storage=lambda memory: Unreadable(memory.tree, memory.owner))
    server.put("/a", bytes(1 << 20))
    client = HttpClient(server)
    client.write(client.head("GET", "/home/a"))
    assert client.closed
    assert bytes(client.end.received).endswith(b"\r\n\r\n")
