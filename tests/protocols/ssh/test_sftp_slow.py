"""SFTP over a disk that takes its time: order, answers, and bounds."""

import pytest
from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.protocols.incoming import MAX_WRITING
from mft.protocols.ssh.outgoing import MAX_READING
from mft.wire.sftp import packets
from mft.wire.ssh.numbers import Message
from tests.fakes.sftp_client import SftpClient
from tests.fakes.slow import SlowFiles, Slowness
from tests.fakes.ssh_client import SshClient, disconnects, message

UPLOADED, UPLOAD_FAILED, CLOSED = 30068, 30042, 30015
PIECE = 32_000
DATA = bytes(range(251)) * 4000  # 1 MB


@pytest.fixture
def slowness():
    return Slowness()


@pytest.fixture
def server(serve, slowness):
    return serve(storage=lambda memory: SlowFiles(memory, slowness))


@pytest.fixture
def sftp(server):
    return SftpClient(SshClient(server).log_in())


def opened(sftp, slowness, path, flags):
    slowness.slow = False
    handle = sftp.open(path, flags)
    slowness.slow = True
    return handle


def to_write(sftp, slowness, path="/a"):
    flags = packets.FOR_WRITING | packets.CREATE | packets.TRUNCATE
    return opened(sftp, slowness, path, flags)


def to_read(sftp, slowness, path="/a"):
    return opened(sftp, slowness, path, packets.FOR_READING)


def write(sftp, handle, at, size=PIECE):
    return sftp.begin(packets.Write, handle, at, memoryview(DATA[at : at + size]))


def ids(sftp):
    return [answer.id for answer in sftp.take()]


def test_writes_are_made_one_after_the_other_and_answered_so(sftp, slowness, server):
    handle = to_write(sftp, slowness)
    asked = []
    for at in (0, 64_000, 32_000, 128_000, 96_000):  # each its own call
        asked.append(write(sftp, handle, at))
        sftp.take()
    assert sftp.got == []
    slowness.let_all_go(sftp.take)
    assert slowness.most == 1
    assert [answer.id for answer in sftp.got] == asked
    slowness.slow = False
    assert sftp.ask(packets.Close, handle).code == 0
    assert server.get("/a") == DATA[:160_000]


@pytest.mark.parametrize("last", [False, True])
def test_reads_are_answered_in_order_whichever_is_done_first(sftp, slowness, server, last):
    server.put("/a", DATA)
    handle = to_read(sftp, slowness)
    asked = [sftp.begin(packets.Read, handle, at, PIECE) for at in range(0, 640_000, PIECE)]
    sftp.take()
    assert 1 < slowness.most <= MAX_READING
    while slowness.waiting:
        slowness.let_go(last=last)
        sftp.take()
    assert [answer.id for answer in sftp.got] == asked
    assert b"".join(answer.text for answer in sftp.got) == DATA[:640_000]
    assert slowness.most <= MAX_READING


def test_a_read_that_is_refused_is_answered_in_its_turn(sftp, slowness, server):
    server.put("/a", DATA)
    handle = to_read(sftp, slowness)
    asked = [sftp.begin(packets.Read, one, 0, PIECE) for one in (handle, b"none", handle)]
    sftp.take()
    assert sftp.got == []
    slowness.let_all_go(sftp.take)
    assert [answer.id for answer in sftp.got] == asked
    assert [answer.kind for answer in sftp.got] == [packets.DATA, packets.STATUS, packets.DATA]


def test_what_comes_after_a_write_sees_what_it_wrote(sftp, slowness):
    flags = packets.FOR_WRITING | packets.FOR_READING | packets.CREATE | packets.TRUNCATE
    handle = opened(sftp, slowness, "/a", flags)
    asked = [
        write(sftp, handle, 0),
        sftp.begin(packets.Read, handle, 0, 100),
        sftp.begin(packets.FStat, handle),
        write(sftp, handle, PIECE),
        sftp.begin(packets.Close, handle),
        sftp.begin(packets.Stat, b"/a"),
    ]
    sftp.take()
    slowness.let_all_go(sftp.take)
    assert [answer.id for answer in sftp.got] == asked
    assert sftp.got[1].text == DATA[:100]
    assert sftp.got[5].body[4:12] == (2 * PIECE).to_bytes(8, "big")


def test_requests_wait_for_the_one_before_them(sftp, slowness):
    asked = [sftp.begin(packets.Stat, b"/") for _ in range(5)]
    sftp.take()
    assert len(slowness.waiting) == 1
    slowness.let_all_go(sftp.take)
    assert [answer.id for answer in sftp.got] == asked


def test_a_write_that_fails_late_is_answered_and_the_file_is_not_committed(sftp, slowness, server):
    handle = to_write(sftp, slowness)
    first, second = write(sftp, handle, 0), None
    sftp.take()
    second = write(sftp, handle, PIECE)
    sftp.take()
    slowness.fail(Refused(Reason.NO_SPACE, "/a", "full"))
    slowness.let_all_go(sftp.take)
    assert [(answer.id, int(answer.code)) for answer in sftp.got] == [(first, 4), (second, 4)]
    sftp.got = []
    assert sftp.ask(packets.Close, handle).code == 4
    assert server.names() == []
    assert server.numbers().count(UPLOAD_FAILED) == 1
    assert UPLOADED not in server.numbers()


