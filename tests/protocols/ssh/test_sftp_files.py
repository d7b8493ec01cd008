"""SFTP over files in memory: what is written and read, listed, copied and hashed; and bounds."""

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mft.wire.buffer import Reader
from mft.wire.sftp import extended, packets
from mft.wire.sftp.attrs import Attrs
from mft.wire.sftp.framing import MAX_DATA
from mft.wire.sftp.status import Status
from mft.wire.ssh.numbers import Code, Message
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.sftp_client import SftpClient
from tests.fakes.ssh_client import SshClient, disconnects, message, pack

UPLOADED, UPLOAD_FAILED, LIMIT = 30068, 30042, 90007
DATA = bytes(range(251)) * 1200  # 301 KB
VIEW = memoryview(b"some bytes")
NEW = packets.FOR_WRITING | packets.CREATE | packets.TRUNCATE


@pytest.fixture
def server(serve):
    server = serve(account("ann", password=CHEAP_HASH, durable_uploads="no"))
    server.put("/a", DATA)
    return server


@pytest.fixture
def sftp(server):
    return SftpClient(SshClient(server).log_in())


# Files.


@pytest.mark.parametrize("pieces", [1, 2, 7])
def test_a_write_may_be_cut_between_any_two_bytes(sftp, server, pieces):
    handle = sftp.open_to_write("/b")
    data = DATA[:50]
    packet = packets.encode_request(packets.Write(5, handle, 0, memoryview(data)))
    for cut in range(1, len(packet)):
        sftp.got = []
        step = max(1, (len(packet) - cut) // pieces)
        sftp.put(packet[:cut])
        for at in range(cut, len(packet), step):
            sftp.client.settle()
            sftp.put(packet[at : at + step])
        (answer,) = sftp.take()
        assert (answer.id, answer.code) == (5, 0), cut
    assert sftp.close_handle(handle) == 0
    assert server.get("/b") == data


@st.composite
def plans(draw):
    """Writes of a file in any order and overlap, and how their bytes are cut into packets."""
    size = draw(st.integers(1, 3000))
    count = draw(st.integers(1, 12))
    writes = [
        (start, draw(st.integers(0, size - start)))
        for start in draw(st.lists(st.integers(0, size - 1), min_size=count, max_size=count))
    ]
    return writes, draw(st.lists(st.integers(1, 700), min_size=1, max_size=8))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans(), turns=st.booleans())
def test_writes_are_the_same_file_however_they_are_cut(sftp, server, plan, turns):
    writes, cuts = plan
    handle = sftp.open_to_write("/b")
    expected = bytearray()
    stream = b""
    for number, (start, size) in enumerate(writes):
        data = bytes((start + number + at) & 255 for at in range(size))
        stream += packets.encode_request(packets.Write(number, handle, start, memoryview(data)))
        if size:
            expected.extend(bytes(max(0, start + size - len(expected))))
            expected[start : start + size] = data
    at = piece = 0
    while at < len(stream):
        size = cuts[piece % len(cuts)]
        sftp.put(stream[at : at + size])
        at, piece = at + size, piece + 1
        if turns:
            sftp.client.settle()
    assert [(answer.id, answer.code) for answer in sftp.take()] == [
        (number, 0) for number in range(len(writes))
    ]
    sftp.got = []
    assert sftp.close_handle(handle) == 0
    assert server.get("/b") == expected


def test_requests_are_answered_in_the_order_in_which_they_were_asked(sftp):
    writing, reading = sftp.open_to_write("/b"), sftp.open_to_read("/a")
    asked = []
    for number in range(300):
        asked.append(sftp.begin(packets.Write, writing, number, memoryview(b"x")))
        asked.append(sftp.begin(packets.Read, reading, number, 1000))
        asked.append(sftp.begin(packets.Stat, b"/a"))
        asked.append(sftp.begin(packets.Read, b"none", 0, 10))
        asked.append(sftp.begin(packets.FStat, writing))
    assert [answer.id for answer in sftp.take()] == asked


