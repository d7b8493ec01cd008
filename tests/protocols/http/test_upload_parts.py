"""Parts of uploads: what is kept of them, who may add them, and several at a time."""

import os
import re
import shutil
import time
from base64 import b64encode
from collections.abc import Callable
from hashlib import md5, sha1, sha256
from pathlib import Path
from typing import Any

import pytest

from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.session.latest import Latest
from mft.vfs.base import Existing
from mft.vfs.local import LocalFileSystem
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.temporary import Temporaries
from mft.vfs.volume import Volumes
from mft.wire.http.digests import old_digest, repr_digest
from mft.wire.http.tus import UploadName
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.files import interrupt
from tests.fakes.http_server import Answer, HttpClient, HttpServer
from tests.fakes.threads import Inline
from tests.fakes.uploads import (
    ALL,
    TUS_TYPE,
    add,
    begin_part,
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


# Checksums.


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("md5", md5(DATA[HALF:], usedforsecurity=False).digest()),
        ("sha1", sha1(DATA[HALF:], usedforsecurity=False).digest()),
        ("sha256", sha256(DATA[HALF:]).digest()),
    ],
)
def test_a_part_is_what_its_checksum_says_or_nothing_of_it_is_kept(
    server: HttpServer, client: HttpClient, name: str, digest: bytes
) -> None:
    url = begun(client, "a", SIZE)
    patch(client, url, 0, DATA[:HALF])
    checksum = f"{name} {b64encode(digest).decode()}"
    wrong = patch(client, url, HALF, bytes(SIZE - HALF), Upload_Checksum=checksum)
    assert (wrong.status, wrong.json["errors"][0]["title"]) == (460, "Checksum Mismatch")
    assert offset(client, url) == str(HALF)
    assert patch(client, url, HALF, DATA[HALF:], Upload_Checksum=checksum).status == 204
    assert server.get("/a") == DATA


@pytest.mark.parametrize("speaks", [patch, add])
def test_a_part_is_held_against_its_digest(
    server: HttpServer, client: HttpClient, speaks: Callable[..., Answer]
) -> None:
    ends = {"ends": True} if speaks is add else {}
    url = begun(client, "a", SIZE)
    patch(client, url, 0, DATA[:HALF])
    digest = repr_digest(sha256(DATA[HALF:]).digest())
    wrong = speaks(client, url, HALF, bytes(SIZE - HALF), Content_Digest=digest, **ends)
    assert wrong.status == (400 if ends else 460)
    assert offset(client, url) == str(HALF)
    assert speaks(client, url, HALF, DATA[HALF:], Content_Digest=digest, **ends).status < 300
    assert server.get("/a") == DATA


def test_a_part_has_to_be_what_its_checksum_and_its_digest_say(client: HttpClient) -> None:
    url = begun(client, "a", SIZE)
    right, other = sha256(DATA[:HALF]).digest(), sha256(DATA).digest()
    for checksum, digest in ((right, other), (other, right)):
        told = {
            "Upload_Checksum": f"sha256 {b64encode(checksum).decode()}",
            "Content_Digest": repr_digest(digest),
        }
        assert patch(client, url, 0, DATA[:HALF], **told).status == 460
    assert offset(client, url) == "0"


@pytest.mark.parametrize("before", [0, HALF])
@pytest.mark.parametrize(("field", "told"), [("Repr_Digest", repr_digest), ("Digest", old_digest)])
def test_a_file_in_parts_is_held_against_its_digest_with_the_last_one(
    server: HttpServer,
    client: HttpClient,
    before: int,
    field: str,
    told: Callable[[bytes], str],
) -> None:
    url = begun(client, "a", SIZE)
    patch(client, url, 0, DATA[:before])
    wrong = patch(client, url, before, DATA[before:], **{field: told(bytes(32))})
    assert (wrong.status, server.names()) == (400, [])
    assert offset(client, url) == "0", "nothing of it is kept"
    patch(client, url, 0, DATA[:before])
    right = told(sha256(DATA).digest())
    assert patch(client, url, before, DATA[before:], **{field: right}).status == 204
    assert server.get("/a") == DATA


