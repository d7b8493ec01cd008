"""Our locations of HTTP at real servers: ours, mod_dav of Apache, nginx, and rclone."""

from collections.abc import Awaitable, Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.remote.base import Identity
from mft.remote.http_tls import FIRST
from mft.trust.certificates import fingerprint
from mft.vfs.base import Existing
from tests.fakes.http_location import PARTNER, Seen, connector, fetched, listed, sent, write_all
from tests.fakes.loop import run_loop
from tests.interop.conftest import fresh
from tests.interop.dav_servers import KINDS, DavServer, age, serving
from tests.interop.trees import content
from tests.interop.web import Web

pytestmark = pytest.mark.interop

OURS = "mft"
LARGE = 24 << 20
NAMES = ("a b", "grüße.txt", "50% & more #1?.csv", "日本語", "semi;colon='q'+@", "x" * 200)


@pytest.fixture(scope="module", params=[OURS, *KINDS])
def dav(request: pytest.FixtureRequest) -> Iterator[DavServer]:
    """A server of each kind."""
    if request.param == OURS:
        yield ours(request.getfixturevalue("web_services")["auto https"])
        return
    with serving(request.param) as server:
        yield server


def ours(web: Web) -> DavServer:
    return DavServer(OURS, web.server.home, web.home(""), web.certificate)


@pytest.fixture
def given(dav: DavServer, request: pytest.FixtureRequest) -> dict[str, str]:
    """The options of a location of the server."""
    if dav.kind != OURS:
        return dav.options
    own = request.getfixturevalue("web_services")["auto https"].server
    return {**dav.options, "username": own.account, "password": own.password}


@pytest.fixture
def at(given: dict[str, str], tmp_path: Path) -> Callable[[Callable[[Any], Awaitable[None]]], None]:
    """Run something with a tree of a fresh folder of the server."""

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


def test_folders_are_made_listed_renamed_and_removed(at, dav: DavServer) -> None:
    async def main(tree: Any) -> None:
        await tree.make_directory(path("/in"))
        if dav.kind != "rclone":  # which makes what is there already
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


def test_an_upload_that_is_given_up_leaves_no_file(at, dav: DavServer) -> None:
    async def main(tree: Any) -> None:
        upload = await tree.upload(path("/half"), Existing.REPLACE)
        upload.announce(LARGE)
        await upload.lane.write_later([memoryview(content(1 << 20))], 0)
        await upload.abort(keep=False)
        if dav.kind != "rclone":  # which may still write what it has, and then has been asked to
            assert await listed(tree, ROOT) == {}

    at(main)


def test_a_part_of_another_content_is_never_taken(at, dav: DavServer, tmp_path: Path) -> None:
    async def main(tree: Any) -> None:
        await sent(tree, path("/file"), content(300_000))
        age(dav.files / tmp_path.name / "file")
        download = await tree.download(path("/file"))
        first = await read_some(download.lane, 0, 1000)
        await download.lane.close()  # as if the connection had been cut
        await sent(tree, path("/file"), bytes(300_000))
        assert await refused(read_some(download.lane, 1000, 1000)) is Reason.ABORTED
        await download.close()
        assert first == content(300_000)[:1000]
        assert await fetched(tree, path("/file")) == bytes(300_000)

    at(main)


async def read_some(lane: Any, offset: int, count: int) -> bytes:
    room = memoryview(bytearray(count))
    return bytes(room[: await lane.read_later([room], offset)])


def test_connections_that_the_server_has_closed_meanwhile_are_no_failure(at) -> None:
    async def main(tree: Any) -> None:
        await sent(tree, path("/file"), b"data")
        for line in tree.peer._lines:
            line.transport.loseConnection()
        await sent(tree, path("/file2"), b"more")
        assert await fetched(tree, path("/file")) == b"data"
        assert set(await listed(tree, ROOT)) == {"file", "file2"}

    at(main)


def test_several_files_move_at_a_time_and_their_connections_are_used_again(at) -> None:
    async def main(tree: Any) -> None:
        names = [ROOT.child(f"file {at}") for at in range(tree.files_at_a_time)]
        uploads = [await tree.upload(name, Existing.REPLACE) for name in names]
        for upload in uploads:
            upload.announce(100_000)
        for upload in uploads:
            await upload.lane.write_later([memoryview(content(100_000))], 0)
        assert set(await listed(tree, ROOT)) <= {name.name for name in names}
        for upload in uploads:
            await upload.commit(durable=True)
        downloads = [await tree.download(name) for name in names]
        for download in downloads:
            assert await read_some(download.lane, 0, 10) == content(100_000)[:10]
        for download in downloads:
            await download.close()
        assert len(tree.peer._lines) <= tree.files_at_a_time + 1
        assert set(await listed(tree, ROOT)) == {name.name for name in names}

    at(main)


def test_another_certificate_and_another_password_are_refused(
    dav: DavServer, tmp_path: Path, given: dict[str, str]
) -> None:
    async def main(reactor: Any) -> None:
        for changes in (
            {"password": "wrong"},
            {"ssl_certificate_authority": ""},
            {"ssl_server_identity": "00" * 32},
        ):
            made = connector(reactor, tmp_path, "webdavs", **{**given, **changes})
            assert await refused(made.connect("")) is Reason.DENIED, changes

    run_loop(main)


