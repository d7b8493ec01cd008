"""What every `Remote` promises (mft/remote/base.py), whatever is at the other end.

A kind of location joins with a fixture that gives its `Place`: a folder at a real server, empty,
and how it is reached (`Elsewhere`). What a peer cannot do is Refused(UNSUPPORTED), and no promise
is weakened for it.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import new as digest_of
from pathlib import Path
from typing import Any

import pytest

from mft.config.kinds import Context
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import ROOT, VPath
from mft.remote.base import (
    Connector,
    Remote,
    discard_unfinished,
    rename_seen,
    seen,
    stat_each,
)
from mft.remote.filesystem import BUILT_IN, FilesystemConnector
from mft.remote.http_options import WebdavOptions
from mft.remote.open_files import Teller
from mft.remote.telling import Told
from mft.remote.webdav import WebdavConnector
from mft.vfs.base import Attributes, Entry, Existing
from tests.fakes.refused import refused
from tests.fakes.remote import MemoryConnector, Peer
from tests.fakes.remote_files import (
    Connect,
    Elsewhere,
    Here,
    Place,
    begin,
    get,
    gone,
    names,
    promise,
    put,
    send,
)
from tests.fakes.remote_parts import parts_in
from tests.fakes.sshd import Sshd, running
from tests.fakes.trail import Trail
from tests.interop import far_ftp
from tests.interop.dav_servers import DavServer, serving
from tests.interop.far_ftp import Far
from tests.interop.instance import Server, initialise, start, stop
from tests.interop.sftp_remote import of_ours, of_sshd, sftp_connector

KINDS = (
    *("filesystem", "built_in", "memory", "late_memory", "told"),
    *("sftp", "own_sftp", "webdavs", "ftp", "ftpse", "ftpsi"),
)
A, B, SUB = (VPath.parse(name) for name in ("a.txt", "b.txt", "sub"))
BIG = os.urandom(1 << 20)  # more than a window, a packet or a buffer of any protocol
RESUMING = tuple(kind for kind in KINDS if kind != "webdavs")  # WebDAV has no parts of uploads
CLOCKS = 120  # seconds between our clock and that of a peer that runs here, in whole minutes
NAMES = (
    "with space",
    " begins with one",
    "ünïcödé ☃",
    "100%25#?&;+=@:,",
    "-r",
    "'single' \"double\" `back`",
    "back\\slash",
    "*[a]{b}~$HOME",
    "a.b..c",
    "..hidden",
    "<html>",
)


@pytest.fixture
def filesystem(tmp_path: Path) -> Place:
    (tmp_path / "root" / "in").mkdir(parents=True)
    component = BUILT_IN._replace(uuid="location-1")
    return Here(FilesystemConnector(component, tmp_path / "root", parts_in(tmp_path)), "/in")


@pytest.fixture
def built_in(tmp_path: Path) -> Place:
    (tmp_path / "in").mkdir()
    return Here(FilesystemConnector(BUILT_IN, None, parts_in(tmp_path)), str(tmp_path / "in"))


@pytest.fixture
def memory() -> Place:
    peer = Peer(time.time)
    peer.put("/in/x", b"")
    del peer.tree.directory(VPath.parse("/in")).children["x"]
    return Here(MemoryConnector(peer), "/in")


@pytest.fixture
def late_memory() -> Place:
    peer = Peer(time.time)
    peer.late, peer.makes_digests = True, False
    return Here(MemoryConnector(peer), "/")


@pytest.fixture
def told() -> Place:
    connector = MemoryConnector(Peer(time.time))
    return Here(ToldConnector(connector), "/")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd")) as made:
        yield made


@pytest.fixture
def sftp(sshd: Sshd, tmp_path: Path) -> Place:
    folder = tempfile.mkdtemp(dir=sshd.home)
    return Elsewhere(lambda reactor: sftp_connector(reactor, of_sshd(sshd), tmp_path), folder)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = initialise(tmp_path_factory.mktemp("mft") / "instance")
    process = start(server)
    yield server
    stop(server, process)


@pytest.fixture
def own_sftp(own: Server, tmp_path: Path) -> Place:
    folder = Path(tempfile.mkdtemp(dir=own.home)).name
    return Elsewhere(lambda reactor: sftp_connector(reactor, of_ours(own), tmp_path), folder)


class ToldConnector:
    """Gives what transfers are lent: a connection whose operations are events."""

    def __init__(self, connector: MemoryConnector) -> None:
        self.component = connector.component
        self._connector = connector

    async def connect(self, folder: str) -> Remote:
        remote = await self._connector.connect(folder)
        return Told(remote, folder, Teller(Trail(), self.component, steps=True))


@pytest.fixture(scope="module")
def apache() -> Iterator[DavServer]:
    with serving("apache") as server:
        yield server


@pytest.fixture
def webdavs(apache: DavServer, tmp_path: Path) -> Place:
    def connector(reactor: Any) -> Connector:
        given = {"name": "partner", "type": "webdavs", **apache.options}
        options = WebdavOptions.model_validate(given, context=Context(tmp_path))
        return WebdavConnector(
            Component("1", "webdavs", "dav"), options, parts_in(tmp_path, reactor)
        )

    return Elsewhere(connector, f"/{apache.fresh()}")


@pytest.fixture(scope="module")
def clear() -> Iterator[Far]:
    with far_ftp.running("proftpd", "clear") as server:
        yield server


@pytest.fixture
def ftp(clear: Far, tmp_path: Path) -> Place:
    return far_ftp.place(clear, tmp_path)


@pytest.fixture(scope="module")
def vsftpd() -> Iterator[Far]:
    with far_ftp.running("vsftpd", "explicit") as server:
        yield server


@pytest.fixture
def ftpse(vsftpd: Far, tmp_path: Path) -> Place:
    return far_ftp.place(vsftpd, tmp_path)


@pytest.fixture(scope="module")
def proftpd() -> Iterator[Far]:
    with far_ftp.running("proftpd", "implicit") as server:
        yield server


@pytest.fixture
def ftpsi(proftpd: Far, tmp_path: Path) -> Place:
    return far_ftp.place(proftpd, tmp_path)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=RESUMING)
def resuming(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


# Uploads


@promise
async def test_what_is_committed_can_be_fetched_and_is_listed(
    remote: Remote, connect: Connect
) -> None:
    await put(remote, A, b"hello")
    assert await get(remote, A) == b"hello"
    assert await names(remote) == ["a.txt"]
    assert (await remote.stat(A)).size == 5


@promise
async def test_an_empty_file_is_a_file(remote: Remote, connect: Connect) -> None:
    await put(remote, A, b"")
    assert (await remote.stat(A)).is_file
    assert (await remote.stat(A)).size == 0
    assert await get(remote, A) == b""


@promise
async def test_bytes_of_every_value_arrive_as_they_were(remote: Remote, connect: Connect) -> None:
    data = bytes(range(256)) + b"\r\n\n\r" + BIG
    await put(remote, A, data)
    assert (await remote.stat(A)).size == len(data)
    assert await get(remote, A) == data


@promise
async def test_replacing_begins_anew_and_leaves_nothing_of_a_longer_file(
    remote: Remote, connect: Connect
) -> None:
    await put(remote, A, b"a long file")
    upload = await remote.upload(A, Existing.REPLACE)
    assert upload.start == 0
    await send(upload, b"short")
    await upload.commit(durable=True)
    assert await get(remote, A) == b"short"


@promise
async def test_a_name_that_must_be_free_and_is_not_is_refused(
    remote: Remote, connect: Connect
) -> None:
    await put(remote, A, b"old", Existing.REFUSE)
    with refused(Reason.EXISTS):
        await put(remote, A, b"new", Existing.REFUSE)
    assert await get(remote, A) == b"old"


def test_extending_goes_on_at_the_end_of_a_file(resuming: Place) -> None:
    async def check(remote: Remote, connect: Connect) -> None:
        await put(remote, A, b"one,")
        upload = await remote.upload(A, Existing.EXTEND)
        assert upload.start == 4
        await send(upload, b"two")
        await upload.commit(durable=True)
        assert await get(remote, A) == b"one,two"

    resuming.run(check)


def test_extending_begins_anew_where_nothing_can_go_on(webdavs: Place) -> None:
    async def check(remote: Remote, connect: Connect) -> None:
        await put(remote, A, b"one,")
        upload = await remote.upload(A, Existing.EXTEND)
        assert upload.start == 0
        await send(upload, b"one,two")
        await upload.commit(durable=True)
        assert await get(remote, A) == b"one,two"

    webdavs.run(check)


@promise
async def test_extending_what_is_not_there_makes_it(remote: Remote, connect: Connect) -> None:
    upload = await remote.upload(A, Existing.EXTEND)
    assert upload.start == 0
    await send(upload, b"new")
    await upload.commit(durable=True)
    assert await get(remote, A) == b"new"


@promise
async def test_writing_anywhere_in_a_file_is_not_supported(
    remote: Remote, connect: Connect
) -> None:
    with refused(Reason.UNSUPPORTED):
        await remote.upload(A, Existing.MODIFY)


@promise
async def test_an_upload_that_is_given_up_leaves_nothing(remote: Remote, connect: Connect) -> None:
    await (await begin(remote, A, b"half")).abort(keep=False)
    assert await gone(remote, A)
    with refused(Reason.NOT_FOUND):
        await remote.stat(A)


def test_what_is_kept_of_an_upload_is_continued_by_another_connection(resuming: Place) -> None:
    async def check(remote: Remote, connect: Connect) -> None:
        half = len(BIG) // 2 + 1
        await (await begin(remote, A, BIG[:half])).abort(keep=True)
        await remote.close()
        other = await connect()
        there = (await other.stat(A)).size
        assert 0 < there <= half
        upload = await other.upload(A, Existing.EXTEND)
        assert upload.start == there
        await send(upload, BIG[there:])
        await upload.commit(durable=True)
        assert await get(other, A) == BIG

    resuming.run(check)


@promise
async def test_an_upload_ends_once(remote: Remote, connect: Connect) -> None:
    upload = await begin(remote, A, b"all")
    await upload.commit(durable=True)
    await upload.abort(keep=False)
    with refused(Reason.ABORTED):
        await upload.commit(durable=True)
    assert await get(remote, A) == b"all"


@promise
async def test_an_upload_needs_its_folder(remote: Remote, connect: Connect) -> None:
    with refused():
        await put(remote, SUB.child("a"), b"data")
    assert await names(remote) == []
    assert remote.connected


@promise
async def test_a_folder_is_no_file(remote: Remote, connect: Connect) -> None:
    await remote.make_directory(SUB)
    with refused():
        await put(remote, SUB, b"data")
    with refused():
        await get(remote, SUB)
    with refused():
        await remote.remove(SUB)
    assert (await remote.stat(SUB)).is_directory
    assert remote.connected


# Downloads


@promise
async def test_a_file_is_fetched_from_an_offset_on(remote: Remote, connect: Connect) -> None:
    await put(remote, A, BIG)
    assert await get(remote, A, len(BIG) - 70_000) == BIG[-70_000:]
    assert await get(remote, A, len(BIG)) == b""


@promise
async def test_a_download_tells_what_was_opened(remote: Remote, connect: Connect) -> None:
    await put(remote, A, b"hello")
    download = await remote.download(A)
    try:
        assert download.entry.size == 5
        assert download.entry.is_file
    finally:
        await download.close()


@promise
async def test_a_download_that_is_not_read_to_its_end_leaves_the_connection_of_use(
    remote: Remote, connect: Connect
) -> None:
    await put(remote, A, BIG)
    download = await remote.download(A)
    buffer = [memoryview(bytearray(1000))]
    assert await download.lane.read_later(buffer, 0)
    await download.close()
    await download.close()
    other = remote if remote.connected else await connect()
    assert await get(other, A) == BIG


@promise
async def test_a_download_needs_a_file(remote: Remote, connect: Connect) -> None:
    with refused(Reason.NOT_FOUND):
        await get(remote, A)
    assert remote.connected


@promise
async def test_as_many_files_are_open_as_it_says(remote: Remote, connect: Connect) -> None:
    assert remote.files_at_a_time >= 1
    several = [ROOT.child(f"{number}") for number in range(min(remote.files_at_a_time, 3))]
    uploads = [await remote.upload(path, Existing.REPLACE) for path in several]
    for upload, path in zip(uploads, several, strict=True):
        await send(upload, path.name.encode())
    for upload in uploads:
        await upload.commit(durable=True)
    for path in several:
        assert await get(remote, path) == path.name.encode()


# Names and folders


@promise
async def test_names_come_back_as_they_were_given(remote: Remote, connect: Connect) -> None:
    for name in NAMES:
        await put(remote, ROOT.child(name), name.encode())
    assert await names(remote) == sorted(NAMES)
    for name in NAMES:
        assert (await remote.stat(ROOT.child(name))).name == name
        assert await get(remote, ROOT.child(name)) == name.encode()
    for name in NAMES:
        await remote.rename(ROOT.child(name), ROOT.child(f"{name}!"), replace=False)
        await remote.remove(ROOT.child(f"{name}!"))
    assert await names(remote) == []


@promise
async def test_a_listing_tells_files_from_folders_and_their_sizes(
    remote: Remote, connect: Connect
) -> None:
    await remote.make_directory(SUB)
    await put(remote, SUB.child("below"), b"x")
    await put(remote, A, b"hello")
    listing = await remote.list(ROOT)
    found: dict[str, Entry] = {}
    while batch := await listing.batch():
        found |= {entry.name: entry for entry in batch}
    await listing.close()
    assert set(found) == {"sub", "a.txt"}
    assert found["sub"].is_directory
    assert found["a.txt"].is_file
    assert found["a.txt"].size == 5
    assert abs(found["a.txt"].modified - time.time()) < CLOCKS


@promise
async def test_an_empty_folder_has_no_names(remote: Remote, connect: Connect) -> None:
    assert await names(remote) == []
    await remote.make_directory(SUB)
    assert await names(remote, SUB) == []


@promise
async def test_every_entry_of_a_folder_is_listed_once(remote: Remote, connect: Connect) -> None:
    several = sorted(f"{number:03}" for number in range(40))
    for name in several:
        await put(remote, ROOT.child(name), b"")
    assert await names(remote) == several


@promise
async def test_what_is_not_there_is_not_found(remote: Remote, connect: Connect) -> None:
    for ask in (
        lambda: remote.stat(A),
        lambda: names(remote, SUB),
        lambda: remote.remove(A),
        lambda: remote.remove_directory(SUB),
        lambda: remote.rename(A, B, replace=True),
    ):
        with refused(Reason.NOT_FOUND):
            await ask()
    assert remote.connected


@promise
async def test_several_names_are_looked_at_together(remote: Remote, connect: Connect) -> None:
    await put(remote, A, b"hello")
    there, missing, root = await stat_each(remote, A, B, ROOT)
    assert isinstance(there, Entry)
    assert (there.name, there.size) == ("a.txt", 5)
    assert isinstance(missing, Refused)
    assert missing.reason is Reason.NOT_FOUND
    assert isinstance(root, Entry)
    assert root.is_directory
    await remote.close()
    for answer in await stat_each(remote, A, B):
        assert isinstance(answer, Refused)
        assert answer.reason is Reason.ABORTED


@promise
async def test_the_root_is_a_folder(remote: Remote, connect: Connect) -> None:
    assert (await remote.stat(ROOT)).is_directory


@promise
async def test_a_time_is_told_in_seconds_since_1970(remote: Remote, connect: Connect) -> None:
    await put(remote, A, b"x")
    assert abs((await remote.stat(A)).modified - time.time()) < CLOCKS


@promise
async def test_a_time_is_set_or_cannot_be(remote: Remote, connect: Connect) -> None:
    await put(remote, A, b"x")
    refusal: Refused | None = None
    try:
        await remote.change(A, Attributes(modified=1_000_000_000))
    except Refused as error:
        refusal = error
    if refusal is None:
        assert (await remote.stat(A)).modified == 1_000_000_000
    else:
        assert refusal.reason is Reason.UNSUPPORTED
    assert remote.connected


@promise
async def test_folders_are_made_and_removed(remote: Remote, connect: Connect) -> None:
    below = SUB.child("below")
    await remote.make_directory(SUB)
    await remote.make_directory(below)
    assert await names(remote, SUB) == ["below"]
    with refused(Reason.EXISTS):
        await remote.make_directory(SUB)
    await remote.remove_directory(below)
    await remote.remove_directory(SUB)
    assert await names(remote) == []


@promise
async def test_a_folder_with_something_in_it_stays(remote: Remote, connect: Connect) -> None:
    await remote.make_directory(SUB)
    await put(remote, SUB.child("a"), b"kept")
    with refused(Reason.NOT_EMPTY):
        await remote.remove_directory(SUB)
    assert await get(remote, SUB.child("a")) == b"kept"


@promise
async def test_a_file_is_no_folder_to_remove(remote: Remote, connect: Connect) -> None:
    await put(remote, A, b"kept")
    with refused():
        await remote.remove_directory(A)
    assert await get(remote, A) == b"kept"


@promise
async def test_a_file_is_removed(remote: Remote, connect: Connect) -> None:
    await put(remote, A, b"x")
    await remote.remove(A)
    assert await gone(remote, A)


@promise
async def test_a_finished_file_stays_when_what_is_unfinished_goes(
    remote: Remote, connect: Connect
) -> None:
    await put(remote, A, b"somebody else's")
    await discard_unfinished(remote, A)
    await discard_unfinished(remote, B)
    assert await get(remote, A) == b"somebody else's"


@promise
async def test_a_rename_moves_a_file_and_all_of_it(remote: Remote, connect: Connect) -> None:
    await remote.make_directory(SUB)
    await put(remote, A, BIG)
    await remote.rename(A, SUB.child("b"), replace=False)
    assert await names(remote) == ["sub"]
    assert await get(remote, SUB.child("b")) == BIG


@promise
async def test_what_is_seen_along_with_an_end_or_a_rename_is_what_is_there(
    remote: Remote, connect: Connect
) -> None:
    upload = await begin(remote, A, BIG)
    await upload.commit(durable=True)
    found = seen(upload)
    assert found is None or found.size == len(BIG)
    await put(remote, B, b"old")
    found = await rename_seen(remote, A, B, replace=True)
    assert found is None or found.size == len(BIG)
    assert await names(remote) == ["b.txt"]
    with refused(Reason.NOT_FOUND):
        await rename_seen(remote, A, SUB, replace=False)


@promise
async def test_a_rename_without_leave_spares_what_is_there(
    remote: Remote, connect: Connect
) -> None:
    await put(remote, A, b"new")
    await put(remote, B, b"old")
    with refused(Reason.EXISTS):
        await remote.rename(A, B, replace=False)
    assert await get(remote, A) == b"new"
    assert await get(remote, B) == b"old"


@promise
async def test_a_rename_with_leave_puts_a_file_in_place_of_another(
    remote: Remote, connect: Connect
) -> None:
    await put(remote, A, b"new")
    await put(remote, B, b"old, and longer")
    await remote.rename(A, B, replace=True)
    assert await names(remote) == ["b.txt"]
    assert await get(remote, B) == b"new"


# The connection


@promise
async def test_a_digest_is_right_where_there_is_one(remote: Remote, connect: Connect) -> None:
    await put(remote, A, BIG)
    for algorithm in ("sha256", "sha512"):
        may = remote.may_digest(algorithm)
        told = await remote.digest(A, algorithm)
        assert told in (None, digest_of(algorithm, BIG).digest())
        assert may or told is None


@promise
async def test_it_gives_a_sign_of_life(remote: Remote, connect: Connect) -> None:
    await remote.ping()
    assert remote.connected


@promise
async def test_who_is_there_is_told(remote: Remote, connect: Connect) -> None:
    kind, fingerprint, details = remote.identity
    assert bool(kind) == bool(fingerprint)
    assert details


@promise
async def test_several_connections_see_one_tree(remote: Remote, connect: Connect) -> None:
    other = await connect()
    await put(remote, A, b"x")
    assert await names(other) == ["a.txt"]


@promise
async def test_whatever_is_asked_of_a_closed_one_is_interrupted(
    remote: Remote, connect: Connect
) -> None:
    other = await connect()
    await put(other, A, b"x")
    await remote.close()
    await remote.close()
    assert not remote.connected
    for ask in (
        lambda: remote.ping(),
        lambda: remote.stat(A),
        lambda: remote.list(ROOT),
        lambda: remote.download(A),
        lambda: remote.upload(B, Existing.REPLACE),
        lambda: remote.remove(A),
        lambda: remote.rename(A, B, replace=True),
        lambda: remote.make_directory(SUB),
        lambda: remote.remove_directory(SUB),
        lambda: remote.change(A, Attributes(modified=1)),
        lambda: remote.digest(A, "sha256"),
    ):
        with refused(Reason.ABORTED):
            await ask()
    assert await names(other) == ["a.txt"]


@promise
async def test_what_a_peer_may_not_have_is_told_or_unsupported(
    remote: Remote, connect: Connect
) -> None:
    await put(remote, A, b"x")
    for ask in (
        lambda: remote.usage(ROOT),
        lambda: remote.read_link(A),
        lambda: remote.make_link(B, "a.txt"),
        lambda: remote.make_hard_link(A, B),
    ):
        with suppress(Refused):
            await ask()
    assert remote.connected
    assert isinstance(remote.real_path(A), str)


@promise
async def test_a_connection_is_for_one_folder_of_the_peer(remote: Remote, connect: Connect) -> None:
    await remote.make_directory(SUB)
    await put(remote, A, b"above")
    below = await connect("sub")
    await put(below, A, b"below")
    assert await names(below) == ["a.txt"]
    assert await get(remote, SUB.child("a.txt")) == b"below"
    assert await get(remote, A) == b"above"


@promise
async def test_a_folder_that_is_not_there_is_told_when_it_is_opened(
    remote: Remote, connect: Connect
) -> None:
    with refused(Reason.NOT_FOUND):
        await connect("sub")
    assert remote.connected
