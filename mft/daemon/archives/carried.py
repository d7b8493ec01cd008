"""What is carried to another node: server.ini and every file that it names, data left out."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.places import SHARED, USER
from mft.config.ini import override_of
from mft.config.problem import Problem
from mft.config.section import Section, files_of
from mft.core.failure import Reason, Refused
from mft.daemon.account_files import read_account_files
from mft.daemon.archives.archive import OUTSIDE, in_instance
from mft.daemon.load import CONF_FOLDER, read_sections, whole_path
from mft.daemon.reading import Reading

MAX_IN_FOLDER: Final = 1000  # files of a folder that an option names
DATA_FOLDERS: Final = ("data", "log", "state")  # of an instance
# What packages of the system put there is theirs, and other machines have their own of it.
SYSTEM: Final = tuple(map(Path, ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")))
LOCAL: Final = Path("/usr/local")


class CarriedFile(NamedTuple):
    """A file that another node needs."""

    path: Path
    name: str  # in an archive
    named_by: str  # such as `[services/ssh] ssh_server_keys`; empty for server.ini itself


class Carried(NamedTuple):
    """Everything that a server.ini names."""

    files: tuple[CarriedFile, ...]  # server.ini is the first
    system: tuple[Path, ...]  # of packages of the system
    missing: tuple[CarriedFile, ...]  # which are named and not there
    problems: tuple[Problem, ...]  # that keep sections from being read at all


def carried(file: Path, *, override: bool = False) -> Carried:
    """Find what belongs to a server.ini; with `override` what is laid over it here counts as well.

    Raises Refused for what no archive may have.
    """
    file = whole_path(file)
    problems: list[Problem] = []
    readings = [read_sections(file, problems, overridden=False)]
    own = [file]
    if override and override_of(file).exists():
        own.append(override_of(file))
        readings.append(read_sections(file, problems))
    found = _Found(readings[0].context.directory, _Homes(readings))
    for path in own:
        found.add(path, "")
    for reading in readings:
        for title, path in _named(reading):
            found.add_named(path, title)
    errors = tuple(one for one in problems if one.is_error)
    return Carried(
        tuple(found.files.values()), tuple(found.system), tuple(found.missing.values()), errors
    )


def _named(reading: Reading) -> Iterator[tuple[str, Path]]:
    directory = reading.context.directory
    for one in reading.every():
        if one.options is not None:
            yield from _of_section(one.raw.name, one.options, directory)
    # What is wrong in those is told by whoever loads server.ini.
    others = Reading(reading.context, [])
    others.families = reading.families
    for uuid, accounts in read_account_files(others).items():
        for member in (*accounts.accounts.values(), *accounts.groups.values()):
            yield from _of_section(f"authentications/{uuid}", member, directory)


def _of_section(title: str, options: Section, directory: Path) -> Iterator[tuple[str, Path]]:
    unused = getattr(options, "enabled", True) is False
    for option, path in files_of(options, directory):
        if option or not unused or path.exists():
            yield f"[{title}] {option}".rstrip(), path


class _Homes:
    """The folders of clients: what is in them is theirs, also where an option names it."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        homes = {home for reading in readings for home in _homes(reading)}
        self._pattern = re.compile("|".join(sorted(homes))) if homes else None

    def have(self, path: Path) -> bool:
        """Whether a path is in a home."""
        return self._pattern is not None and self._pattern.match(str(path)) is not None


def _homes(reading: Reading) -> Iterator[str]:
    """Expressions for the beginning of paths that are in homes."""
    for one in reading.every():
        options = one.options
        home = None
        if isinstance(options, AccountOptions) and isinstance(options.home_folder_path, Path):
            home = str(options.home_folder_path)
        elif isinstance(options, GroupOptions) and options.home_folder_path is not None:
            home = options.home_folder_path
            if not home.startswith(SHARED) and USER not in home:
                home = f"{home.rstrip('/')}/{USER}"
            home = home.removeprefix(SHARED)
        if home is not None:
            yield "[^/]+".join(map(re.escape, home.rstrip("/").split(USER))) + "/"


class _Found:
    """Files, each once."""

    def __init__(self, directory: Path, homes: _Homes) -> None:
        self.files: dict[Path, CarriedFile] = {}
        self.missing: dict[Path, CarriedFile] = {}
        self.system: dict[Path, None] = {}
        self._directory = Path(os.path.normpath(directory))
        self._real = Path(os.path.realpath(directory))
        self._homes = homes

    def add_named(self, path: Path, named_by: str) -> None:
        """Take a file that an option names, or the files of a folder."""
        path = Path(os.path.normpath(path))
        inside = self._inside(path)
        if inside is None and _is_of_system(path):
            self.system[path] = None
        elif not self._is_data(path, inside):
            self._expand(path, named_by)

    def _is_data(self, path: Path, inside: Path | None) -> bool:
        top = "" if inside is None else inside.parts[0]
        return top in DATA_FOLDERS or (top != CONF_FOLDER and self._homes.have(path))

    def _expand(self, path: Path, named_by: str) -> None:
        if not path.is_dir():
            self.add(path, named_by)
            return
        names = sorted(os.listdir(path))
        if len(names) > MAX_IN_FOLDER:
            details = f"has more than {MAX_IN_FOLDER} files; {named_by} names it"
            raise Refused(Reason.INVALID, str(path), details)
        for name in names:
            if (path / name).is_file():
                self.add(path / name, named_by)

    def add(self, path: Path, named_by: str) -> None:
        """Take one file."""
        inside = self._inside(path)
        name = f"{OUTSIDE}{path}" if inside is None else in_instance(str(inside))
        one = CarriedFile(path, name, named_by)
        (self.files if path.exists() else self.missing).setdefault(path, one)

    def _inside(self, path: Path) -> Path | None:
        """The path in the instance, of one that is in it."""
        for top in (self._directory, self._real):
            if path.is_relative_to(top) and path != top:
                return path.relative_to(top)
        return None


def _is_of_system(path: Path) -> bool:
    top = any(path.is_relative_to(one) for one in SYSTEM)
    return top and not path.is_relative_to(LOCAL)