def test_a_certificate_that_is_pinned_or_was_seen_first_needs_no_authority(
    dav: DavServer, tmp_path: Path, given: dict[str, str]
) -> None:
    shown = x509.load_pem_x509_certificate(dav.certificate.read_bytes())
    digest = fingerprint(shown)

    async def main(reactor: Any) -> None:
        seen = Seen()
        for pinned in (digest, digest.lower(), FIRST, FIRST):
            trust = {"ssl_certificate_authority": "", "ssl_server_identity": pinned}
            made = connector(reactor, tmp_path, "webdavs", seen, **{**given, **trust})
            tree = await made.connect("")
            assert tree.identity == Identity("certificate", digest, tree.identity.details)
            await tree.close()
        assert seen.kept == {PARTNER: digest}
        seen.kept[PARTNER] = "00" * 32
        assert await refused(made.connect("")) is Reason.DENIED

    run_loop(main)


# What only some of them can


@pytest.fixture
def own(web_services: dict[str, Web], tmp_path: Path) -> Callable[..., None]:
    """Run something with a tree of a fresh folder at a server of ours, and with its disk."""
    web = web_services["threads https"]
    login = {"username": web.server.account, "password": web.server.password}
    trust = {"ssl_certificate_authority": str(web.certificate)}

    def run(kind: str, main: Callable[[Any, Path], Awaitable[None]], **changes: str) -> None:
        place = fresh(web.server)

        async def whole(reactor: Any) -> None:
            given = {"url": web.home(place.remote), **login, **trust, **changes}
            tree = await connector(reactor, tmp_path, kind, **given).connect("")
            try:
                await main(tree, place.disk)
            finally:
                await tree.close()

        run_loop(whole)

    return run


@pytest.mark.parametrize("kind", ["https", "webdavs"])
def test_our_server_tells_the_digest_of_a_file(own, kind: str) -> None:
    async def main(tree: Any, disk: Path) -> None:
        for size in (0, 1, 1 << 20):
            await sent(tree, path("/file"), content(size))
            found = await tree.digest(path("/file"), "sha256")
            assert found == (sha256(content(size)).digest() if size else found)
        assert await tree.digest(path("/file"), "sha512") is None

    own(kind, main)


@pytest.mark.parametrize("kind", ["https", "webdavs"])
def test_our_server_lets_an_upload_go_on_where_it_was_cut(own, kind: str) -> None:
    async def main(tree: Any, disk: Path) -> None:
        data, half = content(LARGE), LARGE // 3
        upload = await tree.upload(path("/file"), Existing.REPLACE)
        upload.announce(LARGE)
        await write_all(upload.lane, data[:half])
        await upload.abort(keep=True)
        assert list(disk.glob("file")) == []
        start = 0
        while not start:  # it still writes what had come
            upload = await tree.upload(path("/file"), Existing.EXTEND)
            start = upload.start
        assert 0 < start <= half
        upload.announce(LARGE)
        await write_all(upload.lane, data[start:], start)
        await upload.commit(durable=True)
        assert (disk / "file").read_bytes() == data

    own(kind, main)


def test_a_finished_file_at_our_server_is_never_taken_for_a_part(own) -> None:
    async def main(tree: Any, disk: Path) -> None:
        await sent(tree, path("/file"), b"finished")
        upload = await tree.upload(path("/file"), Existing.EXTEND)
        assert upload.start == 0
        await upload.abort(keep=True)
        assert (disk / "file").read_bytes() == b"finished"
        await sent(tree, path("/file"), b"y" * 100, Existing.EXTEND)
        assert (disk / "file").read_bytes() == b"y" * 100

    own("webdavs", main)


def test_files_go_and_come_by_their_urls_alone(own) -> None:
    async def main(tree: Any, disk: Path) -> None:
        (disk / "in").mkdir()
        data = content(LARGE)
        await sent(tree, path("/in/file"), data)
        assert (disk / "in" / "file").read_bytes() == data
        assert await fetched(tree, path("/in/file")) == data
        assert await fetched(tree, path("/in/file"), LARGE - 5) == data[-5:]
        assert (await tree.stat(path("/in"))).is_directory
        assert await refused(tree.remove(path("/in"))) is Reason.IS_A_DIRECTORY
        assert await refused(tree.list(path("/in"))) is Reason.UNSUPPORTED
        again = sent(tree, path("/in/file"), b"new", Existing.REFUSE)
        assert await refused(again) is Reason.EXISTS
        await tree.remove(path("/in/file"))
        assert await refused(tree.stat(path("/in/file"))) is Reason.NOT_FOUND

    own("https", main)


def test_one_document_is_fetched_as_a_file(own, web_services: dict[str, Web]) -> None:
    web = web_services["threads https"]
    data = content(LARGE)
    (web.server.home / "rates.csv").write_bytes(data)

    async def main(tree: Any, disk: Path) -> None:
        found = await listed(tree, ROOT)
        assert {name: entry.size for name, entry in found.items()} == {"today": LARGE}
        assert await fetched(tree, path("/today")) == data
        assert await fetched(tree, path("/today"), LARGE - 7) == data[-7:]
        assert await refused(tree.stat(path("/yesterday"))) is Reason.NOT_FOUND
        assert await refused(tree.remove(path("/today"))) is Reason.UNSUPPORTED

    own("http-pull", main, url=web.home("/rates.csv"), response_file_name="today")
