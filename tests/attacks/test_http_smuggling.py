"""Requests that a proxy before us could have read in another way: refused, and nothing behind them.

What is hidden asks for a file of its own, so that its being served would be seen. Each case is a
line of a list of how other servers were brought to take one request for two.
"""

import contextlib

import pytest

from mft.events import catalogue as events
from tests.interop.web import Web
from tests.system.http_client import HttpClient

HIDDEN = b"GET /home/hidden HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n\r\n"
SECRET = b"what only the hidden request is told"
BAD = events.HTTP_BAD_REQUEST.number


@pytest.fixture(scope="module", autouse=True)
def secret(victim) -> None:
    victim.path("hidden").write_bytes(SECRET)


def hidden(client: HttpClient) -> bytes:
    """The request that must not be served."""
    return HIDDEN % client.fields["Authorization"].encode()


def head(
    client: HttpClient, *lines: str | bytes, request: bytes = b"POST /home/ HTTP/1.1"
) -> bytes:
    """A head with these fields behind the usual ones."""
    usual = [f"{name}: {value}".encode() for name, value in client.fields.items()]
    own = [line if isinstance(line, bytes) else line.encode("latin-1") for line in lines]
    return b"\r\n".join([request, *usual, *own, b"", b""])


def refused(victim, client: HttpClient, data: bytes, *codes: int) -> None:
    """Send it with a hidden request behind; there is one refusal, and the connection is closed."""
    with contextlib.suppress(OSError):
        client.put(data)
    answers = client.rest()
    assert len(answers) == 1, answers
    assert answers[0].status in codes, answers
    assert answers[0].fields["connection"] == "close"
    assert SECRET not in answers[0].body
    victim.tells(BAD, client.port)


CHUNKED = "Transfer-Encoding: chunked"
BOTH = [
    ("Content-Length: 5", CHUNKED),
    (CHUNKED, "Content-Length: 5"),
    ("Content-Length: 0", CHUNKED),
    ("content-length: 5", "transfer-encoding: chunked"),
    ("Content-Length: 5", "Transfer-Encoding: identity"),
    ("Content-Length: 5", "Transfer-Encoding:"),
]
# A coding that one reader takes for chunked and another does not.
CODINGS = [
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunkedx",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: identity",
    "Transfer-Encoding:",
    "Transfer-Encoding: ,chunked",
    "Transfer-Encoding: chunked;q=1",
    'Transfer-Encoding: "chunked"',
    "Transfer-Encoding: 'chunked'",
    "Transfer-Encoding: chunked\x85",
    "Transfer-Encoding: \xa0chunked",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\t: chunked",
    " Transfer-Encoding: chunked",
    "\tTransfer-Encoding: chunked",
    "X: x\r\n Transfer-Encoding: chunked",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding: chunked\r\n ",
    "Transfer-Encoding\r\n: chunked",
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding: \x0cchunked",
    "Transfer-Encoding: chunked\x00",
    "Transfer-Encoding\x00: chunked",
    "\x00Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r",
    "X: x\nTransfer-Encoding: chunked",
    "X: x\rTransfer-Encoding: chunked",
    "X: x\r\r\nTransfer-Encoding: chunked",
    "X\r\nTransfer-Encoding: chunked",
    ": x\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-encoding: cow",
]
LENGTHS = [
    "Content-Length: +5",
    "Content-Length: -5",
    "Content-Length: 5,5",
    "Content-Length: 5, 5",
    "Content-Length: 5, 6",
    "Content-Length: 5 5",
    "Content-Length: 5;",
    "Content-Length: 0x5",
    "Content-Length: 5.0",
    "Content-Length: 5e0",
    "Content-Length: 5_0",
    "Content-Length: \xb2",
    "Content-Length: five",
    "Content-Length:",
    "Content-Length: 99999999999999999999",
    "Content-Length: 18446744073709551621",
    "Content-Length: 9223372036854775808",
    "Content-Length: 5\r\nContent-Length: 5",
    "Content-Length: 5\r\nContent-Length: 6",
    "Content-Length: 0\r\ncontent-length: 44",
    "Content-Length : 5",
    "Content-Length\x00: 5",
    "Content-Length: 5\x00",
    "Content-Length: \x0b5",
    "Content-Length: 5\r\n 6",
    "Content-Length:\r\n 5",
    " Content-Length: 5",
    "X: x\nContent-Length: 5",
    "X: x\rContent-Length: 5",
]


