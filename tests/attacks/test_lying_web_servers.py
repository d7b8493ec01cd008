"""A partner's web server that lies, floods, drips or says nothing: each has a defined end.

Nothing that it tells leads out of the folder, to another server, or to a file that is not whole;
nothing that it sends takes memory without a bound.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.remote import http_line
from mft.remote.base import MAX_LISTED
from mft.remote.webdav import WebdavTree
from mft.vfs.base import Existing
from tests.fakes.http_location import fetched, in_clear, listed, sent
from tests.fakes.odd_http import Asked, OddServer, Talk, answering, multi, reply, told

FILE = VPath(("file",))
HOME = "/dav/"
SECRET = (("Authorization", "Bearer hunter2"),)
MOST = 24 << 20  # bytes of memory
ENDLESS = 1 << 40
SHORT = 0.2  # seconds for what must not come
HEAD = b"HTTP/1.1 207 Multi\r\nTransfer-Encoding: chunked\r\n\r\n"
BEGIN = b'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">'


def at(
    answer: Callable[[Asked, Talk], object], main: Callable[[WebdavTree], Awaitable[None]]
) -> list[Asked]:
    """Run something with a tree of a server that answers so; gives what it was asked."""

    async def whole(reactor: Any, server: OddServer) -> None:
        tree = await in_clear(reactor, server.port, WebdavTree, "dav", fields=SECRET)
        try:
            await main(tree)
        finally:
            await tree.close()

    return answering(lambda asked, talk: answer(asked, talk) and None, whole).asked


async def refused(work: Awaitable[object]) -> Refused:
    with pytest.raises(Refused) as caught:
        await work
    assert "hunter2" not in str(caught.value)
    return caught.value


def memory() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield HEAD
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def rows(count: int) -> Iterator[bytes]:
    """A folder of so many files, in pieces."""
    yield BEGIN
    for start in range(0, count, 500):
        yield "".join(
            told(f"{HOME}a-file-with-some-name-{number}.csv", size=number, tag="x")
            for number in range(start, min(start + 500, count))
        ).encode()
    yield b"</D:multistatus>"


@pytest.mark.parametrize(
    ("count", "reason"),
    [(MAX_LISTED, None), (MAX_LISTED + 1, Reason.QUOTA), (ENDLESS, Reason.QUOTA)],
)
def test_a_folder_is_read_up_to_its_limit_and_never_kept(count: int, reason: Any) -> None:
    async def main(tree: WebdavTree) -> None:
        before, seen, found = memory(), 0, None
        listing = await tree.list(ROOT)
        try:
            while entries := await listing.batch():
                seen += len(entries)
                assert memory() - before < MOST
        except Refused as refused:
            found = refused.reason
        await listing.close()
        assert found is reason
        assert MAX_LISTED - 1000 < seen <= MAX_LISTED

    at(lambda asked, talk: talk.stream(chunked(rows(count))), main)


LAUGHS = "".join(f'<!ENTITY l{n + 1} "' + f"&l{n};" * 10 + '">' for n in range(9))
FLOODS: dict[str, Callable[[], Iterator[bytes]]] = {
    "a billion laughs": lambda: iter(
        [f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a>&l9;</a>'.encode()]
    ),
    "a file": lambda: iter([b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><a>&a;</a>']),
    "another document": lambda: iter([b"<html><body>Welcome</body></html>"]),
    "deep": lambda: iter([BEGIN, b"<a>" * 100]),
    "one comment": lambda: _then(BEGIN + b"<!--", b"- " * 8000),
    "one text": lambda: _then(BEGIN + b"<D:response><D:href>", b"/x" * 8000),
    "one tag": lambda: _then(BEGIN + b"<", b"a" * 16000),
    "one attribute": lambda: _then(BEGIN + b"<a b='", b"c" * 16000),
    "blanks": lambda: _then(BEGIN, b" " * 16000),
    "many names": lambda: _numbered("<D:response><D:href>/dav/x</D:href><a{0}/></D:response>"),
    "many namespaces": lambda: _numbered(
        "<D:response xmlns:a='urn:{0}'><D:href>/dav/x</D:href></D:response>"
    ),
    "many attributes": lambda: _numbered(
        "<D:response a{0}='1'><D:href>/dav/x</D:href></D:response>"
    ),
}


def _then(begin: bytes, more: bytes) -> Iterator[bytes]:
    yield begin
    for _ in range(ENDLESS):
        yield more


def _numbered(pattern: str) -> Iterator[bytes]:
    yield BEGIN
    for start in range(0, ENDLESS, 100):
        yield "".join(pattern.format(number) for number in range(start, start + 100)).encode()


@pytest.mark.parametrize("kind", FLOODS)
@pytest.mark.parametrize("way", ["stat", "list"])
def test_no_document_takes_memory_or_time_without_a_bound(kind: str, way: str) -> None:
    async def main(tree: WebdavTree) -> None:
        before = memory()
        found = await refused(tree.stat(FILE) if way == "stat" else listed(tree, ROOT))
        assert found.reason in (Reason.BROKEN, Reason.QUOTA)
        assert "root:" not in str(found)
        assert memory() - before < MOST

    at(lambda asked, talk: talk.stream(chunked(FLOODS[kind]())), main)


@pytest.mark.parametrize(
    "flood",
    [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000, b"HTTP/1.1 103 E\r\n\r\n" * 50, b"x" * 1000],
)
def test_no_head_goes_on_for_ever(flood: bytes) -> None:
    async def main(tree: WebdavTree) -> None:
        before = memory()
        assert (await refused(tree.stat(FILE))).reason is Reason.BROKEN
        assert memory() - before < MOST

    at(lambda asked, talk: talk.stream(iter(lambda: flood, b"")), main)


@pytest.mark.parametrize("method", ["stat", "list", "read", "upload", "remove", "make_directory"])
def test_a_server_that_never_answers_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(http_line, "REPLY_TIMEOUT", SHORT)
    monkeypatch.setattr(http_line, "CONTINUE_TIMEOUT", SHORT)

    async def main(tree: WebdavTree) -> None:
        works: dict[str, Callable[[], Awaitable[object]]] = {
            "stat": lambda: tree.stat(FILE),
            "list": lambda: tree.list(ROOT),
            "read": lambda: fetched(tree, FILE),
            "upload": lambda: sent(tree, FILE, bytes(64 << 20)),
            "remove": lambda: tree.remove(FILE),
            "make_directory": lambda: tree.make_directory(FILE),
        }
        assert (await refused(works[method]())).reason is Reason.ABORTED

    at(lambda asked, talk: None, main)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "where", ["http://evil.example.com{}", "https://127.0.0.1{}", "//127.0.0.1:1{}", "/other{}"]
)
def test_no_redirect_takes_the_password_or_a_file_elsewhere(status: int, where: str) -> None:
    def answer(asked: Asked, talk: Talk) -> None:
        location = where.format(f"{asked.target}/")
        talk.write(reply(status, b"", f"Location: {location}"))

    async def main(tree: WebdavTree) -> None:
        works = [
            tree.stat(FILE),
            tree.list(ROOT),
            sent(tree, FILE, b"data"),
            tree.make_directory(FILE),
        ]
        for work in works:
            assert (await refused(work)).reason is Reason.UNSUPPORTED

    asked = at(answer, main)
    assert {one.target for one in asked} == {f"{HOME}file", HOME, f"{HOME}file/"}


LIES = {
    "less than was told": reply(200, b"1234", length=5),
    "more than was told": reply(200, b"123456"),
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
    "a length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
    "no end of chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
    "nothing at all": b"HTTP/1.1 200 OK\r\n\r\n",
    "another file": reply(200, b"12345", 'ETag: "other"'),
    "packed": reply(200, b"12345", "Content-Encoding: gzip"),
    "a part": reply(206, b"12345", "Content-Range: bytes 0-4/5"),
    "an error": reply(500, b"12345"),
}


@pytest.mark.parametrize("kind", LIES)
def test_a_lie_about_a_file_is_never_a_whole_file(kind: str) -> None:
    def answer(asked: Asked, talk: Talk) -> None:
        if asked.method == "PROPFIND":
            talk.write(multi(told(f"{HOME}file", size=5, tag="&quot;one&quot;")))
            return
        talk.write(LIES[kind])
        talk.leave()

    async def main(tree: WebdavTree) -> None:
        await refused(fetched(tree, FILE))

    at(answer, main)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_server_that_takes_a_file_before_it_has_it_has_not_taken_it(status: int) -> None:
    async def whole(reactor: Any, server: OddServer) -> None:
        server.early = True
        tree = await in_clear(reactor, server.port, WebdavTree, "dav")
        upload = await tree.upload(FILE, Existing.REPLACE)
        upload.announce(64 << 20)
        assert (await refused(_all(upload))).reason is Reason.ABORTED
        await upload.abort(keep=True)
        await tree.close()

    async def _all(upload: Any) -> None:
        for at in range(0, 64 << 20, 1 << 20):
            await upload.lane.write_later([memoryview(bytes(1 << 20))], at)
        await upload.commit(durable=True)

    answering(lambda asked, talk: talk.write(reply(status)), whole)


def test_a_server_that_reads_nothing_makes_no_memory_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_line, "REPLY_TIMEOUT", SHORT)
    monkeypatch.setattr(http_line, "CONTINUE_TIMEOUT", SHORT)

    async def whole(reactor: Any, server: OddServer) -> None:
        tree = await in_clear(reactor, server.port, WebdavTree, "dav")
        upload = await tree.upload(FILE, Existing.REPLACE)
        upload.announce(ENDLESS)
        before, piece = memory(), [memoryview(bytes(1 << 20))]
        with suppress(Refused):
            for at in range(0, ENDLESS, 1 << 20):
                await upload.lane.write_later(piece, at)
                assert memory() - before < MOST
        await upload.abort(keep=True)
        await tree.close()

    def answer(asked: Asked, talk: Talk) -> None:
        talk.write(reply(404))  # there is nothing yet
        talk.transport.pauseProducing()

    answering(answer, whole)
