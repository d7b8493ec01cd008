"""Accounts of the operating system log in to a whole server, and a PAM that hangs stalls nobody."""

import asyncio
import os
import subprocess
import time
from pathlib import Path

import asyncssh
import pytest

from mft.events import catalogue as events
from tests.fakes.pam import asks, stack_of_machine, system_account
from tests.system.light import connect, session
from tests.system.rig import Rig, until

METHOD = "authentications/machine"
UNIX = ("auth required pam_unix.so nullok", "account required pam_unix.so")
REFUSED, DONE = events.LOGIN_FAILED.number, events.LOGIN_DONE.number
FORBIDDEN = events.LOGIN_FORBIDDEN.number
UNAVAILABLE = events.SYSTEM_ACCOUNTS_UNAVAILABLE.number
SHUTDOWN_SECONDS = 20  # it takes 3; without a bound it would be minutes


def configure(rig: Rig, service: str, **options: str) -> None:
    rig.section(
        METHOD,
        **{
            "type": "os",
            "name": "accounts of the machine",
            "pam_service": service,
            "allowed_groups": "${ALL_OS_GROUPS}",
            "refusal_delay": "0",
            **options,
        },
    )
    rig.section("authentications/own", type="application", name="accounts of this file")
    rig.say("server", authentications="machine, own")


async def refused(rig: Rig, name: str, word: str) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        await connect(rig.server, username=name, client_keys=None, password=word)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes accounts of the machine")
def test_an_account_of_the_machine_has_its_home_there(rig: Rig, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "right"], check=True, capture_output=True, text=True
    ).stdout.strip()
    options = ("--password", hashed, "--home-dir", str(home))
    with stack_of_machine(*UNIX) as service, system_account(*options) as name:
        configure(rig, service)
        rig.start()

        async def use() -> None:
            given = {"username": name, "client_keys": None, "password": "right"}
            async with session(rig.server, **given) as sftp, sftp.open("/told.txt", "wb") as file:
                await file.write(b"of the machine")
            async with session(rig.server) as sftp:  # an account of server.ini, as always
                assert "told.txt" not in await sftp.listdir("/")
            for user, word in ((name, "wrong"), ("root", "right")):
                await refused(rig, user, word)

        asyncio.run(use())
        assert (home / "told.txt").read_bytes() == b"of the machine"
        assert (home / "told.txt").stat().st_uid == os.geteuid()
        done = [one["data"]["account_type"] for one in rig.trail.of(DONE)]
        assert done == ["os", "application"]
        assert (rig.trail.count(REFUSED), rig.trail.count(FORBIDDEN)) == (1, 1)
        rig.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes accounts of the machine")
def test_a_pam_that_hangs_keeps_nobody_else_waiting_and_not_the_end(
    rig: Rig, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    script = f"#!/bin/sh\nwhile [ ! -e {release} ]; do sleep 0.1; done\n"
    with stack_of_machine(*asks(tmp_path / "hang", script)) as service, system_account() as name:
        configure(rig, service, timeout="1")
        rig.start()

        async def use() -> None:
            hanging = [asyncio.ensure_future(refused(rig, name, "right")) for _ in range(3)]
            async with session(rig.server) as sftp:
                await sftp.listdir("/")
            await asyncio.gather(*hanging)

        try:
            asyncio.run(use())
            until(lambda: rig.trail.count(REFUSED) == 3, "three refusals")
            assert rig.trail.count(UNAVAILABLE) == 1
            began = time.monotonic()
            rig.stop()
            assert time.monotonic() - began < SHUTDOWN_SECONDS
        finally:
            release.touch()