def test_what_is_asked_behind_a_write_sees_it(sftp):
    handle = sftp.open_to_write("/b")
    sftp.begin(packets.Write, handle, 0, memoryview(DATA[:1000]))
    sftp.begin(packets.FStat, handle)
    _, stat = sftp.take()
    assert stat.body[4:12] == (1000).to_bytes(8, "big")


@pytest.mark.parametrize(
    ("offset", "size", "expected"),
    [
        (0, 0, None),
        (0, 1, DATA[:1]),
        (len(DATA) - 1, 10, DATA[-1:]),
        (len(DATA), 1, None),
        (1 << 40, 1, None),
        (0, MAX_DATA, DATA[:MAX_DATA]),
        (0, 0xFFFFFFFF, DATA[:MAX_DATA]),
        (5, 40_000, DATA[5:40_005]),
    ],
)
def test_a_read_gives_what_is_there(sftp, offset, size, expected):
    answer = sftp.ask(packets.Read, sftp.open_to_read("/a"), offset, size)
    if expected is None:
        assert answer.code == Status.EOF
    else:
        assert answer.text == expected


def test_an_upload_is_under_its_name_only_after_its_close(sftp, server):
    handle = sftp.open_to_write("/b")
    sftp.ask(packets.Write, handle, 0, VIEW)
    assert server.names() == ["a"]
    assert UPLOADED not in server.numbers()
    assert sftp.close_handle(handle) == 0
    assert server.names() == ["a", "b"]
    assert server.numbers().count(UPLOADED) == 1


def test_an_upload_that_is_not_closed_is_no_file(sftp, server):
    handle = sftp.open_to_write("/b")
    sftp.ask(packets.Write, handle, 0, VIEW)
    sftp.client.hang_up()
    assert server.names() == ["a"]
    assert server.numbers().count(UPLOAD_FAILED) == 1
    assert UPLOADED not in server.numbers()


def test_an_interrupted_upload_goes_on_where_it_ended(sftp, server):
    handle = sftp.open_to_write("/b")
    sftp.ask(packets.Write, handle, 0, memoryview(DATA[:1000]))
    sftp.client.hang_up()
    again = SftpClient(SshClient(server).log_in())
    assert again.ask(packets.Stat, b"/b").body[4:12] == (1000).to_bytes(8, "big")
    handle = again.open("/b", packets.FOR_WRITING | packets.CREATE)
    assert again.ask(packets.Write, handle, 1000, memoryview(DATA[1000:2000])).code == 0
    assert again.close_handle(handle) == 0
    assert server.get("/b") == DATA[:2000]


def test_a_handle_is_of_use_until_it_is_closed(sftp):
    handle = sftp.open_to_write("/b")
    assert sftp.close_handle(handle) == 0
    assert sftp.close_handle(handle) == Status.FAILURE
    assert sftp.ask(packets.Write, handle, 0, VIEW).code == Status.FAILURE
    assert sftp.open_to_write("/c") != handle


@pytest.mark.parametrize("flags", [0, packets.TRUNCATE, packets.APPEND])
def test_who_may_only_write_may_open_what_is_there_and_nothing_else(serve, flags):
    server = serve(account("ann", password=CHEAP_HASH, permissions="allow-write"))
    server.put("/a", b"0123456789")
    sftp = SftpClient(SshClient(server).log_in())
    handle = sftp.open("/a", packets.FOR_WRITING | flags)
    assert sftp.ask(packets.Write, handle, 10, VIEW).code == 0
    assert sftp.close_handle(handle) == 0
    assert server.get("/a").endswith(bytes(VIEW))
    answer = sftp.ask(packets.Open, b"/nothing", packets.FOR_WRITING | flags, Attrs())
    assert answer.code == Status.NO_SUCH_FILE
    assert [one["path"] for one in server.data(30044)] == ["/nothing"]
    assert server.names() == ["a"]


