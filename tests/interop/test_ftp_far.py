"""Our FTP client against servers of others, and our own: in clear, explicit and implicit TLS."""

import os
import stat
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.secret import Secret
from mft.core.vpath import ROOT, VPath
from mft.remote.base import Remote
from mft.vfs.base import Attributes, Existing
from tests.fakes import remotes
from tests.fakes.remotes import Work, fetch, listed, send
from tests.interop import far_ftp
from tests.interop.far_ftp import OWNER, Far
from tests.interop.ftp import add_service
from tests.interop.instance import initialise, start, stop

pytestmark = pytest.mark.interop

# Pure-FTPd speaks implicit TLS only where it was built for that.
SERVERS = [
    *((name, mode) for name in ("mft", "vsftpd", "proftpd") for mode in far_ftp.MODES),
    ("pure-ftpd", "clear"),
    ("pure-ftpd", "explicit"),
]
OLD = 1_234_567_890
LARGE = 2_000_011  # bytes: no multiple of anybody's buffer
NAMES = (
    "a b",
    "-dash",
    "brackets[1]",
    "star*",
    "ümläut",
    " leading",
    "quote'\"",
    "per%20cent",
    ".dot",
)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Far]]:
    """A service of each mode."""
    server = initialise(tmp_path_factory.mktemp("far") / "instance")
    made = {mode: add_service(server, mode) for mode in far_ftp.MODES}
    process = start(server)
    login = server.account, server.password
    yield {
        mode: Far("mft", mode, service.port, server.home, service.certificate, *login)
        for mode, service in made.items()
    }
    stop(server, process)


@pytest.fixture(scope="module", params=SERVERS, ids="-".join)
def far(request: pytest.FixtureRequest) -> Iterator[Far]:
    name, mode = request.param
    if name == "mft":
        yield request.getfixturevalue("ours")[mode]
        return
    with far_ftp.running(name, mode) as server:
        yield server


def using(far: Far, work: Work, folder: str = "", **more: Any) -> None:
    remotes.using(far.kind, {**far.options(), **more}, work, folder)


@pytest.fixture
def place(far: Far, tmp_path: Path) -> Path:
    """A folder of its own on the server, as the disk has it."""
    made = far.home / tmp_path.name
    made.mkdir()
    _give(far, made)
    return made


def _give(far: Far, path: Path) -> None:
    if far.name != "mft":
        os.chown(path, OWNER, OWNER)


async def reason(asked: Coroutine[Any, Any, Any]) -> Reason:
    return (await remotes.refusal(asked)).reason


def path(text: str) -> VPath:
    return VPath.parse(text)


@pytest.mark.parametrize("size", [0, 1, LARGE])
def test_a_file_goes_there_and_comes_back(far: Far, place: Path, size: int) -> None:
    data = os.urandom(size)

    async def work(remote: Remote) -> None:
        await send(remote, path("file"), data)
        assert (place / "file").read_bytes() == data
        assert await fetch(remote, path("file")) == data
        assert (await remote.stat(path("file"))).size == size

    using(far, work, place.name)


def test_a_download_goes_on_where_another_ended(far: Far, place: Path) -> None:
    data = os.urandom(LARGE)
    (place / "file").write_bytes(data)
    (place / "file").chmod(0o644)

    async def work(remote: Remote) -> None:
        for begin in (1, LARGE - 1, LARGE):
            assert await fetch(remote, path("file"), begin) == data[begin:]

    using(far, work, place.name)


def test_an_upload_goes_on_where_another_ended(far: Far, place: Path) -> None:
    data = os.urandom(LARGE)

    async def work(remote: Remote) -> None:
        await send(remote, path("file"), data[:400_000])
        upload = await remote.upload(path("file"), Existing.EXTEND)
        assert upload.start == 400_000
        await upload.lane.write_later([memoryview(data)[400_000:800_000]], 400_000)
        await upload.commit(durable=True)
        await send(remote, path("file"), data, Existing.EXTEND)
        assert (place / "file").read_bytes() == data

    using(far, work, place.name)