@pytest.mark.parametrize("lines", BOTH, ids=repr)
def test_two_ways_to_tell_a_length_are_none(victim, web: Web, lines: tuple[str, str]) -> None:
    with HttpClient(web) as client:
        body = b"0\r\n\r\n" + hidden(client)
        refused(victim, client, head(client, *lines) + body, 400)


@pytest.mark.parametrize("line", CODINGS, ids=repr)
def test_a_coding_that_is_not_exactly_chunked_is_refused(victim, web: Web, line: str) -> None:
    for others in ((), ("Content-Length: 4",)):
        with HttpClient(web) as client:
            data = head(client, *others, line) + b"0\r\n\r\n" + hidden(client)
            refused(victim, client, data, 400, 501)


@pytest.mark.parametrize("line", LENGTHS, ids=repr)
def test_a_length_that_is_not_one_number_is_refused(victim, web: Web, line: str) -> None:
    with HttpClient(web) as client:
        refused(victim, client, head(client, line) + b"12345" + hidden(client), 400)


CHUNKS = [
    b"0x5\r\n12345\r\n0\r\n\r\n",
    b"+5\r\n12345\r\n0\r\n\r\n",
    b"-5\r\n12345\r\n0\r\n\r\n",
    b" 5\r\n12345\r\n0\r\n\r\n",
    b"5 \r\n12345\r\n0\r\n\r\n",
    b"5\t\r\n12345\r\n0\r\n\r\n",
    b"5_0\r\n12345\r\n0\r\n\r\n",
    b"00000000000000005\r\n12345\r\n0\r\n\r\n",
    b"10000000000000005\r\n12345\r\n0\r\n\r\n",
    b"fffffffffffffffb\r\n12345\r\n0\r\n\r\n",
    b"\r\n12345\r\n0\r\n\r\n",
    b";\r\n12345\r\n0\r\n\r\n",
    b"g\r\n12345\r\n0\r\n\r\n",
    b"5\n12345\r\n0\r\n\r\n",
    b"5\r12345\r\n0\r\n\r\n",
    b"5;a\nb\r\n12345\r\n0\r\n\r\n",
    b"5;a\rb\r\n12345\r\n0\r\n\r\n",
    b"5;a\x00b\r\n12345\r\n0\r\n\r\n",
    b"5 ;a\r\n12345\r\n0\r\n\r\n",
    b"5;" + b"a" * 300 + b"\r\n12345\r\n0\r\n\r\n",
    b"5\r\n1234567\r\n0\r\n\r\n",
    b"5\r\n12345\n0\r\n\r\n",
    b"5\r\n12345X\n0\r\n\r\n",
    b"5\r\n12345\r0\r\n\r\n",
    b"5\r\n123450\r\n\r\n",
    b"5\r\n12345\r\n0\n\n",
    b"5\r\n12345\r\n0\r\nX: a\n\r\n",
    b"5\r\n12345\r\n0\r\n folded\r\n\r\n",
    b"5\r\n12345\r\n0\r\nnot a field\r\n\r\n",
    b"5\r\n12345\r\n0\r\nX : a\r\n\r\n",
    b"5\r\n12345\r\n0\r\nX: \x00\r\n\r\n",
    b"5\r\n12345\r\n0\r\n" + b"X: a\r\n" * 3000 + b"\r\n",
]


