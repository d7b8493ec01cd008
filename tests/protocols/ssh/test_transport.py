"""The transport: what a peer may say before, during and after a key exchange."""

import pytest

from mft.wire.sftp import packets
from mft.wire.ssh import names, record
from mft.wire.ssh.numbers import Code, Message
from tests.fakes.sftp_client import SftpClient
from tests.fakes.ssh_client import SshClient, disconnects, message, pack

CIPHERS = [
    ("aes128-gcm@openssh.com", ""),
    ("chacha20-poly1305@openssh.com", ""),
    ("aes256-ctr", "hmac-sha2-256-etm@openssh.com"),
    ("aes128-ctr", "hmac-sha2-512"),
    ("aes128-cbc", "hmac-sha2-256"),
]


def ended(client, code=Code.PROTOCOL_ERROR):
    """The connection must be over, after one DISCONNECT with this code and one closing event."""
    assert disconnects(client.answers()) == [code]
    assert not client.open
    assert client.server.numbers().count(30015) == 1
    assert client.server.numbers().count(30050) == 1


# The version line (RFC 4253 4.2).


@pytest.mark.parametrize("line", [b"SSH-2.0-x\r\n", b"SSH-2.0-x\n", b"SSH-1.99-old client\r\n"])
def test_a_version_line_is_followed_by_packets(server, line):
    client = SshClient(server)
    client.say_version(line)
    client.put(message(Message.DISCONNECT, 11, "bye", ""))
    client.settle()
    assert not client.open
    assert server.data(30082)[0]["details"] == "bye"


def test_a_version_line_may_come_byte_by_byte(server):
    client = SshClient(server)
    client.socket.most = 1
    client.greet()
    assert client.open
    assert client.session_id


def test_a_version_line_of_255_bytes_is_the_longest(server):
    client = SshClient(server)
    client.say_version(b"SSH-2.0-" + b"x" * 245 + b"\r\n")
    client.settle()
    assert client.open


@pytest.mark.parametrize(
    "line",
    [
        b"SSH-2.0-" + b"x" * 247 + b"\r\n",
        b"x" * 256,
        b"SSH-1.5-old\r\n",
        b"GET / HTTP/1.1\r\n",
        b"\r\n",
        b"SSH-2.0-\xff\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\n",
    ],
)
def test_anything_else_before_the_packets_ends_the_connection(server, line):
    client = SshClient(server)
    client.say_version(line)
    ended(client)


def test_garbage_behind_the_version_is_a_packet_of_impossible_length(server):
    client = SshClient(server)
    client.say_version(b"SSH-2.0-x\r\n" + b"GET / HTTP/1.0\r\n\r\n")
    ended(client)


# Packets (RFC 4253 6).


@pytest.mark.parametrize("length", [0, 1, 5, 35001, 1 << 31, 0xFFFFFFFF])
def test_a_length_that_no_packet_has_ends_the_connection_before_it_is_waited_for(server, length):
    client = SshClient(server)
    client.say_version()
    client.raw(length.to_bytes(4, "big") + bytes(4))
    ended(client)


def test_before_the_login_a_packet_has_35000_bytes_at_most(server):
    client = SshClient(server).service()
    client.raw((35001).to_bytes(4, "big"))
    ended(client)


def test_after_the_login_a_packet_carries_256_kib(server):
    client = SshClient(server).log_in()
    client.send(Message.IGNORE, bytes(256 << 10))
    assert client.open
    client.raw((record.MAX_AFTER_LOGIN + 1).to_bytes(4, "big"))
    ended(client)


@pytest.mark.parametrize("padding", [0, 3, 27, 28, 255])
def test_padding_has_four_bytes_at_least_and_leaves_a_payload(server, padding):
    client = SshClient(server)
    client.say_version()
    client.raw((28).to_bytes(4, "big") + bytes((padding,)) + bytes((Message.KEXINIT,)) * 27)
    ended(client)


