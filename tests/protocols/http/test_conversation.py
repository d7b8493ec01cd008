"""What is said over one connection: requests one by one, answers in order, bodies that end."""

import gc
from collections.abc import Callable
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.protocols.http import router
from mft.protocols.http.answered_text import MAX_UNSENT
from mft.protocols.http.client import SLOW_SECONDS, TICK
from mft.protocols.http.conversation import LINGER, MAX_LINGER, TOGETHER, Conversation
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.request_body import MAX_DROPPED
from mft.wire.http.head import MAX_HEAD, MAX_TARGET
from tests.fakes.http_server import HttpClient, HttpServer, basic
from tests.fakes.slow import SlowFiles, Slowness

Serve = Callable[..., HttpServer]

UNAUTHENTICATED, BROKE, BODY_CUT, BAD_REQUEST = 40000, 40003, 40018, 40019
DISCONNECTED, CLOSED, UPLOAD_FAILED, DOWNLOAD_FAILED = 40029, 40054, 40022, 40040
IN_CLEAR = pytest.mark.parametrize("tls", [False], ids=["http"])
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def handler(monkeypatch: pytest.MonkeyPatch, get: Any) -> None:
    """Let a function of ours answer GET."""
    monkeypatch.setattr(router, "METHODS", {**router.METHODS, "GET": get})


# One after another.


def test_a_connection_serves_many_requests(client: HttpClient, server: HttpServer) -> None:
    for number in range(3 * TOGETHER):
        assert client.ask("PUT", f"/home/{number}", b"%d" % number).status == 201
        assert client.ask("GET", f"/home/{number}").body == b"%d" % number
    assert not client.closed
    assert server.service.connections == 1


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/home/nothing", None),
        ("DELETE", "/home/nothing", b"not wanted"),
        ("POST", "/__mft__/login", b'{"username": "ann", "password": "wrong"}'),
    ],
)
def test_what_a_request_needed_is_freed_at_once(
    serve: Serve, method: str, target: str, body: bytes | None
) -> None:
    client = HttpClient(serve(maximum_login_attempts="40"))

    def ask() -> None:
        assert client.ask(method, target, body, Content_Type="application/json").status >= 400

    def left_by_ten() -> int:
        for _ in range(10):
            ask()
        return gc.collect()

    ask()
    gc.disable()
    try:
        gc.freeze()  # what other tests have left takes half a second to look through
        # Something else may leave something meanwhile, but not each time.
        left = min(left_by_ten() for _ in range(3))
    finally:
        gc.enable()
    assert left < 10, "each request left something to the collector"


def test_requests_that_come_at_once_are_answered_in_order(
    client: HttpClient, server: HttpServer
) -> None:
    count = 3 * TOGETHER
    asked = [
        client.head("PUT", f"/home/{number}", Content_Length="1")
        + b"x"
        + client.head("GET", f"/home/{number}")
        for number in range(count)
    ]
    client.write(b"".join(asked))
    for _ in range(count):
        assert client.answer().status == 201
        assert client.answer().body == b"x"
    assert not client.end.received


@IN_CLEAR
def test_who_sends_many_requests_lets_others_have_their_turn(server: HttpServer) -> None:
    many, one = HttpClient(server), HttpClient(server)
    many.end.write(many.head("GET", "/home/") * (TOGETHER + 1))
    one.end.write(one.head("GET", "/home/"))
    many.end.pump()
    one.end.pump()
    server.reactor.turn()
    many.end.pump()
    one.end.pump()
    assert bytes(many.end.received).count(b"HTTP/1.1 200 OK") == TOGETHER
    assert bytes(one.end.received).count(b"HTTP/1.1 200 OK") == 1
    many.settle()
    assert bytes(many.end.received).count(b"HTTP/1.1 200 OK") == TOGETHER + 1


def test_answers_that_nobody_takes_do_not_pile_up(server: HttpServer) -> None:
    client = HttpClient(server, user=None)
    (peer,) = server.service.hub.presence.peers
    client.end.socket.room = 0
    request = client.head("GET", "/")
    for _ in range(20):
        client.write(request * 100)
        assert peer.line.outlet.queued < MAX_UNSENT + (4 << 10)
    client.end.socket.room = None
    client.settle()
    assert bytes(client.end.received).count(b"HTTP/1.1 302 Found\r\n") == 2000
    assert not client.closed


