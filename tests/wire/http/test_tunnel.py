"""CONNECT as a client: what is said, what is heard, and not a byte beyond."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.http.tunnel import MAX_HEAD, Tunnel


def talk(tunnel: Tunnel, data: bytes) -> bytes:
    """Feed bytes as far as they are wanted; what is left."""
    while tunnel.wanted and data:
        assert tunnel.hear(data[:1]) == b""
        data = data[1:]
    return data


def test_what_is_said_is_the_host_and_the_port_twice() -> None:
    greeting = Tunnel("sftp.example.com", 22).greeting
    assert greeting == b"CONNECT sftp.example.com:22 HTTP/1.1\r\nHost: sftp.example.com:22\r\n\r\n"
    assert Tunnel("2001:db8::1", 22).greeting.startswith(b"CONNECT [2001:db8::1]:22 ")


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 Connection established\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nProxy-Agent: tinyproxy/1.11.1\r\n\r\n",
        b"HTTP/1.1 204\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nVia: x\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n",
    ],
)
def test_a_way_is_opened(head: bytes) -> None:
    tunnel = Tunnel("a.example", 22)
    assert talk(tunnel, head + b"SSH-2.0-x") == b"SSH-2.0-x"
    assert (tunnel.wanted, tunnel.failure) == (0, "")


@pytest.mark.parametrize("answer", ["403 Filtered", "407 Proxy Authentication Required", "502"])
def test_a_proxy_says_why_there_is_no_way(answer: str) -> None:
    tunnel = Tunnel("a.example", 22)
    talk(tunnel, f"HTTP/1.1 {answer}\r\nContent-Length: 5\r\n\r\nhello".encode())
    assert tunnel.failure == f"the proxy answered {answer}"
    assert tunnel.wanted == 0


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-x\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 999 x\r\n\r\n", b"x" * (MAX_HEAD + 1)],
)
def test_what_is_no_proxy_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        talk(Tunnel("a.example", 22), data)


@pytest.mark.parametrize("host", ["", "a b", "a\r\nX: y", "b\u00fccher.example"])
def test_a_host_that_cannot_be_told_is_refused(host: str) -> None:
    with pytest.raises(ValueError):
        Tunnel(host, 22)


@pytest.mark.fuzz
@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200) | st.binary(max_size=50).map(lambda b: b"HTTP/1.1 " + b))
def test_any_bytes_come_to_an_end(data: bytes) -> None:
    tunnel = Tunnel("a.example", 22)
    try:
        talk(tunnel, data)
    except Malformed:
        return
    assert tunnel.wanted in (0, 1)