@pytest.mark.parametrize(("cipher", "mac"), CIPHERS)
def test_every_kind_of_packet_carries_a_session(serve, cipher, mac):
    server = serve(ssh_cipher_list="all, hmac-sha2-512")
    client = SshClient(server, cipher=cipher, mac=mac).log_in()
    data = bytes(range(256)) * 300
    sftp = SftpClient(client)
    handle = sftp.open_to_write("/a")
    assert sftp.ask(packets.Write, handle, 0, memoryview(data)).code == 0
    assert sftp.close_handle(handle) == 0
    assert server.get("/a") == data
    assert sftp.ask(packets.Read, sftp.open_to_read("/a"), 0, 80_000).text == data


@pytest.mark.parametrize(("cipher", "mac"), CIPHERS)
@pytest.mark.parametrize("place", [4, 20, -1])
def test_a_changed_bit_ends_the_connection(serve, cipher, mac, place):
    server = serve(ssh_cipher_list="all, hmac-sha2-512")
    client = SshClient(server, cipher=cipher, mac=mac).log_in()
    packet = record.pack(message(Message.IGNORE, bytes(64)), client.sealer, client.sent)
    packet[place] ^= 1
    client.raw(bytes(packet))
    # In block chaining the length itself may have changed: that is told as a wrong length.
    codes = disconnects(client.answers())
    assert codes in ([Code.MAC_ERROR], [Code.PROTOCOL_ERROR])
    if place == -1:
        assert codes == [Code.MAC_ERROR]
    assert server.numbers().count(30015) == 1


def test_a_packet_that_comes_twice_is_refused(server):
    client = SshClient(server).log_in()
    packet = bytes(record.pack(message(Message.IGNORE, b"once"), client.sealer, client.sent))
    client.raw(packet + packet)
    ended(client, Code.MAC_ERROR)


# Key exchange (RFC 4253 7, and strict key exchange: PROTOCOL of OpenSSH, 1.10).


@pytest.mark.parametrize("strict", [True, False])
def test_sequence_numbers_begin_again_with_new_keys_where_that_was_agreed(serve, strict):
    server = serve(ssh_cipher_list="secure, curve25519-sha256")
    client = SshClient(server, strict=strict, cipher="chacha20-poly1305@openssh.com").log_in()
    # ChaCha20 has the sequence number for its nonce: a session proves that both count alike.
    client.kexinit()
    client.settle()
    assert client.send(Message.PING, b"x") == [message(Message.PONG, b"x")]
    assert client.sent < 3 if strict else client.sent > 5


@pytest.mark.parametrize("kind", [Message.IGNORE, Message.DEBUG, Message.UNIMPLEMENTED])
def test_a_message_before_kexinit_is_refused(server, kind):
    for strict in (True, False):
        client = SshClient(server, strict=strict)
        client.say_version()
        client.put(message(kind, b""))
        client.kexinit()
        assert disconnects(client.answers()) == [Code.PROTOCOL_ERROR]


@pytest.mark.parametrize("kind", [Message.IGNORE, Message.DEBUG, Message.UNIMPLEMENTED])
def test_a_stray_message_inside_a_strict_key_exchange_is_refused(server, kind):
    client = SshClient(server)
    client.say_version()
    client.kexinit()
    client.put(message(kind, 0, b"", b""))
    ended(client)


def test_a_client_that_is_not_strict_may_send_ignore_inside_its_key_exchange(server):
    client = SshClient(server, strict=False)
    client.say_version()
    client.kexinit()
    client.put(message(Message.IGNORE, b"noise"))
    client.exchange()
    client.settle()
    assert client.session_id
    assert client.send(Message.SERVICE_REQUEST, "ssh-userauth")[-1][0] == Message.SERVICE_ACCEPT


def test_a_wrongly_guessed_packet_is_passed_over(server):
    client = SshClient(server)
    client.offer[0].insert(0, "diffie-hellman-group14-sha1")
    client.guess = True
    client.say_version()
    client.kexinit()
    client.put(message(30, b"for another algorithm"))
    client.exchange()
    client.settle()
    assert client.session_id


def test_a_second_kexinit_is_refused(server):
    client = SshClient(server)
    client.say_version()
    client.kexinit()
    client.kexinit()
    ended(client)


def test_new_keys_before_there_are_any_are_refused(server):
    for before in (False, True):
        client = SshClient(server)
        client.say_version()
        if before:
            client.kexinit()
        client.put(message(Message.NEWKEYS))
        assert disconnects(client.answers()) == [Code.PROTOCOL_ERROR]


