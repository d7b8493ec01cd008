"""PUT: a file is under its name when all of it has come, and not at all before."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as e
from mft.vfs.local import LocalFileSystem
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.volume import Volumes
from mft.wire.http.digests import old_digest, repr_digest
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.files import interrupt
from tests.fakes.http_server import Answer, HttpClient, HttpServer
from tests.fakes.run import run
from tests.fakes.slow import SlowFiles, Slowness
from tests.fakes.threads import Inline

Serve = Callable[..., HttpServer]

DATA = bytes(range(251)) * 4000  # 1 MB, almost
DIGEST = sha256(DATA).digest()
OLD = "SHA-256=" + b64encode(DIGEST).decode()
DONE, FAILED, BAD = (
    e.HTTP_UPLOAD_DONE.number,
    e.HTTP_UPLOAD_FAILED.number,
    e.HTTP_BAD_REQUEST.number,
)
KEPT = e.INTERRUPTED_UPLOAD_KEPT.number


def ann(permissions: str = "allow-full-control", **options: str) -> Any:
    return account("ann", password=CHEAP_HASH, permissions=permissions, **options)


def put(client: HttpClient, target: str = "/home/file", data: bytes = DATA, **more: Any) -> Answer:
    return client.ask("PUT", target, data, **more)


def chunked(data: bytes, size: int = 70_000) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in pieces) + b"0\r\n\r\n"


def nothing_came(server: HttpServer, *names: str) -> bool:
    """No upload has succeeded, and there is nothing but these names."""
    return server.data(DONE) == [] and server.names() == sorted(names)


# Received.


@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=["empty", "one byte", "large"])
def test_a_file_is_received(client: HttpClient, server: HttpServer, data: bytes) -> None:
    answer = put(client, data=data)
    assert (answer.status, answer.body) == (201, b"")
    assert answer.field("Location") == "/home/file"
    assert answer.field("Server-Path") == "/file"
    assert server.get("/file") == data
    (told,) = server.data(DONE)
    assert (told["path"], told["total_write"]) == ("/file", len(data))
    assert put(client, "/home/next").status == 201, "the connection goes on"


def test_a_file_in_chunks_is_received(client: HttpClient, server: HttpServer) -> None:
    client.write(client.head("PUT", "/home/file", Transfer_Encoding="chunked") + chunked(DATA))
    assert client.answer().status == 201
    assert server.get("/file") == DATA


def test_a_file_is_replaced_at_once(client: HttpClient, server: HttpServer) -> None:
    server.put("/file", b"old")
    client.write(client.head("PUT", "/home/file", Content_Length=str(len(DATA))) + DATA[:-1])
    assert server.get("/file") == b"old"
    client.write(DATA[-1:])
    assert client.answer().status == 201
    assert server.get("/file") == DATA


def test_where_a_file_is_is_told_quoted(client: HttpClient, server: HttpServer) -> None:
    name = '<a "ü">'
    answer = put(client, "/home/%3Ca%20%22%C3%BC%22%3E")
    assert answer.field("Location") == "/home/%3Ca%20%22%C3%BC%22%3E"
    assert server.names() == [name]


def test_a_file_may_get_another_name(serve: Serve) -> None:
    server = serve(ann(amend_write_name="uuid-prefix"))
    answer = put(HttpClient(server))
    (name,) = server.names()
    assert name.endswith("-file")
    assert len(name) > 36
    assert answer.field("Location") == f"/home/{name}"
    assert server.data(DONE)[0]["requested_path"] == "/file"


@pytest.mark.parametrize(
    ("target", "status"),
    [("/home/none/file", 409), ("/home/folder", 409), ("/home/old/file", 409)],
    ids=["no folder", "a folder", "a file as folder"],
)
def test_where_no_file_can_be_is_told(
    client: HttpClient, server: HttpServer, target: str, status: int
) -> None:
    run(server.owner().make_directory(VPath.parse("/folder")))
    server.put("/old", b"old")
    assert put(client, target, b"data").status == status
    assert nothing_came(server, "folder", "old")
    assert len(server.data(FAILED)) == 1


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Content_Range": "bytes 0-3/10"}, 400),
        ({"Content_Range": "nonsense"}, 400),
        ({"Content_Encoding": "gzip"}, 415),
        ({"Content_Encoding": "identity, gzip"}, 415),
    ],
)
def test_what_is_no_whole_file_is_not_received(
    client: HttpClient, server: HttpServer, fields: dict[str, str], status: int
) -> None:
    assert put(client, data=b"data", **fields).status == status
    assert nothing_came(server)
    assert len(server.data(BAD)) == 1


def test_no_encoding_may_be_told(client: HttpClient) -> None:
    assert put(client, Content_Encoding="Identity").status == 201


# Conditions.


def test_a_file_that_must_be_new_is_received_once(client: HttpClient, server: HttpServer) -> None:
    assert put(client, If_None_Match="*").status == 201
    answer = put(client, data=b"other", If_None_Match="*")
    assert answer.status == 412
    assert server.get("/file") == DATA
    run(server.owner().make_directory(VPath.parse("/folder")))
    assert put(client, "/home/folder", If_None_Match="*").status == 412


def test_a_file_that_must_be_new_may_have_been_interrupted(
    client: HttpClient, server: HttpServer
) -> None:
    client.write(client.head("PUT", "/home/file", Content_Length="10", If_None_Match="*") + b"data")
    client.vanish()
    again = HttpClient(server)
    assert again.ask("HEAD", "/home/file").field("Content-Length") == "4"
    assert put(again, If_None_Match="*").status == 201
    assert server.get("/file") == DATA


def test_a_file_that_appears_meanwhile_is_not_replaced(
    client: HttpClient, server: HttpServer
) -> None:
    fields = {"Content_Length": str(len(DATA)), "If_None_Match": "*"}
    client.write(client.head("PUT", "/home/file", **fields) + DATA[:-1])
    server.put("/file", b"another was first")
    client.write(DATA[-1:])
    assert client.answer().status == 412
    assert server.get("/file") == b"another was first"
    assert server.data(DONE) == []


def test_a_file_is_replaced_only_as_its_client_knows_it(
    client: HttpClient, server: HttpServer
) -> None:
    server.put("/file", b"old")
    seen = client.ask("HEAD", "/home/file")
    tag, date = seen.field("ETag"), seen.field("Last-Modified")
    for fields in (
        {"If_Match": '"other"'},
        {"If_None_Match": tag},
        {"If_None_Match": "*", "If_Match": '"other"'},
        {"If_Unmodified_Since": "Wed, 31 Dec 1969 23:59:59 GMT"},
    ):
        answer = put(client, data=b"new", **fields)
        assert answer.status == 412, fields
        assert answer.json["errors"]
    assert put(client, "/home/none", b"new", If_Match="*").status == 412
    assert server.get("/file") == b"old"
    assert nothing_came(server, "file")
    assert put(client, If_Modified_Since=date).status == 201, "it is a condition of reading only"
    tag = client.ask("HEAD", "/home/file").field("ETag")
    assert put(client, data=b"new", If_Match=tag).status == 201
    assert put(client, "/home/other", If_None_Match=tag).status == 201


@pytest.mark.parametrize("field", ["If_Match", "If_Unmodified_Since"])
def test_of_two_that_replace_the_same_file_the_first_to_end_wins(
    client: HttpClient, server: HttpServer, field: str
) -> None:
    server.put("/file", b"old")
    seen = client.ask("HEAD", "/home/file")
    known = {field: seen.field("ETag" if field == "If_Match" else "Last-Modified")}
    slower, faster = HttpClient(server), HttpClient(server)
    slower.write(slower.head("PUT", "/home/file", Content_Length="6", **known) + b"slo")
    slower.wait(2)  # dates are seconds
    assert put(faster, data=b"faster", **known).status == 201
    slower.write(b"wer")
    assert slower.answer().status == 412
    assert server.get("/file") == b"faster"
    assert (len(server.data(DONE)), len(server.data(FAILED))) == (1, 1)
    assert server.data(KEPT) == []
    assert put(slower, data=b"again").status == 201, "the connection goes on"


def test_a_file_that_goes_before_it_is_replaced_stays_gone(
    client: HttpClient, server: HttpServer
) -> None:
    server.put("/file", b"old")
    client.write(client.head("PUT", "/home/file", Content_Length="4", If_Match="*") + b"ne")
    assert HttpClient(server).ask("DELETE", "/home/file").status == 204
    client.write(b"w!")
    assert client.answer().status == 412
    assert nothing_came(server)


# Digests.


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Repr_Digest", repr_digest(DIGEST)),
        ("Content_Digest", repr_digest(DIGEST)),
        ("Digest", OLD),
        ("Digest", OLD.lower().partition("=")[0] + "=" + OLD.partition("=")[2]),
        ("Repr_Digest", f"sha-512=:AAAA:, {repr_digest(DIGEST)}"),
    ],
)
def test_a_file_is_held_against_its_digest(
    client: HttpClient, server: HttpServer, field: str, value: str
) -> None:
    answer = put(client, **{field: value})
    assert answer.status == 201
    assert answer.field("Repr-Digest") == repr_digest(DIGEST)
    wrong = put(client, "/home/other", DATA[:-1], **{field: value})
    assert wrong.status == 400
    assert server.names() == ["file"]
    assert len(server.data(DONE)) == len(server.data(FAILED)) == 1
    assert client.ask("HEAD", "/home/other").status == 404, "nothing of it is kept"
    assert server.data(KEPT) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Repr_Digest", "sha-256=:AAAA:"),
        ("Repr_Digest", "sha-256"),
        ("Content_Digest", f"{repr_digest(DIGEST)}, {repr_digest(DIGEST)}"),
        ("Digest", "sha-256=nonsense"),
    ],
)
def test_a_digest_that_cannot_be_read_is_refused(
    client: HttpClient, server: HttpServer, field: str, value: str
) -> None:
    assert put(client, **{field: value}).status == 400
    assert nothing_came(server)


@pytest.mark.parametrize(
    "fields",
    [
        {"Repr_Digest": repr_digest(DIGEST), "Content_Digest": repr_digest(bytes(32))},
        {"Repr_Digest": repr_digest(DIGEST), "Digest": old_digest(bytes(32))},
        {"Content_Digest": repr_digest(DIGEST), "Digest": old_digest(bytes(32))},
    ],
)
def test_digests_that_differ_are_refused(
    client: HttpClient, server: HttpServer, fields: dict[str, str]
) -> None:
    assert put(client, **fields).status == 400
    assert nothing_came(server)


def test_a_digest_of_another_kind_is_passed_over(client: HttpClient) -> None:
    answer = put(client, Digest="md5=AAAA", Repr_Digest="sha-512=:AAAA:")
    assert answer.status == 201
    assert answer.field("Repr-Digest") is None


# Not to its end.


def test_a_cut_upload_is_kept_for_its_owner_and_never_seen(serve: Serve) -> None:
    server = serve(ann(), account("bob", password=CHEAP_HASH))
    client, bob = HttpClient(server), HttpClient(server, user="bob")
    client.write(client.head("PUT", "/home/file", Content_Length=str(len(DATA))) + DATA[:-1])
    client.vanish()
    assert nothing_came(server)
    assert len(server.data(FAILED)) == len(server.data(KEPT)) == 1
    assert bob.ask("HEAD", "/home/file").status == 404
    assert bob.ask("GET", "/home/").json["content"] == []
    again = HttpClient(server)
    assert again.ask("HEAD", "/home/file").field("Content-Length") == str(len(DATA) - 1)


def test_a_body_that_is_no_chunks_leaves_no_file(client: HttpClient, server: HttpServer) -> None:
    head = client.head("PUT", "/home/file", Transfer_Encoding="chunked")
    client.write(head + b"4\r\ndata\r\nnonsense\r\n")
    assert client.answer().status == 400
    assert client.closed
    assert nothing_came(server)


def test_a_body_over_the_limit_of_the_account_is_refused(serve: Serve) -> None:
    server = serve(
        storage=lambda memory: MemoryFileSystem(memory.tree, memory.owner, file_write_size=1000)
    )
    client = HttpClient(server)
    assert put(client).status == 413
    assert nothing_came(server)
    assert len(server.data(FAILED)) == 1


def test_a_body_is_not_invited_where_it_would_be_refused(
    client: HttpClient, server: HttpServer
) -> None:
    server.put("/file", b"old")
    waits = {"Content_Length": "4", "Expect": "100-continue"}
    client.write(client.head("PUT", "/home/file", If_None_Match="*", **waits))
    assert b"100" not in bytes(client.end.received[:15])
    answer = client.answer()
    assert (answer.status, answer.field("Connection")) == (412, "close")
    again = HttpClient(server)
    again.write(again.head("PUT", "/home/file", **waits))
    assert bytes(again.end.received) == b"HTTP/1.1 100 Continue\r\n\r\n"
    again.write(b"data")
    assert again.answer().status == 201


# Permissions.


def test_a_file_needs_the_right_to_write_and_no_other(serve: Serve) -> None:
    every = {"allow-read", "allow-list", "allow-traverse", "allow-create-folder", "allow-rename"}
    every |= {"allow-delete-file", "allow-delete-folder", "allow-set-attributes"}
    for permissions, status in (
        ("allow-write", 201),
        (", ".join(sorted(every)), 403),
        ("deny-full-control", 403),
        ("allow-list\n/other/*, allow-write", 403),
        ("allow-list\n/file, allow-write", 201),
    ):
        server = serve(ann(permissions))
        client = HttpClient(server)
        assert put(client, data=b"data").status == status, permissions
        assert server.names() == (["file"] if status == 201 else [])
        again = 412 if status == 201 else 403
        assert put(client, data=b"data", If_None_Match="*").status == again


# Disks that are slow, or full.


@pytest.fixture
def slowness() -> Slowness:
    made = Slowness()
    made.slow = False
    return made


def slow_upload(serve: Serve, slowness: Slowness) -> tuple[HttpServer, HttpClient]:
    """All of a file has come, and waits for the disk."""
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    client = HttpClient(server)
    client.write(client.head("PUT", "/home/file", Content_Length=str(len(DATA))))
    slowness.slow = True
    client.write(DATA)
    assert slowness.waiting
    return server, client


def test_an_upload_waits_for_a_slow_disk(serve: Serve, slowness: Slowness) -> None:
    server, client = slow_upload(serve, slowness)
    assert not client.end.received
    assert server.names() == []
    slowness.let_all_go(client.settle)
    assert client.answer().status == 201
    assert server.get("/file") == DATA


def test_a_disk_that_is_full_is_told(serve: Serve, slowness: Slowness) -> None:
    server, client = slow_upload(serve, slowness)
    slowness.fail(Refused(Reason.NO_SPACE, "", "the disk is full"))
    slowness.let_all_go(client.settle)
    assert client.answer().status == 507
    assert nothing_came(server)
    assert server.data(FAILED)[0]["details"] == "the disk is full"


def test_a_fault_on_the_way_to_the_disk_tells_an_id_only(
    serve: Serve, slowness: Slowness, faults: list[str]
) -> None:
    server, client = slow_upload(serve, slowness)
    slowness.waiting.popleft().errback(RuntimeError("/secret/place"))
    slowness.let_all_go(client.settle)
    assert client.answer().status == 500
    assert "/secret/place" in faults.pop()
    assert "secret" not in server.data(FAILED)[0]["details"]


def test_a_file_is_on_disk_when_its_client_hears_of_it(serve: Serve, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()

    def local(memory: Any) -> Any:
        return LocalFileSystem(str(disk), memory.owner, Volumes(Inline(), io="inline"))

    server = serve(storage=local)
    client = HttpClient(server)
    assert put(client).status == 201
    assert [one.name for one in disk.iterdir()] == ["file"]
    assert (disk / "file").read_bytes() == DATA
    assert put(client, If_None_Match="*").status == 412
    client.leave()


def test_conditions_are_about_what_is_finished_and_not_about_what_was_cut(
    serve: Callable[..., HttpServer],
) -> None:
    server = serve()
    server.put("/a", b"whole")
    client = HttpClient(server)
    tag = client.ask("HEAD", "/home/a").field("ETag")
    interrupt(server.owner(), VPath.parse("/a"), b"ha")
    assert client.ask("HEAD", "/home/a").field("Content-Length") == "2"
    assert client.ask("PUT", "/home/a", b"again", If_Match=tag).status == 201
    assert server.get("/a") == b"again"
    assert client.ask("PUT", "/home/a", b"third", If_Match=tag).status == 412
