"""Virtual folders: several file systems under one root."""

import stat

import pytest

from mft.core.failure import Reason
from mft.core.vpath import ROOT, VPath
from mft.vfs.base import Attributes, Existing
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.mounts import MountedFileSystem
from tests.fakes.files import get, names, put
from tests.fakes.refused import refused
from tests.fakes.run import run


def at(text: str) -> VPath:
    return VPath.parse(text)


@pytest.fixture
def home() -> MemoryFileSystem:
    return MemoryFileSystem()


@pytest.fixture
def shared() -> MemoryFileSystem:
    return MemoryFileSystem()


@pytest.fixture
def files(home: MemoryFileSystem, shared: MemoryFileSystem) -> MountedFileSystem:
    inner = MemoryFileSystem()
    return MountedFileSystem(
        home, {at("/far/down/shared"): shared, at("/far/down/shared/inner"): inner}
    )


def test_mounts_and_what_is_above_them_are_listed_beside_real_entries(
    files: MountedFileSystem, home: MemoryFileSystem
) -> None:
    put(home, at("/real"), b"x")
    assert names(files, ROOT) == ["far", "real"]
    assert names(files, at("/far")) == ["down"]
    assert names(files, at("/far/down")) == ["shared"]
    assert names(files, at("/far/down/shared")) == ["inner"]
    for path in ("/far", "/far/down", "/far/down/shared"):
        entry = run(files.stat(at(path)))
        assert entry.is_directory
        assert entry.name == at(path).name


def test_files_go_where_their_path_lies(
    files: MountedFileSystem, home: MemoryFileSystem, shared: MemoryFileSystem
) -> None:
    put(files, at("/a"), b"home")
    put(files, at("/far/down/shared/a"), b"shared")
    assert get(home, at("/a")) == b"home"
    assert get(shared, at("/a")) == b"shared"
    assert files.real_path(at("/far/down/shared/a")) == shared.real_path(at("/a"))


@pytest.mark.parametrize("path", ["/far", "/far/down", "/far/down/shared", "/"])
def test_mounts_and_what_is_above_them_are_only_listed(files: MountedFileSystem, path: str) -> None:
    put(files, at("/a"), b"x")
    virtual = at(path)
    for attempt in (
        files.remove_directory(virtual),
        files.rename(virtual, at("/b"), replace=True),
        files.rename(at("/a"), virtual, replace=True),
        files.change(virtual, Attributes(mode=0o700)),
    ):
        with refused(Reason.DENIED):
            run(attempt)
    for attempt in (
        files.upload(virtual, Existing.REPLACE),
        files.download(virtual),
        files.remove(virtual),
    ):
        with refused(Reason.IS_A_DIRECTORY):
            run(attempt)
    for attempt in (files.make_directory(virtual), files.make_link(virtual, "a")):
        with refused(Reason.EXISTS):
            run(attempt)
    with refused(Reason.INVALID):
        run(files.read_link(virtual))


def test_nothing_is_made_in_a_parent_that_exists_nowhere(files: MountedFileSystem) -> None:
    put(files, at("/a"), b"x")
    for attempt in (
        files.upload(at("/far/new"), Existing.REPLACE),
        files.make_directory(at("/far/new")),
        files.make_link(at("/far/new"), "/a"),
        files.rename(at("/a"), at("/far/new"), replace=True),
    ):
        with refused(Reason.DENIED):
            run(attempt)
    with refused(Reason.NOT_FOUND):
        run(files.stat(at("/far/new")))


def test_a_real_parent_of_a_mount_takes_files(
    files: MountedFileSystem, home: MemoryFileSystem
) -> None:
    run(home.make_directory(at("/far")))
    put(files, at("/far/new"), b"x")
    assert names(files, at("/far")) == ["down", "new"]


def test_nothing_moves_and_no_link_leads_from_one_mount_to_another(
    files: MountedFileSystem,
) -> None:
    put(files, at("/a"), b"x")
    with refused(Reason.UNSUPPORTED):
        run(files.rename(at("/a"), at("/far/down/shared/a"), replace=True))
    with refused(Reason.UNSUPPORTED):
        run(files.make_hard_link(at("/a"), at("/far/down/shared/a")))
    for target in ("/far/down/shared/x", "/far/down/shared", "/far"):
        with refused(Reason.DENIED):
            run(files.make_link(at("/link"), target))
    with refused(Reason.DENIED):
        run(files.make_link(at("/far/down/shared/link"), "/a"))
    assert get(files, at("/a")) == b"x"


def test_links_within_a_mount_work_by_virtual_and_by_relative_text(
    files: MountedFileSystem, shared: MemoryFileSystem
) -> None:
    put(files, at("/far/down/shared/a"), b"x")
    run(files.make_link(at("/far/down/shared/one"), "/far/down/shared/a"))
    run(files.make_link(at("/far/down/shared/two"), "a"))
    assert get(files, at("/far/down/shared/one")) == get(shared, at("/two")) == b"x"
    assert run(files.read_link(at("/far/down/shared/one"))) == "a"


def test_a_real_entry_under_a_mount_is_a_conflict(
    files: MountedFileSystem, home: MemoryFileSystem, shared: MemoryFileSystem
) -> None:
    assert run(files.conflicts()) == []
    run(home.make_directory(at("/far")))
    assert run(files.conflicts()) == []
    run(home.make_directory(at("/far/down")))
    put(home, at("/far/down/shared"), b"hidden")
    run(shared.make_directory(at("/inner")))
    assert run(files.conflicts()) == [at("/far/down/shared"), at("/far/down/shared/inner")]
    assert names(files, at("/far/down/shared")) == ["inner"]


def test_a_broken_mount_does_not_hide_its_neighbours(home: MemoryFileSystem) -> None:
    class Broken(MemoryFileSystem):
        async def stat(self, path: VPath, *, follow: bool = True, finished: bool = False) -> None:  # type: ignore[override]  # raises
            from mft.core.failure import Refused

            raise Refused(Reason.NOT_FOUND)

    put(home, at("/a"), b"x")
    files = MountedFileSystem(home, {at("/broken"): Broken()})
    assert names(files, ROOT) == ["a", "broken"]


def test_virtual_parents_are_read_only_directories_with_room(files: MountedFileSystem) -> None:
    assert stat.S_IMODE(run(files.stat(at("/far"))).mode) == 0o555
    assert run(files.usage(at("/far"))).blocks > 0
    assert run(files.usage(at("/far/down/shared"))).blocks > 0


def test_the_root_cannot_be_a_mount(home: MemoryFileSystem) -> None:
    with pytest.raises(ValueError, match="home"):
        MountedFileSystem(home, {ROOT: home})


def test_closing_closes_all(home: MemoryFileSystem) -> None:
    closed = []

    class Closing(MemoryFileSystem):
        async def close(self) -> None:
            closed.append(self)

    one, two = Closing(), Closing()
    run(MountedFileSystem(one, {at("/b"): two}).close())
    assert closed == [one, two]
