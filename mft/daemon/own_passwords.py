"""Where passwords that accounts have given themselves are kept: a file each in state/passwords/.

All of them are read when the server starts. One that cannot be read lets nobody in: what it stood
before may be what its account wanted to be rid of.
"""

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from mft.auth.own_passwords import OwnPassword
from mft.auth.passwords import PasswordHash
from mft.core.failure import Reason, Refused
from mft.daemon.files import replace
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.handlers.base import Emitter
from mft.runtime.threads import Blocking

FOLDER: Final = "passwords"
SUFFIX: Final = ".json"
MAX_SIZE: Final = 64 << 10  # bytes of one file; a hash has some 100, and a history bounds them


class KeptPasswords:
    """Those of one instance as they are now; nothing is written, and nobody can have another."""

    def __init__(self, state: Path, bus: Emitter) -> None:
        """Read them; each that cannot be read is told. Raises OSError for the folder."""
        self.changing: set[str] = set()
        self._folder = state / FOLDER
        self._known: dict[str, OwnPassword | None] = {}  # by the names of files; None: unreadable
        for name in self._names():
            path = self._folder / name
            try:
                self._known[name] = _read(path)
            except (OSError, ValueError) as error:
                self._known[name] = None
                details = error.strerror if isinstance(error, OSError) else str(error)
                told = p.PathFailed(str(path), str(path), details or "")
                bus.emit(events.OWN_PASSWORD_UNREADABLE, told)

    def _names(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._folder) if name.endswith(SUFFIX)]
        except FileNotFoundError:
            return []

    def of(self, account: str) -> OwnPassword | None:
        """What an account, by its ID, has chosen; Refused(BROKEN) when it cannot be read."""
        name = _name(account)
        own = self._known.get(name)
        if own is None and name in self._known:
            raise Refused(Reason.BROKEN, "", f"its own password in {name} cannot be read")
        return own

    async def keep(self, account: str, own: OwnPassword) -> None:
        """Keep none."""
        raise Refused(Reason.UNSUPPORTED, "", "passwords are only read")


class OwnPasswordFiles(KeptPasswords):
    """The files of one instance; nobody else changes them while it runs."""

    def __init__(self, state: Path, disk: Blocking, bus: Emitter) -> None:
        """Read them; each that cannot be read is told. Raises OSError for the folder."""
        folder = state / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        for left in folder.glob("*.new"):  # by a process that was killed in the middle
            left.unlink()
        self._disk = disk
        super().__init__(state, bus)

    async def keep(self, account: str, own: OwnPassword) -> None:
        """Keep it, on disk before this returns; raises OSError, and then nothing has changed."""
        name = _name(account)
        await self._disk(replace, self._folder / name, _written(account, own), 0o600)
        self._known[name] = own


def _name(account: str) -> str:
    """A file name for an ID, whatever is in it."""
    return sha256(account.encode()).hexdigest() + SUFFIX


def _written(account: str, own: OwnPassword) -> bytes:
    fields = {
        "account": account,
        "replaces": own.replaces,
        "password": own.hash.text,
        "changed": own.changed,
        "earlier": [one.text for one in own.earlier],
    }
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2) + b"\n"


def _read(path: Path) -> OwnPassword:
    """Read a file; raises OSError, and ValueError with a sentence that shows nothing of it."""
    with path.open("rb") as file:
        text = file.read(MAX_SIZE + 1)
    if len(text) > MAX_SIZE:
        raise ValueError(f"is longer than {MAX_SIZE} bytes")
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError("is not JSON") from None
    if not isinstance(fields, dict) or _name(str(fields.get("account"))) != path.name:
        raise ValueError("is not about an account of this name")
    return _of(fields)


def _of(fields: Mapping[str, Any]) -> OwnPassword:
    replaces, changed, earlier = (fields.get(key) for key in ("replaces", "changed", "earlier"))
    texts = [fields.get("password"), *(earlier if isinstance(earlier, list) else [None])]
    if not isinstance(replaces, str) or not isinstance(changed, int | float):
        raise ValueError("does not tell what it replaces, and since when")
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("has no hash, or no list of earlier ones")
    current, *before = map(PasswordHash.parse, map(str, texts))
    return OwnPassword(replaces, current, float(changed), tuple(before))
