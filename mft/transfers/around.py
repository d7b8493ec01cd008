"""What the parts of one transfer are given to work with."""

import hashlib
import posixpath
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, Protocol, TypeVar

from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.core.vpath import VPath
from mft.events.model import Emitter, Event
from mft.remote.base import Remote
from mft.runtime.buffers import Buffers
from mft.runtime.program import Finished
from mft.transfers.asked import Asked
from mft.transfers.hold import ALONE, Hold
from mft.transfers.options import TransferOptions
from mft.transfers.transfer_queue import TransferQueue

D = TypeVar("D")

MARK: Final = 8  # characters that tell a transfer from others: 32 bits


class Place(Protocol):
    """A location, as transfers use it."""

    component: Component

    def borrow(self, folder: str) -> AbstractAsyncContextManager[Remote]:
        """Lend a connection whose paths begin at a folder; raises Refused."""

    async def available(self) -> None:
        """Wait until connections are lent; raises Refused when they never will be."""


class Places(Protocol):
    """Every location by its ID; None is this machine."""

    def __call__(self, uuid: str | None, /) -> Place:
        """One of them; raises Refused(NOT_FOUND) for one that is not there."""


class RunProgram(Protocol):
    """Runs a program of this machine."""

    def __call__(
        self, argv: list[str], env: dict[str, str | bytes], timeout: float
    ) -> Coroutine[Any, Any, Finished]:
        """Run it to its end; raises OSError when it cannot be started."""


@dataclass(frozen=True, slots=True)
class Around:
    """What one transfer has."""

    component: Component
    options: TransferOptions
    bus: Emitter
    queue: TransferQueue
    ask: Asked
    clock: Any  # the reactor
    now: Callable[[], float]  # wall-clock time; in a cluster that of its database, for all nodes
    zone: tzinfo  # of this machine
    buffers: Buffers
    run: RunProgram
    log: Callable[[str], object]
    notices: bool = False  # whether the system tells of changes in the source, if it can
    hold: Hold = ALONE
    mark: str = field(init=False)  # of this transfer in temporary names
    _origin: Origin = field(init=False)  # one object: its form in the journal is kept beside it

    def __post_init__(self) -> None:
        mark = hashlib.sha256(self.component.uuid.encode()).hexdigest()[:MARK]
        object.__setattr__(self, "mark", mark)
        object.__setattr__(self, "_origin", Origin(PROCESS, NOWHERE, self.component))

    @property
    def stable_after(self) -> float:
        """How many seconds a file must rest; a look comes when that is over, or the next one."""
        options = self.options
        return options.stable_interval if self.notices else options.stable_after

    def tell(self, event: Event[D], payload: D) -> None:
        """Tell an event of this transfer."""
        self.bus.emit(event, payload, self._origin)

    def moment(self, seconds: float) -> datetime:
        """A moment in the time zone of this machine."""
        return datetime.fromtimestamp(seconds, UTC).astimezone(self.zone)

    def at_source(self, path: VPath) -> str:
        """A file of the source, as people write it."""
        return shown(self.options.source_path, path)

    def at_source_text(self, path: str) -> str:
        """The same for a path as the queue has it."""
        return posixpath.join(self.options.source_path or "/", path.lstrip("/"))


def shown(folder: str, path: VPath) -> str:
    """A path below a folder, as people write it."""
    return posixpath.join(folder or "/", *path.parts)
