"""Where bodies end: one answer, or a refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.framing import (
    CHUNK_END,
    LAST_CHUNK,
    MAX_EXCESS,
    MAX_EXTENSION,
    MAX_LENGTH,
    MAX_TRAILER,
    Chunked,
    Sized,
    body_length,
    chunk,
    chunk_head,
)
from mft.wire.http.head import BadRequest, Fields, Head

TE, CL = "Transfer-Encoding", "Content-Length"


def length(*pairs: tuple[str, str], minor: int = 1) -> int | None:
    """The length of the body of a request with these fields; the status, negative, if refused."""
    try:
        return body_length(Head("POST", "/", minor, Fields(pairs)))
    except BadRequest as bad:
        return -bad.status


def read(*pieces: bytes) -> tuple[bytes, bytes, bool] | int:
    """The data in a chunked body, what is behind it, and whether it is whole; or the status."""
    reader, data, left = Chunked(), b"", b""
    try:
        for piece in pieces:
            found, taken = reader.take(memoryview(piece))
            assert all(found)
            data += b"".join(found)
            left += piece[taken:]
    except BadRequest as bad:
        return bad.status
    return data, left, reader.done


def cut(text: bytes, sizes: list[int]) -> list[bytes]:
    """The text in pieces of these sizes, and the rest."""
    pieces = []
    for size in sizes:
        pieces.append(text[:size])
        text = text[size:]
    return [*pieces, text]


def test_a_body_has_a_length_or_chunks_or_is_not_there() -> None:
    assert length() == 0
    assert length((CL, "0")) == 0
    assert length((CL, "0042")) == 42
    assert length((CL, str(MAX_LENGTH))) == MAX_LENGTH
    assert length((TE, "chunked")) is None
    assert length((TE, "Chunked")) is None


LENGTHS = {
    "CL.TE": ([(CL, "5"), (TE, "chunked")], 400),
    "TE.CL": ([(TE, "chunked"), (CL, "5")], 400),
    "CL.TE with a coding that is not known": ([(CL, "5"), (TE, "identity")], 400),
    "CL 0 and chunked": ([(CL, "0"), (TE, "chunked")], 400),
    "two lengths": ([(CL, "5"), (CL, "6")], 400),
    "the same length twice": ([(CL, "5"), (CL, "5")], 400),
    "a list of lengths": ([(CL, "5, 6")], 400),
    "a list of the same length": ([(CL, "5, 5")], 400),
    "a length and a comma": ([(CL, "5,")], 400),
    "an empty length": ([(CL, "")], 400),
    "a length with plus": ([(CL, "+5")], 400),
    "a negative length": ([(CL, "-5")], 400),
    "minus nothing": ([(CL, "-0")], 400),
    "a hexadecimal length": ([(CL, "0x5")], 400),
    "digits of hexadecimal": ([(CL, "a")], 400),
    "a length with a fraction": ([(CL, "5.0")], 400),
    "a length with an exponent": ([(CL, "1e3")], 400),
    "a length with an underscore": ([(CL, "1_0")], 400),
    "a length with a space": ([(CL, "5 0")], 400),
    "a length with a no-break space": ([(CL, "\xa05")], 400),
    "a superscript digit": ([(CL, "\xb2")], 400),
    "digits of another alphabet": ([(CL, "\u0665")], 400),
    "a length in quotes": ([(CL, '"5"')], 400),
    "a length and a parameter": ([(CL, "5;a")], 400),
    "twenty digits": ([(CL, "00000000000000000005")], 400),
    "a length above the largest offset": ([(CL, str(MAX_LENGTH + 1))], 400),
    "a length that overflows": ([(CL, "18446744073709551621")], 400),
    "very many digits": ([(CL, "1" * 5000)], 400),
    "chunked twice": ([(TE, "chunked, chunked")], 400),
    "chunked on two lines": ([(TE, "chunked"), (TE, "chunked")], 400),
    "TE.TE, the first is another": ([(TE, "gzip"), (TE, "chunked")], 400),
    "TE.TE, the second is another": ([(TE, "chunked"), (TE, "identity")], 400),
    "chunked and a comma": ([(TE, "chunked,")], 400),
    "a comma and chunked": ([(TE, ", chunked")], 400),
    "gzip and chunked": ([(TE, "gzip, chunked")], 400),
    "chunked and gzip": ([(TE, "chunked, gzip")], 400),
    "chunked with a parameter": ([(TE, "chunked;q=1")], 400),
    "chunked with a space and a parameter": ([(TE, "chunked ; a=b")], 400),
    "another word that ends in chunked": ([(TE, "xchunked")], 501),
    "another word that begins with chunked": ([(TE, "chunkedx")], 501),
    "chunked in quotes": ([(TE, '"chunked"')], 501),
    "chunked in single quotes": ([(TE, "'chunked'")], 501),
    "chunked behind a no-break space": ([(TE, "\xa0chunked")], 501),
    "chunked behind a vertical tab": ([(TE, "\x0bchunked")], 501),
    "chunked and a word": ([(TE, "chunked identity")], 501),
    "a word with a colon": ([(TE, ": chunked")], 501),
    "no coding": ([(TE, "")], 501),
    "identity": ([(TE, "identity")], 501),
    "gzip": ([(TE, "gzip")], 501),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_lengths_that_can_be_read_in_two_ways_are_refused(name: str) -> None:
    pairs, status = LENGTHS[name]
    assert length(*pairs) == -status


def test_http_1_0_has_no_chunks() -> None:
    assert length((TE, "chunked"), minor=0) == -400
    assert length((CL, "5"), minor=0) == 5


def test_a_body_of_a_length_ends_there() -> None:
    body = Sized(5)
    assert not body.done
    assert body.take(memoryview(b"")) == ([], 0)
    view = memoryview(b"abc")
    (piece,), taken = body.take(view)
    assert (piece, taken, piece.obj is view.obj) == (b"abc", 3, True)
    assert body.take(memoryview(b"defgh")) == ([b"de"], 2)
    assert body.done
    assert body.take(memoryview(b"more")) == ([], 0)
    assert Sized(0).done


def test_chunks_are_slices_of_what_came() -> None:
    view = memoryview(b"3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\n\r\nGET /")
    reader = Chunked()
    pieces, taken = reader.take(view)
    assert pieces == [b"abc", b"0123456789"]
    assert all(piece.obj is view.obj for piece in pieces)
    assert bytes(view[taken:]) == b"GET /"
    assert reader.done
    assert reader.take(memoryview(b"GET /")) == ([], 0)


GOOD = {
    "nothing": (b"0\r\n\r\n", b""),
    "many zeros": (b"0000000000000000\r\n\r\n", b""),
    "leading zeros": (b"0000000000000001\r\na\r\n0\r\n\r\n", b"a"),
    "both cases": (b"a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", b"01234567890123456789a"),
    "extensions": (b'1;a;b="c d";\xe9\r\nx\r\n0;last\r\n\r\n', b"x"),
    "fields behind it": (b"1\r\nx\r\n0\r\nA: b\r\nContent-Length: 5\r\n\r\n", b"x"),
    "lines in the data": (b"6\r\n0\r\n\r\n\n\r\n0\r\n\r\n", b"0\r\n\r\n\n"),
}


@pytest.mark.parametrize("name", GOOD)
def test_chunks_are_read_in_any_two_pieces(name: str) -> None:
    text, data = GOOD[name]
    assert read(text) == (data, b"", True)
    assert read(*[bytes([byte]) for byte in text]) == (data, b"", True)
    for at in range(len(text)):
        assert read(text[:at], text[at:] + b"next") == (data, b"next", True)
        assert read(text[:at])[2:] == (False,)


CHUNKS = {
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "an empty size and an extension": b";a\r\nabc\r\n",
    "a size with 0x": b"0x3\r\nabc\r\n",
    "a size with plus": b"+3\r\nabc\r\n",
    "a negative size": b"-3\r\nabc\r\n",
    "a size with an underscore": b"1_0\r\nabc\r\n",
    "a letter that is no digit": b"g\r\nabc\r\n",
    "a space before a size": b" 3\r\nabc\r\n",
    "a space behind a size": b"3 \r\nabc\r\n",
    "a space before an extension": b"3 ;a\r\nabc\r\n",
    "a tab behind a size": b"3\t\r\nabc\r\n",
    "a NUL behind a size": b"3\0\r\nabc\r\n",
    "a bare LF behind a size": b"3\nabc\r\n",
    "a bare CR behind a size": b"3\rabc\r\n",
    "CR CR LF behind a size": b"3\r\r\nabc\r\n",
    "a bare LF in an extension": b"3;a\nabc\r\n",
    "a bare CR in an extension": b"3;a\rb\r\nabc\r\n",
    "a NUL in an extension": b"3;\0\r\nabc\r\n",
    "seventeen digits": b"00000000000000003\r\nabc\r\n",
    "a size that overflows 64 bits": b"10000000000000003\r\nabc\r\n",
    "a size above the largest offset": b"8000000000000000\r\nabc\r\n",
    "a size of minus one": b"FFFFFFFFFFFFFFFF\r\nabc\r\n",
    "data that is longer than its size": b"3\r\nabcd\r\n0\r\n\r\n",
    "data that is shorter than its size": b"3\r\nab\r\n0\r\n\r\n",
    "LF behind data": b"3\r\nabc\n0\r\n\r\n",
    "CR behind data": b"3\r\nabc\r0\r\n\r\n",
    "no end behind data": b"3\r\nabc0\r\n\r\n",
    "an empty line before a size": b"3\r\nabc\r\n\r\n0\r\n\r\n",
    "an extension that is too long": b"3;" + b"a" * MAX_EXTENSION + b"\r\nabc\r\n",
    "an extension without an end": b"3;" + b"a" * 4 * MAX_EXTENSION,
    "a bare LF at the end": b"0\r\n\n",
    "a bare LF behind the last size": b"0\n\r\n",
    "a bare CR at the end": b"0\r\n\rX\r\n",
    "another request instead of the end": b"0\r\nGET / HTTP/1.1\r\n",
    "a folded field behind it": b"0\r\nA: b\r\n c\r\n\r\n",
    "a space before the colon behind it": b"0\r\nA : b\r\n\r\n",
    "a NUL behind it": b"0\r\nA: \0\r\n\r\n",
    "a bare LF behind it": b"0\r\nA: b\n\r\n",
    "one field that is too long": b"0\r\nA: " + b"b" * MAX_TRAILER + b"\r\n\r\n",
    "a field without an end": b"0\r\nA: " + b"b" * MAX_TRAILER,
    "too many fields": b"0\r\n" + b"A: b\r\n" * (MAX_TRAILER // 6 + 1) + b"\r\n",
}


@pytest.mark.parametrize("name", CHUNKS)
def test_what_is_not_exactly_a_chunk_is_refused(name: str) -> None:
    text = CHUNKS[name]
    assert read(text) == 400
    assert read(*[bytes([byte]) for byte in text]) == 400


def test_limits_are_what_they_say() -> None:
    longest = b"3;" + b"a" * (MAX_EXTENSION - 1) + b"\r\nabc\r\n"
    assert read(longest + LAST_CHUNK) == (b"abc", b"", True)
    # A field and the empty line that fill the room, and one byte more, in any two pieces.
    fits = b"0\r\nA: " + b"b" * (MAX_TRAILER - 7) + b"\r\n\r\n"
    more = b"0\r\nA: " + b"b" * (MAX_TRAILER - 6) + b"\r\n\r\n"
    for at in (0, 3, 100, len(fits) - 3, len(fits) - 2, len(fits) - 1):
        assert read(fits[:at], fits[at:]) == (b"", b"", True)
        assert read(more[:at], more[at:]) == 400


def test_many_chunks_of_one_byte_are_read() -> None:
    many = 5000
    assert read(b"0000000000000001\r\na\r\n" * many + LAST_CHUNK) == (b"a" * many, b"", True)


def test_extensions_must_come_with_data() -> None:
    extension = b";" + b"x" * (MAX_EXTENSION - 1)
    little = b"1" + extension + b"\r\na\r\n"
    assert read(little * (MAX_EXCESS // MAX_EXTENSION + 20)) == 400
    enough = b"80" + extension + b"\r\n" + b"a" * 128 + b"\r\n"
    assert read(enough * 200 + LAST_CHUNK) == (b"a" * 128 * 200, b"", True)


def test_a_chunk_to_send_has_its_size_before_it() -> None:
    assert chunk_head(255) == b"ff\r\n"
    assert chunk(b"abc") == b"3\r\nabc\r\n"
    assert chunk(memoryview(b"x" * 16)) == b"10\r\n" + b"x" * 16 + CHUNK_END
    for size in (0, -1):
        with pytest.raises(ValueError):
            chunk_head(size)


PIECES = b"0 1 5 a ; abcde \xff \0 A:b".split()
LINES = (b"\r", b"\n", b"\r\n", b"A: b\r\n", b"\r\n0\r\n\r\n", b"3\r\nabc\r\n", b"0\r\n")
PARTS = st.sampled_from([*PIECES, *LINES, b"x" * 250, b"A: " + b"x" * 4000])


@pytest.mark.fuzz
@given(
    st.binary(max_size=100) | st.lists(PARTS, max_size=40).map(b"".join),
    st.lists(st.integers(0, 40), max_size=30),
)
def test_any_bytes_give_the_same_in_any_pieces(text: bytes, sizes: list[int]) -> None:
    assert read(*cut(text, sizes)) == read(text)


@pytest.mark.fuzz
@given(st.lists(st.binary(min_size=1, max_size=100)), st.lists(st.integers(0, 40), max_size=30))
def test_what_is_sent_in_chunks_comes_back(blocks: list[bytes], sizes: list[int]) -> None:
    text = b"".join(map(chunk, blocks)) + LAST_CHUNK
    assert read(*cut(text, sizes)) == (b"".join(blocks), b"", True)


@pytest.mark.fuzz
@given(st.lists(st.tuples(st.sampled_from([TE, CL]), st.text(max_size=30)), max_size=3))
def test_any_fields_give_a_length_or_a_refusal(pairs: list[tuple[str, str]]) -> None:
    found = length(*pairs)
    assert found is None or 0 <= found <= MAX_LENGTH or found in (-400, -501)
