"""Files by URL: sent whole and in parts, told without being sent, and removed."""

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from mft.core.vpath import VPath
from mft.events import catalogue as e
from mft.protocols.http.exchange import SMALL
from mft.protocols.http.files import content_type
from mft.protocols.sending_file import BLOCK
from mft.vfs.base import Attributes
from mft.vfs.local import LocalFileSystem
from mft.vfs.volume import Volumes
from mft.wire.http.date import http_date
from mft.wire.http.digests import old_digest, repr_digest
from mft.wire.http.ranges import MAX_RANGES
from tests.fakes import files as whole
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_server import HttpClient, HttpServer, KernelSocket
from tests.fakes.run import run
from tests.fakes.threads import Inline

Serve = Callable[..., HttpServer]

DATA = bytes(range(251)) * 4000  # 1 MB, almost
IN_CLEAR = pytest.mark.parametrize("tls", [False], ids=["http"])
DONE, FAILED = e.HTTP_DOWNLOAD_DONE.number, e.HTTP_DOWNLOAD_FAILED.number
WHEN = 1_000_000  # seconds since the epoch


@pytest.fixture
def server(serve: Serve) -> HttpServer:
    return serve(began=WHEN)


def ann(permissions: str, **options: str) -> Any:
    return account("ann", password=CHEAP_HASH, permissions=permissions, **options)


def fill(server: HttpServer) -> None:
    """`/file`, `/other/file`, and a folder with a file in it."""
    for folder in ("/other", "/folder"):
        run(server.owner().make_directory(VPath.parse(folder)))
    for path in ("/file", "/other/file", "/folder/file"):
        server.put(path, b"data")


# Sent.


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, BLOCK, len(DATA)])
def test_a_file_is_sent(client: HttpClient, server: HttpServer, size: int) -> None:
    server.put("/file", DATA[:size])
    answer = client.ask("GET", "/home/file")
    assert (answer.status, answer.body) == (200, DATA[:size])
    assert answer.field("Content-Length") == str(size)
    (told,) = server.data(DONE)
    assert (told["path"], told["total_read"]) == ("/file", size)
    assert client.ask("GET", "/home/file").body == DATA[:size]


@IN_CLEAR
@pytest.mark.parametrize("part", [(0, len(DATA)), (1, len(DATA)), (5, 100)])
def test_in_clear_the_kernel_sends_files(
    serve: Serve, tmp_path: Path, part: tuple[int, int]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "file").write_bytes(DATA)

    def local(memory: Any) -> Any:
        return LocalFileSystem(str(disk), memory.owner, Volumes(Inline(), io="inline"))

    server = serve(storage=local)
    server.kind = KernelSocket
    client = HttpClient(server)
    start, stop = part
    wanted = None if part == (0, len(DATA)) else f"bytes={start}-{stop - 1}"
    answer = client.ask("GET", "/home/file", Range=wanted)
    assert answer.body == DATA[start:stop]
    assert server.service.hub.blocks._free == [] or stop - start <= SMALL
    assert client.ask("GET", "/home/file").body == DATA
    client.leave()


def test_an_answer_describes_its_file(client: HttpClient, server: HttpServer) -> None:
    server.put("/report.pdf", b"data")
    answer = client.ask("GET", "/home/report.pdf")
    told = dict(answer.fields)
    assert len(told) == len(answer.fields)
    assert told["Content-Type"] == "application/pdf"
    assert told["Content-Disposition"] == 'attachment; filename="report.pdf"'
    assert told["Accept-Ranges"] == "bytes"
    assert told["Cache-Control"] == "private, no-cache"
    assert told["Last-Modified"] == http_date(WHEN)
    assert re.fullmatch(r'"[0-9a-f:]+"', told["ETag"])
    assert told["Server-Path"] == "/report.pdf"
    assert told["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in told["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.pdf", "application/pdf"),
        ("A.PDF", "application/pdf"),
        ("a.tar", "application/x-tar"),
        ("a.tar.gz", "application/octet-stream"),
        ("a.gz", "application/octet-stream"),
        ("a", "application/octet-stream"),
        (".pdf", "application/octet-stream"),
        ("data:text,a.pdf", "application/pdf"),
        ("//[a.pdf", "application/pdf"),
    ],
)
def test_a_name_tells_what_a_file_is(name: str, kind: str) -> None:
    assert content_type(VPath((name,))) == kind


@pytest.mark.parametrize(
    ("name", "disposition", "path"),
    [
        ('a"b.txt', "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt", "a%22b.txt"),
        ("ü", "attachment; filename=\"_\"; filename*=UTF-8''%C3%BC", "%C3%BC"),
        ("a;b=c", None, "a%3Bb%3Dc"),
        ("%0d%0aX: y", None, "%250d%250aX%3A%20y"),
        ("<img src=x>", None, "%3Cimg%20src%3Dx%3E"),
    ],
)
def test_hostile_names_are_quoted_in_heads(
    client: HttpClient, server: HttpServer, name: str, disposition: str | None, path: str
) -> None:
    server.put(f"/{name}", b"data")
    answer = client.ask("GET", f"/home/{path}")
    assert answer.body == b"data"
    assert answer.field("Server-Path") == f"/{path}"
    told = answer.field("Content-Disposition") or ""
    assert told.startswith('attachment; filename="')
    assert disposition in (None, told)
    assert answer.field("X") is None


