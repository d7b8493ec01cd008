"""Uploads of tus from their beginning to their end."""

from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest

from mft.core.vpath import ROOT
from mft.events import catalogue as events
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_server import HttpClient, HttpServer
from tests.fakes.run import run
from tests.fakes.uploads import (
    ALL,
    TUS_TYPE,
    begun,
    create,
    named,
    offset,
    patch,
    state,
)

DATA = bytes(range(256)) * 40
SIZE = len(DATA)
HALF = SIZE // 2

Serve = Callable[..., HttpServer]


# Beginning.


def test_an_upload_in_parts_is_a_file_with_the_last_one(
    server: HttpServer, client: HttpClient
) -> None:
    answer = create(client, "/a.bin", SIZE)
    assert (answer.status, answer.field("Tus-Resumable")) == (201, "1.0.0")
    assert answer.field("Upload-Offset") == "0"
    assert answer.field("Upload-Expires") is not None
    url = answer.field("Location")
    assert url is not None
    assert url.startswith(ALL)
    assert offset(client, url) == "0"
    first = patch(client, url, 0, DATA[:HALF])
    assert (first.status, first.field("Upload-Offset")) == (204, str(HALF))
    assert server.names() == []
    told = client.ask("HEAD", url, Tus_Resumable="1.0.0")
    assert (told.status, told.field("Upload-Offset")) == (200, str(HALF))
    assert told.field("Upload-Length") == str(SIZE)
    assert told.field("Cache-Control") == "no-store"
    last = patch(client, url, HALF, DATA[HALF:])
    assert (last.status, last.field("Upload-Offset")) == (204, str(SIZE))
    assert last.field("Server-Path") == "/a.bin"
    assert last.field("Upload-Expires") is None
    assert server.get("/a.bin") == DATA
    assert offset(client, url) == str(SIZE)


def test_every_part_has_its_events_and_the_last_one_tells_the_upload(
    server: HttpServer, client: HttpClient
) -> None:
    url = begun(client, "/a", SIZE)
    patch(client, url, 0, DATA[:HALF])
    (failed,) = server.data(events.HTTP_UPLOAD_FAILED.number)
    assert failed["details"] == "the client goes on later"
    assert len(server.data(events.INTERRUPTED_UPLOAD_KEPT.number)) == 1
    patch(client, url, HALF, DATA[HALF:])
    assert len(server.data(events.HTTP_UPLOAD_FAILED.number)) == 1
    (done,) = server.data(events.HTTP_UPLOAD_DONE.number)
    assert done["path"] == "/a"


@pytest.mark.parametrize("body", [b"abc", b"abcdef"])
def test_the_first_bytes_may_come_with_the_beginning(
    server: HttpServer, client: HttpClient, body: bytes
) -> None:
    answer = client.ask(
        "POST",
        ALL,
        body,
        Tus_Resumable="1.0.0",
        Upload_Length="6",
        Upload_Metadata=named("a"),
        Content_Type=TUS_TYPE,
    )
    assert (answer.status, answer.field("Upload-Offset")) == (201, str(len(body)))
    assert server.names() == (["a"] if len(body) == 6 else [])


def test_an_empty_file_is_there_at_once(server: HttpServer, client: HttpClient) -> None:
    url = begun(client, "empty", 0)
    assert server.get("/empty") == b""
    assert offset(client, url) == "0"
    assert state(client, url) == ("0", "?1")