def test_a_file_gets_no_name_that_ends_in_a_slash(sftp, server):
    for name in (b"/inbox/", b"/inbox/."):
        assert sftp.ask(packets.Open, name, NEW, Attrs()).code == Status.FAILURE
        for rename in (packets.Rename, extended.PosixRename):
            assert sftp.ask(rename, b"/a", name).code == Status.FAILURE
    assert server.names() == ["a"]
    assert sftp.ask(packets.MkDir, b"/new/", Attrs()).code == 0
    assert sftp.ask(packets.Rename, b"/new", b"/inbox/").code == 0
    assert server.names() == ["a", "inbox"]


# Folders.


def listed(sftp, handle, cookie=None):
    found = []
    while True:
        answer = sftp.ask(packets.ReadDir, handle)
        if answer.kind == packets.STATUS:
            assert answer.code == Status.EOF
            return found
        assert len(answer.body) < 256 << 10
        reader = Reader(answer.body)
        count = reader.u32()
        assert count
        for _ in range(count):
            found.append(reader.string())
            reader.string()
            assert reader.u32() == 15
            reader.take(28)
        assert not reader.left


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 3000])
def test_a_folder_of_any_size_is_listed_whole(sftp, server, count):
    assert sftp.ask(packets.MkDir, b"/many", Attrs()).code == 0
    names = [f"{number:0{1 + number % 200}}" for number in range(count)]
    for name in names:
        server.put(f"/many/{name}", b"")
    found = listed(sftp, sftp.ask(packets.OpenDir, b"/many").text)
    assert sorted(found) == sorted(name.encode() for name in names)


def test_names_of_any_characters_are_listed_as_they_are(sftp, server):
    names = ["ü" * 120, "a b", "-rf", "'; rm", "new\u2028line", "\U0001f4be"]
    for name in names:
        server.put(f"/{name}", b"")
    found = listed(sftp, sftp.ask(packets.OpenDir, b"/").text)
    assert {name.decode() for name in found} == {"a", *names}


# Extensions.


def test_a_file_is_copied_on_the_server(sftp, server):
    source, target = sftp.open_to_read("/a"), sftp.open_to_write("/b")
    assert sftp.ask(extended.CopyData, source, 5, 0, target, 0).code == 0
    assert sftp.close_handle(target) == 0
    assert server.get("/b") == DATA[5:]


@pytest.mark.parametrize(
    ("offset", "length", "code"),
    [(5, 10, 0), (5, len(DATA), Status.EOF), (len(DATA), 1, Status.EOF), (len(DATA), 0, 0)],
)
def test_a_copy_of_fewer_bytes_than_were_asked_for_says_so(sftp, server, offset, length, code):
    source, target = sftp.open_to_read("/a"), sftp.open_to_write("/b")
    assert sftp.ask(extended.CopyData, source, offset, length, target, 0).code == code
    assert sftp.close_handle(target) == 0
    assert server.get("/b") == DATA[offset : offset + (length or len(DATA))]


def test_a_file_is_not_copied_onto_itself(sftp):
    handle = sftp.open("/b", NEW | packets.FOR_READING)
    assert sftp.ask(extended.CopyData, handle, 0, 0, handle, 0).code == Status.FAILURE


@pytest.mark.parametrize("name", ["sha256", "sha512", "sha1", "md5"])
def test_a_file_is_hashed_on_the_server(sftp, name):
    answer = sftp.ask(extended.CheckFileName, b"/a", b"crc32," + name.encode(), 10, 1000, 0)
    reader = Reader(answer.body)
    if answer.body.startswith(pack("check-file")):
        reader.string()
    assert reader.string() == name.encode()
    assert bytes(reader.rest()) == hashlib.new(name, DATA[10:1010]).digest()