# Told.


def test_a_head_tells_what_get_does(client: HttpClient, server: HttpServer) -> None:
    server.put("/file.txt", DATA)
    got, told = client.ask("GET", "/home/file.txt"), client.ask("HEAD", "/home/file.txt")
    without_date = [[one for one in answer.fields if one[0] != "Date"] for answer in (got, told)]
    assert without_date[0] == without_date[1]
    assert told.status == 200
    assert not client.end.received
    assert server.numbers().count(e.HTTP_HEAD_OF_FILE.number) == 1
    assert len(server.data(DONE)) == 1, "nothing was downloaded"


@pytest.mark.parametrize(("target", "status"), [("/home/none", 404), ("/home/file/", 409)])
def test_a_head_of_what_is_not_there(
    client: HttpClient, server: HttpServer, target: str, status: int
) -> None:
    fill(server)
    assert client.ask("HEAD", target).status == status
    assert not client.end.received


def test_only_the_owner_of_an_interrupted_upload_is_told_how_much_is_there(serve: Serve) -> None:
    server = serve(*(account(name, password=CHEAP_HASH) for name in ("ann", "bob")))
    whole.interrupt(server.owner("ann"), VPath.parse("/file"), DATA[:1000])
    ann, bob = HttpClient(server), HttpClient(server, user="bob")
    assert ann.ask("HEAD", "/home/file").field("Content-Length") == "1000"
    assert bob.ask("HEAD", "/home/file").status == 404
    for client in (bob, ann):
        assert client.ask("GET", "/home/file").status == 404


# Parts.


def ranges(client: HttpClient, wanted: str, **fields: str) -> Any:
    return client.ask("GET", "/home/file", Range=wanted, **fields)


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=999999-", 999_999, len(DATA)),
        ("bytes=-5", len(DATA) - 5, len(DATA)),
        ("bytes=0-99999999", 0, len(DATA)),
        ("bytes=0-", 0, len(DATA)),
    ],
)
def test_one_range_is_sent_as_a_part(
    client: HttpClient, server: HttpServer, wanted: str, start: int, stop: int
) -> None:
    server.put("/file", DATA)
    answer = ranges(client, wanted)
    assert (answer.status, answer.body) == (206, DATA[start:stop])
    assert answer.field("Content-Range") == f"bytes {start}-{stop - 1}/{len(DATA)}"
    assert answer.field("ETag")
    assert server.data(DONE)[0]["total_read"] == stop - start


def test_several_ranges_are_sent_each_under_its_head(
    client: HttpClient, server: HttpServer
) -> None:
    server.put("/file.pdf", DATA)
    answer = client.ask("GET", "/home/file.pdf", Range=f"bytes=0-4, 100-{BLOCK + 200}, -3")
    assert answer.status == 206
    (kind,) = answer.all("Content-Type")
    boundary = kind.removeprefix("multipart/byteranges; boundary=").encode()
    before, *parts, end = answer.body.split(b"\r\n--" + boundary)
    assert (before, end) == (b"", b"--\r\n")
    for part, (start, stop) in zip(
        parts, ((0, 5), (100, BLOCK + 201), (len(DATA) - 3, len(DATA))), strict=True
    ):
        head, _, body = part.partition(b"\r\n\r\n")
        assert body == DATA[start:stop]
        assert f"\r\nContent-Range: bytes {start}-{stop - 1}/{len(DATA)}".encode() in head
        assert b"\r\nContent-Type: application/pdf" in head
    assert answer.field("Content-Range") is None
    assert client.ask("GET", "/home/file.pdf").body == DATA, "the connection is in step"


@pytest.mark.parametrize("wanted", [f"bytes={len(DATA)}-", "bytes=-0", f"bytes={len(DATA)}-,-0"])
def test_a_range_that_is_not_there_is_refused(
    client: HttpClient, server: HttpServer, wanted: str
) -> None:
    server.put("/file", DATA)
    answer = ranges(client, wanted)
    assert answer.status == 416
    assert answer.field("Content-Range") == f"bytes */{len(DATA)}"


@pytest.mark.parametrize(
    "wanted", ["lines=1-2", "bytes=", "bytes=5-1", "bytes=a-b", "bytes=" + "0-0," * MAX_RANGES]
)
def test_a_range_that_cannot_be_read_is_passed_over(
    client: HttpClient, server: HttpServer, wanted: str
) -> None:
    server.put("/file", DATA)
    assert (ranges(client, wanted).status, server.data(DONE)[0]["total_read"]) == (200, len(DATA))