def test_who_takes_no_answers_is_not_waited_for(server: HttpServer) -> None:
    client = HttpClient(server, user=None)
    client.end.socket.room = 0
    client.write(client.head("GET", "/") * 1000)
    client.wait(SLOW_SECONDS + TICK)
    assert client.closed
    assert len(server.data(DISCONNECTED)) == 1


def test_of_who_has_gone_nothing_more_is_done(serve: Serve) -> None:
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    server.put("/file", b"bytes")
    client = HttpClient(server)
    slowness.slow = True
    client.write(client.head("DELETE", "/home/file") + client.head("PUT", "/home/folder/"))
    client.vanish()
    slowness.let_all_go(client.settle)
    assert server.names() == []
    assert server.data(BROKE) == server.data(DISCONNECTED) == []


# The end of a connection.


def test_a_client_may_ask_for_the_end(client: HttpClient) -> None:
    answer = client.ask("GET", "/home/", Connection="close")
    assert answer.status == 200
    assert answer.field("Connection") == "close"
    assert client.closed


def old(client: HttpClient, *lines: str) -> None:
    """A request of HTTP/1.0."""
    text = "\r\n".join(["GET /home/ HTTP/1.0", f"Authorization: {basic('ann')}", *lines, "", ""])
    client.write(text.encode())


def test_http_1_0_ends_with_its_answer(client: HttpClient) -> None:
    old(client)
    answer = client.answer()
    assert answer.status == 200
    assert answer.field("Connection") == "close"
    assert answer.field("Transfer-Encoding") is None
    assert answer.body == b'{"content":[]}\n'
    assert client.closed


def test_http_1_0_may_ask_for_more(client: HttpClient, server: HttpServer) -> None:
    server.put("/file", b"bytes")
    request = f"GET /home/file HTTP/1.0\r\nAuthorization: {basic('ann')}\r\n"
    for _ in range(2):
        client.write(f"{request}Connection: keep-alive\r\n\r\n".encode())
        answer = client.answer()
        assert answer.body == b"bytes"
        assert answer.field("Connection") == "keep-alive"
    assert not client.closed


# Bodies.


def test_a_body_is_invited_by_who_waits_for_that(client: HttpClient, server: HttpServer) -> None:
    client.write(client.head("PUT", "/home/file", Content_Length="5", Expect="100-continue"))
    assert bytes(client.end.received) == CONTINUE
    client.write(b"bytes")
    assert client.answer().status == 201
    assert not client.closed
    assert server.get("/file") == b"bytes"


def test_a_body_is_not_invited_before_the_login(server: HttpServer) -> None:
    client = HttpClient(server, password="wrong")
    client.write(client.head("PUT", "/home/file", Content_Length="5", Expect="100-continue"))
    assert not bytes(client.end.received).startswith(CONTINUE)
    answer = client.answer()
    assert answer.status == 401
    assert answer.field("Connection") == "close"
    assert client.closed
    assert server.data(BODY_CUT) == []


def test_a_small_body_that_nobody_wants_is_dropped(client: HttpClient, server: HttpServer) -> None:
    assert client.ask("POST", "/nothing", bytes(MAX_DROPPED)).status == 404
    assert client.ask("GET", "/home/").status == 200
    assert client.ask("POST", "/nothing", bytes(10), Connection="close").status == 404
    assert client.closed
    assert server.data(BODY_CUT) == []


def test_a_refusal_comes_before_the_body_has(server: HttpServer) -> None:
    client = HttpClient(server, password="wrong")
    client.write(client.head("PUT", "/home/file", Content_Length="1000"))
    assert client.answer().status == 401
    client.fields["Authorization"] = basic("ann")
    client.write(bytes(1000) + client.head("GET", "/home/"))
    assert client.answer().status == 200


def test_a_large_body_that_nobody_wants_is_heard_until_the_client_sees_the_answer(
    client: HttpClient, server: HttpServer
) -> None:
    client.write(client.head("POST", "/nothing", Content_Length=str(1 << 40)))
    client.write(bytes(MAX_DROPPED))
    assert client.answer().status == 404
    assert server.data(BODY_CUT) == []
    client.write(b"x")
    (told,) = server.data(BODY_CUT)
    assert told == {
        "uri": "/nothing",
        "size": MAX_DROPPED + 1,
        "code": 404,
        "details": "not wanted",
        "message": "Not Found",
    }
    client.write(bytes(1 << 20))
    client.wait(LINGER - 1)
    assert not client.closed
    client.wait(1)
    assert client.closed
    assert len(server.data(BODY_CUT)) == 1


