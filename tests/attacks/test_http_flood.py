"""Far too much over one connection: requests ahead, heads and chunks without an end, huge bodies.

Nothing of it is collected, and others are served meanwhile.
"""

import contextlib
import json
import os
import socket

import pytest

from mft.events import catalogue as events
from tests.attacks.victim import FEW
from tests.interop.web import Web
from tests.system.http_client import HttpClient
from tests.system.pushing import pushing
from tests.system.rig import until

REQUESTS = 100_000
MOST = 16 << 20  # bytes that one such client may cost
ENDLESS = 32 << 20
LARGE = 1 << 30
SOON = 0.3  # seconds after which a client that sends is taken to be held
LIMIT = events.LIMIT_REACHED.number
CROWDED = events.HTTP_TOO_MANY_CONNECTIONS.number


def meanwhile(victim) -> None:
    """Another client is served in between."""
    with HttpClient(victim.webs["http"]) as other:
        for _ in range(3):
            assert other.ask("GET", "/home/").status == 200


def counted(client: HttpClient, line: bytes, most: int) -> bool:
    """Whether exactly so many answers of one kind come, and then the connection rests."""
    seen, kept = 0, b""
    while seen < most:
        data = kept + client.socket.recv(1 << 20)
        seen += data.count(line)
        kept = data[max(len(data) - len(line) + 1, 0) :] if not data.endswith(b"\n") else b""
    return seen == most


def test_a_hundred_thousand_requests_ahead_are_answered_one_by_one(victim) -> None:
    """Before any login, in clear and in one go."""
    with HttpClient(victim.webs["http"], name="") as client:
        before = victim.memory
        with pushing(client, client.head("GET", "/nothing") * REQUESTS):
            meanwhile(victim)
            assert victim.memory - before < MOST
            assert counted(client, b"HTTP/1.1 404 Not Found\r\n", REQUESTS)
        assert victim.memory - before < MOST


def sent_until_held(client: HttpClient, data: bytes) -> int:
    """Send until the server takes no more; gives the bytes that it took."""
    client.socket.settimeout(SOON)
    total = 0
    with contextlib.suppress(OSError):
        while total < ENDLESS:
            total += client.socket.send(data)
    client.socket.settimeout(30)
    return total


@pytest.mark.parametrize("target", ["/nothing", "/home/", "/__mft__/login", "/home/large"])
def test_requests_are_not_taken_from_who_takes_no_answers(victim, web: Web, target: str) -> None:
    victim.path("large").touch()
    os.truncate(victim.path("large"), LARGE)
    with HttpClient(web) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        before = victim.memory
        assert sent_until_held(client, client.head("GET", target) * 1000) < ENDLESS
        meanwhile(victim)
        assert victim.memory - before < MOST
    victim.path("large").unlink()


def test_requests_that_nobody_may_make_end_the_connection(web: Web, victim) -> None:
    with HttpClient(web) as client:
        client.fields["Authorization"] = "Basic eDp5"
        client.put(client.head("GET", "/home/") * 100)
        answers = client.rest()
        assert {one.status for one in answers} == {401}
        assert len(answers) == 6
        assert answers[-1].fields["connection"] == "close"
        assert victim.tells(LIMIT, client.port)["value"] == 6


