"""An administrator ends a quarantine: the file comes whole or not at all, and it is told."""

import errno
import os
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.daemon import quarantines as module
from mft.daemon.quarantines import PATIENCE, Quarantines
from mft.events import catalogue as events
from mft.inspection import quarantine
from mft.inspection.quarantine import Record
from mft.vfs.volume import Volumes
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

DATA = b"rejected" * 300_000  # more than one block
NOW = 2e9


class Scene:
    """A home, and a quarantine with one file that was meant for it."""

    def __init__(self, directory: Path) -> None:
        self.home, self.folder = directory / "home", directory / "quarantine"
        (self.home / "in").mkdir(parents=True)
        self.folder.mkdir()
        self.trail = Trail()
        self.groups = {
            "a": SimpleNamespace(quarantine_folder=self.folder),
            "b": SimpleNamespace(quarantine_folder=None),
            "c": SimpleNamespace(quarantine_folder=directory / "never"),
        }
        config: Any = SimpleNamespace(groups=self.groups)
        trail: Any = self.trail
        self.ours = Quarantines(lambda: config, Volumes(Inline()), trail, lambda: NOW)
        self.file = self.home / "in" / "a.txt"
        self.record = self.add()

    def add(self, **given: Any) -> Record:
        record = Record(
            id=str(uuid.uuid4()),
            time=1e9,
            account_name="ann",
            account_uuid="ann-1",
            peer="192.0.2.7:1",
            service="sftp",
            path="/in/a.txt",
            real_path=str(self.file),
            root=str(self.home),
            size=len(DATA),
            sha256="00",
            inspection="antivirus",
            inspection_type="clamav",
            details="found",
        )._replace(**given)
        quarantine.write(str(self.folder), record)
        (self.folder / record.id).write_bytes(DATA)
        return record

    def release(self, *, replace: bool = False, identifier: str = "") -> str:
        identifier = identifier or self.record.id
        return run(self.ours.release(identifier, replace=replace, note="ticket"))

    def refused(self, reason: Reason, **given: Any) -> None:
        with pytest.raises(Refused) as raised:
            self.release(**given)
        assert raised.value.reason is reason
        assert (self.folder / self.record.id).exists()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_released_file_is_where_it_was_meant_to_be(scene: Scene) -> None:
    assert scene.release() == str(scene.file)
    assert scene.file.read_bytes() == DATA
    assert os.listdir(scene.folder) == []
    assert os.listdir(scene.home / "in") == ["a.txt"]
    assert scene.file.stat().st_mode & 0o777 == 0o666 & ~_umask()
    (told,) = scene.trail.told
    assert told.event is events.QUARANTINE_RELEASED
    assert told.payload.note == "ticket"
    assert told.payload.username == "ann"
    assert told.payload.quarantine_id == scene.record.id


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_something_newer_is_not_replaced_unless_that_is_asked_for(scene: Scene) -> None:
    scene.file.write_text("newer")
    scene.refused(Reason.EXISTS)
    assert scene.file.read_text() == "newer"
    assert scene.trail.count(events.QUARANTINE_RELEASE_FAILED) == 1
    scene.release(replace=True)
    assert scene.file.read_bytes() == DATA


def test_what_was_there_before_the_upload_is_replaced(scene: Scene) -> None:
    scene.file.write_text("older")
    later = scene.add(time=scene.file.stat().st_ctime + 10)
    scene.release(identifier=later.id)
    assert scene.file.read_bytes() == DATA


def test_the_folder_may_be_gone_or_lead_elsewhere(scene: Scene, tmp_path: Path) -> None:
    (scene.home / "in").rmdir()
    scene.refused(Reason.NOT_FOUND)
    (tmp_path / "outside").mkdir()
    (scene.home / "in").symlink_to(tmp_path / "outside")
    scene.refused(Reason.DENIED)
    assert os.listdir(tmp_path / "outside") == []