@pytest.mark.parametrize(
    ("target", "metadata", "path"),
    [
        (ALL, named("/in/a"), "/in/a"),
        (ALL, named("in/a"), "/in/a"),
        (ALL, named("a", "filename"), "/a"),
        (ALL, f"{named('b', 'name')},{named('a', 'filename')}", "/a"),
        (f"{ALL}?folder=/in/", named("a", "name"), "/in/a"),
        (f"{ALL}?folder=in", named("a"), "/in/a"),
        (f"{ALL}?folder=in", named("/a"), "/a"),
        (ALL.rstrip("/"), named("\u00e4 b"), "/\u00e4 b"),
        ("/__chsps__/tus/", named("a"), "/a"),
    ],
)
def test_metadata_and_a_folder_say_where_a_file_goes(
    server: HttpServer, client: HttpClient, target: str, metadata: str, path: str
) -> None:
    client.ask("PUT", "/home/in/", b"")
    answer = client.ask(
        "POST", target, b"", Tus_Resumable="1.0.0", Upload_Length="0", Upload_Metadata=metadata
    )
    assert answer.status == 201
    assert server.get(path) == b""


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Tus_Resumable": None}, 412),
        ({"Tus_Resumable": "0.2.2"}, 412),
        ({"Upload_Length": None}, 400),
        ({"Upload_Length": "-1"}, 400),
        ({"Upload_Length": None, "Upload_Defer_Length": "1"}, 400),
        ({"Upload_Concat": "partial"}, 400),
        ({"Upload_Metadata": None}, 400),
        ({"Upload_Metadata": "path !"}, 400),
        ({"Upload_Metadata": "title YQ=="}, 400),
        ({"Upload_Metadata": f"path {b64encode(bytes([255])).decode()}"}, 400),
        ({"Upload_Metadata": named("/")}, 409),
        ({"Upload_Metadata": named("/in")}, 409),
        ({"Upload_Metadata": named("/missing/a")}, 404),
        ({"Upload_Metadata": named("/.mft-1")}, 400),
        ({"Upload_Metadata": named("in/a", "filename")}, 400),
        ({"Upload_Metadata": named("..", "filename")}, 400),
        ({"Upload_Metadata": named("a" * 256)}, 400),
        ({"Upload_Checksum": "crc32 AAAA"}, 400),
    ],
)
def test_what_cannot_be_begun_is_refused(
    server: HttpServer, client: HttpClient, change: dict[str, str | None], status: int
) -> None:
    client.ask("PUT", "/home/in/", b"")
    given = {"Tus_Resumable": "1.0.0", "Upload_Length": "1", "Upload_Metadata": named("a")}
    answer = client.ask("POST", ALL, b"", **{**given, **change})
    assert answer.status == status
    assert answer.field("Location") is None
    assert answer.field("Tus-Resumable") == "1.0.0"
    assert answer.field("Tus-Version") == ("1.0.0" if status == 412 else None)


def test_a_path_that_no_url_can_tell_is_refused(server: HttpServer, client: HttpClient) -> None:
    folder = ROOT
    for name in (*["\u00e4" * 100] * 11, *["a" * 120] * 33):
        folder = folder.child(name)
        run(server.owner().make_directory(folder))
    target = f"{ALL}?folder={quote('/'.join(folder.parts[:11]))}"
    rest = named("/".join((*folder.parts[11:], "x")))
    given = {"Upload_Length": "1", "Upload_Metadata": rest}
    assert client.ask("POST", target, b"", Tus_Resumable="1.0.0", **given).status == 400
    assert server.data(events.HTTP_BAD_REQUEST.number)[-1]["details"].endswith(
        "a path that no URL of an upload can tell"
    )


def test_a_body_of_another_kind_begins_nothing(server: HttpServer, client: HttpClient) -> None:
    answer = client.ask(
        "POST", ALL, b"abc", Tus_Resumable="1.0.0", Upload_Length="3", Upload_Metadata=named("a")
    )
    assert answer.status == 415
    assert server.names() == []


def test_an_upload_over_the_limit_of_the_account_is_refused_at_its_beginning(
    serve: Serve,
) -> None:
    client = HttpClient(serve(account("ann", password=CHEAP_HASH, file_write_size="10")))
    assert create(client, "a", 11).status == 413
    answer = create(client, "a", 10)
    assert answer.status == 201
    assert "max-size=10, max-age=" in (answer.field("Upload-Limit") or "")
    assert client.ask("OPTIONS", ALL).field("Tus-Max-Size") == "10"
    assert client.ask("OPTIONS", ALL, Authorization=None).field("Tus-Max-Size") is None
    assert client.ask("OPTIONS", ALL, Authorization="Basic !").status == 401


def test_what_is_done_here_is_told_to_everybody(server: HttpServer) -> None:
    client = HttpClient(server, user=None)
    for target in (ALL, f"{ALL}name"):
        answer = client.ask("OPTIONS", target)
        assert answer.status == 204
        assert answer.field("Tus-Version") == "1.0.0"
        assert "termination" in (answer.field("Tus-Extension") or "")
        assert answer.field("Tus-Checksum-Algorithm") == "md5,sha1,sha256"
        assert answer.field("Tus-Max-Size") is None
        assert "application/partial-upload" in (answer.field("Accept-Patch") or "")


# Going on.


def test_the_first_part_replaces_a_finished_file_and_no_part_changes_it_in_place(
    server: HttpServer, client: HttpClient
) -> None:
    server.put("/a", b"before")
    url = begun(client, "a", SIZE)
    assert offset(client, url) == "0"
    patch(client, url, 0, DATA[:HALF])
    assert server.get("/a") == b"before"  # which discards what has come, as for every protocol
    assert offset(client, url) == "0"
    assert patch(client, url, HALF, DATA[HALF:]).status == 409
    assert server.get("/a") == b"before"
    assert patch(client, url, 0, DATA).status == 204
    assert server.get("/a") == DATA


