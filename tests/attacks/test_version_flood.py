"""Peers that never get to the point: banners, lines without an end, and bytes of no protocol."""

import tracemalloc

import pytest

from mft.wire.ssh.numbers import Code
from tests.fakes.ssh_client import SshClient, disconnects

MOST = 1 << 20  # bytes that the server may keep of a peer without a version


@pytest.mark.parametrize("line", [b"x" * 255, b"SSH-2.0-" + b"x" * 300, b"\0" * 1000])
def test_a_line_without_an_end_is_not_collected(server, line):
    client = SshClient(server)
    client.say_version(line)
    assert disconnects(client.answers()) == [Code.PROTOCOL_ERROR]
    assert server.numbers().count(30015) == 1


def test_lines_before_the_version_are_not_waited_through(server):
    client = SshClient(server)
    client.say_version(b"hello\r\n" * 1000 + b"SSH-2.0-x\r\n")
    assert disconnects(client.answers()) == [Code.PROTOCOL_ERROR]


def test_a_version_byte_by_byte_is_the_same_as_at_once(server):
    client = SshClient(server)
    for _ in range(254):
        client.say_version(b"x")
        client.settle()
        assert client.open
    client.say_version(b"x")
    assert disconnects(client.answers()) == [Code.PROTOCOL_ERROR]


def test_peers_without_a_version_cost_little(serve):
    server = serve(maximum_unauthenticated_connections_per_source="1000")
    SshClient(server).hang_up()
    tracemalloc.start()
    try:
        clients = [SshClient(server) for _ in range(200)]
        for client in clients:
            client.say_version(b"SSH-2.0-")
        server.reactor.settle()
        kept = tracemalloc.get_traced_memory()[0]
        peers = sum(len(client.socket.to_client) for client in clients)
    finally:
        tracemalloc.stop()
    assert (kept - peers) / len(clients) < MOST / 16
