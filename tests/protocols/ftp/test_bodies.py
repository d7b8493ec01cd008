"""What moves over a data connection: in blocks, by the kernel, converted, and on a slow disk."""

import zlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.ftp.bodies import BLOCK, BY_KERNEL, SHORTER
from mft.protocols.ftp.conversion import MAX_STEP
from mft.protocols.incoming import MAX_WRITING
from mft.vfs.base import LATER, Existing
from mft.vfs.local import LocalFileSystem
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.volume import Volumes
from tests.fakes.ftp_client import EXPLICIT, IMPLICIT, End, FtpClient, Way
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import FtpServer, KernelSocket
from tests.fakes.instead import Instead
from tests.fakes.slow import SlowFiles, Slowness
from tests.fakes.threads import Inline

Serve = Callable[..., FtpServer]

UPLOAD_DONE, UPLOAD_FAILED, DOWNLOAD_DONE, DOWNLOAD_FAILED = 10078, 10079, 10069, 10070
DATA_CLOSED, DATA_BROKE = 10030, 10031
DATA = bytes(range(251)) * 4000  # 1 MB, almost
FULL = Refused(Reason.NO_SPACE, "", "the disk is full")


def codes(client: FtpClient) -> list[int]:
    client.settle()
    return [one.code for one in client.take()]


# In blocks.


