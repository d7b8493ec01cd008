"""A directory or a file that turns into a link while it is used never leads out of the tree."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.vfs.base import Attributes, Existing, FileSystem
from mft.vfs.local import LocalFileSystem
from mft.vfs.resolve import KernelOpener, Opener, WalkingOpener
from mft.vfs.volume import Volumes
from tests.fakes.files import get, names, put
from tests.fakes.run import run
from tests.fakes.threads import Inline

ROUNDS = 200  # of every operation, each against whatever the link is at that moment
MOST_ROUNDS = 50 * ROUNDS  # on a machine so busy that the attacker hardly runs
SECRET = b"secret"

# Somebody with a shell, in a process of his own, who swaps things as fast as the machine allows.
# RENAME_EXCHANGE (2) leaves no moment at which a name is free; AT_FDCWD is -100.
EXCHANGE = """
import ctypes, sys
one, two = (name.encode() for name in sys.argv[1:])
exchange = ctypes.CDLL(None).renameat2
print("ready", flush=True)
while exchange(-100, one, -100, two, 2) == 0:
    pass
"""
REPLACE = """
import os, sys
name, target = sys.argv[1:]
spare = name + ".spare"
print("ready", flush=True)
while True:
    os.symlink(target, spare)
    os.replace(spare, name)
    with open(spare, "wb") as file:
        file.write(b"inside")
    os.replace(spare, name)
"""


@contextmanager
def attacker(script: str, *paths: Path) -> Iterator[None]:
    """Run an attack until the end of the block; it must not have given up by then."""
    child = subprocess.Popen([sys.executable, "-c", script, *paths], stdout=subprocess.PIPE)
    with child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            yield
            assert child.poll() is None
        finally:
            child.kill()


def under_attack(attempts: list[Callable[[], object]]) -> list[object]:
    """Try everything again and again; what was answered, when not refused."""
    answers: list[object] = []
    reasons: set[Reason] = set()
    for count in range(MOST_ROUNDS):
        if count >= ROUNDS and answers and Reason.DENIED in reasons:
            return answers
        for attempt in attempts:
            try:
                answers.append(attempt())
            except Refused as refused:
                reasons.add(refused.reason)
    raise AssertionError("nothing was swapped, so nothing was tested")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    made = tmp_path / "outside"
    (made / "d").mkdir(parents=True)
    for name in ("secret", "victim"):
        (made / name).write_bytes(SECRET)
    return made


@pytest.fixture(params=[KernelOpener, WalkingOpener])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileSystem]:
    (tmp_path / "home" / "d" / "d").mkdir(parents=True)
    opener: Opener = request.param()
    opened = LocalFileSystem(
        str(tmp_path / "home"), "alice", Volumes(Inline(), io="inline", opener=opener)
    )
    yield opened
    run(opened.close())


def state(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Every name outside, with content, mode and time."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = content, status.st_mode, int(status.st_mtime)
    return found


def tries(files: FileSystem, folder: str) -> list[Callable[[], object]]:
    """Every operation that could reach through a link at `folder`."""
    at = lambda name: VPath.parse(f"/{folder}/{name}")  # noqa: E731 - a word for the table below
    return [
        lambda: put(files, at("victim"), b"new"),
        lambda: put(files, at("planted"), b"new", Existing.REFUSE),
        lambda: put(files, at("victim"), b"new", Existing.MODIFY),
        lambda: get(files, at("secret")),
        lambda: run(files.make_directory(at("planted-directory"))),
        lambda: run(files.remove(at("victim"))),
        lambda: run(files.remove_directory(at("d"))),
        lambda: run(files.rename(at("victim"), VPath.parse("/stolen"), replace=True)),
        lambda: run(files.rename(VPath.parse("/stolen"), at("victim"), replace=True)),
        lambda: run(files.change(at("victim"), Attributes(size=0))),
        lambda: run(files.change(at("victim"), Attributes(mode=0o777, modified=1))),
        lambda: run(files.make_link(at("planted-link"), "/stolen")),
        lambda: [name for name in names(files, VPath.parse(f"/{folder}")) if name == "secret"],
        lambda: run(files.stat(at("secret"))),
        lambda: run(files.make_hard_link(at("secret"), VPath.parse("/linked"))),
        lambda: get(files, VPath.parse("/linked")),
    ]


def test_a_directory_swapped_for_a_link_never_leads_out(
    files: FileSystem, tmp_path: Path, outside: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(outside)
    before = state(outside)
    with attacker(EXCHANGE, tmp_path / "home" / "d", link):
        answers = under_attack(tries(files, "d"))
    assert state(outside) == before
    assert SECRET not in answers
    assert ["secret"] not in answers


def test_a_file_swapped_for_a_link_never_leads_out(
    files: FileSystem, tmp_path: Path, outside: Path
) -> None:
    before = state(outside)
    path = VPath.parse("/d/a")
    attempts: list[Callable[[], object]] = [
        lambda: get(files, path),
        lambda: put(files, path, b"overwritten", Existing.MODIFY),
        lambda: put(files, path, b"appended", Existing.EXTEND),
        lambda: put(files, path, b"replaced"),
        lambda: run(files.change(path, Attributes(size=1))),
        lambda: run(files.change(path, Attributes(mode=0o777, modified=1))),
        lambda: run(files.change(path, Attributes(mode=0o777), follow=False)),
    ]
    with attacker(REPLACE, tmp_path / "home" / "d" / "a", outside / "secret"):
        answers = under_attack(attempts)
    assert state(outside) == before
    assert SECRET not in answers


def test_a_directory_moved_out_of_the_tree_takes_no_walk_with_it(
    files: FileSystem, tmp_path: Path, outside: Path
) -> None:
    (outside / "moved").mkdir()
    (tmp_path / "home" / "link").symlink_to("d/d/../../secret")
    (tmp_path / "home" / "d" / "d" / "up").symlink_to("../../..")
    (tmp_path / "home" / "secret").write_bytes(b"inside")
    (tmp_path / "secret").write_bytes(SECRET)
    (outside.parent / "outside" / "moved" / "up").symlink_to("../../..")
    attempts: list[Callable[[], object]] = [
        lambda: get(files, VPath.parse("/link")),
        lambda: get(files, VPath.parse("/d/d/up/secret")),
    ]
    with attacker(EXCHANGE, tmp_path / "home" / "d" / "d", outside / "moved"):
        answers = under_attack(attempts)
    assert SECRET not in answers
