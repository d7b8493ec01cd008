"""Terrapin (CVE-2023-48795): somebody on the way inserts and drops packets around the handshake."""

import pytest

from mft.wire.ssh import names, record
from mft.wire.ssh.numbers import Code, Message
from tests.fakes.ssh_client import SshClient, disconnects, message

CHACHA = "chacha20-poly1305@openssh.com"
ETM = ("aes128-ctr", "hmac-sha2-256-etm@openssh.com")
SUITES = [(CHACHA, ""), ETM]


def inserted(kind: int) -> bytes:
    """A clear packet, as anybody on the way can make it."""
    return bytes(record.pack(message(kind, b"x"), record.Clear(), 0))


@pytest.mark.parametrize(("cipher", "mac"), SUITES)
@pytest.mark.parametrize("kind", [Message.IGNORE, Message.DEBUG, Message.UNIMPLEMENTED])
@pytest.mark.parametrize("where", ["before KEXINIT", "after KEXINIT", "after the key"])
def test_a_packet_inserted_for_the_server_ends_the_connection(server, cipher, mac, kind, where):
    client = SshClient(server, cipher=cipher, mac=mac)
    client.manual = True
    client.say_version()
    if where == "before KEXINIT":
        client.raw(inserted(kind))
    client.kexinit()
    if where == "after KEXINIT":
        client.raw(inserted(kind))
    client.exchange()
    if where == "after the key":
        client.raw(inserted(kind))
    answers = client.answers()
    assert disconnects(answers) == [Code.PROTOCOL_ERROR]
    assert server.numbers().count(30015) == 1


@pytest.mark.parametrize(("cipher", "mac"), SUITES)
def test_the_first_packet_under_the_new_keys_cannot_be_dropped(server, cipher, mac):
    client = SshClient(server, cipher=cipher, mac=mac).greet()
    before = len(client.socket.to_server)
    client.put(message(Message.IGNORE, b"what the attacker drops"))
    del client.socket.to_server[before:]
    answers = client.send(Message.SERVICE_REQUEST, "ssh-userauth")
    # ChaCha20 hides the length as well: with the wrong number it is one that no packet has.
    assert disconnects(answers) in ([Code.MAC_ERROR], [Code.PROTOCOL_ERROR])


def test_what_is_inserted_for_the_client_cannot_make_up_for_what_is_dropped(server):
    client = SshClient(server, cipher=CHACHA)
    client.say_version()
    client.kexinit()
    server.reactor.settle()
    client.received += 1  # the attacker inserts a packet: a strict client starts again at 0
    client.exchange()
    (told,) = client.answers()
    assert told[0] == Message.EXT_INFO


def test_strictness_is_offered_in_the_first_key_exchange(server):
    client = SshClient(server)
    client.settle()
    assert names.STRICT_SERVER.encode() in client._theirs


def test_strictness_cannot_be_asked_for_later(server):
    client = SshClient(server, strict=False, cipher=CHACHA).log_in()
    client.offer[0].append(names.STRICT_CLIENT)
    client.kexinit()
    client.settle()
    assert client.send(Message.PING, b"x") == [message(Message.PONG, b"x")]
    assert client.sent > 3  # both sides count on


def test_strictness_is_not_lost_later(server):
    client = SshClient(server, cipher=CHACHA).log_in()
    client.offer[0].remove(names.STRICT_CLIENT)
    client.kexinit()
    client.settle()
    assert client.send(Message.PING, b"x") == [message(Message.PONG, b"x")]
    assert client.sent == 1
