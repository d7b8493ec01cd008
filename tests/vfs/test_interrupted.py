"""The sweeper removes what nobody continued, and nothing else."""

import os
import time
from pathlib import Path

import pytest

from mft.core.failure import Reason
from mft.core.vpath import VPath
from mft.vfs import interrupted
from mft.vfs.interrupted import STEP, Removed, Sweeper
from mft.vfs.local import LocalFileSystem
from mft.vfs.volume import Volumes
from tests.fakes.files import begin, interrupt, put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline

LIFETIME = 1000.0


@pytest.fixture
def volumes() -> Volumes:
    return Volumes(Inline(), io="inline")


def sweep(root: Path, volumes: Volumes, ahead: float) -> list[Removed]:
    sweeper = Sweeper(str(root), volumes, lifetime=LIFETIME, now=lambda: time.time() + ahead)
    removed = []
    while not sweeper.done:
        removed += run(sweeper.step())
    return removed


def test_only_old_interrupted_uploads_are_removed(tmp_path: Path, volumes: Volumes) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    files = LocalFileSystem(str(tmp_path), "alice", volumes)
    interrupt(files, VPath.parse("/a/b/file"), b"half")
    put(files, VPath.parse("/a/whole"), b"whole")
    live = begin(files, VPath.parse("/a/live"), b"live")
    assert sweep(tmp_path, volumes, 0) == []
    removed = sweep(tmp_path, volumes, LIFETIME + 10)
    assert [one.size for one in removed] == [4]
    assert removed[0].real_path.startswith(f"{tmp_path}/a/b/.mft-")
    assert removed[0].changed == pytest.approx(time.time(), abs=60)
    run(live.commit(durable=False))
    assert sorted(os.listdir(tmp_path / "a")) == ["b", "live", "whole"]
    assert os.listdir(tmp_path / "a" / "b") == []
    run(files.close())


def test_a_sweep_follows_no_links_and_touches_no_directories(
    tmp_path: Path, volumes: Volumes
) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / ".mft-0").write_text("not ours")
    (root / "link").symlink_to(outside)
    (root / ".mft-link").symlink_to(outside / ".mft-0")
    (root / ".mft-dir").mkdir()
    assert sweep(root, volumes, LIFETIME + 10) == []
    assert (outside / ".mft-0").exists()
    assert (root / ".mft-dir").exists()


def test_a_step_looks_at_a_bounded_number_of_entries(tmp_path: Path, volumes: Volumes) -> None:
    for number in range(STEP + 10):
        (tmp_path / f".mft-{number}").touch()
    sweeper = Sweeper(
        str(tmp_path), volumes, lifetime=LIFETIME, now=lambda: time.time() + 2 * LIFETIME
    )
    assert len(run(sweeper.step())) == STEP
    assert not sweeper.done
    assert len(run(sweeper.step())) == 10
    assert sweeper.done


def test_a_sweep_that_is_closed_leaves_nothing_open(tmp_path: Path, volumes: Volumes) -> None:
    for number in range(STEP + 10):
        (tmp_path / f"{number}").touch()
    before = os.listdir("/proc/self/fd")
    sweeper = Sweeper(str(tmp_path), volumes, lifetime=LIFETIME)
    run(sweeper.step())
    run(sweeper.close())
    assert sweeper.done
    assert os.listdir("/proc/self/fd") == before


def test_directories_beyond_the_bound_wait_for_another_sweep(
    tmp_path: Path, volumes: Volumes, monkeypatch
) -> None:
    for number in range(5):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / ".mft-x").touch()
    monkeypatch.setattr(interrupted, "MAX_PENDING", 2)
    assert len(sweep(tmp_path, volumes, 2 * LIFETIME)) == 2


def test_a_root_that_cannot_be_read_is_refused(tmp_path: Path, volumes: Volumes) -> None:
    sweeper = Sweeper(str(tmp_path / "none"), volumes, lifetime=LIFETIME)
    with refused(Reason.NOT_FOUND):
        run(sweeper.step())
    assert sweeper.done
