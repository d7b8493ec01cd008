"""mft without journal, permissions and limits.

`python -m tests.benchmarks.servers.bare run -c CONFIG` is `mft run -c CONFIG` with these replaced,
in this process only. What a call does only for an event is replaced with it: the values that the
event carries, and the paths on this machine that they name. Handlers of events, such as the text
log, run and are given nothing.
"""

from dataclasses import is_dataclass
from itertools import chain
from typing import Any

from mft.auth.permissions import ListMode, Rules
from mft.cli.main import main
from mft.events import payloads
from mft.events.bus import NOT_RECORDED, Bus
from mft.session.files import OpenFile
from mft.session.session import Session
from mft.vfs.local import LocalFileSystem


class Untold:
    """What stands where an event's values would: it takes them all, and keeps none."""

    __slots__ = ()

    def __init__(self, *_values: object, **_named: object) -> None:
        pass

    def __getattr__(self, _name: str) -> str:
        return ""


def nothing(*_values: object) -> None:
    """Neither tell nor refuse."""


def nowhere(_files: object, _path: object) -> str:
    """A path that only an event would have named."""
    return ""


def not_recorded(*_values: object) -> int:
    """The serial of an event that was not written."""
    return NOT_RECORDED


def allow(*_values: object) -> bool:
    """Allow everything."""
    return True


def everything(*_values: object) -> ListMode:
    """Show everything."""
    return ListMode.FULL


def uncounted(_session: Session, work: Any) -> Any:
    """The work itself: what is being opened is not counted."""
    return work


Replaced = tuple[tuple[type, str, object], ...]
JOURNAL: Replaced = (
    (Bus, "emit", not_recorded),
    (Session, "emit", nothing),
    (Session, "unrecordable", nothing),
    (Session, "_recordable", nothing),
    (Session, "real_path", nowhere),
    (LocalFileSystem, "real_path", nowhere),
    (OpenFile, "_tell_done", nothing),
    (OpenFile, "_tell_failed", nothing),
    (OpenFile, "_tell_block", nothing),
)
PERMISSIONS: Replaced = (
    (Rules, "allow", allow),
    (Rules, "list_mode", everything),
    (Session, "_permit", nothing),
)
LIMITS: Replaced = (
    (Session, "_may_open", nothing),
    (Session, "_begin", uncounted),
)


def strip(*more: Replaced) -> None:
    """Replace the journal and more; AttributeError when something is no longer called so."""
    for owner, name, other in chain(JOURNAL, *more):
        getattr(owner, name)
        setattr(owner, name, other)
    for name, value in tuple(vars(payloads).items()):
        if isinstance(value, type) and is_dataclass(value):
            setattr(payloads, name, Untold)


if __name__ == "__main__":
    strip(PERMISSIONS, LIMITS)
    main()
