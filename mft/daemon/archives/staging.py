"""Looking at an instance as it would be with files of an archive, before any of them is in place.

A folder in the instance gets the files of the archive, and links to everything that would stay as
it is. `mft check` can judge that. Absolute paths of files that are to come are written as they are
in that folder, for the check alone.
"""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from mft.auth.local_file import LocalFileOptions
from mft.config.ini import override_of
from mft.config.problem import Problem
from mft.core.failure import Reason, Refused
from mft.core.vpath import RESERVED_PREFIX
from mft.daemon.archives.carried import carried
from mft.daemon.load import CONF_FOLDER, Config, load, read_sections
from mft.daemon.swapping import make_folders

PREFIX: Final = f"{RESERVED_PREFIX}import-"  # the beginning of a stage's name
OUTSIDE: Final = f"{RESERVED_PREFIX}outside"  # in that folder: files that are to come elsewhere


class Checked(NamedTuple):
    """What `mft check` would say, and the files that server.ini names, as they are in a stage."""

    config: Config | None
    problems: tuple[Problem, ...]
    named: frozenset[Path]


@contextmanager
def stage_in(directory: Path, config: Path) -> Iterator[Path]:
    """Make an empty folder in an instance, which is made if it is missing; both go in the end.

    The instance stays if it has got its server.ini. Raises Refused while another process does the
    same, and OSError.
    """
    made = [one for one in (directory, *directory.parents) if not one.exists()]
    for one in reversed(made):
        one.mkdir(mode=0o755)
    state = directory / "state"
    if not state.exists():
        make_folders(state, None)
        made.insert(0, state)
    lock = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        take_turn(lock, directory)
        for left in directory.glob(f"{PREFIX}*"):  # by an import that was killed
            shutil.rmtree(left)
        stage = directory / f"{PREFIX}{secrets.token_hex(8)}"
        stage.mkdir(mode=0o700)
        try:
            yield stage
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    finally:
        os.close(lock)
        if not config.exists():
            with suppress(OSError):
                for one in made:
                    one.rmdir()


@contextmanager
def stage_of_new(directory: Path, prefix: str) -> Iterator[Path]:
    """Make an empty folder in one that is to hold a new instance, and is made if it is missing.

    The stage goes in the end, and what was made around it if it is empty then. Stages whose names
    begin with `prefix` are of processes that were killed. Raises Refused while another process
    does the same, and OSError.
    """
    made = [one for one in (directory, *directory.parents) if not one.exists()]
    for one in reversed(made):
        one.mkdir(mode=0o755)
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    top = directory / f"{prefix}{secrets.token_hex(8)}"
    try:
        take_turn(lock, directory)
        for left in directory.glob(f"{prefix}*"):
            shutil.rmtree(left)
        top.mkdir(mode=0o700)
        yield top
    finally:
        shutil.rmtree(top, ignore_errors=True)
        os.close(lock)
        with suppress(OSError):  # they hold the instance, if there is one
            for one in made:
                one.rmdir()


def take_turn(descriptor: int, directory: Path) -> None:
    """Hold the lock of an open folder until it is closed; raises Refused where another does."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refused(
            Reason.BUSY, str(directory), "another init, import or restore is going on here"
        ) from None
    except OSError:  # a file system without locks
        pass


class Stage:
    """An instance as it would be."""

    def __init__(self, directory: Path, stage: Path, config: Path) -> None:
        """`stage` is an empty folder in the instance, `config` the path of server.ini in either."""
        self.directory = directory
        self.stage = stage
        self.config = stage / config
        self._new: dict[Path, Path] = {}  # place -> where it is now

    def place(self, place: Path) -> Path:
        """Where to write a file of the archive that is to have a place; folders are made."""
        if place.is_relative_to(self.directory):
            staged = self.stage / place.relative_to(self.directory)
        else:
            staged = self.stage / OUTSIDE / place.relative_to("/")
        make_folders(staged.parent, None)
        self._new[place] = staged
        return staged

    def check(self) -> Checked:
        """Do what `mft check` does; what it tells names files where they are to be.

        Raises Refused and OSError.
        """
        self._overlay(self.directory, self.stage)
        texts: dict[Path, bytes] = {}
        try:
            for file in self._texts():
                texts[file] = file.read_bytes()
                mode = file.stat().st_mode & 0o777
                link = file.is_symlink()
                if link:
                    file.unlink()
                file.write_bytes(self._moved(texts[file]))
                file.chmod(mode)
            loaded = load(self.config)
            named = frozenset(one.path for one in carried(self.config, override=True).files)
        finally:
            for file, text in texts.items():
                file.write_bytes(text)
        return Checked(loaded.config, tuple(map(self._back, loaded.problems)), named)

    def _overlay(self, real: Path, staged: Path) -> None:
        """Link what there is and stays; go into folders that the archive has files in."""
        for entry in _entries(real):
            here, is_folder = staged / entry.name, entry.is_dir(follow_symlinks=False)
            if entry.name.startswith(RESERVED_PREFIX):
                continue
            if not here.exists():
                if is_folder and Path(entry.path).is_relative_to(self.directory / CONF_FOLDER):
                    here.mkdir(mode=0o700)  # so that a home in it is seen to be in it
                else:
                    here.symlink_to(entry.path)
                    continue
            if here.is_dir() and is_folder:
                self._overlay(Path(entry.path), here)
            elif here.is_dir() or is_folder:
                ought = "folder" if here.is_dir() else "file"
                details = f"has to be a {ought}, and is something else"
                raise Refused(Reason.EXISTS, entry.path, details)

    def _texts(self) -> Iterator[Path]:
        """The files whose paths are to be read as those of the stage."""
        for file in (self.config, override_of(self.config)):
            if file.exists():
                yield file
        for one in read_sections(self.config, []).families["authentications"].values():
            options = one.options
            if isinstance(options, LocalFileOptions) and options.path in self._new.values():
                yield options.path

    def _moved(self, text: bytes) -> bytes:
        """The text with paths of the instance as they are in the stage."""
        places: Mapping[str, Path] = {
            **{str(place): staged for place, staged in self._new.items()},
            **{str(one): self.stage for one in self._names()},
        }
        alternatives = "|".join(map(re.escape, sorted(places, key=len, reverse=True)))
        pattern = re.compile(rf"(?<![\w.-])({alternatives})(?=[/\s,;\"']|$)")
        return pattern.sub(
            lambda found: str(places[found[1]]), text.decode("utf-8", "surrogateescape")
        ).encode("utf-8", "surrogateescape")

    def _names(self) -> Iterable[Path]:
        return {self.directory, Path(os.path.realpath(self.directory))} - {Path("/")}

    def _back(self, problem: Problem) -> Problem:
        value = None if problem.value is None else self._told(problem.value)
        file, remedy = self._told(problem.file), self._told(problem.remedy)
        return problem._replace(file=file, value=value, remedy=remedy)

    def _told(self, text: str) -> str:
        for stage in (self.stage, Path(os.path.realpath(self.stage))):
            text = text.replace(f"{stage}/{OUTSIDE}", "").replace(str(stage), str(self.directory))
        return text


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
