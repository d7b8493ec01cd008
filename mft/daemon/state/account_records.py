"""Records of accounts: JSON files in a folder of state/, each under a name that no ID chooses.

What cannot be read of an account is never taken for nothing.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar

import orjson

from mft.core.failure import Reason, Refused
from mft.daemon.state.files import read_json, remove_unfinished
from mft.events import payloads as p
from mft.events.model import Emitter, Event

T = TypeVar("T")

SUFFIX: Final = ".json"
KEYS: Final = 4096  # that are remembered, some 600 KiB: a login asks for several of one account
MOST_KEY: Final = 190  # characters of a key in a database
FILE: Final = 0  # what is wrong where it is the file that cannot be read


@lru_cache(KEYS)
def record_key(account: str) -> str:
    """What stands for the ID of an account, whatever is in it: in names of files, and in keys."""
    return sha256(account.encode()).hexdigest()


def key_of(account: str) -> str:
    """The ID of an account as a key of the database: itself, or its digest."""
    if len(account) <= MOST_KEY and account.isascii() and account.isprintable():
        return account
    return f"sha256:{sha256(account.encode(errors='surrogatepass')).hexdigest()}"


def record_name(account: str) -> str:
    """The name of the file of an account."""
    return record_key(account) + SUFFIX


def prepare(folder: Path) -> None:
    """Make the folder, and remove what a process left that was killed while it wrote.

    Raises OSError.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    remove_unfinished(folder)


class Kind(NamedTuple, Generic[T]):
    """One kind of record: where it is, and how it is read and written."""

    name: str  # in the database of a cluster
    folder: str  # in state/
    what: str  # that cannot be read, in sentences
    most: int  # bytes of one
    read: Callable[[Mapping[str, Any]], T]  # raises ValueError, and shows nothing of what it reads
    fields: Callable[[T], Mapping[str, Any]]
    moment: Callable[[T], float]  # since when it counts, in seconds since the epoch
    unreadable: Event[p.PathFailed]
    together: Callable[[T, T], T] | None = None  # of two servers; without it, the later counts


class Known(NamedTuple, Generic[T]):
    """What is known of an account; without a value that there is nothing of it."""

    account: str = ""
    value: T | None = None
    version: int = 0  # in the cluster; 0: it is of this server alone
    moment: float = 0.0  # since when it counts
    wrong: int | None = None  # the version of what cannot be read, or FILE
    change: int = 0  # of all changes of these records, the one by which it is known


class Records(Generic[T]):
    """What is known of each account: read once, and then what whoever writes it says."""

    def __init__(self, state: Path, kind: Kind[T], bus: Emitter) -> None:
        """Read them; each that cannot be read is told. Raises OSError for the folder."""
        self.kind = kind
        self.folder = state / kind.folder
        self.closed = ""  # why nothing is said of anybody
        self.changes = 0
        self._bus = bus
        self._there = 0  # that have a value, or one that cannot be read
        self._spoiled = 0  # that cannot be read, and are of a cluster
        self._known: dict[str, Known[T]] = {}
        for name in _names(self.folder):
            path, key = self.folder / name, name.removesuffix(SUFFIX)
            try:
                fields = _fields(path, kind.most)
                value, shared = kind.read(fields), _shared(fields)
            except (OSError, ValueError) as error:
                self.spoil(key, FILE, str(path), error)
            else:
                self.put(str(fields["account"]), value, *shared)

    @property
    def some(self) -> bool:
        """Whether there is anything of anybody, also what cannot be read."""
        return self._there > 0

    @property
    def spoiled(self) -> bool:
        """Whether the database of a cluster has something that cannot be read."""
        return self._spoiled > 0

    def __iter__(self) -> Iterator[tuple[str, Known[T]]]:
        """Everything, by key, as it is now."""
        return iter(tuple(self._known.items()))

    def of(self, account: str) -> T | None:
        """That of an account, by its ID; Refused(BROKEN) if it cannot be read, or none is known."""
        if self.closed:
            raise Refused(Reason.BROKEN, "", self.closed)
        return self.read(record_key(account))

    def read(self, key: str) -> T | None:
        """The same by its key, whether or not others may know yet."""
        known = self.known(key)
        if known.wrong is not None:
            raise Refused(Reason.BROKEN, "", f"{self.kind.what} in {key}{SUFFIX} cannot be read")
        return known.value

    def known(self, key: str) -> Known[T]:
        """All that is known of an account, by its key."""
        return self._known.get(key) or Known()

    def path(self, account: str) -> Path:
        """The file of an account."""
        return self.folder / record_name(account)

    def put(
        self, account: str, value: T | None, version: int = 0, moment: float | None = None
    ) -> None:
        """This is what there is of an account from now on, and since a moment."""
        since = moment if moment is not None else 0.0 if value is None else self.kind.moment(value)
        self._set(record_key(account), Known(account, value, version, since))

    def drop(self, account: str) -> None:
        """There is nothing of an account from now on."""
        self._set(record_key(account), None)

    def spoil(self, key: str, version: int, place: str, error: OSError | ValueError) -> None:
        """What there is of an account from now on cannot be read: that is told once."""
        known = self.known(key)
        if known.wrong != version:
            details = error.strerror if isinstance(error, OSError) else str(error)
            self._bus.emit(self.kind.unreadable, p.PathFailed(place, place, details or ""))
            self._set(key, known._replace(wrong=version))

    def mend(self, key: str) -> None:
        """What could not be read is gone: what was known before counts."""
        self._set(key, self.known(key)._replace(wrong=None))

    def _set(self, key: str, known: Known[T] | None) -> None:
        self.changes += 1
        before = self._known.get(key)
        self._there += _is_there(known) - _is_there(before)
        self._spoiled += _is_spoiled(known) - _is_spoiled(before)
        if known is None:
            self._known.pop(key, None)
        else:
            self._known[key] = known._replace(change=self.changes)

    def text(self, known: Known[T]) -> bytes | None:
        """What the file of an account holds; None for no file."""
        if known.value is None:
            return None
        shared = {"version": known.version, "moment": known.moment} if known.version else {}
        return record(known.account, {**self.kind.fields(known.value), **shared})


def record(account: str, fields: Mapping[str, Any]) -> bytes:
    """What the file of an account holds."""
    return orjson.dumps({"account": account, **fields}, option=orjson.OPT_INDENT_2) + b"\n"


def _is_there(known: Known[T] | None) -> bool:
    return known is not None and (known.value is not None or known.wrong is not None)


def _is_spoiled(known: Known[T] | None) -> bool:
    return known is not None and bool(known.wrong)


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


def _shared(fields: Mapping[str, Any]) -> tuple[int, float | None]:
    """The version and the moment that a copy of what a cluster has tells of."""
    version, moment = fields.get("version", 0), fields.get("moment")
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise ValueError("has a version that is none")
    if not isinstance(moment, int | float | None):
        raise ValueError("has a moment that is none")
    return version, moment
