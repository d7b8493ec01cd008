"""One document as a file: how large it is, where it leads, and how often it is asked for."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from tests.fakes.http_location import connector, fetched, listed
from tests.fakes.odd_http import Asked, OddServer, answering, reply

FILE = VPath(("today",))
DATA = bytes(range(256)) * 4000
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def at(
    directory: Path,
    answer: Callable[[Asked], bytes],
    main: Callable[[Any], Awaitable[None]],
    **options: str,
) -> list[Asked]:
    """Run something with a location of a server that answers so; gives what was asked."""

    async def whole(reactor: Any, server: OddServer) -> None:
        url = f"http://127.0.0.1:{server.port}/a%20b/today?key=1"
        made = connector(reactor, directory, "http-pull", **{"url": url, **options})
        tree = await made.connect("")
        try:
            await main(tree)
        finally:
            await tree.close()

    return answering(lambda asked, talk: talk.write(answer(asked)), whole).asked


async def refused(work: Awaitable[object]) -> Reason:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.reason


def document(asked: Asked) -> bytes:
    body = b"" if asked.method == "HEAD" else DATA
    return reply(200, body, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", length=len(DATA))


def in_chunks(asked: Asked) -> bytes:
    if asked.method == "HEAD":
        return reply(405)
    return CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(DATA), DATA)


def test_what_head_tells_is_enough_to_see_whether_it_has_changed(tmp_path: Path) -> None:
    async def main(tree: Any) -> None:
        found = await listed(tree, ROOT)
        assert (found["today"].size, found["today"].modified) == (len(DATA), 784111777)
        assert await fetched(tree, FILE) == DATA
        assert tree.real_path(FILE).endswith("/a%20b/today")

    asked = at(tmp_path, document, main, username="me", password="secret")
    assert [one.method for one in asked] == ["HEAD", "HEAD", "GET"]
    assert {one.target for one in asked} == {"/a%20b/today?key=1"}
    assert all(one.field("Authorization") == "Basic bWU6c2VjcmV0" for one in asked)


def test_what_tells_no_size_is_kept_when_it_is_looked_at(tmp_path: Path) -> None:
    async def main(tree: Any) -> None:
        for _ in range(2):
            assert (await listed(tree, ROOT))["today"].size == len(DATA)
            assert (await tree.stat(FILE)).size == len(DATA)
            assert await fetched(tree, FILE) == DATA
            assert await fetched(tree, FILE, 100) == DATA[100:]
        assert list(tmp_path.iterdir()) == []

    asked = at(tmp_path, in_chunks, main)
    assert [one.method for one in asked] == ["HEAD", "GET", "GET"]


def test_a_request_that_may_change_something_is_made_once_for_each_look(tmp_path: Path) -> None:
    async def main(tree: Any) -> None:
        await listed(tree, ROOT)
        assert await fetched(tree, FILE) == DATA

    words = {"request_method": "POST", "request_body": "all of it", "headers": "X-Token: abc"}
    asked = at(tmp_path, document, main, **words)
    assert [(one.method, one.body) for one in asked] == [("POST", b"all of it")]
    assert asked[0].field("X-Token") == "abc"


def test_more_than_is_wanted_is_not_kept(tmp_path: Path) -> None:
    async def main(tree: Any) -> None:
        assert await refused(tree.list(ROOT)) is Reason.QUOTA

    at(tmp_path, in_chunks, main, maximum_size="100 KiB")


@pytest.mark.parametrize("status", [201, 404, 500])
def test_only_the_statuses_that_are_named_bring_a_file(tmp_path: Path, status: int) -> None:
    async def main(tree: Any) -> None:
        await refused(tree.list(ROOT))

    at(tmp_path, lambda asked: reply(status, b"words"), main, response_code="200")


def test_redirects_are_followed_at_the_same_server_only(tmp_path: Path) -> None:
    def answer(asked: Asked) -> bytes:
        if "today" in asked.target:
            return reply(302, b"", "Location: ../real?key=2")
        return document(asked)

    async def main(tree: Any) -> None:
        assert await fetched(tree, FILE) == DATA

    asked = at(tmp_path, answer, main)
    assert [one.target for one in asked] == ["/a%20b/today?key=1", "/real?key=2", "/real?key=2"]


@pytest.mark.parametrize(
    "where",
    ["http://evil.example.com/", "//evil.example.com/", "https://127.0.0.1/", "ftp://127.0.0.1/"],
)
def test_no_redirect_leads_to_another_server(tmp_path: Path, where: str) -> None:
    async def main(tree: Any) -> None:
        assert await refused(tree.list(ROOT)) is Reason.UNSUPPORTED

    asked = at(tmp_path, lambda asked: reply(302, b"", f"Location: {where}"), main)
    assert {one.target for one in asked} == {"/a%20b/today?key=1"}


def test_redirects_that_go_round_end(tmp_path: Path) -> None:
    async def main(tree: Any) -> None:
        assert await refused(tree.list(ROOT)) is Reason.UNSUPPORTED

    asked = at(tmp_path, lambda asked: reply(302, b"", "Location: ?again"), main)
    assert len(asked) <= 10


def test_what_is_only_fetched_cannot_be_changed(tmp_path: Path) -> None:
    async def main(tree: Any) -> None:
        from mft.vfs.base import Existing

        works = [
            tree.upload(FILE, Existing.REPLACE),
            tree.remove(FILE),
            tree.remove_same(FILE, lambda found: True),
            tree.make_directory(FILE),
            tree.remove_directory(FILE),
            tree.rename(FILE, ROOT, replace=False),
        ]
        for work in works:
            assert await refused(work) is Reason.UNSUPPORTED
        assert await refused(tree.stat(VPath(("other",)))) is Reason.NOT_FOUND
        assert await refused(tree.list(FILE)) is Reason.NOT_A_DIRECTORY
        assert await refused(tree.download(ROOT)) is Reason.IS_A_DIRECTORY
        assert (await tree.stat(ROOT)).is_directory
        assert await tree.digest(FILE, "sha256") is None
        await tree.ping()

    assert at(tmp_path, document, main) == []
