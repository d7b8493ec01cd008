"""Heads of requests: read strictly, wherever the network cuts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.head import (
    MAX_FIELDS,
    MAX_HEAD,
    MAX_METHOD,
    MAX_TARGET,
    BadRequest,
    Fields,
    Head,
    HeadReader,
)

HOST = b"Host: a\r\n"
LINE = b"GET / HTTP/1.1\r\n"


def read(*pieces: bytes) -> tuple[Head | None, bytes]:
    """The head that comes in these pieces, and what was not taken of them."""
    reader, left = HeadReader(), b""
    for piece in pieces:
        taken = reader.take(memoryview(piece))
        left += piece[taken:]
    return reader.head, left


def outcome(*pieces: bytes) -> tuple[Head | None, bytes] | int:
    """What comes of these pieces: a head and the rest, or the status of a refusal."""
    try:
        return read(*pieces)
    except BadRequest as bad:
        return bad.status


def head(text: bytes) -> Head:
    """The head that these bytes are, all of them."""
    found, left = read(text)
    assert found is not None
    assert left == b""
    return found


def cut(text: bytes, sizes: list[int]) -> list[bytes]:
    """The text in pieces of these sizes, and the rest."""
    pieces = []
    for size in sizes:
        pieces.append(text[:size])
        text = text[size:]
    return [*pieces, text]


def test_a_head_is_a_method_a_target_a_version_and_fields() -> None:
    found = head(
        b"PUT /a%20b?x=1 HTTP/1.1\r\nHost: example.org:8080\r\nX-Empty:\r\n"
        b"x-Spaces:  \t a b \t \r\nX-Latin: caf\xe9\r\nA: 1\r\na: 2\r\n\r\n"
    )
    assert (found.method, found.target, found.minor) == ("PUT", "/a%20b?x=1", 1)
    assert found.host == "example.org:8080"
    fields = found.fields
    assert fields.get("X-EMPTY") == ""
    assert fields.get("X-Spaces") == "a b"
    assert fields.get("x-latin") == "caf\xe9"
    assert (fields.get("a"), fields.all("A")) == ("1, 2", ("1", "2"))
    assert (fields.get("b"), fields.all("b")) == (None, ())
    assert "HOST" in fields
    assert "b" not in fields
    assert 1 not in fields
    assert len(fields) == 6
    assert next(iter(fields)) == ("Host", "example.org:8080")


def test_fields_are_values_and_never_show_what_they_hold() -> None:
    pairs = [("Authorization", "Basic secret"), ("Host", "a")]
    assert Fields(pairs) == Fields(pairs)
    assert hash(Fields(pairs)) == hash(Fields(pairs))
    assert Fields(pairs) != Fields(pairs[:1])
    assert Fields(pairs) != pairs
    assert repr(Fields(pairs)) == "Fields(Authorization, Host)"


def test_a_reader_stops_behind_the_empty_line() -> None:
    first, second = LINE + HOST + b"\r\n", b"POST / HTTP/1.0\r\n\r\n"
    reader = HeadReader()
    assert not reader.started
    assert reader.take(memoryview(first + second)) == len(first)
    assert reader.started
    assert reader.take(memoryview(second)) == 0
    assert read(first + second) == (head(first), second)


def test_at_most_two_empty_lines_stand_before_a_head() -> None:
    text = LINE + HOST + b"\r\n"
    for number in range(3):
        assert read(b"\r\n" * number + text) == (head(text), b"")
        assert read(b"\r\n" * number, text) == (head(text), b"")
    assert outcome(b"\r\n" * 3 + text) == 400
    reader = HeadReader()
    assert reader.take(memoryview(b"\r\n\r")) == 3
    assert not reader.started
    assert reader.take(memoryview(b"\nG")) == 2
    assert reader.started


@pytest.mark.parametrize(
    ("told", "media_type"),
    [
        (b"", ""),
        (b"Content-Type:\r\n", ""),
        (b"Content-Type: text/plain\r\n", "text/plain"),
        (b"Content-Type: Application/JSON ;charset=utf-8\r\n", "application/json"),
    ],
)
def test_it_tells_what_the_body_is_without_parameters(told: bytes, media_type: str) -> None:
    assert head(LINE + HOST + told + b"\r\n").media_type == media_type


def test_http_1_0_needs_no_host() -> None:
    assert head(b"GET / HTTP/1.0\r\n\r\n").host == ""
    assert head(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").host == "a"


@pytest.mark.parametrize(
    ("minor", "connection", "kept"),
    [
        (1, None, True),
        (1, "keep-alive", True),
        (1, "close", False),
        (1, "Upgrade,  CLOSE", False),
        (1, "closed", True),
        (0, None, False),
        (0, "Keep-Alive", True),
        (0, "keep-alive, close", False),
        (0, "x", False),
    ],
)
def test_a_connection_is_kept_as_its_version_says(
    minor: int, connection: str | None, kept: bool
) -> None:
    pairs = [] if connection is None else [("Connection", connection)]
    assert Head("GET", "/", minor, Fields(pairs)).keep_alive is kept


def test_only_http_1_1_can_wait_for_100() -> None:
    expect = b"Expect: 100-Continue\r\n"
    assert head(b"PUT / HTTP/1.1\r\n" + HOST + expect + b"\r\n").expects_continue
    assert not head(b"PUT / HTTP/1.0\r\n" + HOST + expect + b"\r\n").expects_continue
    assert not head(LINE + HOST + b"\r\n").expects_continue


@pytest.mark.parametrize(
    "host",
    ["a", "a.b-c.example", "a_b", "127.0.0.1", "127.0.0.1:80", "[::1]", "[2001:db8::1]:65535"],
)
def test_a_host_may_have_a_port(host: str) -> None:
    assert head(LINE + f"Host: {host}\r\n\r\n".encode()).host == host


REQUEST_LINES = {
    "empty": (b"", 400),
    "two parts, as HTTP/0.9 has them": (b"GET /", 400),
    "no target": (b"GET HTTP/1.1", 400),
    "an empty target": (b"GET  HTTP/1.1", 400),
    "two spaces before the target": (b"GET  / HTTP/1.1", 400),
    "two spaces before the version": (b"GET /  HTTP/1.1", 400),
    "a space at the end": (b"GET / HTTP/1.1 ", 400),
    "a space at the beginning": (b" GET / HTTP/1.1", 400),
    "a tab instead of a space": (b"GET\t/ HTTP/1.1", 400),
    "a space in the target": (b"GET /a b HTTP/1.1", 400),
    "a NUL in the target": (b"GET /\0 HTTP/1.1", 400),
    "a control character in the target": (b"GET /\x1b HTTP/1.1", 400),
    "DEL in the target": (b"GET /\x7f HTTP/1.1", 400),
    "bytes above ASCII in the target": (b"GET /\xc3\xa9 HTTP/1.1", 400),
    "a method with a slash": (b"GE/T / HTTP/1.1", 400),
    "a method with a colon": (b"GET: / HTTP/1.1", 400),
    "a method that is too long": (b"G" * (MAX_METHOD + 1) + b" / HTTP/1.1", 400),
    "a target that is too long": (b"GET /" + b"a" * MAX_TARGET + b" HTTP/1.1", 414),
    "no number": (b"GET / HTTP/", 400),
    "lower case": (b"GET / http/1.1", 400),
    "another protocol": (b"GET / RTSP/1.0", 400),
    "two digits": (b"GET / HTTP/1.10", 400),
    "a leading zero": (b"GET / HTTP/01.1", 400),
    "no minor number": (b"GET / HTTP/1", 400),
    "a comma": (b"GET / HTTP/1,1", 400),
    "an invisible digit": (b"GET / HTTP/1.\xb2", 400),
    "HTTP/0.9": (b"GET / HTTP/0.9", 505),
    "HTTP/1.2": (b"GET / HTTP/1.2", 505),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0", 505),
    "HTTP/3.0": (b"GET / HTTP/3.0", 505),
    "a handshake of TLS": (b"\x16\x03\x01\x02\x00\x01", 400),
    "an answer": (b"HTTP/1.1 200 OK", 400),
}


@pytest.mark.parametrize("name", REQUEST_LINES)
def test_a_request_line_has_one_form(name: str) -> None:
    line, status = REQUEST_LINES[name]
    text = line + b"\r\n" + HOST + b"\r\n"
    assert outcome(text) == status
    assert outcome(*[text[at : at + 1] for at in range(len(text))]) == status


# What has been used to let two readers see two requests, or another one than was logged.
SMUGGLED = {
    "a space before the colon": (b"Content-Length : 5\r\n", 400),
    "a tab before the colon": (b"Transfer-Encoding\t: chunked\r\n", 400),
    "a folded line": (b"Transfer-Encoding:\r\n chunked\r\n", 400),
    "a folded line with a tab": (b"X: a\r\n\tb\r\n", 400),
    "a first line that is folded": (b" X: a\r\n", 400),
    "a field without a colon": (b"Content-Length 5\r\n", 400),
    "a field without a name": (b": 5\r\n", 400),
    "a bare LF between fields": (b"X: a\nContent-Length: 5\r\n", 400),
    "a bare LF at the end of a value": (b"X: a\n\r\n", 400),
    "a bare CR in a value": (b"X: a\rContent-Length: 5\r\n", 400),
    "two CR before LF": (b"X: a\r\r\n", 400),
    "LF before CR": (b"X: a\n\rY: b\r\n", 400),
    "a bare LF in a name": (b"X\nY: b\r\n", 400),
    "a CR as an empty line": (b"\r\r\nX: a\r\n", 400),
    "LF as an empty line": (b"\nGET /other HTTP/1.1\r\n", 400),
    "a NUL in a value": (b"X: a\0b\r\n", 400),
    "a NUL in a name": (b"Content-\0Length: 5\r\n", 400),
    "a vertical tab before a value": (b"Transfer-Encoding: \x0bchunked\r\n", 400),
    "a form feed behind a value": (b"Transfer-Encoding: chunked\x0c\r\n", 400),
    "an escape character in a value": (b"X: \x1b[31m\r\n", 400),
    "DEL in a value": (b"X: \x7f\r\n", 400),
    "a name in quotes": (b'"Content-Length": 5\r\n', 400),
    "a name with a slash": (b"Content/Length: 5\r\n", 400),
    "a name with parentheses": (b"Content(Length): 5\r\n", 400),
    "a name with a byte above ASCII": (b"Content-Length\xa0: 5\r\n", 400),
    "a name in another alphabet": ("Content-Len\u0261th: 5\r\n".encode(), 400),
    "a byte order mark": (b"\xef\xbb\xbfX: 5\r\n", 400),
    "a request line among the fields": (b"GET /other HTTP/1.1\r\n", 400),
    "two hosts": (b"Host: b\r\n", 400),
    "two hosts that are the same": (b"hOST: a\r\n", 400),
    "an expectation that is not known": (b"Expect: 200-ok\r\n", 417),
    "an expectation twice": (b"Expect: 100-continue\r\nExpect: 100-continue\r\n", 417),
    "an empty expectation": (b"Expect:\r\n", 417),
    "too many fields": (b"X: a\r\n" * MAX_FIELDS, 431),
    "too much": (b"X: " + b"a" * MAX_HEAD + b"\r\n", 431),
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_what_two_readers_could_read_in_two_ways_is_refused(name: str) -> None:
    fields, status = SMUGGLED[name]
    for text in (LINE + HOST + fields + b"\r\n", LINE + fields + HOST + b"\r\n"):
        assert outcome(text) == status
        assert outcome(*[text[at : at + 7] for at in range(0, len(text), 7)]) == status


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"user@a",
        b"a b",
        b"a/b",
        b"a,b",
        b"a:80:80",
        b"a:",
        b"a:123456",
        b"a:-1",
        b"[::1",
        b"::1",
        b"[::1]x",
        b"http://a",
        b"a?b",
        b"a#b",
        b"a%00",
        b"caf\xe9",
        b"a" * 256,
    ],
    ids=lambda host: host[:12].decode("latin-1"),
)
def test_a_host_that_is_none_is_refused(host: bytes) -> None:
    assert outcome(LINE + b"Host: " + host + b"\r\n\r\n") == 400
    assert outcome(b"GET / HTTP/1.0\r\nHost: " + host + b"\r\n\r\n") == 400


def test_exactly_one_host_is_needed() -> None:
    assert outcome(LINE + b"\r\n") == 400
    assert outcome(b"GET / HTTP/1.0\r\n" + HOST + HOST + b"\r\n") == 400


def test_garbage_is_refused_with_its_first_byte() -> None:
    for byte in range(256):
        begins = outcome(bytes([byte])) != 400
        assert begins == (
            chr(byte).isascii() and (chr(byte).isalnum() or byte in b"\r!#$%&'*+-.^_`|~")
        )
    assert outcome(b"\n") == 400
    assert outcome(b"\rG") == 400


def test_a_bare_end_of_line_is_refused_before_the_head_is_complete() -> None:
    assert outcome(b"GET / HTTP/1.1\n") == 400
    assert outcome(b"GET / HTTP/1.1\r", b"X") == 400
    assert outcome(b"GET / HTTP/1.1\r") == (None, b"")


def test_limits_are_what_they_say() -> None:
    longest = b"GET /" + b"a" * (MAX_TARGET - 1) + b" HTTP/1.1\r\n" + HOST + b"\r\n"
    assert len(head(longest).target) == MAX_TARGET
    assert len(head(LINE + HOST + b"X: a\r\n" * (MAX_FIELDS - 1) + b"\r\n").fields) == MAX_FIELDS
    assert head(b"M" * MAX_METHOD + b" / HTTP/1.0\r\n\r\n").method == "M" * MAX_METHOD
    room = MAX_HEAD - len(LINE + HOST + b"X: \r\n\r\n")
    assert head(LINE + HOST + b"X: " + b"a" * room + b"\r\n\r\n").fields.get("x") == "a" * room
    assert outcome(LINE + HOST + b"X: " + b"a" * (room + 1) + b"\r\n\r\n") == 431


def test_a_line_without_an_end_is_a_target_that_is_too_long() -> None:
    assert outcome(b"GET /" + b"a" * (MAX_HEAD - 6)) == (None, b"")
    assert outcome(b"GET /" + b"a" * MAX_HEAD) == 414


def test_what_follows_is_not_copied_whole() -> None:
    text = LINE + HOST + b"\r\n"
    view = memoryview(text * 2000)
    at = 0
    for _ in range(2000):
        reader = HeadReader()
        at += reader.take(view[at:])
        assert reader.head == head(text)
    assert at == len(view)


def test_a_refusal_tells_its_status_and_its_reason() -> None:
    bad = BadRequest(431, "too much")
    assert (bad.status, bad.details, str(bad)) == (431, "too much", "431: too much")


ENDS = (b"\r\n", b"\r", b"\n", b"\r\n\r\n")
WORDS = (b"GET / HTTP/1.1", b"HTTP/1.2", b"Host: a", b"Host", b"X: b", b"Expect: x", b":", b" ")
PARTS = st.sampled_from([*ENDS, *WORDS, b"\xff", b"\0", b"a" * 700])


@pytest.mark.fuzz
@given(
    st.binary(max_size=200)
    | st.lists(PARTS, max_size=80).map(b"".join)
    | st.lists(PARTS).map(lambda parts: LINE + HOST + b"".join(parts)),
    st.lists(st.integers(0, 900), max_size=20),
)
def test_any_bytes_give_the_same_in_any_pieces(text: bytes, sizes: list[int]) -> None:
    assert outcome(*cut(text, sizes)) == outcome(text)


@pytest.mark.fuzz
@given(
    st.from_regex(r"[A-Z]{1,32}", fullmatch=True),
    st.from_regex(r"/[!-~]{0,50}", fullmatch=True),
    st.lists(
        st.tuples(
            st.from_regex(r"X-[!#-'*+.^_`|~0-9A-Za-z-]{0,20}", fullmatch=True),
            st.from_regex(r"([!-~\x80-\xff]([ -~\t]{0,20}[!-~])?)?", fullmatch=True),
        ),
        max_size=20,
    ),
)
def test_a_head_comes_back_as_it_was_sent(
    method: str, target: str, pairs: list[tuple[str, str]]
) -> None:
    lines = "".join(f"{name}:{value}\r\n" for name, value in pairs)
    text = f"{method} {target} HTTP/1.0\r\n{lines}\r\n".encode("latin-1")
    assert head(text) == Head(method, target, 0, Fields(pairs))
