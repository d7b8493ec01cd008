"""Records of rejected files: whole or not there, and never believed more than they deserve."""

import json
import os
import uuid
from pathlib import Path

import pytest

from mft.inspection import quarantine
from mft.inspection.quarantine import MAX_DETAILS, MAX_RECORD, Record


def record(time: float = 1e9, **given: object) -> Record:
    made = Record(
        id=str(uuid.uuid4()),
        time=time,
        account_name="ann",
        account_uuid="ann-1",
        peer="192.0.2.7:51234",
        service="sftp",
        path="/in/ä\x1b.txt",
        real_path="/srv/ann/in/ä\x1b.txt",
        root="/srv/ann",
        size=10,
        sha256="00",
        inspection="antivirus",
        inspection_type="clamav",
        details="clamd found it",
    )
    return made._replace(**given)  # type: ignore[arg-type]  # fields of it


def test_a_record_is_found_again_by_its_id(tmp_path: Path) -> None:
    folder, one = str(tmp_path), record()
    quarantine.write(folder, one)
    assert quarantine.find(folder, one.id) == one
    assert (tmp_path / f"{one.id}.json").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == [f"{one.id}.json"]
    assert not quarantine.has_file(folder, one)
    (tmp_path / one.id).write_text("data")
    assert quarantine.has_file(folder, one)
    quarantine.remove(folder, one.id)
    assert os.listdir(tmp_path) == []
    quarantine.remove(folder, one.id)


def test_what_a_killed_server_has_left_of_it_goes_with_it(tmp_path: Path) -> None:
    folder, one, other = str(tmp_path), record(), record()
    quarantine.write(folder, one)
    for each in (one, other):
        (tmp_path / f".{each.id}.part").touch()
    quarantine.remove(folder, one.id)
    assert os.listdir(tmp_path) == [f".{other.id}.part"]


def test_what_nobody_goes_on_writing_is_cleared_away(tmp_path: Path) -> None:
    folder, left, now = str(tmp_path), record(), record()
    quarantine.write(folder, left)
    (tmp_path / left.id).touch()
    kept = sorted([*os.listdir(folder), f".{now.id}.part", ".other.part"])
    for one in (left, now):
        (tmp_path / f".{one.id}.part").touch()
    (tmp_path / ".other.part").touch()
    for name in os.listdir(folder):
        os.utime(tmp_path / name, (1e9, 1e9 if now.id not in name else 1e9 + 7))
    quarantine.clear(folder, 1e9 + 7)
    assert sorted(os.listdir(folder)) == kept
    with pytest.raises(FileNotFoundError):
        quarantine.clear(str(tmp_path / "missing"), 1e9)


def test_records_are_listed_the_oldest_first(tmp_path: Path) -> None:
    folder = str(tmp_path)
    ones = [record(float(time)) for time in (3, 1, 2)]
    for one in ones:
        quarantine.write(folder, one)
    (tmp_path / "README.json").write_text("{}")
    (tmp_path / f"{uuid.uuid4()}.json").write_text("not JSON")
    assert [one.time for one in quarantine.records(folder)] == [1.0, 2.0, 3.0]
    assert quarantine.records(str(tmp_path / "missing")) == []


def test_no_other_name_is_ever_opened(tmp_path: Path) -> None:
    folder = str(tmp_path / "quarantine")
    quarantine.prepare(folder)
    quarantine.prepare(folder)
    assert os.stat(folder).st_mode & 0o777 == 0o700
    (tmp_path / "other.json").write_text("{}")
    for identifier in ("../other", "", ".", "x" * 36, str(uuid.uuid4())):
        assert quarantine.find(folder, identifier) is None


@pytest.mark.parametrize(
    "change",
    [{"size": "10"}, {"time": None}, {"id": str(uuid.uuid4())}, {"details": ["x"]}],
)
def test_a_record_with_other_values_is_none(tmp_path: Path, change: dict[str, object]) -> None:
    one = record()
    place = tmp_path / f"{one.id}.json"
    place.write_text(json.dumps({**one._asdict(), **change}))
    with pytest.raises(ValueError, match="is not a record"):
        quarantine.find(str(tmp_path), one.id)
    place.write_text("[]")
    with pytest.raises(ValueError, match="is not a record"):
        quarantine.find(str(tmp_path), one.id)
    place.write_text(" " * (MAX_RECORD + 1))
    with pytest.raises(ValueError, match="longer than"):
        quarantine.find(str(tmp_path), one.id)


def test_long_details_are_cut_and_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    one = record(details="x" * 10_000)
    quarantine.write(str(tmp_path), one)
    found = quarantine.find(str(tmp_path), one.id)
    assert found is not None
    assert len(found.details) == MAX_DETAILS
    (tmp_path / f".{one.id}.part").touch()  # somebody is writing it
    with pytest.raises(FileExistsError):
        quarantine.write(str(tmp_path), one)
    with pytest.raises(FileExistsError):
        quarantine.prepare(str(tmp_path / f"{one.id}.json"))
