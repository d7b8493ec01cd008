"""A folder is deleted whole, and nothing that is not it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from mft.core.failure import Refused
from mft.vfs import removal as room
from mft.vfs.linux import mount_of, mount_points
from mft.vfs.removal import (
    Folder,
    Place,
    Removal,
    aside_name,
    look,
    place_of,
    put_aside,
    put_back,
)
from mft.vfs.volume import Volumes
from tests.fakes.threads import Inline
from tests.laws.source import ROOT

ASIDE: Final = aside_name("1")


@pytest.fixture
def volumes() -> Volumes:
    return Volumes(Inline(), io="inline")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home beside another, and outside of both what links lead to."""
    made = tmp_path / "homes" / "ann"
    (made / "in" / "deep").mkdir(parents=True)
    (made / "in" / "deep" / "file").write_text("bytes")
    (made / "empty").mkdir()
    (tmp_path / "homes" / "joe").mkdir()
    (tmp_path / "homes" / "joe" / "file").write_text("of another")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("outside")
    return made


def begun(home: Path, volumes: Volumes) -> Folder:
    """The home, put aside."""
    folder = Folder(str(home), ASIDE, look(str(home)))
    put_aside(folder, volumes)
    return folder


def removed(folder: Folder, volumes: Volumes) -> Removal:
    """A removal that has come to its end."""
    removal = Removal(folder, volumes, "token")
    while not removal.step():
        pass
    return removal


def left(top: Path) -> set[str]:
    """Everything that is there, by its path."""
    return {str(one.relative_to(top)) for one in top.rglob("*")}


OTHERS: Final = {"homes", "homes/joe", "homes/joe/file", "outside", "outside/file"}


def test_all_of_it_goes_and_nothing_else(home: Path, volumes: Volumes, tmp_path: Path) -> None:
    folder = begun(home, volumes)
    assert place_of(folder) is Place.ASIDE
    assert removed(folder, volumes).entries >= 4
    assert left(tmp_path) == OTHERS
    assert place_of(folder) is Place.GONE


def test_links_are_removed_and_what_they_lead_to_stays(
    home: Path, volumes: Volumes, tmp_path: Path
) -> None:
    (home / "out").symlink_to(tmp_path / "outside")
    (home / "in" / "file").symlink_to(tmp_path / "outside" / "file")
    (home / "in" / "up").symlink_to("../..")
    (home / "in" / "nowhere").symlink_to("nowhere")
    os.link(tmp_path / "outside" / "file", home / "second-name")
    removed(begun(home, volumes), volumes)
    assert left(tmp_path) == OTHERS
    assert (tmp_path / "outside" / "file").read_text() == "outside"


def test_whatever_lies_in_it_goes(home: Path, volumes: Volumes, tmp_path: Path) -> None:
    os.mkfifo(home / "fifo")
    (home / "in" / "bad\udcff\nname").write_text("")
    (home / "token-1").mkdir()
    (home / "token-1" / "of-a-removal-that-was-cut").write_text("")
    removed(begun(home, volumes), volumes)
    assert left(tmp_path) == OTHERS


