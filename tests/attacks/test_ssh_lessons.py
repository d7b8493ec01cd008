"""How other SSH servers were broken, tried on this one. Each test names the case."""

import struct

import pytest

from mft.trust.ssh_keys import HostKey
from mft.wire.sftp import packets
from mft.wire.sftp.status import Status
from mft.wire.ssh.numbers import Code, Message
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.sftp_client import SftpClient
from tests.fakes.ssh_client import SshClient, disconnects, message, pack

LOGGED_IN = 20137


def test_a_key_is_bytes_and_never_the_name_of_a_file(serve, tmp_path):
    """CVE-2024-5806: the field of the key was opened as a path, and a log was a valid key."""
    key = HostKey.generate("ed25519")
    server = serve(account("ann", ssh_authorized_keys_content=key.public.line()))
    file = tmp_path / "planted.pub"
    file.write_text(key.public.line())
    client = SshClient(server).service()
    for blob in (str(file).encode(), b"file://" + str(file).encode(), key.public.line().encode()):
        for signed in (False, True):
            fields = ["ann", "ssh-connection", "publickey", signed, "ssh-ed25519", blob]
            rest = [key.sign(blob, "ssh-ed25519")] * signed
            answers = client.send(Message.USERAUTH_REQUEST, *fields, *rest)
            assert {one[0] for one in answers} <= {Message.USERAUTH_FAILURE, Message.DISCONNECT}
    assert LOGGED_IN not in server.numbers()


def test_what_was_proved_is_nothing_for_another_name(serve):
    """CVE-2026-46705: the state of authentication was kept when the user name changed."""
    key = HostKey.generate("ed25519")
    both = {"password": CHEAP_HASH, "required_credentials": "password, ssh-key"}
    line = key.public.line()
    server = serve(
        account("mallory", ssh_authorized_keys_content=line, **both),
        account("ann", ssh_authorized_keys_content=HostKey.generate().public.line(), **both),
    )
    client = SshClient(server).service()
    assert client.key(key, "mallory")[0][-1] == 1  # half of it
    assert client.password(name="ann")[0][0] == Message.USERAUTH_FAILURE
    assert client.key(key, "mallory")[0][0] == Message.USERAUTH_FAILURE
    assert LOGGED_IN not in server.numbers()


@pytest.mark.parametrize("name", ["", "ann"])
@pytest.mark.parametrize("word", ["", "\0"])
def test_nothing_is_no_password(serve, name, word):
    """CVE-2026-40884: an empty name or an empty password was accepted."""
    server = serve(account("ann"), account("bob", password=CHEAP_HASH))
    client = SshClient(server).service()
    assert client.password(word, name)[0][0] == Message.USERAUTH_FAILURE
    assert LOGGED_IN not in server.numbers()


@pytest.mark.parametrize(
    "kind",
    [Message.USERAUTH_SUCCESS, Message.USERAUTH_FAILURE, Message.USERAUTH_PK_OK, 6, 99],
)
def test_what_only_a_server_says_does_nothing_from_a_client(server, kind):
    """CVE-2018-10933: a client said USERAUTH_SUCCESS, and was in."""
    client = SshClient(server).service()
    client.send(kind, "ssh-userauth")
    answers = client.send(Message.CHANNEL_OPEN, "session", 0, 1 << 20, 32768) if client.open else []
    assert Message.CHANNEL_OPEN_CONFIRMATION not in [one[0] for one in answers]
    assert LOGGED_IN not in server.numbers()


@pytest.mark.parametrize("at", ["before", "inside"])
def test_a_session_is_not_swapped_during_the_handshake(server, at):
    """CVE-2023-46445/46446: messages of authentication were taken before the keys were in use."""
    client = SshClient(server, strict=False)
    client.say_version()
    client.kexinit()
    if at == "inside":
        client.manual = True
        client.exchange()
    client.put(message(Message.SERVICE_REQUEST, "ssh-userauth"))
    client.put(
        message(Message.USERAUTH_REQUEST, "ann", "ssh-connection", "password", False, "right")
    )
    assert disconnects(client.answers()) == [Code.PROTOCOL_ERROR]
    assert LOGGED_IN not in server.numbers()


@pytest.mark.parametrize("packet", [0, 1, 8])
@pytest.mark.parametrize("window", [0, 1, 1 << 31])
def test_a_channel_whose_packets_hold_nothing_is_no_endless_loop(server, packet, window):
    """ProFTPD #2146 and asyncssh: a maximum packet of zero kept the server busy for ever."""
    client = SshClient(server).log_in()
    client.send(Message.CHANNEL_OPEN, "session", 0, window, packet)  # `settle` would not return
    assert not client.open


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 1 << 20])
@pytest.mark.parametrize(
    "name", [b"posix-rename@openssh.com", b"check-file-name", b"copy-data", b"unheard-of"]
)
def test_lengths_inside_an_extended_request_are_not_believed(server, name, length):
    """ProFTPD and libssh: lengths of extended requests were allocated, or read beyond."""
    sftp = SftpClient(SshClient(server).log_in())
    body = bytes((packets.EXTENDED,)) + pack(5, name) + struct.pack(">I", length) + b"short"
    sftp.put(len(body).to_bytes(4, "big") + body)
    (answer,) = sftp.take()
    assert answer.id == 5
    assert answer.code in (Status.BAD_MESSAGE, Status.OP_UNSUPPORTED)
    sftp.put(struct.pack(">IBII", 9, packets.EXTENDED, 6, length))
    assert sftp.take()[-1].id == 6


@pytest.mark.parametrize("count", [65, 1 << 16, 0xFFFFFFFF])
def test_counts_inside_attributes_are_not_believed(server, count):
    """Attributes may announce pairs that would take years to read."""
    sftp = SftpClient(SshClient(server).log_in())
    body = bytes((packets.SETSTAT,)) + pack(5, b"/a") + pack(0x80000000, count)
    sftp.put(len(body).to_bytes(4, "big") + body)
    (answer,) = sftp.take()
    assert (answer.id, answer.code) == (5, Status.BAD_MESSAGE)


def test_names_in_key_exchange_have_no_price(server):
    """Lists of a hundred thousand names, and one of each byte, cost no more than their packet."""
    for names in (["x"] * 17_000, ["x" * 34_000]):
        client = SshClient(server)
        client.offer = [names] * 4
        client.extensions = False
        client.say_version()
        client.kexinit()
        assert disconnects(client.answers())
        assert not client.open
    assert all(len(told["client_algorithms"]) <= 1000 for told in server.data(30013))