def test_a_body_that_nobody_wants_may_come_to_its_end(client: HttpClient) -> None:
    client.write(client.head("POST", "/nothing", Content_Length=str(2 * MAX_DROPPED)))
    client.write(bytes(2 * MAX_DROPPED))
    assert client.answer().status == 404
    assert client.closed


@IN_CLEAR
def test_a_body_that_nobody_wants_is_not_heard_for_ever(client: HttpClient) -> None:
    client.write(client.head("POST", "/nothing", Content_Length=str(1 << 40)))
    for _ in range(MAX_LINGER >> 20):
        client.write(bytes(1 << 20))
    assert not client.closed
    client.write(bytes(1 << 20))
    assert client.closed


def test_who_leaves_in_an_upload_is_told_once(client: HttpClient, server: HttpServer) -> None:
    client.write(client.head("PUT", "/home/file", Content_Length="10") + b"12345")
    client.vanish()
    assert server.names() == []
    assert len(server.data(UPLOAD_FAILED)) == 1
    assert server.data(BODY_CUT) == server.data(DISCONNECTED) == []
    assert server.data(CLOSED)[0]["details"] == "the connection was lost"


def test_who_leaves_in_a_download_is_told_once(client: HttpClient, server: HttpServer) -> None:
    server.put("/file", bytes(4 << 20))
    client.end.socket.room = 1000
    client.write(client.head("GET", "/home/file"))
    client.vanish()
    assert len(server.data(DOWNLOAD_FAILED)) == 1
    assert server.data(DISCONNECTED) == []


# What is no request.

