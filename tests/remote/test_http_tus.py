"""Uploads that go on: what is asked of a server that speaks tus, and when it is not believed."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.remote.https import HttpsTree
from mft.vfs.base import Existing
from tests.fakes.http_location import in_clear, sent
from tests.fakes.odd_http import Asked, OddServer, answering, reply

FILE = VPath(("file",))
DATA = b"0123456789"
START = 4
TUS = {
    "OPTIONS": reply(204, b"", "Tus-Version: 1.0.0"),
    "HEAD": reply(200, b"", "Server-Path: /a%20b/file", length=START),
    "POST": reply(201, b"", "Location: /__mft__/tus/name", f"Upload-Offset: {START}"),
    "PATCH": reply(204, b"", f"Upload-Offset: {len(DATA)}"),
    "PUT": reply(201),
    "DELETE": reply(204),
}


def at(main: Callable[[HttpsTree], Awaitable[None]], **answers: bytes) -> list[Asked]:
    given = {**TUS, **answers}

    async def whole(reactor: Any, server: OddServer) -> None:
        tree = await in_clear(reactor, server.port, HttpsTree, "home")
        try:
            await main(tree)
        finally:
            await tree.close()

    return answering(lambda asked, talk: talk.write(given[asked.method]), whole).asked


async def refused(work: Awaitable[object]) -> Reason:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.reason


def test_the_rest_of_a_file_is_sent_to_where_its_beginning_is() -> None:
    async def main(tree: HttpsTree) -> None:
        await sent(tree, FILE, DATA, Existing.EXTEND)

    options, head, looked, post, patch = at(main)
    assert looked.field("Upload-Length") == "5"
    assert (options.method, options.target) == ("OPTIONS", "/__mft__/tus")
    assert head.target == "/home/file"
    path = b64encode(b"/a b/file").decode()
    assert post.field("Upload-Metadata") == f"path {path},continue"
    assert post.field("Upload-Length") == "10"
    assert (patch.target, patch.body) == ("/__mft__/tus/name", DATA[START:])
    assert patch.field("Upload-Offset") == "4"
    assert patch.field("Content-Type") == "application/offset+octet-stream"


@pytest.mark.parametrize(
    "answers",
    [
        {"OPTIONS": reply(404)},
        {"OPTIONS": reply(204)},
        {"OPTIONS": reply(204, b"", "Tus-Version: 0.2.2")},
        {"HEAD": reply(404)},
        {"HEAD": reply(200, b"", length=START)},
        {"HEAD": reply(200, b"", "Server-Path: /a")},
        {"POST": reply(201, b"", "Location: /__mft__/tus/name", "Upload-Offset: 0")},
    ],
)
def test_where_nothing_can_go_on_the_file_is_sent_from_its_beginning(
    answers: dict[str, bytes],
) -> None:
    async def main(tree: HttpsTree) -> None:
        await sent(tree, FILE, DATA, Existing.EXTEND)

    last = at(main, **answers)[-1]
    assert (last.method, last.body) == ("PUT", DATA)


@pytest.mark.parametrize(
    "answers",
    [
        {"POST": reply(201, b"", "Upload-Offset: 4")},
        {"POST": reply(201, b"", "Location: http://evil/x", "Upload-Offset: 4")},
        {"PATCH": reply(204, b"", "Upload-Offset: 9")},
        {"PATCH": reply(204)},
    ],
)
def test_a_server_that_has_something_else_is_sent_the_whole_file_next(
    answers: dict[str, bytes],
) -> None:
    async def main(tree: HttpsTree) -> None:
        assert await refused(sent(tree, FILE, DATA, Existing.EXTEND)) is Reason.ABORTED
        await sent(tree, FILE, DATA, Existing.EXTEND)

    last = at(main, **answers)[-1]
    assert (last.method, last.body) == ("PUT", DATA)


def test_a_file_of_unknown_size_does_not_go_on() -> None:
    async def main(tree: HttpsTree) -> None:
        upload = await tree.upload(FILE, Existing.EXTEND)
        assert upload.start == START
        assert upload.lane.write_from([memoryview(DATA[START:])], START) == 6
        await upload.commit(durable=True)  # known by now
        upload = await tree.upload(FILE, Existing.EXTEND)
        large = [memoryview(bytes(2 << 20))]
        assert await refused(upload.lane.write_later(large, START)) is Reason.ABORTED
        assert (await tree.upload(FILE, Existing.EXTEND)).start == 0

    at(main)


def test_what_is_given_up_is_removed_by_its_own_url() -> None:
    async def main(tree: HttpsTree) -> None:
        upload = await tree.upload(FILE, Existing.EXTEND)
        upload.announce(1 << 20)
        await upload.lane.write_later([memoryview(DATA)], START)
        await upload.abort(keep=False)

    last = at(main)[-1]
    assert (last.method, last.target) == ("DELETE", "/__mft__/tus/name")
