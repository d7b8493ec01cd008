"""`mft backup`: all of an instance but its data, also while its server runs.

State comes before the journal: a handler's place in the journal may then be behind what is in the
backup, and its events come again, but never ahead of it, where events would be passed over.
"""

import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mft.core.failure import Malformed, Reason, Refused
from mft.core.secret import Secret
from mft.core.vpath import RESERVED_PREFIX
from mft.daemon.archives.archive import JOURNAL, Contents, in_instance
from mft.daemon.archives.archive_writing import ArchiveWriter
from mft.daemon.archives.carried import carried
from mft.daemon.archives.exporting import check_place, head_of, read_whole
from mft.daemon.archives.replaced import FOLDER as REPLACED
from mft.daemon.control import SOCKET_NAME
from mft.daemon.load import CONF_FOLDER, instance_folder, load, whole_path
from mft.daemon.state.files import write_new
from mft.daemon.state.pid_file import PID_FILE
from mft.daemon.swapping import undisturbed
from mft.daemon.transfers import COPY, FOLDER, SUFFIX
from mft.events.line import MAX_LINE, parse
from mft.events.segments import Segment, segments

FIRST: Final = "cursors"  # of the folders of state/: places may be older than what is beside them
NEVER: Final = frozenset((PID_FILE, SOCKET_NAME, REPLACED.name))  # of state/
SMALL: Final = 1 << 20  # bytes up to which a file is read at once, as it is at a moment
PATIENCE: Final = 5.0  # seconds for somebody else to let a queue go

CopyQueue = Callable[[str], str]  # by the name of its file; why not, where no server could


@dataclass(slots=True)
class Part:
    """A part of a backup."""

    name: str
    files: int = 0
    size: int = 0  # bytes
    seconds: float = 0.0


@dataclass(slots=True)
class BackedUp:
    """What a backup has made."""

    file: Path
    parts: list[Part] = field(default_factory=list)
    size: int = 0  # bytes of the archive
    serial: int = 0  # of the last event in it
    hash: str = ""  # of that
    warnings: list[str] = field(default_factory=list)


def size_of(config: Path) -> int:
    """About how many bytes a backup will copy; what cannot be looked at counts as nothing."""
    directory = instance_folder(config)
    total = 0
    for top in ("conf", "state", "log/journal"):
        for above, _, files in os.walk(directory / top):
            for name in files:
                with suppress(OSError):
                    total += os.lstat(os.path.join(above, name)).st_size
    return total


def backup(
    config: Path,
    target: Path,
    *,
    copy_queue: CopyQueue,
    passphrase: Secret | None = None,
    progress: Callable[[int], None] = lambda size: None,
    clock: Callable[[], float] = time.time,
) -> BackedUp:
    """Write the archive; `progress` hears how many bytes each piece has had.

    A configuration with problems is backed up as it is. Raises Refused and OSError; `target` is
    then what it was before.
    """
    file = whole_path(config)
    directory = instance_folder(file)
    if not segments(directory.joinpath(*JOURNAL)) and not file.exists():
        raise Refused(Reason.NOT_FOUND, str(directory), "has no instance")
    check_place(target, directory)
    head = head_of(file, load(file).config, Contents.BACKUP, clock())
    done = BackedUp(target)
    with ArchiveWriter(target, head, passphrase) as archive:
        made = _Backup(directory, archive, done, copy_queue, progress)
        with made.part("configuration"), undisturbed(file.parent):
            made.configuration(file)
        with made.part("state"):
            made.state()
        with made.part("journal"):
            made.journal()
    done.size = target.stat().st_size
    return done


