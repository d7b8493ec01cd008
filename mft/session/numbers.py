"""Which event tells what: every protocol has its own numbers for the same facts, and its own keys.

What a protocol does not know as a request of its own (SFTP has no working folder, FTP no file that
is open for both reading and writing) is told as the nearest that it has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from mft.events import payloads as p
from mft.events.model import Event

if TYPE_CHECKING:
    from mft.session.files import OpenFile

A = TypeVar("A")
B = TypeVar("B")
W = TypeVar("W")

Metadata = Mapping[str, list[str]]  # what a client says of a file that it sends
NO_METADATA: Final[Metadata] = MappingProxyType({})


class Outcome(NamedTuple, Generic[A, B]):
    """The events of one operation: asked for (only told on request), done, and failed."""

    asked: Event[A] | None
    done: Event[A]
    failed: Event[B]


class Telling(NamedTuple, Generic[W, A, B]):
    """An `Outcome` of something done to one path, and how its data is made.

    `of` takes the path, the real path and what the protocol says of the operation; `why` takes
    the details of the refusal as well.
    """

    asked: Event[A] | None
    done: Event[A]
    failed: Event[B]
    of: Callable[[str, str, W], A]
    why: Callable[[str, str, W, str], B]


class Opened(NamedTuple, Generic[A, B]):
    """The events of opening a file; `why` takes what there is when there is no open file."""

    done: Event[A]
    failed: Event[B]
    of: "Callable[[OpenFile], A]"
    why: "Callable[[Unopened], B]"


class Closed(NamedTuple, Generic[A, B]):
    """The events of the end of an open file; `why` takes the details of a failure as well."""

    done: Event[A]
    failed: Event[B]
    of: "Callable[[OpenFile], A]"
    why: "Callable[[OpenFile, str], B]"


class Sought(NamedTuple):
    """How a folder is listed: by which command, and which names of it (empty: all)."""

    operation: str = ""
    glob: str = ""


class Unopened(NamedTuple):
    """A file that could not be opened; `offset` is where it was to be read or written."""

    path: str
    real_path: str
    mode: str
    requested_path: str
    offset: int
    details: str
    metadata: Metadata = NO_METADATA


Simple = Telling[str, Any, Any]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The events of one protocol; a protocol that lacks one cannot be built."""

    stat: Simple
    list: Telling[Sought, Any, Any]
    enter: Simple
    remove: Simple
    make_directory: Simple
    remove_directory: Simple
    set_attributes: Simple
    read_link: Simple
    make_link: Simple
    rename: Outcome[p.Renamed, p.RenameFailed]
    copy: Outcome[p.Copied, p.CopyFailed]
    checksum: Outcome[p.Checksum, p.PathFailed]
    reading: Opened[Any, Any]
    writing: Opened[Any, Any]
    appending: Opened[Any, Any]
    download: Closed[Any, Any]
    upload: Closed[Any, Any]
    change: Closed[Any, Any]  # of a file that was open for both
    read_failed: Event[p.BlockFailed] | None  # None: only the end of the file tells of it
    write_failed: Event[p.BlockFailed] | None


def path_of(path: str, real_path: str, what: str) -> p.PathOf:
    """The path is all there is to tell."""
    return p.PathOf(path, real_path)


def path_failed(path: str, real_path: str, what: object, details: str) -> p.PathFailed:
    """The path and why are all there is to tell."""
    return p.PathFailed(path, real_path, details)


def by_path(
    asked: Event[p.PathOf] | None, done: Event[p.PathOf], failed: Event[p.PathFailed]
) -> Telling[str, p.PathOf, p.PathFailed]:
    """An operation of which only the path is told."""
    return Telling(asked, done, failed, path_of, path_failed)