@pytest.mark.parametrize("body", CHUNKS, ids=lambda body: repr(body[:32]))
def test_a_chunk_that_is_written_oddly_is_refused(victim, web: Web, body: bytes) -> None:
    name = victim.name()
    request = f"PUT /home/{name} HTTP/1.1".encode()
    with HttpClient(web) as client:
        refused(victim, client, head(client, CHUNKED, request=request) + body + hidden(client), 400)
    assert not victim.path(name).exists()


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (b"5;name=value\r\n12345\r\n0;x\r\n\r\n", [201, 200]),
        (b"0000000000000005\r\n12345\r\n00\r\n\r\n", [201, 200]),
        (b"5\r\n12345\r\n0\r\nContent-Length: 44\r\nAuthorization: x\r\n\r\n", [201, 200]),
    ],
)
def test_what_the_standard_allows_ends_where_it_says(
    victim, web: Web, body: bytes, codes: list[int]
) -> None:
    """A trailer is dropped: it stands for no field of the head (RFC 9110 6.5.1)."""
    name = victim.name()
    request = f"PUT /home/{name} HTTP/1.1".encode()
    with HttpClient(web) as client:
        client.put(head(client, CHUNKED, request=request) + body + hidden(client))
        assert [client.answer().status for _ in codes] == codes
    assert victim.path(name).read_bytes() == b"12345"


def test_a_body_where_none_is_usual_is_a_body(victim, web: Web) -> None:
    """GET and HEAD with a body: who does not read it takes it for the next request."""
    for method in ("GET", "HEAD", "DELETE", "OPTIONS"):
        with HttpClient(web) as client:
            body = hidden(client)
            path = f"/home/{victim.name()}" if method == "DELETE" else "/home/hidden"
            request = f"{method} {path} HTTP/1.1".encode()
            client.put(head(client, f"Content-Length: {len(body)}", request=request) + body)
            client.answer(silent=method == "HEAD")
            assert client.ask("GET", "/home/missing").status == 404


LINES = [
    (b"GET /home/hidden", 400),  # HTTP/0.9
    (b"GET  /home/hidden HTTP/1.1", 400),
    (b"GET /home/hidden  HTTP/1.1", 400),
    (b"GET\t/home/hidden HTTP/1.1", 400),
    (b" GET /home/hidden HTTP/1.1", 400),
    (b"GET /home/hidden HTTP/1.1 ", 400),
    (b"GET /home/hidden HTTP/1.10", 400),
    (b"GET /home/hidden HTTP/01.1", 400),
    (b"GET /home/hidden http/1.1", 400),
    (b"GET /home/hidden HTTP/1,1", 400),
    (b"GET /home/hidden HTTP/1.2", 505),
    (b"GET /home/hidden HTTP/2.0", 505),
    (b"GET /home/hidden HTTP/0.9", 505),
    (b"GET /home/hidden HTTP/9.9", 505),
    (b"GET /home/hid den HTTP/1.1", 400),
    (b"GET /home/hidden\x00 HTTP/1.1", 400),
    (b"GET /home/h\xc3\xafdden HTTP/1.1", 400),
    (b"GET home/hidden HTTP/1.1", 400),
    (b"GET /home/hidden#x HTTP/1.1", 400),
    (b"GET * HTTP/1.1", 400),
    (b"CONNECT a:80 HTTP/1.1", 400),
    (b"GET ftp://a/home/hidden HTTP/1.1", 400),
    (b"GET http:/home/hidden HTTP/1.1", 400),
    (b"GET http://a@b/home/hidden HTTP/1.1", 400),
    (b"G\x00T /home/hidden HTTP/1.1", 400),
    (b"G(T /home/hidden HTTP/1.1", 400),
    (b"A" * 33 + b" /home/hidden HTTP/1.1", 400),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1", 414),
    (b"PRI * HTTP/2.0", 505),
]


