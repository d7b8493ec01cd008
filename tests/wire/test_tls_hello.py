"""The first thing that a client of TLS says, and which protocols it wants."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from mft.wire.tls_hello import MAX_HELLO, MAX_OFFERED, HelloReader
from tests.fakes.tls_peer import VERSIONS, client_context

ALERT = b"\x15\x03\x01\x00\x02\x01\x5a"  # a warning, which nobody has to heed


def hello(*names: bytes, version: int = VERSIONS[-1]) -> bytes:
    """What OpenSSL says as a client that wants to speak one of these."""
    context = client_context(version)
    if names:
        context.set_alpn_protos(list(names))
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(1 << 16)


def parted(record: bytes, size: int) -> bytes:
    """The same message in records of so many bytes, which nobody could notice later."""
    content = record[5:]
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(record[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces)


def read(*pieces: bytes) -> tuple[bytes, ...] | None:
    reader = HelloReader()
    for piece in pieces:
        reader.take(memoryview(piece))
    return reader.offered


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("names", [(), (b"ftp",), (b"h2", b"http/1.1"), (b"x" * 255,)])
def test_the_names_are_those_of_the_client(version: int, names: Sequence[bytes]) -> None:
    assert read(hello(*names, version=version)) == tuple(names)


@pytest.mark.parametrize("size", [1, 3, 4, 100, 400])
def test_it_is_read_in_whatever_pieces_and_records_it_comes(size: int) -> None:
    for data in (hello(b"h2"), parted(hello(b"h2"), size), ALERT * 3 + parted(hello(b"h2"), size)):
        assert read(data[:-1]) is None
        assert read(data) == (b"h2",)
        assert read(*(data[at : at + size] for at in range(0, len(data), size))) == (b"h2",)
        assert read(data, b"whatever follows") == (b"h2",)


def test_only_so_many_names_are_looked_at() -> None:
    names = [b"%d" % number for number in range(2 * MAX_OFFERED)]
    assert read(hello(*names)) == tuple(names[:MAX_OFFERED])


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"\x80\x2e\x01\x03\x01\0\0\0", b"\x16\x03\x01\0\4\2\0\0\0"]
)
def test_what_is_no_hello_is_left_to_others(data: bytes) -> None:
    assert read(data) == ()


@pytest.mark.parametrize("record", [b"\x16\x03\x01\xff\xff" + b"\1\xff\xff\xff", ALERT])
def test_a_hello_without_an_end_is_not_collected(record: bytes) -> None:
    reader = HelloReader()
    for _ in range(4 * MAX_HELLO // len(record)):
        reader.take(record)
    assert reader.too_long
    assert reader.offered is None
    assert not reader._held


@given(st.data())
def test_a_hello_that_is_cut_or_changed_anywhere_raises_nothing(data: st.DataObject) -> None:
    whole = bytearray(HELLO)
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    read(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    read(data.draw(st.binary(max_size=100)))


HELLO = hello(b"h2", b"http/1.1")