def endless(begin: bytes, again: bytes) -> bytes:
    """So much that nobody may keep it; made when it is needed, for every process collects tests."""
    return begin + again * (ENDLESS // len(again))


def test_a_head_of_thousands_of_fields_is_refused(victim, web: Web) -> None:
    with HttpClient(web) as client:
        before = victim.memory
        head = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:\r\n" * 8000 + b"\r\n"
        with pushing(client, head):
            meanwhile(victim)
        assert [one.status for one in client.rest()] in ([431], [])
        assert victim.memory - before < MOST


# How they begin, what comes again and again, and the answer.
ENDLESS_HEADS = {
    "a line": (b"GET /", b"A", 414),
    "a method": (b"", b"A", 414),
    "a field": (b"GET / HTTP/1.1\r\nX: ", b"A", 431),
    "fields": (b"GET / HTTP/1.1\r\n", b"X: a\r\n", 431),
    "empty lines": (b"", b"\r\n", 400),
    "zeros": (b"", b"\0", 400),
    "cookies": (b"GET / HTTP/1.1\r\nCookie: ", b"a=b; ", 431),
}


@pytest.mark.parametrize("kind", ENDLESS_HEADS)
def test_a_head_without_an_end_is_not_collected(victim, web: Web, kind: str) -> None:
    begin, again, status = ENDLESS_HEADS[kind]
    with HttpClient(web) as client:
        before = victim.memory
        with pushing(client, endless(begin, again)):
            meanwhile(victim)
        # What it still sends when it is closed may take the answer away.
        assert [one.status for one in client.rest()] in ([status], [])
        assert victim.memory - before < MOST


ENDLESS_CHUNKS = {
    "an extension": (b"1;", b"a"),
    "extensions": (b"", b"1;" + b"a" * 200 + b"\r\nx\r\n"),
    "a size": (b"", b"0"),
    "a trailer": (b"0\r\nX: ", b"a"),
    "trailers": (b"0\r\n", b"X: a\r\n"),
}


@pytest.mark.parametrize("kind", ENDLESS_CHUNKS)
@pytest.mark.parametrize("target", ["/home/chunks", "/nothing"])
def test_chunks_without_data_are_not_collected(victim, web: Web, kind: str, target: str) -> None:
    with HttpClient(web) as client:
        before = victim.memory
        head = client.head("PUT", target, Transfer_Encoding="chunked")
        with pushing(client, head + endless(*ENDLESS_CHUNKS[kind])):
            meanwhile(victim)
        assert [one.status for one in client.rest()] in ([400], [404], [])
        assert victim.memory - before < MOST
    assert not victim.path("chunks").exists()


def test_many_small_chunks_are_a_body_like_any_other(victim, web: Web) -> None:
    name = victim.name()
    with HttpClient(web) as client:
        before = victim.memory
        head = client.head("PUT", f"/home/{name}", Transfer_Encoding="chunked")
        with pushing(client, head + b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n"):
            meanwhile(victim)
        assert client.answer().status == 201
        assert victim.memory - before < MOST
    assert victim.path(name).read_bytes() == b"x" * 50_000


NESTED = b"[" * 500_000
BODIES = {
    "deep arrays": b'{"commands":' + NESTED,
    "deep objects": b'{"a":' * 150_000,
    "a string": b'{"commands":"' + b"a" * 900_000 + b'"}',
    "numbers": b'{"commands":[' + b"1," * 400_000 + b"1]}",
    "a number": b'{"commands":' + b"9" * 900_000 + b"}",
    "the same key": b"{" + b'"commands":[],' * 60_000 + b'"commands":[]}',
    "commands": json.dumps({"commands": [{"command": "delete", "target": "x"}] * 10_001}).encode(),
    "targets": json.dumps({"commands": [{"command": "delete", "target": ["x"] * 10_001}]}).encode(),
    "halves": b'{"commands":[{"command":"delete","target":"\\ud800"}]}',
    "invalid": b'{"commands":[{"command":"delete","target":"\xff"}]}',
    "NaN": b'{"commands":[{"command":"delete","target":NaN}]}',
    "nothing": b"",
}


@pytest.mark.parametrize("kind", BODIES)
def test_json_that_costs_much_is_refused(victim, web: Web, kind: str) -> None:
    before = victim.memory
    with HttpClient(web) as client:
        answer = client.ask("POST", "/home/", BODIES[kind], Content_Type="application/json")
    assert answer.status in (400, 413, 422)
    assert victim.memory - before < MOST


def test_a_body_that_is_too_large_is_not_read_before_a_login(victim, web: Web) -> None:
    """And not after it either, where commands or a login are asked for."""
    for target, name in (("/__mft__/login", ""), ("/home/", ""), ("/home/", None)):
        with HttpClient(web, name=name) as client:
            before = victim.memory
            head = client.head(
                "POST", target, Content_Length=str(LARGE), Content_Type="application/json"
            )
            with pushing(client, head + bytes(ENDLESS)):
                meanwhile(victim)
            assert client.answer().status in (401, 413)
            assert victim.memory - before < MOST


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "x-gzip", "gzip, gzip", "x"])
def test_nothing_is_unpacked(victim, web: Web, coding: str) -> None:
    """A bomb of ten bytes that becomes a gigabyte, or a file that is not what it was sent as."""
    name = victim.name()
    with HttpClient(web) as client:
        answer = client.ask("PUT", f"/home/{name}", b"\x1f\x8b", Content_Encoding=coding)
        assert answer.status == 415
    assert not victim.path(name).exists()
    with HttpClient(web, name="") as client:
        answer = client.ask(
            "POST",
            "/__mft__/login",
            b"\x1f\x8b",
            Content_Encoding=coding,
            Content_Type="application/json",
        )
        assert answer.status in (400, 415)


RANGES = {
    "many": "bytes=" + ",".join(f"{n}-{n}" for n in range(1000)),
    "overlapping": "bytes=" + ",".join(["0-"] * 1000),
    "all, a few times": "bytes=0-,0-,0-,0-",
    "backwards": "bytes=" + ",".join(f"-{n}" for n in range(1, 1300)),
    "empty": "bytes=" + "," * 8000,
    "long": "bytes=0-" + "9" * 8000,
}


@pytest.mark.parametrize("kind", RANGES)
def test_ranges_never_make_more_than_the_file(victim, web: Web, kind: str) -> None:
    """Apache (CVE-2011-3192) sent a file as often as it was asked for."""
    victim.path("ranges").write_bytes(bytes(10_000))
    with HttpClient(web) as client:
        before = victim.memory
        client.put(client.head("GET", "/home/ranges", Range=RANGES[kind]) * 20)
        for _ in range(20):
            answer = client.answer()
            assert answer.status in (200, 416)
            assert len(answer.body) <= 10_000
        assert victim.memory - before < MOST


def test_connections_have_a_bound_and_who_leaves_makes_room(victim) -> None:
    few = victim.webs["few"]
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(HttpClient(few)) for _ in range(int(FEW))]
        for client in clients:
            assert client.ask("GET", "/home/").status == 200
        for _ in range(5):
            with HttpClient(few) as refused, contextlib.suppress(OSError):
                refused.put(refused.head("GET", "/home/"))
                assert refused.rest() == []
        assert victim.trail.count(CROWDED) == 5
        clients[0].close()

        def served() -> bool:
            with HttpClient(few) as client, contextlib.suppress(OSError, EOFError):
                return client.ask("GET", "/home/").status == 200
            return False

        until(served, "room for another")


def test_logins_by_the_hundred_leave_time_for_others(victim, web: Web) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(HttpClient(web, name="")) for _ in range(20)]
        body = b'{"username":"alice","password":"wrong"}'
        for client in clients:
            for _ in range(5):
                client.put(
                    client.head(
                        "POST",
                        "/__mft__/login",
                        Content_Length=str(len(body)),
                        Content_Type="application/json",
                    )
                    + body
                )
        meanwhile(victim)
        for client in clients:
            assert [client.answer().status for _ in range(5)] == [401] * 5
