"""A location over a server in memory, and those who borrow from it."""

from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mft.core.failure import Reason, Refused
from mft.remote.base import LocationOptions, Remote
from mft.remote.location import Around, Location
from tests.fakes.remote import MemoryConnector, Peer
from tests.fakes.trail import Trail

T = TypeVar("T")


class Begun(Generic[T]):
    """A coroutine that was begun, and may wait."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._done: list[Any] = []
        self.deferred = Deferred.fromCoroutine(work)
        self.deferred.addBoth(self._done.append)

    @property
    def waits(self) -> bool:
        """Whether it has not ended."""
        return not self._done

    @property
    def result(self) -> T:
        """What it gave; raises what it raised."""
        assert self._done, "it waits"
        if hasattr(self._done[0], "raiseException"):
            self._done[0].raiseException()
        found: T = self._done[0]
        return found

    @property
    def reason(self) -> Reason:
        """Why it was refused."""
        return self.refusal.reason

    @property
    def refusal(self) -> Refused:
        """The refusal that it ended with."""
        assert self._done, "it waits"
        refused = self._done[0].value
        assert isinstance(refused, Refused), refused
        return refused


class Borrower:
    """Borrows a connection, and keeps it until it is told to give it back."""

    def __init__(self, location: Location, folder: str = "/") -> None:
        self._lent: AbstractAsyncContextManager[Remote] = location.borrow(folder)
        self.begun = Begun(self._lent.__aenter__())

    @property
    def remote(self) -> Remote:
        """What it has borrowed."""
        return self.begun.result

    def give_back(self, error: BaseException | None = None) -> None:
        """Leave the block, by an exception or not."""
        kind = None if error is None else type(error)
        Begun(self._lent.__aexit__(kind, error, None))


class Lending:
    """A started location, its peer, its clock and its trail."""

    def __init__(self, *, steps: bool = False, **options: str) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.peer = Peer(self.clock.seconds)
        self.trail = Trail()
        self._borrowers: list[Borrower] = []
        self.connector = MemoryConnector(self.peer)
        given = {"type": "memory", "name": "partner", **options}
        self.location = Location(
            self.connector,
            LocationOptions.model_validate(given),
            Around(self.clock, self.trail, steps),
        )
        assert Begun(self.location.start()).result is None

    def borrow(self, folder: str = "/") -> Borrower:
        """Begin to borrow; who is forgotten here would give back what he has."""
        self._borrowers.append(Borrower(self.location, folder))
        return self._borrowers[-1]

    def use(self, folder: str = "/") -> None:
        """Borrow, and give back at once."""
        self.borrow(folder).give_back()

    def refuse(self, reason: Reason, times: int = 1, details: str = "") -> None:
        """Let the next connections be refused."""
        self.peer.refuses["connect"] = [Refused(reason, "", details) for _ in range(times)]

    def pass_time(self, seconds: float) -> None:
        """Let time pass, a second at a time."""
        whole, rest = divmod(seconds, 1)
        self.clock.pump([1.0] * int(whole) + [rest])

    @property
    def connects(self) -> int:
        """How often it was tried to connect."""
        return len(self.peer.asked_for("connect"))
