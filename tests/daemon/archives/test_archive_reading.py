"""Archives are read whole or not at all; hostile ones are in tests/attacks."""

import os
from pathlib import Path

import pytest

from mft.core.failure import Refused
from mft.core.secret import Secret
from mft.daemon.archives.archive import Contents
from mft.daemon.archives.archive_reading import opened
from mft.daemon.archives.archive_writing import ArchiveWriter
from mft.trust import sealed
from mft.wire.ustar import BLOCK
from tests.daemon.archives.test_archive import HEAD

PASSPHRASE = Secret("correct horse battery staple")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    target = tmp_path / "node.tar"
    with ArchiveWriter(target, HEAD) as made:
        made.system = ("/usr/bin/env",)
        made.add("instance/conf/server.ini", b"first", 0o600)
        made.add("outside/etc/x", b"second" * 2_000, 0o644)
    return target


def test_every_file_is_given_with_its_bytes(archive: Path) -> None:
    steps: list[int] = []
    with opened(archive, Contents.EXPORT, progress=steps.append) as reader:
        assert reader.head == HEAD
        assert reader.manifest is None
        found = {entry.name: b"".join(pieces) for entry, pieces in reader.members()}
        assert reader.manifest is not None
        assert reader.manifest.system == ("/usr/bin/env",)
    assert found == {"instance/conf/server.ini": b"first", "outside/etc/x": b"second" * 2_000}
    assert sum(steps) == archive.stat().st_size


def test_what_nobody_takes_is_verified_all_the_same(archive: Path) -> None:
    with opened(archive, Contents.EXPORT) as reader:
        assert [member.size for member in reader.verify().members] == [5, 12_000]


def test_every_cut_and_every_changed_block_is_found(archive: Path) -> None:
    whole = archive.read_bytes()
    for size in range(0, len(whole), BLOCK):
        archive.write_bytes(whole[:size])
        with pytest.raises(Refused), opened(archive, Contents.EXPORT) as reader:
            reader.verify()
    for at in (0, 600, 1024, 1536, 2048, 2560, 7_000, -1700, -1200, -900, -1):
        changed = bytearray(whole)
        changed[at] ^= 0x11
        archive.write_bytes(changed)
        with pytest.raises(Refused), opened(archive, Contents.EXPORT) as reader:
            reader.verify()


def test_something_behind_the_end_is_refused(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(Refused, match="behind its end"), opened(archive, Contents.EXPORT) as reader:
        reader.verify()


def test_only_regular_files_are_archives(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "."):
        with (
            pytest.raises((Refused, IsADirectoryError)),
            opened(tmp_path / name, Contents.EXPORT),
        ):
            pass


@pytest.mark.parametrize("data", [b"", b"x", b"[server]\n" * 100, bytes(2048)])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(Refused, match="cannot be used"), opened(tmp_path / "file", Contents.EXPORT):
        pass


def test_a_sealed_archive_needs_its_passphrase_and_a_passphrase_a_sealed_archive(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever can write where archives lie could have another one imported."""
    monkeypatch.setattr(sealed, "COST", 2)
    with (
        pytest.raises(Refused, match="is not sealed, though"),
        opened(archive, Contents.EXPORT, PASSPHRASE),
    ):
        pass
    with ArchiveWriter(archive, HEAD, PASSPHRASE) as made:
        made.add("instance/conf/server.ini", b"first", 0o600)
    with pytest.raises(Refused, match="is sealed"), opened(archive, Contents.EXPORT):
        pass
    with (
        pytest.raises(Refused, match="the passphrase is another"),
        opened(archive, Contents.EXPORT, Secret("correct horse battery stable")),
    ):
        pass
    with opened(archive, Contents.EXPORT, PASSPHRASE) as reader:
        assert len(reader.verify().members) == 1
