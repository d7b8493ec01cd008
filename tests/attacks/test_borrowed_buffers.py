"""Bytes of one peer never end up in the file of another, although they share their buffers."""

import pytest

from mft.wire.sftp import packets
from mft.wire.ssh.numbers import Message
from tests.fakes.sftp_client import SftpClient
from tests.fakes.ssh_client import SshClient, message

SECRET = b"what the other peer sends "
BOTH = packets.FOR_READING | packets.FOR_WRITING | packets.CREATE


def _left_behind(server) -> bytes:
    """What the account finds of its interrupted upload."""
    sftp = SftpClient(SshClient(server).log_in())
    handle = sftp.open("/a", BOTH)
    answer = sftp.ask(packets.Read, handle, 0, 1000)
    return answer.text if answer.kind == packets.DATA else b""


@pytest.mark.parametrize("last", [message(Message.CHANNEL_DATA, 99, b"x"), message(255), b""])
@pytest.mark.parametrize("reads", [True, False])
def test_a_write_before_a_violation_holds_what_its_own_peer_sent(server, last, reads):
    attacker = SftpClient(SshClient(server).log_in())
    victim = SshClient(server, host="192.0.2.8").log_in()
    handle = attacker.open_to_write("/a")
    write = packets.encode_request(packets.Write(9, handle, 0, memoryview(b"A" * 600)))
    # In one turn: a write that is borrowed from the buffer, and something that ends it all.
    attacker.put(write)
    attacker.client.put(last or bytes((Message.CHANNEL_DATA,)))
    attacker.client.socket.room = None if reads else 0
    server.reactor.settle()
    victim.send(Message.IGNORE, SECRET * 40)
    attacker.client.hang_up()
    assert _left_behind(server) in (b"", b"A" * 600)


def test_a_write_whose_end_never_comes_holds_what_its_own_peer_sent(server):
    attacker = SftpClient(SshClient(server).log_in())
    victim = SshClient(server, host="192.0.2.8").log_in()
    handle = attacker.open_to_write("/a")
    write = packets.encode_request(packets.Write(9, handle, 0, memoryview(b"A" * 600)))
    attacker.put(write[:-100])
    server.reactor.settle()
    victim.send(Message.IGNORE, SECRET * 40)
    attacker.client.hang_up()
    assert _left_behind(server) == b"A" * 500


def test_padding_holds_nothing_of_a_reply_to_somebody_else(server):
    server.put("/a", SECRET * 2000)
    victim = SftpClient(SshClient(server).log_in())
    assert victim.ask(packets.Read, victim.open_to_read("/a"), 0, 32000).text
    server.put("/b", b"short")
    client = SshClient(server, host="192.0.2.8").log_in()
    other = SftpClient(client)
    handle = other.open_to_read("/b")
    seen: list[bytes] = []
    opened = client.opener.open

    class Spy:
        first, tail = client.opener.first, client.opener.tail
        length = staticmethod(client.opener.length)

        @staticmethod
        def open(packet: memoryview, sequence: int) -> None:
            opened(packet, sequence)
            seen.append(bytes(packet[5 : len(packet) - Spy.tail]))

    client.opener = Spy
    assert other.ask(packets.Read, handle, 0, 100).text == b"short"
    assert seen
    assert not any(SECRET[:4] in one for one in seen)