def test_an_upload_that_is_broken_off_goes_on_later(far: Far, place: Path) -> None:
    data = os.urandom(LARGE)

    async def break_off(remote: Remote) -> None:
        upload = await remote.upload(path("file"), Existing.REPLACE)
        await upload.lane.write_later([memoryview(data)[:1_200_000]], 0)
        await upload.abort(keep=True)

    async def go_on(remote: Remote) -> None:
        await send(remote, path("file"), data, Existing.EXTEND)
        assert (place / "file").read_bytes() == data

    using(far, break_off, place.name)
    using(far, go_on, place.name)


def test_an_upload_that_is_not_kept_leaves_nothing(far: Far, place: Path) -> None:
    async def work(remote: Remote) -> None:
        upload = await remote.upload(path("file"), Existing.REPLACE)
        await upload.lane.write_later([memoryview(bytes(100_000))], 0)
        await upload.abort(keep=False)
        assert await listed(remote) == {}

    using(far, work, place.name)


def test_names_of_every_kind_are_listed_as_they_are(far: Far, place: Path) -> None:
    async def work(remote: Remote) -> None:
        for name in NAMES:
            await send(remote, path("/").child(name), name.encode())
        found = await listed(remote)
        assert found.keys() == set(NAMES)
        assert {name: entry.size for name, entry in found.items()} == {
            name: len(name.encode()) for name in NAMES
        }
        for name in NAMES:
            assert await fetch(remote, path("/").child(name)) == name.encode()
            assert (await remote.stat(path("/").child(name))).size == len(name.encode())
            await remote.remove(path("/").child(name))
        assert await listed(remote) == {}

    using(far, work, place.name)


@pytest.mark.parametrize("machine", [True, False])
def test_times_are_those_of_the_file_wherever_they_are_told(
    far: Far, place: Path, machine: bool
) -> None:
    async def work(remote: Remote) -> None:
        await send(remote, path("old"), b"x")
        await remote.change(path("old"), Attributes(modified=OLD))
        upload = await remote.upload(path("new"), Existing.REPLACE)
        await upload.lane.change(Attributes(modified=OLD + 1))
        await upload.commit(durable=True)
        assert os.stat(place / "old").st_mtime == OLD
        assert os.stat(place / "new").st_mtime == OLD + 1
        for _ in range(2):
            found = await listed(remote)
            assert (found["old"].modified, found["new"].modified) == (OLD, OLD + 1)
        assert (await remote.stat(path("old"))).modified == OLD
        download = await remote.download(path("old"))
        assert download.entry.modified == OLD
        await download.close()

    using(far, work, place.name, prefer_machine_listing=machine)


@pytest.mark.parametrize("machine", [True, False])
def test_what_is_there_and_what_is_not_is_told_apart(far: Far, place: Path, machine: bool) -> None:
    async def work(remote: Remote) -> None:
        await remote.make_directory(path("folder"))
        await send(remote, path("file"), b"abc")
        assert (await remote.stat(ROOT)).is_directory
        assert (await remote.stat(path("folder"))).is_directory
        assert (await remote.stat(path("file"))).is_file
        for name in ("none", "none/x", "file/x", "folder/none"):
            assert await reason(remote.stat(path(name))) is Reason.NOT_FOUND
        assert await reason(remote.make_directory(path("folder"))) is Reason.EXISTS
        assert await reason(remote.remove(path("none"))) is Reason.NOT_FOUND
        assert await reason(remote.list(path("none"))) is Reason.NOT_FOUND
        assert await reason(remote.list(path("file"))) is Reason.NOT_A_DIRECTORY
        assert await reason(remote.download(path("folder"))) is Reason.IS_A_DIRECTORY
        assert await reason(remote.download(path("none"))) is Reason.NOT_FOUND
        assert await reason(remote.upload(path("file"), Existing.REFUSE)) is Reason.EXISTS
        assert await reason(remote.upload(path("folder"), Existing.EXTEND)) is Reason.IS_A_DIRECTORY
        await send(remote, path("folder/x"), b"", Existing.REFUSE)
        assert await reason(remote.remove_directory(path("folder"))) is Reason.NOT_EMPTY
        await remote.remove(path("folder/x"))
        await remote.remove_directory(path("folder"))
        await remote.remove(path("file"))
        assert list(place.iterdir()) == []

    using(far, work, place.name, prefer_machine_listing=machine)


