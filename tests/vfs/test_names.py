"""What is done to one name of an open directory."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mft.core.failure import Reason
from mft.vfs import names
from mft.vfs.base import Existing
from mft.vfs.temporary import Temporaries
from tests.fakes.refused import refused


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def temporaries() -> Temporaries:
    return Temporaries("alice", 100.0, time.time)


def test_a_directory_with_too_many_leftovers_stays(
    directory: int, temporaries: Temporaries, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(names, "LEFTOVERS", 3)
    (tmp_path / "d").mkdir()
    for number in range(5):
        (tmp_path / "d" / f".mft-{number}").touch()
    with pytest.raises(OSError):
        names.remove_directory(directory, "d", temporaries)
    names.remove_directory(directory, "d", temporaries)
    assert os.listdir(directory) == []


def test_leftovers_stay_beside_a_file_that_a_client_sees(
    directory: int, temporaries: Temporaries, tmp_path: Path
) -> None:
    (tmp_path / "d").mkdir()
    for name in (".mft-1", "seen"):
        (tmp_path / "d" / name).touch()
    with pytest.raises(OSError):
        names.remove_directory(directory, "d", temporaries)
    assert sorted(os.listdir(tmp_path / "d")) == [".mft-1", "seen"]


def test_a_c_library_that_cannot_ask_does_not_lose_a_file(
    directory: int, temporaries: Temporaries, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *args, **kwargs: False)
    (tmp_path / "a").write_text("there")
    with refused(Reason.EXISTS):
        names.begin(directory, "a", temporaries, Existing.REFUSE, 0o666, -1)
    begun = names.begin(directory, "a", temporaries, Existing.EXTEND, 0o666, -1)
    assert begun.temporary == ""
    assert begun.start == 5
    os.close(begun.descriptor)


def test_a_descriptor_of_what_is_no_file_is_closed_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, reason in ((tmp_path / "fifo", Reason.DENIED), (tmp_path, Reason.IS_A_DIRECTORY)):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with refused(reason):
            names.regular(descriptor)
        with pytest.raises(OSError):
            os.fstat(descriptor)


def test_the_mode_of_a_link_is_not_given_to_what_replaces_it(
    directory: int, temporaries: Temporaries
) -> None:
    os.symlink("nothing", "a", dir_fd=directory)
    begun = names.begin(directory, "a", temporaries, Existing.REPLACE, 0o666, -1)
    assert begun.replaced
    assert begun.mode is None
    os.close(begun.descriptor)
