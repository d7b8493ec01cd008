"""A folder as a ZIP: what is in it, what is told of it, and that it never lacks a file silently."""

import io
import stat
from collections.abc import Callable
from typing import Any
from zipfile import ZipFile

import pytest

from mft.core.failure import Reason
from mft.core.vpath import VPath
from mft.events import catalogue as e
from mft.protocols.http import folders, zip_answer
from mft.protocols.http.answered_file import LEFT
from mft.protocols.http.answered_text import MAX_UNSENT
from mft.protocols.http.answers import HTML
from mft.protocols.http.zip_answer import MAX_WAITING, STEP, TURN, ZIP, send_zip
from mft.protocols.sending_file import BLOCK, SHORTER
from mft.vfs.base import Attributes
from mft.vfs.memory import MemoryFileSystem
from mft.wire import zip as wire
from mft.wire.http.framing import LAST_CHUNK
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_server import Answer, HttpClient, HttpServer
from tests.fakes.run import run
from tests.fakes.slow import SlowFiles, Slowness

Serve = Callable[..., HttpServer]

LARGE = bytes(range(256)) * 1024 * 3 + b"odd"  # three blocks and a little
ZIPS = (e.HTTP_ZIP_STARTED, e.HTTP_ZIP_DONE, e.HTTP_ZIP_FAILED)
TOLD = (*ZIPS, e.HTTP_READ_OPENED, e.HTTP_DOWNLOAD_DONE, e.HTTP_DOWNLOAD_FAILED)


def fill(server: HttpServer) -> None:
    """Files small and large, in folders within folders, and an empty one."""
    for folder in ("/f", "/f/in", "/f/in/deep", "/f/empty"):
        run(server.owner().make_directory(VPath.parse(folder)))
    server.put("/beside", b"beside")
    server.put("/f/small", b"small")
    server.put("/f/nothing", b"")
    server.put("/f/in/large", LARGE)
    server.put("/f/in/deep/naïve", b"deep")


FILLED = {
    "small": b"small",
    "nothing": b"",
    "in/": b"",
    "in/large": LARGE,
    "in/deep/": b"",
    "in/deep/naïve": b"deep",
    "empty/": b"",
}


def held(data: bytes) -> dict[str, bytes]:
    """What is in a ZIP, which must be sound."""
    found = ZipFile(io.BytesIO(data))
    assert found.testzip() is None
    assert len(set(found.namelist())) == len(found.namelist())
    return {info.filename: found.read(info) for info in found.infolist()}


def ask(client: HttpClient, target: str = "/home/f/") -> Answer:
    return client.ask("GET", target, Accept=ZIP)


def told(server: HttpServer) -> list[int]:
    """The events of ZIPs and of the files in them, in their order."""
    numbers = {event.number for event in TOLD}
    return [number for number in server.numbers() if number in numbers]


def zips(server: HttpServer) -> list[Any]:
    """What was told of ZIPs only."""
    numbers = {event.number for event in ZIPS}
    return [(one.event, one.data) for one in server.told if one.event.number in numbers]


def why(server: HttpServer) -> str:
    """Why a ZIP has failed: its two events are told, and nothing that contradicts them."""
    begun, failed = zips(server)
    assert (begun[0], failed[0]) == (e.HTTP_ZIP_STARTED, e.HTTP_ZIP_FAILED)
    return str(failed[1]["details"])


def cut(client: HttpClient, server: HttpServer) -> str:
    """Ask for a ZIP that cannot come to its end: the client sees that. Why, as it is told."""
    client.write(client.head("GET", "/home/f/", Accept=ZIP))
    assert client.end.received.startswith(b"HTTP/1.1 200 ")
    assert client.closed
    assert not client.end.notified
    assert not client.end.received.endswith(LAST_CHUNK)
    return why(server)


def ann(permissions: str) -> Any:
    return account("ann", password=CHEAP_HASH, permissions=permissions)


# What comes.


