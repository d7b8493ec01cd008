"""Heads of answers, and where their bodies end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.http.answer import Answer, AnswerReader, Unbounded, body_of, content_length
from mft.wire.http.framing import Chunked, Sized
from mft.wire.http.head import MAX_FIELDS, MAX_HEAD, Fields


def read(text: bytes) -> Answer:
    reader = AnswerReader()
    assert reader.take(memoryview(text)) == text.index(b"\r\n\r\n") + 4
    assert reader.answer is not None
    return reader.answer


@pytest.mark.parametrize(
    ("text", "status", "minor", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 200, 1, True),
        (b"HTTP/1.1 404 \r\n\r\n", 404, 1, True),
        (b"HTTP/1.1 207\r\n\r\nrest", 207, 1, True),
        (b"HTTP/1.0 200 Alles gut \xfc\r\n\r\n", 200, 0, False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", 200, 0, True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n", 200, 1, False),
    ],
)
def test_the_first_line_is_a_version_a_status_and_words(
    text: bytes, status: int, minor: int, keeps: bool
) -> None:
    answer = read(text)
    assert (answer.status, answer.minor, answer.keep_alive) == (status, minor, keeps)


def test_fields_are_those_of_requests() -> None:
    answer = read(b"HTTP/1.1 200 OK\r\nA: 1\r\na:  2 \r\n\r\n")
    assert answer.fields == Fields([("A", "1"), ("a", "2")])


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"HTTP/1.1 600 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 200 O\x00K\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"220 ready\r\n\r\n",
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: 1\nB: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * (MAX_FIELDS + 1) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * MAX_HEAD,
    ],
)
def test_what_is_no_head_is_malformed(text: bytes) -> None:
    with pytest.raises(Malformed):
        AnswerReader().take(memoryview(text))


def answer(*fields: tuple[str, str], status: int = 200, minor: int = 1) -> Answer:
    return Answer(status, minor, Fields(fields))


CHUNKS = ("Transfer-Encoding", "chunked")


@pytest.mark.parametrize(
    ("method", "given", "kind", "left"),
    [
        ("GET", answer(("Content-Length", "5")), Sized, 5),
        ("GET", answer(("Content-Length", "0")), Sized, 0),
        ("HEAD", answer(("Content-Length", "5")), Sized, 0),
        ("HEAD", answer(CHUNKS), Sized, 0),
        ("GET", answer(CHUNKS, status=204), Sized, 0),
        ("GET", answer(("Content-Length", "5"), status=304), Sized, 0),
        ("GET", answer(status=100), Sized, 0),
        ("GET", answer(CHUNKS), Chunked, None),
        ("GET", answer(("Transfer-Encoding", "Chunked")), Chunked, None),
        ("GET", answer(), Unbounded, None),
        ("GET", answer(minor=0), Unbounded, None),
    ],
)
def test_a_body_ends_where_its_head_says(
    method: str, given: Answer, kind: type, left: int | None
) -> None:
    body = body_of(method, given)
    assert type(body) is kind
    if isinstance(body, Sized):
        assert body.left == left


@pytest.mark.parametrize(
    "given",
    [
        answer(("Content-Length", "5"), ("Content-Length", "5")),
        answer(("Content-Length", "5, 5")),
        answer(("Content-Length", "-1")),
        answer(("Content-Length", "+1")),
        answer(("Content-Length", "")),
        answer(("Content-Length", str(1 << 63))),
        answer(("Content-Length", "5"), CHUNKS),
        answer(CHUNKS, CHUNKS),
        answer(("Transfer-Encoding", "gzip, chunked")),
        answer(("Transfer-Encoding", "gzip")),
        answer(CHUNKS, minor=0),
    ],
)
def test_an_end_that_is_unclear_is_malformed(given: Answer) -> None:
    with pytest.raises(Malformed):
        body_of("GET", given)


def test_everything_belongs_to_a_body_without_an_end() -> None:
    body = Unbounded()
    assert body.take(memoryview(b"abc")) == ([memoryview(b"abc")], 3)
    assert not body.done


PARTS = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"\r\n", b"\n", b"A: 1", b"Content-Length: 5", b" ", b"\x00", b":"]
)


@pytest.mark.fuzz
@given(
    st.binary(max_size=200) | st.lists(PARTS, max_size=60).map(b"".join),
    st.lists(st.integers(1, 50), max_size=20),
)
def test_any_bytes_give_the_same_in_any_pieces(text: bytes, sizes: list[int]) -> None:
    assert outcome(text, sizes) == outcome(text, [])


def outcome(text: bytes, sizes: list[int]) -> object:
    reader, at = AnswerReader(), 0
    try:
        for size in [*sizes, len(text)]:
            at += reader.take(memoryview(text)[at : at + size])
        answer = reader.answer
        if answer is None:
            return None
        content_length(answer)
        return answer, at
    except Malformed as bad:
        return str(bad)
