"""A file that comes from a web server: at once, later, from anywhere, and never two of them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.remote.http_download import Version
from mft.remote.https import HttpsTree
from mft.vfs.base import LATER, Attributes
from mft.wire.http.answer import Answer
from mft.wire.http.head import Fields
from tests.fakes.http_location import fetched, in_clear
from tests.fakes.odd_http import Asked, OddServer, Talk, answering, reply

FILE = VPath(("file",))
DATA = bytes(range(256)) * 1000


def at(main: Callable[[Any], Awaitable[None]]) -> list[Asked]:
    """Run something with a download of DATA; gives what was asked."""

    def answer(asked: Asked, talk: Talk) -> None:
        wanted = asked.field("Range")
        if asked.method == "HEAD":
            talk.write(reply(200, length=len(DATA)))
        elif wanted is None:
            talk.write(reply(200, DATA))
        else:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            span = f"Content-Range: bytes {start}-{len(DATA) - 1}/{len(DATA)}"
            talk.write(reply(206, DATA[start:], span))

    async def whole(reactor: Any, server: OddServer) -> None:
        tree = await in_clear(reactor, server.port, HttpsTree)
        try:
            download = await tree.download(FILE)
            await main(download)
            await download.close()
        finally:
            await tree.close()

    return answering(answer, whole).asked


async def refused(work: Awaitable[object]) -> Reason:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.reason


async def read(download: Any, offset: int, *sizes: int) -> bytes:
    views = [memoryview(bytearray(size)) for size in sizes]
    count = await download.lane.read_later(views, offset)
    return b"".join(views)[:count]


def test_the_first_read_asks_and_what_has_come_is_given_at_once() -> None:
    async def main(download: Any) -> None:
        room = memoryview(bytearray(10))
        assert download.lane.read_into([room], 0) is LATER
        assert await read(download, 0, 1, 99) == DATA[:100]
        while download.lane.read_into([room], 100) is LATER:
            await download.lane._asked.line.more()
        assert bytes(room) == DATA[100:110]

    assert [one.method for one in at(main)] == ["HEAD", "GET"]


def test_a_read_elsewhere_asks_for_the_rest_from_there() -> None:
    async def main(download: Any) -> None:
        assert await read(download, 1000, 10) == DATA[1000:1010]
        assert await read(download, 1010, 10) == DATA[1010:1020]
        assert await read(download, 0, 10) == DATA[:10]
        assert await read(download, len(DATA) - 5, 10) == DATA[-5:]
        assert await read(download, len(DATA), 10) == b""
        assert await read(download, len(DATA) + 1, 10) == b""

    ranges = [one.field("Range") for one in at(main)]
    assert ranges == [None, "bytes=1000-", None, f"bytes={len(DATA) - 5}-"]


def test_a_download_is_only_read() -> None:
    async def main(download: Any) -> None:
        lane, room = download.lane, [memoryview(b"x")]
        with pytest.raises(Refused):
            lane.write_from(room, 0)
        for work in (lane.write_later(room, 0), lane.change(Attributes(mode=0o600))):
            assert await refused(work) is Reason.UNSUPPORTED
        assert lane.fileno() is None
        await lane.sync()
        assert (await lane.stat()).size == download.entry.size == len(DATA)
        assert download.real_path.endswith("/file")

    assert [one.method for one in at(main)] == ["HEAD"]


def answer(**fields: str) -> Answer:
    return Answer(200, 1, Fields([(name.replace("_", "-"), v) for name, v in fields.items()]))


DATE, OTHER = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"


@pytest.mark.parametrize(
    ("version", "size", "told", "other"),
    [
        (Version(5, None, '"a"'), 5, answer(etag='"a"'), False),
        (Version(5, None, '"a"'), 5, answer(etag='"b"'), True),
        (Version(5, None, 'W/"a"'), 5, answer(etag='"a"'), False),
        (Version(5, 784111777, None), 5, answer(last_modified=DATE), False),
        (Version(5, 784111777, None), 5, answer(last_modified=OTHER), True),
        (Version(5, 784111777, '"a"'), 5, answer(last_modified=DATE), False),
        (Version(5, None, None), 6, answer(), True),
        (Version(5, None, None), None, answer(), False),
        (Version(None, None, None), 6, answer(), False),
        (Version(5, None, None), 5, answer(last_modified="never"), False),
    ],
)
def test_contents_are_told_apart_by_what_is_known_of_both(
    version: Version, size: int | None, told: Answer, other: bool
) -> None:
    assert version.is_other(size, told) is other


@pytest.mark.parametrize(
    ("version", "condition"),
    [
        (Version(5, 784111777, '"a"'), [("If-Range", '"a"')]),
        (Version(5, 784111777, None), [("If-Range", DATE)]),
        (Version(5, None, None), []),
    ],
)
def test_a_part_is_asked_for_on_a_condition(
    version: Version, condition: list[tuple[str, str]]
) -> None:
    assert version.condition == condition


def test_what_is_read_is_the_same_in_pieces_of_any_size() -> None:
    async def main(download: Any) -> None:
        offset = 0
        for size in (1, 65536, 3, 131072, 7, len(DATA)):
            assert await read(download, offset, size) == DATA[offset : offset + size]
            offset = min(offset + size, len(DATA))

    assert len(at(main)) == 2


def test_a_file_that_is_gone_when_it_is_read_is_not_found() -> None:
    def answer(asked: Asked, talk: Talk) -> None:
        talk.write(
            reply(200 if asked.method == "HEAD" else 404, length=5 if asked.method == "HEAD" else 0)
        )

    async def main(reactor: Any, server: OddServer) -> None:
        tree = await in_clear(reactor, server.port, HttpsTree)
        assert await refused(fetched(tree, FILE)) is Reason.NOT_FOUND
        await tree.close()

    answering(answer, main)


@pytest.mark.parametrize(
    ("answered", "reason"),
    [
        (reply(200), None),
        (reply(204, length=0), None),
        (reply(200, b"more"), Reason.ABORTED),
        (reply(404), Reason.NOT_FOUND),
    ],
)
def test_a_file_that_is_told_to_be_empty_is_asked_for_all_the_same(
    answered: bytes, reason: Reason | None
) -> None:
    async def whole(reactor: Any, server: OddServer) -> None:
        tree = await in_clear(reactor, server.port, HttpsTree)
        if reason is None:
            assert await fetched(tree, FILE) == b""
        else:
            assert await refused(fetched(tree, FILE)) is reason
        await tree.close()

    def answer(asked: Asked, talk: Talk) -> None:
        talk.write(reply(200) if asked.method == "HEAD" else answered)

    asked = answering(answer, whole).asked
    assert [one.method for one in asked] == ["HEAD", "GET"]