def test_a_tree_deeper_than_any_path_goes(home: Path, volumes: Volumes, tmp_path: Path) -> None:
    here = os.open(home, os.O_RDONLY)
    for _ in range(250):
        os.mkdir("a" * 20, dir_fd=here)
        below = os.open("a" * 20, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    removed(begun(home, volumes), volumes)
    assert left(tmp_path) == OTHERS


def test_it_goes_in_bounded_steps_and_another_goes_on_where_one_was_cut(
    home: Path, volumes: Volumes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "STEP", 10)
    for number in range(25):
        (home / "in" / f"{number}").touch()
    folder = begun(home, volumes)
    first = Removal(folder, volumes, "first")
    assert not first.step()
    assert first.entries == 10
    assert removed(folder, volumes).entries > 0
    assert left(tmp_path) == OTHERS


def test_folders_that_keep_their_owner_out_go(home: Path, volumes: Volumes, tmp_path: Path) -> None:
    (home / "in" / "deep").chmod(0)
    (home / "in").chmod(0o500)
    removed(begun(home, volumes), volumes)
    assert left(tmp_path) == OTHERS


# What may not be deleted.


def other_folder(home: Path) -> None:
    home.rename(home.with_name("moved"))
    home.mkdir()


def link_instead(home: Path) -> None:
    home.rename(home.with_name("moved"))
    home.symlink_to("joe")


def link_above(home: Path) -> None:
    home.parent.rename(home.parent.with_name("others"))
    home.parent.symlink_to("others")


@pytest.mark.parametrize("change", [other_folder, link_instead, link_above])
def test_another_folder_of_its_path_is_not_touched(
    home: Path, volumes: Volumes, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    folder = Folder(str(home), ASIDE, look(str(home)))
    change(home)
    before = left(tmp_path)
    with pytest.raises((Refused, OSError)):
        put_aside(folder, volumes)
    assert left(tmp_path) == before


def test_one_that_is_exchanged_in_the_last_moment_is_put_back(home: Path, tmp_path: Path) -> None:
    volumes = Volumes(Inline(), io="inline")
    real = volumes.rename_new

    def rename(source: int, old: str, target: int, new: str) -> None:
        if new == ASIDE:
            other_folder(home)
            (home / "of-a-new-account").write_text("new")
        real(source, old, target, new)

    folder = Folder(str(home), ASIDE, look(str(home)))
    volumes.rename_new = rename
    with pytest.raises(Refused, match="another folder"):
        put_aside(folder, volumes)
    assert (home / "of-a-new-account").read_text() == "new"
    assert not (home.parent / ASIDE).exists()


def test_what_is_made_under_its_name_meanwhile_stays(home: Path, volumes: Volumes) -> None:
    folder = begun(home, volumes)
    home.mkdir()
    (home / "file").write_text("new")
    with pytest.raises(FileExistsError):
        put_back(folder, volumes)
    removed(folder, volumes)
    assert (home / "file").read_text() == "new"
    assert place_of(folder) is Place.LOST


def test_another_folder_under_the_name_beside_it_is_not_emptied(
    home: Path, volumes: Volumes
) -> None:
    folder = begun(home, volumes)
    (home.parent / ASIDE).rename(home.parent / "moved")
    (home.parent / ASIDE).mkdir()
    (home.parent / ASIDE / "file").write_text("new")
    with pytest.raises(Refused, match="another folder"):
        Removal(folder, volumes, "token").step()
    with pytest.raises(Refused, match="another folder"):
        place_of(folder)
    assert (home.parent / ASIDE / "file").read_text() == "new"


@pytest.mark.parametrize("path", ["/", "/srv", "//srv/x", "/srv/x/", "/srv/../x", "srv/x", ""])
def test_nothing_at_the_top_of_the_disk_is_deleted(path: str) -> None:
    with pytest.raises(Refused, match="top of the disk"):
        look(path)


def test_a_folder_in_which_something_is_mounted_is_not_deleted(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for inside in (home, home / "in"):
        monkeypatch.setattr(room, "mount_points", lambda inside=inside: ["/", str(inside)])
        with pytest.raises(Refused, match="is mounted there"):
            look(str(home))
    monkeypatch.setattr(room, "mount_points", lambda: ["/", f"{home}-of-another"])
    assert look(str(home)) == home.stat().st_ino


def test_what_is_mounted_in_the_middle_of_a_removal_is_not_crossed(
    home: Path, volumes: Volumes, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = begun(home, volumes)
    mounted = (home.parent / ASIDE / "in").stat().st_ino
    monkeypatch.setattr(room, "mount_of", lambda one: int(os.fstat(one).st_ino == mounted))
    with pytest.raises(Refused, match="is mounted there"):
        removed(folder, volumes)
    assert (home.parent / ASIDE / "in" / "deep" / "file").exists()


BOUND: Final = """
import os, subprocess, sys
from mft.vfs import removal
from mft.vfs.volume import Volumes
from tests.fakes.threads import Inline
home, outside = sys.argv[1:]
def bind():
    subprocess.run(["mount", "--bind", outside, home + "/in/deep"], check=True)
folder = removal.Folder(home, ".mft-ended-1", removal.look(home))
bind()
try:
    removal.look(home)
except removal.Refused as refused:
    print(refused.details)
subprocess.run(["umount", home + "/in/deep"], check=True)
volumes = Volumes(Inline(), io="inline")
removal.put_aside(folder, volumes)
home = home.replace("/ann", "/.mft-ended-1")
bind()
try:
    while not removal.Removal(folder, volumes, "t").step():
        pass
except removal.Refused as refused:
    print(refused.details)
"""


def test_a_real_mount_of_the_same_disk_is_not_crossed(home: Path, tmp_path: Path) -> None:
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "-m"]
    words = [*alone, sys.executable, "-c", BOUND, home, tmp_path / "outside"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.endswith("in/deep is mounted there")
    assert second == "is mounted there"
    assert (tmp_path / "outside" / "file").read_text() == "outside"


def test_mounts_are_told_as_they_are_named() -> None:
    assert "/" in mount_points()
    root, proc = os.open("/", os.O_RDONLY), os.open("/proc", os.O_RDONLY)
    assert 0 < mount_of(root) != mount_of(proc) > 0
    os.close(root)
    os.close(proc)
    assert mount_of(proc) == 0, "which is closed"
