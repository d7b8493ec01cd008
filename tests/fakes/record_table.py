"""The table of records of a cluster, in memory."""

from collections.abc import Sequence
from typing import Any

from mft.core.secret import Secret
from mft.daemon.state.shared_kind import Sealed
from mft.resources.cluster_records import PAGE, Listed, Place, Stored
from mft.resources.cluster_seal import Seal


class TableInMemory:
    """What `RecordTable` promises, until the end of the test; nothing in it ever changes late."""

    def __init__(self) -> None:
        self.rows: dict[Place, Stored] = {}

    async def page(
        self, after: Place, since: float | None = None, but: str = ""
    ) -> Sequence[Listed]:
        """The records behind a place."""
        found = sorted(place for place in self.rows if place > after)
        return [Listed(place, self.rows[place].version) for place in found[:PAGE]]

    async def read(self, places: Sequence[Place]) -> list[Stored]:
        """Those at some places."""
        return [self.rows.get(place, Stored()) for place in places]

    async def write(self, place: Place, name: str, before: int, then: int, sealed: str) -> Stored:
        """Write a record over the one of a version."""
        if self.rows.get(place, Stored()).version == before:
            self.rows[place] = Stored(then, sealed)
        return self.rows.get(place, Stored())


def in_memory(table: TableInMemory | None = None) -> Sealed:
    """A place to share records at."""
    seal = Seal(Secret("a secret of the nodes that nobody guesses"), "records")
    made: Any = table or TableInMemory()
    return Sealed(made, seal, "us")
