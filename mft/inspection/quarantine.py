"""The quarantine: rejected files under names of our own, each with a record that says why.

In the folder is a file `ID`, and beside it `ID.json`. The record comes first and goes last: no file
is ever there that nothing is known of. Everything here blocks, and raises OSError.
"""

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

MAX_LISTED: Final = 10_000  # records of one folder that are shown
MAX_RECORD: Final = 64 << 10  # bytes of a record
MAX_DETAILS: Final = 2_000  # characters
SUFFIX: Final = ".json"
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# A record that is being written, or a file that is being copied here from another volume.
_PART: Final = re.compile(rf"\.{_ID.pattern}\.part")


class Record(NamedTuple):
    """What is known of one file in quarantine."""

    id: str  # a UUID: the name of the file
    time: float  # seconds since the epoch, when it was rejected
    account_name: str
    account_uuid: str
    peer: str
    service: str  # the name of the service that it came by
    path: str  # as its sender sees it
    real_path: str  # where it was meant to be
    root: str  # the real folder that the sender's tree begins at there
    size: int
    sha256: str
    inspection: str
    inspection_type: str
    details: str


def prepare(folder: str) -> None:
    """Make the folder when it is missing."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        if not stat.S_ISDIR(os.stat(folder).st_mode):
            raise


def write(folder: str, record: Record) -> None:
    """Write a record that is not there yet, whole and synced."""
    place = f"{folder}/{record.id}{SUFFIX}"
    part = f"{folder}/.{record.id}.part"
    details = record.details[:MAX_DETAILS]
    text = json.dumps(record._replace(details=details)._asdict(), indent=2)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, place)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise
    sync(folder)


def sync(folder: str) -> None:
    """Put the names in the folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(folder: str, identifier: str) -> None:
    """Remove a file and then its record, whichever of them is there."""
    for name in (f".{identifier}.part", identifier, identifier + SUFFIX):
        with suppress(FileNotFoundError):
            os.unlink(f"{folder}/{name}")
    with suppress(OSError):  # they are gone: a failure would leave that untold
        sync(folder)


def clear(folder: str, before: float) -> None:
    """Remove what a server that was killed has left half written: nothing was added since then."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if _PART.fullmatch(entry.name) and entry.stat().st_mtime < before:
                os.unlink(entry.path)


def find(folder: str, identifier: str) -> Record | None:
    """The record of an ID; None where there is none. ValueError for one that cannot be read."""
    if not _ID.fullmatch(identifier):
        return None
    try:
        return _read(Path(folder) / (identifier + SUFFIX))
    except FileNotFoundError:
        return None


def records(folder: str, most: int = MAX_LISTED) -> list[Record]:
    """Every record that can be read, the oldest first; so many of them at the most."""
    try:
        return sorted(islice(_records(folder), most), key=lambda one: one.time)
    except FileNotFoundError:
        return []


def has_file(folder: str, record: Record) -> bool:
    """Whether the file is there: a server that was killed may have left a record without one."""
    return os.path.isfile(f"{folder}/{record.id}")


def _records(folder: str) -> Iterator[Record]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name, suffix = os.path.splitext(entry.name)
            if suffix == SUFFIX and _ID.fullmatch(name):
                with suppress(OSError, ValueError):
                    yield _read(Path(entry.path))


def _read(path: Path) -> Record:
    with open(path, "rb") as file:
        data = file.read(MAX_RECORD + 1)
    if len(data) > MAX_RECORD:
        raise ValueError(f"{path} is longer than {MAX_RECORD} bytes")
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError(f"{path} is not JSON") from None
    return _record(fields, path)


def _record(fields: Any, path: Path) -> Record:
    kinds = Record.__annotations__
    if not isinstance(fields, dict) or not kinds.keys() <= fields.keys():
        raise ValueError(f"{path} is not a record of the quarantine")
    values = [fields[name] for name in kinds]
    fits = (
        isinstance(value, kind) or (kind is float and isinstance(value, int))
        for value, kind in zip(values, kinds.values(), strict=True)
    )
    if not all(fits) or fields["id"] != path.stem:
        raise ValueError(f"{path} is not a record of the quarantine")
    return Record(*values)
