"""Transfers over a disk that takes its time, and uploads that become more than they were."""

import zlib
from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.ftp.conversion import MAX_STEP
from mft.protocols.incoming import MAX_WRITING
from mft.protocols.sending_file import BLOCK, SHORTER
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.ftp_client import CLEAR, EXPLICIT, IMPLICIT, End, FtpClient, Way
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import FtpServer
from tests.fakes.ftp_transfers import codes
from tests.fakes.slow import Slowness

Serve = Callable[..., FtpServer]

UPLOAD_DONE, UPLOAD_FAILED, DOWNLOAD_FAILED, LOST = 10078, 10079, 10070, 10042
DATA = bytes(range(251)) * 4000  # 1 MB, almost
FULL = Refused(Reason.NO_SPACE, "", "the disk is full")


# Slow.


def reading(slow: FtpServer, way: Way, slowness: Slowness) -> tuple[FtpClient, End]:
    """A download that waits for its first block."""
    slowness.slow = False
    client = FtpClient(slow, way).arrive()
    slow.put("/file", DATA)
    data = client.connect()
    data.socket.room = 0
    assert client.codes("RETR /file") == [150]
    slowness.slow = True
    data.socket.room = None
    assert codes(client) == []
    assert len(slowness.waiting) == 1
    return client, data


def writing(slow: FtpServer, way: Way, slowness: Slowness, data: bytes) -> tuple[FtpClient, End]:
    """An upload whose bytes wait for the disk."""
    slowness.slow = False
    client = FtpClient(slow, way).arrive()
    end = client.connect()
    assert client.codes("STOR /file") == [150]
    slowness.slow = True
    end.write(data)
    assert codes(client) == []
    assert slowness.waiting
    return client, end


@every_way
def test_a_download_waits_for_a_slow_disk(slow: FtpServer, way: Way, slowness: Slowness) -> None:
    client, data = reading(slow, way, slowness)
    assert client.codes("NOOP") == [200]  # nobody else waits
    slowness.let_all_go(client.settle)
    assert codes(client) == [226]
    assert data.received == DATA


@every_way
def test_the_clock_of_the_data_connection_stands_while_the_disk_is_slow(
    slow: FtpServer, way: Way, slowness: Slowness
) -> None:
    client, data = reading(slow, way, slowness)
    for _ in range(5):
        assert client.wait(30) == []
    slowness.let_all_go(client.settle)
    assert codes(client) == [226]
    client, data = writing(slow, way, slowness, DATA)
    data.finish()
    for _ in range(5):
        assert client.wait(30) == []
    slowness.let_all_go(client.settle)
    assert codes(client) == [226]


@every_way
def test_a_download_that_is_cut_waits_for_the_disk_all_the_same(
    slow: FtpServer, way: Way, slowness: Slowness
) -> None:
    client, data = reading(slow, way, slowness)
    assert client.codes("ABOR") == []  # a descriptor must not be closed under a call
    assert slow.data(DOWNLOAD_FAILED) == []
    slowness.let_go()
    assert codes(client) == [426, 226]
    assert data.closed
    assert slow.data(DOWNLOAD_FAILED)[0]["total"] == BLOCK
    slowness.slow = False
    assert client.codes("PWD") == [257]


@every_way
def test_a_service_is_drained_once_a_slow_disk_has_taken_what_came(
    slow: FtpServer, way: Way, slowness: Slowness
) -> None:
    client, _ = writing(slow, way, slowness, DATA)
    told: list[int] = []
    Deferred.fromCoroutine(slow.service.drained()).addCallback(
        lambda _: told.append(len(slow.data(UPLOAD_FAILED)))
    )
    client.leave()
    assert told == []
    slowness.let_all_go(client.settle)
    assert told == [1]


def test_a_disk_that_fails_in_a_download(slow: FtpServer, way: Way, slowness: Slowness) -> None:
    client, data = reading(slow, way, slowness)
    slowness.fail(Refused(Reason.BROKEN, "", "a bad block"))
    assert codes(client) == [451]
    assert data.closed
    assert slow.data(DOWNLOAD_FAILED)[0]["details"] == "a bad block"


@every_way
def test_a_file_that_became_shorter_meanwhile(
    slow: FtpServer, way: Way, slowness: Slowness
) -> None:
    client, _ = reading(slow, way, slowness)
    slow.tree.find(VPath.parse("/file")).data.clear()
    slowness.let_go()
    assert codes(client) == [451]
    assert slow.data(DOWNLOAD_FAILED)[0]["details"].endswith(SHORTER)


