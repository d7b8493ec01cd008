"""Our locations of HTTP at real servers: ours, Apache's mod_dav, nginx with its two modules, rclone."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.vfs.base import Existing
from tests.fakes.http_location import connector, fetched, listed, sent
from tests.fakes.loop import run_loop
from tests.interop.dav_servers import KINDS, DavServer, serving
from tests.interop.trees import content
from tests.interop.web import Web

pytestmark = pytest.mark.interop

OURS = "mft"
LARGE = 24 << 20
NAMES = ("a b", "grüße.txt", "50% & more #1?.csv", "日本語", "semi;colon='q'+@", "x" * 200)


@pytest.fixture(scope="module", params=[OURS, *KINDS])
def dav(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DavServer]:
    """A server of each kind."""
    if request.param == OURS:
        yield ours(request.getfixturevalue("web_services")["auto https"])
        return
    with serving(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server


def ours(web: Web) -> DavServer:
    return DavServer(OURS, web.server.home, web.home(""), web.certificate)


def options(server: DavServer, web: Web) -> dict[str, str]:
    return server.options


@pytest.fixture
def at(
    dav: DavServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[[Callable[[Any], Awaitable[None]]], None]:
    """Run something with a tree of a fresh folder of the server."""
    given = dav.options
    if dav.kind == OURS:
        own = request.getfixturevalue("web_services")["auto https"].server
        given |= {"username": own.account, "password": own.password}

    def run(main: Callable[[Any], Awaitable[None]]) -> None:
        async def whole(reactor: Any) -> None:
            made = connector(reactor, tmp_path, "webdavs", **given)
            root = await made.connect("")
            await root.make_directory(VPath((tmp_path.name,)))
            await root.close()
            tree = await made.connect(tmp_path.name)
            try:
                await main(tree)
            finally:
                await tree.close()

        run_loop(whole)

    return run


def path(text: str) -> VPath:
    return VPath.parse(text)


async def refused(work: Awaitable[object]) -> Reason:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.reason


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("size", [0, 1, 70_000, LARGE])
def test_a_file_goes_there_and_comes_back(at, size: int, announced: bool) -> None:
    async def main(tree: Any) -> None:
        data = content(size)
        await sent(tree, path("/file.bin"), data, announced=announced)
        entry = await tree.stat(path("/file.bin"))
        assert entry.is_file
        assert entry.size == size
        assert await fetched(tree, path("/file.bin")) == data
        middle = size // 2
        assert await fetched(tree, path("/file.bin"), middle) == data[middle:]

    at(main)


def test_names_are_told_as_they_are(at) -> None:
    async def main(tree: Any) -> None:
        for name in NAMES:
            await sent(tree, ROOT.child(name), name.encode())
        found = await listed(tree, ROOT)
        assert set(found) == set(NAMES)
        for name in NAMES:
            assert found[name].size == len(name.encode())
            assert await fetched(tree, ROOT.child(name)) == name.encode()
            await tree.remove(ROOT.child(name))
        assert await listed(tree, ROOT) == {}

    at(main)


def test_folders_are_made_listed_renamed_and_removed(at) -> None:
    async def main(tree: Any) -> None:
        await tree.make_directory(path("/in"))
        assert await refused(tree.make_directory(path("/in"))) is Reason.EXISTS
        assert await refused(tree.make_directory(path("/no/in"))) is Reason.NOT_FOUND
        await sent(tree, path("/in/file"), b"data")
        assert (await tree.stat(path("/in"))).is_directory
        assert (await listed(tree, ROOT))["in"].is_directory
        assert await refused(tree.remove_directory(path("/in"))) is Reason.NOT_EMPTY
        assert await refused(tree.remove(path("/in"))) is Reason.IS_A_DIRECTORY
        assert await refused(tree.download(path("/in"))) is Reason.IS_A_DIRECTORY
        await tree.rename(path("/in"), path("/out"), replace=False)
        assert await fetched(tree, path("/out/file")) == b"data"
        await tree.remove(path("/out/file"))
        await tree.remove_directory(path("/out"))
        assert await listed(tree, ROOT) == {}

    at(main)


def test_a_temporary_name_becomes_the_final_one_only_where_that_is_allowed(at) -> None:
    async def main(tree: Any) -> None:
        await sent(tree, path("/new.part"), b"new")
        await sent(tree, path("/old"), b"old")
        moved = tree.rename(path("/new.part"), path("/old"), replace=False)
        assert await refused(moved) is Reason.EXISTS
        assert await fetched(tree, path("/old")) == b"old"
        await tree.rename(path("/new.part"), path("/old"), replace=True)
        assert await fetched(tree, path("/old")) == b"new"
        assert set(await listed(tree, ROOT)) == {"old"}
        await tree.make_directory(path("/folder"))
        moved = tree.rename(path("/old"), path("/folder"), replace=True)
        assert await refused(moved) is Reason.IS_A_DIRECTORY
        assert (await tree.stat(path("/folder"))).is_directory
        assert await fetched(tree, path("/old")) == b"new"

    at(main)


def test_what_must_be_new_replaces_nothing(at) -> None:
    async def main(tree: Any) -> None:
        await sent(tree, path("/file"), b"first", Existing.REFUSE)
        again = sent(tree, path("/file"), b"second", Existing.REFUSE)
        assert await refused(again) is Reason.EXISTS
        assert await fetched(tree, path("/file")) == b"first"
        await sent(tree, path("/file"), b"third", Existing.REPLACE)
        assert await fetched(tree, path("/file")) == b"third"

    at(main)


def test_what_is_not_there_is_not_found(at) -> None:
    async def main(tree: Any) -> None:
        assert await refused(tree.stat(path("/none"))) is Reason.NOT_FOUND
        assert await refused(tree.download(path("/none"))) is Reason.NOT_FOUND
        assert await refused(tree.list(path("/none"))) is Reason.NOT_FOUND
        assert await refused(tree.remove(path("/none"))) is Reason.NOT_FOUND
        gone = tree.rename(path("/none"), path("/other"), replace=False)
        assert await refused(gone) is Reason.NOT_FOUND
        await tree.ping()
        assert tree.connected

    at(main)


def test_an_upload_that_is_given_up_leaves_no_file(at) -> None:
    async def main(tree: Any) -> None:
        upload = await tree.upload(path("/half"), Existing.REPLACE)
        upload.announce(LARGE)
        await upload.lane.write_later([memoryview(content(1 << 20))], 0)
        await upload.abort(keep=False)
        assert await listed(tree, ROOT) == {}

    at(main)
