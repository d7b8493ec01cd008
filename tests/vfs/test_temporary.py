"""Temporaries are found again by name alone, by their owner alone."""

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mft.core.vpath import RESERVED_PREFIX
from mft.vfs import temporary as module
from mft.vfs.rename import reserving_rename
from mft.vfs.temporary import TRIES, Temporaries, expire, is_later, remove


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def temporaries(owner: str = "alice", now=time.time) -> Temporaries:
    return Temporaries(owner, 100.0, now)


def left(directory: int, data: bytes, name: str = "a") -> str:
    """An upload that its process did not end."""
    made = temporaries().create(directory, name, 0o666)
    os.write(made.descriptor, data)
    os.close(made.descriptor)
    return made.name


@pytest.fixture
def stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network file system, where another machine replaces each file that is open for a look."""
    close = os.close

    def closing(descriptor: int) -> None:
        close(descriptor)
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(module, "claim", lambda descriptor: False)
    monkeypatch.setattr(os, "close", closing)


@pytest.mark.usefixtures("stale")
@pytest.mark.parametrize("look", ["adopt", "discard"])
def test_what_has_gone_to_its_place_at_another_machine_is_none(look: str, tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    (tmp_path / temporaries().name_of("a")).write_bytes(b"half")
    assert not getattr(temporaries(), look)(directory, "a")


def test_what_goes_while_it_is_looked_at_is_none(directory: int, monkeypatch) -> None:
    left(directory, b"half")

    def stale(*_: object) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", stale)
        assert temporaries().find(directory, "a") is None
    assert temporaries().find(directory, "a") is not None


@pytest.mark.usefixtures("stale")
def test_a_name_that_another_machine_has_is_no_fault_of_an_upload(tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    (tmp_path / temporaries().name_of("a")).write_bytes(b"half")
    with pytest.raises(OSError, match="busy"):  # not the words of a file that has gone
        temporaries().create(directory, "a", 0o666)


def test_names_are_the_owner_s_and_the_file_s() -> None:
    names = {
        temporaries(owner).name_of(name)
        for owner, name in [("alice", "a"), ("alice", "b"), ("bob", "a"), ("ali", "cea"), ("", "é")]
    }
    assert len(names) == 5
    assert all(name.startswith(RESERVED_PREFIX) and len(name) < 64 for name in names)
    assert temporaries().name_of("a") == temporaries().name_of("a")


def test_what_a_crash_left_is_adopted(directory: int) -> None:
    left(directory, b"half")
    status = temporaries().find(directory, "a")
    assert status is not None
    assert status.st_size == 4
    adopted = temporaries().adopt(directory, "a")
    assert adopted is not None
    assert adopted.size == 4
    assert temporaries().find(directory, "a") is None  # it is live now
    assert temporaries().adopt(directory, "a") is None
    assert not temporaries().discard(directory, "a")
    os.close(adopted.descriptor)
    assert temporaries("bob").find(directory, "a") is None
    assert temporaries("bob").adopt(directory, "a") is None


def test_what_is_too_old_is_neither_found_nor_adopted(directory: int) -> None:
    left(directory, b"half")
    later = temporaries(now=lambda: time.time() + 101)
    assert later.find(directory, "a") is None
    assert later.adopt(directory, "a") is None
    assert later.discard(directory, "a")
    assert os.listdir(directory) == []


def test_a_link_under_a_temporary_s_name_is_not_followed(directory: int, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("victim")
    os.symlink("victim", temporaries().name_of("a"), dir_fd=directory)
    assert temporaries().find(directory, "a") is None
    assert temporaries().adopt(directory, "a") is None
    made = temporaries().create(directory, "a", 0o666)
    assert is_later(made.name)
    os.write(made.descriptor, b"x")
    os.close(made.descriptor)
    assert (tmp_path / "victim").read_text() == "victim"


def test_a_second_upload_gets_a_name_of_its_own(directory: int) -> None:
    first = temporaries().create(directory, "a", 0o666)
    second = temporaries().create(directory, "a", 0o666)
    assert not is_later(first.name)
    assert is_later(second.name)
    assert second.name.startswith(first.name)
    os.close(first.descriptor)
    os.write(second.descriptor, b"latest")
    temporaries().keep(directory, second.name, "a", reserving_rename)
    os.close(second.descriptor)
    assert os.listdir(directory) == [first.name]
    assert os.stat(first.name, dir_fd=directory).st_size == 6


def test_what_is_kept_never_takes_the_place_of_a_live_upload(directory: int) -> None:
    first = temporaries().create(directory, "a", 0o666)
    second = temporaries().create(directory, "a", 0o666)
    os.close(second.descriptor)
    temporaries().keep(directory, second.name, "a", reserving_rename)
    assert os.listdir(directory) == [first.name]
    assert os.path.samestat(os.fstat(first.descriptor), os.stat(first.name, dir_fd=directory))
    os.close(first.descriptor)


def test_a_name_lost_every_time_is_given_up(directory: int) -> None:
    unlucky = Temporaries("alice", 100.0, time.time, token=lambda size: "same")
    open_now = [unlucky.create(directory, "a", 0o666) for _ in range(2)]
    with pytest.raises(OSError) as raised:
        unlucky.create(directory, "a", 0o666)
    assert raised.value.errno == errno.EBUSY
    assert TRIES < 10
    for made in open_now:
        os.close(made.descriptor)


def test_storage_without_locks_never_adopts_and_gives_each_upload_its_name(
    directory: int, monkeypatch
) -> None:
    left(directory, b"half")
    monkeypatch.setattr(module, "claim", lambda descriptor: None)
    monkeypatch.setattr(module, "claimed", lambda descriptor: True)
    assert temporaries().find(directory, "a") is None
    assert temporaries().adopt(directory, "a") is None
    made = temporaries().create(directory, "a", 0o666)
    assert is_later(made.name)
    os.close(made.descriptor)
    assert expire(directory, made.name, time.time() + 10) is not None


def test_a_temporary_renamed_between_open_and_claim_is_let_go(directory: int, monkeypatch) -> None:
    name = left(directory, b"done")
    real = module.claim

    def committed_meanwhile(descriptor: int) -> bool | None:
        os.rename(name, "a", src_dir_fd=directory, dst_dir_fd=directory)
        return real(descriptor)

    monkeypatch.setattr(module, "claim", committed_meanwhile)
    assert temporaries().adopt(directory, "a") is None
    assert os.listdir(directory) == ["a"]


def test_a_temporary_removed_between_its_making_and_its_claim_is_not_that_upload_s(
    directory: int, monkeypatch
) -> None:
    real, others = module.claim, []

    def another_begins_meanwhile(descriptor: int) -> bool | None:
        monkeypatch.setattr(module, "claim", real)
        others.append(temporaries().create(directory, "a", 0o666))
        return real(descriptor)

    monkeypatch.setattr(module, "claim", another_begins_meanwhile)
    made = temporaries().create(directory, "a", 0o666)
    (other,) = others
    assert made.name != other.name
    for one in (made, other):
        assert os.path.samestat(os.fstat(one.descriptor), os.stat(one.name, dir_fd=directory))
        os.close(one.descriptor)


def test_what_is_committed_while_it_is_looked_at_was_not_interrupted(
    directory: int, monkeypatch
) -> None:
    name = left(directory, b"done")

    def committed_meanwhile(descriptor: int) -> bool:
        os.rename(name, "a", src_dir_fd=directory, dst_dir_fd=directory)
        return False

    monkeypatch.setattr(module, "claimed", committed_meanwhile)
    assert temporaries().find(directory, "a") is None
    assert os.listdir(directory) == ["a"]


def test_only_old_and_unclaimed_temporaries_expire(directory: int) -> None:
    name = left(directory, b"half")
    assert expire(directory, name, time.time() - 10) is None
    live = temporaries().adopt(directory, "a")
    assert live is not None
    assert expire(directory, name, time.time() + 10) is None
    os.close(live.descriptor)
    status = expire(directory, name, time.time() + 10)
    assert status is not None
    assert status.st_size == 4
    assert not remove(directory, name)
