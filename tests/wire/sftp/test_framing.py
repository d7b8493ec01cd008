"""SFTP packets out of a stream of bytes."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.sftp.framing import MAX_ADVERTISED, MAX_DATA, MAX_PACKET, Framer, check_length


def framed(kind: int, body: bytes) -> bytes:
    return (1 + len(body)).to_bytes(4, "big") + bytes([kind]) + body


def feed(framer: Framer, data: bytes) -> list[tuple[int, bytes]]:
    return [(kind, bytes(body)) for kind, body in framer.feed(memoryview(data))]


def test_a_whole_packet_is_borrowed_from_what_came() -> None:
    framer = Framer()
    data = bytearray(framed(4, b"body"))
    ((kind, body),) = framer.feed(memoryview(data))
    data[-1] = 0x21
    assert (kind, bytes(body)) == (4, b"bod!")
    assert not framer.held


def test_a_packet_may_come_byte_by_byte() -> None:
    framer = Framer()
    stream = framed(5, b"abc") + framed(6, b"")
    got = [packet for byte in stream for packet in feed(framer, bytes([byte]))]
    assert got == [(5, b"abc"), (6, b"")]


def test_what_is_held_is_what_has_come_not_what_was_announced() -> None:
    framer = Framer()
    announced = MAX_PACKET.to_bytes(4, "big") + b"\x06ab"
    assert feed(framer, announced) == []
    assert bytes(framer.held) == announced


def test_held_bytes_can_be_taken_by_whoever_reads_the_rest_himself() -> None:
    framer = Framer()
    feed(framer, b"\0\0\0\x09\x06abc")
    assert bytes(framer.take_held()) == b"\0\0\0\x09\x06abc"
    assert feed(framer, framed(4, b"x")) == [(4, b"x")]


@pytest.mark.parametrize("length", [0, MAX_PACKET + 1, 0xFFFFFFFF])
@pytest.mark.parametrize("cut", [4, 2])
def test_a_length_that_cannot_be_ends_the_stream(length: int, cut: int) -> None:
    framer = Framer()
    head = length.to_bytes(4, "big")
    stream = framed(4, b"first") + head + b"\x04"
    at = len(framed(4, b"first")) + cut
    got: list[tuple[int, bytes]] = []

    def feed_all() -> None:
        for part in (stream[:at], stream[at:]):
            got.extend((kind, bytes(body)) for kind, body in framer.feed(memoryview(part)))

    with pytest.raises(Malformed):
        feed_all()
    assert got == [(4, b"first")]


def test_the_longest_packet_is_taken_whole() -> None:
    framer = Framer()
    stream = framed(6, bytes(MAX_PACKET - 1))
    assert feed(framer, stream[:100_000]) == []
    ((kind, body),) = feed(framer, stream[100_000:])
    assert (kind, len(body)) == (6, MAX_PACKET - 1)
    assert check_length(MAX_PACKET) == MAX_PACKET


def test_a_write_of_the_advertised_length_fits() -> None:
    head = 1 + 4 + 4 + 256 + 8 + 4  # type, id, the longest handle, offset, length of the data
    assert head + MAX_DATA <= MAX_ADVERTISED < MAX_PACKET


@pytest.mark.fuzz
@settings(max_examples=200, deadline=None)
@given(
    packets=st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=20)), max_size=6),
    cuts=st.lists(st.integers(0, 150), max_size=10),
)
def test_packets_are_the_same_however_the_stream_was_cut(packets, cuts) -> None:
    framer = Framer()
    stream = b"".join(framed(kind, body) for kind, body in packets)
    edges = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    parts = [stream[a:b] for a, b in pairwise(edges)]
    assert [packet for part in parts for packet in feed(framer, part)] == packets
    assert not framer.held


@pytest.mark.fuzz
@settings(max_examples=200, deadline=None)
@given(parts=st.lists(st.binary(max_size=30), max_size=6))
def test_any_stream_gives_packets_or_malformed(parts: list[bytes]) -> None:
    framer = Framer()
    try:
        for part in parts:
            feed(framer, part)
    except Malformed:
        return
    assert len(framer.held) <= sum(map(len, parts))
