"""Origins and occurrences with the usual values filled in."""

from mft.core.peer import NOWHERE, PROCESS, Actor, Address, Component, Origin
from mft.events import catalogue, payloads
from mft.events.model import Occurrence

SERVER = Component("server-1", "server", "files")
SERVICE = Component("ssh-1", "ssh", "sftp")
ALICE = Origin(Actor("alice-1", "alice"), Address("192.0.2.7", 51234), SERVICE)
SYSTEM = Origin(PROCESS, NOWHERE, SERVER)


def uploaded(path: str = "/inbox/a.csv") -> payloads.Uploaded:
    """An upload of ten bytes."""
    return payloads.Uploaded(path, f"/srv/alice{path}", 10, 1000, 0.01, "writing", path)


def told(
    path: str = "/inbox/a.csv", serial: int = 1, time: float = 1e9, origin: Origin = ALICE
) -> Occurrence:
    """The upload as an occurrence."""
    event = catalogue.SSH_UPLOAD_DONE
    return Occurrence(serial, time, event, event.data(uploaded(path)), origin)
