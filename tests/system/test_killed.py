"""The server is killed with no chance to do anything: what was acknowledged is there."""

import asyncio
import contextlib
import subprocess
from pathlib import Path

import asyncssh

from mft.events import catalogue as events
from tests.interop.instance import execute
from tests.interop.trees import content
from tests.system.light import connect
from tests.system.rig import Rig, sftp, until, words
from tests.system.trail import CLOSED, UPLOAD_FAILED, UPLOADED, unbalanced

SIZE = 3_000_000
SLOWLY = "-l20000"  # kilobits a second: the upload takes longer than a second
KILLS = 3
ENOUGH = 150  # uploads that are acknowledged before the kill
AT_ONCE = 4


def partial(rig: Rig) -> int:
    """How much of an upload has come that is not finished."""
    return sum(path.stat().st_size for path in rig.home.glob(".mft-*"))


def kill_in_the_middle(rig: Rig, source: Path, command: str, more_than: int) -> None:
    """Upload slowly and kill the server once more than so much has come."""
    argv = ["sftp", SLOWLY, *words(rig.server), "-b", "-", rig.server.where]
    uploading = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert uploading.stdin is not None
    with uploading:
        uploading.stdin.write(f"{command} {source} /large\n")
        uploading.stdin.close()
        until(lambda: partial(rig) > more_than, "bytes of the upload")
        rig.kill()
    assert uploading.returncode != 0


def test_an_upload_goes_on_after_the_server_was_killed_again_and_again(
    rig: Rig, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(content(SIZE))
    for turn in range(KILLS):
        rig.start()
        command = "reput" if turn else "put"
        kill_in_the_middle(rig, source, command, partial(rig) + 200_000)
        assert not (rig.home / "large").exists()
        assert rig.mft("audit", "verify").returncode == 0
        assert len(unbalanced(rig.trail.told)) == 2, "one connection and one file were open"
    rig.start()
    # Exactly once, although the start after each kill looks for what was open.
    assert unbalanced(rig.trail.told) == []
    assert rig.trail.count(UPLOAD_FAILED, path="/large") == KILLS
    assert rig.trail.count(events.CRASH_CLOSED.number) == KILLS
    kept = partial(rig)
    assert sftp(rig.server, f"reput {source} /large\n") == 0
    assert (rig.home / "large").read_bytes() == content(SIZE)
    (done,) = rig.trail.of(UPLOADED, path="/large")
    assert done["data"]["total_write"] == SIZE - kept
    rig.stop()
    assert rig.mft("audit", "verify").returncode == 0
    assert unbalanced(rig.trail.told) == []


def test_a_server_killed_while_idle_or_stopped_well_has_nothing_to_close(rig: Rig) -> None:
    rig.start()
    rig.stop()
    rig.start()
    assert rig.trail.count(events.CRASH_CLOSED.number) == 0
    rig.kill()
    closed = rig.trail.count(CLOSED)
    rig.start()
    assert rig.trail.count(CLOSED) == closed
    rig.stop()
    assert rig.mft("audit", "verify").returncode == 0


async def upload_until_it_dies(rig: Rig, acknowledged: list[str]) -> None:
    """Many small files on a few connections; note each whose end the server has answered."""

    async def one_after_another(worker: int) -> None:
        connection = await connect(rig.server)
        client = await connection.start_sftp_client()
        with contextlib.suppress(asyncssh.Error, OSError):
            for number in range(100_000):
                name = f"{worker}-{number}"
                async with client.open(name, "wb") as file:
                    await file.write(name.encode() * 100)
                if client._handler._writer is None:
                    break  # asyncssh closes a file without a word when its connection is gone
                acknowledged.append(name)
                if len(acknowledged) == ENOUGH:
                    rig.kill()
        connection.abort()

    await asyncio.gather(*(one_after_another(worker) for worker in range(AT_ONCE)))


def test_every_upload_that_a_client_was_told_of_survives_the_kill(rig: Rig) -> None:
    rig.start()
    acknowledged: list[str] = []
    asyncio.run(upload_until_it_dies(rig, acknowledged))
    assert len(acknowledged) >= ENOUGH
    for name in acknowledged:
        assert (rig.home / name).read_bytes() == name.encode() * 100
        assert rig.trail.count(UPLOADED, path=f"/{name}") == 1, f"{name} is not recorded"
    rig.start()
    assert unbalanced(rig.trail.told) == []
    for path in rig.home.iterdir():  # what nobody was told of is whole, or hidden
        if not path.name.startswith(".mft-"):
            assert path.read_bytes() == path.name.encode() * 100
    listed = execute("sftp", *words(rig.server), "-b", "-", rig.server.where, stdin="ls -a1 /\n")
    assert ".mft-" not in listed.stdout
    rig.stop()
    assert rig.mft("audit", "verify").returncode == 0
