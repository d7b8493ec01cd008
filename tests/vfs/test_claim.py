"""A temporary that is being written is told from one that is not."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mft.vfs import claim as module
from mft.vfs.claim import claim, claimed


@pytest.fixture(params=["ofd", "flock"])
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch) -> Path:
    if request.param == "flock":
        monkeypatch.setattr(module, "_OFD", False)
    made = tmp_path / "file"
    made.write_bytes(b"")
    return made


def test_a_claim_holds_within_one_process_until_the_file_is_closed(path: Path) -> None:
    one, two = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
    assert not claimed(two)
    assert claim(one) is True
    assert claim(two) is False
    assert claimed(two)
    os.close(one)
    assert not claimed(two)
    assert claim(two) is True
    os.close(two)


def test_asking_takes_nothing(path: Path) -> None:
    one, two = os.open(path, os.O_RDONLY), os.open(path, os.O_RDWR)
    assert not claimed(one)
    assert claim(two) is True
    os.close(one)
    os.close(two)


def test_a_claim_is_seen_by_other_processes_and_ends_with_its_own(path: Path) -> None:
    locking = (
        "import os, sys; from mft.vfs import claim as c; c._OFD = sys.argv[2] == 'True';"
        "print(c.claim(os.open(sys.argv[1], os.O_RDWR)), flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", locking, path, str(module._OFD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"True\n"
        descriptor = os.open(path, os.O_RDWR)
        assert claimed(descriptor)
        assert claim(descriptor) is False
    finally:
        child.kill()  # as a crash would: nothing is released in order
        child.communicate()
    assert claim(descriptor) is True
    os.close(descriptor)


def test_storage_without_locks_cannot_tell(path: Path, monkeypatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "fcntl", unsupported)
    monkeypatch.setattr(fcntl, "flock", unsupported)
    descriptor = os.open(path, os.O_RDWR)
    assert claim(descriptor) is None
    assert claimed(descriptor)
    os.close(descriptor)


def test_what_another_machine_has_done_with_is_no_claim_of_ours(path: Path, monkeypatch) -> None:
    def stale(*_: object) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(fcntl, "fcntl", stale)
    monkeypatch.setattr(fcntl, "flock", stale)
    descriptor = os.open(path, os.O_RDWR)
    assert claim(descriptor) is False
    os.close(descriptor)