@pytest.mark.parametrize(("line", "status"), LINES, ids=lambda one: repr(one)[:40])
def test_a_request_line_that_is_none_is_refused(victim, web: Web, line: bytes, status: int) -> None:
    with HttpClient(web) as client:
        data = head(client, request=line) + hidden(client)
        refused(victim, client, data, status)


FIELDS = [
    ("Host: other",),
    ("Host: other", "Host: third"),
    ("host: other",),
    ("X-A : b",),
    (" X-A: b",),
    ("X-A: b", " folded"),
    ("X-A: b", "\tfolded"),
    ("X A: b",),
    ("X(A): b",),
    ("X-\xc4: b",),
    ("X-A: \x00",),
    ("X-A: \x01",),
    ("X-A: \x7f",),
    ("X-A: a\rb",),
    ("X-A: a\nb",),
    ("X-A",),
    (":",),
    ("",),
]


@pytest.mark.parametrize("lines", FIELDS[:-1], ids=repr)
def test_a_field_that_could_be_read_in_two_ways_is_refused(
    victim, web: Web, lines: tuple[str, ...]
) -> None:
    with HttpClient(web) as client:
        request = b"GET /home/ HTTP/1.1"
        refused(victim, client, head(client, *lines, request=request) + hidden(client), 400)


@pytest.mark.parametrize(
    "host", ["", "a b", "a/b", "a@b", "a,b", "a:x", "[::1", "a\\b", "a?b", "a#b", "a:80:80", "\xe4"]
)
def test_a_host_that_is_none_is_refused(victim, web: Web, host: str) -> None:
    with HttpClient(web) as client:
        client.fields["Host"] = host
        refused(victim, client, head(client) + hidden(client), 400)
        del client.fields["Host"]
    with HttpClient(web) as client:
        del client.fields["Host"]
        refused(victim, client, head(client, request=b"GET / HTTP/1.1") + hidden(client), 400)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\n\r", b"\r\r\n", b"\n\n"], ids=repr)
def test_lines_end_in_one_way(victim, web: Web, end: bytes) -> None:
    with HttpClient(web) as client:
        lines = [f"{name}: {value}".encode() for name, value in client.fields.items()]
        data = end.join([b"GET /home/ HTTP/1.1", *lines, b"", b""])
        refused(victim, client, data + hidden(client), 400)


def test_what_follows_a_request_that_ends_the_connection_is_not_served(victim, web: Web) -> None:
    for line in ("Connection: close", "Connection: x, CLOSE", "Connection: keep-alive, close"):
        with HttpClient(web) as client:
            request = b"GET /home/missing HTTP/1.1"
            client.put(head(client, line, request=request) + hidden(client))
            assert [one.status for one in client.rest()] == [404]


def test_an_upgrade_is_not_taken_up(victim, web: Web) -> None:
    """HTTP/2 in clear, or WebSocket, behind a proxy that sees a tunnel from then on."""
    for kind in ("h2c", "websocket", "TLS/1.0"):
        with HttpClient(web) as client:
            lines = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {kind}", "HTTP2-Settings: A")
            client.put(head(client, *lines, request=b"GET /home/missing HTTP/1.1"))
            assert client.answer().status == 404


def test_the_absolute_form_is_a_path_of_ours_whatever_host_it_names(victim, web: Web) -> None:
    with HttpClient(web) as client:
        for target in (f"http://{web.host}/home/hidden", "HTTPS://elsewhere/home/hidden"):
            assert client.ask("GET", target).body == SECRET
        assert client.ask("GET", "http://elsewhere:1").fields["location"] == "/home/"


def test_http_1_0_and_1_1_take_turns_only_when_they_say_so(victim, web: Web) -> None:
    request = b"GET /home/missing HTTP/1.0"
    with HttpClient(web) as client:
        client.put(head(client, request=request) + hidden(client))
        assert [one.status for one in client.rest()] == [404]
    with HttpClient(web) as client:
        client.put(head(client, "Connection: keep-alive", request=request) + hidden(client))
        assert client.answer().status == 404
        assert client.answer().body == SECRET
