"""`mft import`: the configuration of another node, checked whole, then put in place at once."""

import os
import pwd
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from mft.config.ini import override_of
from mft.config.problem import Problem
from mft.core.failure import Malformed, Reason, Refused
from mft.core.secret import Secret
from mft.daemon.archives.archive import (
    INSTANCE,
    LIMITS,
    OUTSIDE,
    Contents,
    Head,
    check_name,
    in_instance,
)
from mft.daemon.archives.archive_reading import ArchiveReader, opened
from mft.daemon.archives.carried import carried
from mft.daemon.archives.exporting import NotUsable, read_whole
from mft.daemon.archives.outside import are_there, how_it_is
from mft.daemon.archives.replaced import keep
from mft.daemon.archives.staging import Stage, stage_in
from mft.daemon.load import Config, instance_folder, whole_path
from mft.daemon.swapping import NewFile, make_folders, swap
from mft.wire.ustar import Entry

MOST: Final = LIMITS[Contents.EXPORT].member  # bytes of a file that could be the same
_READABLE: Final = 0o400  # by its owner, whatever an archive says


class Wanted(NamedTuple):
    """What is to be done with an archive."""

    outside: bool = False  # files outside of the instance are put in place as well
    override: bool = False  # server.override.ini of the other node replaces ours
    despite: bool = False  # what `mft check` finds wrong
    only_tell: bool = False  # nothing is put in place


@dataclass(slots=True)
class Imported:
    """What an import has done, or would do; files are named by their places."""

    head: Head
    directory: Path
    added: list[Path] = field(default_factory=list)
    changed: list[Path] = field(default_factory=list)
    same: list[Path] = field(default_factory=list)
    gone: list[Path] = field(default_factory=list)  # which server.ini named, and names no more
    outside: list[tuple[Path, str]] = field(default_factory=list)  # left alone, and how they are
    system: list[tuple[Path, str]] = field(default_factory=list)  # of packages, and how they are
    override: bool = False  # that of the other node was left out
    problems: tuple[Problem, ...] = ()
    same_uuid: bool = False  # as a server on another machine has
    replaced: Path | None = None  # the folder that what was replaced is kept in


class _Taken(NamedTuple):
    """A file of the archive that is to have a place."""

    place: Path
    staged: Path
    mode: int


def import_archive(
    config: Path, archive: Path, wanted: Wanted, passphrase: Secret | None = None
) -> Imported:
    """Put the configuration of an archive in the place of that at `config`, or make one there.

    Raises NotUsable, Refused and OSError; then nothing has changed.
    """
    file = whole_path(config)
    directory = instance_folder(file)
    is_new = not file.parent.is_dir()
    with stage_in(directory, file) as folder:
        stage = Stage(directory, folder, file.relative_to(directory))
        with opened(archive, Contents.EXPORT, passphrase) as reader:
            unpacking = _Unpacking(reader, stage, file, wanted)
            unpacking.run()
        result = unpacking.result
        checked = stage.check()
        result.problems = checked.problems
        if checked.config is None and not wanted.despite:
            raise NotUsable(checked.problems)
        _refuse_unnamed(unpacking.taken, checked.named, archive)
        _compare(unpacking.taken, result)
        result.gone = [] if is_new else _gone(file, unpacking)
        result.same_uuid = _is_of_another(result.head, checked.config)
        if not wanted.only_tell and (result.added or result.changed):
            owner = _owner(file.parent, is_new, checked.config)
            _put(file, unpacking.taken, result, owner)
    return result