def test_a_record_that_was_tampered_with_leads_nowhere(scene: Scene) -> None:
    for real in ("/etc/cron.d/x", str(scene.home), f"{scene.home}-other/x"):
        record = scene.add(real_path=real)
        with pytest.raises(Refused):
            scene.release(identifier=record.id)
    climbing = scene.add(real_path=f"{scene.home}/../../x")
    scene.release(identifier=climbing.id)
    assert (scene.home / "x").exists()
    assert not (scene.home.parent.parent / "x").exists()


def test_a_file_that_is_not_whole_is_not_released(scene: Scene) -> None:
    (scene.folder / scene.record.id).write_bytes(DATA[:-1])
    scene.refused(Reason.BROKEN)
    assert os.listdir(scene.home / "in") == []


def test_a_rejected_file_is_deleted(scene: Scene) -> None:
    assert run(scene.ours.reject(scene.record.id, note="malware")) == str(scene.file)
    assert os.listdir(scene.folder) == []
    (told,) = scene.trail.told
    assert told.event is events.QUARANTINE_DELETED
    assert told.payload.note == "malware"


@pytest.mark.parametrize("ending", ["release", "reject"])
def test_what_is_gone_is_told_although_the_disk_does_not_say_that_it_keeps_that(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    def sync(folder: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(quarantine, "sync", sync)
    if ending == "release":
        assert scene.release() == str(scene.file)
    else:
        run(scene.ours.reject(scene.record.id, note=""))
    assert os.listdir(scene.folder) == []
    expected = {"release": events.QUARANTINE_RELEASED, "reject": events.QUARANTINE_DELETED}
    assert [told.event for told in scene.trail.told] == [expected[ending]]


def test_what_is_listed(scene: Scene) -> None:
    other = scene.add(time=5.0)
    (scene.folder / other.id).unlink()
    (first, second), more = run(scene.ours.describe())
    assert not more
    assert (first["id"], first["complete"]) == (other.id, False)
    assert (second["id"], second["complete"]) == (scene.record.id, True)
    assert second["folder"] == str(scene.folder)
    with pytest.raises(Refused):
        scene.release(identifier=other.id)
    run(scene.ours.reject(other.id, note=""))
    assert len(run(scene.ours.describe())[0]) == 1


def test_a_file_is_shown_whether_or_not_it_is_listed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LISTED", 1)
    other = scene.add(time=5.0)
    listed, more = run(scene.ours.describe())
    assert (len(listed), more) == (1, True)
    for one in (other, scene.record):
        shown = run(scene.ours.show(one.id))
        assert shown == {**one._asdict(), "folder": str(scene.folder), "complete": True}
    with pytest.raises(Refused, match="there is no"):
        run(scene.ours.show(str(uuid.uuid4())))


def test_what_a_killed_server_has_left_is_cleared_away_in_every_folder(scene: Scene) -> None:
    part, new = (scene.folder / f".{uuid.uuid4()}.part" for _ in range(2))
    part.write_bytes(DATA)
    new.write_bytes(DATA)
    os.utime(part, (NOW - PATIENCE - 1, NOW - PATIENCE - 1))
    os.utime(new, (NOW - PATIENCE + 1, NOW - PATIENCE + 1))
    run(scene.ours.clear())
    assert not part.exists()
    assert new.exists()
    assert (scene.folder / scene.record.id).exists()


def test_what_is_not_there_cannot_be_taken_out(scene: Scene) -> None:
    for identifier in ("", "../home/in/a.txt", str(uuid.uuid4())):
        with pytest.raises(Refused) as raised:
            scene.release(identifier=identifier or "x")
        assert raised.value.reason is Reason.NOT_FOUND
    (scene.folder / f"{scene.record.id}.json").write_text("{")
    scene.refused(Reason.BROKEN)


def test_nothing_is_ended_that_could_not_be_told(scene: Scene) -> None:
    scene.trail.healthy = False
    scene.refused(Reason.BROKEN)
    assert scene.trail.told == []


def test_one_at_a_time(scene: Scene) -> None:
    scene.ours._ending.add(scene.record.id)
    scene.refused(Reason.BUSY)