def test_a_folder_comes_with_all_that_is_in_it(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    answer = ask(client)
    assert answer.status == 200
    assert answer.field("Content-Type") == "application/zip"
    assert answer.field("Content-Disposition") == 'attachment; filename="f.zip"'
    assert answer.field("Transfer-Encoding") == "chunked"
    assert held(answer.body) == FILLED
    assert client.ask("GET", "/home/f/small").body == b"small", "the connection goes on"


def test_modes_and_times_come_along(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    attributes = Attributes(mode=0o600, modified=1_000_000_000)
    run(server.owner().change(VPath.parse("/f/small"), attributes))
    run(server.owner().change(VPath.parse("/f/in"), attributes))
    found = ZipFile(io.BytesIO(ask(client).body))
    for name, kind in (("small", stat.S_IFREG), ("in/", stat.S_IFDIR)):
        assert found.getinfo(name).external_attr >> 16 == kind | 0o600
        assert found.getinfo(name).date_time == (2001, 9, 9, 1, 46, 40)


def test_a_home_is_named_after_its_account(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    answer = ask(client, "/home/")
    assert answer.field("Content-Disposition") == 'attachment; filename="ann.zip"'
    assert set(held(answer.body)) == {"beside", "f/", *(f"f/{name}" for name in FILLED)}


def test_an_empty_folder_is_an_empty_zip(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    assert held(ask(client, "/home/f/empty/").body) == {}


@pytest.mark.parametrize(
    ("accept", "query", "is_zip"),
    [
        ("application/zip", "", True),
        ("application/json;q=0.5, application/zip", "", True),
        ("application/json, application/zip", "", False),
        ("*/*", "", False),
        ("text/html;q=0.4, application/zip;q=0.5, application/json;q=0.3", "", True),
        ("*/*", "?zip", True),
        (None, "?zip", True),
        (None, "?zip=1", True),
        (None, "?zap", False),
    ],
)
def test_a_zip_comes_where_it_is_what_the_client_wants(
    client: HttpClient, server: HttpServer, accept: str | None, query: str, is_zip: bool
) -> None:
    fill(server)
    answer = client.ask("GET", f"/home/f/{query}", Accept=accept)
    assert answer.field("Content-Type") == (ZIP if is_zip else "application/json")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("accept", [f"text/html, {ZIP};q=0.5", f"{ZIP}, text/html"])
def test_a_page_comes_where_a_zip_is_liked_no_better(
    client: HttpClient, server: HttpServer, accept: str, method: str
) -> None:
    fill(server)
    answer = client.ask(method, "/home/f/", Accept=accept)
    assert answer.field("Content-Type") == HTML


def test_links_and_what_is_no_file_are_left_out(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    run(server.owner().make_link(VPath.parse("/f/link"), "/beside"))
    run(server.owner().make_link(VPath.parse("/f/to-folder"), "/f/in"))
    server.tree.directory(VPath(("f",))).children["pipe"] = server.tree.node(stat.S_IFIFO | 0o644)
    assert held(ask(client).body) == FILLED


def test_a_name_with_a_backslash_leads_nowhere(client: HttpClient, server: HttpServer) -> None:
    server.put("/..\\a", b"x")
    assert held(ask(client, "/home/").body) == {"..\uff3ca": b"x"}


def test_http_1_0_has_no_chunks(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    head = client.head("GET", "/home/f/?zip").replace(b"HTTP/1.1", b"HTTP/1.0")
    client.write(head)
    answer = client.answer()
    assert answer.field("Transfer-Encoding") is None
    assert answer.field("Connection") == "close"
    assert held(answer.body) == FILLED
    assert client.closed


def test_a_head_is_told_the_same_and_nothing_is_read(
    client: HttpClient, server: HttpServer
) -> None:
    fill(server)
    whole = ask(client)
    server.told.clear()
    answer = client.ask("HEAD", "/home/f/", Accept=ZIP)
    assert [pair for pair in answer.fields if pair[0] != "Date"] == [
        pair for pair in whole.fields if pair[0] != "Date"
    ]
    assert not client.end.received
    assert told(server) == []
    assert client.ask("GET", "/home/f/small").body == b"small"


# What is told.


def test_each_file_and_the_whole_are_told(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    ask(client)
    opened, done = e.HTTP_READ_OPENED.number, e.HTTP_DOWNLOAD_DONE.number
    assert told(server) == [40016, *[opened, done] * 4, 40025]
    (begun,), (ended,) = server.data(40016), server.data(40025)
    assert begun == {"initial_count": 1}
    assert ended == {"count": 4}
    sizes = {one["path"]: one["total_read"] for one in server.data(done)}
    assert sizes == {
        "/f/small": 5,
        "/f/nothing": 0,
        "/f/in/large": len(LARGE),
        "/f/in/deep/naïve": 4,
    }


# What is refused before it begins.


@pytest.mark.parametrize("target", ["/home/f/in/", "/home/missing/", "/home/beside/"])
def test_what_is_no_folder_that_may_be_listed_is_refused(serve: Serve, target: str) -> None:
    server = serve(ann("allow-full-control\n/f/in, allow-read"))
    fill(server)
    client = HttpClient(server)
    for method in ("GET", "HEAD"):
        answer = client.ask(method, target, Accept=ZIP)
        assert answer.status == {"in": 403, "missing": 404, "beside": 409}[target.split("/")[-2]]
    assert told(server) == []


# What ends it.


def test_a_file_that_may_not_be_read_ends_it(serve: Serve) -> None:
    server = serve(ann("allow-full-control\n/f/in/deep/*, allow-list"))
    fill(server)
    assert cut(HttpClient(server), server).startswith("/f/in/deep/naïve: ")


def test_a_folder_that_may_not_be_listed_ends_it(serve: Serve) -> None:
    server = serve(ann("allow-full-control\n/f/in/deep, allow-read"))
    fill(server)
    assert cut(HttpClient(server), server).startswith("/f/in/deep: ")


def test_files_that_no_listing_shows_are_not_in_it(serve: Serve) -> None:
    server = serve(ann("allow-full-control\n/f/in, allow-traverse"))
    fill(server)
    found = held(ask(HttpClient(server)).body)
    assert found == {name: data for name, data in FILLED.items() if name != "in/large"}


class Meanwhile:
    """Storage in which something happens as soon as a file is open."""

    def __init__(self, memory: MemoryFileSystem, happens: Callable[[VPath], None]) -> None:
        self._memory = memory
        self._happens = happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    async def download(self, path: VPath) -> Any:
        found = await self._memory.download(path)
        self._happens(path)
        return found


def happening(serve: Serve, happens: Callable[[HttpServer, VPath], None]) -> HttpServer:
    """A server, filled, where something happens to a file between its opening and its reading."""
    made: list[HttpServer] = []
    server = serve(storage=lambda memory: Meanwhile(memory, lambda path: happens(made[0], path)))
    made.append(server)
    fill(server)
    return server


def test_what_a_file_grows_by_is_not_in_it(serve: Serve) -> None:
    def grow(server: HttpServer, path: VPath) -> None:
        server.tree.find(path).data += b"more"

    assert held(ask(HttpClient(happening(serve, grow))).body) == FILLED


@pytest.mark.parametrize("name", ["small", "large"])
def test_a_file_that_becomes_shorter_ends_it(serve: Serve, name: str) -> None:
    def shrink(server: HttpServer, path: VPath) -> None:
        if path.name == name:
            del server.tree.find(path).data[-1:]

    server = happening(serve, shrink)
    assert cut(HttpClient(server), server).endswith(f"/{name}: {SHORTER}")
    (failed,) = server.data(e.HTTP_READ_FAILED.number)
    assert failed["details"] == SHORTER
    (failed,) = server.data(e.HTTP_DOWNLOAD_FAILED.number)
    assert failed["total_read"] == (0 if name == "small" else 3 * BLOCK)


def test_a_file_that_has_gone_ends_it(serve: Serve) -> None:
    def take(server: HttpServer, path: VPath) -> None:
        server.tree.directory(VPath(("f",))).children.pop("nothing", None)

    server = happening(serve, take)
    assert cut(HttpClient(server), server).startswith("/f/nothing: ")


def test_a_fault_of_ours_ends_it(serve: Serve, faults: list[str]) -> None:
    def break_down(server: HttpServer, path: VPath) -> None:
        raise ZeroDivisionError

    server = happening(serve, break_down)
    assert cut(HttpClient(server), server) == Reason.BROKEN.value
    assert "ZeroDivisionError" in faults.pop()


def test_more_members_than_the_directory_can_hold_end_it(
    client: HttpClient, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(server)
    monkeypatch.setattr(wire, "MAX_DIRECTORY", 150)
    assert "more members" in cut(client, server)


def test_more_folders_side_by_side_than_are_remembered_end_it(
    client: HttpClient, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(server)
    run(server.owner().make_directory(VPath.parse("/f/third")))
    monkeypatch.setattr(zip_answer, "MAX_WAITING", 2)
    assert cut(client, server) == "/f/third: more than 2 folders side by side"
    assert MAX_WAITING == 1 << 16


# Clients that are slow, or leave, and others that wait.


def test_a_slow_client_is_waited_for(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    for number in range(4):
        server.put(f"/f/in/more-{number}", LARGE)
    socket = server.sockets[-1]
    socket.room = 0
    client.write(client.head("GET", "/home/f/", Accept=ZIP))
    transport: Any = next(iter(server.service.hub.presence.peers)).line.outlet
    most = transport.queued
    while not told(server) or told(server)[-1] != e.HTTP_ZIP_DONE.number:
        socket.room = 100_000
        client.settle()
        most = max(most, transport.queued)
    socket.room = None
    client.settle()
    assert most < MAX_UNSENT + 2 * BLOCK
    assert len(held(client.answer().body)) == len(FILLED) + 4


@pytest.mark.parametrize("room", [0, BLOCK])
def test_a_client_that_leaves_ends_it(client: HttpClient, server: HttpServer, room: int) -> None:
    fill(server)
    server.put("/f/in/large", LARGE * 3)
    socket = server.sockets[-1]
    socket.room = room
    client.write(client.head("GET", "/home/f/in/", Accept=ZIP))
    assert [event for event, _ in zips(server)] == [e.HTTP_ZIP_STARTED]
    socket.reset = True
    client.settle()
    assert why(server) == LEFT
    opened, failed = e.HTTP_READ_OPENED.number, e.HTTP_DOWNLOAD_FAILED.number
    assert told(server) == [40016, opened, failed, 40041]


def test_a_client_that_leaves_while_the_disk_reads_ends_it(serve: Serve) -> None:
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    fill(server)
    client = HttpClient(server)
    ask(client, "/home/f/empty/")  # to be logged in before the disk is slow
    server.told.clear()
    slowness.slow = True
    client.write(client.head("GET", "/home/f/in/?zip"))
    slowness.let_go()  # it is a file, and is opened
    client.settle()
    server.sockets[-1].reset = True
    client.settle()
    slowness.let_all_go(client.settle)
    assert why(server) == LEFT
    assert slowness.reads == 1, "nothing is read for nobody"


def test_a_disk_that_makes_one_wait_is_waited_for(serve: Serve) -> None:
    slowness = Slowness()
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    slowness.slow = False
    fill(server)
    client = HttpClient(server)
    ask(client, "/home/f/empty/")
    slowness.slow = True
    client.write(client.head("GET", "/home/f/?zip"))
    slowness.let_all_go(client.settle)
    assert held(client.answer().body) == FILLED
    assert slowness.reads > 4


@pytest.mark.parametrize("kind", ["files", "folders", "bytes"])
def test_others_have_their_turn_meanwhile(
    client: HttpClient, server: HttpServer, kind: str
) -> None:
    run(server.owner().make_directory(VPath.parse("/f")))
    count = 10 if kind == "bytes" else 50
    for number in range(count):
        if kind == "folders":
            run(server.owner().make_directory(VPath.parse(f"/f/{number}")))
        else:
            server.put(f"/f/{number}", LARGE if kind == "bytes" else b"x")
    ask(client, "/home/f/0/?zip")
    client.end.write(client.head("GET", "/home/f/", Accept=ZIP))
    turns, done = 0, len(zips(server))
    while len(zips(server)) < done + 2:
        client.end.pump()
        before = server.numbers().count(e.HTTP_READ_OPENED.number)
        server.reactor.turn()
        assert server.numbers().count(e.HTTP_READ_OPENED.number) - before <= TURN // STEP
        turns += 1
    client.settle()
    spent = count * len(LARGE) if kind == "bytes" else count * STEP
    assert turns >= spent // (TURN + BLOCK)
    client.answer()


# Some of a folder.


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let a ZIP be of these names only."""

    def use(*names: str) -> None:
        async def some(exchange: Any, path: VPath) -> None:
            await send_zip(exchange, path, names)

        monkeypatch.setattr(folders, "send_zip", some)

    return use


def test_some_of_a_folder_comes_with_all_that_is_below(
    client: HttpClient, server: HttpServer, choose: Callable[..., None]
) -> None:
    fill(server)
    run(server.owner().make_link(VPath.parse("/f/link"), "/beside"))
    choose("in", "small", "small", "link")
    answer = ask(client)
    assert answer.field("Content-Disposition") == 'attachment; filename="f.zip"'
    assert held(answer.body) == {
        name: data for name, data in FILLED.items() if name.startswith("in/") or name == "small"
    }
    assert server.data(40016) == [{"initial_count": 3}]
    assert server.data(40025) == [{"count": 3}]


@pytest.mark.parametrize("name", ["missing", "in/large", "../beside", "", ".."])
def test_a_name_that_is_not_in_the_folder_is_refused(
    client: HttpClient, server: HttpServer, choose: Callable[..., None], name: str
) -> None:
    fill(server)
    choose("small", name)
    assert ask(client).status == 404
    assert told(server) == []
    assert client.ask("GET", "/home/f/small").status == 200


def test_no_names_at_all_are_refused(
    client: HttpClient, server: HttpServer, choose: Callable[..., None]
) -> None:
    fill(server)
    choose()
    assert ask(client).status == 400
    assert told(server) == []
