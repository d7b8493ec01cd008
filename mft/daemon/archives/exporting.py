"""`mft export`: server.ini and every file that it names, in one archive."""

import os
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mft import __version__
from mft.config.problem import Problem
from mft.core.failure import Reason, Refused
from mft.core.secret import Secret
from mft.daemon.archives.archive import LIMITS, Contents, Head
from mft.daemon.archives.archive_writing import ArchiveWriter
from mft.daemon.archives.carried import Carried, CarriedFile, carried
from mft.daemon.load import Config, instance_folder, load, whole_path
from mft.daemon.swapping import undisturbed
from mft.trust.ssh_keys import open_at_once


class NotUsable(Exception):  # noqa: N818 - it says what is not
    """A configuration that `mft check` has errors for; each problem has its line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


class Exported(NamedTuple):
    """What an export has made."""

    file: Path
    files: tuple[CarriedFile, ...]
    size: int  # bytes of the archive
    system: tuple[Path, ...]
    missing: tuple[CarriedFile, ...]
    warnings: tuple[Problem, ...]


def export(
    config: Path,
    target: Path,
    *,
    override: bool = False,
    passphrase: Secret | None = None,
    clock: Callable[[], float] = time.time,
) -> Exported:
    """Write the archive.

    Raises NotUsable, Refused and OSError; `target` is then what it was before.
    """
    file = whole_path(config)
    loaded = load(file)
    if loaded.config is None:
        raise NotUsable(loaded.problems)
    check_place(target, loaded.config.directory)
    with undisturbed(file.parent):
        found = carried(file, override=override)
        _check_found(found, file.name)
        head = head_of(file, loaded.config, Contents.EXPORT, clock())
        with ArchiveWriter(target, head, passphrase) as archive:
            archive.system = tuple(map(str, found.system))
            for one in found.files:
                data, status = read_whole(one.path, LIMITS[Contents.EXPORT].member)
                archive.add(one.name, data, stat.S_IMODE(status.st_mode), status.st_mtime)
    size = target.stat().st_size
    return Exported(target, found.files, size, found.system, found.missing, loaded.problems)


def _check_found(found: Carried, file: str) -> None:
    """What belongs to an enabled section and is not there is an error of `mft check`, but for two.

    The first start makes host keys and a certificate; another node would make others.
    """
    remedy = "is made by the first start, and every node needs the same: start the server once"
    unmade = [
        Problem(file, 0, one.named_by.strip("[]"), "", None, f"{one.path} {remedy}")
        for one in found.missing
        if one.named_by.endswith("]")
    ]
    if found.problems or unmade:
        raise NotUsable((*found.problems, *unmade))


def check_place(target: Path, directory: Path) -> None:
    """Refuse a place for keys that clients of the server could reach; raises Refused."""
    folder = Path(os.path.realpath(target.absolute().parent))
    if folder.is_relative_to(os.path.realpath(directory / "data")):
        details = "is in data/, where accounts read files; an archive holds keys"
        raise Refused(Reason.INVALID, str(target), details)


def head_of(file: Path, config: Config | None, contents: Contents, now: float) -> Head:
    """Who writes an archive; a configuration with problems does not tell who it is."""
    directory = instance_folder(file)
    return Head(
        contents,
        __version__,
        round(now, 3),
        "" if config is None else config.server.name,
        "" if config is None else config.server.uuid,
        socket.gethostname(),
        str(directory),
        str(file.relative_to(directory)),
    )


def read_whole(path: Path, most: int) -> tuple[bytes, os.stat_result]:
    """Read a regular file of at most so many bytes; raises Refused and OSError."""
    with open(path, "rb", opener=open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Refused(Reason.INVALID, str(path), "is not a regular file")
        data = file.read(most + 1)
    if len(data) > most:
        raise Refused(Reason.INVALID, str(path), f"is longer than {most} bytes")
    return data, status
