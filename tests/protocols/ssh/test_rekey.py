"""New keys in the middle of work: not a byte is lost, and nobody waits for nobody."""

import pytest

from mft.wire.sftp import packets
from mft.wire.ssh.numbers import Code, Message
from tests.fakes.sftp_client import SftpClient
from tests.fakes.ssh_client import SshClient, disconnects, message

REKEYED = 90011
LIMIT_REACHED = 90007
PIECE = 32_000
DATA = bytes(range(251)) * 20_000  # 5 MB in which no two pieces are alike
PIECES = range(0, len(DATA), PIECE)


@pytest.fixture
def rekeying(serve):
    """A server that changes keys after each MiB, and each minute."""
    return serve(rekey_bytes="1 MiB", rekey_interval="60")


def put_writes(sftp, handle, places):
    return [
        sftp.begin(packets.Write, handle, at, memoryview(DATA[at : at + PIECE])) for at in places
    ]


def put_reads(sftp, handle, places, size=PIECE):
    return [sftp.begin(packets.Read, handle, at, size) for at in places]


def taken_in_full(sftp, asked):
    """Every request was answered once, in order; the data that came."""
    while sftp.client.open and len(sftp.got) < len(asked):
        before = len(sftp.got)
        sftp.take()
        assert len(sftp.got) > before, f"stuck at {before} of {len(asked)} answers"
    assert [answer.id for answer in sftp.got] == asked
    got, sftp.got = sftp.got, []
    return got


@pytest.mark.parametrize("strict", [True, False])
def test_the_server_changes_keys_in_the_middle_of_pipelined_writes(rekeying, strict):
    sftp = SftpClient(SshClient(rekeying, strict=strict).log_in())
    handle = sftp.open_to_write("/a")
    answers = taken_in_full(sftp, put_writes(sftp, handle, PIECES))
    assert all(answer.code == 0 for answer in answers)
    assert sftp.close_handle(handle) == 0
    assert rekeying.get("/a") == DATA
    assert REKEYED in rekeying.numbers()


@pytest.mark.parametrize("strict", [True, False])
def test_the_server_changes_keys_in_the_middle_of_pipelined_reads(rekeying, strict):
    rekeying.put("/a", DATA)
    sftp = SftpClient(SshClient(rekeying, strict=strict).log_in())
    handle = sftp.open_to_read("/a")
    answers = taken_in_full(sftp, put_reads(sftp, handle, PIECES))
    assert b"".join(answer.text for answer in answers) == DATA
    assert rekeying.numbers().count(REKEYED) >= 3


@pytest.mark.parametrize("strict", [True, False])
def test_the_client_changes_keys_in_the_middle_of_pipelined_requests(server, strict):
    client = SshClient(server, strict=strict, cipher="chacha20-poly1305@openssh.com").log_in()
    sftp = SftpClient(client)
    server.put("/b", DATA)
    writing, reading = sftp.open_to_write("/a"), sftp.open_to_read("/b")
    half = len(PIECES) // 2
    asked = put_writes(sftp, writing, PIECES[:half]) + put_reads(sftp, reading, PIECES[:half])
    client.kexinit()
    answers = taken_in_full(sftp, asked)
    later = put_writes(sftp, writing, PIECES[half:]) + put_reads(sftp, reading, PIECES[half:])
    client.kexinit()
    answers += taken_in_full(sftp, later)
    assert b"".join(answer.text for answer in answers if answer.code is None) == DATA
    assert sftp.close_handle(writing) == 0
    assert server.get("/a") == DATA
    assert server.numbers().count(REKEYED) == 2


def test_the_client_changes_keys_with_the_end_of_its_packets_still_to_come(server):
    client = SshClient(server).log_in()
    client.socket.most = 7
    sftp = SftpClient(client)
    handle = sftp.open_to_write("/a")
    asked = put_writes(sftp, handle, PIECES[:2])
    client.kexinit()
    assert all(answer.code == 0 for answer in taken_in_full(sftp, asked))
    assert sftp.close_handle(handle) == 0
    assert server.get("/a") == DATA[: 2 * PIECE]


