"""Channels: windows that are kept, requests that are refused, and every way to end."""

import itertools

import pytest

from mft.protocols.ssh.channels import ADJUST_AFTER, LARGEST_WINDOW, MAX_PACKET, WINDOW
from mft.runtime.ssh_batches import BATCH, KEPT
from mft.trust.ssh_keys import PublicKey
from mft.wire.buffer import Reader
from mft.wire.sftp import packets
from mft.wire.ssh.numbers import Code, Message, OpenFailure
from tests.fakes.sftp_client import SftpClient
from tests.fakes.ssh_client import SshClient, disconnects, message, pack

REJECTED, DECLINED, LIMIT, CLOSED, SFTP_CLOSED = 30008, 30004, 90007, 30015, 30012
SUCCESS, FAILURE = Message.CHANNEL_SUCCESS, Message.CHANNEL_FAILURE
DATA = bytes(range(251)) * 1200  # 301 KB


@pytest.fixture
def client(server):
    return SshClient(server).log_in()


def opened(client, theirs=5, window=1 << 20, packet=32768) -> int:
    """A channel by our number; the server's number of it."""
    (answer,) = client.send(Message.CHANNEL_OPEN, "session", theirs, window, packet)
    assert answer[0] == Message.CHANNEL_OPEN_CONFIRMATION
    reader = Reader(answer[1:])
    assert reader.u32() == theirs
    return reader.u32()


def kinds(answers) -> list[int]:
    return [one[0] for one in answers]


# Opening.


@pytest.mark.parametrize(
    "kind",
    [
        "direct-tcpip",
        "forwarded-tcpip",
        "x11",
        "auth-agent@openssh.com",
        "direct-streamlocal@openssh.com",
        "tun@openssh.com",
        "",
        b"\xff" * 200,
    ],
)
def test_only_sessions_are_opened(client, server, kind):
    (answer,) = client.send(Message.CHANNEL_OPEN, kind, 3, 1 << 20, 32768, "host", 80, "me", 1)
    assert answer[0] == Message.CHANNEL_OPEN_FAILURE
    reader = Reader(answer[1:])
    assert reader.u32() == 3
    assert reader.u32() in (
        OpenFailure.ADMINISTRATIVELY_PROHIBITED,
        OpenFailure.UNKNOWN_CHANNEL_TYPE,
    )
    assert len(server.data(REJECTED)) == 1
    assert client.open


@pytest.mark.parametrize("size", [0, 1, 1023])
def test_packets_too_small_to_carry_anything_are_refused(client, size):
    answers = client.send(Message.CHANNEL_OPEN, "session", 0, 1 << 20, size)
    assert disconnects(answers) == [Code.PROTOCOL_ERROR]


def test_channels_have_a_limit(client, server):
    for number in range(10):
        opened(client, number)
    (answer,) = client.send(Message.CHANNEL_OPEN, "session", 10, 1 << 20, 32768)
    assert answer[0] == Message.CHANNEL_OPEN_FAILURE
    assert Reader(answer[5:]).u32() == OpenFailure.RESOURCE_SHORTAGE
    assert server.data(LIMIT) == [{"name": "maximum_channels", "value": 10}]
    client.send(Message.CHANNEL_CLOSE, 0)
    assert opened(client, 11) == 10


def test_a_number_of_a_closed_channel_is_not_used_again(client):
    numbers = []
    for _ in range(20):
        numbers.append(opened(client))
        client.send(Message.CHANNEL_CLOSE, numbers[-1])
    assert len(set(numbers)) == 20


