"""An archive has its name when it is whole, is its owner's alone, and replaces only an archive."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from mft.core.failure import Reason, Refused
from mft.core.secret import Secret
from mft.daemon.archives import archive as room
from mft.daemon.archives.archive import Contents, Limits
from mft.daemon.archives.archive_reading import opened
from mft.daemon.archives.archive_writing import STALE, ArchiveWriter, check_target
from mft.trust import sealed
from tests.daemon.archives.test_archive import HEAD

NAME = "instance/conf/server.ini"
PASSPHRASE = Secret("correct horse battery staple")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "node.tar"


def write(target: Path, content: bytes = b"text", passphrase: Secret | None = None) -> None:
    with ArchiveWriter(target, HEAD, passphrase) as archive:
        archive.add(NAME, content, 0o600, 1e9)


def test_what_is_written_is_a_tar_that_only_its_owner_reads(target: Path) -> None:
    kept = os.umask(0)
    try:
        write(target)
    finally:
        os.umask(kept)
    assert target.stat().st_mode & 0o777 == 0o600
    listed = subprocess.run(["tar", "tf", target], capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["mft-archive.json", NAME, "manifest.json"]
    with tarfile.open(target) as made:
        assert made.getmember(NAME).mtime == 1e9


def test_a_long_file_is_copied_up_to_where_it_was(target: Path) -> None:
    steps: list[int] = []
    with ArchiveWriter(target, HEAD) as archive:
        growing = io.BytesIO(b"x" * 3_000_000 + b"later")
        archive.copy(NAME, growing, 3_000_000, 0o640, 5, steps.append)
        assert archive.size == 3_000_000
    assert sum(steps) == 3_000_000
    with opened(target, Contents.EXPORT) as reader:
        found = [(entry, b"".join(pieces)) for entry, pieces in reader.members()]
    ((entry, data),) = found
    assert (entry.name, entry.mode, entry.modified) == (NAME, 0o640, 5)
    assert data == b"x" * 3_000_000


def test_a_file_that_became_shorter_is_refused_and_nothing_is_left(target: Path) -> None:
    with pytest.raises(Refused, match="became shorter"), ArchiveWriter(target, HEAD) as archive:
        archive.copy(NAME, io.BytesIO(b"x"), 2, 0o600, 0, lambda size: None)
    assert list(target.parent.iterdir()) == []


def test_a_failure_leaves_the_archive_that_was_there(target: Path) -> None:
    write(target, b"first")
    before = target.read_bytes()

    def fail() -> None:
        with ArchiveWriter(target, HEAD) as archive:
            archive.add(NAME, b"second", 0o600)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert target.read_bytes() == before
    assert list(target.parent.iterdir()) == [target]


def test_an_archive_replaces_an_archive_sealed_or_not(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed, "COST", 2)
    for passphrase in (None, PASSPHRASE, None):
        write(target, passphrase=passphrase)
    assert target.read_bytes().startswith(b"mft-archive.json")


@pytest.mark.parametrize("content", [b"[server]\n", b"mft-archive.json is text"])
def test_nothing_else_is_replaced(target: Path, content: bytes) -> None:
    target.write_bytes(content)
    with pytest.raises(Refused, match="is no archive of mft") as said:
        write(target)
    assert said.value.reason is Reason.EXISTS
    assert target.read_bytes() == content


def test_an_empty_file_is_replaced_and_a_folder_is_not(target: Path) -> None:
    target.touch()
    check_target(target)
    with pytest.raises(Refused, match="is a folder"):
        check_target(target.parent)


def test_nothing_of_a_sealed_archive_can_be_read(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed, "COST", 2)
    write(target, b"secret text", PASSPHRASE)
    assert b"secret" not in target.read_bytes()
    assert b"server.ini" not in target.read_bytes()
    with opened(target, Contents.EXPORT, PASSPHRASE) as reader:
        assert [b"".join(pieces) for _, pieces in reader.members()] == [b"secret text"]


def test_rights_of_others_and_of_other_accounts_are_left_out(target: Path) -> None:
    with ArchiveWriter(target, HEAD) as archive:
        archive.add(NAME, b"", 0o6777)
        assert archive.members[0].mode == 0o755


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (Limits(9, 3, 99, 9), "is longer than 3 bytes"),
        (Limits(1, 9, 99, 9), "1 files or 99 bytes"),
        (Limits(9, 9, 7, 9), "9 files or 7 bytes"),
    ],
)
def test_an_archive_has_bounds(
    target: Path, monkeypatch: pytest.MonkeyPatch, limits: Limits, sentence: str
) -> None:
    monkeypatch.setitem(room.LIMITS, Contents.EXPORT, limits)

    def fill() -> None:
        with ArchiveWriter(target, HEAD) as archive:
            archive.add("instance/a", b"four", 0o600)
            archive.add("instance/b", b"four", 0o600)

    with pytest.raises(Refused, match=sentence):
        fill()
    assert not target.exists()


def test_a_name_that_no_archive_has_is_refused(target: Path) -> None:
    with pytest.raises(Refused, match="whose path is none"), ArchiveWriter(target, HEAD) as archive:
        archive.add("instance/a\nb", b"", 0o600)


@pytest.mark.parametrize("length", [100, 101, 250, 255])
def test_names_of_every_length_come_back(target: Path, length: int) -> None:
    """IDs of sections become names of files that no header of a tar has room for."""
    names = [f"instance/conf/{'x' * length}", f"instance/{'y' * length}/{'z' * length}", NAME]
    with ArchiveWriter(target, HEAD) as archive:
        for name in names:
            archive.add(name, name.encode(), 0o640)
    with opened(target, Contents.EXPORT) as reader:
        found = {entry.name: b"".join(pieces) for entry, pieces in reader.members()}
    assert found == {name: name.encode() for name in names}
    assert subprocess.run(["tar", "tf", target], capture_output=True, check=True).stderr == b""


def test_what_a_killed_process_left_is_removed_after_a_day(target: Path) -> None:
    old, young = (target.with_name(f".{target.name}.{pid}.new") for pid in (1, 2))
    old.touch()
    young.touch()
    then = young.stat().st_mtime - STALE - 1
    os.utime(old, (then, then))
    write(target)
    assert sorted(target.parent.iterdir()) == [young, target]
