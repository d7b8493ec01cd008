"""A volume runs its calls here while they are fast, and on the pool when they are not."""

import os
import sys

import pytest

from mft.vfs import linux
from mft.vfs.volume import FAST_AGAIN, SLOW_CALL, SLOW_TWICE, STALL, Io, Kind, Volume, Volumes
from tests.fakes.run import run
from tests.fakes.threads import Inline


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def take(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def volume(clock: Clock, kind: Kind = Kind.LOCAL, io: Io = "auto") -> tuple[Volume, Inline, list]:
    disk, told = Inline(), []
    made = Volume(
        1, kind, disk, io=io, clock=clock, changed=lambda v, s: told.append((v.inline, s))
    )
    return made, disk, told


def test_a_fast_volume_never_uses_the_pool(clock: Clock) -> None:
    fast, disk, told = volume(clock)
    assert run(fast(max, 1, 2)) == 2
    run(fast(clock.take, SLOW_CALL))
    assert fast.inline
    assert disk.calls == 0
    assert told == []


def test_a_second_slow_call_moves_the_volume_to_the_pool_and_is_told(clock: Clock) -> None:
    slow, disk, told = volume(clock)
    run(slow(clock.take, SLOW_CALL * 2))
    assert slow.inline
    assert told == []
    run(slow(clock.take, SLOW_CALL * 2))
    assert not slow.inline
    assert told == [(False, pytest.approx(SLOW_CALL * 2))]
    run(slow(clock.take, 0))
    assert disk.calls == 1


def test_slow_calls_far_apart_are_the_machine_s_and_not_the_disk_s(clock: Clock) -> None:
    busy, _, _ = volume(clock)
    for _ in range(5):
        run(busy(clock.take, SLOW_CALL * 2))
        clock.take(SLOW_TWICE + 0.1)
    assert busy.inline


def test_one_stall_is_enough(clock: Clock) -> None:
    slow, _, _ = volume(clock)
    run(slow(clock.take, STALL * 1.01))
    assert not slow.inline


def test_a_slow_call_that_fails_counts_too(clock: Clock) -> None:
    slow, _, _ = volume(clock)

    def fail() -> None:
        clock.take(1)
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        run(slow(fail))
    assert not slow.inline


def test_a_minute_of_fast_calls_brings_it_back(clock: Clock) -> None:
    slow, _, told = volume(clock)
    slow.took(1.0)
    run(slow(clock.take, 0))
    clock.take(FAST_AGAIN - 1)
    run(slow(clock.take, 0))
    assert not slow.inline
    clock.take(1)
    run(slow(clock.take, 0))
    assert slow.inline
    assert [inline for inline, _ in told] == [False, True]


def test_a_slow_call_on_the_pool_begins_the_minute_again(clock: Clock) -> None:
    slow, _, _ = volume(clock)
    slow.took(1.0)
    run(slow(clock.take, 0))
    clock.take(FAST_AGAIN)
    run(slow(clock.take, SLOW_CALL + 3 * sys.getswitchinterval()))
    run(slow(clock.take, 0))
    assert not slow.inline
    clock.take(FAST_AGAIN)
    run(slow(clock.take, 0))
    assert slow.inline


def test_remote_storage_stays_in_the_pool(clock: Clock) -> None:
    remote, disk, _ = volume(clock, Kind.REMOTE)
    for _ in range(3):
        run(remote(clock.take, 0))
        clock.take(FAST_AGAIN)
    assert not remote.inline
    assert disk.calls == 3


def test_memory_never_leaves_for_the_pool(clock: Clock) -> None:
    memory, disk, _ = volume(clock, Kind.MEMORY)
    run(memory(clock.take, 1))
    run(memory.sync(clock.take, 1))
    assert memory.inline
    assert disk.calls == 0


def test_syncs_run_on_the_pool_even_when_the_volume_is_fast(clock: Clock) -> None:
    fast, disk, _ = volume(clock)
    run(fast.sync(clock.take, 1))
    assert disk.calls == 1
    assert fast.inline


@pytest.mark.parametrize(("io", "inline"), [("inline", True), ("threads", False)])
def test_the_administrator_decides_for_good(clock: Clock, io: Io, inline: bool) -> None:
    decided, _, told = volume(clock, Kind.LOCAL, io)
    run(decided(clock.take, 1))
    run(decided(clock.take, 0))
    clock.take(FAST_AGAIN)
    run(decided(clock.take, 0))
    assert decided.inline is inline
    assert decided.nowait is inline
    assert told == []


def test_one_device_is_one_volume(tmp_path) -> None:
    volumes = Volumes(Inline())
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        found = volumes.of(descriptor, str(tmp_path))
        assert volumes.of(descriptor, "elsewhere") is found
        assert volumes.on(found.device) is found
        assert volumes.meet(found.device, Kind.REMOTE, "") is found
        assert volumes.on(-5) is None
    finally:
        os.close(descriptor)


def test_a_root_is_opened_on_the_pool_once_and_then_where_its_volume_runs(tmp_path) -> None:
    disk = Inline()
    volumes = Volumes(disk)
    for _ in range(3):
        descriptor, found = run(volumes.root(str(tmp_path)))
        assert os.path.samestat(os.fstat(descriptor), tmp_path.stat())
        os.close(descriptor)
    assert disk.calls == 1
    found.inline = False
    os.close(run(volumes.root(str(tmp_path)))[0])
    assert disk.calls == 2


def test_a_root_that_is_missing_is_an_error_each_time(tmp_path) -> None:
    volumes = Volumes(Inline())
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            run(volumes.root(str(tmp_path / "gone")))


@pytest.mark.parametrize(
    ("magic", "kind"), [(0x6969, Kind.REMOTE), (0x01021994, Kind.MEMORY), (0xEF53, Kind.LOCAL)]
)
def test_the_kind_follows_the_type_of_the_storage(monkeypatch, magic: int, kind: Kind) -> None:
    monkeypatch.setattr("mft.vfs.volume.storage_type", lambda descriptor: magic)
    assert Kind.of(0) is kind
    assert not linux.REMOTE_TYPES & linux.MEMORY_TYPES
