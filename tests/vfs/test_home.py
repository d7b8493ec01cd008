"""A home is made ready at login, inside itself only."""

import os
import stat
from pathlib import Path
from threading import Barrier, Thread

import pytest

from mft.core.failure import Reason
from mft.core.vpath import VPath
from mft.vfs.home import Ownership, prepare_home
from mft.vfs.resolve import KernelOpener, WalkingOpener
from mft.vfs.volume import Volumes
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline

STRUCTURE = [VPath.parse("in/new"), VPath.parse("in/old"), VPath.parse("out")]


@pytest.fixture(params=[KernelOpener, WalkingOpener])
def volumes(request: pytest.FixtureRequest) -> Volumes:
    return Volumes(Inline(), io="inline", opener=request.param())


def test_what_is_missing_is_made_and_told(tmp_path: Path, volumes: Volumes) -> None:
    home = f"{tmp_path}/homes/alice"
    made = run(prepare_home(volumes, home, create=True, structure=STRUCTURE))
    assert made == [home, f"{home}/in", f"{home}/in/new", f"{home}/in/old", f"{home}/out"]
    assert stat.S_IMODE(os.stat(home).st_mode) == 0o700
    assert run(prepare_home(volumes, home, create=True, structure=STRUCTURE)) == []


def test_logins_side_by_side_make_each_folder_once(tmp_path: Path, volumes: Volumes) -> None:
    home, count = f"{tmp_path}/homes/alice", 8
    together, told = Barrier(count), []

    def login() -> None:
        together.wait()
        told.extend(run(prepare_home(volumes, home, create=True, structure=STRUCTURE)))

    threads = [Thread(target=login) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [home, *(f"{home}/{name}" for name in ("in", "in/new", "in/old", "out"))]


@pytest.mark.parametrize("at", ["alice", "in"])
def test_a_folder_that_appears_meanwhile_is_taken_as_it_is(
    tmp_path: Path, volumes: Volumes, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    mkdir = os.mkdir

    def beaten(path: str, *mode: int, dir_fd: int | None = None) -> None:
        mkdir(path, *mode, dir_fd=dir_fd)
        if os.path.basename(path) == at:
            raise FileExistsError

    monkeypatch.setattr(os, "mkdir", beaten)
    home = f"{tmp_path}/alice"
    made = run(prepare_home(volumes, home, create=True, structure=[VPath(("in",))]))
    assert made == [path for path in (home, f"{home}/in") if not path.endswith(at)]


def test_a_home_is_not_made_unless_asked(tmp_path: Path, volumes: Volumes) -> None:
    with refused(Reason.NOT_FOUND):
        run(prepare_home(volumes, f"{tmp_path}/alice", create=False))
    assert os.listdir(tmp_path) == []


def test_folders_are_never_made_through_a_link_that_leads_out(
    tmp_path: Path, volumes: Volumes
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "in").symlink_to("../outside")
    with refused(Reason.DENIED):
        run(prepare_home(volumes, f"{tmp_path}/home", create=True, structure=STRUCTURE))
    assert os.listdir(tmp_path / "outside") == []


def test_a_file_in_the_way_is_refused(tmp_path: Path, volumes: Volumes) -> None:
    (tmp_path / "in").write_text("a file")
    with refused(Reason.NOT_A_DIRECTORY):
        run(prepare_home(volumes, str(tmp_path), create=True, structure=STRUCTURE))


def test_what_is_made_belongs_to_whom_it_is_for(tmp_path: Path, volumes: Volumes) -> None:
    home = f"{tmp_path}/alice"
    # Only root gives files away; anybody else can at least give them to himself.
    owner = Ownership(1234, 5678) if os.geteuid() == 0 else Ownership(os.geteuid(), os.getegid())
    run(prepare_home(volumes, home, create=True, structure=STRUCTURE, ownership=owner))
    for path in (home, f"{home}/in", f"{home}/in/new"):
        assert (os.stat(path).st_uid, os.stat(path).st_gid) == owner