@pytest.mark.parametrize("speaks", [patch, add])
def test_a_part_in_an_encoding_is_refused(
    server: HttpServer, client: HttpClient, speaks: Callable[..., Answer]
) -> None:
    ends = {"ends": True} if speaks is add else {}
    url = begun(client, "a", SIZE)
    assert speaks(client, url, 0, DATA, Content_Encoding="gzip", **ends).status == 415
    assert (offset(HttpClient(server), url), server.names()) == ("0", [])


def test_a_first_part_with_another_checksum_leaves_nothing(
    server: HttpServer, client: HttpClient
) -> None:
    checksum = f"sha256 {b64encode(sha256(b'').digest()).decode()}"
    answer = create(client, "a", 3, Upload_Checksum=checksum)
    assert answer.status == 201
    given = {"Content_Type": TUS_TYPE, "Upload_Checksum": checksum, "Upload_Length": "3"}
    answer = client.ask(
        "POST", ALL, b"abc", Tus_Resumable="1.0.0", Upload_Metadata=named("a"), **given
    )
    assert answer.status == 460
    assert answer.field("Location") is None
    assert server.names() == []
    assert not server.data(events.INTERRUPTED_UPLOAD_KEPT.number)


@pytest.mark.parametrize("before", [0, HALF])
def test_of_a_part_with_a_checksum_that_is_cut_nothing_is_kept(
    server: HttpServer, client: HttpClient, before: int
) -> None:
    url = begun(client, "a", SIZE)
    patch(client, url, 0, DATA[:before])
    checksum = f"sha256 {b64encode(sha256(DATA[before:]).digest()).decode()}"
    begin_part(client, url, before, SIZE - before, b"wrong", Upload_Checksum=checksum)
    client.leave()
    again = HttpClient(server)
    assert offset(again, url) == str(before)
    assert patch(again, url, before, DATA[before:], Upload_Checksum=checksum).status == 204
    assert server.get("/a") == DATA


