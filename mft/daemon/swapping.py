"""Putting several files in place of others so that a kill leaves all of the old or all of the new.

Each file is written beside its place first. Then a plan, a file beside server.ini, says that they
are to be taken, and they are renamed one by one. Without a plan nothing has happened; with one,
whoever reads the configuration next finishes it before he reads (`undisturbed`).
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from mft.core.vpath import RESERVED_PREFIX
from mft.daemon.state.files import read_json, remove, sync_folder, write_new

PLAN: Final = f"{RESERVED_PREFIX}import.json"  # beside server.ini
BESIDE: Final = f"{RESERVED_PREFIX}new-"  # the names of files that wait beside their places
MAX_PLAN: Final = 64 << 20  # bytes; ten thousand paths of the longest kind have 40 MiB
PATIENCE: Final = 10.0  # seconds for another process to finish, which takes it milliseconds
LOOK: Final = 0.02  # seconds between two attempts


class NewFile(NamedTuple):
    """What a place is to have."""

    place: Path
    data: bytes
    mode: int
    owner: tuple[int, int] | None = None  # user and group; None for whoever writes it


def swap(folder: Path, files: Sequence[NewFile]) -> None:
    """Put files in their places, the last of them last; `folder` is that of server.ini.

    Only one process may do it at a time. Folders that are missing are made. Raises OSError, and
    then nothing has changed, unless it was while they were renamed: then the next `undisturbed`
    goes on. TimeoutError: somebody reads.
    """
    made: list[Path] = []
    with undisturbed(folder):  # what an import has left that was killed is finished by now
        pass
    try:
        for above in dict.fromkeys(file.place.parent for file in files):
            _remove_left(above)
        for number, file in enumerate(files):
            make_folders(file.place.parent, file.owner)
            beside = _beside(file.place, number)
            made.append(beside)
            _write(beside, file)
        for above in dict.fromkeys(file.place.parent for file in files):
            sync_folder(above)
        with _held(folder, fcntl.LOCK_EX):
            _plan(folder, files)
            made.clear()  # from here on they are taken, whatever happens
            _finish(folder)
    except BaseException:
        for beside in made:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
        raise


@contextmanager
def undisturbed(folder: Path) -> Iterator[None]:
    """Keep a swap from happening while a configuration is read; one that was killed is finished.

    Raises OSError: TimeoutError when another process holds it for long, PermissionError when a
    swap is somebody else's to finish; and ValueError for a plan that is none.
    """
    if not folder.is_dir():
        yield
        return
    while (folder / PLAN).exists():
        with _held(folder, fcntl.LOCK_EX):
            _finish(folder)
    with _held(folder, fcntl.LOCK_SH):
        if not (folder / PLAN).exists():
            yield
            return
    with undisturbed(folder):  # one was begun between the two looks, and killed
        yield


def make_folders(folder: Path, owner: tuple[int, int] | None, *, sync: bool = True) -> None:
    """Make a folder and those above it, where they are missing; each is its owner's alone."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(mode=0o700)
        if owner is not None:
            os.chown(one, *owner)
        if sync:
            sync_folder(one.parent)


def _remove_left(folder: Path) -> None:
    """Remove what a killed swap has left beside places in a folder; never one that has a plan."""
    with suppress(FileNotFoundError):
        for name in os.listdir(folder):
            if name.startswith((BESIDE, f"{PLAN}.")):
                (folder / name).unlink(missing_ok=True)


def _write(beside: Path, file: NewFile) -> None:
    write_new(beside, file.data, file.mode)
    if file.owner is not None:
        os.chown(beside, *file.owner)


def _plan(folder: Path, files: Sequence[NewFile]) -> None:
    """Say that all of them are taken; it is their owner's, for he may be who goes on with it."""
    plan = orjson.dumps({"places": [str(file.place) for file in files]})
    beside = folder / f"{PLAN}.{os.getpid()}"
    beside.unlink(missing_ok=True)
    _write(beside, NewFile(folder / PLAN, plan, 0o600, files[-1].owner if files else None))
    beside.replace(folder / PLAN)
    sync_folder(folder)


def _beside(place: Path, number: int) -> Path:
    return place.with_name(f"{BESIDE}{number}")


def _finish(folder: Path) -> None:
    """Do what is left of a plan, if there is one; may be done again and again."""
    try:
        plan = read_json(folder / PLAN, MAX_PLAN)
    except FileNotFoundError:
        return  # another process has
    places = plan.get("places") if isinstance(plan, dict) else None
    if not isinstance(places, list) or not all(isinstance(one, str) for one in places):
        raise ValueError(f"{folder / PLAN} is no plan of an import")
    for number, place in enumerate(map(Path, places)):
        with suppress(FileNotFoundError):  # it has its name already
            _beside(place, number).replace(place)
    for above in dict.fromkeys(Path(place).parent for place in places):
        sync_folder(above)
    remove(folder / PLAN)


@contextmanager
def _held(folder: Path, how: int, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Hold the lock of a folder, where there is one to hold: not on every network."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # who may not list it may still read what he knows the name of
        yield
        return
    deadline = clock() + PATIENCE
    try:
        while True:
            try:
                fcntl.flock(descriptor, how | fcntl.LOCK_NB)
            except BlockingIOError:
                if clock() > deadline:
                    sentence = "another process is replacing or reading the configuration"
                    raise TimeoutError(0, sentence, str(folder)) from None
                time.sleep(LOOK)
            except OSError:
                break
            else:
                break
        yield
    finally:
        os.close(descriptor)