def test_a_finished_file_of_the_same_length_is_not_the_upload(
    server: HttpServer, client: HttpClient
) -> None:
    server.put("/a", bytes(SIZE))
    url = begun(client, "a", SIZE)
    assert offset(client, url) == "0"
    patch(client, url, 0, DATA)
    assert offset(client, url) == str(SIZE)


@pytest.mark.parametrize("at", [0, 1, HALF - 1, HALF + 1, SIZE])
def test_a_part_that_does_not_begin_where_the_upload_ends_is_refused(
    server: HttpServer, client: HttpClient, at: int
) -> None:
    url = begun(client, "a", SIZE)
    patch(client, url, 0, DATA[:HALF])
    answer = patch(client, url, at, b"")
    assert (answer.status, answer.field("Upload-Offset")) == (409, str(HALF))
    assert answer.field("Tus-Resumable") == "1.0.0"
    patch(client, url, HALF, DATA[HALF:])
    assert server.get("/a") == DATA


def test_a_part_after_the_end_is_refused_unless_it_is_empty(
    server: HttpServer, client: HttpClient
) -> None:
    url = begun(client, "a", SIZE)
    patch(client, url, 0, DATA)
    assert patch(client, url, SIZE, b"more").status == 409
    assert patch(client, url, SIZE, b"").status == 204
    assert patch(client, url, 0, DATA).status == 409
    assert server.get("/a") == DATA
    assert len(server.data(events.HTTP_UPLOAD_DONE.number)) == 1


def test_an_empty_part_leaves_an_upload_where_it_is(server: HttpServer, client: HttpClient) -> None:
    url = begun(client, "a", SIZE)
    assert patch(client, url, 0, b"").field("Upload-Offset") == "0"
    patch(client, url, 0, DATA[:HALF])
    assert patch(client, url, HALF, b"").field("Upload-Offset") == str(HALF)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Tus_Resumable": None}, 412),
        ({"Tus_Resumable": "2.0.0"}, 412),
        ({"Content_Type": "application/octet-stream"}, 415),
        ({"Content_Type": None}, 415),
        ({"Upload_Offset": None}, 400),
        ({"Upload_Offset": "-1"}, 400),
        ({"Upload_Offset": "a"}, 400),
        ({"Upload_Checksum": "sha256 AAAA"}, 400),
        ({"Upload_Checksum": "crc32 AAAAAA=="}, 400),
    ],
)
def test_a_part_that_is_not_told_as_it_must_be_is_refused(
    server: HttpServer, client: HttpClient, change: dict[str, str | None], status: int
) -> None:
    url = begun(client, "a", SIZE)
    given = {"Tus_Resumable": "1.0.0", "Content_Type": TUS_TYPE, "Upload_Offset": "0"}
    assert client.ask("PATCH", url, DATA, **{**given, **change}).status == status
    assert offset(client, url) == "0"


def test_a_url_that_is_none_of_an_upload_is_not_found(
    server: HttpServer, client: HttpClient
) -> None:
    for target in (f"{ALL}name", f"{ALL}a/b"):
        assert client.ask("HEAD", target, Tus_Resumable="1.0.0").status == 404
        assert client.ask("DELETE", target, Tus_Resumable="1.0.0").status == 404
        assert patch(client, target, 0, b"a").status == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "BREW"])
def test_other_methods_are_refused(server: HttpServer, client: HttpClient, method: str) -> None:
    for target in (ALL, begun(client, "a", 1)):
        answer = client.ask(method, target, b"")
        assert answer.status == 405


def test_a_client_without_patch_and_delete_says_them_in_a_header(
    server: HttpServer, client: HttpClient
) -> None:
    url = begun(client, "a", 6)
    fields = {"Tus_Resumable": "1.0.0", "X_HTTP_Method_Override": "PATCH"}
    more = {"Content_Type": TUS_TYPE, "Upload_Offset": "0"}
    assert client.ask("POST", url, b"abc", **fields, **more).status == 204
    assert offset(client, url) == "3"
    fields["X_HTTP_Method_Override"] = "DELETE"
    assert client.ask("POST", url, b"", **fields).status == 204
    assert offset(client, url) == "0"
    for method in ("GET", None):
        fields["X_HTTP_Method_Override"] = method or ""
        assert client.ask("POST", url, b"", **fields).status == 405
