"""The local disk: what only it has to promise."""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.vfs.base import Attributes, Existing
from mft.vfs.local import LocalFileSystem
from mft.vfs.volume import Volume, Volumes
from tests.fakes.files import begin, get, interrupt, names, put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline

A = VPath.parse("/a")


@pytest.fixture
def files(tmp_path: Path) -> Iterator[LocalFileSystem]:
    opened = LocalFileSystem(str(tmp_path), "alice", Volumes(Inline(), io="inline"))
    yield opened
    run(opened.close())


def test_nothing_is_opened_before_the_first_call(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    files = LocalFileSystem(f"{tmp_path}/none", "alice", Volumes(Inline(), io="inline"))
    assert os.listdir("/proc/self/fd") == before
    with refused(Reason.NOT_FOUND):
        run(files.stat(ROOT))
    run(files.close())


def test_a_closed_tree_refuses_and_holds_nothing(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    files = LocalFileSystem(str(tmp_path), "alice", Volumes(Inline(), io="inline"))
    run(files.stat(ROOT))
    run(files.close())
    run(files.close())
    assert os.listdir("/proc/self/fd") == before
    for attempt in (files.stat(ROOT), files.list(ROOT), files.upload(A, Existing.REPLACE)):
        with refused(Reason.ABORTED):
            run(attempt)


def test_a_tree_whose_root_was_replaced_is_not_in_place(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    files = LocalFileSystem(str(root), "alice", Volumes(Inline(), io="inline"))
    assert run(files.in_place())
    root.rmdir()
    assert not run(files.in_place())
    root.mkdir()
    assert not run(files.in_place())
    run(files.close())


def test_real_paths_are_those_of_the_disk(files: LocalFileSystem, tmp_path: Path) -> None:
    assert files.real_path(ROOT) == str(tmp_path)
    assert files.real_path(VPath.parse("/a/b")) == f"{tmp_path}/a/b"
    assert begin(files, A, b"x").real_path == f"{tmp_path}/a"
    root = LocalFileSystem("/", "root", Volumes(Inline(), io="inline"))
    assert (root.real_path(ROOT), root.real_path(A)) == ("/", "/a")


def special(path: Path, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))


@pytest.mark.parametrize(
    "kind",
    ["fifo", "socket", *(["device"] if os.geteuid() == 0 else [])],  # only root makes devices
)
def test_what_is_no_regular_file_is_never_opened(
    files: LocalFileSystem, tmp_path: Path, kind: str
) -> None:
    special(tmp_path / "a", kind)
    for how in Existing:
        with refused(Reason.DENIED, Reason.EXISTS):
            run(files.upload(A, how))
    for attempt in (files.download(A), files.change(A, Attributes(mode=0o600))):
        with refused(Reason.DENIED):
            run(attempt)
    with refused(Reason.DENIED, Reason.INVALID):
        run(files.change(A, Attributes(size=0)))
    assert stat.S_IFMT(run(files.stat(A)).mode) == stat.S_IFMT(os.stat(tmp_path / "a").st_mode)
    run(files.remove(A))
    assert names(files, ROOT) == []


def test_what_kill_9_left_is_continued_by_its_owner(tmp_path: Path) -> None:
    pid = os.fork()
    if not pid:  # the server that is killed
        files = LocalFileSystem(str(tmp_path), "alice", Volumes(Inline(), io="inline"))
        begin(files, A, b"half")
        os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)
    files = LocalFileSystem(str(tmp_path), "alice", Volumes(Inline(), io="inline"))
    assert names(files, ROOT) == []
    assert run(files.stat(A)).size == 4
    put(files, A, b" and half", Existing.EXTEND)
    assert get(files, A) == b"half and half"
    assert os.listdir(tmp_path) == ["a"]
    run(files.close())


def test_special_bits_of_directories_stay_and_are_not_given(
    files: LocalFileSystem, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    os.chmod(tmp_path / "a", 0o2770)
    run(files.change(A, Attributes(mode=0o5755)))
    assert stat.S_IMODE(os.stat(tmp_path / "a").st_mode) == 0o2755


def test_a_mount_below_the_root_has_a_lane_of_its_own_volume(
    files: LocalFileSystem, tmp_path: Path, monkeypatch
) -> None:
    met: list[int] = []
    real = Volumes.of

    def meeting(volumes: Volumes, descriptor: int, path: str) -> Volume:
        met.append(descriptor)
        return real(volumes, descriptor, path)

    monkeypatch.setattr(Volumes, "of", meeting)
    put(files, A, b"x")
    assert get(files, A) == b"x"
    assert met == []
    run(files.stat(ROOT))
    files._root = files._root._replace(  # type: ignore[union-attr]  # opened by the stat
        volume=Volume(-7, files._root.volume.kind, Inline())  # type: ignore[union-attr]  # opened
    )
    assert get(files, A) == b"x"
    assert len(met) == 1


def test_moves_between_volumes_are_not_supported(files: LocalFileSystem, monkeypatch) -> None:
    put(files, A, b"x")

    def across(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "rename", across)
    with refused(Reason.UNSUPPORTED):
        run(files.rename(A, VPath.parse("/b"), replace=True))


def test_details_are_the_system_s_words_and_the_subject_is_virtual(
    files: LocalFileSystem, tmp_path: Path
) -> None:
    with pytest.raises(Exception) as raised:
        run(files.download(VPath.parse("/none")))
    assert str(raised.value) == "/none: No such file or directory"


def test_a_link_that_leads_out_is_denied_everywhere(files: LocalFileSystem, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (tmp_path / "a").symlink_to(f"../{outside.name}")
    (tmp_path / "file").symlink_to(f"../{outside.name}/secret")
    inside = VPath.parse("/a/secret")
    for attempt in (
        files.stat(inside),
        files.list(A),
        files.download(inside),
        files.download(VPath.parse("/file")),
        files.upload(inside, Existing.REPLACE),
        files.make_directory(VPath.parse("/a/d")),
        files.remove(inside),
        files.remove_directory(inside),
        files.rename(inside, VPath.parse("/b"), replace=True),
        files.change(inside, Attributes(size=0)),
        files.change(VPath.parse("/file"), Attributes(size=0)),
        files.make_link(VPath.parse("/a/l"), "/b"),
        files.read_link(A),
        files.usage(A),
    ):
        with refused(Reason.DENIED):
            run(attempt)
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_text() == "secret"


def test_no_operation_leaves_a_descriptor_open(files: LocalFileSystem, tmp_path: Path) -> None:
    d, inner = VPath.parse("/d"), VPath.parse("/d/a")
    run(files.make_directory(d))
    before = os.listdir("/proc/self/fd")
    put(files, inner, b"x", durable=True)
    interrupt(files, inner, b"half")
    run(files.stat(inner))
    run(files.make_link(VPath.parse("/d/l"), "a"))
    run(files.stat(VPath.parse("/d/l")))
    get(files, VPath.parse("/d/l"))
    run(files.read_link(VPath.parse("/d/l")))
    run(files.change(inner, Attributes(size=1, mode=0o600, modified=5)))
    run(files.rename(inner, VPath.parse("/d/b"), replace=False))
    run(files.usage(d))
    names(files, d)
    for attempt in (
        files.remove_directory(d),
        files.stat(VPath.parse("/d/none")),
        files.download(VPath.parse("/d/none")),
        files.download(d),
        files.upload(d, Existing.REPLACE),
        files.rename(VPath.parse("/d/b"), VPath.parse("/d/none/c"), replace=True),
    ):
        with refused():
            run(attempt)
    assert os.listdir("/proc/self/fd") == before


class Step:
    """One wait that a test ends by sending again."""

    def __await__(self) -> Iterator[None]:
        yield


class Slow(Inline):
    """A pool whose calls take one step."""

    async def __call__(self, call, /, *args, **kwargs):
        await Step()
        return call(*args, **kwargs)


def finish(coroutine) -> object:
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    return stopped.value.value


def test_two_first_calls_at_once_share_one_root(tmp_path: Path) -> None:
    files = LocalFileSystem(str(tmp_path), "alice", Volumes(Slow(), io="inline"))
    before = os.listdir("/proc/self/fd")
    one, two = files.stat(ROOT), files.stat(ROOT)
    one.send(None)
    two.send(None)
    assert finish(one).is_directory  # type: ignore[attr-defined]  # an entry
    assert finish(two).is_directory  # type: ignore[attr-defined]  # an entry
    assert len(os.listdir("/proc/self/fd")) == len(before) + 1
    run(files.close())
    assert os.listdir("/proc/self/fd") == before


def test_the_time_of_a_change_is_that_of_the_disk_and_no_listing_asks_for_it(
    files: LocalFileSystem, tmp_path: Path
) -> None:
    put(files, A, b"x")
    os.utime(tmp_path / "a", (1000, 2000))
    entry = run(files.stat(A))
    assert entry.modified == 2000
    assert entry.changed == os.stat(tmp_path / "a").st_ctime_ns
    listing = run(files.list(ROOT))
    assert [one.changed for one in run(listing.batch())] == [0]
    run(listing.close())


def test_a_tree_closed_while_it_opens_holds_nothing(tmp_path: Path) -> None:
    files = LocalFileSystem(str(tmp_path), "alice", Volumes(Slow(), io="inline"))
    before = os.listdir("/proc/self/fd")
    first = files.stat(ROOT)
    first.send(None)
    run(files.close())
    with refused(Reason.ABORTED):
        first.send(None)
    assert os.listdir("/proc/self/fd") == before


def test_a_tree_closed_during_a_call_is_let_go_after_it(tmp_path: Path) -> None:
    files = LocalFileSystem(str(tmp_path), "alice", Volumes(Slow(), io="threads"))
    before = os.listdir("/proc/self/fd")
    call = files.make_directory(A)
    call.send(None)
    call.send(None)  # the root is open, and the call itself is on the pool
    run(files.close())
    finish(call)
    assert os.listdir(tmp_path) == ["a"]
    assert os.listdir("/proc/self/fd") == before


def test_a_file_is_removed_only_if_it_is_what_it_should_be(files: LocalFileSystem) -> None:
    put(files, A, b"data")
    assert not run(files.remove_same(A, lambda found: found.size == 5))
    assert get(files, A) == b"data"
    assert run(files.remove_same(A, lambda found: found.size == 4))
    assert os.listdir(files.root) == []
    with refused(Reason.NOT_FOUND):
        run(files.remove_same(A, lambda found: True))


def test_a_file_is_removed_from_a_folder_that_takes_no_new_names(
    files: LocalFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*names: object, **folders: int) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    put(files, A, b"data")
    monkeypatch.setattr(os, "rename", denied)
    assert run(files.remove_same(A, lambda found: True))
    assert os.listdir(files.root) == []


def aside(files: LocalFileSystem) -> None:
    """As a kill leaves what was about to be removed."""
    name = files._temporaries.aside_name_of("a")
    os.rename(f"{files.root}/a", f"{files.root}/{name}")


@pytest.mark.parametrize("again", ["finish_removal", "remove_same"])
def test_what_a_kill_has_left_aside_is_removed(files: LocalFileSystem, again: str) -> None:
    put(files, A, b"data")
    aside(files)
    with suppress(Refused):  # nothing is there any more
        run(getattr(files, again)(A, lambda found: found.size == 4 and not found.changed))
    assert os.listdir(files.root) == []


def test_another_file_that_a_kill_has_left_aside_is_put_back(files: LocalFileSystem) -> None:
    put(files, A, b"another")
    aside(files)
    run(files.finish_removal(A, lambda found: found.size == 4))
    assert get(files, A) == b"another"
    run(files.finish_removal(A, lambda found: True))  # nothing is aside
    assert get(files, A) == b"another"


def test_another_file_that_was_left_aside_gives_way_to_a_newer_one(files: LocalFileSystem) -> None:
    put(files, A, b"another")
    aside(files)
    put(files, A, b"newer")
    assert not run(files.remove_same(A, lambda found: found.size == 4))
    assert get(files, A) == b"newer"
    assert os.listdir(files.root) == ["a"]
