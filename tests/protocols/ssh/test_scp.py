"""SCP: transcripts, hostile lines, and uploads that are cut."""

import pytest

from mft.protocols.ssh.scp import MAX_DEPTH
from mft.wire.ssh.numbers import Message
from tests.fakes.scp_client import ScpClient
from tests.fakes.slow import SlowFiles, Slowness
from tests.fakes.ssh_client import SshClient, message

UPLOADED, UPLOAD_FAILED, DOWNLOADED, FAILED, ENDED, CLOSED = (
    30068,
    30042,
    30067,
    30066,
    30064,
    30015,
)
OK = b"\0"
DATA = bytes(range(251)) * 1200


@pytest.fixture
def client(server):
    return SshClient(server).log_in()


def problem(told: bytes) -> bool:
    """Whether this is one warning or one fatal line, and nothing else."""
    return told[:1] in (b"\1", b"\2") and told.endswith(b"\n") and told.count(b"\n") == 1


def everything(server, path="/"):
    """Every file and folder in the tree."""
    found = {}
    for name in server.names(path):
        place = f"{path.rstrip('/')}/{name}"
        try:
            found |= {place: None, **everything(server, place)}
        except Exception:
            found[place] = server.get(place)
    return found


# Receiving.


def test_a_file_is_received(client, server):
    scp = ScpClient(client, "scp -t /a")
    assert scp.accepted
    assert scp.say() == OK
    assert scp.say(b"C0644 5 whatever\n") == OK
    assert scp.say(b"hello") == b""
    assert server.names() == []
    assert scp.say(b"\0") == OK
    assert server.get("/a") == b"hello"
    assert scp.eof().status == 0
    assert scp.closed
    assert server.numbers().count(UPLOADED) == 1
    assert server.numbers().count(ENDED) == 1


def test_a_file_is_received_byte_by_byte(client, server):
    scp = ScpClient(client, "scp -t /a")
    stream = b"T1700000000 0 1700000001 0\nC0644 5 a\nhello\0"
    assert scp.say(*(stream[at : at + 1] for at in range(len(stream)))) == OK * 4
    assert server.get("/a") == b"hello"


def test_everything_may_come_at_once(client, server):
    scp = ScpClient(client, "scp -r -t /")
    scp.say()
    told = scp.say(
        b"C0644 5 a\nhello\0C0600 0 empty\n\0D0755 0 d\nC0644 2 b\nhi\0E\nC0644 1 c\n!\0"
    )
    assert told == OK * 10
    assert scp.eof().status == 0
    assert everything(server) == {
        "/a": b"hello",
        "/empty": b"",
        "/d": None,
        "/d/b": b"hi",
        "/c": b"!",
    }


def test_a_large_file_is_received_whole(client, server):
    scp = ScpClient(client, "scp -t /a")
    scp.say(b"C0644 %d a\n" % len(DATA))
    assert scp.say(*(DATA[at : at + 100_000] for at in range(0, len(DATA), 100_000)), OK) == OK
    assert server.get("/a") == DATA


def test_a_client_that_ends_its_channel_instead_of_the_last_zero_byte_has_sent_the_file(
    client, server
):
    scp = ScpClient(client, "scp -t /a")
    scp.say(b"C0644 5 a\n", b"hello")
    assert scp.eof().status == 0
    assert server.get("/a") == b"hello"


def test_the_end_of_the_channel_may_come_while_a_slow_disk_still_writes(serve):
    slowness = Slowness()
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    client = SshClient(server).log_in()
    scp = ScpClient(client, "scp -t /a")
    scp.say(b"C0644 5 a\n")
    slowness.slow = True
    scp.say(b"hello")
    scp.eof()  # libssh2 sends no zero byte before it
    assert len(slowness.waiting) == 1
    assert server.names() == []
    slowness.let_all_go(server.reactor.settle)
    scp.say()
    assert scp.status == 0
    assert server.get("/a") == b"hello"


def test_all_answers_and_the_end_may_come_before_a_slow_disk_has_read_the_file(serve):
    slowness = Slowness()
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    server.put("/a", DATA)
    client = SshClient(server).log_in()
    scp = ScpClient(client, "scp -f /a")
    slowness.slow = True
    scp.say(OK, OK, OK)
    scp.eof()
    slowness.let_all_go(server.reactor.settle)
    assert DATA in scp.say()
    assert scp.status == 0


@pytest.mark.parametrize("end", ["cut", "close", "eof"])
def test_an_upload_that_is_cut_at_any_byte_is_no_file(server, end):
    stream = b"C0644 5 a\nhello\0"
    for at in range(len(stream)):
        if end == "eof" and at == len(stream) - 1:
            continue  # the whole of the file and a proper end
        server.told.clear()
        client = SshClient(server).log_in()
        scp = ScpClient(client, "scp -t /a")
        for piece in (stream[:at], b""):
            scp.say(piece)
        if end == "close":
            client.send(Message.CHANNEL_CLOSE, scp.channel)
        elif end == "eof":
            scp.eof()
            assert scp.closed
            assert (scp.status == 0) is (at == 0)
        client.hang_up()
        assert server.names() == [], at
        assert UPLOADED not in server.numbers()
        assert server.numbers().count(30043) == server.numbers().count(UPLOAD_FAILED)
        assert server.numbers().count(ENDED) == 1
        assert server.numbers().count(CLOSED) == 1


