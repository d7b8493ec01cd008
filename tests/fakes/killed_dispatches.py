"""Dispatches that are killed, and desks for them: see `killed`."""

import errno
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from mft.events.model import Occurrence
from mft.vfs.rename import reserving_rename
from tests.fakes.dispatching import Desk
from tests.fakes.killed import arm
from tests.fakes.occurrences import told as occurred
from tests.fakes.run import run


class Case(NamedTuple):
    """Rules, and what is there once they are done for a.pdf."""

    rules: str
    out: tuple[str, ...]
    left: bool  # whether the source stays
    options: Mapping[str, Any] = MappingProxyType({})
    links: bool = True  # whether the disk lets a file have two names
    old: bool = False  # whether something has the name
    kernel: bool = True  # whether the system renames without replacing, in one call


PARENT = {"create_destination_folder": "parent"}
OVER = {"overwrite_rule": "overwrite"}
PART = {"destination_temporary_suffix": ".part"}
LIST = {"dispatch_attribute": "destination_paths"}
CASES = {
    "copy": Case("copy, *, OUT, OUT/two", ("a.pdf", "two/a.pdf"), True, PARENT),
    "copy over": Case("copy, *, OUT", ("a.pdf",), True, OVER, old=True),
    "move": Case("move, *, OUT", ("a.pdf",), False),
    "move over": Case("move, *, OUT", ("a.pdf",), False, OVER, old=True),
    "move to two": Case("move, *, OUT, OUT/two", ("a.pdf", "two/a.pdf"), False, PARENT),
    "move to another disk": Case("move, *, OUT", ("a.pdf",), False, links=False),
    "rename": Case("rename, *, OUT", ("a.pdf",), False),
    "delete": Case("delete, *", (), False),
    "copy with a suffix": Case("copy, *, OUT", ("a.pdf",), True, PART),
    "move with a suffix": Case("move, *, OUT", ("a.pdf",), False, PART),
    "move to another disk with a suffix": Case("move, *, OUT", ("a.pdf",), False, PART, False),
    "copy in two calls": Case("copy, *, OUT", ("a.pdf",), True, PART, kernel=False),
    "move in two calls": Case("move, *, OUT", ("a.pdf",), False, kernel=False),
    "rename in two calls": Case("rename, *, OUT", ("a.pdf",), False, kernel=False),
}
A_LIST = Case("copy, *, OUT", ("a", "b", "c"), True, LIST)


def no_links(*words: Any, **named: Any) -> None:
    """What a disk says on which a file has one name."""
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def desk_of(directory: Path, case: Case) -> Desk:
    """The same desk again, as after a restart."""
    at = Desk(directory, rules=case.rules, **case.options)
    if not case.kernel:
        at.made["rename_new"] = reserving_rename
    return at


class Told(NamedTuple):
    """What makes an upload an occurrence, for another process."""

    serial: int
    time: float
    data: Mapping[str, Any]

    @classmethod
    def of(cls, told: Occurrence) -> "Told":
        """What there is to tell."""
        return cls(told.serial, told.time, told.data)

    def occurrence(self) -> Occurrence:
        """The same one again."""
        return occurred(serial=self.serial, time=self.time)._replace(data=dict(self.data))


def dispatch(directory: Path, case: Mapping[str, Any], told: Told, at_call: int) -> None:
    """One dispatch in this process, which ends before a call of the system."""
    chosen = Case(**case)
    if not chosen.links:
        os.link = no_links
    handler = desk_of(directory, chosen).dispatcher()
    arm(at_call)
    run(handler.handle_many([told.occurrence()]))


def dispatch_once(directory: Path) -> None:
    """One dispatch to its end, so that everything it needs is there."""
    at = Desk(directory)
    at.handle(at.told(at.put()))
    at.close()


def dispatch_half(directory: Path, options: Mapping[str, Any], told: Told) -> None:
    """One dispatch to another disk in this process, which ends before anything is copied."""
    handler = Desk(directory, **options).dispatcher()
    write = os.write

    def one(descriptor: int, data: Any) -> int:
        if bytes(data) == b"whole":
            os.kill(os.getpid(), signal.SIGKILL)
        return write(descriptor, data)

    os.link = no_links
    os.write = one
    run(handler.handle_many([told.occurrence()]))