LONG = "x" * MAX_TARGET
BAD: dict[str, tuple[bytes, int]] = {
    "no request line": (b"HELLO\r\n\r\n", 400),
    "a line that ends in LF": (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "a long target": (f"GET /{LONG} HTTP/1.1\r\nHost: a\r\n\r\n".encode(), 414),
    "a request line without end": (b"GET /" + b"x" * MAX_HEAD, 414),
    "large fields": (b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD, 431),
    "many fields": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 100 + b"\r\n", 431),
    "HTTP/2.0": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "another expectation": (b"PUT /home/x HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
    "two lengths": (
        b"PUT /home/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        400,
    ),
    "another coding": (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    "an encoded slash": (b"GET /home/a%2fb HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "dots": (b"GET /home/../etc HTTP/1.1\r\nHost: a\r\n\r\n", 400),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_request_is_the_last_one(server: HttpServer, name: str) -> None:
    data, status = BAD[name]
    client = HttpClient(server)
    client.write(data + client.head("PUT", "/home/smuggled/"))
    answer = client.answer()
    assert answer.status == status
    assert answer.field("Connection") == "close"
    assert not client.end.received
    assert client.end.socket.finished
    assert not client.closed  # it must not be reset before it has read the answer
    client.leave()
    assert client.closed
    (told,) = server.data(BAD_REQUEST)
    assert told["path"] == ""
    assert told["details"].startswith(f"{status}: ")
    (error,) = answer.json["errors"]
    assert error["message"] == told["details"].removeprefix(f"{status}: ") + "."
    assert server.names() == []


def test_the_target_is_told_as_far_as_there_is_one(server: HttpServer) -> None:
    client = HttpClient(server)
    client.ask("GET", "/home/a//b")
    assert [one["uri"] for one in server.data(BAD_REQUEST)] == ["/home/a//b"]


def test_a_request_that_means_nothing_is_answered_and_the_connection_stays(
    client: HttpClient, server: HttpServer
) -> None:
    answer = client.ask("PUT", "/home/file?a=b", b"part", Content_Range="bytes 0-3/10")
    assert answer.status == 400
    assert server.data(BAD_REQUEST) == [
        {
            "path": "/file",
            "uri": "/home/file?a=b",
            "details": "400: a part of a file cannot be put (RFC 9110 14.4)",
        }
    ]
    assert client.ask("GET", "/home/").status == 200


def test_a_request_that_names_no_file_is_told_without_a_path(
    client: HttpClient, server: HttpServer
) -> None:
    assert client.ask("POST", "/__mft__/tus", b"", Tus_Resumable="0.1").status == 412
    assert client.ask("POST", "/__mft__/login", b"{", Content_Type="application/json").status == 400
    assert [(one["path"], one["uri"]) for one in server.data(BAD_REQUEST)] == [
        ("", "/__mft__/tus"),
        ("", "/__mft__/login"),
    ]


def test_a_body_that_breaks_ends_the_connection(client: HttpClient, server: HttpServer) -> None:
    client.write(
        client.head("PUT", "/home/file", Transfer_Encoding="chunked") + b"5\r\n12345xx\r\n"
    )
    assert client.answer().status == 400
    assert client.closed
    assert server.names() == []
    assert server.data(BAD_REQUEST)[0]["path"] == "/file"
    assert len(server.data(UPLOAD_FAILED)) == 1


# Faults of ours.


def test_what_breaks_is_answered_with_an_id_and_the_connection_goes_on(
    client: HttpClient, server: HttpServer, faults: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(exchange: Exchange) -> None:
        raise RuntimeError("a secret of ours")

    with monkeypatch.context() as patch:
        handler(patch, broken)
        answer = client.ask("GET", "/home/")
    assert answer.status == 500
    (told,) = server.data(BROKE)
    assert (told["uri"], told["title"]) == ("/home/", "GET")
    (error,) = answer.json["errors"]
    assert error["message"] == f"Internal error ({told['details']})"
    assert b"secret" not in answer.body
    assert "a secret of ours" in faults.pop()
    assert client.ask("GET", "/home/").status == 200


def test_an_answer_that_breaks_in_the_middle_is_cut(
    client: HttpClient, server: HttpServer, faults: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(exchange: Exchange) -> None:
        await exchange.stream(200)
        await exchange.send(b"some")
        raise RuntimeError

    handler(monkeypatch, broken)
    client.write(client.head("GET", "/home/"))
    assert client.closed
    assert not client.end.received.endswith(b"0\r\n\r\n")
    details = "an answer could not be sent to its end"
    assert server.data(DISCONNECTED) == [{"details": details}]
    assert server.data(CLOSED)[0]["details"] == details
    assert len(server.data(BROKE)) == 1
    faults.pop()


def test_an_answer_that_is_refused_in_the_middle_is_cut(
    client: HttpClient, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def short(exchange: Exchange) -> None:
        await exchange.stream(200)
        raise Refused(Reason.BROKEN, "", "the disk has gone")

    handler(monkeypatch, short)
    client.write(client.head("GET", "/home/") * 2)
    assert client.closed
    assert bytes(client.end.received).count(b"HTTP/1.1") == 1
    assert len(server.data(DISCONNECTED)) == 1


def test_a_client_is_told_why_in_the_words_of_the_reason(
    client: HttpClient, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(exchange: Exchange) -> None:
        raise Refused(Reason.ABORTED, "/real/path", "a secret of ours")

    handler(monkeypatch, interrupted)
    answer = client.ask("GET", "/home/")
    assert (answer.status, answer.json["errors"][0]["message"]) == (503, "Interrupted")
    assert answer.field("Retry-After") == "10"


def test_a_conversation_that_breaks_ends_the_connection(
    client: HttpClient, server: HttpServer, faults: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: Conversation, exchange: Exchange) -> None:
        raise RuntimeError("no conclusion")

    monkeypatch.setattr(Conversation, "_conclude", broken)
    assert client.ask("GET", "/home/", b"unwanted").status == 200
    assert client.closed
    (told,) = server.data(BROKE)
    assert told["uri"] == told["title"] == ""
    assert server.data(DISCONNECTED) == [{"details": f"internal error {told['details']}"}]
    assert "no conclusion" in faults.pop()
    assert len(server.roster) == 0


def test_an_answer_that_is_ready_when_the_session_ends_is_the_last_one(serve: Serve) -> None:
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    client = HttpClient(server)
    client.log_in()
    slowness.slow = True
    client.write(client.head("HEAD", "/home/missing") * 2)
    (here,) = server.roster.describe()
    assert server.roster.end(here["id"], "it is late")
    slowness.let_go()
    (peer,) = server.service.hub.presence.peers
    assert peer.sign_in.session is None
    client.settle()
    assert client.closed
    assert server.data(CLOSED)[0]["details"] == "it is late"


def test_what_is_slow_holds_up_its_own_connection_only(serve: Serve) -> None:
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    server.put("/file", b"bytes")
    waiting, other = HttpClient(server), HttpClient(server)
    slowness.slow = True
    waiting.write(waiting.head("GET", "/home/file") + waiting.head("GET", "/home/"))
    assert not waiting.end.received
    assert other.ask("GET", "/home/").status == 200
    slowness.let_all_go(waiting.settle)
    assert waiting.answer().body == b"bytes"
    assert waiting.answer().status == 200