def test_a_client_that_could_not_read_its_file_has_sent_none(client, server):
    scp = ScpClient(client, "scp -t /a")
    scp.say(b"C0644 5 a\n", b"\0\0\0\0\0")
    assert problem(scp.say(b"\1scp: a: Input/output error\n"))
    assert server.names() == []
    assert scp.eof().status == 1


@pytest.mark.parametrize(
    "line",
    [
        b"C0644 1 ../a",
        b"C0644 1 ..",
        b"C0644 1 .",
        b"C0644 1 /a",
        b"C0644 1 d/a",
        b"C0644 1 ",
        b"C0644 1 a\0b",
        b"C644 1 a",
        b"C0844 1 a",
        b"C0644 -1 a",
        b"C0644 1e3 a",
        b"C0644 9999999999999999999 a",
        b"D0755 0 ..",
        b"D0755 0 /",
        b"D0755 x d",
        b"E",
        b"T1 0 1",
        b"T-1 0 1 0",
        b"X",
        b"",
        b"GET / HTTP/1.1",
        b"\xff" * 50,
        b"C0644 1 " + b"x" * 5000,
    ],
)
def test_a_hostile_line_ends_the_command_and_makes_nothing(client, server, line):
    scp = ScpClient(client, "scp -r -t /")
    assert scp.say() == OK
    assert problem(scp.say(line + b"\n!\0"))
    assert scp.closed
    assert scp.status == 1
    assert server.names() == []
    assert len(server.data(FAILED)) == 1
    assert client.open


@pytest.mark.parametrize("name", [b"\xff\xfe", b"x" * 256, b".mft-upload", b"a\x1bb\x07"])
def test_a_name_that_no_file_may_have_is_refused_and_the_command_goes_on(client, server, name):
    scp = ScpClient(client, "scp -t /")
    scp.say()
    told = scp.say(b"C0644 1 " + name + b"\n")
    if told != OK:  # a name with control characters may be kept as it is
        assert problem(told)
        assert server.names() == []
    else:
        scp.say(b"!\0")
    assert scp.say(b"C0644 1 b\n", b"!\0")[-1:] == OK
    assert "b" in server.names()


def test_a_folder_needs_the_option_for_folders(client, server):
    scp = ScpClient(client, "scp -t /")
    scp.say()
    assert problem(scp.say(b"D0755 0 d\n"))
    assert scp.status == 1
    assert server.names() == []


def test_folders_in_folders_have_a_limit(client, server):
    scp = ScpClient(client, "scp -r -t /")
    scp.say()
    told = scp.say(b"D0755 0 d\n" * (MAX_DEPTH + 1))
    assert told.startswith(OK * MAX_DEPTH)
    assert problem(told[MAX_DEPTH:])
    assert scp.closed


def test_a_size_that_is_more_than_comes_is_no_file(client, server):
    scp = ScpClient(client, "scp -t /a")
    scp.say(b"C0644 100 a\n", b"hello\0")
    assert scp.eof().status == 1
    assert server.names() == []


def test_a_size_that_is_less_than_comes_is_no_file(client, server):
    scp = ScpClient(client, "scp -t /a")
    assert problem(scp.say(b"C0644 2 a\n", b"hello\0").lstrip(OK))
    assert server.names() == []
    assert scp.closed


def test_a_file_under_a_folder_that_is_missing_is_refused(client, server):
    scp = ScpClient(client, "scp -t /missing/a")
    scp.say()
    assert problem(scp.say(b"C0644 1 a\n"))
    assert scp.eof().status == 1


def test_a_file_for_a_folder_that_is_missing_does_not_get_its_name(client, server):
    scp = ScpClient(client, "scp -t inbox/")
    assert scp.say() == OK
    assert problem(scp.say(b"C0644 1 a\n"))
    assert scp.eof().status == 1
    assert server.names() == []
    scp = ScpClient(client, "scp -r -t inbox/")  # a folder gets it
    assert scp.say(b"D0755 0 d\n", b"C0644 1 a\n", b"!\0", b"E\n")[-1:] == OK
    assert server.names() == ["inbox"]
    assert server.get("/inbox/a") == b"!"


def test_a_target_that_must_be_a_folder_is_one(client, server):
    server.put("/a", b"")
    scp = ScpClient(client, "scp -d -t /a")
    assert problem(scp.say())
    assert scp.status == 1


def test_a_client_that_never_ends_a_line_is_ended(client):
    scp = ScpClient(client, "scp -t /a")
    scp.say()
    assert problem(scp.say(b"C" * 6000))
    assert scp.closed