# Requests.


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize(
    ("kind", "rest", "told"),
    [
        ("pty-req", pack("xterm", 80, 24, 0, 0, ""), 1),
        ("x11-req", pack(False, "a", "b", 0), 1),
        ("auth-agent-req@openssh.com", b"", 1),
        ("env", pack("LC_ALL", "C"), 0),
        ("window-change", pack(80, 24, 0, 0), 0),
        ("signal", pack("TERM"), 0),
        ("break", pack(500), 0),
        ("keepalive@openssh.com", b"", 0),
        ("eow@openssh.com", b"", 0),
    ],
)
def test_what_is_not_offered_is_refused_and_the_channel_goes_on(
    client, server, kind, rest, told, wanted
):
    channel = opened(client)
    client.put(message(Message.CHANNEL_REQUEST, channel, kind, wanted) + rest)
    assert client.answers() == [message(FAILURE, 5)] * wanted
    assert len(server.data(REJECTED)) == told
    assert client.send(Message.CHANNEL_REQUEST, channel, "subsystem", True, "sftp") == [
        message(SUCCESS, 5)
    ]


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("shell", ()),
        ("exec", ("id",)),
        ("exec", ("",)),
        ("exec", ("scp",)),
        ("exec", ("scp -t a; id",)),
        ("exec", ("scp -S sh -t /",)),
        ("exec", (b"\0",)),
        ("subsystem", ("shell",)),
        ("subsystem", ("SFTP",)),
    ],
)
def test_a_command_that_is_not_ours_is_refused_and_its_channel_closed(client, server, kind, what):
    channel = opened(client)
    answers = client.send(Message.CHANNEL_REQUEST, channel, kind, True, *what)
    assert kinds(answers) == [
        FAILURE,
        Message.CHANNEL_REQUEST,
        Message.CHANNEL_EOF,
        Message.CHANNEL_CLOSE,
    ]
    assert answers[1] == message(Message.CHANNEL_REQUEST, 5, "exit-status", False, 1)
    assert len(server.data(REJECTED)) == 1
    assert client.open


@pytest.mark.parametrize(("option", "what"), [("sftp", "subsystem"), ("scp", "exec")])
def test_a_protocol_that_is_switched_off_is_refused(serve, option, what):
    client = SshClient(serve(**{option: "no"})).log_in()
    answers = client.send(
        Message.CHANNEL_REQUEST,
        opened(client),
        what,
        True,
        "sftp" if what == "subsystem" else "scp -t /",
    )
    assert answers[0] == message(FAILURE, 5)


def test_a_second_command_in_one_channel_is_refused(client):
    channel = opened(client)
    client.send(Message.CHANNEL_REQUEST, channel, "subsystem", True, "sftp")
    answers = client.send(Message.CHANNEL_REQUEST, channel, "exec", True, "scp -t /")
    assert answers[0] == message(FAILURE, 5)
    assert client.open


@pytest.mark.parametrize(
    "name", ["tcpip-forward", "cancel-tcpip-forward", "no-more-sessions@openssh.com", "", b"\xff"]
)
@pytest.mark.parametrize("wanted", [True, False])
def test_global_requests_are_declined_and_answered_only_when_that_is_wanted(
    client, server, name, wanted
):
    answers = client.send(Message.GLOBAL_REQUEST, name, wanted, "", 0)
    assert kinds(answers) == [Message.REQUEST_FAILURE] * wanted
    assert len(server.data(DECLINED)) == 1


def test_a_keepalive_is_answered_each_time(client):
    for _ in range(3):
        answers = client.send(Message.GLOBAL_REQUEST, "keepalive@openssh.com", True)
        assert kinds(answers) == [Message.REQUEST_FAILURE]


def test_answers_to_nothing_are_passed_over(client):
    assert client.send(Message.REQUEST_SUCCESS, b"") == []
    assert client.send(Message.REQUEST_FAILURE) == []
    assert client.open


def test_host_keys_are_proved(client, server):
    (key,) = server.service.hub.host_keys
    blob = key.public.blob
    (answer,) = client.send(Message.GLOBAL_REQUEST, "hostkeys-prove-00@openssh.com", True, blob)
    assert answer[0] == Message.REQUEST_SUCCESS
    signed = pack("hostkeys-prove-00@openssh.com", client.session_id, blob)
    assert PublicKey.parse(blob).verify(Reader(answer[1:]).string(), signed, "ssh-ed25519")


@pytest.mark.parametrize("count", [0, 2, 1000])
def test_the_proof_of_other_keys_than_ours_is_refused(client, server, count):
    (key,) = server.service.hub.host_keys
    blobs = [key.public.blob] * count or [b"another"]
    answers = client.send(Message.GLOBAL_REQUEST, "hostkeys-prove-00@openssh.com", True, *blobs)
    assert disconnects(answers) == [Code.PROTOCOL_ERROR]


# Windows.


def test_the_window_is_opened_again_as_it_is_used(client, server):
    sftp = SftpClient(client)
    handle = sftp.open_to_write("/a")
    sent = 0
    for number in range(20):
        at = number * 200_000
        assert sftp.ask(packets.Write, handle, at, memoryview(DATA[:200_000])).code == 0
        sent += 200_000
    adjusted = [Reader(one[5:]).u32() for one in sftp.others]
    assert set(kinds(sftp.others)) == {Message.CHANNEL_WINDOW_ADJUST}
    assert sent - ADJUST_AFTER < sum(adjusted) <= sent + 4000
    assert min(adjusted) >= ADJUST_AFTER


