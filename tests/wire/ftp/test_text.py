"""TYPE A: line ends, whatever chunks they come in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.ftp.text import FromNetwork, ToNetwork

Converter = type[ToNetwork] | type[FromNetwork]


def converted(kind: Converter, *chunks: bytes) -> bytes:
    converter = kind()
    out = b"".join(map(converter.convert, chunks))
    return out + converter.finish() if isinstance(converter, FromNetwork) else out


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        (b"", b""),
        (b"a\nb", b"a\r\nb"),
        (b"a\r\nb", b"a\r\nb"),
        (b"\n\n", b"\r\n\r\n"),
        (b"\r\n\n", b"\r\n\r\n"),
        (b"a\rb\r", b"a\rb\r"),
        (b"\r\r\n", b"\r\r\n"),
        (b"plain", b"plain"),
    ],
)
def test_every_line_goes_out_with_crlf(data: bytes, sent: bytes) -> None:
    assert converted(ToNetwork, data) == sent
    for at in range(len(data) + 1):
        assert converted(ToNetwork, data[:at], b"", data[at:]) == sent


@pytest.mark.parametrize(
    ("data", "written"),
    [
        (b"", b""),
        (b"a\r\nb", b"a\nb"),
        (b"a\nb", b"a\nb"),
        (b"a\rb\r", b"a\rb\r"),
        (b"\r\r\n", b"\r\n"),
        (b"\r\n\r\n", b"\n\n"),
        (b"plain", b"plain"),
    ],
)
def test_every_line_comes_in_with_lf(data: bytes, written: bytes) -> None:
    assert converted(FromNetwork, data) == written
    for at in range(len(data) + 1):
        assert converted(FromNetwork, data[:at], b"", data[at:]) == written


def test_chunks_may_be_views_of_buffers() -> None:
    assert ToNetwork().convert(memoryview(bytearray(b"a\n"))) == b"a\r\n"
    assert FromNetwork().convert(memoryview(b"a\r\n")) == b"a\n"
    assert FromNetwork().convert(bytearray(b"a\r\n")) == b"a\n"


def test_what_is_finished_is_not_told_again() -> None:
    converter = FromNetwork()
    assert converter.convert(b"a\r") == b"a"
    assert converter.finish() == b"\r"
    assert converter.finish() == b""


@pytest.mark.fuzz
@given(
    st.lists(st.lists(st.sampled_from([b"\r", b"\n", b"a"]), max_size=6).map(b"".join)),
    st.sampled_from([ToNetwork, FromNetwork]),
)
def test_chunks_make_no_difference(chunks: list[bytes], kind: Converter) -> None:
    assert converted(kind, *chunks) == converted(kind, b"".join(chunks))


@pytest.mark.fuzz
@given(st.lists(st.sampled_from([b"\n", b"a", b"\0"])).map(b"".join), st.integers(1, 5))
def test_a_text_comes_back_as_it_was(text: bytes, size: int) -> None:
    sent = converted(ToNetwork, text)
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    assert sent.count(b"\r\n") == text.count(b"\n")
    assert converted(FromNetwork, *pieces) == text
