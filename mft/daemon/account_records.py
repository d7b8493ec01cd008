"""Records of accounts: JSON files in a folder of state/, each under a name that no ID chooses."""

import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from mft.daemon.files import read_json, remove_unfinished

T = TypeVar("T")

SUFFIX: Final = ".json"


def record_name(account: str) -> str:
    """The name of the file of an account, whatever is in its ID."""
    return sha256(account.encode()).hexdigest() + SUFFIX


def prepare(folder: Path) -> None:
    """Make the folder, and remove what a process left that was killed while it wrote.

    Raises OSError.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    remove_unfinished(folder)


def read_records(
    folder: Path,
    most: int,
    read: Callable[[Mapping[str, Any]], T],
    unreadable: Callable[[Path, str], object],
) -> dict[str, T | None]:
    """Every record by its file's name; None for one that cannot be read, which is told.

    A file of more than `most` bytes cannot be. `read` makes a record of its fields, and raises
    ValueError with a sentence that shows nothing of them. Raises OSError for the folder.
    """
    known: dict[str, T | None] = {}
    for name in _names(folder):
        path = folder / name
        try:
            known[name] = read(_fields(path, most))
        except (OSError, ValueError) as error:
            known[name] = None
            details = error.strerror if isinstance(error, OSError) else str(error)
            unreadable(path, details or "")
    return known


def record(account: str, fields: Mapping[str, Any]) -> bytes:
    """What the file of an account holds."""
    return orjson.dumps({"account": account, **fields}, option=orjson.OPT_INDENT_2) + b"\n"


def _names(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.endswith(SUFFIX)]
    except FileNotFoundError:
        return []


def _fields(path: Path, most: int) -> Mapping[str, Any]:
    fields = read_json(path, most)
    if not isinstance(fields, dict) or record_name(str(fields.get("account"))) != path.name:
        raise ValueError("is not about an account of this name")
    return fields
