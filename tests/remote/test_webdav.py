"""Servers of WebDAV that are odd: what is believed of what they tell, and what is refused."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.remote.http_download import Version
from mft.remote.webdav import WebdavTree
from mft.vfs.base import Attributes, Existing
from tests.fakes.http_location import fetched, in_clear, listed, sent
from tests.fakes.odd_http import Asked, OddServer, Talk, answering, multi, reply, told

BASE = ("dav", "a b")
HOME = "/dav/a%20b/"
FILE = VPath(("file",))

Answers = dict[str, bytes]


def at(
    answers: Answers | Callable[[Asked], bytes], main: Callable[[WebdavTree], Awaitable[None]]
) -> list[Asked]:
    """Run something with a tree of a server that answers so by method; gives what was asked."""

    def answer(asked: Asked, talk: Talk) -> None:
        found = answers(asked) if callable(answers) else answers.get(asked.method)
        talk.write(found or reply(405))

    async def whole(reactor: Any, server: OddServer) -> None:
        tree = await in_clear(reactor, server.port, WebdavTree, *BASE)
        try:
            await main(tree)
        finally:
            await tree.close()

    return answering(answer, whole).asked


async def refused(work: Awaitable[object]) -> Reason:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.reason


def test_names_of_a_folder_are_read_whatever_way_they_are_escaped() -> None:
    rows = [
        told(HOME, folder=True),
        told("/dav/a b/one", size=1),
        told("http://127.0.0.1:1/dav/a%20b/tw%6F", size=2),
        told("/dav/a%20b/gr%C3%BC%C3%9Fe/", folder=True),
        told("/dav/a%20b/deep/er", size=3),
    ]

    async def main(tree: WebdavTree) -> None:
        found = await listed(tree, ROOT)
        assert {name: entry.size for name, entry in found.items()} == {
            "one": 1,
            "two": 2,
            "grüße": 0,
        }
        assert found["grüße"].is_directory

    (asked,) = at({"PROPFIND": multi(*rows)}, main)
    assert asked.target == HOME
    assert asked.field("Depth") == "1"


@pytest.mark.parametrize("name", ["%FF", "%1B[2J", ".mft-1", "x" * 256, "%E2%80%AEgnp"])
def test_a_name_that_nobody_may_have_is_left_out(name: str) -> None:
    async def main(tree: WebdavTree) -> None:
        listing = await tree.list(ROOT)
        found = [entry.name for batch in iter([await listing.batch()]) for entry in batch]
        assert found == ["good"]
        assert listing.left_out == (name != ".mft-1")
        await listing.close()

    rows = [told(HOME, folder=True), told(HOME + name), told(HOME + "good")]
    at({"PROPFIND": multi(*rows)}, main)


@pytest.mark.parametrize(
    "href",
    [
        *("/etc/passwd", "/dav/other", "/dav", "/dav/a%20b/..", "/dav/a%20b/../x"),
        *("/dav/a%20b/%2e%2e", "/dav/a%20b/%2e%2e%2fx", "/dav/a%20b//x", "/dav/a%20b/a%00b"),
        *("https://evil.example.com/dav/a%20b/x", "//evil.example.com/x", "x", "file:///etc/x"),
        *("", "ftp://127.0.0.1/dav/a%20b/x", "/dav/a%20b/a\\b"),
    ],
)
def test_what_is_not_in_the_folder_is_refused(href: str) -> None:
    async def main(tree: WebdavTree) -> None:
        assert await refused(listed(tree, ROOT)) is Reason.BROKEN
        assert tree.connected

    at({"PROPFIND": multi(told(HOME, folder=True), told(href))}, main)


def test_a_stat_of_something_else_is_refused() -> None:
    async def main(tree: WebdavTree) -> None:
        assert await refused(tree.stat(FILE)) is Reason.BROKEN

    at({"PROPFIND": multi(told(HOME + "other"))}, main)


def test_a_file_is_no_folder_to_list() -> None:
    async def main(tree: WebdavTree) -> None:
        assert await refused(listed(tree, FILE)) is Reason.NOT_A_DIRECTORY

    at({"PROPFIND": multi(told(HOME + "file", size=3))}, main)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        *((400, Reason.INVALID), (401, Reason.DENIED), (403, Reason.DENIED)),
        *((404, Reason.NOT_FOUND), (405, Reason.UNSUPPORTED), (200, Reason.UNSUPPORTED)),
        *((302, Reason.UNSUPPORTED), (423, Reason.BUSY), (429, Reason.BUSY)),
        *((500, Reason.BROKEN), (501, Reason.UNSUPPORTED), (503, Reason.BUSY)),
        *((507, Reason.NO_SPACE), (418, Reason.INVALID), (599, Reason.BROKEN)),
    ],
)
def test_each_status_has_its_reason(status: int, reason: Reason) -> None:
    async def main(tree: WebdavTree) -> None:
        assert await refused(tree.stat(FILE)) is reason

    at({"PROPFIND": reply(status)}, main)


@pytest.mark.parametrize("method", ["DELETE", "MOVE"])
def test_an_answer_about_many_that_has_an_error_inside_is_one(method: str) -> None:
    inside = "<D:response><D:href>/dav/x</D:href><D:status>HTTP/1.1 {} W</D:status></D:response>"

    async def main(tree: WebdavTree) -> None:
        if method == "DELETE":
            work = tree.remove(FILE)
        else:
            work = tree.rename(FILE, VPath(("new",)), replace=False)
        assert await refused(work) is Reason.BUSY

    at({"PROPFIND": multi(told(HOME + "file")), method: multi(inside.format(423))}, main)


@pytest.mark.parametrize(
    ("answered", "reason"),
    [
        (reply(404), Reason.NOT_FOUND),
        (multi(told(f"{HOME}in", size=1)), Reason.NOT_A_DIRECTORY),
        (reply(503), Reason.BUSY),
    ],
)
def test_an_upload_into_no_folder_is_refused_before_its_first_byte(
    answered: bytes, reason: Reason
) -> None:
    """Whoever would make the folder learns in time that it is not there."""

    async def main(tree: WebdavTree) -> None:
        upload = tree.upload(VPath.parse("/in/file"), Existing.REPLACE)
        assert await refused(upload) is reason

    asked = at({"PROPFIND": answered}, main)
    assert {one.method for one in asked} == {"PROPFIND"}


def test_a_folder_is_never_replaced_and_never_removed_as_a_file() -> None:
    def answer(asked: Asked) -> bytes:
        if asked.method != "PROPFIND":
            return reply(204)
        return multi(told(asked.target, folder=asked.target.endswith("folder")))

    async def main(tree: WebdavTree) -> None:
        folder = VPath(("folder",))
        assert await refused(tree.remove(folder)) is Reason.IS_A_DIRECTORY
        moved = tree.rename(FILE, folder, replace=True)
        assert await refused(moved) is Reason.IS_A_DIRECTORY
        assert await refused(tree.rename(folder, FILE, replace=True)) is Reason.EXISTS

    assert {asked.method for asked in at(answer, main)} == {"PROPFIND"}


def test_a_rename_says_where_to_and_whether_it_may_replace() -> None:
    def answer(asked: Asked) -> bytes:
        if asked.method == "MOVE":
            return reply(201)
        there = asked.target.endswith(("file", "old"))
        return multi(told(asked.target)) if there else reply(404)

    async def main(tree: WebdavTree) -> None:
        await tree.rename(FILE, VPath(("n ew",)), replace=True)
        await tree.rename(FILE, VPath(("old",)), replace=True)
        await tree.rename(FILE, VPath(("old",)), replace=False)

    moves = [asked for asked in at(answer, main) if asked.method == "MOVE"]
    assert [one.field("Overwrite") for one in moves] == ["F", "T", "F"]
    destination = moves[0].field("Destination") or ""
    assert destination.startswith("http://127.0.0.1:")
    assert destination.endswith("/dav/a%20b/n%20ew")


def test_a_redirect_to_the_same_folder_with_a_slash_is_followed_and_no_other() -> None:
    def answer(asked: Asked) -> bytes:
        if asked.target == HOME + "folder/":
            return multi(told(asked.target, folder=True))
        where = f"Location: {HOME}{'folder/' if 'folder' in asked.target else 'elsewhere/'}"
        return reply(301, b"", where)

    async def main(tree: WebdavTree) -> None:
        assert (await tree.stat(VPath(("folder",)))).is_directory
        assert await refused(tree.stat(FILE)) is Reason.UNSUPPORTED

    assert [asked.target for asked in at(answer, main)] == [
        *(HOME + "folder", HOME + "folder/", HOME + "file"),
    ]


def test_an_upload_whose_size_is_known_has_a_length_and_other_large_ones_come_in_chunks() -> None:
    bodies: list[tuple[str | None, str | None]] = []

    def answer(asked: Asked) -> bytes:
        if asked.method != "PUT":
            return reply(404)
        bodies.append((asked.field("Content-Length"), asked.field("Transfer-Encoding")))
        return reply(201)

    async def main(tree: WebdavTree) -> None:
        await sent(tree, FILE, b"x" * 3_000_000)
        await sent(tree, FILE, b"x" * 1000, announced=False)
        await sent(tree, FILE, b"", announced=False)

    at(answer, main)
    assert bodies == [("3000000", None), ("1000", None), ("0", None)]


def test_a_refusal_in_the_middle_of_an_upload_is_its_end_and_nothing_is_removed() -> None:
    async def main(tree: WebdavTree) -> None:
        assert await refused(sent(tree, FILE, bytes(8 << 20))) is Reason.NO_SPACE

    def answer(asked: Asked, talk: Talk) -> None:
        talk.write(reply(507))

    async def whole(reactor: Any, server: OddServer) -> None:
        server.early = True
        tree = await in_clear(reactor, server.port, WebdavTree, *BASE)
        await main(tree)
        await tree.close()

    assert [asked.method for asked in answering(answer, whole).asked] == ["PROPFIND", "PUT"]


def test_an_upload_that_is_not_what_was_announced_is_not_committed() -> None:
    async def main(tree: WebdavTree) -> None:
        upload = await tree.upload(FILE, Existing.REPLACE)
        upload.announce(10)
        await upload.lane.write_later([memoryview(b"short")], 0)
        assert await refused(upload.commit(durable=True)) is Reason.ABORTED
        upload = await tree.upload(FILE, Existing.REPLACE)
        upload.announce(3)
        with pytest.raises(Refused):
            upload.lane.write_from([memoryview(b"long")], 0)
        await upload.abort(keep=True)

    assert [asked.method for asked in at({"PUT": reply(201)}, main)] == ["PROPFIND"]


def served(data: bytes, tag: str, **changes: Any) -> Callable[[Asked], bytes]:
    """A server of one file that knows ranges."""

    def answer(asked: Asked) -> bytes:
        if asked.method == "PROPFIND":
            return multi(told(HOME + "file", size=len(data), tag=tag.replace('"', "&quot;")))
        wanted = asked.field("Range")
        shown = changes.get("then", tag)
        if wanted is None or changes.get("no_ranges"):
            return reply(200, data, f"ETag: {shown}")
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) + changes.get("shift", 0)
        size = changes.get("size", len(data))
        span = f"Content-Range: bytes {start}-{len(data) - 1}/{size}"
        return reply(206, data[start:], f"ETag: {shown}", span)

    return answer


DATA = bytes(range(256)) * 2000


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [('"one"', '"one"', True), ('W/"one"', '"one"', True), ('"one"', '"two"', False)],
)
def test_versions_of_one_size_and_second_are_told_apart_by_their_tags(
    before: str, after: str, same: bool
) -> None:
    numbers = []

    async def main(tree: WebdavTree) -> None:
        numbers.append((await tree.stat(FILE)).unique)

    for tag in (before, after):
        at(served(b"data", tag), main)
    assert all(numbers)
    assert (numbers[0] == numbers[1]) is same


@pytest.mark.parametrize(
    ("tag", "then", "statuses", "removed", "asked_for"),
    [
        ('"one"', '"one"', [204], True, ['"one"']),
        ('W/"one"', 'W/"one"', [204], True, [None]),
        ('"one"', '"two"', [412], False, ['"one"']),  # it was replaced after the last look
        ('"one"', '"one"', [412, 204], True, ['"one"', None]),  # a server that knows no tag
        ('"two"', '"two"', [], False, []),
    ],
)
def test_a_file_is_removed_only_as_the_version_that_it_should_be(
    tag: str, then: str, statuses: list[int], removed: bool, asked_for: list[str | None]
) -> None:
    answers, asked_with = list(statuses), []

    def answer(asked: Asked) -> bytes:
        if asked.method == "DELETE":
            asked_with.append(asked.field("If-Match"))
            return reply(answers.pop(0))
        return served(b"data", then if asked_with else tag)(asked)

    async def main(tree: WebdavTree) -> None:
        one = Version(4, None, '"one"').number
        assert await tree.remove_same(FILE, lambda found: found.unique == one) is removed

    at(answer, main)
    assert asked_with == asked_for


@pytest.mark.parametrize("start", [0, 1, 300_000, len(DATA)])
@pytest.mark.parametrize("no_ranges", [False, True])
def test_a_download_goes_on_where_it_was_cut(start: int, no_ranges: bool) -> None:
    async def main(tree: WebdavTree) -> None:
        assert await fetched(tree, FILE, start) == DATA[start:]

    asked = at(served(DATA, '"one"', no_ranges=no_ranges), main)[1:]
    conditions = {one.field("If-Range") for one in asked}
    assert conditions <= ({'"one"'} if start else {None})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"then": '"two"'}, Reason.ABORTED),
        ({"then": '"two"', "no_ranges": True}, Reason.ABORTED),
        ({"size": len(DATA) + 1}, Reason.ABORTED),
        ({"shift": 1}, Reason.BROKEN),
    ],
)
def test_a_part_of_something_else_is_never_taken(changes: dict[str, Any], reason: Reason) -> None:
    async def main(tree: WebdavTree) -> None:
        assert await refused(fetched(tree, FILE, 1000)) is reason

    at(served(DATA, '"one"', **changes), main)


@pytest.mark.parametrize("length", [len(DATA) - 1, len(DATA) + 1])
def test_a_file_that_is_not_as_long_as_was_told_is_refused(length: int) -> None:
    def answer(asked: Asked) -> bytes:
        if asked.method == "PROPFIND":
            return multi(told(HOME + "file", size=length))
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (
            len(DATA),
            DATA,
        )

    async def main(tree: WebdavTree) -> None:
        assert await refused(fetched(tree, FILE)) is Reason.ABORTED

    at(answer, main)


def test_what_cannot_be_done_is_said_so() -> None:
    async def main(tree: WebdavTree) -> None:
        works = [
            tree.change(FILE, Attributes(mode=0o600)),
            tree.read_link(FILE),
            tree.make_link(FILE, "x"),
            tree.make_hard_link(FILE, FILE),
            tree.usage(FILE),
            tree.upload(FILE, Existing.MODIFY),
            tree.upload(ROOT, Existing.REPLACE),
        ]
        for work in works:
            assert await refused(work) is Reason.UNSUPPORTED
        assert await refused(tree.remove_directory(ROOT)) is Reason.DENIED

    assert at({}, main) == []