def test_a_client_that_sends_ahead_without_end_is_not_read_on(client, server):
    server.put("/a", DATA)
    scp = ScpClient(client, "scp -f /a", window=0)
    for _ in range(60):
        client.put(message(Message.CHANNEL_DATA, scp.channel, OK * 200_000))
    server.reactor.settle()
    (peer,) = server.service.hub.presence.peers
    (channel,) = peer.channels
    assert len(channel.endpoint._inbox) < 1 << 20
    assert client.socket.to_server


# Sending.


def test_a_file_is_sent(client, server):
    server.put("/a", DATA)
    scp = ScpClient(client, "scp -f /a")
    assert scp.say() == b""
    assert scp.say(OK) == b"C0644 %d a\n" % len(DATA)
    assert scp.say(OK) == DATA + OK
    scp.say(OK)
    assert (scp.closed, scp.status) == (True, 0)
    assert server.numbers().count(DOWNLOADED) == 1
    assert server.numbers().count(ENDED) == 1


def test_a_tree_is_sent(client, server):
    up = ScpClient(client, "scp -r -t /")
    up.say(b"D0755 0 d\nC0600 1 a\n!\0D0700 0 e\nE\nE\n")
    up.eof()
    scp = ScpClient(client, "scp -r -f /d")
    told = b""
    for _ in range(20):
        if scp.closed:
            break
        told += scp.say(OK)
    assert told in (
        b"D0755 0 d\nC0600 1 a\n!\0D0700 0 e\nE\nE\n",
        b"D0755 0 d\nD0700 0 e\nE\nC0600 1 a\n!\0E\n",
    )
    assert scp.status == 0


@pytest.mark.parametrize(
    ("command", "status"),
    [("scp -f /missing", 1), ("scp -f /", 1), ("scp -f /../../etc/passwd", 1)],
)
def test_what_cannot_be_sent_is_told(client, command, status):
    scp = ScpClient(client, command)
    assert problem(scp.say(OK))
    assert (scp.closed, scp.status) == (True, status)


@pytest.mark.parametrize("answer", [b"\1no\n", b"\2no\n", b"\3", b"x", b"\1" + b"x" * 5000])
def test_a_client_that_wants_no_file_ends_the_command(client, server, answer):
    server.put("/a", DATA)
    scp = ScpClient(client, "scp -f /a")
    scp.say(OK, answer)
    assert scp.closed
    assert scp.status == 1
    assert server.numbers().count(ENDED) == 1


def test_a_download_that_is_cut_has_one_event(client, server):
    server.put("/a", DATA)
    scp = ScpClient(client, "scp -f /a", window=1000)
    scp.say(OK, OK)
    client.hang_up()
    assert DOWNLOADED not in server.numbers()
    assert server.numbers().count(30041) == 1
    assert server.numbers().count(ENDED) == 1
    assert server.numbers()[-1] == CLOSED


# Over a slow disk.


@pytest.mark.parametrize("how", ["channel", "connection"])
def test_an_upload_that_is_being_committed_is_committed(serve, how):
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    client = SshClient(server).log_in()
    scp = ScpClient(client, "scp -t /a")
    scp.say(b"C0644 5 a\n", b"hello")
    slowness.slow = True
    scp.say(b"\0")
    assert len(slowness.waiting) == 1
    if how == "channel":
        client.send(Message.CHANNEL_CLOSE, scp.channel)
    else:
        client.hang_up()
        assert CLOSED not in server.numbers()
        assert server.service.hub.presence.finishing == 1
    slowness.let_all_go(server.reactor.settle)
    assert server.get("/a") == b"hello"
    told = server.numbers()
    assert told.count(UPLOADED) == told.count(ENDED) == 1
    if how == "connection":
        assert told.index(UPLOADED) < told.index(CLOSED)
        assert server.service.hub.presence.finishing == 0


@pytest.mark.parametrize("how", ["channel", "connection"])
def test_an_upload_that_is_cut_while_the_disk_writes_is_no_file(serve, how):
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    client = SshClient(server).log_in()
    scp = ScpClient(client, "scp -t /a")
    scp.say(b"C0644 300000 a\n")
    slowness.slow = True
    scp.say(DATA[:100_000], DATA[:100_000])
    assert len(slowness.waiting) == 1  # the other waits for it
    if how == "channel":
        client.send(Message.CHANNEL_CLOSE, scp.channel)
    else:
        client.hang_up()
    slowness.let_all_go(server.reactor.settle)
    client.hang_up()
    assert server.names() == []
    told = server.numbers()
    assert told.count(UPLOAD_FAILED) == told.count(ENDED) == told.count(CLOSED) == 1
    assert told[-1] == CLOSED


def test_a_file_is_sent_from_a_slow_disk(serve):
    slowness = Slowness()
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    server.put("/a", DATA)
    client = SshClient(server).log_in()
    scp = ScpClient(client, "scp -f /a")
    told = b""
    for _ in range(3):
        scp.client.put(message(Message.CHANNEL_DATA, scp.channel, OK))
        slowness.let_all_go(server.reactor.settle)
        told += scp.say()
    slowness.let_all_go(server.reactor.settle)
    told += scp.say()
    assert told == b"C0644 %d a\n" % len(DATA) + DATA + OK
    assert scp.status == 0
