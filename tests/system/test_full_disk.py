"""A disk that is really full: under a home, and under the journal."""

import asyncio
import os
from pathlib import Path

import asyncssh
import pytest

from mft.events import catalogue as events
from tests.interop.instance import execute
from tests.interop.trees import content
from tests.system.light import connect, session
from tests.system.rig import Rig, client, sftp, until, words
from tests.system.trail import OPENED, UPLOAD_FAILED, UPLOADED, unbalanced

ROOM = 4 << 20  # bytes of the small disk
FITS, TOO_LARGE = 1 << 20, ROOM + (1 << 20)
READ = 1 << 18
EVENTS = 40  # more than one block of the small disk holds


def small_disk(path: Path) -> str:
    """Shell that mounts one; as root of its own, where the test has no rights to mount."""
    return f"mount -t tmpfs -o size={ROOM} tmpfs '{path}'"


def fill(path: Path) -> None:
    """Take all the room that a disk has left."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


@pytest.mark.parametrize("protocol", ["sftp", "scp"])
def test_a_full_home_refuses_and_works_again_when_there_is_room(
    rig: Rig, tmp_path: Path, protocol: str
) -> None:
    for name, size in (("fits", FITS), ("large", TOO_LARGE)):
        (tmp_path / name).write_bytes(content(size))

    def upload(name: str) -> int:
        if protocol == "sftp":
            return sftp(rig.server, f"put {tmp_path / name} /{name}\n")
        where = f"{rig.server.where}:/{name}"
        return client("scp", "-O", *words(rig.server), tmp_path / name, where)

    rig.say("server", allow_root="yes")
    rig.start(before=small_disk(rig.home))
    home = rig.seen / str(rig.home)[1:]
    assert os.path.ismount(home)
    assert upload("large") != 0
    assert not (home / "large").exists()
    (failed,) = rig.trail.of(UPLOAD_FAILED, path="/large")
    assert "space" in failed["data"]["details"].lower()
    assert rig.trail.count(UPLOADED) == 0
    # What came of it is its owner's, who sees and removes it: that makes room.
    assert sftp(rig.server, "rm /large\n") == 0
    assert os.listdir(home) == []
    assert upload("fits") == 0
    assert (home / "fits").read_bytes() == content(FITS)
    assert rig.trail.count(UPLOADED, path="/fits") == 1
    rig.stop()
    assert unbalanced(rig.trail.told) == []


async def work_without_a_journal(rig: Rig, filler: Path) -> None:
    """Fill the disk of the journal under live sessions, and empty it again."""
    async with session(rig.server) as client, session(rig.server) as second:
        downloading = await client.open("there", "rb")
        uploading = await second.open("begun", "wb")
        await uploading.write(b"first")
        fill(filler)
        for _ in range(EVENTS):  # the block that the journal has begun takes some of them
            await client.stat("there")
        assert '"journal": "written"' not in rig.mft("status", "--json").stdout
        for number in range(3):
            with pytest.raises(asyncssh.SFTPError):
                await second.open(f"refused-{number}", "wb")
        with pytest.raises(asyncssh.SFTPError):
            await uploading.close()
        got = b""
        while block := await downloading.read(READ, len(got)):
            got += block
        assert got == content(FITS)
        assert await client.listdir() != []
        with pytest.raises(asyncssh.PermissionDenied):
            await connect(rig.server)
        filler.unlink()
        until(lambda: rig.trail.count(events.JOURNAL_RECOVERED.number))
        await downloading.close()
        async with second.open("again", "wb") as file:
            await file.write(b"again")


def test_a_full_disk_of_the_journal_refuses_what_it_cannot_record(rig: Rig) -> None:
    (rig.home / "there").write_bytes(content(FITS))
    log = rig.directory / "log"
    rig.say("server", allow_root="yes")
    rig.start(before=small_disk(log))
    seen = rig.seen / str(log)[1:]
    rig.trail = type(rig.trail)(seen / "journal")
    asyncio.run(work_without_a_journal(rig, seen / "filler"))
    assert (rig.home / "again").read_bytes() == b"again"
    assert not list(rig.home.glob("refused-*"))
    assert not (rig.home / "begun").exists()
    assert rig.trail.count(events.JOURNAL_FAILED.number) == 1
    assert rig.trail.count(events.JOURNAL_RECOVERED.number) == 1
    serials = [told["serial"] for told in rig.trail.told]
    assert serials == list(range(1, len(serials) + 1)), "an event is missing"
    refused = rig.trail.of(events.LOGIN_FAILED.number)
    assert any("journal" in told["data"]["details"] for told in refused)
    assert rig.trail.count(OPENED, path="/refused-0") == 0
    assert rig.trail.count(UPLOADED, path="/again") == 1
    until(lambda: unbalanced(rig.trail.told) == [])

    def logged() -> list[str]:
        return [line.split()[0] for line in (seen / "server.log").read_text().splitlines()]

    # The log on the same disk has every event as well, each on one whole line.
    def recorded() -> list[str]:  # a handler is never told of its own failures
        failures = events.HANDLER_FAILED.number
        return [str(told["id"]) for told in rig.trail.told if told["id"] != failures]

    until(lambda: logged() == recorded(), "the log catches up")
    copied = rig.directory / "copy"
    execute("cp", "-r", seen / "journal", copied)  # the small disk goes with the server
    rig.stop()
    (log / "journal").rmdir()
    copied.rename(log / "journal")
    assert rig.mft("audit", "verify").returncode == 0