class _Backup:
    """Puts the parts of an instance into an archive, in order."""

    def __init__(
        self,
        directory: Path,
        archive: ArchiveWriter,
        done: BackedUp,
        copy_queue: CopyQueue,
        progress: Callable[[int], None],
    ) -> None:
        self._directory = directory
        self._archive = archive
        self._done = done
        self._copy_queue = copy_queue
        self._progress = progress

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what is added, and how long that takes."""
        files, size, began = len(self._archive.members), self._archive.size, time.monotonic()
        yield
        members = self._archive.members
        taken = Part(name, len(members) - files, self._archive.size - size)
        taken.seconds = round(time.monotonic() - began, 3)
        self._done.parts.append(taken)

    def configuration(self, file: Path) -> None:
        """All of conf/, and what server.ini names elsewhere."""
        found = carried(file, override=True)
        wrong = [str(problem) for problem in found.problems]
        missing = [f"{one.path} is not there; {one.named_by} names it" for one in found.missing]
        self._done.warnings += [*wrong, *missing]
        self._archive.system = tuple(map(str, found.system))
        conf = self._directory / CONF_FOLDER
        for path in _files(conf):
            self._add(path)
        for one in found.files:
            if not one.path.is_relative_to(conf):
                self._add_one(one.path, one.name)

    def state(self) -> None:
        """All that the server remembers."""
        top = self._directory / "state"
        for path in sorted(_files(top), key=lambda one: one.relative_to(top).parts[0] != FIRST):
            inside = path.relative_to(top)
            if inside.parts[0] in NEVER or path.name.endswith((".new", COPY)):
                continue
            if inside.parts[0] != FOLDER:
                self._add(path)
            elif path.name.endswith(SUFFIX):
                self._queue(path)

    def journal(self) -> None:
        """Every segment up to the last whole line that the last of them has now."""
        found = segments(self._directory.joinpath(*JOURNAL))
        ends = _ends(found)
        for segment in found:
            if segment.path in ends:
                self._segment(segment.path, ends[segment.path])
        for segment in reversed(found):
            last = _last_line(segment.path, ends.get(segment.path, 0))
            if last is not None:
                self._done.serial, self._done.hash = last
                break

    def _segment(self, path: Path, size: int) -> None:
        try:
            self._copy(path, self._name(path), size)
        except FileNotFoundError:  # retention took it just now: the journal begins behind it
            first = in_instance("/".join(JOURNAL))
            if any(member.name.startswith(first) for member in self._archive.members):
                raise

    def _queue(self, path: Path) -> None:
        """A queue is copied by whoever has it open, or by us when nobody has."""
        copy = path.with_name(f"{path.name}{COPY}")
        try:
            self._make(copy, path)
            self._copy(copy, self._name(path))
        except sqlite3.DatabaseError as error:
            self._done.warnings.append(f"{path} cannot be read, and is not in it: {error}")
        finally:
            copy.unlink(missing_ok=True)

    def _make(self, copy: Path, path: Path) -> None:
        """Raises Refused while another process has the queue, and that is no server of ours."""
        why = ""
        for _ in range(2):  # a server may start or stop between the two
            why = self._copy_queue(path.name)
            if not why:
                return
            try:
                _copy_closed(path, copy)
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
            else:
                return
        raise Refused(Reason.BUSY, str(path), f"cannot be copied: {why}")

    def _add(self, path: Path) -> None:
        self._add_one(path, self._name(path))

    def _add_one(self, path: Path, name: str) -> None:
        with suppress(FileNotFoundError):  # it was removed just now
            if path.stat().st_size > SMALL:
                self._copy(path, name)
                return
            data, found = read_whole(path, 2 * SMALL)
            self._archive.add(name, data, stat.S_IMODE(found.st_mode), found.st_mtime)
            self._progress(len(data))

    def _copy(self, path: Path, name: str, size: int | None = None) -> None:
        """Add a file piece by piece, as long as it is now or as `size` says."""
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            length, mode = found.st_size if size is None else size, stat.S_IMODE(found.st_mode)
            self._archive.copy(name, file, length, mode, found.st_mtime, self._progress)

    def _name(self, path: Path) -> str:
        return in_instance(str(path.relative_to(self._directory)))


def _files(top: Path) -> Iterator[Path]:
    """Every file below a folder, in order; a link to one counts as one."""
    for above, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(files):
            path = Path(above, name)
            if not name.startswith(RESERVED_PREFIX) and path.is_file():
                yield path


def _ends(found: list[Segment]) -> dict[Path, int]:
    """How much of each segment is whole lines, as it is now; those that have none are left out."""
    ends = {}
    for segment in found:
        with suppress(FileNotFoundError), segment.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - MAX_LINE)
            file.seek(start)
            whole = start + file.read(size - start).rfind(b"\n") + 1
            if whole > start:
                ends[segment.path] = whole
    return ends


def _last_line(path: Path, size: int) -> tuple[int, str] | None:
    """Serial and hash of the last event in the first `size` bytes of a segment."""
    with suppress(OSError, Malformed), path.open("rb") as file:
        start = max(0, size - MAX_LINE)
        file.seek(start)
        lines = file.read(size - start).splitlines()
        line = parse(lines[-1] if lines else b"")
        return line.serial, line.hash
    return None


def _copy_closed(path: Path, copy: Path) -> None:
    """Copy a queue that no server has open; raises sqlite3.DatabaseError and OSError."""
    copy.unlink(missing_ok=True)
    write_new(copy, b"", 0o600)
    with (
        closing(sqlite3.connect(path, timeout=PATIENCE)) as database,
        closing(sqlite3.connect(copy)) as copied,
    ):
        # `backup` itself would wait for ever for somebody who holds it.
        database.execute("BEGIN").execute("SELECT count(*) FROM sqlite_master")
        database.backup(copied)
