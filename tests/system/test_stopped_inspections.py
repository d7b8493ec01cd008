"""The server stops while uploads are inspected: they are waited for, and then nothing is."""

import asyncio
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from mft.events import catalogue as events
from tests.interop.instance import Server
from tests.system.ftp_client import FtpClient
from tests.system.http_client import HttpClient
from tests.system.light import connect, session
from tests.system.rig import Rig, client, until, words
from tests.system.trail import UPLOADED, unbalanced

# It says that it runs, under the name of the file, and ends when it may.
PROGRAM = """#!/bin/sh
echo $$ > "{folder}/$FILE_NAME.new"
mv "{folder}/$FILE_NAME.new" "{folder}/$FILE_NAME.runs"
while [ ! -e "{folder}/go" ]; do sleep 0.02; done
"""
DATA = b"clean"


@pytest.fixture
def folder(rig: Rig, tmp_path: Path) -> Path:
    """Where the program of an inspection, which uploads must pass, tells of itself."""
    program = tmp_path / "program"
    program.write_text(PROGRAM.format(folder=tmp_path))
    program.chmod(0o755)
    rig.section(
        "resources/look",
        name="look",
        type="inspection-program",
        executable_path=str(program),
        concurrent_processes="4",
    )
    rig.say("groups/DEFAULT_GROUP", inspections="look")
    rig.give_up_root(tmp_path)
    return tmp_path


def by_sftp(server: Server, name: str) -> None:
    async def put() -> None:
        async with session(server) as sftp, sftp.open(name, "wb") as file:
            await file.write(DATA)

    asyncio.run(put())


def by_scp(server: Server, name: str, folder: Path) -> None:
    (folder / "source").write_bytes(DATA)
    where = f"{server.where}:/{name}"
    assert client("scp", "-O", *words(server), folder / "source", where) == 0


def inspected(folder: Path, *names: str) -> None:
    until(lambda: all((folder / f"{name}.runs").exists() for name in names), "the inspections")


def test_uploads_that_are_inspected_are_no_idle_connections(rig: Rig, folder: Path) -> None:
    rig.start()
    idle = asyncio.new_event_loop()
    with ThreadPoolExecutor() as senders:
        sent = [
            senders.submit(by_sftp, rig.server, "sftp"),
            senders.submit(by_scp, rig.server, "scp", folder),
        ]
        inspected(folder, "sftp", "scp")
        connection = idle.run_until_complete(connect(rig.server))
        rig.signal(signal.SIGTERM)
        # Who came later, and does nothing, is sent away: the others were looked at as well.
        idle.run_until_complete(connection.wait_closed())
        (folder / "go").touch()
        for one in sent:
            one.result()
    idle.close()
    assert rig.ended() == 0
    for name in ("sftp", "scp"):
        assert (rig.home / name).read_bytes() == DATA
        assert rig.trail.count(UPLOADED, path=f"/{name}") == 1


def test_after_the_grace_an_inspection_is_ended_and_everything_is_told(
    rig: Rig, folder: Path
) -> None:
    ftp, web = rig.ftp("clear"), rig.web("http")
    # Which tells of data connections that come, too.
    rig.say("server", shutdown_grace="1", audit_requests="yes")
    rig.start()

    def by_ftp() -> None:
        with FtpClient(ftp).log_in() as peer:
            peer.store("STOR ftp", DATA)

    def by_http() -> None:
        with HttpClient(web) as peer:
            peer.ask("PUT", "/home/http", DATA)

    def cut(send: Callable[..., None], *given: Any) -> None:
        with suppress(EOFError, OSError, AssertionError, asyncssh.Error):
            send(*given)

    with ThreadPoolExecutor() as senders:
        senders.submit(cut, by_sftp, rig.server, "sftp")
        senders.submit(cut, by_scp, rig.server, "scp", folder)
        senders.submit(cut, by_ftp)
        senders.submit(cut, by_http)
        inspected(folder, "sftp", "scp", "ftp", "http")
        rig.signal(signal.SIGTERM)
        try:
            assert rig.ended() == 0
        finally:
            (folder / "go").touch()  # for programs that nobody has ended
            rig.close()
    for name in ("sftp", "scp", "ftp", "http"):
        with pytest.raises(ProcessLookupError):
            os.kill(int((folder / f"{name}.runs").read_text()), 0)
        assert not (rig.home / name).exists()
        assert rig.trail.count(events.INTERRUPTED_UPLOAD_KEPT.number, path=f"/{name}") == 1
    assert rig.trail.of(events.DRAINED.number)[0]["data"]["count"] == 4
    assert unbalanced(rig.trail.told) == []
    assert rig.mft("audit", "verify").returncode == 0
