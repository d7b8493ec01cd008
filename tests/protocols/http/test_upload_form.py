"""Files that come by a form."""

from collections.abc import Callable
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.http.upload_form import MAX_FIELDS
from mft.vfs.base import Existing
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_browser import Browser, multipart, text_of
from tests.fakes.http_server import HttpServer
from tests.fakes.slow import SlowFiles, Slowness

LARGE = bytes(range(256)) * 6000  # many reads of the line


@pytest.fixture
def ann(server: HttpServer) -> Browser:
    browser = Browser(server)
    browser.log_in()
    return browser


def send(browser: Browser, *parts: Any, end: bool = True) -> Any:
    body = multipart(("csrf", None, browser.token.encode()), *parts, end=end)
    return browser.ask("POST", "/home/", body, **browser.multipart_fields())


UPLOAD = ("action", None, b"upload-file")


def test_files_are_under_their_names(server: HttpServer, ann: Browser) -> None:
    answer = ann.upload(
        "/home/", ("a b.txt", b"one"), ("empty", b""), ("gr\u00fc\u00df.bin", LARGE)
    )
    assert (answer.status, answer.field("Location")) == (303, "/home/?done=uploaded&count=3")
    assert server.get("/a b.txt") == b"one"
    assert server.get("/empty") == b""
    assert server.get("/gr\u00fc\u00df.bin") == LARGE
    assert len(server.data(40017)) == 3


@pytest.mark.parametrize("size", [1, 7, 1000, 70_000])
def test_it_does_not_matter_how_the_form_is_cut(
    server: HttpServer, ann: Browser, size: int
) -> None:
    data = LARGE[:200_000] if size > 100 else b"\r\n----edg\r\n\r\n--" * 5
    body = multipart(("csrf", None, ann.token.encode()), UPLOAD, ("files", "a", data))
    fields = {**ann.multipart_fields(), "Content_Length": str(len(body))}
    ann.write(ann.head("POST", "/home/", **fields))
    for at in range(0, len(body), size):
        ann.write(body[at : at + size])
    assert ann.answer().status == 303
    assert server.get("/a") == data


def test_a_form_in_chunks_is_read_whole(server: HttpServer, ann: Browser) -> None:
    body = multipart(("csrf", None, ann.token.encode()), UPLOAD, ("files", "a", b"x" * 900))
    ann.write(ann.head("POST", "/home/", **ann.multipart_fields(), Transfer_Encoding="chunked"))
    chunks = b"".join(b"1\r\n" + bytes([one]) + b"\r\n" for one in body)
    ann.write(chunks + b"0\r\n\r\n")
    assert ann.answer().status == 303
    assert server.get("/a") == b"x" * 900


def test_a_file_replaces_one_of_its_name(server: HttpServer, ann: Browser) -> None:
    server.put("/a", b"old and longer")
    ann.upload("/home/", ("a", b"new"))
    assert server.get("/a") == b"new"


def test_a_name_is_the_last_part_of_what_a_browser_sends(server: HttpServer, ann: Browser) -> None:
    ann.upload("/home/", ("C:\\fakepath\\a.txt", b"1"), ("dir/b.txt", b"2"))
    assert server.names() == ["a.txt", "b.txt"]


def test_a_form_without_a_file_says_so(ann: Browser) -> None:
    answer = send(ann, UPLOAD, ("files", "", b""))
    assert answer.status == 422
    assert "Nothing was selected." in text_of(answer)


def test_one_that_is_refused_keeps_no_other(server: HttpServer, ann: Browser) -> None:
    ann.press("/home/", "create-folder", new_folder="sub")
    answer = ann.upload("/home/", ("sub", LARGE), (".mft-x", b"x"), ("dir/..", b"x"), ("ok", b"x"))
    assert answer.status == 422
    told = text_of(answer)
    assert "Uploaded 1 file." in told
    assert "sub: a folder has this name" in told
    assert ".mft-x: this is not a name that can be used" in told
    assert server.names() == ["ok", "sub"]


def test_nothing_is_written_without_the_token(server: HttpServer, ann: Browser) -> None:
    late = multipart(UPLOAD, ("files", "a", b"x"), ("csrf", None, ann.token.encode()))
    assert ann.ask("POST", "/home/", late, **ann.multipart_fields()).status == 403
    assert server.names() == []
    assert server.data(40021) == []


def test_nothing_is_written_for_another_action(server: HttpServer, ann: Browser) -> None:
    assert send(ann, ("action", None, b"delete-members"), ("files", "a", b"x")).status == 400
    assert send(ann, ("files", "a", b"x"), UPLOAD).status == 400
    assert server.names() == []


def test_a_form_that_ends_within_a_file_leaves_nothing(server: HttpServer, ann: Browser) -> None:
    answer = send(ann, UPLOAD, ("files", "a", b"x" * 100), end=False)
    assert answer.status == 400
    assert server.names() == []
    assert len(server.data(40022)) == 1


