"""Where accounts' own second factors are kept: a file each in state/one-time-codes/.

All of them are read when the server starts. While one cannot be read, no password of its account
lets in: without its code, somebody who only has the password would enter. The nodes of a cluster
share them, and the files are copies then.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import DeferredLock

from mft.auth.own_factors import OwnFactor
from mft.auth.time_codes import MAX_RECOVERY_CODES, PERIOD, TimeCodes, is_recovery_digest
from mft.core.failure import Reason, Refused
from mft.daemon.state.account_records import Kind, Records, prepare, record, record_key
from mft.daemon.state.files import remove, replace
from mft.daemon.state.shared_kind import OUTRUN, SharedKind, instead
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Emitter
from mft.runtime.threads import Blocking

FOLDER: Final = "one-time-codes"
MAX_SIZE: Final = 16 << 10  # bytes of one file; ten recovery codes have 700
LABEL: Final = "own"  # of every URI: an ID may be longer than what is read of one


class KeptFactors:
    """Those of one instance as they are now; nothing is written, and nobody can have another."""

    def __init__(self, state: Path, bus: Emitter) -> None:
        """Read them; each that cannot be read is told. Raises OSError for the folder."""
        self._records = Records(state, FACTORS, bus)

    @property
    def some(self) -> bool:
        """Whether any account has one, or had one that cannot be read."""
        return self._records.some

    def of(self, account: str) -> OwnFactor | None:
        """That of an account, by its ID; Refused(BROKEN) when it cannot be read."""
        return self._records.of(account)

    async def keep(self, account: str, own: OwnFactor | None, before: OwnFactor | None) -> None:
        """Keep none."""
        raise Refused(Reason.UNSUPPORTED, "", "second factors are only read")


class OwnFactorFiles(KeptFactors):
    """The files of one instance; nobody else changes them while it runs."""

    def __init__(self, state: Path, disk: Blocking, bus: Emitter) -> None:
        """Read them; each that cannot be read is told. Raises OSError for the folder."""
        prepare(state / FOLDER)
        self._disk = disk
        self._bus = bus
        self._writing = DeferredLock()  # what is on disk last is what counts
        super().__init__(state, bus)
        self.sharing = SharedKind(self._records, disk, bus)

    async def keep(self, account: str, own: OwnFactor | None, before: OwnFactor | None) -> None:
        """Keep it, or with None no other; on disk before this returns.

        Raises OSError, and then nothing has changed; Refused(BUSY) where `before` is no longer
        what there is. A node keeps it in the database, and is Refused(BROKEN) while that is away.
        """
        if self.sharing.shared:
            await self.sharing.change(account, instead(before, own))
            return
        if self.of(account) != before:
            raise Refused(Reason.BUSY, "", OUTRUN)
        await self._keep_here(account, own)

    async def _keep_here(self, account: str, own: OwnFactor | None) -> None:
        path = self._records.path(account)
        async with self._writing:
            if own is None:
                await self._disk(remove, path)
                self._records.drop(account)
            else:
                await self._disk(replace, path, record(account, _fields(own)), 0o600)
                self._records.put(account, own)

    async def take_away(self, account: str, name: str) -> bool:
        """Remove those of an account, by its ID, for an administrator; False when it has none.

        Those that cannot be read can be removed as well. Raises OSError and Refused as `keep` does.
        """
        shared = self.sharing.shared
        stored = await self.sharing.look(account) if shared else None
        known = self._records.known(record_key(account))
        if known.value is None and known.wrong is None:
            return False
        if shared:
            await self.sharing.change(account, lambda known: None, stored)
        else:
            await self._keep_here(account, None)
        self._bus.emit(events.SECOND_FACTOR_TAKEN_AWAY, p.SecondFactorOf(name, account))
        return True


def _fields(own: OwnFactor) -> Mapping[str, Any]:
    return {
        "codes": own.codes.uri(LABEL, "mft"),
        "recovery": sorted(own.recovery),
        "begun": own.begun,
    }


def _of(fields: Mapping[str, Any]) -> OwnFactor:
    codes, recovery, begun = (fields.get(key) for key in ("codes", "recovery", "begun"))
    if not isinstance(codes, str) or not isinstance(begun, int) or isinstance(begun, bool):
        raise ValueError("does not tell what makes the codes, and which was the first")
    if not isinstance(recovery, list) or len(recovery) > MAX_RECOVERY_CODES:
        raise ValueError("has no list of recovery codes")
    if not all(isinstance(one, str) and is_recovery_digest(one) for one in recovery):
        raise ValueError("has a recovery code that is none")
    return OwnFactor(TimeCodes.parse(codes), frozenset(recovery), begun)


FACTORS: Final = Kind(
    "codes",
    FOLDER,
    "its own one-time codes",
    MAX_SIZE,
    _of,
    _fields,
    lambda own: float(own.begun * PERIOD),
    events.OWN_SECOND_FACTOR_UNREADABLE,
)
