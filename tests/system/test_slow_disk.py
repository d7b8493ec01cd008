"""Every file call of one disk takes 20 ms: another session's stat does not wait for it."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mft.events import catalogue as events
from tests.interop.instance import Server, execute
from tests.interop.trees import content
from tests.system.light import session
from tests.system.rig import Rig, sftp, words
from tests.system.trail import UPLOADED, unbalanced

DELAY = 20  # milliseconds of each call
BOUND = 50  # milliseconds: what 99 of 100 stats of another session may take
STATS = 250
GAP = 0.005  # seconds between two stats
SIZE = 2 << 20
SMALL = 2  # files between two large ones


@pytest.fixture(scope="module")
def slowness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes a disk slow, built from slow.c."""
    library = tmp_path_factory.mktemp("slow") / "slow.so"
    source = Path(__file__).with_name("slow.c")
    execute("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source, "-ldl")
    return library


def start(rig: Rig, slowness: Path, slow: Path, before: str = "") -> None:
    """Start an instance on which everything below `slow` is."""
    rig.say("server", allow_root="yes")
    env = {
        "LD_PRELOAD": str(slowness),
        "SLOW_BELOW": str(slow),
        "SLOW_MILLISECONDS": str(DELAY),
    }
    rig.start(env, before)


@contextlib.contextmanager
def moving(slow: Server, source: Path, folder: Path) -> Iterator[None]:
    """Upload and download on the slow disk, large files and small, until it is enough."""
    batch = "".join(
        f"put {source} /large-{turn}\nget /large-{turn} {folder}/{turn}\n"
        + "".join(f"put {folder}/small /small-{turn}-{number}\n" for number in range(SMALL))
        for turn in range(1000)
    )
    (folder / "small").write_bytes(b"small")
    (folder / "batch").write_text(batch)
    argv = ["sftp", *words(slow), "-b", folder / "batch", slow.where]
    client = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        yield
        assert client.poll() is None, "it did not go on until the end"
    finally:
        client.kill()
        client.wait()


async def stats(server: Server, slow: Server, source: Path, folder: Path) -> list[float]:
    """How long each stat took, in milliseconds, from the first moment of the slow transfers on."""
    took = []
    async with session(server) as client:
        await client.stat("there")
        with moving(slow, source, folder):
            for _ in range(STATS):
                await asyncio.sleep(GAP)
                began = time.perf_counter()
                await client.stat("there")
                took.append((time.perf_counter() - began) * 1000)
    return sorted(took)


@pytest.mark.parametrize("disk", ["another disk", "the same disk"])
def test_a_stat_elsewhere_does_not_wait_for_a_slow_disk(
    rig: Rig, slowness: Path, tmp_path: Path, disk: str
) -> None:
    slow = rig.account("slow")
    (tmp_path / "source").write_bytes(content(SIZE))
    (rig.home / "there").write_bytes(b"there")
    mount = f"mount -t tmpfs tmpfs '{rig.home}'; echo there >'{rig.home}/there'"
    start(rig, slowness, slow.home, mount if disk == "another disk" else "")
    took = asyncio.run(stats(rig.server, slow, tmp_path / "source", tmp_path))
    print(took[len(took) // 2], took[-5:], rig.trail.count(UPLOADED))
    assert took[len(took) * 99 // 100] <= BOUND, took[-10:]
    assert rig.trail.count(events.VOLUME_TO_THREADS.number) == 1
    assert rig.trail.count(UPLOADED) > SMALL, "nothing was moved meanwhile"


def test_a_slow_disk_is_slow_and_loses_nothing(rig: Rig, slowness: Path, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(content(SIZE))
    start(rig, slowness, rig.home)
    began = time.perf_counter()
    assert sftp(rig.server, f"put {tmp_path / 'source'} /up\nget /up {tmp_path / 'down'}\n") == 0
    assert time.perf_counter() - began > 10 * DELAY / 1000, "nothing was delayed"
    assert (rig.home / "up").read_bytes() == content(SIZE)
    assert (tmp_path / "down").read_bytes() == content(SIZE)
    rig.stop()
    assert unbalanced(rig.trail.told) == []
