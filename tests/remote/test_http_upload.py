"""A file on its way to a web server: when it is asked for, refused, broken off, and given up."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.remote.base import Announced
from mft.remote.http_upload import HELD
from mft.remote.webdav import WebdavTree
from mft.vfs.base import LATER, Attributes, Existing
from tests.fakes.http_location import in_clear, write_all
from tests.fakes.odd_http import Asked, OddServer, Talk, answering, multi, reply, told

FILE = VPath(("file",))
DATA = bytes(range(256)) * 16


def at(
    answer: Callable[[Asked, Talk], object],
    main: Callable[[Any, OddServer], Awaitable[None]],
    how: Existing = Existing.REPLACE,
) -> list[Asked]:
    """Run something with an upload; gives what the server was asked."""

    async def whole(reactor: Any, server: OddServer) -> None:
        tree = await in_clear(reactor, server.port, WebdavTree, "dav")
        try:
            await main(await tree.upload(FILE, how), server)
        finally:
            await tree.close()

    return answering(lambda asked, talk: answer(asked, talk) and None, whole).asked


def taking(asked: Asked, talk: Talk) -> None:
    talk.write(reply(404 if asked.method in ("PROPFIND", "OPTIONS") else 201))


async def refused(work: Awaitable[object]) -> Reason:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.reason


def test_an_upload_can_be_told_how_large_it_will_be() -> None:
    async def main(upload: Any, server: OddServer) -> None:
        assert isinstance(upload, Announced)
        upload.announce(len(DATA))
        assert upload.lane.write_from([memoryview(DATA)], 0) is LATER
        await upload.lane.write_later([memoryview(DATA)], 0)
        await upload.commit(durable=True)

    _, asked = at(taking, main)
    assert (asked.method, asked.target, asked.body) == ("PUT", "/dav/file", DATA)
    assert asked.field("Expect") == "100-continue"


def test_what_is_small_waits_until_its_size_is_known() -> None:
    async def main(upload: Any, server: OddServer) -> None:
        assert upload.lane.write_from([memoryview(DATA)], 0) == len(DATA)
        assert upload.lane.write_from([memoryview(bytes(HELD))], len(DATA)) is LATER
        assert server.asked == []
        await upload.commit(durable=True)

    _, asked = at(taking, main)
    assert asked.body == DATA


def test_a_server_that_knows_no_expectation_is_asked_without() -> None:
    def answer(asked: Asked, talk: Talk) -> None:
        talk.write(reply(417 if asked.field("Expect") else 201))

    async def main(upload: Any, server: OddServer) -> None:
        server.early = True
        upload.announce(len(DATA))
        await upload.lane.write_later([memoryview(DATA)], 0)
        server.early = False
        await upload.commit(durable=True)

    asked = at(answer, main)
    assert [one.field("Expect") for one in asked if one.method == "PUT"] == ["100-continue", None]


def test_a_connection_that_ends_before_the_body_is_wanted_is_made_anew() -> None:
    async def whole(reactor: Any, server: OddServer) -> None:
        tree = await in_clear(reactor, server.port, WebdavTree, "dav")
        async with tree.peer.asking("GET", "/", subject="/"):
            pass
        for talk in server.talks:
            talk.dataReceived = lambda data, talk=talk: talk.leave()
        upload = await tree.upload(FILE, Existing.REPLACE)
        await write_all(upload.lane, DATA)
        await upload.commit(durable=True)
        assert [one.body for one in server.asked if one.method == "PUT"] == [DATA]
        await tree.close()

    answering(taking, whole)


@pytest.mark.parametrize("status", [400, 401, 403, 409, 413, 423, 500, 503, 507])
def test_what_the_server_says_at_the_end_decides(status: int) -> None:
    async def main(upload: Any, server: OddServer) -> None:
        await write_all(upload.lane, DATA)
        assert await refused(upload.commit(durable=True)) is not None
        assert await refused(upload.commit(durable=True)) is Reason.ABORTED

    asked = at(lambda asked, talk: talk.write(reply(status)), main)
    assert [one.method for one in asked] == ["PROPFIND", "PUT"]


def test_bytes_go_in_their_order_only() -> None:
    async def main(upload: Any, server: OddServer) -> None:
        lane = upload.lane
        assert lane.write_from([memoryview(b"ab")], 0) == 2
        for at in (0, 1, 3):
            assert await refused(lane.write_later([memoryview(b"c")], at)) is Reason.UNSUPPORTED
        await upload.abort(keep=False)

    assert at(taking, main) == []


def test_a_cut_is_told_and_what_the_server_may_have_is_removed() -> None:
    async def main(upload: Any, server: OddServer) -> None:
        upload.announce(64 << 20)
        await upload.lane.write_later([memoryview(DATA)], 0)
        for talk in server.talks:
            talk.transport.abortConnection()
        assert await refused(write_all(upload.lane, bytes(8 << 20), len(DATA))) is Reason.ABORTED
        await upload.abort(keep=False)
        await upload.abort(keep=False)

    assert [one.method for one in at(taking, main)] == ["PROPFIND", "DELETE"]


@pytest.mark.parametrize(
    ("how", "keep"), [(Existing.REPLACE, True), (Existing.REFUSE, False), (Existing.REFUSE, True)]
)
def test_what_is_kept_or_may_be_of_somebody_else_is_not_removed(how: Existing, keep: bool) -> None:
    async def main(upload: Any, server: OddServer) -> None:
        upload.announce(64 << 20)
        await upload.lane.write_later([memoryview(DATA)], 0)
        await upload.abort(keep=keep)

    assert "DELETE" not in [one.method for one in at(taking, main, how)]


def test_a_name_that_must_be_free_is_asked_for_so() -> None:
    async def main(upload: Any, server: OddServer) -> None:
        await upload.commit(durable=True)

    looked, put = at(taking, main, Existing.REFUSE)
    assert looked.method == "PROPFIND"
    assert put.field("If-None-Match") == "*"


def test_an_upload_is_only_written() -> None:
    async def main(upload: Any, server: OddServer) -> None:
        lane, room = upload.lane, [memoryview(bytearray(1))]
        with pytest.raises(Refused):
            lane.read_into(room, 0)
        for work in (lane.read_later(room, 0), lane.change(Attributes(mode=0o600))):
            assert await refused(work) is Reason.UNSUPPORTED
        assert lane.fileno() is None
        lane.write_from([memoryview(DATA)], 0)
        await lane.sync()
        assert (await lane.stat()).size == len(DATA)
        assert (upload.start, upload.in_place, upload.replaced) == (0, False, False)
        assert upload.real_path.endswith("/dav/file")
        with pytest.raises(Refused):
            upload.reopen()
        assert await refused(upload.divert("/tmp", "x")) is Reason.UNSUPPORTED

    at(taking, main)


@pytest.mark.parametrize("found", [multi(told("/dav/file", size=5)), reply(403), reply(405)])
def test_a_file_that_may_have_been_there_before_is_not_removed(found: bytes) -> None:
    def answer(asked: Asked, talk: Talk) -> None:
        talk.write(found if asked.method == "PROPFIND" else reply(201))

    async def main(upload: Any, server: OddServer) -> None:
        upload.announce(64 << 20)
        await upload.lane.write_later([memoryview(DATA)], 0)
        await upload.abort(keep=False)

    assert [one.method for one in at(answer, main)] == ["PROPFIND"]
