"""SFTP over files in memory: every request has exactly one answer, with its id, in its order."""

import pytest

from mft.wire.sftp import extended, packets
from mft.wire.sftp.attrs import Attrs
from mft.wire.sftp.framing import MAX_PACKET
from mft.wire.sftp.status import Status
from mft.wire.ssh.numbers import Code
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.sftp_client import SftpClient
from tests.fakes.ssh_client import SshClient, disconnects, pack

SFTP_BROKE = 30016
DATA = bytes(range(251)) * 1200  # 301 KB
VIEW = memoryview(b"some bytes")
MODE = Attrs(mode=0o640)
HANDLES = ("reading", "writing", "listing", "closed", "unknown", "long")

# Every request: how it is made of one handle and one path.
BY_HANDLE = {
    packets.Close: lambda h: (h,),
    packets.Read: lambda h: (h, 0, 100),
    packets.Write: lambda h: (h, 0, VIEW),
    packets.FStat: lambda h: (h,),
    packets.FSetStat: lambda h: (h, MODE),
    packets.ReadDir: lambda h: (h,),
    extended.FStatVFS: lambda h: (h,),
    extended.FSync: lambda h: (h,),
    extended.CopyData: lambda h: (h, 0, 10, h, 20),
    extended.CheckFileHandle: lambda h: (h, b"sha256", 0, 0, 0),
}
BY_PATH = {
    packets.Open: lambda p: (p, packets.FOR_READING, Attrs()),
    packets.OpenDir: lambda p: (p,),
    packets.Stat: lambda p: (p,),
    packets.LStat: lambda p: (p,),
    packets.SetStat: lambda p: (p, MODE),
    packets.Remove: lambda p: (p,),
    packets.MkDir: lambda p: (p, MODE),
    packets.RmDir: lambda p: (p,),
    packets.RealPath: lambda p: (p,),
    packets.Rename: lambda p: (p, b"/renamed"),
    packets.ReadLink: lambda p: (p,),
    packets.SymLink: lambda p: (b"a", p),
    extended.PosixRename: lambda p: (p, b"/renamed"),
    extended.StatVFS: lambda p: (p,),
    extended.HardLink: lambda p: (p, b"/hard"),
    extended.LSetStat: lambda p: (p, MODE),
    extended.ExpandPath: lambda p: (p,),
    extended.HomeDirectory: lambda p: (p,),
    extended.CheckFileName: lambda p: (p, b"md5", 0, 0, 0),
}
OTHERS = {extended.Limits: (), extended.UsersGroupsById: ((1, 2), (3,))}
PATHS = [
    b"/",
    b"",
    b"/a",
    b"/folder",
    b"/missing",
    b"/missing/below",
    b"/a/below",
    b"../../../etc/passwd",
    b"/\xff",
    b"/nul\0",
    b"/new\nline",
    b"/" + b"x" * 300,
    b"/d" * 3000,
    b".mft-hidden",
]


@pytest.fixture
def server(serve):
    server = serve(account("ann", password=CHEAP_HASH, durable_uploads="no"))
    server.put("/a", DATA)
    return server


@pytest.fixture
def sftp(server):
    return SftpClient(SshClient(server).log_in())


def handle_of(sftp, kind):
    if kind == "unknown":
        return b"\0\0\1\1"
    if kind == "long":
        return bytes(300)
    if kind == "listing":
        return sftp.ask(packets.OpenDir, b"/").text
    if kind == "writing":
        return sftp.open_to_write("/b")
    handle = sftp.open_to_read("/a")
    if kind == "closed":
        assert sftp.close_handle(handle) == 0
    return handle


def test_every_request_that_there_is_stands_in_these_tables():
    made = {row.make for row in packets.REQUESTS.values()}
    made |= {row.make for row in extended.EXTENSIONS.values()}
    assert made == set(BY_HANDLE) | set(BY_PATH) | set(OTHERS)


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("make", BY_HANDLE, ids=lambda make: make.__name__)
def test_a_request_has_one_answer_whatever_its_handle_is(sftp, make, handle):
    answer = sftp.ask(make, *BY_HANDLE[make](handle_of(sftp, handle)))
    if handle in ("closed", "unknown", "long"):
        assert answer.code == Status.FAILURE
    assert sftp.ask(packets.Stat, b"/").kind == packets.ATTRIBUTES


@pytest.mark.parametrize("path", PATHS, ids=lambda path: repr(path[:20]))
@pytest.mark.parametrize("make", BY_PATH, ids=lambda make: make.__name__)
def test_a_request_has_one_answer_whatever_its_path_is(sftp, make, path):
    sftp.ask(make, *BY_PATH[make](path))
    assert sftp.ask(packets.Stat, b"/").kind == packets.ATTRIBUTES


@pytest.mark.parametrize("make", OTHERS, ids=lambda make: make.__name__)
def test_a_request_of_nothing_has_one_answer(sftp, make):
    assert sftp.ask(make, *OTHERS[make]).kind == packets.EXTENDED_REPLY


