"""SOCKS 5 as a client: what is said, what is heard, and not a byte beyond."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.socks5 import REPLIES, Socks5


def talk(handshake: Socks5, data: bytes) -> tuple[bytes, bytes]:
    """Feed bytes as far as they are wanted; what was said, and what is left."""
    said = handshake.greeting
    while handshake.wanted and len(data) >= handshake.wanted:
        wanted = handshake.wanted
        said += handshake.hear(data[:wanted])
        data = data[wanted:]
    return said, data


VECTORS = [
    ("sftp.example.com", 22, b"\x03\x10sftp.example.com\x00\x16"),
    ("192.0.2.7", 2222, b"\x01\xc0\x00\x02\x07\x08\xae"),
    ("2001:db8::1", 443, b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01\x01\xbb"),
]
BOUND = [b"\x01" + bytes(6), b"\x04" + bytes(18), b"\x03\x05proxy\x00\x01", b"\x03\x00\x00\x01"]


@pytest.mark.parametrize(("host", "port", "address"), VECTORS)
@pytest.mark.parametrize("bound", BOUND)
def test_a_way_is_opened(host: str, port: int, address: bytes, bound: bytes) -> None:
    handshake = Socks5(host, port)
    said, rest = talk(handshake, b"\x05\x00\x05\x00\x00" + bound + b"SSH-2.0-x")
    assert said == b"\x05\x01\x00\x05\x01\x00" + address
    assert rest == b"SSH-2.0-x"
    assert (handshake.wanted, handshake.failure) == (0, "")


@pytest.mark.parametrize("code", [*REPLIES, 77])
def test_a_proxy_says_why_there_is_no_way(code: int) -> None:
    handshake = Socks5("a.example", 22)
    talk(handshake, b"\x05\x00\x05" + bytes((code,)) + b"\x00\x01" + bytes(6))
    assert handshake.failure == REPLIES.get(code, "the proxy failed with code 77")
    assert handshake.wanted == 0


def test_a_proxy_that_wants_a_login_is_a_failure() -> None:
    handshake = Socks5("a.example", 22)
    talk(handshake, b"\x05\xff")
    assert handshake.failure == "the proxy wants a login"


@pytest.mark.parametrize(
    "data", [b"\x04\x00", b"HT", b"\x05\x00\x04\x00\x00\x01\x00", b"\x05\x00\x05\x00\x00\x02\x00"]
)
def test_what_is_no_proxy_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        talk(Socks5("a.example", 22), data)


@pytest.mark.parametrize("host", ["", "x" * 256, "b\u00fccher.example"])
def test_a_host_that_cannot_be_told_is_refused(host: str) -> None:
    with pytest.raises(ValueError):
        Socks5(host, 22)


@pytest.mark.fuzz
@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes_come_to_an_end(data: bytes) -> None:
    handshake = Socks5("a.example", 22)
    try:
        talk(handshake, data)
    except Malformed:
        return
    assert 0 <= handshake.wanted <= 257