def test_a_fault_on_the_way_from_the_disk_tells_an_id_only(
    slow: FtpServer, way: Way, slowness: Slowness, faults: list[str]
) -> None:
    client, _ = reading(slow, way, slowness)
    slowness.waiting.popleft().errback(RuntimeError("/secret/place"))
    assert client.codes() == [451]
    assert "/secret/place" in faults.pop()
    assert "secret" not in slow.data(DOWNLOAD_FAILED)[0]["details"]


@every_way
def test_an_upload_waits_for_a_slow_disk(slow: FtpServer, way: Way, slowness: Slowness) -> None:
    client, data = writing(slow, way, slowness, DATA)
    data.finish()
    assert codes(client) == []
    assert slow.names() == []
    slowness.let_all_go(client.settle)
    assert codes(client) == [226]
    assert slow.get("/file") == DATA


@every_way
def test_an_upload_is_held_while_too_much_waits_for_the_disk(
    slow: FtpServer, way: Way, slowness: Slowness
) -> None:
    whole = DATA * 12  # 12 MB
    client, data = writing(slow, way, slowness, whole)
    left = len(data.socket.to_server)
    assert len(whole) - left < MAX_WRITING + (1 << 20)
    assert left > 2 << 20
    data.finish()
    slowness.let_all_go(client.settle)
    assert codes(client) == [226]
    assert slow.get("/file") == whole


@every_way
def test_an_upload_that_is_cut_waits_for_the_disk_all_the_same(
    slow: FtpServer, way: Way, slowness: Slowness
) -> None:
    client, _data = writing(slow, way, slowness, DATA)
    assert client.codes("ABOR") == []
    assert slow.data(UPLOAD_FAILED) == []
    slowness.let_all_go(client.settle)
    assert codes(client) == [426, 226]
    assert slow.names() == []
    assert slow.data(UPLOAD_FAILED)[0]["total"] == len(DATA)


@every_way
def test_a_disk_that_fails_in_an_upload(slow: FtpServer, way: Way, slowness: Slowness) -> None:
    client, data = writing(slow, way, slowness, DATA)
    slowness.fail(FULL)
    slowness.let_all_go(client.settle)
    assert codes(client) == [452]
    assert data.closed
    assert slow.data(UPLOAD_FAILED)[0]["details"] == FULL.details
    assert slow.names() == []


@every_way
def test_a_disk_that_fails_behind_the_end_of_an_upload(
    slow: FtpServer, way: Way, slowness: Slowness
) -> None:
    client, data = writing(slow, way, slowness, DATA)
    data.finish()
    client.settle()
    slowness.fail(FULL)
    slowness.let_all_go(client.settle)
    assert codes(client) == [452]
    assert slow.names() == []
    assert slow.data(UPLOAD_DONE) == []


@every_way
def test_a_disk_that_fails_at_once(serve: Serve, way: Way) -> None:
    server = serve(
        storage=lambda memory: MemoryFileSystem(memory.tree, memory.owner, file_write_size=1000)
    )
    client = FtpClient(server, way).arrive()
    data = client.connect()
    client.say("STOR /file")
    data.write(DATA)
    assert codes(client) == [552]
    assert data.closed
    assert server.names() == []
    assert len(server.data(UPLOAD_FAILED)) == 1


def test_a_fault_on_the_way_to_the_disk_tells_an_id_only(
    slow: FtpServer, way: Way, slowness: Slowness, faults: list[str]
) -> None:
    client, _ = writing(slow, way, slowness, DATA)
    slowness.waiting.popleft().errback(RuntimeError("/secret/place"))
    slowness.let_all_go(client.settle)
    assert codes(client) == [451]
    assert "/secret/place" in faults.pop()
    assert "secret" not in slow.data(UPLOAD_FAILED)[0]["details"]


def test_what_a_client_sends_while_the_disk_is_slow_changes_nothing(
    slow: FtpServer, slowness: Slowness
) -> None:
    server = slow
    client, data = reading(server, CLEAR, slowness)
    data.socket.to_server += b"something"
    (connection,) = (one for one in server.joined if one.socket is data.socket)
    connection.flush()
    assert len(slowness.waiting) == 1
    slowness.let_all_go(client.settle)
    assert codes(client) == [226]


