"""What uploads become on their way into a file: step by step, bounded, and whole or refused."""

import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Reason, Refused
from mft.protocols.ftp.conversion import MAX_STEP, Conversion
from tests.fakes.refused import refused


def converted(pieces: list[bytes], *, text: bool = False, compressed: bool = False) -> bytes:
    """All that the pieces become; no step is larger than it may be."""
    conversion = Conversion(text=text, compressed=compressed)
    out = []
    for piece in pieces:
        out.append(conversion.take(memoryview(piece)))
        while conversion.pending:
            out.append(conversion.more())
    assert max(map(len, out), default=0) <= MAX_STEP + 1 or not compressed
    return b"".join([*out, conversion.finish()])


def split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def test_text_is_as_the_wire_has_it() -> None:
    assert converted([b"one\r", b"\ntwo\r"], text=True) == b"one\ntwo\r"
    assert not Conversion(text=True, compressed=False).pending


@pytest.mark.parametrize("size", [1, 2, 100, 1 << 20])
def test_what_was_deflated_is_inflated_in_any_pieces(size: int) -> None:
    data = bytes(range(256)) * 10
    assert converted(split(zlib.compress(data), size), compressed=True) == data


@pytest.mark.parametrize("size", [0, 1, MAX_STEP - 1, MAX_STEP, MAX_STEP + 1, 5 * MAX_STEP])
def test_a_step_is_bounded(size: int) -> None:
    assert converted([zlib.compress(bytes(size))], compressed=True) == bytes(size)


@pytest.mark.parametrize("at", [MAX_STEP - 1, MAX_STEP])
def test_a_pair_between_two_steps_is_one_end_of_a_line(at: int) -> None:
    data = b"x" * at + b"\r\ny"
    found = converted([zlib.compress(data)], text=True, compressed=True)
    assert found == b"x" * at + b"\ny"


def test_what_ends_too_early_is_refused() -> None:
    with refused(Reason.ABORTED):
        converted([zlib.compress(b"some bytes")[:-1]], compressed=True)
    with refused(Reason.ABORTED):
        converted([], compressed=True)


def test_what_comes_behind_the_end_is_refused_and_not_lost() -> None:
    whole = zlib.compress(b"some bytes")
    for pieces in ([whole + b"more"], [whole, b"more"], [whole + whole], [whole, b"", whole]):
        with refused(Reason.INVALID):
            converted(pieces, compressed=True)
    assert converted([whole, b""], compressed=True) == b"some bytes"


def test_more_of_nothing_is_nothing() -> None:
    assert Conversion(text=True, compressed=False).more() == b""


@pytest.mark.fuzz
@given(data=st.binary(max_size=5000), size=st.integers(1, 5000), text=st.booleans())
def test_there_and_back(data: bytes, size: int, text: bool) -> None:
    found = converted(split(zlib.compress(data), size), text=text, compressed=True)
    assert found == (data.replace(b"\r\n", b"\n") if text else data)


@pytest.mark.fuzz
@given(data=st.binary(max_size=1000), size=st.integers(1, 1000))
def test_any_bytes_are_taken_or_refused(data: bytes, size: int) -> None:
    with suppress(Refused):  # and nothing else
        converted(split(data, size), compressed=True)
