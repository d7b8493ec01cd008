"""Deletions of homes that are killed: see `killed`."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

from mft.auth.account import DAY
from mft.core.peer import Origin
from mft.daemon.ended_homes import EndedHomes
from mft.daemon.load import load
from mft.daemon.state.ended_homes_file import FILE
from mft.events.model import Event
from mft.session.roster import Roster
from mft.vfs.volume import Volumes
from tests.fakes.accounts import NOW
from tests.fakes.killed import arm
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

CALLS: Final = ("rename", "replace", "unlink", "rmdir")  # what changes the disk
ENDED: Final = "expire_datetime = 2030-03-17Z\nhome_folder_delete_on_expire = 1d\n"


def instance(directory: Path) -> None:
    """An instance whose account has been seen ended for long enough; its neighbour has not."""
    for folder in ("conf", "state", "data/ann/in/deep", "data/joe"):
        (directory / folder).mkdir(parents=True)
    (directory / "data/ann/in/file").write_text("of ann")
    (directory / "data/joe/file").write_text("of joe")
    configure(directory, ENDED)
    loaded = load(directory / "conf/server.ini").config
    assert loaded is not None
    expires = loaded.accounts["ann-1"].expire_datetime
    assert expires is not None
    seen = {
        "home": str(directory / "data/ann"),
        "inode": (directory / "data/ann").stat().st_ino,
        "expires": expires.timestamp(),
        "since": NOW,
        "serial": 0,
        "seconds": 8 * DAY,
        "told": True,
    }
    (directory / "state" / FILE).write_text(json.dumps({"seen": {"ann-1": seen}, "begun": []}))


def configure(directory: Path, ann: str) -> None:
    """Write server.ini."""
    (directory / "conf/server.ini").write_text(
        "[server]\nname = files\nuuid = server-1\nallow_root = yes\n"
        "[groups/DEFAULT_GROUP]\nname = default\ncreate_home_folder = yes\n"
        f"home_folder_path = {directory}/data\n"
        f"[accounts/joe-1]\nname = joe\n[accounts/ann-1]\nname = ann\n{ann}"
    )


class Kept(Trail):
    """Keeps numbers in a file as well, for those that outlive this process."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def emit(self, event: Event[Any], payload: Any, origin: Origin | None = None) -> int:
        """Keep an event."""
        with self._file.open("a") as file:
            file.write(f"{event.number}\n")
        return super().emit(event, payload, origin)


def look(directory: Path) -> Any:
    """One look, to its end; gives what it told."""
    trail: Any = Kept(directory / "told")
    trail.journal = SimpleNamespace(last=0)
    around: Any = SimpleNamespace(
        config=load(directory / "conf/server.ini").config,
        roster=Roster(),
        handling=SimpleNamespace(subscriptions={}),
        stopping=False,
    )
    volumes = Volumes(Inline(), io="inline")
    homes = EndedHomes(
        around,
        directory / "state",
        volumes,
        trail,
        lambda account: NOW - DAY,
        clock=lambda: NOW + 3 * DAY,
        passed=lambda: 0.0,
    )
    with patch("os.fsync"):  # a kill leaves to the system what it has
        run(homes.round())
    return trail


def killed_look(directory: Path, at_call: int) -> None:
    """A look in this process, which ends before a call."""
    arm(at_call, CALLS)
    look(directory)


def look_once(directory: Path) -> None:
    """One look to its end, so that everything it needs is there."""
    instance(directory)
    look(directory)