@pytest.mark.parametrize("kept", [4, 40])
def test_a_form_that_ends_elsewhere_is_refused(server: HttpServer, ann: Browser, kept: int) -> None:
    body = multipart(("csrf", None, ann.token.encode()), UPLOAD)
    cut = body[:-kept]
    assert ann.ask("POST", "/home/", cut, **ann.multipart_fields()).status == 400


def test_what_is_no_part_of_a_form_is_refused(ann: Browser) -> None:
    for body in (b"", b"----edge\r\nX: y\r\n\r\n", b"----edge\r\n" + b"x" * 9000):
        assert ann.ask("POST", "/home/", body, **ann.multipart_fields()).status == 400


def test_a_client_that_leaves_leaves_no_file(server: HttpServer, ann: Browser) -> None:
    body = multipart(("csrf", None, ann.token.encode()), UPLOAD, ("files", "a", LARGE))
    fields = {**ann.multipart_fields(), "Content_Length": str(len(body))}
    ann.write(ann.head("POST", "/home/", **fields) + body[: len(body) // 2])
    ann.vanish()
    assert server.names() == []
    assert len(server.data(40022)) == 1


def test_fields_have_a_limit_and_are_text(server: HttpServer, ann: Browser) -> None:
    assert send(ann, ("new-folder", None, b"x" * MAX_FIELDS)).status == 413
    many = [("a" * 100, None, b"b") for _ in range(MAX_FIELDS // 100)]
    assert send(ann, *many).status == 413
    assert send(ann, ("new-folder", None, b"\xff")).status == 400


def test_what_is_behind_the_form_is_dropped(server: HttpServer, ann: Browser) -> None:
    body = multipart(("csrf", None, ann.token.encode()), UPLOAD, ("files", "a", b"x"))
    answer = ann.ask("POST", "/home/", body + b"y" * 1000, **ann.multipart_fields())
    assert answer.status == 303
    assert ann.ask("GET", "/home/").status == 200


def test_the_client_is_invited_once(server: HttpServer, ann: Browser) -> None:
    body = multipart(("csrf", None, ann.token.encode()), UPLOAD, ("files", "a", b"x"))
    fields = {**ann.multipart_fields(), "Content_Length": str(len(body))}
    ann.write(ann.head("POST", "/home/", Expect="100-continue", **fields))
    assert bytes(ann.end.received) == b"HTTP/1.1 100 Continue\r\n\r\n"
    ann.write(body)
    assert ann.answer().status == 303


class Full:
    """A disk that has no room for more than a little."""

    def __init__(self, memory: MemoryFileSystem) -> None:
        self._memory = memory

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> Any:
        upload: Any = await self._memory.upload(path, how, mode=mode)
        write = upload.lane.write_from

        def write_a_little(views: Any, offset: int) -> Any:
            if offset + sum(map(len, views)) > 100_000:
                raise Refused(Reason.NO_SPACE, str(path), "full")
            return write(views, offset)

        upload.lane.write_from = write_a_little
        return upload


def test_a_full_disk_is_told_for_the_file(serve: Callable[..., HttpServer]) -> None:
    server = serve(storage=Full)
    ann = Browser(server)
    ann.log_in()
    answer = ann.upload("/home/", ("large", LARGE), ("small", b"x"))
    assert answer.status == 422
    assert "large: the server has no room left" in text_of(answer)
    assert server.names() == ["small"]
    assert len(server.data(40059)) == 1


def test_a_slow_disk_is_waited_for(serve: Callable[..., HttpServer]) -> None:
    slowness = Slowness()
    slowness.slow = False
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    ann = Browser(server)
    ann.log_in()
    body = multipart(("csrf", None, ann.token.encode()), UPLOAD, ("files", "a", LARGE))
    fields = {**ann.multipart_fields(), "Content_Length": str(len(body))}
    slowness.slow = True
    ann.write(ann.head("POST", "/home/", **fields) + body)
    slowness.let_all_go(ann.settle)
    assert ann.answer().status == 303
    assert slowness.most == 1, "one piece at a time"
    assert server.get("/a") == LARGE


def test_tags_that_must_be_there_are_missing_from_a_form(
    serve: Callable[..., HttpServer],
) -> None:
    server = serve(metadata_fields="X-Tags, required\ncase, required")
    ann = Browser(server)
    ann.log_in()
    assert ann.upload("/home/", ("a", b"x")).status == 400
    assert ann.upload("/home/", ("a", b"x"), X_Tags="case=7").status == 303
    assert server.data(40017)[0]["metadata"] == {"case": ["7"]}


def test_who_may_not_write_is_told_for_each_file(serve: Callable[..., HttpServer]) -> None:
    rules = "allow-list, allow-read"
    server = serve(account("ann", password=CHEAP_HASH, permissions=rules))
    ann = Browser(server)
    ann.log_in()
    answer = ann.upload("/home/", ("a", b"x"), ("b", LARGE))
    assert answer.status == 422
    assert "2 things could not be done:" in text_of(answer)
