"""Many entries, many sessions, and peers that only wait."""

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from mft.events import catalogue as events
from tests.interop.trees import content
from tests.system.light import connect, session
from tests.system.rig import Rig, sftp, until, words
from tests.system.trail import unbalanced

ENTRIES = 100_000
LISTING_ROOM = 8 << 20  # bytes that the server may grow by for it; the names alone are 1 MiB
SESSIONS = 300
EACH = 100 << 10  # bytes of one idle session
AT_ONCE = 6  # logins at a time; ten of one address may be waiting
TIMEOUT = 2  # seconds
PARALLEL = 8  # clients
SIZE = 4 << 20


def memory(rig: Rig, field: str = "VmRSS") -> int:
    """Bytes of memory that the server has, or with VmHWM has had since `forget_peak`."""
    assert rig.process is not None
    status = Path(f"/proc/{rig.process.pid}/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) * 1024


def forget_peak(rig: Rig) -> None:
    """Let the kernel count the peak from now on."""
    assert rig.process is not None
    Path(f"/proc/{rig.process.pid}/clear_refs").write_text("5")


def test_a_folder_of_many_entries_is_listed_whole_in_flat_memory(running: Rig) -> None:
    folder = running.home / "many"
    folder.mkdir()
    directory = os.open(folder, os.O_DIRECTORY)
    for number in range(ENTRIES):
        os.close(os.open(f"entry-{number:06}", os.O_CREAT | os.O_WRONLY, dir_fd=directory))
    os.close(directory)
    argv = ["sftp", *words(running.server), "-b", "-", running.server.where]
    assert sftp(running.server, "ls -1f /\n") == 0  # what any first session needs
    forget_peak(running)
    before = memory(running, "VmHWM")
    listed = subprocess.run(
        argv, input="ls -1f /many\n", capture_output=True, text=True, timeout=60, check=True
    ).stdout.splitlines()
    names = {line.rpartition("/")[2].strip() for line in listed if "entry-" in line}
    assert len(names) == ENTRIES
    assert memory(running, "VmHWM") - before < LISTING_ROOM


async def idle_sessions(rig: Rig) -> None:
    """Open them, look at the server, and find all of them alive."""
    opened: list[tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]] = []
    turns = iter(range(SESSIONS))

    async def one_after_another() -> None:
        for _ in turns:
            connection = await connect(rig.server)
            client = await connection.start_sftp_client()
            opened.append((connection, client))

    before = memory(rig)
    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    assert (memory(rig) - before) / SESSIONS < EACH
    assert json.loads(rig.mft("status", "--json").stdout)["sessions"] == SESSIONS
    assert len(json.loads(rig.mft("sessions", "--json").stdout)) == SESSIONS
    for _, client in opened:
        assert await client.realpath(".") == "/"
    for connection, _ in opened:
        connection.abort()


def test_hundreds_of_idle_sessions_are_small_and_alive(running: Rig) -> None:
    asyncio.run(idle_sessions(running))
    until(lambda: json.loads(running.mft("status", "--json").stdout)["sessions"] == 0)
    until(lambda: unbalanced(running.trail.told) == [], "every closing event")


@pytest.fixture
def impatient(rig: Rig) -> Iterator[Rig]:
    """An instance that waits for nobody."""
    rig.service(idle_connection_timeout=str(TIMEOUT), login_timeout=str(TIMEOUT))
    rig.start()
    yield rig
    rig.stop()
    assert unbalanced(rig.trail.told) == []


def test_who_says_nothing_is_sent_away_with_an_event(impatient: Rig) -> None:
    with socket.create_connection((impatient.server.address, impatient.server.port)) as silent:
        silent.settimeout(30)

        async def idle() -> None:
            connection = await connect(impatient.server)
            quiet = await connect(impatient.server)
            client = await connection.start_sftp_client()
            began = time.monotonic()
            while time.monotonic() - began < 2 * TIMEOUT:
                assert await client.realpath(".") == "/"  # who works is not idle
                await asyncio.sleep(TIMEOUT / 5)
            await asyncio.wait_for(quiet.wait_closed(), 30)
            connection.close()
            await connection.wait_closed()

        asyncio.run(idle())
        while silent.recv(1 << 16):
            pass
    assert impatient.trail.count(events.IDLE_SESSION_ENDED.number) == 1
    assert impatient.trail.count(events.LOGIN_TIMEOUT.number) == 1


@pytest.fixture
def threaded(rig: Rig) -> Iterator[Rig]:
    """An instance whose every file call goes through threads."""
    rig.say("server", io="threads")
    rig.service(maximum_unauthenticated_connections_per_source="100")
    rig.start()
    yield rig
    rig.stop()
    assert unbalanced(rig.trail.told) == []


def test_many_files_at_a_time_through_threads_lose_no_byte(threaded: Rig, tmp_path: Path) -> None:
    for number in range(PARALLEL):
        (tmp_path / f"up-{number}").write_bytes(content(SIZE + number))

    def upload(number: int) -> subprocess.Popen[bytes]:
        legacy = "-O" if number % 2 else "-s"
        there = f"{threaded.server.where}:/file-{number}"
        source = tmp_path / f"up-{number}"
        return subprocess.Popen(["scp", "-q", legacy, *words(threaded.server), source, there])

    def download(number: int) -> subprocess.Popen[bytes]:
        legacy = "-s" if number % 2 else "-O"
        there = f"{threaded.server.where}:/file-{number}"
        back = tmp_path / f"down-{number}"
        return subprocess.Popen(["scp", "-q", legacy, *words(threaded.server), there, back])

    for begin in (upload, download):
        clients = [begin(number) for number in range(PARALLEL)]
        assert [client.wait(60) for client in clients] == [0] * PARALLEL
    for number in range(PARALLEL):
        whole = content(SIZE + number)
        assert (threaded.home / f"file-{number}").read_bytes() == whole
        assert (tmp_path / f"down-{number}").read_bytes() == whole


def test_an_upload_is_resumed_through_threads(threaded: Rig, tmp_path: Path) -> None:
    whole = content(SIZE)
    (tmp_path / "source").write_bytes(whole)

    async def begin() -> None:
        async with session(threaded.server) as client:
            file = await client.open("resumed", "wb")
            await file.write(whole[: SIZE // 3])

    asyncio.run(begin())
    until(lambda: unbalanced(threaded.trail.told) == [])
    assert sftp(threaded.server, f"reput {tmp_path / 'source'} /resumed\n") == 0
    assert (threaded.home / "resumed").read_bytes() == whole
    (done,) = threaded.trail.of(events.SSH_UPLOAD_DONE.number, path="/resumed")
    assert done["data"]["total_write"] == SIZE - SIZE // 3
