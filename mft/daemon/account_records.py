"""Records of accounts: JSON files in a folder of state/, each under a name that no ID chooses.

What cannot be read of an account is never taken for nothing.
"""

import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import orjson

from mft.core.failure import Reason, Refused
from mft.daemon.files import read_json, remove_unfinished
from mft.events import payloads as p
from mft.events.model import Emitter, Event

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


class Records(Generic[T]):
    """What a folder holds of each account: read once, and then what whoever writes it says."""

    def __init__(
        self,
        folder: Path,
        most: int,
        read: Callable[[Mapping[str, Any]], T],
        bus: Emitter,
        unreadable: Event[p.PathFailed],
    ) -> None:
        """Read them; each that cannot be read is told. Raises OSError for the folder.

        A file of more than `most` bytes cannot be. `read` makes a record of its fields, and raises
        ValueError with a sentence that shows nothing of them.
        """
        self._folder = folder
        self._known: dict[str, T | None] = {}  # by the file's name; None for one that is unreadable
        for name in _names(folder):
            path = folder / name
            try:
                self._known[name] = read(_fields(path, most))
            except (OSError, ValueError) as error:
                self._known[name] = None
                details = error.strerror if isinstance(error, OSError) else str(error)
                bus.emit(unreadable, p.PathFailed(str(path), str(path), details or ""))

    def __len__(self) -> int:
        """How many there are, also those that cannot be read."""
        return len(self._known)

    def __contains__(self, account: str) -> bool:
        """Whether there is one of an account, by its ID, also one that cannot be read."""
        return record_name(account) in self._known

    def of(self, account: str, what: str) -> T | None:
        """That of an account, by its ID; Refused(BROKEN), with `what` it is, if unreadable."""
        name = record_name(account)
        found = self._known.get(name)
        if found is None and name in self._known:
            raise Refused(Reason.BROKEN, "", f"{what} in {name} cannot be read")
        return found

    def path(self, account: str) -> Path:
        """The file of an account."""
        return self._folder / record_name(account)

    def put(self, account: str, value: T) -> None:
        """This is what there is of an account from now on."""
        self._known[record_name(account)] = value

    def drop(self, account: str) -> None:
        """There is nothing of an account from now on."""
        self._known.pop(record_name(account), None)


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