@pytest.mark.parametrize(
    ("algorithms", "offset", "length", "block"),
    [
        (b"", 0, 0, 0),
        (b"crc32", 0, 0, 0),
        (b"\xff", 0, 0, 0),
        (b"md5", 0, 0, 1),
        (b"md5", 0, 0, 255),
        (b"sha512", 0, 0, 256),
        (b"shake_128", 0, 0, 0),
    ],
)
def test_a_hash_that_cannot_be_made_is_refused(sftp, algorithms, offset, length, block):
    answer = sftp.ask(extended.CheckFileName, b"/a", algorithms, offset, length, block)
    assert answer.kind == packets.STATUS
    assert answer.code != 0


@pytest.mark.parametrize(
    ("offset", "length", "block"),
    [(1 << 63, 1 << 63, 0), (0, (1 << 64) - 1, 0), (0, 0, 0xFFFFFFFF), (len(DATA), 0, 300)],
)
def test_ranges_beyond_the_end_of_a_hashed_file_do_no_harm(sftp, offset, length, block):
    sftp.ask(extended.CheckFileName, b"/a", b"md5", offset, length, block)
    assert sftp.ask(packets.Stat, b"/").kind == packets.ATTRIBUTES


@pytest.mark.parametrize("offset", [1 << 40, 1 << 63, (1 << 64) - 1])
@pytest.mark.parametrize("make", ["read", "write", "size", "copy"])
def test_offsets_beyond_every_file_are_refused(sftp, make, offset):
    handle = sftp.open("/b", NEW | packets.FOR_READING)
    answer = {
        "read": lambda: sftp.ask(packets.Read, handle, offset, 10),
        "write": lambda: sftp.ask(packets.Write, handle, offset, VIEW),
        "size": lambda: sftp.ask(packets.FSetStat, handle, Attrs(size=offset)),
        "copy": lambda: sftp.ask(extended.CopyData, sftp.open_to_read("/a"), 0, 5, handle, offset),
    }[make]()
    assert answer.kind == packets.STATUS
    assert answer.code != 0


# Bounds.


def test_a_peer_that_never_reads_is_not_served_on(sftp, server):
    handle = sftp.open_to_read("/a")
    sftp.client.socket.room = 0
    for _ in range(20_000):
        sftp.begin(packets.Read, handle, 0, 200_000)
    server.reactor.settle()
    (peer,) = server.service.hub.presence.peers
    (channel,) = peer.channels
    assert peer.transport.transport.queued < 600_000
    assert len(channel.waiting) < 1 << 20
    assert len(channel.endpoint._queue) < 20_000
    assert sftp.client.socket.to_server  # the rest is left with the socket


def test_a_peer_that_never_opens_its_window_is_ended(server):
    sftp = SftpClient(SshClient(server).log_in(), window=2000)
    handle = sftp.open_to_read("/a")
    asked = 0
    while sftp.client.open and asked < 100_000:
        asked += 1000
        for _ in range(1000):
            sftp.begin(packets.Read, handle, 0, 200_000)
        sftp.take()
    assert disconnects(sftp.others) == [Code.BY_APPLICATION]
    assert server.data(LIMIT)


def test_nothing_is_ready_for_ever_while_a_window_is_closed(server):
    sftp = SftpClient(SshClient(server).log_in(), window=1000)
    handle = sftp.open_to_read("/a")
    sftp.begin(packets.Read, handle, 0, 200_000)
    sftp.take()  # `settle` fails when a connection never rests
    assert len(sftp.stream) < 1000
    assert not server.reactor.writers


def test_a_channel_with_the_subsystem_may_be_eof_at_once(server):
    client = SshClient(server).log_in()
    sftp = SftpClient(client, greet=False)
    client.put(message(Message.CHANNEL_EOF, sftp.channel))
    sftp.take()
    assert [one[0] for one in sftp.others][-1] == Message.CHANNEL_CLOSE