def test_a_rename_replaces_only_when_it_may(far: Far, place: Path) -> None:
    async def work(remote: Remote) -> None:
        await send(remote, path("a"), b"new")
        await send(remote, path("b"), b"old")
        assert await reason(remote.rename(path("a"), path("b"), replace=False)) is Reason.EXISTS
        assert await reason(remote.rename(path("c"), path("d"), replace=True)) is Reason.NOT_FOUND
        await remote.rename(path("a"), path("b"), replace=True)
        assert (place / "b").read_bytes() == b"new"
        await remote.rename(path("b"), path("c"), replace=False)
        assert [one.name for one in place.iterdir()] == ["c"]

    using(far, work, place.name)


def test_a_folder_that_may_not_be_read_is_not_empty(far: Far, place: Path) -> None:
    async def work(remote: Remote) -> None:
        await remote.make_directory(path("closed"))
        await send(remote, path("closed/x"), b"x")
        (place / "closed").chmod(0)
        assert await reason(remote.list(path("closed"))) is Reason.DENIED
        assert await reason(remote.stat(path("closed/x"))) is Reason.DENIED
        assert await reason(remote.upload(path("closed/y"), Existing.REFUSE)) is Reason.DENIED
        (place / "closed").chmod(stat.S_IRWXU)
        assert (await listed(remote, path("closed"))).keys() == {"x"}

    if far.name != "mft":  # ours runs as root here, which may read everything
        using(far, work, place.name)


def test_many_files_come_in_one_listing(far: Far, place: Path) -> None:
    long = {f"{number:05}-{'x' * 100}" for number in range(700)}  # more than a buffer of anybody
    for name in long:
        (place / name).touch()

    async def work(remote: Remote) -> None:
        assert (await listed(remote)).keys() == long

    using(far, work, place.name)


def test_one_connection_does_one_thing_after_another(far: Far, place: Path) -> None:
    async def work(remote: Remote) -> None:
        for number in range(20):
            await send(remote, path(f"{number}"), b"%d" % number)
        download = await remote.download(path("0"))
        assert await reason(remote.stat(ROOT)) is Reason.BUSY
        await remote.ping()
        await download.close()
        for number in range(20):
            assert await fetch(remote, path(f"{number}")) == b"%d" % number
        await remote.ping()
        assert remote.connected

    using(far, work, place.name)


def test_the_server_is_known_by_its_certificate(far: Far) -> None:
    async def work(remote: Remote) -> None:
        identity = remote.identity
        if far.mode == "clear":
            assert (identity.kind, identity.fingerprint) == ("", "")
        else:
            assert identity.kind == "certificate"
            assert len(identity.fingerprint) == 32 * 3 - 1

    using(far, work)


def test_a_wrong_password_is_refused_for_good(far: Far) -> None:
    async def work(remote: Remote) -> None:
        raise AssertionError("it was let in")

    with pytest.raises(Refused) as caught:
        using(far, work, password=Secret("not this one"))
    assert caught.value.reason is Reason.DENIED
    assert "not this one" not in str(caught.value)


def test_digests_are_those_of_the_file(far: Far, place: Path) -> None:
    import hashlib

    async def work(remote: Remote) -> None:
        await send(remote, path("a file"), b"abc")
        for name in ("sha256", "sha512"):
            found = await remote.digest(path("a file"), name)
            assert found == (hashlib.new(name, b"abc").digest() if far.name == "mft" else None)

    using(far, work, place.name)