class _Unpacking:
    """Takes what is wanted out of an archive, into the stage."""

    def __init__(self, reader: ArchiveReader, stage: Stage, file: Path, wanted: Wanted) -> None:
        self.taken: list[_Taken] = []
        self.places: set[Path] = set()  # of everything in the archive
        self.result = Imported(reader.head, stage.directory)
        self._reader = reader
        self._stage = stage
        self._file = file
        self._wanted = wanted

    def run(self) -> None:
        """Read all of it; raises Malformed, Refused and OSError."""
        for entry, pieces in self._reader.members():
            self._take(entry, pieces)
        manifest = self._reader.manifest
        self.result.system = are_there(() if manifest is None else manifest.system)
        if all(one.place != self._file for one in self.taken):
            raise Malformed("it has no server.ini")

    def _take(self, entry: Entry, pieces: Iterator[bytes]) -> None:
        place = self._place(entry.name)
        if place in self.places:
            raise Malformed("it has two files for one place")
        self.places.add(place)
        inside = place.is_relative_to(self._stage.directory)
        if inside:
            path = place.relative_to(self._stage.directory)
            check_name(in_instance(str(path)), Contents.EXPORT)
        if place == override_of(self._file) and not self._wanted.override:
            self.result.override = True
        elif inside or self._wanted.outside:
            staged = self._stage.place(place)
            _write(staged, pieces, entry.mode | _READABLE)
            self.taken.append(_Taken(place, staged, entry.mode | _READABLE))
        else:
            self.result.outside.append((place, how_it_is(place, b"".join(pieces))))

    def _place(self, name: str) -> Path:
        """Where a file of the archive belongs on this machine."""
        top, _, path = name.partition("/")
        theirs = self._reader.head.config
        if top == OUTSIDE:
            return Path(f"/{path}")
        if name == f"{INSTANCE}/{theirs}":
            return self._file
        if path == str(override_of(Path(theirs))):
            return override_of(self._file)
        return self._stage.directory / path


def _write(path: Path, pieces: Iterator[bytes], mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o600), "wb") as file:
        os.fchmod(file.fileno(), mode)
        for piece in pieces:
            file.write(piece)


def _refuse_unnamed(taken: list[_Taken], named: frozenset[Path], archive: Path) -> None:
    """An archive brings what its server.ini names, and nothing else."""
    for one in taken:
        if one.staged not in named:
            details = f"cannot be used: its server.ini does not name {one.place}, which is in it"
            raise Refused(Reason.INVALID, str(archive), details)


def _compare(taken: list[_Taken], result: Imported) -> None:
    for one in taken:
        try:
            data, status = read_whole(one.place, MOST)
        except FileNotFoundError:
            result.added.append(one.place)
            continue
        same = data == one.staged.read_bytes() and stat.S_IMODE(status.st_mode) == one.mode
        (result.same if same else result.changed).append(one.place)


def _gone(file: Path, unpacking: _Unpacking) -> list[Path]:
    """What server.ini names as it is, and will not name any more."""
    with suppress(OSError, Refused):
        return [one.path for one in carried(file).files if one.path not in unpacking.places]
    return []


def _is_of_another(head: Head, config: Config | None) -> bool:
    uuid = "" if config is None else config.server.uuid
    return bool(uuid) and uuid == head.uuid and head.host != socket.gethostname()


def _owner(folder: Path, is_new: bool, config: Config | None) -> tuple[int, int] | None:
    """Whom root gives the files to: whoever has the folder, or the account of a new instance."""
    if os.geteuid() != 0:
        return None
    if not is_new:
        found = folder.stat()
        return found.st_uid, found.st_gid
    with suppress(KeyError):
        who = pwd.getpwnam("" if config is None else config.server.account)
        return who.pw_uid, who.pw_gid
    return None


def _put(file: Path, taken: list[_Taken], result: Imported, owner: tuple[int, int] | None) -> None:
    """Keep what is replaced, and swap; server.ini comes last."""
    for name in ("log", "state"):
        make_folders(result.directory / name, owner)
    if owner is not None:
        os.chown(result.directory / "state", *owner)
    make_folders(file.parent, owner)
    result.replaced = keep(result.directory, result.changed, owner)
    new = {*result.added, *result.changed}
    files = [
        NewFile(one.place, one.staged.read_bytes(), one.mode, owner)
        for one in sorted(taken, key=lambda one: one.place == file)
        if one.place in new
    ]
    swap(file.parent, files)
