"""Servers that give and take files by their URLs alone."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.remote.https import HttpsTree
from mft.wire.http.digests import repr_digest
from tests.fakes.http_location import fetched, in_clear
from tests.fakes.odd_http import Asked, OddServer, answering, reply

FILE = VPath(("file",))
DATA = b"0123456789"


def at(
    answer: Callable[[Asked], bytes], main: Callable[[HttpsTree], Awaitable[None]]
) -> list[Asked]:
    async def whole(reactor: Any, server: OddServer) -> None:
        tree = await in_clear(reactor, server.port, HttpsTree, "home")
        try:
            await main(tree)
        finally:
            await tree.close()

    return answering(lambda asked, talk: talk.write(answer(asked)), whole).asked


async def refused(work: Awaitable[object]) -> Reason:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.reason


def test_head_tells_of_a_file() -> None:
    fields = ('ETag: "one"', "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT")

    def answer(asked: Asked) -> bytes:
        body = b"" if asked.method == "HEAD" else DATA
        return reply(200, body, *fields, length=len(DATA))

    async def main(tree: HttpsTree) -> None:
        entry = await tree.stat(FILE)
        assert (entry.name, entry.size, entry.modified) == ("file", 10, 784111777)
        assert entry.is_file
        assert await fetched(tree, FILE) == DATA

    assert {one.target for one in at(answer, main)} == {"/home/file"}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        reply(301, b"", "Location: /home/file/"),
    ],
)
def test_what_has_no_length_or_leads_to_a_slash_is_a_folder_and_is_never_removed(
    answer: bytes,
) -> None:
    async def main(tree: HttpsTree) -> None:
        assert (await tree.stat(FILE)).is_directory
        assert await refused(tree.remove(FILE)) is Reason.IS_A_DIRECTORY
        assert await refused(tree.download(FILE)) is Reason.IS_A_DIRECTORY

    assert {one.method for one in at(lambda asked: answer, main)} == {"HEAD"}


@pytest.mark.parametrize(
    ("status", "reason"),
    [(200, None), (403, None), (404, None), (405, None), (401, Reason.DENIED), (503, Reason.BUSY)],
)
def test_a_login_that_is_refused_is_noticed(status: int, reason: Reason | None) -> None:
    async def main(tree: HttpsTree) -> None:
        if reason is None:
            await tree.ping()
        else:
            assert await refused(tree.ping()) is reason

    (asked,) = at(lambda asked: reply(status), main)
    assert (asked.method, asked.target) == ("HEAD", "/home/")


def test_what_http_does_not_have_is_said_so() -> None:
    async def main(tree: HttpsTree) -> None:
        works = [
            tree.list(ROOT),
            tree.make_directory(FILE),
            tree.remove_directory(FILE),
            tree.rename(FILE, ROOT, replace=True),
        ]
        for work in works:
            assert await refused(work) is Reason.UNSUPPORTED

    assert at(lambda asked: reply(500), main) == []


def test_a_digest_is_asked_for_until_there_is_none() -> None:
    value = sha256(DATA).digest()
    tells = True

    def answer(asked: Asked) -> bytes:
        assert asked.field("Want-Repr-Digest")
        told = (f"Repr-Digest: {repr_digest(value)}",) if tells else ()
        return reply(206, b"0", "Content-Range: bytes 0-0/10", *told)

    async def main(tree: HttpsTree) -> None:
        nonlocal tells
        assert tree.may_digest("sha256")
        assert await tree.digest(FILE, "sha256") == value
        assert await tree.digest(FILE, "sha512") is None
        assert not tree.may_digest("sha512")
        tells = False
        for _ in range(3):
            assert await tree.digest(FILE, "sha256") is None
            assert not tree.may_digest("sha256")

    assert len(at(answer, main)) == 2


@pytest.mark.parametrize("field", ["sha-256=:abc:", "sha-256=:AAAA:", "md5=:AAAA:", "x" * 5000])
def test_a_digest_that_is_none_is_none(field: str) -> None:
    async def main(tree: HttpsTree) -> None:
        assert await tree.digest(FILE, "sha256") is None

    at(lambda asked: reply(200, DATA, f"Repr-Digest: {field}"), main)


def test_a_digest_of_what_is_not_there_is_refused() -> None:
    async def main(tree: HttpsTree) -> None:
        assert await refused(tree.digest(FILE, "sha256")) is Reason.NOT_FOUND

    at(lambda asked: reply(404), main)