def test_a_range_counts_for_what_its_client_has_seen(
    client: HttpClient, server: HttpServer
) -> None:
    server.put("/file", DATA)
    seen = client.ask("HEAD", "/home/file")
    tag, date = seen.field("ETag") or "", seen.field("Last-Modified") or ""
    for known, status in ((tag, 206), (date, 206), ('"other"', 200), (http_date(5), 200)):
        assert ranges(client, "bytes=0-9", If_Range=known).status == status
    server.put("/file", DATA)
    assert ranges(client, "bytes=0-9", If_Range=tag).status == 200
    assert client.ask("HEAD", "/home/file", Range="bytes=0-9").status == 200


# Conditions.


def test_what_a_client_has_is_not_sent_again(client: HttpClient, server: HttpServer) -> None:
    server.put("/file", b"data")
    seen = client.ask("GET", "/home/file")
    tag, date = seen.field("ETag"), seen.field("Last-Modified")
    for method in ("GET", "HEAD"):
        for known in ({"If_None_Match": tag}, {"If_Modified_Since": date}):
            answer = client.ask(method, "/home/file", **known)
            assert answer.status == 304
            for name in ("ETag", "Last-Modified", "Cache-Control"):
                assert answer.field(name) == seen.field(name)
            assert answer.field("Content-Length") is None
        for wanted in ({"If_Match": '"other"'}, {"If_Unmodified_Since": http_date(WHEN - 1)}):
            assert client.ask(method, "/home/file", **wanted).status == 412
        for wanted in ({"If_Match": tag}, {"If_Unmodified_Since": date}):
            assert client.ask(method, "/home/file", **wanted).status == 200
    both = client.ask("GET", "/home/file", If_None_Match=tag, Range="bytes=9-")
    assert both.status == 304, "the condition comes before the range"


def test_every_change_of_a_file_changes_its_tag(client: HttpClient, server: HttpServer) -> None:
    tags = set()
    for _ in range(3):
        server.put("/file", b"data")
        server.reactor.advance(1)
        run(server.owner().change(VPath.parse("/file"), Attributes(modified=5)))
        tags.add(client.ask("HEAD", "/home/file").field("ETag"))
    assert len(tags) == 3
    assert client.ask("HEAD", "/home/file").field("Last-Modified") == http_date(5)


# Digests.


@pytest.mark.parametrize(
    ("wanted", "new", "old"),
    [
        ({"Want_Repr_Digest": "sha-256=10"}, True, False),
        ({"Want_Digest": "sha-256"}, False, True),
        ({"Want_Repr_Digest": "sha-256=1", "Want_Digest": "SHA-256;q=0.5"}, True, True),
        ({"Want_Repr_Digest": "sha-256=0"}, False, False),
        ({"Accept": "sha-256"}, False, False),
    ],
)
def test_a_digest_of_the_whole_is_given_where_it_is_wanted(
    client: HttpClient, server: HttpServer, wanted: dict[str, str], new: bool, old: bool
) -> None:
    server.put("/file", DATA)
    answer = client.ask("GET", "/home/file", Range="bytes=0-9", **wanted)
    digest = sha256(DATA).digest()
    assert answer.body == DATA[:10]
    assert answer.field("Repr-Digest") == (repr_digest(digest) if new else None)
    assert answer.field("Digest") == (old_digest(digest) if old else None)


# Permissions.


@pytest.mark.parametrize(
    ("method", "allowed"),
    [("GET", "allow-read"), ("HEAD", "allow-read"), ("DELETE", "allow-delete-file")],
)
def test_each_request_needs_its_permission(serve: Serve, method: str, allowed: str) -> None:
    every = {"allow-read", "allow-list", "allow-traverse", "allow-write", "allow-create-folder"}
    every |= {"allow-rename", "allow-delete-file", "allow-delete-folder", "allow-set-attributes"}
    # Members of a folder that may be listed have attributes that may be told.
    others = every - {allowed} - ({"allow-list"} if method == "HEAD" else set())
    good = 204 if method == "DELETE" else 200
    for permissions, status in (
        (allowed, good),
        (", ".join(sorted(others)), 403),
        ("deny-full-control", 403),
        (f"allow-traverse\n/other/*, {allowed}", 403),
        (f"allow-traverse\n/file, {allowed}", good),
    ):
        server = serve(ann(permissions))
        fill(server)
        answer = HttpClient(server).ask(method, "/home/file")
        assert answer.status == status, permissions
        assert ("file" in server.names()) is not (status == 204)
        assert b"data" not in answer.body or status == 200


def test_conditions_tell_nothing_of_what_may_not_be_seen(serve: Serve) -> None:
    server = serve(ann("allow-write, allow-delete-file"))
    fill(server)
    client = HttpClient(server)
    answers = {client.ask("DELETE", f"/home/{name}", If_Match="*").status for name in ("file", "x")}
    assert answers == {403}
    assert "file" in server.names()