def test_a_slow_session_holds_up_nobody_else(serve, slowness):
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    slow = SftpClient(SshClient(server).log_in())
    slow.begin(packets.Stat, b"/")
    slow.take()
    slowness.slow = False
    quick = SftpClient(SshClient(server).log_in())
    assert quick.ask(packets.Stat, b"/").kind == packets.ATTRIBUTES
    assert slow.take() == []
    slowness.let_go()
    assert len(slow.take()) == 1


# Bounds.


def adjusted(sftp) -> list[int]:
    """How much the server has opened its window each time."""
    kind = Message.CHANNEL_WINDOW_ADJUST
    return [int.from_bytes(one[5:9], "big") for one in sftp.others if one[0] == kind]


def test_a_client_that_sends_faster_than_the_disk_is_not_read_on(sftp, slowness, server):
    sftp.client.socket.round_trip = 1.0  # far away: the window becomes as wide as it can
    handle = to_write(sftp, slowness)
    size = 200_000
    window = sftp.window_out
    for number in range(400):  # 80 MB, as far as the window goes
        if window < size + 100:
            sftp.take()
            window += sum(adjusted(sftp))
            sftp.others.clear()
        if window < size + 100:
            break
        sftp.begin(packets.Write, handle, number * size, memoryview(bytes(size)))
        window -= size + 40
    sftp.take()
    (peer,) = server.service.hub.presence.peers
    (channel,) = peer.channels
    waiting = channel.endpoint._incoming.writing
    assert waiting >= MAX_WRITING
    assert waiting < MAX_WRITING + (1 << 20)  # what one more read brings
    assert len(sftp.client.socket.to_server) > 1 << 20
    slowness.let_all_go(sftp.take)
    assert not sftp.client.socket.to_server
    assert all(answer.code == 0 for answer in sftp.got)


def test_a_request_that_waits_and_a_client_that_asks_on_are_bounded(sftp, slowness, server):
    asked = [sftp.begin(packets.Stat, b"/") for _ in range(30_000)]
    sftp.take()
    (peer,) = server.service.hub.presence.peers
    (channel,) = peer.channels
    assert len(channel.endpoint._queue) < 20_000
    assert sftp.client.socket.to_server
    slowness.slow = False
    slowness.let_all_go(sftp.take)
    assert [answer.id for answer in sftp.got] == asked


# The end in the middle.


@pytest.mark.parametrize("how", ["channel", "connection"])
def test_a_file_that_opens_after_its_channel_has_gone_is_aborted(sftp, slowness, server, how):
    flags = packets.FOR_WRITING | packets.CREATE | packets.TRUNCATE
    sftp.begin(packets.Open, b"/a", flags, packets.Attrs())
    sftp.take()
    if how == "channel":
        sftp.client.put(message(Message.CHANNEL_CLOSE, sftp.channel))
        sftp.take()
    else:
        sftp.client.hang_up()
    slowness.let_all_go(server.reactor.settle)
    assert [one["files"] for one in server.roster.describe()] == [0] * (how == "channel")
    assert server.numbers().count(30043) == server.numbers().count(UPLOAD_FAILED)
    assert server.numbers().count(30043) + server.numbers().count(30044) == 1


@pytest.mark.parametrize("how", ["channel", "connection"])
def test_an_upload_that_is_being_committed_is_committed(sftp, slowness, server, how):
    handle = to_write(sftp, slowness)
    slowness.slow = False
    assert sftp.ask(packets.Write, handle, 0, memoryview(b"whole")).code == 0
    slowness.slow = True
    sftp.begin(packets.Close, handle)
    sftp.take()
    assert len(slowness.waiting) == 1
    if how == "channel":
        sftp.client.put(message(Message.CHANNEL_CLOSE, sftp.channel))
        sftp.take()
    else:
        sftp.client.hang_up()
        assert CLOSED not in server.numbers()
    slowness.let_all_go(server.reactor.settle)
    assert server.get("/a") == b"whole"
    told = server.numbers()
    assert told.count(UPLOADED) == 1
    assert UPLOAD_FAILED not in told
    if how == "connection":
        assert told.index(UPLOADED) < told.index(CLOSED)
        assert server.service.hub.presence.finishing == 0


def test_a_connection_that_is_cut_during_writes_ends_once_they_are_done(sftp, slowness, server):
    handle = to_write(sftp, slowness)
    drained = []
    Deferred.fromCoroutine(server.service.drained()).addCallback(drained.append)
    for at in (0, 64_000, 32_000):
        write(sftp, handle, at)
        sftp.take()
    sftp.client.hang_up()
    assert drained == []
    slowness.let_all_go(server.reactor.settle)
    assert drained == [None]
    assert server.numbers().count(UPLOAD_FAILED) == 1
    assert server.numbers().count(CLOSED) == 1
    assert server.names() == []
    assert server.service.hub.presence.finishing == 0


def test_reads_that_come_back_after_the_end_harm_nobody(sftp, slowness, server):
    server.put("/a", DATA)
    handle = to_read(sftp, slowness)
    for at in range(0, 320_000, PIECE):
        sftp.begin(packets.Read, handle, at, PIECE)
    sftp.take()
    sftp.client.put(message(Message.CHANNEL_CLOSE, sftp.channel))
    sftp.take()
    slowness.let_all_go(server.reactor.settle)
    assert disconnects(sftp.others) == []
    assert sftp.client.open
    sftp.client.hang_up()
    assert server.numbers().count(CLOSED) == 1