@pytest.mark.parametrize("checked", [True, False])
def test_a_kill_inside_of_a_part_with_a_checksum_leaves_nothing_to_go_on_with(
    serve: Serve, tmp_path: Path, checked: bool
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    volumes = Volumes(Inline(), io="inline")
    server = serve(storage=lambda _: LocalFileSystem(str(home), "ann", volumes))
    client = HttpClient(server)
    url = begun(client, "a", SIZE)
    summed = f"sha256 {b64encode(sha256(DATA[:HALF]).digest()).decode()}"
    assert patch(client, url, 0, DATA[:HALF], Upload_Checksum=summed).status == 204
    assert found_after_a_kill(home, tmp_path / "before") == HALF
    begin_part(
        client, url, HALF, SIZE - HALF, b"wrong", Upload_Checksum=summed if checked else None
    )
    assert sorted(path.stat().st_size for path in home.iterdir()) == [HALF + 5]
    found = found_after_a_kill(home, tmp_path / "inside")
    assert found == (None if checked else HALF + 5)
    client.leave()
    assert offset(HttpClient(server), url) == str(HALF if checked else HALF + 5)


def found_after_a_kill(home: Path, beside: Path) -> int | None:
    """How much of ann's upload the next server finds, were this one killed now."""
    shutil.copytree(home, beside)
    directory = os.open(beside, os.O_RDONLY)
    try:
        found = Temporaries("ann", 100.0, time.time).find(directory, "a")
    finally:
        os.close(directory)
    return None if found is None else found.st_size


# Giving up.


def test_an_upload_that_is_given_up_is_gone_and_a_finished_file_is_not(
    server: HttpServer, client: HttpClient
) -> None:
    server.put("/a", b"before")
    url = begun(client, "a", SIZE)
    patch(client, url, 0, DATA[:HALF])
    assert client.ask("DELETE", url, Tus_Resumable="1.0.0").status == 204
    assert offset(client, url) == "0"
    assert server.get("/a") == b"before"
    assert server.data(events.HTTP_UPLOAD_FAILED.number)[-1]["details"] == (
        "the client has given it up"
    )
    assert client.ask("DELETE", url, Tus_Resumable="1.0.0").status == 204
    assert server.get("/a") == b"before"
    patch(client, url, 0, DATA)
    answer = client.ask("DELETE", url, Tus_Resumable="1.0.0")
    assert answer.status == 409
    assert server.get("/a") == DATA


# Who may.


def test_nobody_goes_on_with_the_upload_of_another(serve: Serve) -> None:
    server = serve(*(account(name, password=CHEAP_HASH) for name in ("ann", "bob")))
    ann, bob = HttpClient(server), HttpClient(server, user="bob")
    url = begun(ann, "a", SIZE)
    patch(ann, url, 0, DATA[:HALF])
    assert offset(bob, url) == "0"
    assert patch(bob, url, HALF, DATA[HALF:]).status == 409
    assert bob.ask("DELETE", url, Tus_Resumable="1.0.0").status == 204
    assert offset(ann, url) == str(HALF)


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE", "POST"])
def test_without_a_login_nothing_is_done(server: HttpServer, method: str) -> None:
    url = begun(HttpClient(server), "a", 3)
    client = HttpClient(server, user=None)
    target = ALL if method == "POST" else url
    answer = client.ask(method, target, None if method == "HEAD" else b"", Tus_Resumable="1.0.0")
    assert answer.status == 401


def test_a_page_of_another_server_begins_nothing(server: HttpServer, client: HttpClient) -> None:
    assert create(client, "a", 0, Origin="https://evil.example").status == 400
    assert server.names() == []


def test_a_browser_goes_on_within_its_web_session(server: HttpServer) -> None:
    client = HttpClient(server, user=None)
    client.log_in()
    url = begun(client, "a", SIZE)
    assert patch(client, url, 0, DATA).status == 204
    assert server.get("/a") == DATA


def test_who_may_only_write_uploads_and_goes_on(serve: Serve) -> None:
    server = serve(account("ann", password=CHEAP_HASH, permissions="allow-write"))
    client = HttpClient(server)
    url = begun(client, "a", SIZE)
    patch(client, url, 0, DATA[:HALF])
    assert offset(client, url) == str(HALF)
    assert patch(client, url, HALF, DATA[HALF:]).status == 204
    assert server.get("/a") == DATA


def test_who_may_not_write_begins_nothing_and_goes_on_with_nothing(serve: Serve) -> None:
    writers = account("ann", password=CHEAP_HASH)
    readers = account("bob", password=CHEAP_HASH, permissions="allow-read, allow-list")
    server = serve(writers, readers)
    client = HttpClient(server, user="bob")
    assert create(client, "a", 1).status == 403
    assert server.numbers()[-1] == events.HTTP_UPLOAD_FAILED.number
    url = begun(HttpClient(server), "a", 1)
    assert client.ask("HEAD", url, Tus_Resumable="1.0.0").status == 403
    assert patch(client, url, 0, b"a").status == 403


# Cuts, and several at a time.


@pytest.mark.parametrize("cut", [HttpClient.leave, HttpClient.vanish])
def test_a_part_that_is_cut_is_kept(
    server: HttpServer, client: HttpClient, cut: Callable[[HttpClient], None]
) -> None:
    url = begun(client, "a", SIZE)
    begin_part(client, url, 0, SIZE, DATA[:HALF])
    cut(client)
    again = HttpClient(server)
    assert offset(again, url) == str(HALF)
    assert patch(again, url, HALF, DATA[HALF:]).status == 204
    assert server.get("/a") == DATA


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
def test_a_newer_request_ends_the_part_that_hangs(
    server: HttpServer, client: HttpClient, method: str
) -> None:
    url = begun(client, "a", SIZE)
    begin_part(client, url, 0, SIZE, DATA[:HALF])
    newer = HttpClient(server)
    assert server.names() == []
    if method == "HEAD":
        assert offset(newer, url) == str(HALF)
    elif method == "PATCH":
        assert patch(newer, url, HALF, DATA[HALF:]).status == 204
        assert server.get("/a") == DATA
    else:
        assert newer.ask("DELETE", url, Tus_Resumable="1.0.0").status == 204
        assert offset(newer, url) == "0"
    client.settle()
    assert client.closed
    (closed,) = server.data(events.HTTP_CLOSED.number)
    assert "newer request" in closed["details"]


def test_of_two_uploads_of_one_path_neither_goes_on_with_the_bytes_of_the_other(
    server: HttpServer, client: HttpClient
) -> None:
    first, second = begun(client, "a", SIZE), begun(client, "a", SIZE)
    patch(client, first, 0, DATA[:HALF])
    assert offset(client, second) == "0"
    patch(client, second, 0, bytes(10))
    assert (offset(client, first), offset(client, second)) == ("0", "10")
    assert client.ask("DELETE", first, Tus_Resumable="1.0.0").status == 204
    assert offset(client, second) == "10"
    assert patch(client, first, HALF, DATA[HALF:]).status == 409
    patch(client, second, 10, bytes(SIZE - 10))
    assert server.get("/a") == bytes(SIZE)
    assert (offset(client, first), offset(client, second)) == ("0", str(SIZE))


def test_an_older_upload_that_ends_later_leaves_its_own_bytes_to_nobody_else(
    server: HttpServer, client: HttpClient
) -> None:
    older = begun(client, "a", SIZE)
    begin_part(client, older, 0, SIZE, DATA[:HALF])
    newer, other = begun(other := HttpClient(server), "a", SIZE), other
    patch(other, newer, 0, bytes(HALF))
    client.leave()
    assert (offset(other, newer), offset(other, older)) == ("0", str(HALF))


def whole(client: HttpClient, data: bytes = bytes(SIZE), **fields: str) -> None:
    """PUT the path, and leave after these bytes."""
    client.write(client.head("PUT", "/home/a", Content_Length=str(SIZE), **fields) + data)
    client.leave()


def moved(client: HttpClient) -> None:
    client.server.put("/b", bytes(SIZE))
    assert client.ask("MOVE", "/home/b", None, Destination="/home/a").status in (201, 204)


@pytest.mark.parametrize(
    "come",
    [
        whole,
        lambda client: whole(client, bytes(HALF)),
        lambda client: whole(client, bytes(HALF), Upload_Complete="?1"),
        moved,
    ],
    ids=["put", "put and cut", "draft and cut", "moved"],
)
@pytest.mark.parametrize("first", [DATA[:HALF], b""], ids=["after a part", "before any"])
def test_what_else_comes_to_the_path_is_not_taken_for_the_upload(
    server: HttpServer, client: HttpClient, come: Callable[[HttpClient], None], first: bytes
) -> None:
    url = begun(client, "a", SIZE)
    if first:
        patch(client, url, 0, first)
    come(HttpClient(server))
    assert offset(client, url) == "0"


def test_a_file_that_was_there_before_its_last_part_is_not_the_upload(
    server: HttpServer, client: HttpClient
) -> None:
    url = begun(client, "a", SIZE)
    server.put("/a", bytes(SIZE))
    patch(client, url, 0, DATA[:HALF])
    # Somebody else begins: its bytes are gone, and nobody knows yet who it is.
    server.owner().tree.root.kept.clear()
    assert offset(client, url) == "0"


def test_after_a_restart_what_came_since_then_is_not_taken_for_the_upload(
    server: HttpServer, client: HttpClient
) -> None:
    url = begun(client, "a", SIZE)
    patch(client, url, 0, DATA[:HALF])
    server.latest = Latest()
    assert offset(HttpClient(server), url) == str(HALF)
    whole(HttpClient(server), bytes(HALF - 1))
    assert offset(HttpClient(server), url) == "0"


def test_after_a_restart_a_finished_file_is_not_an_upload_whose_length_nobody_knows(
    server: HttpServer, client: HttpClient
) -> None:
    url = client.ask("PUT", "/home/a", b"a", Upload_Complete="?0").field("Location") or ""
    assert add(client, url, 1, b"b", ends=True).status == 201
    assert state(client, url) == ("2", "?1")
    server.latest = Latest()
    assert state(HttpClient(server), url) == ("0", "?0")


def test_a_whole_put_that_is_cut_goes_on_where_an_older_upload_was(
    server: HttpServer, client: HttpClient
) -> None:
    older = begun(client, "a", SIZE)
    patch(client, older, 0, bytes(10))
    asking = HttpClient(server)
    version = {"Upload_Draft_Interop_Version": "6", "Upload_Complete": "?1"}
    head = asking.head("PUT", "/home/a", Content_Length=str(SIZE), **version)
    asking.write(head + DATA[:HALF])
    url = re.findall(rb"Location: (\S+)", asking.end.received)[0].decode()
    asking.leave()
    assert state(client, url) == (str(HALF), "?0")
    assert offset(client, older) == "0"


def test_the_next_upload_goes_on_with_what_the_last_one_left_where_it_asks_for_it(
    server: HttpServer, client: HttpClient
) -> None:
    patch(client, begun(client, "a", SIZE), 0, DATA[:HALF])
    answer = create(client, "", SIZE, Upload_Metadata=f"{named('a')},continue")
    assert answer.field("Upload-Offset") == str(HALF)
    assert patch(client, answer.field("Location") or "", HALF, DATA[HALF:]).status == 204
    assert server.get("/a") == DATA


def test_who_begins_anew_takes_nothing_from_a_client_that_has_not_heard_of_its_success(
    server: HttpServer, client: HttpClient
) -> None:
    done = begun(client, "a", SIZE)
    patch(client, done, 0, DATA)
    begun(client, "a", SIZE)
    assert offset(client, done) == str(SIZE)


def test_a_new_upload_does_not_go_on_with_what_was_left_unless_it_is_asked_to(
    server: HttpServer, client: HttpClient
) -> None:
    interrupt(server.owner(), VPath.parse("/a"), DATA[:HALF])
    going_on = f"{named('a')},continue"
    answer = create(client, "", SIZE, Upload_Metadata=going_on)
    assert (answer.status, answer.field("Upload-Offset")) == (201, str(HALF))
    assert offset(client, answer.field("Location") or "") == str(HALF)
    assert offset(client, begun(client, "a", SIZE)) == "0"
    answer = create(client, "", SIZE, Upload_Metadata=going_on)
    assert answer.field("Upload-Offset") == "0"
    assert server.data(events.HTTP_UPLOAD_FAILED.number)[-1]["details"] == (
        "another upload of its path begins"
    )


def test_what_another_protocol_has_begun_is_finished_here(
    server: HttpServer, client: HttpClient
) -> None:
    interrupt(server.owner(), VPath.parse("/a"), DATA[:HALF])
    answer = create(client, "", SIZE, Upload_Metadata=f"{named('a')},continue")
    url = answer.field("Location") or ""
    assert patch(client, url, HALF, DATA[HALF:]).status == 204
    assert server.get("/a") == DATA
    # What is there now may have been there before: the client that did not hear sends it again.
    assert offset(client, url) == "0"


def test_what_is_left_of_another_file_is_not_gone_on_with(
    server: HttpServer, client: HttpClient
) -> None:
    url = begun(client, "a", HALF - 1)
    interrupt(server.owner(), VPath.parse("/a"), DATA[:HALF])
    assert offset(client, url) == "0"


def test_a_file_of_which_all_is_here_but_that_was_not_finished_lacks_its_last_byte(
    server: HttpServer, client: HttpClient
) -> None:
    url = begun(client, "a", SIZE)
    interrupt(server.owner(), VPath.parse("/a"), DATA)
    assert offset(client, url) == str(SIZE - 1)
    assert state(client, url) == (str(SIZE), "?0")
    assert patch(client, url, SIZE - 1, DATA[-1:]).status == 204
    assert server.get("/a") == DATA


def test_a_file_that_replaced_the_upload_meanwhile_is_not_touched(
    serve: Serve,
) -> None:
    files: list[Late] = []

    def late(memory: MemoryFileSystem) -> Late:
        files.append(Late(memory))
        return files[0]

    server = serve(storage=late)
    client = HttpClient(server)
    url = begun(client, "a", SIZE)
    patch(client, url, 0, DATA[:HALF])
    files[0].before_upload = lambda: server.put("/a", b"x" * SIZE)
    assert patch(client, url, HALF, DATA[HALF:]).status == 409
    assert server.get("/a") == b"x" * SIZE


# More than there may be, and less.


def test_more_than_the_upload_is_to_have_is_refused_before_it_comes(
    server: HttpServer, client: HttpClient
) -> None:
    url = begun(client, "a", SIZE)
    patch(client, url, 0, DATA[:HALF])
    assert patch(client, url, HALF, DATA).status == 413
    assert offset(client, url) == str(HALF)


@pytest.mark.parametrize("at", [0, HALF])
def test_more_than_the_upload_is_to_have_is_cut_off_where_nobody_told_of_it(
    server: HttpServer, client: HttpClient, at: int
) -> None:
    url = begun(client, "a", SIZE)
    if at:
        patch(client, url, 0, DATA[:at])
    head = client.head(
        "PATCH",
        url,
        Tus_Resumable="1.0.0",
        Content_Type=TUS_TYPE,
        Upload_Offset=str(at),
        Transfer_Encoding="chunked",
    )
    client.write(head + b"%x\r\n%s\r\n0\r\n\r\n" % (SIZE + 1, DATA + b"x"))
    assert client.answer().status == 413
    assert offset(HttpClient(server), url) == str(at)


def test_an_upload_to_which_nothing_comes_for_too_long_is_gone(
    server: HttpServer, client: HttpClient
) -> None:
    old = UploadName(VPath.parse("/a"), SIZE, 10**18, 0)
    url = f"{ALL}{old}"
    assert client.ask("HEAD", url, Tus_Resumable="1.0.0").status == 410
    interrupt(server.owner(), VPath.parse("/a"), DATA[:HALF])
    assert offset(client, url) == str(HALF)


def test_where_every_upload_has_a_name_of_its_own_an_upload_comes_in_one_part(
    serve: Serve,
) -> None:
    server = serve(account("ann", password=CHEAP_HASH, amend_write_name="uuid-prefix"))
    client = HttpClient(server)
    url = begun(client, "a", SIZE)
    answer = patch(client, url, 0, DATA)
    (name,) = server.names()
    assert (answer.status, answer.field("Server-Path")) == (204, f"/{name}")
    assert name.endswith("-a")
    assert server.get(f"/{name}") == DATA
    url = begun(client, "b", SIZE)
    assert patch(client, url, 0, DATA[:HALF]).field("Upload-Offset") == "0"


class Late:
    """Files to which something happens just before an upload is opened."""

    def __init__(self, memory: MemoryFileSystem) -> None:
        self._memory = memory
        self.before_upload: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> Any:
        self.before_upload()
        return await self._memory.upload(path, how, mode=mode)
