"""One kind of record that the nodes of a cluster share: the database has it, and the node a copy.

A record changes by its version only: who changes one names the version that it was made of, and
where another node was faster, the change is judged again by what there is then.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import orjson
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from mft.core.failure import Reason, Refused
from mft.daemon.state.account_records import SUFFIX, Known, Records, record_key
from mft.daemon.state.files import remove, replace
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Emitter
from mft.runtime.threads import Blocking

if TYPE_CHECKING:
    from mft.resources.cluster_records import RecordTable, Stored
    from mft.resources.cluster_seal import Seal

T = TypeVar("T")

TRIES: Final = 8  # of a change that other nodes were faster than
OUTRUN: Final = "it was changed otherwise at this moment"

log = Logger()

Change = Callable[[Known[T]], T | None]  # raises what keeps it from being made


def instead(before: T | None, then: T | None) -> Change[T]:
    """The change to something else, as long as there is what there was before."""

    def change(known: Known[T]) -> T | None:
        if known.wrong is not None or known.value != before:
            raise Refused(Reason.BUSY, "", OUTRUN)
        return then

    return change


class Sealed:
    """The table of a cluster, and what seals what is in it."""

    def __init__(self, table: "RecordTable", seal: "Seal | None", name: str) -> None:
        """`name` is that of the cluster; without a seal nothing is read or written."""
        self.table = table
        self.name = name
        self._seal = seal

    @property
    def seal(self) -> "Seal":
        """What seals; Refused where the cluster has no secret."""
        if self._seal is None:
            raise Refused(Reason.BROKEN, self.name, "the cluster has no secret in its options")
        return self._seal


class SharedKind(Generic[T]):
    """The records of one kind, while this server is a node."""

    def __init__(
        self,
        records: Records[T],
        disk: Blocking,
        bus: Emitter,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.records = records
        self.name = records.kind.name
        self.behind = False  # whether the database lacks something that is known here
        self._at: Sealed | None = None
        self._disk = disk
        self._bus = bus
        self._clock = clock
        self._changing: dict[str, DeferredLock] = {}  # by key, at most the accounts: one at a time
        self._uncopied: dict[str, None] = {}  # keys, in their order
        self._copying: Deferred[None] | None = None
        self._failing = False

    def use(self, at: Sealed | None) -> None:
        """Share them at a cluster; with None at none any more: then the files are what counts."""
        self._at = at

    @property
    def shared(self) -> bool:
        """Whether they are shared."""
        return self._at is not None

    async def copied(self) -> None:
        """Write the copies that are not written yet, as far as the disk takes them."""
        self.copy()
        if self._copying is not None:
            await self._copying

    # Changing one.

    async def change(self, account: str, change: Change[T], stored: int | None = None) -> T | None:
        """What there is of an account once it is changed, for every node.

        `change` makes it of what is known, and is asked again when another node was faster. Raises
        what that raises; Refused(BROKEN) while the database is away, and Refused(BUSY) when others
        were faster too often. `stored` is the version that the database has, if that is known.
        """
        key = record_key(account)
        async with self._changing.setdefault(key, DeferredLock()):
            for _ in range(TRIES):
                known = self.records.known(key)
                value = change(known)
                # Clocks of nodes differ: what is later must never seem to be earlier.
                moment = max(self._since(value), known.moment)
                made = Known(account, value, moment=moment)
                found = await self._write(key, known, made, stored)
                if found is None:
                    return value
                stored = found.version
        raise Refused(Reason.BUSY, "", OUTRUN)

    async def put_back(self, key: str, stored: int) -> bool:
        """Put what is known into the database, which has an older version of it, or none.

        Whether that was done: not where somebody else has written meanwhile.
        """
        async with self._changing.setdefault(key, DeferredLock()):
            known = self.records.known(key)
            if not known.account or known.wrong is not None:
                return False
            return await self._write(key, known, known, stored) is None

    async def look(self, account: str) -> int:
        """Hear what the database has of an account; gives its version, 0 for nothing."""
        key, at = record_key(account), self._there()
        (found,) = await at.table.read([self._place(key)])
        self.hear(key, found)
        return found.version

    async def _write(
        self, key: str, known: Known[T], made: Known[T], stored: int | None
    ) -> "Stored | None":
        """None once it is written; else what was there, which has been heard then."""
        from mft.resources.cluster_records import MAX_VERSION

        at = self._there()
        before = known.version if stored is None else stored
        version = max(before, known.version) + 1
        if version > MAX_VERSION:
            raise Refused(Reason.BROKEN, "", f"{self.records.kind.what} has a version that is none")
        text = at.seal.close(self._text(made), self.name, key, version)
        found = await at.table.write(self._place(key), made.account, before, version, text)
        if found.text != text:
            self.hear(key, found)
            return found
        if self.records.known(key).version < version:  # else somebody has gone on meanwhile
            self.records.put(made.account, made.value, version, made.moment)
            self._copy(key)
        return None

    # Hearing what others have written.

    def hear(self, key: str, found: "Stored") -> None:
        """Take what the database has, where this node knows nothing newer."""
        from mft.resources.cluster_records import MAX_VERSION

        known = self.records.known(key)
        if not found.version or (found.version == known.version and known.wrong is None):
            return
        try:
            if not 0 < found.version <= MAX_VERSION:
                raise ValueError("has a version that is none")
            theirs = self._read(key, found)
        except ValueError as error:
            if found.version >= known.version:
                place = f"{self._there().name}: {self.name} {key}"
                self.records.spoil(key, found.version, place, error)
            else:
                self.behind = True
            return
        if found.version >= known.version and (known.version or known.value is None):
            self._take(key, theirs)
        else:  # what this server had when it was alone, or newer than what the database has
            self._settle(key, known, theirs)

    def _settle(self, key: str, known: Known[T], theirs: Known[T]) -> None:
        """Both have something that the other has not heard of: what is later counts."""
        together = self.records.kind.together
        ours: T | None = known.value
        if together is not None and ours is not None and theirs.value is not None:
            ours = together(ours, theirs.value)
        elif theirs.moment > known.moment or (theirs.moment == known.moment and not known.version):
            ours = theirs.value
        if ours == theirs.value and not known.version:
            self._take(key, theirs)
            return
        self.behind = True
        if ours != known.value:
            moment = max(known.moment, theirs.moment)
            self.records.put(theirs.account, ours, known.version, moment)
            self._copy(key)

    def _take(self, key: str, theirs: Known[T]) -> None:
        self.records.put(theirs.account, theirs.value, theirs.version, theirs.moment)
        self._copy(key)

    def lacking(self, listed: dict[str, int]) -> Iterator[tuple[str, int]]:
        """What the database lacks of what is known here, and the version that it has instead.

        `listed` are the versions that it has, by key.
        """
        for key, known in self.records:
            stored = listed.get(key, 0)
            if known.wrong and not stored:
                self.records.mend(key)
                known = self.records.known(key)
            if known.wrong is not None or not known.account:
                continue
            if stored < known.version or (not known.version and known.value is not None):
                yield key, stored

    # The form of a record.

    def _there(self) -> Sealed:
        if self._at is None:
            raise Refused(Reason.ABORTED, "", "this server is no node any more")
        return self._at

    def _place(self, key: str) -> Any:
        from mft.resources.cluster_records import Place

        return Place(key, self.name)

    def _since(self, value: T | None) -> float:
        return self._clock() if value is None else self.records.kind.moment(value)

    def _text(self, known: Known[T]) -> bytes:
        value = known.value
        fields = None if value is None else self.records.kind.fields(value)
        return orjson.dumps({"account": known.account, "moment": known.moment, "record": fields})

    def _read(self, key: str, found: "Stored") -> Known[T]:
        """Open what the database has; raises ValueError with a sentence that shows nothing."""
        if not found.text:
            raise ValueError("is empty, or far too long")
        fields = orjson.loads(self._there().seal.open(found.text, self.name, key, found.version))
        if not isinstance(fields, dict):
            raise ValueError("is not about an account")
        account, moment, record = (fields.get(name) for name in ("account", "moment", "record"))
        if not isinstance(account, str) or record_key(account) != key:
            raise ValueError("is about another account")
        if not isinstance(moment, int | float) or not isinstance(record, Mapping | None):
            raise ValueError("does not tell since when it counts, or what there is")
        value = None if record is None else self.records.kind.read(record)
        return Known(account, value, found.version, float(moment))

    # Copies.

    def _copy(self, key: str) -> None:
        """Write the file as well, some time: it is needed where the database is away only."""
        self._uncopied[key] = None
        self.copy()

    def copy(self) -> None:
        """Go on with the copies, where some could not be written before."""
        if self._uncopied and self._copying is None:
            self._copying = Deferred.fromCoroutine(self._write_copies())
            self._copying.addErrback(lambda failure: log.failure("copies of records", failure))
            self._copying.addBoth(self._has_copied)

    def _has_copied(self, result: None) -> None:
        self._copying = None

    async def _write_copies(self) -> None:
        """Up to the first that the disk does not take: with that one it goes on later."""
        while self._uncopied:
            key = next(iter(self._uncopied))
            del self._uncopied[key]
            path = self.records.folder / f"{key}{SUFFIX}"
            text = self.records.text(self.records.known(key))
            try:
                if text is None:
                    await self._disk(remove, path)
                else:
                    await self._disk(replace, path, text, 0o600)
            except (OSError, Refused) as error:
                self._uncopied[key] = None
                self._tell_failing(str(path), error)
                return
            self._failing = False

    def _tell_failing(self, path: str, error: OSError | Refused) -> None:
        details = error.strerror if isinstance(error, OSError) else str(error)
        if not self._failing:
            self._bus.emit(events.RECORD_COPY_UNWRITTEN, p.PathFailed(path, path, details or ""))
        self._failing = True