@every_way
def test_text_waits_for_a_slow_disk(slow: FtpServer, way: Way, slowness: Slowness) -> None:
    client = FtpClient(slow, way).arrive()
    slow.put("/file", b"one\ntwo\n" * 10_000)
    client.say("TYPE A")
    data = client.connect()
    data.socket.room = 0
    client.say("RETR /file")
    slowness.slow = True
    data.socket.room = None
    slowness.let_all_go(client.settle)
    assert codes(client) == [226]
    assert data.received == b"one\r\ntwo\r\n" * 10_000


@every_way
def test_a_client_that_is_lost_while_the_disk_is_slow(
    slow: FtpServer, way: Way, slowness: Slowness
) -> None:
    client, data = reading(slow, way, slowness)
    client.vanish()
    assert data.closed
    assert slow.numbers()[-1] != LOST
    slowness.let_go()
    assert slow.numbers()[-1] == LOST
    assert len(slow.data(DOWNLOAD_FAILED)) == 1
    assert slow.reactor.getDelayedCalls() == []


# Converted.


def deflated(data: bytes) -> bytes:
    return zlib.compress(data, 9)


@every_way
def test_little_that_inflates_to_much_is_written_bit_by_bit(
    client: FtpClient, server: FtpServer
) -> None:
    whole = bytes(5 * MAX_STEP + 17)
    client.say("MODE Z")
    data = client.connect()
    client.say("STOR /file")
    data.write(deflated(whole))
    data.finish()
    data.pump()
    server.reactor.turn()
    assert server.data(UPLOAD_DONE) == []  # others have their turn
    assert codes(client) == [226]
    assert server.get("/file") == whole


@every_way
def test_a_disk_that_is_behind_holds_what_inflates(
    slow: FtpServer, way: Way, slowness: Slowness
) -> None:
    whole = bytes(MAX_WRITING + 3 * MAX_STEP)
    client = FtpClient(slow, way).arrive()
    client.say("MODE Z")
    data = client.connect()
    client.say("STOR /file")
    slowness.slow = True
    data.write(deflated(whole))
    assert codes(client) == []
    assert len(slowness.waiting) * MAX_STEP <= MAX_WRITING + MAX_STEP
    data.finish()
    slowness.let_all_go(client.settle)
    assert codes(client) == [226]
    assert slow.get("/file") == whole


@every_way
def test_what_is_pending_when_an_upload_is_cut_is_dropped(
    client: FtpClient, server: FtpServer
) -> None:
    client.say("MODE Z")
    data = client.connect()
    client.say("STOR /file")
    data.write(deflated(bytes(50 * MAX_STEP)))
    data.pump()
    for _ in range(3):
        server.reactor.turn()
    client.control.write(b"ABOR\r\n")
    client.control.pump()
    assert codes(client) == [426, 226]
    (told,) = server.data(UPLOAD_FAILED)
    assert 0 < told["total"] < 50 * MAX_STEP
    assert server.names() == []


@every_way
def test_what_breaks_in_the_middle_ends_the_upload_once(
    client: FtpClient, server: FtpServer
) -> None:
    broken = bytearray(zlib.compress(bytes(5 * MAX_STEP), 1))
    broken[len(broken) // 2 :] = b"\xff" * (len(broken) // 2)
    client.say("MODE Z")
    data = client.connect()
    client.say("STOR /file")
    data.write(bytes(broken))
    assert codes(client) == [553]
    assert server.data(UPLOAD_FAILED)[0]["details"] == "what came is not deflated data"
    assert data.closed
    client.wait(1)
    assert client.codes("PWD") == [257]


@every_way
def test_a_disk_that_fails_while_more_is_pending(
    slow: FtpServer, way: Way, slowness: Slowness
) -> None:
    client = FtpClient(slow, way).arrive()
    client.say("MODE Z")
    data = client.connect()
    client.say("STOR /file")
    slowness.slow = True
    data.write(deflated(bytes(5 * MAX_STEP)))
    client.settle()
    slowness.fail(FULL)
    slowness.let_all_go(client.settle)
    assert codes(client) == [452]
    assert slow.names() == []


@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=lambda way: way.name)
def test_an_upload_of_text_over_a_slow_disk(slow: FtpServer, way: Way, slowness: Slowness) -> None:
    client = FtpClient(slow, way).arrive()
    client.say("TYPE A")
    data = client.connect()
    client.say("STOR /file")
    slowness.slow = True
    data.write(b"one\r\ntwo\r\nthree\r")
    client.settle()
    data.finish()
    slowness.let_all_go(client.settle)
    assert codes(client) == [226]
    assert slow.get("/file") == b"one\ntwo\nthree\r"
