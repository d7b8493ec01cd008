"""Which event tells what: every protocol has its own numbers for the same facts."""

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from mft.events import payloads as p
from mft.events.model import Event

A = TypeVar("A")
B = TypeVar("B")


class Outcome(NamedTuple, Generic[A, B]):
    """The events of one operation: asked for (only told on request), done, and failed."""

    asked: Event[A] | None
    done: Event[A]
    failed: Event[B]


Simple = Outcome[p.PathOf, p.PathFailed]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The events of one protocol; a protocol that lacks one cannot be built."""

    stat: Simple
    list: Simple
    remove: Simple
    make_directory: Simple
    remove_directory: Simple
    set_attributes: Simple
    read_link: Simple
    make_link: Simple
    rename: Outcome[p.Renamed, p.RenameFailed]
    opened: Event[p.Opened]
    open_failed: Event[p.OpenFailed]
    upload_done: Event[p.Uploaded]
    upload_failed: Event[p.UploadFailed]
    download_done: Event[p.Downloaded]
    download_failed: Event[p.DownloadFailed]
    change_done: Event[p.Changed]
    change_failed: Event[p.ChangeFailed]
    read_failed: Event[p.BlockFailed]
    write_failed: Event[p.BlockFailed]
