"""What every FileSystem promises: the local disk both ways, mounted, and the one in memory."""

import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.vfs.base import LATER, Attributes, Existing, FileSystem
from mft.vfs.links import aim
from mft.vfs.local import LocalFileSystem
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.memory_tree import MemoryTree
from mft.vfs.mounts import MountedFileSystem
from mft.vfs.resolve import KernelOpener, Opener, WalkingOpener
from mft.vfs.volume import Volumes
from tests.fakes.files import begin, get, interrupt, names, put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline

LIFETIME = 1000.0
LIMIT = 1 << 20
COARSE = 5  # CLOCK_REALTIME_COARSE of Linux, for which Python has no name
KINDS = ("openat2", "walk", "mounted", "memory")


class Wall:
    """The wall clock, which tests can put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Tree:
    """One tree that several owners open, and the folder of it that the tests are in."""

    def __init__(self, make: Callable[[str], FileSystem], wall: Wall, at: VPath) -> None:
        self._make = make
        self._opened: list[FileSystem] = []
        self.wall = wall
        self.at = at

    def open(self, owner: str = "alice") -> FileSystem:
        files = self._make(owner)
        self._opened.append(files)
        return files

    def close(self) -> None:
        for files in self._opened:
            run(files.close())


@pytest.fixture(params=KINDS)
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tree]:
    wall = Wall()
    memory = MemoryTree(wall)
    openers: dict[str, Opener] = {"openat2": KernelOpener(), "walk": WalkingOpener()}
    opener = openers.get(request.param)

    def local(owner: str, folder: str) -> FileSystem:
        root = tmp_path / folder
        root.mkdir(exist_ok=True)
        volumes = Volumes(Inline(), io="inline", opener=opener)
        return LocalFileSystem(
            str(root), owner, volumes, file_write_size=LIMIT, lifetime=LIFETIME, now=wall
        )

    def make(owner: str) -> FileSystem:
        if request.param == "memory":
            return MemoryFileSystem(memory, owner, file_write_size=LIMIT, lifetime=LIFETIME)
        if request.param == "mounted":
            mounts = {VPath.parse("/shared/in"): local(owner, "in")}
            return MountedFileSystem(local(owner, "home"), mounts)
        return local(owner, "home")

    made = Tree(make, wall, VPath.parse("/shared/in" if request.param == "mounted" else "/"))
    yield made
    made.close()


@pytest.fixture
def files(tree: Tree) -> FileSystem:
    return tree.open()


@pytest.fixture
def at(tree: Tree) -> Callable[[str], VPath]:
    return lambda text: VPath.parse(text, tree.at)


At = Callable[[str], VPath]


# Uploads


def test_a_committed_upload_can_be_downloaded_and_listed(files: FileSystem, at: At) -> None:
    put(files, at("a.txt"), b"hello", durable=True)
    assert get(files, at("a.txt")) == b"hello"
    assert names(files, at(".")) == ["a.txt"]
    assert run(files.stat(at("a.txt"))).size == 5


def test_nothing_is_under_the_name_before_the_commit(files: FileSystem, at: At) -> None:
    upload = begin(files, at("a.txt"), b"half")
    assert names(files, at(".")) == []
    with refused(Reason.NOT_FOUND):
        run(files.stat(at("a.txt")))
    with refused(Reason.NOT_FOUND):
        run(files.download(at("a.txt")))
    run(upload.commit(durable=False))
    assert names(files, at(".")) == ["a.txt"]


def test_a_file_being_replaced_stays_until_the_commit(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"old")
    upload = begin(files, at("a"), b"new and longer")
    assert upload.replaced
    assert get(files, at("a")) == b"old"
    assert run(files.stat(at("a"))).size == 3
    run(upload.commit(durable=False))
    assert get(files, at("a")) == b"new and longer"


def test_an_aborted_upload_leaves_nothing_when_it_is_not_kept(files: FileSystem, at: At) -> None:
    run(begin(files, at("a"), b"half").abort(keep=False))
    with refused(Reason.NOT_FOUND):
        run(files.stat(at("a")))
    assert run(files.upload(at("a"), Existing.MODIFY)).start == 0


def test_ending_an_upload_twice_does_nothing_more(files: FileSystem, at: At) -> None:
    upload = begin(files, at("a"), b"1")
    run(upload.commit(durable=False))
    run(upload.abort(keep=False))
    assert get(files, at("a")) == b"1"
    with refused(Reason.ABORTED):
        run(upload.commit(durable=False))


def test_refuse_means_that_the_name_must_be_free_at_both_ends(files: FileSystem, at: At) -> None:
    late = begin(files, at("a"), b"late", Existing.REFUSE)
    put(files, at("a"), b"first")
    with refused(Reason.EXISTS):
        run(files.upload(at("a"), Existing.REFUSE))
    with refused(Reason.EXISTS):
        run(late.commit(durable=False))
    assert get(files, at("a")) == b"first"
    assert names(files, at(".")) == ["a"]


def test_extend_appends_to_a_finished_file_in_place(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"one")
    upload = begin(files, at("a"), b"two", Existing.EXTEND)
    assert upload.in_place
    assert upload.start == 3
    assert get(files, at("a")) == b"onetwo"
    run(upload.abort(keep=True))
    assert get(files, at("a")) == b"onetwo"


@pytest.mark.parametrize("gone", ["removed", "replaced"])
@pytest.mark.parametrize("how", [Existing.EXTEND, Existing.MODIFY])
def test_what_is_written_into_a_file_that_has_no_name_any_more_is_refused(
    files: FileSystem, at: At, how: Existing, gone: str
) -> None:
    put(files, at("a"), b"one")
    upload = begin(files, at("a"), b"more", how)
    if gone == "removed":
        run(files.remove(at("a")))
    else:
        put(files, at("a"), b"another")
    with refused(Reason.NOT_FOUND):
        run(upload.commit(durable=False))
    assert names(files, at(".")) == ([] if gone == "removed" else ["a"])


def test_what_is_written_into_a_file_that_gets_another_name_goes_there(
    files: FileSystem, at: At
) -> None:
    put(files, at("a"), b"one")
    upload = begin(files, at("a"), b" and more", Existing.EXTEND)
    run(files.make_directory(at("below")))
    run(files.rename(at("a"), at("below/b"), replace=False))
    run(upload.commit(durable=False))
    assert get(files, at("below/b")) == b"one and more"


@pytest.mark.parametrize("how", [Existing.EXTEND, Existing.MODIFY])
def test_extending_what_is_not_there_makes_it(files: FileSystem, at: At, how: Existing) -> None:
    upload = begin(files, at("a"), b"new", how)
    assert not upload.in_place
    assert not upload.replaced
    assert names(files, at(".")) == []
    run(upload.commit(durable=True))
    assert get(files, at("a")) == b"new"


def test_bytes_may_arrive_in_any_order(files: FileSystem, at: At) -> None:
    upload = run(files.upload(at("a"), Existing.REPLACE))
    upload.lane.write_from([memoryview(b"c"), memoryview(b"d")], 2)
    upload.lane.write_from([memoryview(b"ab")], 0)
    run(upload.commit(durable=False))
    assert get(files, at("a")) == b"abcd"


def test_the_last_of_two_uploads_to_close_wins(files: FileSystem, at: At) -> None:
    first = begin(files, at("a"), b"first")
    second = begin(files, at("a"), b"second")
    run(second.commit(durable=False))
    assert get(files, at("a")) == b"second"
    run(first.commit(durable=False))
    assert get(files, at("a")) == b"first"
    assert names(files, at(".")) == ["a"]


def test_an_upload_to_a_directory_that_is_gone_is_refused(files: FileSystem, at: At) -> None:
    run(files.make_directory(at("d")))
    upload = begin(files, at("d/a"), b"x")
    run(files.rename(at("d"), at("e"), replace=False))
    run(files.make_directory(at("d")))
    with refused(Reason.NOT_FOUND):
        run(upload.commit(durable=False))
    assert names(files, at("d")) == names(files, at("e")) == []


def test_a_directory_made_under_the_name_meanwhile_is_not_replaced(
    files: FileSystem, at: At
) -> None:
    upload = begin(files, at("a"), b"x")
    run(files.make_directory(at("a")))
    with refused(Reason.IS_A_DIRECTORY):
        run(upload.commit(durable=False))
    assert names(files, at(".")) == ["a"]


def test_an_upload_ends_well_after_its_session_closed_the_tree(tree: Tree, at: At) -> None:
    files = tree.open()
    upload = begin(files, at("a"), b"x")
    run(files.close())
    run(upload.commit(durable=True))
    assert get(tree.open(), at("a")) == b"x"


# Interrupted uploads


def test_an_interrupted_upload_is_seen_and_continued_by_its_owner_only(tree: Tree, at: At) -> None:
    alice, bob = tree.open("alice"), tree.open("bob")
    interrupt(alice, at("a"), b"first half, ")
    assert run(alice.stat(at("a"))).size == 12
    assert names(alice, at(".")) == names(bob, at(".")) == []
    with refused(Reason.NOT_FOUND):
        run(bob.stat(at("a")))
    bobs = run(bob.upload(at("a"), Existing.EXTEND))
    assert bobs.start == 0
    run(bobs.abort(keep=False))
    upload = begin(alice, at("a"), b"second half", Existing.EXTEND)
    assert upload.start == 12
    assert not upload.in_place
    run(upload.commit(durable=True))
    assert get(bob, at("a")) == b"first half, second half"


def test_what_is_shown_says_whether_it_is_finished(tree: Tree, at: At) -> None:
    files = tree.open()
    interrupt(files, at("a"), b"half")
    assert run(files.stat(at("a"))).interrupted
    put(files, at("a"), b"whole")
    assert not run(files.stat(at("a"))).interrupted
    interrupt(files, at("a"), b"half")
    assert run(files.stat(at("a"))).interrupted
    assert not run(tree.open("bob").stat(at("a"))).interrupted
    assert not run(files.stat(at("."))).interrupted


def test_what_is_finished_can_be_asked_for_alone(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"whole file")
    interrupt(files, at("a"), b"half")
    interrupt(files, at("new"), b"half")
    assert run(files.stat(at("a"))).size == 4
    found = run(files.stat(at("a"), finished=True))
    assert (found.size, found.interrupted) == (10, False)
    with refused(Reason.NOT_FOUND):
        run(files.stat(at("new"), finished=True))


def test_an_interrupted_upload_cannot_be_downloaded(files: FileSystem, at: At) -> None:
    interrupt(files, at("a"), b"half")
    with refused(Reason.NOT_FOUND):
        run(files.download(at("a")))
    assert run(files.stat(at("a"))).size == 4


def test_an_interrupted_replacement_leaves_the_finished_file(tree: Tree, at: At) -> None:
    alice, bob = tree.open("alice"), tree.open("bob")
    put(alice, at("a"), b"finished")
    interrupt(alice, at("a"), b"half")
    assert run(alice.stat(at("a"))).size == 4
    assert run(bob.stat(at("a"))).size == 8
    assert get(bob, at("a")) == b"finished"
    put(alice, at("a"), b" and whole", Existing.MODIFY)
    assert get(bob, at("a")) == b"half and whole"


@pytest.mark.parametrize(
    "discarding",
    [
        lambda files, at: put(files, at("a"), b"finished"),
        lambda files, at: put(files, at("a"), b"finished", Existing.REFUSE),
        lambda files, at: run(files.remove(at("a"))),
        lambda files, at: run(files.make_directory(at("a"))),
        lambda files, at: run(files.make_link(at("a"), "elsewhere")),
        lambda files, at: run(files.rename(at("other"), at("a"), replace=True)),
    ],
    ids=["replace", "refuse", "remove", "mkdir", "link", "rename-onto"],
)
def test_anything_else_on_the_path_discards_an_interrupted_upload(
    files: FileSystem, at: At, discarding: Callable[[FileSystem, At], None]
) -> None:
    put(files, at("other"), b"other")
    interrupt(files, at("a"), b"half")
    discarding(files, at)
    if "a" in names(files, at(".")) and run(files.stat(at("a"), follow=False)).is_directory:
        run(files.remove_directory(at("a")))
    elif "a" in names(files, at(".")):
        assert run(files.stat(at("a"), follow=False)).size != 4
        run(files.remove(at("a")))
    with refused(Reason.NOT_FOUND):
        run(files.stat(at("a")))


def test_renaming_away_discards_an_interrupted_upload(files: FileSystem, at: At) -> None:
    interrupt(files, at("a"), b"half")
    with refused(Reason.NOT_FOUND):
        run(files.rename(at("a"), at("b"), replace=True))
    with refused(Reason.NOT_FOUND):
        run(files.stat(at("a")))


def test_downloading_the_finished_file_discards_the_interrupted_one(
    files: FileSystem, at: At
) -> None:
    put(files, at("a"), b"finished")
    interrupt(files, at("a"), b"half")
    assert get(files, at("a")) == b"finished"
    assert run(files.stat(at("a"))).size == 8


def test_a_live_upload_is_neither_shown_nor_adopted_nor_discarded(
    files: FileSystem, at: At
) -> None:
    live = begin(files, at("a"), b"live")
    with refused(Reason.NOT_FOUND):
        run(files.stat(at("a")))
    other = run(files.upload(at("a"), Existing.MODIFY))
    assert other.start == 0
    run(other.abort(keep=False))
    with refused(Reason.NOT_FOUND):
        run(files.remove(at("a")))
    run(live.commit(durable=False))
    assert get(files, at("a")) == b"live"


def test_of_two_interrupted_uploads_the_latest_is_kept(files: FileSystem, at: At) -> None:
    first = begin(files, at("a"), b"first")
    second = begin(files, at("a"), b"second one")
    run(first.abort(keep=True))
    assert run(files.stat(at("a"))).size == 5
    run(second.abort(keep=True))
    assert run(files.stat(at("a"))).size == 10


def test_an_upload_with_a_hole_is_kept_as_far_as_it_was_cut(files: FileSystem, at: At) -> None:
    upload = begin(files, at("a"), b"half")
    run(upload.leave_hole())
    assert upload.lane.write_from([memoryview(b"end")], 100) in (3, LATER)
    run(upload.lane.change(Attributes(size=4)))
    run(upload.abort(keep=True))
    assert run(files.stat(at("a"))).size == 4
    upload = begin(files, at("a"), b" and more", Existing.EXTEND)
    run(upload.leave_hole())
    run(upload.commit(durable=False))
    assert get(files, at("a")) == b"half and more"


def test_a_commit_discards_what_an_older_upload_left(files: FileSystem, at: At) -> None:
    first = begin(files, at("a"), b"first")
    second = begin(files, at("a"), b"second one")
    run(first.abort(keep=True))
    run(second.commit(durable=False))
    assert run(files.stat(at("a"))).size == 10
    assert run(files.upload(at("a"), Existing.EXTEND)).in_place


def test_an_expired_interrupted_upload_is_not_shown_and_not_continued(tree: Tree, at: At) -> None:
    files = tree.open()
    interrupt(files, at("a"), b"half")
    tree.wall.ahead = LIFETIME + 60
    with refused(Reason.NOT_FOUND):
        run(files.stat(at("a")))
    assert run(files.upload(at("a"), Existing.EXTEND)).start == 0


def test_a_directory_with_only_interrupted_uploads_is_empty_to_its_clients(
    files: FileSystem, at: At
) -> None:
    run(files.make_directory(at("d")))
    interrupt(files, at("d/a"), b"half")
    run(files.remove_directory(at("d")))
    assert names(files, at(".")) == []


def test_a_directory_with_a_live_upload_is_not_removed(files: FileSystem, at: At) -> None:
    run(files.make_directory(at("d")))
    upload = begin(files, at("d/a"), b"live")
    with refused(Reason.NOT_EMPTY):
        run(files.remove_directory(at("d")))
    run(upload.commit(durable=False))
    assert names(files, at("d")) == ["a"]


# Limits


def test_writing_past_the_limit_is_refused_before_it_happens(files: FileSystem, at: At) -> None:
    upload = begin(files, at("a"), b"x")
    with refused(Reason.QUOTA):
        upload.lane.write_from([memoryview(b"xy")], LIMIT - 1)
    with refused(Reason.QUOTA):
        upload.lane.write_from([memoryview(b"x")], 0)
    assert run(upload.lane.stat()).size == 1
    with refused(Reason.QUOTA):
        run(upload.commit(durable=False))
    assert names(files, at(".")) == []


def test_the_last_byte_below_the_limit_is_taken(files: FileSystem, at: At) -> None:
    upload = run(files.upload(at("a"), Existing.REPLACE))
    assert upload.lane.write_from([memoryview(b"xy")], LIMIT - 2) == 2
    assert run(upload.lane.write_later([memoryview(b"xy")], LIMIT - 2)) == 2
    run(upload.commit(durable=False))
    assert run(files.stat(at("a"))).size == LIMIT


def test_a_size_over_the_limit_cannot_be_set(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"x")
    with refused(Reason.QUOTA):
        run(files.change(at("a"), Attributes(size=LIMIT + 1)))


def test_offsets_beyond_any_file_are_answered(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"x")
    download = run(files.download(at("a")))
    buffer = [memoryview(bytearray(4))]
    for offset in (5, 1 << 62, (1 << 64) - 1):
        assert run(download.lane.read_later(buffer, offset)) == 0
        assert download.lane.read_into(buffer, offset) == 0
    run(download.close())
    upload = run(files.upload(at("b"), Existing.REPLACE))
    with refused(Reason.QUOTA, Reason.NO_SPACE):
        upload.lane.write_from([memoryview(b"x")], (1 << 64) - 1)
    run(upload.abort(keep=False))


# Downloads


def test_a_download_is_scattered_into_views(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"0123456789")
    download = run(files.download(at("a")))
    assert download.entry.size == 10
    assert download.entry.name == "a"
    one, two = bytearray(4), bytearray(4)
    assert download.lane.read_into([memoryview(one), memoryview(two)], 1) == 8
    assert (one, two) == (b"1234", b"5678")
    run(download.close())
    with refused():
        download.lane.read_into([memoryview(one)], 0)


def test_a_replaced_file_is_sent_as_it_was_opened(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"old")
    download = run(files.download(at("a")))
    put(files, at("a"), b"new")
    buffer = bytearray(3)
    assert run(download.lane.read_later([memoryview(buffer)], 0)) == 3
    assert buffer == b"old"
    run(download.close())


# Directories


def test_directories_are_made_listed_and_removed(files: FileSystem, at: At) -> None:
    run(files.make_directory(at("d")))
    put(files, at("d/a"), b"x")
    assert run(files.stat(at("d"))).is_directory
    with refused(Reason.NOT_EMPTY):
        run(files.remove_directory(at("d")))
    run(files.remove(at("d/a")))
    run(files.remove_directory(at("d")))
    with refused(Reason.NOT_FOUND):
        run(files.list(at("d")))


def test_a_large_directory_comes_in_batches_without_repeats(files: FileSystem, at: At) -> None:
    expected = [f"f{number:04}" for number in range(1203)]
    for name in expected:
        put(files, at(name), b"")
    listing = run(files.list(at(".")))
    sizes, found = [], []
    while batch := run(listing.batch()):
        sizes.append(len(batch))
        found += [entry.name for entry in batch]
    assert not run(listing.batch())
    run(listing.close())
    assert sorted(found) == expected
    assert max(sizes) <= 500


MISTAKES: dict[str, tuple[Callable[[FileSystem, At], object], Reason]] = {
    "list a file": (lambda f, at: run(f.list(at("file"))), Reason.NOT_A_DIRECTORY),
    "list nothing": (lambda f, at: run(f.list(at("none"))), Reason.NOT_FOUND),
    "stat nothing": (lambda f, at: run(f.stat(at("none"))), Reason.NOT_FOUND),
    "stat below a file": (lambda f, at: run(f.stat(at("file/a"))), Reason.NOT_A_DIRECTORY),
    "stat below nothing": (lambda f, at: run(f.stat(at("none/a"))), Reason.NOT_FOUND),
    "upload over a directory": (
        lambda f, at: run(f.upload(at("dir"), Existing.REPLACE)),
        Reason.IS_A_DIRECTORY,
    ),
    "append to a directory": (
        lambda f, at: run(f.upload(at("dir"), Existing.EXTEND)),
        Reason.IS_A_DIRECTORY,
    ),
    "upload below a file": (
        lambda f, at: run(f.upload(at("file/a"), Existing.REPLACE)),
        Reason.NOT_A_DIRECTORY,
    ),
    "upload below nothing": (
        lambda f, at: run(f.upload(at("none/a"), Existing.REPLACE)),
        Reason.NOT_FOUND,
    ),
    "download a directory": (lambda f, at: run(f.download(at("dir"))), Reason.IS_A_DIRECTORY),
    "download nothing": (lambda f, at: run(f.download(at("none"))), Reason.NOT_FOUND),
    "make what is there": (lambda f, at: run(f.make_directory(at("file"))), Reason.EXISTS),
    "make below nothing": (lambda f, at: run(f.make_directory(at("none/a"))), Reason.NOT_FOUND),
    "remove nothing": (lambda f, at: run(f.remove(at("none"))), Reason.NOT_FOUND),
    "remove a directory as a file": (lambda f, at: run(f.remove(at("dir"))), Reason.IS_A_DIRECTORY),
    "remove a file as a directory": (
        lambda f, at: run(f.remove_directory(at("file"))),
        Reason.NOT_A_DIRECTORY,
    ),
    "remove no directory": (lambda f, at: run(f.remove_directory(at("none"))), Reason.NOT_FOUND),
    "rename nothing": (
        lambda f, at: run(f.rename(at("none"), at("b"), replace=True)),
        Reason.NOT_FOUND,
    ),
    "rename into nothing": (
        lambda f, at: run(f.rename(at("file"), at("none/b"), replace=True)),
        Reason.NOT_FOUND,
    ),
    "rename over a file": (
        lambda f, at: run(f.rename(at("file"), at("file2"), replace=False)),
        Reason.EXISTS,
    ),
    "rename over a directory": (
        lambda f, at: run(f.rename(at("file"), at("dir"), replace=True)),
        Reason.IS_A_DIRECTORY,
    ),
    "rename a directory over a directory": (
        lambda f, at: run(f.rename(at("dir"), at("dir2"), replace=True)),
        Reason.EXISTS,
    ),
    "rename a directory over a file": (
        lambda f, at: run(f.rename(at("dir"), at("file"), replace=True)),
        Reason.EXISTS,
    ),
    "rename a directory into itself": (
        lambda f, at: run(f.rename(at("dir"), at("dir/a"), replace=True)),
        Reason.INVALID,
    ),
    "change nothing": (
        lambda f, at: run(f.change(at("none"), Attributes(mode=0o600))),
        Reason.NOT_FOUND,
    ),
    "truncate a directory": (
        lambda f, at: run(f.change(at("dir"), Attributes(size=0))),
        Reason.IS_A_DIRECTORY,
    ),
    "change the owner": (
        lambda f, at: run(f.change(at("file"), Attributes(uid=54321))),
        Reason.UNSUPPORTED,
    ),
    "read a file as a link": (lambda f, at: run(f.read_link(at("file"))), Reason.INVALID),
    "link over a file": (lambda f, at: run(f.make_link(at("file"), "dir")), Reason.EXISTS),
    "remove the root": (lambda f, at: run(f.remove_directory(at("."))), Reason.DENIED),
    "remove the root as a file": (lambda f, at: run(f.remove(at("."))), Reason.IS_A_DIRECTORY),
    "rename the root": (
        lambda f, at: run(f.rename(at("."), at("dir"), replace=True)),
        Reason.DENIED,
    ),
    "rename over the root": (
        lambda f, at: run(f.rename(at("file"), at("."), replace=True)),
        Reason.DENIED,
    ),
    "change the root": (
        lambda f, at: run(f.change(at("."), Attributes(mode=0o700))),
        Reason.DENIED,
    ),
    "upload over the root": (
        lambda f, at: run(f.upload(at("."), Existing.REPLACE)),
        Reason.IS_A_DIRECTORY,
    ),
    "make the root": (lambda f, at: run(f.make_directory(at("."))), Reason.EXISTS),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_for_its_own_reason(files: FileSystem, at: At, mistake: str) -> None:
    for name in ("file", "file2"):
        put(files, at(name), b"content")
    for name in ("dir", "dir2"):
        run(files.make_directory(at(name)))
    attempt, reason = MISTAKES[mistake]
    if mistake == "rename the root":
        reason = Reason.INVALID if at(".") == ROOT else Reason.DENIED
    with pytest.raises(Refused) as raised:
        attempt(files, at)
    assert raised.value.reason in (reason, Reason.DENIED if "root" in mistake else reason)
    assert names(files, at(".")) == ["dir", "dir2", "file", "file2"]
    assert get(files, at("file")) == b"content"


def test_a_name_that_a_client_cannot_use_is_refused(files: FileSystem, tree: Tree) -> None:
    for name in ("..", ".", "", "a/b", "a\0b", "a\nb", ".mft-x", "x" * 256, "\udc80"):
        path = tree.at.child(name)
        for attempt in (
            lambda path=path: files.upload(path, Existing.REPLACE),
            lambda path=path: files.stat(path),
            lambda path=path: files.list(path),
            lambda path=path: files.make_directory(path),
            lambda path=path: files.rename(tree.at.child("a"), path, replace=True),
            lambda path=path: files.change(path, Attributes(mode=0o600)),
        ):
            with refused(Reason.INVALID, Reason.NOT_FOUND):
                run(attempt())
    assert names(files, tree.at) == []


# Renames


def test_a_rename_moves_between_directories(files: FileSystem, at: At) -> None:
    run(files.make_directory(at("d")))
    put(files, at("a"), b"x")
    run(files.rename(at("a"), at("d/b"), replace=False))
    assert names(files, at(".")) == ["d"]
    run(files.rename(at("d"), at("e"), replace=True))
    assert get(files, at("e/b")) == b"x"


def test_a_rename_replaces_a_file_only_when_it_may(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"new")
    put(files, at("b"), b"old")
    with refused(Reason.EXISTS):
        run(files.rename(at("a"), at("b"), replace=False))
    assert get(files, at("b")) == b"old"
    run(files.rename(at("a"), at("b"), replace=True))
    assert names(files, at(".")) == ["b"]
    assert get(files, at("b")) == b"new"


# Attributes


def test_a_client_sets_permission_bits_and_no_others(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"x")
    run(files.change(at("a"), Attributes(mode=0o7640)))
    assert stat.S_IMODE(run(files.stat(at("a"))).mode) == 0o640
    run(files.make_directory(at("d"), mode=0o7750))
    assert stat.S_IMODE(run(files.stat(at("d"))).mode) == 0o750


def test_a_replaced_file_keeps_its_mode(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"x")
    run(files.change(at("a"), Attributes(mode=0o604)))
    put(files, at("a"), b"y")
    assert stat.S_IMODE(run(files.stat(at("a"))).mode) == 0o604


@pytest.mark.parametrize("mode", [0o444, 0o640, 0o200])
def test_a_mode_set_on_the_open_upload_is_the_files(files: FileSystem, at: At, mode: int) -> None:
    put(files, at("a"), b"old")
    upload = begin(files, at("a"), b"x")
    run(upload.lane.change(Attributes(mode=mode)))
    run(upload.commit(durable=False))
    assert stat.S_IMODE(run(files.stat(at("a"))).mode) == mode


def test_a_new_file_has_the_mode_it_was_asked_for(files: FileSystem, at: At) -> None:
    for mode, expected in ((0o600, 0o600), (0o440, 0o440), (0o6777, 0o755)):
        upload = run(files.upload(at(f"{mode:o}"), Existing.REPLACE, mode=mode))
        run(upload.commit(durable=False))
        assert stat.S_IMODE(run(files.stat(at(f"{mode:o}"))).mode) == expected


def test_times_are_set_one_by_one(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"x")
    run(files.change(at("a"), Attributes(accessed=1000, modified=2000)))
    run(files.change(at("a"), Attributes(modified=3000)))
    entry = run(files.stat(at("a")))
    assert (entry.accessed, entry.modified) == (1000, 3000)


def test_times_set_on_the_open_upload_stay(files: FileSystem, at: At) -> None:
    upload = begin(files, at("a"), b"x")
    run(upload.lane.change(Attributes(accessed=1000, modified=2000)))
    run(upload.commit(durable=True))
    assert run(files.stat(at("a"))).modified == 2000


def tick() -> None:
    """Let the clock go on by which a kernel stamps what has changed: 10 ms at most."""
    began = time.clock_gettime_ns(COARSE)
    while time.clock_gettime_ns(COARSE) == began:
        pass


def test_every_change_of_content_is_seen_whatever_times_a_client_sets(
    files: FileSystem, at: At
) -> None:
    changes: list[Callable[[], object]] = [
        lambda: put(files, at("a"), b"same"),
        lambda: put(files, at("a"), b"size"),
        lambda: put(files, at("a"), b", more", Existing.EXTEND),
        lambda: run(files.change(at("a"), Attributes(size=4))),
        lambda: put(files, at("a"), b"and more", Existing.MODIFY),
    ]
    seen = set()
    for count, change in enumerate(changes, 1):
        tick()
        change()
        run(files.change(at("a"), Attributes(accessed=1000, modified=2000)))
        entry = run(files.stat(at("a")))
        assert entry.modified == 2000
        assert entry.changed > 0
        seen.add((entry.unique, entry.changed))
        assert len(seen) == count


def test_an_open_file_tells_its_change_as_a_stat_does_and_a_listing_may_not(
    files: FileSystem, at: At
) -> None:
    put(files, at("a"), b"x")
    changed = run(files.stat(at("a"))).changed
    download = run(files.download(at("a")))
    assert download.entry.changed == run(download.lane.stat()).changed == changed
    run(download.close())
    listing = run(files.list(at(".")))
    assert {entry.changed for entry in run(listing.batch())} <= {0, changed}
    run(listing.close())


def test_a_size_cuts_or_fills_with_zeros(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"abc")
    run(files.change(at("a"), Attributes(size=5)))
    assert get(files, at("a")) == b"abc\0\0"
    run(files.change(at("a"), Attributes(size=1)))
    assert get(files, at("a")) == b"a"


def test_setting_the_present_owner_is_no_change(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"x")
    entry = run(files.stat(at("a")))
    run(files.change(at("a"), Attributes(uid=entry.uid, gid=entry.gid, mode=0o600)))
    assert stat.S_IMODE(run(files.stat(at("a"))).mode) == 0o600


# Links


@pytest.mark.parametrize("target", ["d/a", "./d/../d/a", "/d/a"])
def test_a_link_inside_the_tree_is_followed(
    files: FileSystem, at: At, tree: Tree, target: str
) -> None:
    run(files.make_directory(at("d")))
    run(files.make_directory(at("deep")))
    put(files, at("d/a"), b"content")
    text = str(at(target[1:])) if target.startswith("/") else f"../{target}"
    run(files.make_link(at("deep/link"), text))
    assert run(files.stat(at("deep/link"), follow=False)).is_link
    assert run(files.stat(at("deep/link"))).size == 7
    assert get(files, at("deep/link")) == b"content"
    assert aim(at("deep"), run(files.read_link(at("deep/link")))) == at("d/a")


def test_a_linked_directory_is_walked_through(files: FileSystem, at: At) -> None:
    run(files.make_directory(at("d")))
    run(files.make_link(at("link"), "d"))
    put(files, at("link/a"), b"x")
    assert names(files, at("link")) == names(files, at("d")) == ["a"]
    with refused(Reason.NOT_A_DIRECTORY):
        run(files.remove_directory(at("link")))
    run(files.remove(at("link/a")))


@pytest.mark.parametrize("target", ["..", "../../etc/passwd", "a/../../../b", "/../x/../../y"])
def test_a_link_that_leads_outside_is_never_made(files: FileSystem, at: At, target: str) -> None:
    text = target if not target.startswith("/") else target[1:]
    if at(".") != ROOT:
        text = "../../" + text
    with refused(Reason.DENIED):
        run(files.make_link(at("link"), text))
    assert names(files, at(".")) == []


def test_links_are_removed_renamed_and_replaced_themselves(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"kept")
    run(files.make_link(at("one"), "a"))
    run(files.make_link(at("two"), "a"))
    run(files.rename(at("one"), at("three"), replace=False))
    run(files.remove(at("three")))
    put(files, at("two"), b"a file now")
    assert get(files, at("a")) == b"kept"
    assert run(files.stat(at("two"), follow=False)).is_file
    assert names(files, at(".")) == ["a", "two"]


def test_writing_through_a_link_is_refused(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"kept")
    run(files.make_link(at("link"), "a"))
    with refused(Reason.DENIED):
        run(files.upload(at("link"), Existing.EXTEND))
    with refused(Reason.EXISTS):
        run(files.upload(at("link"), Existing.REFUSE))
    with refused(Reason.UNSUPPORTED):
        run(files.change(at("link"), Attributes(mode=0o600), follow=False))


def test_links_in_a_circle_are_refused(files: FileSystem, at: At) -> None:
    run(files.make_link(at("a"), "b"))
    run(files.make_link(at("b"), "a"))
    for attempt in (files.stat(at("a")), files.download(at("a")), files.list(at("a"))):
        with refused(Reason.DENIED):
            run(attempt)


def test_a_link_to_nothing_is_there_but_leads_nowhere(files: FileSystem, at: At) -> None:
    run(files.make_link(at("a"), "nothing"))
    assert run(files.stat(at("a"), follow=False)).is_link
    for attempt in (files.stat(at("a")), files.download(at("a"))):
        with refused(Reason.NOT_FOUND):
            run(attempt)


def test_a_hard_link_is_a_second_name_of_one_file(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"one")
    run(files.make_hard_link(at("a"), at("b")))
    put(files, at("a"), b"two", Existing.EXTEND)
    assert get(files, at("b")) == b"onetwo"
    assert run(files.stat(at("a"))).unique == run(files.stat(at("b"))).unique
    run(files.remove(at("a")))
    assert get(files, at("b")) == b"onetwo"


def test_only_regular_files_get_hard_links_and_only_free_names(files: FileSystem, at: At) -> None:
    put(files, at("a"), b"x")
    put(files, at("b"), b"y")
    run(files.make_directory(at("d")))
    run(files.make_link(at("l"), "a"))
    for source, target, reason in (
        ("a", "b", Reason.EXISTS),
        ("a", "none/c", Reason.NOT_FOUND),
        ("none", "c", Reason.NOT_FOUND),
        ("d", "c", Reason.DENIED),
        ("l", "c", Reason.DENIED),
        ("a", ".", Reason.DENIED),
        (".", "c", Reason.DENIED),
    ):
        with refused(reason):
            run(files.make_hard_link(at(source), at(target)))
    assert names(files, at(".")) == ["a", "b", "d", "l"]
    assert get(files, at("b")) == b"y"


# The rest


def test_the_room_is_told(files: FileSystem, at: At) -> None:
    usage = run(files.usage(at(".")))
    assert usage.blocks >= usage.available_blocks > 0
    assert usage.block_size > 0


def test_refusals_name_the_virtual_path_only(files: FileSystem, at: At) -> None:
    with pytest.raises(Refused) as raised:
        run(files.download(at("none")))
    assert "none" in raised.value.subject
    assert "tmp" not in raised.value.subject
