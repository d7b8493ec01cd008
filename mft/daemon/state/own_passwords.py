"""Where passwords that accounts have given themselves are kept: a file each in state/passwords/.

All of them are read when the server starts. One that cannot be read lets nobody in: what it stood
before may be what its account wanted to be rid of. The nodes of a cluster share them, and the
files are copies then.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mft.auth.own_passwords import OwnPassword
from mft.auth.passwords import PasswordHash
from mft.core.failure import Reason, Refused
from mft.daemon.state.account_records import Kind, Records, prepare, record
from mft.daemon.state.files import replace
from mft.daemon.state.shared_kind import OUTRUN, SharedKind, instead
from mft.events import catalogue as events
from mft.events.model import Emitter
from mft.runtime.threads import Blocking

FOLDER: Final = "passwords"
MAX_SIZE: Final = 64 << 10  # bytes of one file; a hash has some 100, and a history bounds them


class KeptPasswords:
    """Those of one instance as they are now; nothing is written, and nobody can have another."""

    def __init__(self, state: Path, bus: Emitter) -> None:
        """Read them; each that cannot be read is told. Raises OSError for the folder."""
        self.changing: set[str] = set()
        self._records = Records(state, PASSWORDS, bus)

    def of(self, account: str) -> OwnPassword | None:
        """What an account, by its ID, has chosen; Refused(BROKEN) when it cannot be read."""
        return self._records.of(account)

    async def keep(self, account: str, own: OwnPassword, before: OwnPassword | None) -> None:
        """Keep none."""
        raise Refused(Reason.UNSUPPORTED, "", "passwords are only read")


class OwnPasswordFiles(KeptPasswords):
    """The files of one instance; nobody else changes them while it runs."""

    def __init__(self, state: Path, disk: Blocking, bus: Emitter) -> None:
        """Read them; each that cannot be read is told. Raises OSError for the folder."""
        prepare(state / FOLDER)
        self._disk = disk
        super().__init__(state, bus)
        self.sharing = SharedKind(self._records, disk, bus)

    async def keep(self, account: str, own: OwnPassword, before: OwnPassword | None) -> None:
        """Keep it, on disk before this returns; raises OSError, and then nothing has changed.

        Refused(BUSY) where `before` is no longer what there is. A node keeps it in the database,
        and is Refused(BROKEN) while that is away.
        """
        if self.sharing.shared:
            await self.sharing.change(account, instead(before, own))
            return
        if self.of(account) != before:
            raise Refused(Reason.BUSY, "", OUTRUN)
        text = record(account, _fields(own))
        await self._disk(replace, self._records.path(account), text, 0o600)
        self._records.put(account, own)


def _fields(own: OwnPassword) -> Mapping[str, Any]:
    return {
        "replaces": own.replaces,
        "password": own.hash.text,
        "changed": own.changed,
        "earlier": [one.text for one in own.earlier],
    }


def _of(fields: Mapping[str, Any]) -> OwnPassword:
    replaces, changed, earlier = (fields.get(key) for key in ("replaces", "changed", "earlier"))
    texts = [fields.get("password"), *(earlier if isinstance(earlier, list) else [None])]
    if not isinstance(replaces, str) or not isinstance(changed, int | float):
        raise ValueError("does not tell what it replaces, and since when")
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("has no hash, or no list of earlier ones")
    current, *before = map(PasswordHash.parse, map(str, texts))
    return OwnPassword(replaces, current, float(changed), tuple(before))


PASSWORDS: Final = Kind(
    "password",
    FOLDER,
    "its own password",
    MAX_SIZE,
    _of,
    _fields,
    lambda own: own.changed,
    events.OWN_PASSWORD_UNREADABLE,
)