def every_request(handle=b"\0\0\0\1", path=b"/a"):
    yield from ((make, fields(handle)) for make, fields in BY_HANDLE.items())
    yield from ((make, fields(path)) for make, fields in BY_PATH.items())
    yield from OTHERS.items()


def test_a_request_cut_short_anywhere_has_one_answer_with_its_id(sftp):
    for make, fields in every_request():
        whole = packets.encode_request(make(77, *fields))[4:]
        for end in range(5, len(whole)):
            sftp.got = []
            sftp.put(end.to_bytes(4, "big") + whole[:end])
            (answer,) = sftp.take()
            assert answer.id == 77, (make, end)
            assert sftp.client.open, (make, end)


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_a_request_without_an_id_ends_the_connection(sftp, length):
    sftp.put(length.to_bytes(4, "big") + bytes((packets.STAT,)) + bytes(length - 1))
    sftp.take()
    assert disconnects(sftp.others) == [Code.PROTOCOL_ERROR]
    assert sftp.client.server.data(SFTP_BROKE)


@pytest.mark.parametrize("length", [0, MAX_PACKET + 1, 0xFFFFFFFF])
def test_a_length_that_no_packet_has_ends_the_connection(sftp, length):
    sftp.put(length.to_bytes(4, "big") + bytes(100))
    sftp.take()
    assert disconnects(sftp.others) == [Code.PROTOCOL_ERROR]


@pytest.mark.parametrize("make", [packets.Write, packets.Stat, packets.Open])
def test_lengths_inside_a_request_are_never_believed(sftp, make):
    field = {packets.Write: packets.WRITE, packets.Stat: packets.STAT, packets.Open: packets.OPEN}
    for claimed in (5, 1000, 0x7FFFFFFF, 0xFFFFFFFF):
        body = bytes((field[make],)) + pack(9, claimed) + b"/a"
        sftp.got = []
        sftp.put(len(body).to_bytes(4, "big") + body)
        (answer,) = sftp.take()
        assert (answer.id, answer.code) == (9, Status.BAD_MESSAGE)


def test_a_write_that_claims_more_than_it_has_is_refused_and_writes_nothing(sftp, server):
    handle = sftp.open_to_write("/b")
    body = bytes((packets.WRITE,)) + pack(9, handle) + bytes(8) + pack(1000) + b"ten bytes."
    sftp.put(len(body).to_bytes(4, "big") + body)
    (answer,) = sftp.take()
    assert (answer.id, answer.code) == (9, Status.BAD_MESSAGE)
    assert sftp.close_handle(handle) == 0
    assert server.get("/b") == b""


def test_bytes_behind_the_data_of_a_write_are_passed_over(sftp, server):
    handle = sftp.open_to_write("/b")
    body = bytes((packets.WRITE,)) + pack(9, handle) + bytes(8) + pack(b"ten bytes.") + b"junk" * 90
    for cut in (1, 12, 20, 30, 40, 100):
        packet = len(body).to_bytes(4, "big") + body
        sftp.put(packet[:cut])
        sftp.take()
        sftp.put(packet[cut:])
    assert [answer.code for answer in sftp.take()] == [0] * 6
    sftp.got = []
    assert sftp.close_handle(handle) == 0
    assert server.get("/b") == b"ten bytes."


@pytest.mark.parametrize("kind", [0, 2, 21, 99, 101, 105, 199, 201, 255])
def test_a_request_that_we_do_not_know_is_answered_as_unsupported(sftp, kind):
    answer = sftp.ask(packets.Unsupported, kind)
    assert answer.code == Status.OP_UNSUPPORTED


@pytest.mark.parametrize("name", [b"", b"unheard-of@example.com", b"\xff" * 500, b"x" * 200_000])
def test_an_extension_that_we_do_not_know_is_answered_as_unsupported(sftp, name):
    answer = sftp.ask(packets.Unsupported, packets.EXTENDED, name)
    assert answer.code == Status.OP_UNSUPPORTED


def test_nothing_is_done_before_the_greeting(server):
    sftp = SftpClient(SshClient(server).log_in(), greet=False)
    for make, fields in every_request(b"\0\0\0\1", b"/"):
        assert sftp.ask(make, *fields).code in (Status.BAD_MESSAGE, Status.FAILURE), make
    assert server.names() == ["a"]


def test_a_greeting_has_version_3_and_what_else_we_do(server):
    sftp = SftpClient(SshClient(server).log_in(), greet=False)
    for version in (3, 6, 0xFFFFFFFF):
        sftp.got = []
        sftp.put(packets.encode_request(packets.Init(version)))
        (answer,) = sftp.take()
        assert (answer.kind, answer.id) == (packets.VERSION, 3)
        assert b"posix-rename@openssh.com" in answer.body
