"""`mft restore`: an instance made of a backup; all of it is verified before there is one."""

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mft.core.failure import Malformed, Reason, Refused
from mft.core.secret import Secret
from mft.core.vpath import RESERVED_PREFIX
from mft.daemon.archives.archive import JOURNAL, OUTSIDE, Contents, Head
from mft.daemon.archives.archive_reading import opened
from mft.daemon.archives.outside import are_there, how_it_is
from mft.daemon.archives.staging import stage_of_new
from mft.daemon.load import CONF_FOLDER, read_sections
from mft.daemon.options import ServerOptions
from mft.daemon.state.files import replace, sync_folder
from mft.daemon.state.restored import Mark, parts_of, write_mark
from mft.daemon.swapping import make_folders
from mft.events.chain import Progress, Verified, no_progress, verify
from mft.wire.ustar import Entry

PREFIX: Final = f"{RESERVED_PREFIX}restore-"  # the beginning of a folder's name, in the instance
PARTS: Final = (CONF_FOLDER, "log", "state")  # of an instance that is there
DATA: Final = "data"  # which no backup has
OTHERS: Final = f"{RESERVED_PREFIX}outside"  # in that folder: files from outside of the instance
MAX_OUTSIDE: Final = 64 << 20  # bytes of one of them
_READABLE: Final = 0o400  # by its owner, whatever an archive says


@dataclass(slots=True)
class RestoredInstance:
    """What a restore has made."""

    head: Head
    directory: Path
    files: int = 0
    size: int = 0  # bytes
    outside: list[tuple[Path, str]] = field(default_factory=list)  # left alone, and how they are
    system: list[tuple[Path, str]] = field(default_factory=list)
    journal: Verified | None = None


class Watch:
    """Whoever wants to hear how far it is."""

    def read(self, size: int) -> None:
        """So many bytes of the archive more."""

    @property
    def verified(self) -> Progress:
        """Bytes of the journal that have been verified, and all of them."""
        return no_progress


def restore(
    archive: Path,
    directory: Path,
    *,
    outside: bool = False,
    despite: bool = False,
    passphrase: Secret | None = None,
    watch: Watch | None = None,
) -> RestoredInstance:
    """Make the instance in a folder that has none; `data/` may be there.

    With `despite` also where the journal is not what was written. Raises Refused and OSError; the
    folder has no server.ini then.
    """
    watch = watch or Watch()
    directory = Path(os.path.realpath(directory))
    _check_empty(directory)
    with (
        opened(archive, Contents.BACKUP, passphrase, watch.read) as reader,
        stage_of_new(directory, PREFIX) as top,
    ):
        result = RestoredInstance(reader.head, directory)
        for entry, pieces in reader.members():
            _unpack(entry, pieces, top, result, outside=outside)
        result.system = are_there(() if reader.manifest is None else reader.manifest.system)
        result.journal = verify(top.joinpath(*JOURNAL), watch.verified)
        if result.journal.first_bad is not None and not despite:
            details = (
                f"cannot be used: its journal is not what was written from serial "
                f"{result.journal.first_bad} on: {result.journal.problem}"
            )
            raise Refused(Reason.INVALID, str(archive), details)
        _mark(top, result)
        _give(top, reader.head)
        os.sync()  # thousands of small files: one sync of all costs less than one for each
        _put(top, directory, reader.head)
    return result


def _check_empty(directory: Path) -> None:
    """Refuse a folder that has an instance; remove what a killed restore has made of one."""
    if directory.exists() and not directory.is_dir():
        raise Refused(Reason.NOT_A_DIRECTORY, str(directory), "is not a folder")
    left = parts_of(directory / "state")
    if left and not os.path.lexists(directory / left[-1]):  # that of server.ini, which is the last
        for name in reversed(left):  # the state, which tells of them, last
            if name != DATA:
                _remove(directory / name)
    for part in PARTS:
        if os.path.lexists(directory / part):
            details = f"holds an instance already ({part}/ exists)"
            raise Refused(Reason.EXISTS, str(directory), details)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _unpack(
    entry: Entry, pieces: Iterator[bytes], top: Path, result: RestoredInstance, *, outside: bool
) -> None:
    where, _, path = entry.name.partition("/")
    place = top / path
    if where == OUTSIDE:
        if entry.size > MAX_OUTSIDE:
            raise Malformed("it has a file that is too long for its place")
        pieces = iter([data := b"".join(pieces)])
        how = how_it_is(Path(f"/{path}"), data)
        if not outside or not how:
            result.outside.append((Path(f"/{path}"), how))
            return
        place = top / OTHERS / path
    make_folders(place.parent, None, sync=False)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(place, flags, 0o600), "wb") as file:
        os.fchmod(file.fileno(), entry.mode | _READABLE)
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.utime(file.fileno(), (entry.modified, entry.modified))
    result.files += 1
    result.size += entry.size


def _mark(top: Path, result: RestoredInstance) -> None:
    head, journal = result.head, result.journal
    made = datetime.fromtimestamp(head.made, UTC).isoformat(timespec="seconds")
    for name in ("log", "state"):
        (top / name).mkdir(mode=0o700, exist_ok=True)
    last = 0 if journal is None else journal.last
    parts = tuple(_parts(top, head))
    write_mark(top / "state", Mark(made, head.name, head.host, last, parts))


def _parts(top: Path, head: Head) -> list[str]:
    """What the instance gets, in order: first what tells of the others, server.ini last."""
    last = Path(head.config).parts[0]
    return sorted(
        (name for name in os.listdir(top) if name != OTHERS),
        key=lambda name: (name == last, name != "state", name),
    )


def _give(top: Path, head: Head) -> None:
    """Let what root has made belong to the account that the server runs as."""
    if os.geteuid() != 0:
        return
    server = read_sections(top / head.config, []).server
    options = None if server is None else server.options
    with suppress(KeyError):
        account = options.account if isinstance(options, ServerOptions) else ""
        who = pwd.getpwnam(account)
        for above, _, files in os.walk(top):
            for path in (above, *(os.path.join(above, name) for name in files)):
                os.chown(path, who.pw_uid, who.pw_gid, follow_symlinks=False)


def _put(top: Path, directory: Path, head: Head) -> None:
    """Let the instance have its parts; it is none until it has its server.ini."""
    names = _parts(top, head)
    for name in names:
        if os.path.lexists(directory / name):
            details = f"has {name} already, which the backup has as well"
            raise Refused(Reason.EXISTS, str(directory), details)
    for path in sorted((top / OTHERS).rglob("*")):
        if path.is_file():
            place = Path("/") / path.relative_to(top / OTHERS)
            make_folders(place.parent, None)
            replace(place, path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
    for name in names:
        (top / name).rename(directory / name)
        sync_folder(directory)