def test_keys_are_changed_after_their_time(rekeying):
    client = SshClient(rekeying).log_in()
    rekeying.reactor.advance(59)
    client.send(Message.IGNORE, b"")
    assert REKEYED not in rekeying.numbers()
    rekeying.reactor.advance(2)
    client.send(Message.IGNORE, b"")
    assert rekeying.numbers().count(REKEYED) == 1
    client.send(Message.IGNORE, b"")
    assert rekeying.numbers().count(REKEYED) == 1


def test_both_sides_may_begin_at_once(rekeying):
    client = SshClient(rekeying).log_in()
    client.manual = True
    rekeying.reactor.advance(61)
    client.send(Message.IGNORE, b"")
    assert client.kexinits == 2  # the server has begun
    client.manual = False
    client.kexinit()
    client.exchange()
    client.settle()
    assert rekeying.numbers().count(REKEYED) == 1
    assert client.send(Message.PING, b"x") == [message(Message.PONG, b"x")]


def test_more_requests_than_are_taken_at_once_do_not_stop_a_key_exchange(rekeying):
    rekeying.put("/a", DATA)
    sftp = SftpClient(SshClient(rekeying).log_in())
    handle = sftp.open_to_read("/a")
    # More than the queue takes: reading from the client stops, and its KEXINIT is behind them.
    asked = put_reads(sftp, handle, range(0, 4_000_000, 1000), 1000)
    answers = taken_in_full(sftp, asked)
    assert b"".join(answer.text for answer in answers) == DATA[:4_000_000]
    assert rekeying.numbers().count(REKEYED) >= 3


def test_answers_that_pile_up_do_not_stop_a_key_exchange(rekeying):
    for number in range(3000):
        rekeying.put(f"/{number:0200}", b"")
    client = SshClient(rekeying).log_in()
    sftp = SftpClient(client)
    handles = [sftp.ask(packets.OpenDir, b"/").text for _ in range(20)]
    client.manual = True
    rekeying.reactor.advance(61)
    client.send(Message.IGNORE, b"")
    assert client.kexinits == 2
    asked = [sftp.begin(packets.ReadDir, handle) for handle in handles for _ in range(3)]
    sftp.take()
    client.manual = False
    client.kexinit()
    client.exchange()
    taken_in_full(sftp, asked)
    assert rekeying.numbers().count(REKEYED) >= 1


def test_a_peer_that_uses_a_key_exchange_to_pile_up_requests_is_ended(rekeying):
    client = SshClient(rekeying).log_in()
    sftp = SftpClient(client)
    client.manual = True
    rekeying.reactor.advance(61)
    client.send(Message.IGNORE, b"")
    stat = packets.encode_request(packets.Stat(1, b"/"))
    for _ in range(100):
        sftp.put(stat * 2000)
        client.settle()
        if not client.open:
            break
    assert disconnects(client.inbox) == [Code.BY_APPLICATION]
    assert rekeying.data(LIMIT_REACHED)


def test_nothing_but_key_exchange_may_follow_the_clients_kexinit(server):
    for kind in (Message.CHANNEL_OPEN, Message.GLOBAL_REQUEST, Message.USERAUTH_REQUEST):
        client = SshClient(server).log_in()
        client.manual = True
        client.kexinit()
        client.put(message(kind, b"", 0, 0, 0))
        assert disconnects(client.answers()) == [Code.PROTOCOL_ERROR]


def test_a_service_is_not_asked_for_during_a_key_exchange(server):
    client = SshClient(server).log_in()
    client.manual = True
    client.kexinit()
    client.put(message(Message.SERVICE_REQUEST, b"ssh-userauth"))
    assert disconnects(client.answers()) == [Code.PROTOCOL_ERROR]


def test_the_server_says_nothing_else_between_its_kexinit_and_its_new_keys(server):
    client = SshClient(server).log_in()
    sftp = SftpClient(client)
    asked = [sftp.begin(packets.Stat, b"/") for _ in range(10)]
    client.manual = True
    client.kexinit()
    client.answers()
    client.exchange()
    late = client.answers()
    client.manual = False
    client.new_keys()
    sftp.client.inbox = [*late, *client.inbox]
    assert [answer.id for answer in sftp.take()] == asked
    sftp.client.settle()
    assert client.open
