"""Files whole: written where none may be yet, or in one step; JSON read up to a length."""

import os
from pathlib import Path
from typing import Any

import orjson


def write_new(path: Path, data: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Write a file that must not exist yet, on disk before this returns.

    With `owner`, a user and a group, it is theirs from the beginning. Raises OSError, which names
    it; nothing of it is left then.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode & 0o600)
    try:
        with open(descriptor, "wb") as file:
            if owner is not None:
                os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        path.unlink(missing_ok=True)
        error.filename = str(path)
        raise


def replace(path: Path, data: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Put a file in place of another in one step, on disk before this returns; raises OSError.

    With `owner`, a user and a group, it is theirs from the beginning.
    """
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    beside.unlink(missing_ok=True)
    write_new(beside, data, mode, owner)
    try:
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a file, if it is there, for good before this returns; raises OSError."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_unfinished(folder: Path, name: str = "") -> None:
    """Remove what processes left that were killed while they put files in place of others.

    `name` is that of the one file; without it, any. Raises OSError.
    """
    for left in folder.glob(f"{name}.*.new" if name else "*.new"):
        left.unlink(missing_ok=True)


def read_json(path: Path, most: int) -> Any:
    """Read a file of JSON; raises OSError, and ValueError with a sentence that shows nothing of it.

    One of more than `most` bytes is none.
    """
    with path.open("rb") as file:
        text = file.read(most + 1)
    if len(text) > most:
        raise ValueError(f"is longer than {most} bytes")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError("is not JSON") from None