@pytest.mark.parametrize("kind", [31, 32, 33, 34, 35, 49])
def test_a_message_of_another_key_exchange_is_refused(server, kind):
    client = SshClient(server)
    client.say_version()
    client.kexinit()
    client.put(message(kind, b""))
    ended(client)


def test_a_second_half_of_the_key_is_refused(server):
    client = SshClient(server)
    client.manual = True
    client.say_version()
    client.kexinit()
    client.exchange()
    client.exchange()
    ended(client)


@pytest.mark.parametrize("point", [b"", bytes(31), bytes(32), b"\1" + bytes(31), bytes(33)])
def test_a_point_that_is_none_or_gives_no_secret_is_refused(server, point):
    client = SshClient(server)
    client.say_version()
    client.kexinit()
    client.put(message(30, point))
    ended(client)


@pytest.mark.parametrize(
    ("which", "kind"), [(0, "key exchange"), (1, "host key"), (2, "cipher"), (3, "MAC")]
)
def test_nothing_in_common_is_told_with_both_lists(serve, which, kind):
    server = serve(ssh_cipher_list="all")
    client = SshClient(server, cipher="aes128-ctr", mac="hmac-sha2-256")
    client.offer[which] = ["unheard-of@example.com", "none"]
    client.say_version()
    client.kexinit()
    ended(client, Code.KEY_EXCHANGE_FAILED)
    (told,) = server.data(30013)
    assert told["type"] == kind
    assert told["client_algorithms"].startswith("unheard-of@example.com,none")
    assert set(told["server_algorithms"].split(",")) <= set(sum(names.ALL, ()))


def test_a_kexinit_that_is_cut_short_is_refused_wherever_the_cut_is(server):
    whole = message(Message.KEXINIT) + bytes(16) + pack(*[["curve25519-sha256"]] * 10, False, 0)
    for end in range(1, len(whole), 3):
        client = SshClient(server)
        client.say_version()
        client.put(whole[:end])
        assert disconnects(client.answers()), end


# Group exchange (RFC 4419).


@pytest.mark.parametrize(
    "sizes", [(1, 2, 3), (8193, 9000, 9999), (4096, 3072, 2048), (0xFFFFFFFF, 0, 0)]
)
def test_a_group_of_a_size_that_there_is_not_is_refused(serve, sizes):
    server = serve(ssh_cipher_list="all")
    client = SshClient(server)
    client.offer[0] = ["diffie-hellman-group-exchange-sha256"]
    client.say_version()
    client.kexinit()
    client.put(message(34, *sizes))
    ended(client)


def test_a_group_is_asked_for_before_it_is_used(serve):
    server = serve(ssh_cipher_list="all")
    client = SshClient(server)
    client.offer[0] = ["diffie-hellman-group-exchange-sha256"]
    client.say_version()
    client.kexinit()
    client.put(message(32, b"\2"))
    ended(client)


# What else the transport says.


def test_the_signature_algorithms_are_told_directly_behind_the_first_new_keys(server):
    client = SshClient(server)
    client.say_version()
    client.kexinit()
    client.exchange()
    (told,) = client.answers()
    assert told[0] == Message.EXT_INFO
    assert b"server-sig-algs" in told
    assert b"ssh-rsa" not in told


def test_a_client_that_does_not_ask_for_extensions_is_told_none(server):
    client = SshClient(server)
    client.extensions = False
    client.say_version()
    client.kexinit()
    client.exchange()
    assert client.answers() == []


def test_an_unknown_message_is_answered_with_its_sequence_number(server):
    client = SshClient(server).log_in()
    number = client.sent
    assert client.send(200, b"what is this") == [message(Message.UNIMPLEMENTED, number)]
    assert client.open
    assert server.data(30005)


def test_a_disconnect_of_the_client_is_told_with_its_words(server):
    client = SshClient(server).log_in()
    client.put(message(Message.DISCONNECT, 11, "done\n", ""))
    client.settle()
    assert not client.open
    assert server.data(30082) == [{"code": 11, "details": "done\n"}]
    assert server.numbers()[-1] == 30015
    assert 30050 not in server.numbers()
