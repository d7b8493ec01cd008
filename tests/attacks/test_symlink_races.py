"""A directory or a file that turns into a link while it is used never leads out of the tree."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mft.core.failure import Refused
from mft.core.vpath import VPath
from mft.vfs.base import Attributes, Existing, FileSystem
from mft.vfs.local import LocalFileSystem
from mft.vfs.resolve import KernelOpener, Opener, WalkingOpener
from mft.vfs.volume import Volumes
from tests.fakes.files import get, names, put
from tests.fakes.run import run
from tests.fakes.threads import Inline

ROUNDS = 150  # of every operation, each against whatever the link is at that moment
SECRET = b"secret"


@pytest.fixture(autouse=True)
def quick_threads() -> Iterator[None]:
    """Let the attacker in between two system calls of the server."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


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


@contextmanager
def attacker(swap: Callable[[], None]) -> Iterator[None]:
    """Somebody with a shell who swaps things as fast as the machine allows."""
    stop = threading.Event()
    swaps = 0

    def attack() -> None:
        nonlocal swaps
        while not stop.is_set():
            with suppress(OSError):
                swap()
                swaps += 1

    thread = threading.Thread(target=attack)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert swaps, "nothing was swapped, so nothing was tested"


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
    ]


def test_a_directory_swapped_for_a_link_never_leads_out(
    files: FileSystem, tmp_path: Path, outside: Path
) -> None:
    inside = tmp_path / "home" / "d"
    aside = tmp_path / "home" / "aside"
    before = state(outside)

    def swap() -> None:
        inside.rename(aside)
        try:
            inside.symlink_to(outside)
            inside.unlink()
        finally:
            aside.rename(inside)

    answers: list[object] = []
    with attacker(swap):
        for _ in range(ROUNDS):
            for attempt in tries(files, "d"):
                with suppress(Refused):
                    answers.append(attempt())
    assert state(outside) == before
    assert SECRET not in answers
    assert ["secret"] not in answers


def test_a_file_swapped_for_a_link_never_leads_out(
    files: FileSystem, tmp_path: Path, outside: Path
) -> None:
    name = tmp_path / "home" / "d" / "a"
    before = state(outside)
    path = VPath.parse("/d/a")

    def swap() -> None:
        spare = name.with_name("spare")
        spare.symlink_to(outside / "secret")
        os.replace(spare, name)
        spare.write_bytes(b"inside")
        os.replace(spare, name)

    answers: list[object] = []
    attempts: list[Callable[[], object]] = [
        lambda: get(files, path),
        lambda: put(files, path, b"overwritten", Existing.MODIFY),
        lambda: put(files, path, b"appended", Existing.EXTEND),
        lambda: put(files, path, b"replaced"),
        lambda: run(files.change(path, Attributes(size=1))),
        lambda: run(files.change(path, Attributes(mode=0o777, modified=1))),
        lambda: run(files.change(path, Attributes(mode=0o777), follow=False)),
    ]
    with attacker(swap):
        for _ in range(ROUNDS):
            for attempt in attempts:
                with suppress(Refused):
                    answers.append(attempt())
    assert state(outside) == before
    assert SECRET not in answers


def test_a_directory_moved_out_of_the_tree_takes_no_walk_with_it(
    files: FileSystem, tmp_path: Path, outside: Path
) -> None:
    deep = tmp_path / "home" / "d" / "d"
    (tmp_path / "home" / "link").symlink_to("d/d/../../secret")
    (tmp_path / "secret").write_bytes(SECRET)
    away = outside / "moved"

    def swap() -> None:
        deep.rename(away)
        away.rename(deep)

    answers: list[object] = []
    with attacker(swap):
        for _ in range(4 * ROUNDS):
            with suppress(Refused):
                answers.append(get(files, VPath.parse("/link")))
    assert SECRET not in answers
