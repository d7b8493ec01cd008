"""Link: how a node asks the database of its cluster; all that waits goes in one round trip."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from twisted.internet.defer import CancelledError, Deferred

from mft.core.failure import Reason, Refused
from mft.resources.cluster_calls import Call, Row
from mft.runtime.threads import Blocking

MOST_WAITING: Final = 1000  # that have asked and have no answer; those beyond are refused
MOST_TOGETHER: Final = 100  # of them in one round trip

Rows = Sequence[Sequence[Row]]  # for each call its rows


class Batches(Protocol):
    """What asks the database; it blocks."""

    label: str

    def batch(self, calls: Sequence[Call]) -> list[list[Row]]:
        """Do all of them or none; raises Refused, and ValueError where a value is wrong."""

    def close(self) -> None:
        """Let it go."""


class _Asked(NamedTuple):
    key: str
    calls: Sequence[Call]
    answer: "Deferred[list[list[Row]]]"


class Link:
    """One thread asks at a time, for everybody who waits.

    While the database is away whoever asks is refused at once; `probe` finds out that it is back.
    `changed` hears of both, with what the database said.
    """

    def __init__(
        self,
        database: Batches,
        outside: Blocking,
        changed: Callable[[bool, str], object],
    ) -> None:
        self.away = False
        self._database = database
        self._outside = outside
        self._changed = changed
        self._waiting: list[_Asked] = []
        self._serving = False
        self._served: Deferred[None] | None = None
        self._closed = False

    async def ask(self, *calls: Call, key: str = "", probe: bool = False) -> list[list[Row]]:
        """The rows of each call: in one transaction, which others may share.

        Calls of different nodes that lock one row each name it as `key`: they are made in the
        order of their keys, so that no two nodes wait for each other. Raises Refused(BROKEN)
        while the database is away, Refused(BUSY) where too many wait, and Refused(INVALID) for a
        value that it does not take.
        """
        if self._closed:
            raise Refused(Reason.ABORTED, self._database.label, "this node has left the cluster")
        if self.away and not probe:
            told = "the database that the nodes share is away"
            raise Refused(Reason.BROKEN, self._database.label, told)
        if len(self._waiting) >= MOST_WAITING:
            told = f"{MOST_WAITING} others wait for the database that the nodes share"
            raise Refused(Reason.BUSY, self._database.label, told)
        answer: Deferred[list[list[Row]]] = Deferred()
        asked = _Asked(key, calls, answer)
        self._waiting.append(asked)
        if not self._serving:
            self._serving = True
            self._served = Deferred.fromCoroutine(self._serve())
        try:
            return await answer
        except CancelledError:
            if asked in self._waiting:
                self._waiting.remove(asked)
            raise

    async def close(self) -> None:
        """Refuse whoever waits, and let the database go."""
        self._closed = True
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            _fail(one, Refused(Reason.ABORTED, self._database.label, "this node leaves"))
        if self._served is not None:
            await self._served
        await self._outside(self._database.close)

    async def _serve(self) -> None:
        try:
            while self._waiting:
                taken = sorted(self._waiting[:MOST_TOGETHER], key=lambda one: one.key)
                del self._waiting[:MOST_TOGETHER]
                await self._round(taken)
        finally:
            self._serving = False

    async def _round(self, taken: Sequence[_Asked]) -> None:
        try:
            rows = await self._outside(
                self._database.batch, [c for one in taken for c in one.calls]
            )
        except ValueError as error:  # one of them is the reason: the others need not suffer
            if len(taken) == 1:
                _fail(taken[0], Refused(Reason.INVALID, self._database.label, str(error)))
            else:
                for one in taken:
                    await self._round([one])
            return
        except Exception as error:
            self._is_away(True, str(error))
            for one in taken:
                _fail(one, error)
            return
        self._is_away(False, "")
        for one in taken:
            if not one.answer.called:
                one.answer.callback(rows[: len(one.calls)])
            rows = rows[len(one.calls) :]

    def _is_away(self, away: bool, details: str) -> None:
        if away is not self.away:
            self.away = away
            self._changed(away, details)


def _fail(one: _Asked, error: Exception) -> None:
    if not one.answer.called:
        one.answer.errback(error)
