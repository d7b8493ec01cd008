"""A client tries to get past the inspections: by time, by place, by name, and by cost."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import asyncssh
import pytest

from mft.daemon.load import load
from mft.events import catalogue as events
from tests.interop.instance import Server, initialise
from tests.system.light import connect, session
from tests.system.rig import Rig, until
from tests.system.trail import UPLOADED

EVIL = b"EVIL bytes"
# It says that it runs, waits until it may go on, and only then reads the file that it was given.
SCRIPT = """#!/bin/sh
touch "{folder}/$FILE_NAME.runs"
while [ ! -e "{folder}/$FILE_NAME.may" ]; do sleep 0.01; done
! grep -q EVIL "$1"
"""


class Scene(NamedTuple):
    """An instance whose uploads a program looks at, for as long as the test wants."""

    rig: Rig
    folder: Path
    quarantine: Path

    @property
    def server(self) -> Server:
        return self.rig.server

    async def runs(self, name: str) -> None:
        """Wait until the program looks at a file."""
        await asyncio.to_thread(until, (self.folder / f"{name}.runs").exists)

    def go_on(self, name: str) -> None:
        """Let it come to an end."""
        (self.folder / f"{name}.may").touch()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("mft")
    rig = Rig(folder / "instance", initialise(folder / "template"))
    script = folder / "look"
    script.write_text(SCRIPT.format(folder=folder))
    script.chmod(0o755)
    options = {"executable_path": str(script), "executable_arguments": "{file}"}
    more = {"concurrent_processes": "8"}
    rig.section("resources/look", name="look", type="inspection-program", **options, **more)
    quarantine = folder / "quarantine"
    rig.say("groups/DEFAULT_GROUP", inspections="look", quarantine_folder=str(quarantine))
    rig.give_up_root(folder)
    rig.start()
    yield Scene(rig, folder, quarantine)
    try:
        rig.stop()
    finally:
        rig.close()
    assert "Traceback" not in rig.output


async def put(server: Server, name: str, data: bytes) -> None:
    async with session(server) as sftp, sftp.open(name, "wb") as file:
        await file.write(data)


def test_nobody_sees_a_file_while_it_is_inspected_and_nobody_waits(scene: Scene) -> None:
    async def attack() -> None:
        sending = asyncio.create_task(put(scene.server, "slow", b"clean"))
        await scene.runs("slow")
        async with session(scene.server) as sftp:
            assert "slow" not in await sftp.listdir(".")
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                await sftp.open("slow", "rb")
        scene.go_on("slow")
        await sending

    asyncio.run(attack())
    assert (scene.rig.home / "slow").read_bytes() == b"clean"


def test_a_clean_file_put_in_place_of_the_inspected_one_helps_nobody(scene: Scene) -> None:
    """The folder is swapped for another one while the program looks, and swapped back."""
    home = scene.rig.home

    async def attack() -> None:
        async with session(scene.server) as sftp:
            await sftp.mkdir("here")
            sending = asyncio.create_task(put(scene.server, "here/file", EVIL))
            await scene.runs("file")
            await sftp.rename("here", "aside")
            await sftp.mkdir("here")
            (hidden,) = (home / "aside").iterdir()
            (home / "here" / hidden.name).write_bytes(b"clean")
            scene.go_on("file")
            with pytest.raises(asyncssh.SFTPError):
                await sending

    asyncio.run(attack())
    assert not (home / "here" / "file").exists()
    assert list((home / "aside").iterdir()) == []
    assert scene.rig.trail.count(UPLOADED, path="/here/file") == 0
    (told,) = scene.rig.trail.of(events.QUARANTINED.number, path="/here/file")
    assert Path(told["data"]["quarantine_path"]).read_bytes() == EVIL


def test_a_client_that_leaves_before_the_verdict_has_nothing_committed(scene: Scene) -> None:
    async def attack() -> None:
        connection = await connect(scene.server)
        sftp = await connection.start_sftp_client()
        file = await sftp.open("left", "wb")
        await file.write(b"clean")
        closing = asyncio.create_task(file.close())
        await scene.runs("left")
        connection.abort()
        await asyncio.gather(closing, return_exceptions=True)
        trail = scene.rig.trail

        def gone() -> bool:
            return trail.count(events.SSH_UPLOAD_FAILED.number, path="/left") == 1

        scene.go_on("left")
        await asyncio.to_thread(until, gone)

    asyncio.run(attack())
    assert not (scene.rig.home / "left").exists()
    assert scene.rig.trail.count(events.INTERRUPTED_UPLOAD_KEPT.number, path="/left") == 1


def test_a_name_is_text_wherever_it_goes(scene: Scene) -> None:
    name = "$(touch hacked)`touch hacked` 'quoted\" ; -rf ☠"
    scene.go_on(name)
    with pytest.raises(asyncssh.SFTPPermissionDenied):
        asyncio.run(put(scene.server, name, EVIL))
    (told,) = scene.rig.trail.of(events.QUARANTINED.number, path=f"/{name}")
    record = scene.quarantine / f"{told['data']['quarantine_id']}.json"
    assert record.read_text().isascii()
    assert not list(scene.folder.rglob("hacked"))


def test_the_quarantine_is_in_nobodys_home(scene: Scene) -> None:
    rig = scene.rig
    before = rig.config.read_text()
    try:
        rig.say("groups/DEFAULT_GROUP", inspections="look", quarantine_folder=str(rig.home / "q"))
        loaded = load(rig.config)
    finally:
        rig.config.write_text(before)
    assert loaded.config is None
    assert any("which clients must not reach" in str(one) for one in loaded.problems)


# The most expensive rules that are accepted, on what suits them least.
WORST = """
from mft.inspection.content import ContentInspection, ContentRules
from tests.fakes.inspections import means, subject
from tests.fakes.run import run
for rule, data in [
    (r"m/[0-9]+-[0-9]+x/, a", b"1" * 300_000),
    (r"m/^.*a.*b$/, a", b"a" * 300_000),
    (r"m/\\d{4}[ -]?\\d{4}[ -]?\\d{4}[ -]?\\d{4}x/, a", b"1234 " * 60_000),
    ("*a" * 100 + "*b, a", b"a" * 300_000),
]:
    try:
        rules = ContentRules.model_validate({"name": "c", "line_search": rule})
    except ValueError:
        continue
    run(ContentInspection(rules, means()).inspect(subject(data)))
"""


def test_a_file_made_for_the_most_expensive_rule_comes_to_an_end() -> None:
    # Watched from outside: the bound is no timing assertion, it only turns "never" into a failure.
    subprocess.run([sys.executable, "-c", WORST], check=True, timeout=120)
