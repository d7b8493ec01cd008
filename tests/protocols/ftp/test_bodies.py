"""What moves over a data connection: in blocks, by the kernel, converted, and on a slow disk."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.sending_file import BLOCK, BY_KERNEL, SHORTER
from mft.vfs.base import LATER
from mft.vfs.local import LocalFileSystem
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.volume import Volumes
from tests.fakes.ftp_client import FtpClient, Way
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import FtpServer, KernelSocket
from tests.fakes.ftp_transfers import codes
from tests.fakes.instead import Instead
from tests.fakes.threads import Inline

Serve = Callable[..., FtpServer]

DOWNLOAD_DONE, DOWNLOAD_FAILED, DATA_CLOSED, DATA_BROKE = 10069, 10070, 10030, 10031
DATA = bytes(range(251)) * 4000  # 1 MB, almost


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


def test_what_the_system_does_not_keep_in_memory_is_read_and_not_fetched_for_ever(
    serve: Serve, disk: Path
) -> None:
    fetched: list[tuple[int, int]] = []

    async def fetch(lane: Any, offset: int, size: int) -> None:
        fetched.append((offset, size))

    never = {"ready": lambda lane, offset, size: False, "fetch": fetch}
    server = serve(storage=local(disk, **never))
    server.kind = KernelSocket
    (disk / "file").write_bytes(DATA)
    client = FtpClient(server).arrive()
    assert client.down("RETR /file") == (DATA, [150, 226])
    assert fetched == [(0, len(DATA))]
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


def changed(**methods: Any) -> Callable[[Any], Any]:
    """The memory, with other methods of the lanes of downloads; each is given its lane first."""

    def made(memory: Any) -> Any:
        async def download(path: VPath) -> Any:
            found = await memory.download(path)
            bound = {name: partial(method, found.lane) for name, method in methods.items()}
            return Instead(found, lane=Instead(found.lane, **bound))

        return Instead(memory, download=download)

    return made


@every_way
@pytest.mark.parametrize("kind", ["I", "A"])
def test_a_disk_that_fails_at_once_in_a_download(serve: Serve, way: Way, kind: str) -> None:
    def read_into(lane: Any, views: Any, offset: int) -> int:
        raise Refused(Reason.BROKEN, "", "a bad block")

    server = serve(storage=changed(read_into=read_into))
    server.put("/file", DATA)
    client = FtpClient(server, way).arrive()
    client.say(f"TYPE {kind}")
    assert client.down("RETR /file") == (b"", [150, 451])
    assert server.data(DOWNLOAD_FAILED)[0]["details"].endswith("a bad block")
    free = server.service.hub.blocks._free
    assert len({id(one.obj) for one in free}) == len(free)


def test_what_the_kernel_cannot_send_is_read(serve: Serve, disk: Path) -> None:
    reads, writes = os.pipe()
    server = serve(storage=local(disk, fileno=lambda lane: reads))
    server.kind = KernelSocket
    (disk / "file").write_bytes(DATA)
    client = FtpClient(server).arrive()
    assert client.down("RETR /file") == (DATA, [150, 226])
    client.leave()
    os.close(reads)
    os.close(writes)


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


def slow_listing(waiting: "list[Deferred[Any]]") -> Callable[[Any], Any]:
    """Listings whose every batch waits; `waiting` has what they wait for."""

    async def batch() -> Any:
        waiting.append(Deferred())
        return await waiting[-1]

    async def close() -> None:
        pass

    async def listing(path: VPath) -> Any:
        return Instead(None, batch=batch, close=close)

    return lambda memory: Instead(memory, list=listing)


@every_way
def test_a_listing_waits_for_a_slow_disk(serve: Serve, way: Way) -> None:
    waiting: list[Deferred[Any]] = []
    server = serve(storage=slow_listing(waiting))
    server.put("/file", b"")
    entry = server.tree.find(VPath.parse("/file")).entry("file")
    client = FtpClient(server, way).arrive()
    data = client.connect()
    assert client.codes("NLST") == [150]
    for _ in range(5):
        assert client.wait(30) == []
    waiting[0].callback([entry])
    client.settle()
    waiting[1].callback([])
    assert codes(client) == [226]
    assert data.received == b"file\r\n"


@every_way
def test_a_listing_that_is_cut_waits_for_the_disk_all_the_same(serve: Serve, way: Way) -> None:
    waiting: list[Deferred[Any]] = []
    server = serve(storage=slow_listing(waiting))
    entry = server.tree.root.entry("folder")
    client = FtpClient(server, way).arrive()
    client.connect()
    assert client.codes("NLST") == [150]
    assert client.codes("ABOR") == []
    waiting[0].callback([entry])
    assert codes(client) == [426, 226]
    assert len(waiting) == 1


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


def test_the_last_byte_of_text_may_be_one_too_many(serve: Serve) -> None:
    server = serve(
        storage=lambda memory: MemoryFileSystem(memory.tree, memory.owner, file_write_size=3)
    )
    client = FtpClient(server).arrive()
    client.say("TYPE A")
    assert client.up("STOR /file", b"one\r") == [150, 552]
    assert server.names() == []
    assert client.up("STOR /file", b"one") == [150, 226]


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
