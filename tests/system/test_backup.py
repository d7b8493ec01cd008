"""A server whose machine is lost goes on from a backup that was made while it ran."""

import json
import shutil
import signal
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.events import catalogue as events
from mft.events.facts import unique
from mft.events.model import Occurrence
from tests.interop.instance import execute
from tests.system.rig import MFT, Rig, sftp, until
from tests.system.trail import UPLOADED, Trail, unbalanced

RESTORED, SENT = events.RESTORED.number, events.TRANSFER_FILE_DONE.number
CRASH_CLOSED, RELOADED = events.CRASH_CLOSED.number, events.CONFIGURATION_RELOADED.number
LOG = "event-handlers/DEFAULT-FILE"


def with_a_transfer(rig: Rig) -> Path:
    """Send what is in the home to another folder, once; gives that folder."""
    there = rig.directory.parent / "partner"
    there.mkdir()
    rig.say(LOG, format="json")
    rig.section(
        "transfers/t-1",
        name="t",
        source_path=str(rig.home),
        destination_path=str(there),
        stable_interval="0",
        changes_poll_interval="0.2",
        delete_source_on_success="No",
        transfer_memory_duration="1d",
        overwrite_rule="overwrite",
    )
    return there


def put(rig: Rig, name: str) -> None:
    source = rig.directory.parent / "source"
    source.write_text(name)
    assert sftp(rig.server, f"put {source} /{name}\n") == 0


def answered(done: Any) -> dict[str, Any]:
    """What a command has said, as one object."""
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def logged(rig: Rig) -> set[int]:
    """The serials in the log."""
    lines = (rig.directory / "log/server.log").read_text().splitlines()
    return {json.loads(line)["serial"] for line in lines}


def place_of_the_log(backup: Path) -> int:
    """The last event that the log had when the backup was made."""
    with tarfile.open(backup) as archive:
        file = archive.extractfile("instance/state/cursors/DEFAULT-FILE.json")
        assert file is not None
        return int(json.loads(file.read())["serial"])


def test_a_lost_machine_goes_on_from_a_backup(
    rig: Rig, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    there = with_a_transfer(rig)
    rig.start()
    put(rig, "before")
    until(lambda: rig.trail.count(SENT) == 1)
    backup = tmp_path / "mft.tar"
    made = answered(rig.mft("backup", str(backup), "--json"))
    assert made["warnings"] == []
    put(rig, "after")
    until(lambda: rig.trail.count(SENT) == 2)
    rig.kill()
    old = rig.trail.told
    lost = tmp_path / "lost"
    for part in ("conf", "log", "state"):
        shutil.move(rig.directory / part, lost / part)

    began = time.monotonic()
    words = ("restore", str(backup), str(rig.directory), "--json")
    restored = answered(execute(*MFT, *words))
    assert restored["head"] == made["head"]
    assert restored["problems"] == []
    rig.trail = Trail(rig.directory / "log/journal")
    rig.start()
    seconds = round(time.monotonic() - began, 1)
    record_property("from a backup to a server that runs", seconds)
    print(f"from a backup to a server that runs: {seconds} s")

    # The journal goes on, and says why it does not end where the old one did.
    head = int(made["head"].partition(":")[0])
    (told,) = rig.trail.of(RESTORED)
    assert told["serial"] == head + 1
    assert told["data"]["serial"] == head
    assert rig.trail.count(CRASH_CLOSED) == 1
    # What was sent before the backup is not sent again; what came after it is.
    until(lambda: rig.trail.count(SENT) == 2)
    put(rig, "later")
    until(lambda: rig.trail.count(SENT) == 3)
    sent = [Path(one["data"]["path"]).name for one in rig.trail.of(SENT)]
    assert sorted(sent) == ["after", "before", "later"]
    assert sorted(path.name for path in there.iterdir()) == ["after", "before", "later"]
    rig.stop()
    verified = rig.mft("audit", "verify")
    assert verified.returncode == 0, verified.stderr
    assert unbalanced(rig.trail.told) == []
    # The log begins where the handler was, and misses nothing since.
    seen = logged(rig)
    place = place_of_the_log(backup)
    assert place <= head
    assert seen == set(range(place + 1, max(seen) + 1))
    assert max(seen) >= rig.trail.told[-1]["serial"] - 2  # the handler's own end is told later
    # An event of the same serial is another event, also for a database that has both.
    before, after = (
        next(one for one in trail if one["serial"] == head + 5) for trail in (old, rig.trail.told)
    )
    assert name_of(before) != name_of(after)


def name_of(told: dict[str, Any]) -> str:
    """What a database and a receiver of webhooks know an event by."""
    server = Component("server", "server", "mft")
    origin = Origin(PROCESS, NOWHERE, server)
    return unique(
        server, Occurrence(told["serial"], told["time"], events.RESTORED, told["data"], origin)
    )


def test_an_import_does_not_disturb_a_running_server_and_a_reload_applies_it(
    rig: Rig, tmp_path: Path
) -> None:
    rig.start()
    other = tmp_path / "other"
    shutil.copytree(rig.directory / "conf", other / "conf")
    ours, rig.config = rig.config, other / "conf/server.ini"
    ann = rig.account("ann")
    archive = tmp_path / "node.tar"
    assert rig.mft("export", str(archive)).returncode == 0
    rig.config = ours
    done = answered(rig.mft("import", str(archive), "--json"))
    assert done["changed"] == [str(ours)]
    assert sftp(ann, "ls /\n") != 0
    assert sftp(rig.server, "ls /\n") == 0
    rig.signal(signal.SIGHUP)
    until(lambda: rig.trail.count(RELOADED) == 1)
    assert sftp(ann, "ls /\n") == 0
    rig.stop()
    assert rig.trail.count(UPLOADED) == 0