@every_way
@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_files_are_sent_in_blocks(client: FtpClient, server: FtpServer, size: int) -> None:
    data = (DATA * (1 + size // len(DATA)))[:size]
    assert client.up("STOR /file", data) == [150, 226]
    assert client.down("RETR /file") == (data, [150, 226])
    assert server.data(DOWNLOAD_DONE)[0]["total"] == size


@every_way
def test_a_block_is_read_only_when_the_client_has_taken_the_one_before(
    client: FtpClient, server: FtpServer
) -> None:
    server.put("/file", DATA)
    data = client.connect()
    data.socket.room = 10_000
    assert client.codes("RETR /file") == [150]
    (control,) = server.service.hub.presence.peers
    assert control.data._connection is not None
    assert control.data._connection.outlet.queued < BLOCK + 10_000
    data.socket.room = None
    assert codes(client) == [226]
    assert data.received == DATA


class Shortening(MemoryFileSystem):
    """Files lose what is behind their first bytes as soon as they are opened."""

    kept = BLOCK

    async def download(self, path: VPath) -> Any:
        found = await super().download(path)
        del self.tree.find(path).data[self.kept :]
        return found


@every_way
@pytest.mark.parametrize("before", ["TYPE I", "TYPE A"])
def test_a_file_that_becomes_shorter_is_not_sent_as_if_it_were_whole(
    serve: Serve, way: Way, before: str
) -> None:
    server = serve(storage=lambda memory: Shortening(memory.tree, memory.owner))
    server.put("/file", DATA)
    client = FtpClient(server, way).arrive()
    client.say(before)
    sent, told = client.down("RETR /file")
    assert told == [150, 451]
    assert len(sent) <= Shortening.kept + len(DATA) // 200
    assert server.data(DOWNLOAD_FAILED)[0]["details"].endswith(SHORTER)


# By the kernel.


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


def local(disk: Path, **methods: Any) -> Callable[[Any], Any]:
    """The local disk in place of the memory; `methods` stand for those of the lane of a download.

    Each is given the lane, and then what the method is given.
    """

    def made(memory: Any) -> Any:
        volumes = Volumes(Inline(), io="inline")
        files = LocalFileSystem(str(disk), "ann", volumes)

        async def download(path: VPath) -> Any:
            found = await files.download(path)
            bound = {
                name: (lambda *given, method=method: method(found.lane, *given))
                for name, method in methods.items()
            }
            return Instead(found, lane=Instead(found.lane, **bound))

        return Instead(files, download=download)

    return made


@every_way
@pytest.mark.parametrize("size", [0, 1, BY_KERNEL, 3 * BY_KERNEL + 5])
def test_in_clear_the_kernel_sends_files(serve: Serve, way: Way, disk: Path, size: int) -> None:
    server = serve(storage=local(disk))
    server.kind = KernelSocket
    data = (DATA * (1 + size // len(DATA)))[:size]
    (disk / "file").write_bytes(data)
    client = FtpClient(server, way).arrive()
    assert client.down("RETR /file") == (data, [150, 226])
    (told,) = server.data(DATA_CLOSED)
    assert told["sent"] >= size
    assert server.service.hub.blocks._free == [] or way.secured
    client.leave()


def test_a_range_is_sent_by_the_kernel_as_well(serve: Serve, disk: Path) -> None:
    server = serve(storage=local(disk))
    server.kind = KernelSocket
    (disk / "file").write_bytes(DATA)
    client = FtpClient(server).arrive()
    client.say("RANG 10 19")
    assert client.down("RETR /file") == (DATA[10:20], [150, 226])
    client.leave()


def test_the_kernel_sends_no_more_than_is_there(serve: Serve, disk: Path) -> None:
    def ready(lane: Any, offset: int, size: int) -> bool:
        (disk / "file").write_bytes(DATA[:1000])
        return True

    server = serve(storage=local(disk, ready=ready))
    server.kind = KernelSocket
    (disk / "file").write_bytes(DATA)
    client = FtpClient(server).arrive()
    assert client.down("RETR /file") == (DATA[:1000], [150, 451])
    assert server.data(DOWNLOAD_FAILED)[0]["details"].endswith(SHORTER)
    client.leave()


def test_what_is_not_in_memory_is_fetched_before_the_kernel_sends_it(
    serve: Serve, disk: Path
) -> None:
    fetched: list[tuple[int, int]] = []

    def ready(lane: Any, offset: int, size: int) -> bool:
        return (offset, size) in fetched

    async def fetch(lane: Any, offset: int, size: int) -> None:
        fetched.append((offset, size))

    server = serve(storage=local(disk, ready=ready, fetch=fetch))
    server.kind = KernelSocket
    (disk / "file").write_bytes(DATA)
    client = FtpClient(server).arrive()
    assert client.down("RETR /file") == (DATA, [150, 226])
    assert fetched[0] == (0, len(DATA))
    client.leave()


def test_a_client_that_is_gone_ends_what_the_kernel_sends(serve: Serve, disk: Path) -> None:
    server = serve(storage=local(disk))
    server.kind = KernelSocket
    (disk / "file").write_bytes(DATA)
    client = FtpClient(server).arrive()
    data = client.connect()
    data.socket.die()
    assert client.codes("RETR /file") == [150, 426]
    assert server.data(DATA_BROKE)[0]["details"]
    client.leave()


# A slow disk.


@pytest.fixture
def slowness() -> Slowness:
    made = Slowness()
    made.slow = False
    return made


@pytest.fixture
def slow(serve: Serve, slowness: Slowness) -> FtpServer:
    return serve(storage=lambda memory: SlowFiles(memory, slowness))


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
    client, data = writing(slow, way, slowness, DATA)
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
    sent = bytearray(deflated(bytes(5 * MAX_STEP)) + deflated(DATA)[2:])
    broken = bytearray(zlib.compress(bytes(5 * MAX_STEP), 1))
    broken[len(broken) // 2 :] = b"\xff" * (len(broken) // 2)
    assert sent
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


# Text that is made piece by piece.


def broken_listing(error: Exception) -> Callable[[Any], Any]:
    async def batch() -> Any:
        raise error

    async def listing(path: VPath) -> Any:
        async def close() -> None:
            pass

        return Instead(None, batch=batch, close=close)

    return lambda memory: Instead(memory, list=listing)


@every_way
def test_a_listing_that_fails_in_the_middle(serve: Serve, way: Way) -> None:
    server = serve(storage=broken_listing(Refused(Reason.BROKEN, "", "a bad block")))
    client = FtpClient(server, way).arrive()
    assert client.down("LIST") == (b"", [150, 451])
    assert server.data(DATA_BROKE)[0]["details"] == "a bad block"
    assert len(server.data(10048)) == 1


def test_a_fault_in_a_listing_tells_an_id_only(serve: Serve, way: Way, faults: list[str]) -> None:
    server = serve(storage=broken_listing(RuntimeError("/secret/place")))
    client = FtpClient(server, way).arrive()
    assert client.down("LIST") == (b"", [150, 451])
    assert "/secret/place" in faults.pop()
    assert "secret" not in server.data(DATA_BROKE)[0]["details"]


@every_way
def test_a_listing_that_is_cut_ends_where_it_waits(client: FtpClient, server: FtpServer) -> None:
    for number in range(1000):
        server.put(f"/{number}", b"")
    data = client.connect()
    data.socket.room = 5000
    assert client.codes("LIST") == [150]
    assert client.codes("ABOR") == [426, 226]
    assert data.closed
    assert len(server.data(10047)) == 1
    (session,) = (control.session for control in server.service.hub.presence.peers)
    assert session is not None
    assert not session.opened


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


def test_a_lane_that_is_slow_may_be_fast_again(serve: Serve) -> None:
    later = iter([True, False, True, False, False, False])

    class Sometimes(MemoryFileSystem):
        async def download(self, path: VPath) -> Any:
            found = await super().download(path)
            lane: Any = found.lane

            def read_into(views: Any, offset: int) -> Any:
                return LATER if next(later) else lane.read_into(views, offset)

            async def read_later(views: Any, offset: int) -> Any:
                return lane.read_into(views, offset)

            return Instead(found, lane=Instead(lane, read_into=read_into, read_later=read_later))

    server = serve(storage=lambda memory: Sometimes(memory.tree, memory.owner))
    server.put("/file", DATA)
    assert FtpClient(server).arrive().down("RETR /file") == (DATA, [150, 226])


Work = Coroutine[Any, Any, None]
assert Existing
