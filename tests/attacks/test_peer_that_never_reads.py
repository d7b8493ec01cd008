"""Peers that ask and never take the answer: what the server keeps for them is bounded."""

import gc
import tracemalloc

import pytest

from mft.runtime.connection import LAST_WORDS
from mft.wire.sftp import packets
from mft.wire.ssh.numbers import Code, Message
from tests.fakes.sftp_client import SftpClient
from tests.fakes.ssh_client import SshClient, disconnects, message

MOST = 24 << 20  # bytes for one connection with ten channels: its queues, answers and one batch
DATA = bytes(1 << 20)


def kept_by(server, attack) -> int:
    """How much the server's memory grows by an attack; what the test's own sockets hold is none."""
    gc.collect()
    tracemalloc.start()
    try:
        sockets = attack()
        server.reactor.settle()
        server.told.clear()  # the test's own, too
        own = sum(len(one.to_server) + len(one.to_client) for one in sockets)
        return tracemalloc.get_traced_memory()[0] - own
    finally:
        tracemalloc.stop()


def requests(handle: bytes) -> dict[str, bytes]:
    return {
        "reads": packets.encode_request(packets.Read(1, handle, 0, 255 << 10)),
        "attributes": packets.encode_request(packets.Stat(1, b"/")),
        "paths": packets.encode_request(packets.RealPath(1, b"/" + b"p" * 4000)),
        "lists": packets.encode_request(packets.ReadDir(1, handle)),
        "nonsense": packets.encode_request(packets.Unsupported(1, 200, b"x" * 10_000)),
    }


@pytest.mark.parametrize("what", ["reads", "attributes", "paths", "lists", "nonsense"])
@pytest.mark.parametrize("window", [0, 1 << 31])
def test_ten_channels_of_requests_without_a_reader_are_bounded(server, what, window):
    server.put("/a", DATA)
    client = SshClient(server).log_in()
    channels = [SftpClient(client, theirs=number) for number in range(10)]
    handles = [sftp.open_to_read("/a") for sftp in channels]
    for peer in server.service.hub.presence.peers:
        for channel in peer.channels:
            channel.window_out = window
    client.socket.room = 0

    def attack():
        for _ in range(14):  # 28 MB
            for sftp, handle in zip(channels, handles, strict=True):
                one = requests(handle)[what]
                piece = one * (200_000 // len(one))
                client.put(message(Message.CHANNEL_DATA, sftp.channel, piece))
            server.reactor.settle()
        return [client.socket]

    assert kept_by(server, attack) < MOST
    client.hang_up()
    assert not server.service.hub.presence.peers
    assert server.numbers().count(30015) == 1


def sealed(client: SshClient, payload: bytes) -> bytes:
    """One message many times, as the client sends it."""
    for _ in range(max(1, min(2000, 500_000 // len(payload)))):
        client.put(payload)
    data = bytes(client.socket.to_server)
    client.socket.to_server.clear()
    return data


@pytest.mark.parametrize(
    "payload",
    [
        message(Message.GLOBAL_REQUEST, "keepalive@openssh.com", True),
        message(Message.CHANNEL_OPEN, "direct-tcpip", 0, 1 << 20, 32768),
        message(Message.PING, bytes(200_000)),
    ],
    ids=["global requests", "refused channels", "pings"],
)
def test_small_answers_that_nobody_takes_are_bounded(server, payload):
    client = SshClient(server).log_in()
    client.socket.room = 0
    rounds = [sealed(client, payload) for _ in range(15)]

    def attack():
        for data in rounds:
            client.raw(data)
            server.reactor.settle()
            if client.socket.to_server:
                break  # from here on nothing more is read
        return [client.socket]

    assert kept_by(server, attack) < MOST


def test_a_peer_that_reads_again_is_read_again(server):
    client = SshClient(server).log_in()
    client.socket.room = 0
    for number in range(10):
        client.put(message(Message.PING, bytes((number,)) * 200_000))
        server.reactor.settle()
    assert client.socket.to_server  # it is not read any more
    client.socket.room = None
    pongs = client.answers()
    assert pongs == [message(Message.PONG, bytes((number,)) * 200_000) for number in range(10)]
    assert not client.socket.to_server


@pytest.mark.parametrize("way", ["greet", "service", "log_in"])
def test_messages_that_nobody_knows_are_answered_a_hundred_times(server, way):
    client = getattr(SshClient(server), way)()
    kind = 8 if way == "greet" else 62 if way == "service" else 200
    for _ in range(100):
        (answer,) = client.send(kind)
        assert answer[0] == Message.UNIMPLEMENTED
    assert disconnects(client.send(kind)) == [Code.PROTOCOL_ERROR]
    assert server.numbers().count(30005) == 100


def test_a_peer_that_never_reads_is_gone_after_its_time(server):
    server.put("/a", DATA)
    sftp = SftpClient(SshClient(server).log_in())
    handle = sftp.open_to_read("/a")
    sftp.client.socket.room = 0
    sftp.begin(packets.Read, handle, 0, 255 << 10)
    server.reactor.settle()
    for _ in range(2):  # what it took before counts as traffic, once
        server.reactor.advance(301)
        server.reactor.settle()
    server.reactor.advance(LAST_WORDS + 0.1)
    server.reactor.settle()
    assert not sftp.client.open
    assert server.numbers().count(30015) == 1
    assert not server.reactor.getDelayedCalls()
