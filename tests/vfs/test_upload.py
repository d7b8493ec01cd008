"""An upload to the disk is committed whole, or not at all."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import CancelledError

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.vfs.base import Existing
from mft.vfs.interrupted import Sweeper
from mft.vfs.local import LocalFileSystem
from mft.vfs.upload import LocalUpload
from mft.vfs.volume import Volumes
from tests.fakes.files import begin, get, put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline

A = VPath.parse("/a")


@pytest.fixture
def disk() -> Inline:
    return Inline()


@pytest.fixture
def files(tmp_path: Path, disk: Inline) -> Iterator[LocalFileSystem]:
    # Inline whatever the machine does: these tests are about what runs, not where.
    opened = LocalFileSystem(str(tmp_path), "alice", Volumes(disk, io="inline"))
    yield opened
    run(opened.close())


def failing(code: int) -> Callable[..., None]:
    def call(*args: object, **kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    return call


def steps(monkeypatch) -> list[str]:
    """What a commit asks of the system, in order."""
    done: list[str] = []
    fsync, rename = os.fsync, os.rename

    def syncing(descriptor: int) -> None:
        kind = "directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        done.append(f"sync {kind}")
        fsync(descriptor)

    def renaming(*args: object, **kwargs: object) -> None:
        done.append("rename")
        rename(*args, **kwargs)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "rename", renaming)
    return done


def test_a_durable_commit_syncs_the_file_before_its_name_and_the_name_after(
    files: LocalFileSystem, monkeypatch
) -> None:
    upload = begin(files, A, b"x")
    done = steps(monkeypatch)
    run(upload.commit(durable=True))
    assert done == ["sync file", "rename", "sync directory"]


def test_a_durable_commit_is_one_call_on_the_pool(files: LocalFileSystem, disk: Inline) -> None:
    upload = begin(files, A, b"x")
    before = disk.calls
    run(upload.commit(durable=True))
    assert disk.calls == before + 1


def test_a_file_that_has_its_name_is_committed_whatever_the_other_upload_s_has_become(
    files: LocalFileSystem, tmp_path: Path, monkeypatch
) -> None:
    first, second = begin(files, A, b"first"), begin(files, A, b"second")
    close = os.close

    def stale(descriptor: int) -> None:
        """As a network file system does where another machine has replaced the file."""
        close(descriptor)
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", stale)
        run(second.commit(durable=False))
    assert second.committed
    assert (tmp_path / "a").read_bytes() == b"second"
    run(first.abort(keep=False))


def test_a_commit_that_need_not_be_durable_syncs_nothing(
    files: LocalFileSystem, monkeypatch
) -> None:
    upload = begin(files, A, b"x")
    done = steps(monkeypatch)
    run(upload.commit(durable=False))
    assert done == ["rename"]


def test_a_change_in_place_is_synced_and_not_renamed(files: LocalFileSystem, monkeypatch) -> None:
    put(files, A, b"x")
    upload = begin(files, A, b"y", Existing.EXTEND)
    done = steps(monkeypatch)
    run(upload.commit(durable=True))
    assert done == ["sync file"]


def test_where_names_are_not_counted_a_change_in_place_needs_its_own(
    files: LocalFileSystem, tmp_path: Path, monkeypatch
) -> None:
    put(files, A, b"x")
    kept, lost = (begin(files, A, b"y", Existing.EXTEND) for _ in range(2))
    fstat = os.fstat

    def uncounted(descriptor: int) -> os.stat_result:
        told = list(fstat(descriptor))
        told[stat.ST_NLINK] = 0
        return os.stat_result(told)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", uncounted)
        run(kept.commit(durable=False))
        (tmp_path / "a").unlink()
        with refused(Reason.NOT_FOUND):
            run(lost.commit(durable=False))


def test_a_failed_sync_leaves_nothing_under_the_name_and_nothing_to_continue(
    files: LocalFileSystem, tmp_path: Path, monkeypatch
) -> None:
    put(files, A, b"old")
    upload = begin(files, A, b"lost")
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with refused(Reason.BROKEN):
        run(upload.commit(durable=True))
    assert get(files, A) == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_failed_rename_keeps_the_bytes_for_their_owner(
    files: LocalFileSystem, tmp_path: Path, monkeypatch
) -> None:
    upload = begin(files, A, b"half")
    with monkeypatch.context() as patch, refused(Reason.NO_SPACE):
        patch.setattr(os, "rename", failing(errno.ENOSPC))
        run(upload.commit(durable=True))
    assert not upload.committed  # type: ignore[attr-defined]  # of uploads to the disk
    assert run(files.upload(A, Existing.EXTEND)).start == 4


def test_a_commit_after_a_full_disk_never_happens(files: LocalFileSystem, monkeypatch) -> None:
    upload = begin(files, A, b"half")
    with monkeypatch.context() as patch, refused(Reason.NO_SPACE):
        patch.setattr(os, "pwritev", failing(errno.ENOSPC))
        upload.lane.write_from([memoryview(b"more")], 4)
    with refused(Reason.NO_SPACE):
        run(upload.commit(durable=True))
    with refused(Reason.NOT_FOUND):
        run(files.download(A))
    assert run(files.stat(A)).size == 4


def test_a_directory_that_may_not_be_read_is_synced_through_the_file(
    files: LocalFileSystem, monkeypatch
) -> None:
    upload = begin(files, A, b"x")
    done = steps(monkeypatch)
    real = os.open

    def unreadable(path: str, flags: int, *args: int, **kwargs: int) -> int:
        if path == ".":
            raise PermissionError(errno.EACCES, "")
        return real(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", unreadable)
    run(upload.commit(durable=True))
    assert done == ["sync file", "rename", "sync file"]


class Cancelling(Inline):
    """A pool that tells of a cancellation when the call is done, as the real one does."""

    cancelled = False

    async def __call__(self, call, /, *args, **kwargs):
        result = await super().__call__(call, *args, **kwargs)
        if self.cancelled:
            self.cancelled = False
            raise CancelledError
        return result


def test_a_cancellation_that_comes_too_late_does_not_hide_the_commit(tmp_path: Path) -> None:
    pool = Cancelling()
    files = LocalFileSystem(str(tmp_path), "alice", Volumes(pool, io="inline"))
    upload = begin(files, A, b"x")
    pool.cancelled = True
    run(upload.commit(durable=True))
    assert upload.committed  # type: ignore[attr-defined]  # of uploads to the disk
    assert get(files, A) == b"x"
    run(files.close())


def test_no_upload_ends_while_bytes_are_still_being_written(files: LocalFileSystem) -> None:
    upload = begin(files, A, b"x")
    upload.lane._flying += 1  # type: ignore[attr-defined]  # as a write on the pool would
    with refused(Reason.ABORTED):
        run(upload.commit(durable=False))
    with refused(Reason.NOT_FOUND):
        run(files.download(A))


def test_an_abort_is_never_refused(files: LocalFileSystem, tmp_path: Path, monkeypatch) -> None:
    upload = begin(files, A, b"x")
    monkeypatch.setattr(os, "unlink", failing(errno.EIO))
    run(upload.abort(keep=False))
    run(upload.abort(keep=False))


def test_an_interrupted_upload_of_nothing_is_not_kept(
    files: LocalFileSystem, tmp_path: Path
) -> None:
    upload = run(files.upload(A, Existing.REPLACE))
    run(upload.abort(keep=True))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("ending", ["commit", "abort", "refused"])
def test_no_descriptor_is_left_open(files: LocalFileSystem, tmp_path: Path, ending: str) -> None:
    (tmp_path / "d").mkdir()
    run(files.stat(VPath.parse("/")))
    before = os.listdir("/proc/self/fd")
    upload = begin(files, VPath.parse("/d/a"), b"x")
    if ending == "commit":
        run(upload.commit(durable=True))
    elif ending == "abort":
        run(upload.abort(keep=True))
    else:
        os.rename(tmp_path / "d", tmp_path / "e")
        with refused(Reason.NOT_FOUND):
            run(upload.commit(durable=True))
    assert os.listdir("/proc/self/fd") == before


def test_nobody_but_the_owner_s_bits_can_open_what_is_not_finished(
    files: LocalFileSystem, tmp_path: Path
) -> None:
    upload = run(files.upload(A, Existing.REPLACE, mode=0o640))
    (temporary,) = os.listdir(tmp_path)
    assert temporary.startswith(".mft-")
    assert stat.S_IMODE(os.stat(tmp_path / temporary).st_mode) == 0o640
    run(upload.abort(keep=False))


@pytest.mark.parametrize("ending", ["commit", "abort", "divert"])
def test_what_another_has_put_under_a_temporary_s_name_is_left_alone(
    files: LocalFileSystem, tmp_path: Path, ending: str
) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    mine = begin(files, A, b"mine, whole")
    (name,) = (one.name for one in tmp_path.iterdir() if one != aside)
    (tmp_path / name).unlink()
    theirs = begin(files, A, b"half of")
    if ending == "abort":
        run(mine.abort(keep=False))
    else:
        ended = mine.commit(durable=True) if ending == "commit" else mine.divert(str(aside), "it")
        with pytest.raises(Refused):
            run(ended)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([name, "aside"])
    assert list(aside.iterdir()) == []
    theirs.lane.write_from([memoryview(b" theirs")], 7)
    run(theirs.commit(durable=False))
    assert get(files, A) == b"half of theirs"


def killed(upload: LocalUpload) -> None:
    """What is left of an upload whose process is gone: its descriptor and its claim are."""
    os.close(upload.lane.descriptor)


def test_what_a_killed_process_leaves_without_holes_is_gone_on_with(files: LocalFileSystem) -> None:
    killed(begin(files, A, b"half"))
    upload = run(files.upload(A, Existing.EXTEND))
    assert upload.start == len("half")
    run(upload.abort(keep=False))


def test_nobody_goes_on_with_what_a_killed_process_left_with_a_hole(
    files: LocalFileSystem, tmp_path: Path
) -> None:
    upload = begin(files, A, b"half")
    run(upload.leave_hole())
    upload.lane.write_from([memoryview(b"end")], 100)
    killed(upload)
    (left,) = os.listdir(tmp_path)
    with refused(Reason.NOT_FOUND):
        run(files.stat(A))
    begun = run(files.upload(A, Existing.EXTEND))
    assert begun.start == 0
    run(begun.abort(keep=False))
    assert os.listdir(tmp_path) == [left]
    sweeper = Sweeper(str(tmp_path), Volumes(Inline()), lifetime=-60)
    run(sweeper.step())
    assert os.listdir(tmp_path) == []


def test_an_upload_with_a_hole_is_kept_when_it_is_cut_and_committed_when_it_is_whole(
    files: LocalFileSystem, tmp_path: Path
) -> None:
    upload = begin(files, A, b"half")
    for _ in range(2):
        run(upload.leave_hole())
    run(upload.abort(keep=True))
    assert run(files.stat(A)).size == len("half")
    upload = run(files.upload(A, Existing.EXTEND))
    run(upload.leave_hole())
    upload.lane.write_from([memoryview(b" and end")], 4)
    run(upload.commit(durable=True))
    assert get(files, A) == b"half and end"
    assert os.listdir(tmp_path) == ["a"]


def test_where_the_name_cannot_be_taken_away_there_is_no_hole(
    files: LocalFileSystem, tmp_path: Path
) -> None:
    upload = begin(files, A, b"half")
    (name,) = os.listdir(tmp_path)
    (tmp_path / name).unlink()
    with refused(Reason.NOT_FOUND):
        run(upload.leave_hole())
    run(upload.abort(keep=True))
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_changed_in_place_keeps_its_name(
    files: LocalFileSystem, tmp_path: Path
) -> None:
    put(files, A, b"old")
    upload = begin(files, A, b"", Existing.MODIFY)
    run(upload.leave_hole())
    run(upload.commit(durable=False))
    assert os.listdir(tmp_path) == ["a"]