@pytest.mark.parametrize(
    ("seconds", "window"),
    [
        (0.0, WINDOW),
        (0.001, WINDOW),
        (0.02, 8_000_000),
        (0.1, LARGEST_WINDOW),
        (9.0, LARGEST_WINDOW),
    ],
)
def test_the_window_becomes_as_wide_as_the_way_is_long(client, server, seconds, window):
    client.socket.round_trip = seconds
    sftp = SftpClient(client)
    handle = sftp.open_to_write("/a")
    for number in range(10):
        assert sftp.ask(packets.Write, handle, number * 200_000, DATA[:200_000]).code == 0
    (channel,) = next(iter(server.service.hub.presence.peers)).channels
    assert channel.window_in + channel.consumed == window


def test_more_data_than_the_window_ends_the_connection(client):
    channel = opened(client)
    piece = bytes(MAX_PACKET)
    for _ in range(WINDOW // MAX_PACKET):
        client.put(message(Message.CHANNEL_DATA, channel, piece))
    client.settle()
    assert client.open
    assert disconnects(client.send(Message.CHANNEL_DATA, channel, b"1")) == [Code.PROTOCOL_ERROR]


def test_extended_data_counts_like_any_other(client):
    channel = opened(client)
    for _ in range(WINDOW // MAX_PACKET):
        client.put(message(Message.CHANNEL_EXTENDED_DATA, channel, 1, bytes(MAX_PACKET)))
    client.settle()
    assert client.open
    answers = client.send(Message.CHANNEL_EXTENDED_DATA, channel, 1, b"1")
    assert disconnects(answers) == [Code.PROTOCOL_ERROR]


@pytest.mark.parametrize("window", [0, 1, 12, 13, 14, 100, 1000, 40_000])
@pytest.mark.parametrize("packet", [1024, 5000, 32768, 0xFFFFFFFF])
def test_our_window_and_our_packets_are_never_overrun(client, server, window, packet):
    server.put("/a", DATA)
    sftp = SftpClient(client, packet=min(packet, 32768), window=1 << 20)
    handle = sftp.open_to_read("/a")
    sftp.client.send(Message.CHANNEL_CLOSE, sftp.channel)
    sftp = SftpClient(client, packet=packet, window=window, theirs=8, greet=False)
    sftp.put(packets.encode_request(packets.Init(3)))
    sftp.put(packets.encode_request(packets.Open(1, b"/a", packets.FOR_READING, packets.Attrs())))
    sftp.take()
    for _ in range(2000):
        if len(sftp.got) == 2:
            break
        sftp.adjust(window or 50)
        sftp.take()
    handle = sftp.got[1].text
    for request in range(4):
        sftp.put(packets.encode_request(packets.Read(request, handle, request * 1000, 1000)))
    sftp.put(packets.encode_request(packets.Read(4, handle, 4000, 60_000)))
    sftp.got = []
    sftp.take()
    for _ in range(200_000):
        if len(sftp.got) == 5:
            break
        sftp.adjust(max(window, 500))
        sftp.take()
    assert b"".join(answer.text for answer in sftp.got) == DATA[:64_000]


def test_a_thousand_tiny_adjustments_give_a_thousand_tiny_pieces(client, server):
    server.put("/a", DATA)
    sftp = SftpClient(client)
    handle = sftp.open_to_read("/a")
    sftp.window = 0
    (peer,) = server.service.hub.presence.peers
    (channel,) = peer.channels
    channel.window_out = 0
    request = sftp.begin(packets.Read, handle, 0, 900)
    for _ in range(1000):
        sftp.adjust(1)
    assert sftp.take() == [(packets.DATA, request, pack(DATA[:900]))]
    assert sftp.window == 1000 - 913


def test_a_window_over_four_gibibytes_ends_the_connection(client):
    channel = opened(client, window=0xFFFFFFFF)
    answers = client.send(Message.CHANNEL_WINDOW_ADJUST, channel, 1)
    assert disconnects(answers) == [Code.PROTOCOL_ERROR]


@pytest.mark.parametrize(
    "kind",
    [
        Message.CHANNEL_DATA,
        Message.CHANNEL_WINDOW_ADJUST,
        Message.CHANNEL_EXTENDED_DATA,
        Message.CHANNEL_EOF,
        Message.CHANNEL_CLOSE,
        Message.CHANNEL_REQUEST,
    ],
)
@pytest.mark.parametrize("number", [1, 0xFFFFFFFF])
def test_a_message_for_no_channel_ends_the_connection(client, kind, number):
    opened(client)
    answers = client.send(kind, number, 0, b"", b"")
    assert disconnects(answers) == [Code.PROTOCOL_ERROR]


@pytest.mark.parametrize("length", [0, 3, 5, 0xFFFFFFFF])
def test_data_whose_length_is_a_lie_ends_the_connection(client, length):
    channel = opened(client)
    client.put(bytes((Message.CHANNEL_DATA,)) + pack(channel, length) + b"1234")
    assert disconnects(client.answers()) == [Code.PROTOCOL_ERROR]


# The end.


def test_eof_is_answered_with_the_exit_status_once_everything_is(client):
    sftp = SftpClient(client)
    asked = [sftp.begin(packets.Stat, b"/") for _ in range(100)]
    client.put(message(Message.CHANNEL_EOF, sftp.channel))
    assert [answer.id for answer in sftp.take()] == asked
    assert sftp.others == [
        message(Message.CHANNEL_REQUEST, 7, "exit-status", False, 0),
        message(Message.CHANNEL_EOF, 7),
        message(Message.CHANNEL_CLOSE, 7),
    ]
    client.put(message(Message.CHANNEL_CLOSE, sftp.channel))
    client.settle()
    assert client.server.numbers().count(SFTP_CLOSED) == 1


@pytest.mark.parametrize(
    "order",
    [
        order
        for count in (1, 2, 3)
        for order in itertools.permutations(["eof", "close", "data", "request"], count)
    ],
    ids="-".join,
)
def test_every_order_of_ending_ends_the_channel_once(client, server, order):
    sftp = SftpClient(client)
    sftp.open_to_write("/a")
    what = {
        "eof": message(Message.CHANNEL_EOF, sftp.channel),
        "close": message(Message.CHANNEL_CLOSE, sftp.channel),
        "data": message(Message.CHANNEL_DATA, sftp.channel, b"\0\0\0\5\x11\0\0\0\1"),
        "request": message(Message.CHANNEL_REQUEST, sftp.channel, "shell", True),
    }
    for one in order:
        client.put(what[one])
    sftp.take()
    assert kinds(sftp.others).count(Message.CHANNEL_CLOSE) <= 1
    assert kinds(sftp.others).count(Message.CHANNEL_EOF) <= 1
    if "close" in order:
        assert server.numbers().count(SFTP_CLOSED) == 1
        assert server.numbers().count(30042) == 1
        after = order[order.index("close") + 1 :]
        assert client.open is not bool(after)  # whatever comes for a closed channel is for none
        if client.open:
            assert kinds(sftp.others).count(Message.CHANNEL_CLOSE) == 1
    client.hang_up()
    for number in (SFTP_CLOSED, 30042, CLOSED):
        assert server.numbers().count(number) == 1, number
    assert server.names() == []


def test_one_channel_that_ends_leaves_the_others(client, server):
    first, second = SftpClient(client, theirs=1), SftpClient(client, theirs=2)
    first.open_to_write("/a")
    handle = second.open_to_write("/b")
    client.put(message(Message.CHANNEL_CLOSE, first.channel))
    first.take()
    assert second.ask(packets.Write, handle, 0, memoryview(b"b")).code == 0
    assert second.close_handle(handle) == 0
    assert server.get("/b") == b"b"


def test_a_handle_of_one_channel_is_nothing_in_another(client):
    first, second = SftpClient(client, theirs=1), SftpClient(client, theirs=2)
    handle = first.open_to_write("/a")
    assert second.ask(packets.Write, handle, 0, memoryview(b"b")).code != 0
    assert second.close_handle(handle) != 0


# Memory.


def test_buffers_that_are_kept_are_bounded_whatever_packets_clients_ask_for(client, server):
    server.put("/a", DATA)
    for packet in range(1024, 32768, 331):
        sftp = SftpClient(client, packet=packet)
        handle = sftp.open_to_read("/a")
        assert sftp.ask(packets.Read, handle, 0, 2000).text == DATA[:2000]
        client.send(Message.CHANNEL_CLOSE, sftp.channel)
    kept = [batch for free in server.service.hub.batches._free.values() for batch in free]
    assert len(kept) <= 6 * KEPT
    assert sum(len(batch.buffer) for batch in kept) < 6 * KEPT * 2 * BATCH
