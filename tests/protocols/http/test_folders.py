"""Folders by URL: listed as they are read, made, and worked on by commands."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as e
from mft.protocols.http.answered_text import MAX_UNSENT
from mft.protocols.http.folders import COMMANDS, MAX_COMMANDS_BODY, MAX_TARGETS
from mft.protocols.sentences import SENTENCES
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_server import Answer, HttpClient, HttpServer
from tests.fakes.run import run

Serve = Callable[..., HttpServer]

FILE = {"name": "file", "is_directory": False, "modified": 0.0, "size": 4}


def fill(server: HttpServer) -> None:
    """`/file`, `/folder` with a file and a folder in it, and an empty `/empty`."""
    files = server.owner()
    for folder in ("/folder", "/folder/inner", "/empty"):
        run(files.make_directory(VPath.parse(folder)))
    server.put("/file", b"data")
    server.put("/folder/file", b"more")
    server.put("/folder/inner/file", b"deep")


def do(client: HttpClient, *commands: dict[str, Any], target: str = "/home/") -> Answer:
    """Send commands."""
    body = json.dumps({"commands": list(commands)}).encode()
    return client.ask("POST", target, body, Content_Type="application/json")


def ann(permissions: str) -> Any:
    return account("ann", password=CHEAP_HASH, permissions=permissions)


# Listings.


def test_a_folder_is_told_as_json(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    answer = client.ask("GET", "/home/")
    assert answer.status == 200
    assert answer.field("Server-Path") == "/"
    assert answer.field("Cache-Control") == "no-store"
    found = {one["name"]: one for one in answer.json["content"]}
    assert found.keys() == {"file", "folder", "empty"}
    assert found["file"] == FILE
    assert isinstance(found["file"]["modified"], float)
    assert found["folder"]["is_directory"] is True
    assert server.numbers().count(e.HTTP_LIST_DONE.number) == 1


def test_a_link_to_a_file_is_told_as_the_file(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    run(server.owner().make_link(VPath.parse("/empty/way"), "/file"))
    (told,) = client.ask("GET", "/home/empty/").json["content"]
    assert told == {**FILE, "name": "way"}
    assert client.ask("HEAD", "/home/empty/way").field("Content-Length") == str(told["size"])


@pytest.mark.parametrize("target", ["/folder", "/none"])
def test_another_link_is_no_folder_that_a_client_would_empty(
    client: HttpClient, server: HttpServer, target: str
) -> None:
    fill(server)
    run(server.owner().make_link(VPath.parse("/empty/way"), target))
    (told,) = client.ask("GET", "/home/empty/").json["content"]
    assert (told["name"], told["is_directory"]) == ("way", False)


def test_what_a_link_leads_to_is_not_told_to_who_may_not_know(serve: Serve) -> None:
    server = serve(ann("allow-full-control\n/empty/way, deny-full-control"))
    fill(server)
    run(server.owner().make_link(VPath.parse("/empty/way"), "/file"))
    (told,) = HttpClient(server).ask("GET", "/home/empty/").json["content"]
    assert told["size"] != FILE["size"]


def test_an_empty_folder_has_no_content(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    answer = client.ask("GET", "/home/empty/")
    assert answer.json == {"content": []}
    assert answer.field("Server-Path") == "/empty/"


def test_names_are_told_as_they_are_in_json_and_quoted_in_heads(
    client: HttpClient, server: HttpServer
) -> None:
    name = "<script>\"'%\\ ü€😀"
    run(server.owner().make_directory(VPath((name,))))
    server.put(f"/{name}/{name}", b"")
    assert client.ask("GET", "/home/").json["content"][0]["name"] == name
    quoted = "/%3Cscript%3E%22%27%25%5C%20%C3%BC%E2%82%AC%F0%9F%98%80/"
    answer = client.ask("GET", f"/home{quoted}")
    assert answer.json["content"][0]["name"] == name
    assert answer.field("Server-Path") == quoted


def test_a_folder_without_its_slash_is_elsewhere(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    answer = client.ask("GET", "/home/folder/inner")
    assert (answer.status, answer.field("Location")) == (302, "/home/folder/inner/")
    told = server.data(e.HTTP_REDIRECTED.number)[-1]
    assert told["redirect_uri"] == "/home/folder/inner/"


@pytest.mark.parametrize(("target", "status"), [("/home/none/", 404), ("/home/file/", 409)])
def test_what_is_no_folder_is_not_listed(
    client: HttpClient, server: HttpServer, target: str, status: int
) -> None:
    fill(server)
    assert client.ask("GET", target).status == status
    assert server.numbers().count(e.HTTP_LIST_FAILED.number) == 1


def test_a_folder_without_its_slash_is_elsewhere_as_what_was_asked_for(
    client: HttpClient, server: HttpServer
) -> None:
    fill(server)
    answer = client.ask("GET", "/home/folder?zip&a=%C3%BC")
    assert answer.field("Location") == "/home/folder/?zip&a=%C3%BC"


def test_a_head_of_a_folder_is_told_of_the_page_that_a_browser_would_get(
    client: HttpClient, server: HttpServer
) -> None:
    fill(server)
    fields = {"Accept": "text/html"}
    head, page = (client.ask(method, "/home/folder/", **fields) for method in ("HEAD", "GET"))
    assert [one for one in head.fields if one[0] != "Date"] == [
        one for one in page.fields if one[0] != "Date"
    ]


def test_a_head_of_a_folder_has_no_length_that_get_has_not(
    client: HttpClient, server: HttpServer
) -> None:
    fill(server)
    for target in ("/home/folder/", "/home/folder"):
        answer = client.ask("HEAD", target)
        assert answer.status == 200
        assert answer.field("Content-Type") == "application/json"
        assert answer.field("Content-Length") is None
        assert answer.field("Server-Path") == "/folder/"
    assert server.numbers().count(e.HTTP_HEAD_OF_FOLDER.number) == 2
    assert client.ask("GET", "/home/folder/").status == 200, "the connection is in step"


def test_a_folder_of_many_entries_streams_in_little_memory(
    client: HttpClient, server: HttpServer
) -> None:
    for number in range(10_000):
        server.put(f"/{number:05}-{'n' * 100}", b"")
    end = client.end.socket
    end.room = 100_000
    client.write(client.head("GET", "/home/"))
    (peer,) = server.service.hub.presence.peers
    batch = 500 * 200  # bytes of the rows of one batch
    assert peer.line.outlet.queued < MAX_UNSENT + batch
    assert server.numbers().count(e.HTTP_LIST_DONE.number) == 0
    end.room = None
    client.settle()
    assert len(client.answer().json["content"]) == 10_000
    assert server.numbers().count(e.HTTP_LIST_DONE.number) == 1


def test_a_client_that_leaves_a_listing_leaves_nothing_open(
    client: HttpClient, server: HttpServer
) -> None:
    for number in range(10_000):
        server.put(f"/{number:05}-{'n' * 100}", b"")
    client.end.socket.room = 100_000
    client.write(client.head("GET", "/home/"))
    client.vanish()
    assert server.numbers().count(e.HTTP_LIST_DONE.number) == 1
    assert server.service.connections == 0


def test_a_listing_that_breaks_is_cut_and_not_ended(serve: Serve) -> None:
    class Broken:
        def __init__(self, listing: Any) -> None:
            self._listing = listing
            self._broken = False

        async def batch(self) -> Any:
            if self._broken:
                raise Refused(Reason.BROKEN, "", "a bad disk")
            self._broken = True
            return await self._listing.batch()

        async def close(self) -> None:
            await self._listing.close()

    class Files(MemoryFileSystem):
        async def list(self, path: VPath) -> Any:
            return Broken(await super().list(path))

    server = serve(storage=lambda memory: Files(memory.tree, memory.owner))
    server.put("/file", b"data")
    client = HttpClient(server)
    client.write(client.head("GET", "/home/"))
    assert client.closed
    assert b"\r\n0\r\n" not in bytes(client.end.received)
    assert server.data(e.HTTP_LIST_FAILED.number)[0]["details"] == "a bad disk"


# Made.


def test_a_folder_is_made(client: HttpClient, server: HttpServer) -> None:
    answer = client.ask("PUT", "/home/new/", b"")
    assert (answer.status, answer.field("Server-Path")) == (201, "/new/")
    assert server.names() == ["new"]
    assert server.numbers().count(e.HTTP_MAKE_DIRECTORY_DONE.number) == 1


@pytest.mark.parametrize(
    ("target", "status"),
    [("/home/folder/", 409), ("/home/file/", 409), ("/home/none/new/", 404), ("/home/", 409)],
)
def test_a_folder_that_cannot_be_made_is_told(
    client: HttpClient, server: HttpServer, target: str, status: int
) -> None:
    fill(server)
    assert client.ask("PUT", target, b"").status == status
    assert server.numbers().count(e.HTTP_MAKE_DIRECTORY_FAILED.number) == 1


def test_a_folder_has_no_body(client: HttpClient, server: HttpServer) -> None:
    assert client.ask("PUT", "/home/new/", b"data").status == 400
    assert server.names() == []


# Commands.


def test_commands_are_done_in_order_and_told_one_by_one(
    client: HttpClient, server: HttpServer
) -> None:
    fill(server)
    answer = do(
        client,
        {"command": "create-folder", "target": "new"},
        {"command": "delete", "target": ["file", "new", "empty"]},
        {"command": "create-folder-if-missing", "target": ["folder", "other"]},
    )
    assert answer.status == 200
    assert [(one["command"], one["target"]) for one in answer.json["results"]] == [
        ("create-folder", "new"),
        ("delete", "file"),
        ("delete", "new"),
        ("delete", "empty"),
        ("create-folder-if-missing", "folder"),
        ("create-folder-if-missing", "other"),
    ]
    assert all(one["message"] is None for one in answer.json["results"])
    assert server.names() == ["folder", "other"]
    assert server.numbers().count(e.HTTP_FOLDER_THERE.number) == 1


def test_commands_work_on_the_names_in_their_folder(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    assert (
        do(client, {"command": "delete", "target": "inner"}, target="/home/folder/").status == 200
    )
    assert server.names("/folder") == ["file"]
    assert server.names() == ["empty", "file", "folder"]


def test_what_cannot_be_done_is_told_beside_what_was(
    client: HttpClient, server: HttpServer
) -> None:
    fill(server)
    answer = do(
        client,
        {"command": "delete", "target": ["none", "file"]},
        {"command": "create-folder", "target": "folder"},
        {"command": "create-folder-if-missing", "target": "empty"},
    )
    assert answer.status == 422
    assert [one["message"] for one in answer.json["errors"]] == [
        SENTENCES[Reason.NOT_FOUND],
        None,
        SENTENCES[Reason.EXISTS],
        None,
    ]
    assert server.names() == ["empty", "folder"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("folder", ["/home/", "/home/folder/"])
@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "/", "a/b", "inner/file", "/file", "../file", "./file", "file/"),
        *("a/../file", "a\x00", "a\n", "n" * 256, ".mft-x", "\u202ea"),
    ],
)
def test_a_target_is_one_name_in_the_folder(
    client: HttpClient, server: HttpServer, command: str, folder: str, name: str
) -> None:
    fill(server)
    answer = do(client, {"command": command, "target": name}, target=folder)
    assert answer.status == 422
    (told,) = answer.json["errors"]
    assert told == {"command": command, "target": name, "message": SENTENCES[Reason.INVALID]}
    assert server.names() == ["empty", "file", "folder"]
    assert server.names("/folder") == ["file", "inner"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"commands": {}}',
        b'{"commands": []}',
        b'{"commands": ["delete"]}',
        b'{"commands": [{}]}',
        b'{"commands": [{"command": "format", "target": "file"}]}',
        b'{"commands": [{"command": ["delete"], "target": "file"}]}',
        b'{"commands": [{"command": {}, "target": "file"}]}',
        b'{"commands": [{"command": null, "target": "file"}]}',
        b'{"commands": [{"command": "delete"}]}',
        b'{"commands": [{"command": "delete", "target": []}]}',
        b'{"commands": [{"command": "delete", "target": ["file", 1]}]}',
        b'{"commands": [{"command": "delete", "target": {"file": 1}}]}',
        b'{"commands": [{"command": "delete", "target": "file"}, {"command": "delete"}]}',
        b'{"commands": [{"command": "delete", "target": "\\ud800"}]}',
        b'{"commands": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"\xff",
    ],
)
def test_commands_that_cannot_be_read_do_nothing(
    client: HttpClient, server: HttpServer, body: bytes
) -> None:
    fill(server)
    answer = client.ask("POST", "/home/", body, Content_Type="application/json")
    assert answer.status == 400
    assert answer.json["errors"]
    assert server.names() == ["empty", "file", "folder"]
    assert server.numbers().count(e.HTTP_BAD_REQUEST.number) == 1


def test_there_is_a_limit_of_targets(client: HttpClient, server: HttpServer) -> None:
    names = [f"n{number}" for number in range(MAX_TARGETS + 1)]
    refused = do(client, {"command": "create-folder", "target": names})
    assert refused.status == 400
    assert server.names() == []
    taken = do(client, {"command": "create-folder", "target": names[1:]})
    assert taken.status == 200
    assert len(server.names()) == MAX_TARGETS


def test_there_is_a_limit_of_bytes(client: HttpClient, server: HttpServer) -> None:
    body = b" " * (MAX_COMMANDS_BODY + 1)
    answer = client.ask("POST", "/home/", body, Content_Type="application/json")
    assert answer.status == 413


@pytest.mark.parametrize("kind", [None, "text/plain", "application/json5", "text/json"])
def test_commands_are_json(client: HttpClient, server: HttpServer, kind: str | None) -> None:
    fill(server)
    body = b'{"commands": [{"command": "delete", "target": "file"}]}'
    assert client.ask("POST", "/home/", body, Content_Type=kind).status == 415
    assert "file" in server.names()
    parameters = "Application/JSON; charset=utf-8"
    assert client.ask("POST", "/home/", body, Content_Type=parameters).status == 200


def test_commands_are_for_folders(client: HttpClient, server: HttpServer) -> None:
    fill(server)
    answer = do(client, {"command": "delete", "target": "file"}, target="/home/folder")
    assert answer.status == 405
    assert answer.field("Allow")
    assert server.names("/folder") == ["file", "inner"]


def test_a_folder_that_is_a_link_is_removed_as_a_link(
    client: HttpClient, server: HttpServer
) -> None:
    fill(server)
    run(server.owner().make_link(VPath.parse("/way"), "folder"))
    assert do(client, {"command": "delete", "target": "way"}).status == 200
    assert server.names() == ["empty", "file", "folder"]
    assert server.names("/folder") == ["file", "inner"]


@pytest.mark.parametrize(
    ("command", "target", "allowed", "elsewhere"),
    [
        ("delete", "file", "allow-delete-file", "/other*, allow-delete-file"),
        ("delete", "empty", "allow-list, allow-delete-folder", "/other*, allow-delete-folder"),
        ("create-folder", "new", "allow-create-folder", "/other*, allow-create-folder"),
        ("create-folder-if-missing", "new", "allow-create-folder", "/o*, allow-create-folder"),
    ],
)
def test_a_command_needs_its_permission(
    serve: Serve, command: str, target: str, allowed: str, elsewhere: str
) -> None:
    every = {"allow-read", "allow-list", "allow-traverse", "allow-write", "allow-create-folder"}
    every |= {"allow-rename", "allow-delete-file", "allow-delete-folder", "allow-set-attributes"}
    others = ", ".join(sorted(every - {allowed.split(", ")[-1]}))
    for permissions, works in (
        (allowed, True),
        ("deny-full-control", False),
        (others, False),
        (f"allow-list\n{elsewhere}", False),
    ):
        server = serve(ann(permissions))
        fill(server)
        before = server.names()
        answer = do(HttpClient(server), {"command": command, "target": target})
        assert answer.status == (200 if works else 422)
        assert (server.names() == before) is not works
        if not works:
            assert answer.json["errors"][0]["message"] == SENTENCES[Reason.DENIED]


def test_a_client_that_leaves_ends_its_commands(serve: Serve) -> None:
    class Leaving(MemoryFileSystem):
        async def make_directory(self, path: VPath, *, mode: int = 0o777) -> None:
            if path.name == "n1":
                raise Refused(Reason.ABORTED, str(path), "the client left")
            await super().make_directory(path, mode=mode)

    server = serve(storage=lambda memory: Leaving(memory.tree, memory.owner))
    client = HttpClient(server)
    answer = do(client, {"command": "create-folder", "target": ["n0", "n1", "n2"]})
    assert answer.status == 503
    assert server.names() == ["n0"]
