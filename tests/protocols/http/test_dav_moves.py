"""COPY and MOVE."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.vfs.base import Download, Entry, FileSystem
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.mounts import MountedFileSystem
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.files import get, put
from tests.fakes.http_server import HOST, Answer, HttpClient, HttpServer
from tests.fakes.instead import Instead
from tests.fakes.run import run

Serve = Callable[..., HttpServer]

COPIED, COPY_FAILED = events.HTTP_COPY_DONE.number, events.HTTP_COPY_FAILED.number
RENAMED, RENAME_FAILED = events.HTTP_RENAME_DONE.number, events.HTTP_RENAME_FAILED.number
BAD = events.HTTP_BAD_REQUEST.number


def fill(server: HttpServer) -> HttpServer:
    """A tree: /file, /other, /folder/inner, /folder/deep/deeper, /full/kept, /empty."""
    owner = server.owner()
    for folder in ("/folder", "/folder/deep", "/full", "/empty"):
        run(owner.make_directory(VPath.parse(folder)))
    for file in ("/file", "/other", "/folder/inner", "/folder/deep/deeper", "/full/kept"):
        server.put(file, file.encode())
    return server


@pytest.fixture
def server(serve: Serve) -> HttpServer:
    return fill(serve(began=1_000_000_000))


def ann(serve: Serve, permissions: str, **options: str) -> HttpClient:
    one = account("ann", password=CHEAP_HASH, permissions=permissions, **options)
    return HttpClient(fill(serve(one)))


def go(
    client: HttpClient, method: str, source: str, target: str | None, **fields: str | None
) -> Answer:
    destination = None if target is None else f"/home{target}"
    return client.ask(method, f"/home{source}", None, Destination=destination, **fields)


def tree(server: HttpServer, path: str = "/") -> dict[str, Any]:
    """What is below a path: bytes of files, and of folders the same again."""
    owner = server.owner()
    found: dict[str, Any] = {}
    for name in server.names(path):
        child = VPath.parse(path).child(name)
        entry = run(owner.stat(child, follow=False))
        if entry.is_directory:
            found[name] = tree(server, str(child))
        else:
            found[name] = None if entry.is_link else server.get(str(child))
    return found


BOTH = pytest.mark.parametrize("method", ["COPY", "MOVE"])


# A file.


def test_a_file_is_copied(server: HttpServer, client: HttpClient) -> None:
    answer = go(client, "COPY", "/file", "/full/new%20%C3%BC")
    assert (answer.status, answer.body) == (201, b"")
    assert answer.field("Server-Path") == "/full/new%20%C3%BC"
    assert server.get("/full/new ü") == server.get("/file") == b"/file"
    assert server.numbers()[-1] == COPIED
    assert server.data(COPIED) == [
        {
            "path": "/full/new ü",
            "real_path": "memory:/full/new ü",
            "from": "/file",
            "total_write": 5,
        }
    ]


def test_a_file_is_moved(server: HttpServer, client: HttpClient) -> None:
    answer = go(client, "MOVE", "/file", "/full/new%20%C3%BC")
    assert (answer.status, answer.body) == (201, b"")
    assert answer.field("Server-Path") == "/full/new%20%C3%BC"
    assert server.get("/full/new ü") == b"/file"
    assert "file" not in server.names()
    assert server.numbers()[-1] == RENAMED


@BOTH
def test_a_file_replaces_another(server: HttpServer, client: HttpClient, method: str) -> None:
    for overwrite in ("T", None):
        server.put("/file", b"new")
        server.put("/other", b"old")
        assert go(client, method, "/file", "/other", Overwrite=overwrite).status == 204
        assert server.get("/other") == b"new"
    assert ("file" in server.names()) is (method == "COPY")


@BOTH
def test_a_file_replaces_a_folder_with_all_that_is_in_it(
    server: HttpServer, client: HttpClient, method: str
) -> None:
    assert go(client, method, "/file", "/folder").status == 204
    assert server.get("/folder") == b"/file"


@BOTH
@pytest.mark.parametrize("target", ["/other", "/folder", "/empty"])
def test_nothing_is_replaced_without_being_asked(
    server: HttpServer, client: HttpClient, method: str, target: str
) -> None:
    before = tree(server)
    assert go(client, method, "/file", target, Overwrite="F").status == 412
    assert tree(server) == before
    assert go(client, method, "/file", "/new", Overwrite="F").status == 201


@BOTH
def test_what_is_missing_is_told_apart(server: HttpServer, client: HttpClient, method: str) -> None:
    before = tree(server)
    assert go(client, method, "/missing", "/new").status == 404
    assert go(client, method, "/missing", "/full").status == 404
    assert go(client, method, "/missing", "/gone/new").status == 404
    assert go(client, method, "/file", "/gone/new").status == 409
    assert go(client, method, "/file", "/other/new").status == 409
    assert tree(server) == before


@BOTH
def test_one_event_tells_of_a_refusal(server: HttpServer, client: HttpClient, method: str) -> None:
    failed = {"COPY": COPY_FAILED, "MOVE": RENAME_FAILED}[method]
    for target, overwrite in (("/gone/new", "T"), ("/other", "F")):
        go(client, method, "/file", target, Overwrite=overwrite)
        assert server.numbers()[-1] == failed
    assert len(server.data(failed)) == 2


# A folder.


def test_a_folder_is_moved_with_all_that_is_in_it(server: HttpServer, client: HttpClient) -> None:
    before = tree(server, "/folder")
    answer = go(client, "MOVE", "/folder/", "/full/new/", Depth="infinity")
    assert (answer.status, answer.field("Server-Path")) == (201, "/full/new/")
    assert tree(server, "/full/new") == before
    assert "folder" not in server.names()
    assert go(client, "MOVE", "/full/new", "/again").status == 201
    assert tree(server, "/again") == before


@pytest.mark.parametrize("target", ["/full", "/empty", "/other"])
def test_a_folder_replaces_what_is_there(
    server: HttpServer, client: HttpClient, target: str
) -> None:
    before = tree(server)
    assert go(client, "MOVE", "/folder", target, Overwrite="F").status == 412
    assert tree(server) == before
    assert go(client, "MOVE", "/folder", target).status == 204
    assert tree(server, target) == before["folder"]
    assert "folder" not in server.names()


def test_a_folder_is_not_moved_without_what_is_in_it(
    server: HttpServer, client: HttpClient
) -> None:
    for depth in ("0", "1", "2"):
        assert go(client, "MOVE", "/folder/", "/new/", Depth=depth).status == 400
    assert go(client, "MOVE", "/file", "/new", Depth="0").status == 201


def test_a_folder_is_copied_without_what_is_in_it(server: HttpServer, client: HttpClient) -> None:
    answer = go(client, "COPY", "/folder/", "/new/", Depth="0")
    assert (answer.status, answer.field("Server-Path")) == (201, "/new/")
    assert tree(server, "/new") == {}
    assert tree(server, "/folder")
    assert go(client, "COPY", "/folder/", "/full", Depth="0", Overwrite="F").status == 412
    assert tree(server, "/full")
    assert go(client, "COPY", "/folder/", "/full", Depth="0").status == 204
    assert tree(server, "/full") == {}
    assert go(client, "COPY", "/folder/", "/other", Depth="0").status == 204
    assert tree(server, "/other") == {}
    assert go(client, "COPY", "/folder/", "/gone/new", Depth="0").status == 409


@pytest.mark.parametrize("depth", ["infinity", None])
def test_a_folder_is_copied_with_what_is_in_it(
    server: HttpServer, client: HttpClient, depth: str | None
) -> None:
    before = tree(server, "/folder")
    answer = go(client, "COPY", "/folder/", "/new/", Depth=depth)
    assert (answer.status, answer.field("Server-Path")) == (201, "/new/")
    assert tree(server, "/new") == tree(server, "/folder") == before
    assert go(client, "COPY", "/folder/", "/full", Depth=depth, Overwrite="F").status == 412
    assert go(client, "COPY", "/folder/", "/full", Depth=depth).status == 204
    assert tree(server, "/full") == before
    assert go(client, "COPY", "/folder/", "/gone/new", Depth=depth).status == 409


@pytest.mark.parametrize(
    ("rule", "href", "status"),
    [
        ("/folder/deep/*, allow-list", "/home/folder/deep/deeper", "HTTP/1.1 403 Forbidden"),
        ("/new/deep/*, allow-list", "/home/new/deep/deeper", "HTTP/1.1 403 Forbidden"),
        ("/new/deep, allow-list", "/home/new/deep/", "HTTP/1.1 403 Forbidden"),
        ("/folder/deep, allow-read", "/home/folder/deep/", "HTTP/1.1 403 Forbidden"),
    ],
)
def test_what_stops_a_copy_of_a_folder_is_told_by_its_name(
    serve: Serve, rule: str, href: str, status: str
) -> None:
    client = ann(serve, f"allow-full-control\n{rule}")
    answer = go(client, "COPY", "/folder/", "/new/")
    assert (answer.status, answer.field("Content-Type")) == (207, "application/xml; charset=utf-8")
    (row,) = ET.fromstring(answer.body)
    assert (row.findtext("{DAV:}href"), row.findtext("{DAV:}status")) == (href, status)
    assert row.findtext("{DAV:}responsedescription") == "Permission denied"


@pytest.mark.parametrize("rule", ["/new, allow-list", "/folder, allow-read"])
def test_a_folder_that_cannot_be_copied_at_all_is_refused_as_a_whole(
    serve: Serve, rule: str
) -> None:
    client = ann(serve, f"allow-full-control\n{rule}")
    assert go(client, "COPY", "/folder/", "/new/").status == 403


def test_a_copy_without_what_is_in_its_folders_is_none(
    server: HttpServer, client: HttpClient
) -> None:
    assert go(client, "COPY", "/folder/", "/new/", Depth="1").status == 400
    assert "new" not in server.names()


def test_no_copy_goes_into_its_source_by_a_link(server: HttpServer, client: HttpClient) -> None:
    run(server.owner().make_link(VPath.parse("/link"), "folder/deep"))
    before = tree(server)
    assert go(client, "COPY", "/folder/", "/link/new/").status == 403
    assert tree(server) == before


# Onto itself and into itself.


@BOTH
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("/file", "/file"),
        ("/file", "/file/"),
        ("/file", "/file/x"),
        ("/folder/inner", "/folder"),
        ("/folder/deep/deeper", "/folder"),
        ("/file", "/"),
    ],
)
def test_nothing_goes_onto_itself(
    server: HttpServer, client: HttpClient, method: str, source: str, target: str
) -> None:
    before = tree(server)
    for overwrite in ("T", "F"):
        assert go(client, method, source, target, Overwrite=overwrite).status == 403
        assert server.numbers()[-1] == BAD
    assert tree(server) == before


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("/folder", "/folder"),
        ("/folder", "/folder/new"),
        ("/folder", "/folder/deep"),
        ("/folder/deep", "/folder"),
        ("/", "/folder"),
        ("/folder", "/"),
    ],
)
def test_no_folder_goes_into_itself(
    server: HttpServer, client: HttpClient, source: str, target: str
) -> None:
    before = tree(server)
    assert go(client, "MOVE", source, target).status == 403
    assert go(client, "COPY", source, target, Depth="0").status == 403
    assert go(client, "COPY", source, target).status == 403
    assert tree(server) == before


@BOTH
@pytest.mark.parametrize(
    ("leads", "source", "target"),
    [
        ("folder", "/folder/deep/deeper", "/link/deep"),
        ("folder", "/link/deep/deeper", "/folder"),
        ("folder/deep", "/link/deeper", "/folder"),
    ],
)
def test_no_link_leads_around_that(
    server: HttpServer, client: HttpClient, method: str, leads: str, source: str, target: str
) -> None:
    run(server.owner().make_link(VPath.parse("/link"), leads))
    before = tree(server)
    assert go(client, method, source, target).status == 403
    assert tree(server) == before


def test_neither_does_a_second_mount_of_the_same_folder(serve: Serve) -> None:
    """Files below /alias are those of /folder."""

    def real(path: VPath) -> VPath:
        return VPath(("folder", *path.parts[1:])) if path.parts[:1] == ("alias",) else path

    def storage(memory: MemoryFileSystem) -> FileSystem:
        async def stat(path: VPath, *, follow: bool = True, finished: bool = False) -> Entry:
            return await memory.stat(real(path), follow=follow, finished=finished)

        return Instead(memory, stat=stat)

    server = fill(serve(storage=storage))
    client = HttpClient(server)
    before = tree(server)
    assert go(client, "MOVE", "/alias/inner", "/folder").status == 403
    assert go(client, "MOVE", "/folder", "/alias/deep").status == 403
    assert go(client, "COPY", "/folder", "/alias/new").status == 403
    assert tree(server) == before


def test_a_link_is_moved_and_replaced_as_a_link(server: HttpServer, client: HttpClient) -> None:
    owner = server.owner()
    run(owner.make_link(VPath.parse("/link"), "folder"))
    before = tree(server, "/folder")
    assert go(client, "MOVE", "/link", "/moved").status == 201
    assert run(owner.stat(VPath.parse("/moved"), follow=False)).is_link
    assert go(client, "MOVE", "/file", "/moved").status == 204
    assert server.get("/moved") == b"/file"
    assert tree(server, "/folder") == before


# What is there is not removed for what is refused then.


@pytest.mark.parametrize("source", ["/file", "/folder"])
def test_what_is_in_another_virtual_folder_stays(serve: Serve, source: str) -> None:
    far = MemoryFileSystem()
    for folder in (*map(str, range(20)), "kept"):  # whose numbers are not those of the home
        run(far.make_directory(VPath((folder,))))
    put(far, VPath.parse("/kept/file"), b"kept")

    def storage(memory: MemoryFileSystem) -> FileSystem:
        return MountedFileSystem(memory, {VPath.parse("/far"): far})

    server = fill(serve(storage=storage))
    before = tree(server)
    assert go(HttpClient(server), "MOVE", source, "/far/kept").status == 501
    assert get(far, VPath.parse("/kept/file")) == b"kept"
    assert tree(server) == before
    assert len(server.data(RENAME_FAILED)) == 1


def test_a_folder_stays_where_the_file_is_larger_than_the_account_may_write(serve: Serve) -> None:
    client = ann(serve, "allow-full-control", file_write_size="4")
    before = tree(client.server)
    assert go(client, "COPY", "/file", "/folder").status == 413
    assert tree(client.server) == before


def test_a_folder_stays_where_the_file_cannot_be_read(serve: Serve) -> None:
    def storage(memory: MemoryFileSystem) -> FileSystem:
        async def download(path: VPath) -> Download:
            raise Refused(Reason.DENIED, str(path))

        return Instead(memory, download=download)

    server = fill(serve(storage=storage))
    before = tree(server)
    assert go(HttpClient(server), "COPY", "/file", "/folder").status == 403
    assert tree(server) == before


# Who may.


@BOTH
def test_it_takes_the_rights_on_both(serve: Serve, method: str) -> None:
    takes = {"COPY": ("allow-read", "allow-write"), "MOVE": ("allow-rename", "allow-rename")}
    source, target = takes[method]
    extra = "allow-list, allow-delete-file, allow-delete-folder"
    for rules in (f"{extra}\n/file, {extra}, {source}", f"{extra}, {target}\n/file, {extra}"):
        client = ann(serve, rules)
        before = tree(client.server)
        for name in ("/new", "/other", "/folder"):
            assert go(client, method, "/file", name).status == 403
        assert tree(client.server) == before
    client = ann(serve, f"{extra}, {target}\n/file, {extra}, {source}")
    assert go(client, method, "/file", "/folder").status == 204


@BOTH
def test_what_is_replaced_must_be_what_may_be_removed(serve: Serve, method: str) -> None:
    client = ann(serve, "allow-list,allow-read,allow-write,allow-rename,allow-delete-folder")
    before = tree(client.server)
    assert go(client, method, "/file", "/folder").status == 403
    assert tree(client.server) == before
    assert go(client, method, "/file", "/empty").status == 204


def test_a_copy_under_a_name_of_its_own_replaces_nothing(serve: Serve) -> None:
    client = ann(serve, "allow-full-control", amend_write_name="uuid-prefix")
    before = tree(client.server)
    for target in ("/other", "/folder"):
        assert go(client, "COPY", "/file", target).status == 201
    after = tree(client.server)
    assert {name: after[name] for name in before} == before
    added = sorted(name.rpartition("-")[2] for name in after.keys() - before.keys())
    assert added == ["folder", "other"]


# What is asked for.


@BOTH
def test_conditions_are_those_of_the_source(
    server: HttpServer, client: HttpClient, method: str
) -> None:
    before = tree(server)
    assert go(client, method, "/file", "/folder", If_Match='"other"').status == 412
    assert go(client, method, "/file", "/folder", If_None_Match="*").status == 412
    assert tree(server) == before
    tag = client.ask("HEAD", "/home/file").field("ETag")
    assert go(client, method, "/file", "/new", If_Match=tag).status == 201


@BOTH
def test_a_destination_is_a_file_of_ours(serve: Serve, method: str) -> None:
    server = fill(serve(accepted_origins="http, front.example.com:8443"))
    client = HttpClient(server)
    before = tree(server)
    for destination, status in (
        (None, 400),
        ("/home/../new", 400),
        ("/home/%2e%2e/new", 400),
        ("/home/.mft-x", 400),
        ("/home/new?a=b", 400),
        ("http://elsewhere.example.com/home/new", 502),
        (f"http://{HOST}:81/home/new", 502),
        ("/new", 502),
        ("/__mft__/login", 502),
        ("/", 502),
        ("/home", 403),
        ("/home/", 403),
    ):
        assert client.ask(method, "/home/file", Destination=destination).status == status
    assert client.ask(method, "/home/file", Destination="/home/a", Overwrite="x").status == 400
    assert tree(server) == before
    for number, where in enumerate((f"http://{HOST}", f"https://{HOST.upper()}:443", "")):
        server.put("/file", b"")
        destination = f"{where}/home/new{number}"
        assert client.ask(method, "/home/file", Destination=destination).status == 201
    server.put("/file", b"")
    destination = "https://front.example.com:8443/home/new3"
    assert client.ask(method, "/home/file", Destination=destination).status == 201
    assert {f"new{number}" for number in range(4)} <= set(server.names())
