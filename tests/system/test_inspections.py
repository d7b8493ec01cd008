"""What must not come in does not, over every protocol, with a real clamd and without it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import asyncssh
import pytest
from click.testing import CliRunner

from mft.cli.quarantine import quarantine
from mft.events import catalogue as events
from tests.fakes.clamd import EICAR, MOST, NAME, SCANNED, Clamd, clamd
from tests.interop.ftp import Ftp
from tests.interop.instance import Server
from tests.interop.web import Web
from tests.system.ftp_client import FtpClient, Refusal
from tests.system.http_client import HttpClient
from tests.system.light import session
from tests.system.rig import Rig, client, until, words

CLEAN = b"nothing to see here\n" * 500
MESSAGE = "Ask security@example.com"


class Scene(NamedTuple):
    """An instance whose accounts' uploads clamd looks at."""

    rig: Rig
    clamd: Clamd
    ftp: Ftp
    web: Web
    quarantine: Path
    open: Server  # an account whose uploads come in when nobody can look at them

    def listed(self) -> list[dict[str, Any]]:
        """What is in quarantine."""
        found: list[dict[str, Any]] = json.loads(self.quarantine_do("list", "--json"))
        return found

    def quarantine_do(self, *command: str, refused: bool = False) -> str:
        """Run `mft quarantine`, which must succeed or not; here, since a process takes long."""
        done = CliRunner().invoke(quarantine, [*command, "-c", str(self.rig.config)])
        assert done.exit_code == int(refused), done.output
        return done.output


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, template: Server) -> Iterator[Scene]:
    """Everything runs; a test that ends clamd starts it again."""
    rig = Rig(tmp_path_factory.mktemp("mft") / "instance", template)
    ftp, web = rig.ftp("clear"), rig.web("http")
    folder = rig.directory.parent / "quarantine"
    with clamd(tmp_path_factory.mktemp("clamd")) as scanner:
        rig.section("resources/clam", name="antivirus", type="clamav", url=scanner.url)
        given = {
            "inspections": "clam",
            "quarantine_folder": str(folder),
            "inspection_message": MESSAGE,
        }
        rig.say("groups/DEFAULT_GROUP", **given)
        rig.section("groups/open", name="open", inspections="clam", inspection_failure="open")
        trusting = rig.account("carol", group="open")
        rig.start()
        yield Scene(rig, scanner, ftp, web, folder, trusting)
        try:
            rig.stop()
        finally:
            rig.close()
    assert rig.mft("audit", "verify").returncode == 0


async def put(server: Server, name: str, data: bytes) -> None:
    async with session(server) as sftp, sftp.open(name, "wb") as file:
        await file.write(data)


def form(name: str, data: bytes) -> bytes:
    parts = (
        b'name="action"\r\n\r\nupload-file',
        b'name="file"; filename="%s"\r\n\r\n%s' % (name.encode(), data),
    )
    lines = b"".join(b"--x\r\nContent-Disposition: form-data; %s\r\n" % part for part in parts)
    return lines + b"--x--\r\n"


def test_a_clean_file_passes_by_every_protocol(scene: Scene, tmp_path: Path) -> None:
    rig = scene.rig
    asyncio.run(put(rig.server, "by-sftp", CLEAN))
    (tmp_path / "clean").write_bytes(CLEAN)
    there = f"{rig.server.where}:/by-scp"
    assert client("scp", "-O", *words(rig.server), tmp_path / "clean", there) == 0
    with FtpClient(scene.ftp).log_in() as peer:
        assert peer.store("STOR by-ftp", CLEAN).code == 226
    with HttpClient(scene.web) as peer:
        assert peer.ask("PUT", "/home/by-http", CLEAN).status == 201
    for name in ("by-sftp", "by-scp", "by-ftp", "by-http"):
        assert (rig.home / name).read_bytes() == CLEAN
        assert rig.trail.count(events.INSPECTION_PASSED.number, path=f"/{name}") == 1


def test_malware_is_refused_in_the_words_of_each_protocol(scene: Scene, tmp_path: Path) -> None:
    rig = scene.rig
    with pytest.raises(asyncssh.SFTPPermissionDenied, match=MESSAGE):
        asyncio.run(put(rig.server, "bad-sftp", EICAR))
    (tmp_path / "bad").write_bytes(EICAR)
    assert client("scp", "-O", *words(rig.server), tmp_path / "bad", f"{rig.server.where}:/bad-scp")
    with FtpClient(scene.ftp).log_in() as peer:
        reply = peer.store("STOR bad-ftp", EICAR)
        assert reply.code == 553
        assert MESSAGE in reply.text
    with HttpClient(scene.web) as peer:
        answer = peer.ask("PUT", "/home/bad-http", EICAR, Accept="application/json")
        assert answer.status == 422
        assert answer.json["errors"][0]["message"].endswith(f"rejected by an inspection: {MESSAGE}")
        assert MESSAGE in peer.ask("PUT", "/home/bad-page", EICAR, Accept="text/html").body.decode()
        fields = {"Content_Type": "multipart/form-data; boundary=x", "Accept": "text/html"}
        page = peer.ask("POST", "/home/", form("bad-form", EICAR), **fields)
        assert page.status == 422
        assert f"a check of its content has rejected it: {MESSAGE}" in page.body.decode()
    told = {one["path"]: one for one in scene.listed()}
    for name in ("bad-sftp", "bad-scp", "bad-ftp", "bad-http"):
        assert not (rig.home / name).exists()
        record = told[f"/{name}"]
        file = scene.quarantine / record["id"]
        assert file.read_bytes() == EICAR
        assert file.stat().st_mode & 0o777 == 0o600
        assert NAME in record["details"]
        assert record["account_name"] == rig.server.account
        assert rig.trail.count(events.INSPECTION_REJECTED.number, path=f"/{name}") == 1
        assert rig.trail.count(events.QUARANTINED.number, path=f"/{name}") == 1
    assert scene.quarantine.stat().st_mode & 0o777 == 0o700
    assert not list(rig.home.glob(".mft-*"))


def test_the_officer_releases_one_file_and_deletes_another(scene: Scene) -> None:
    rig = scene.rig
    for name in ("released", "deleted"):
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            asyncio.run(put(rig.server, name, EICAR))
    ids = {one["path"]: one["id"] for one in scene.listed()}
    assert NAME in scene.quarantine_do("show", ids["/released"])
    said = scene.quarantine_do("release", ids["/released"], "--note", "ticket 4711")
    assert str(rig.home / "released") in said
    assert (rig.home / "released").read_bytes() == EICAR
    scene.quarantine_do("reject", ids["/deleted"])
    assert not (rig.home / "deleted").exists()
    left = {one["id"] for one in scene.listed()}
    assert not left & {ids["/released"], ids["/deleted"]}
    assert not (scene.quarantine / ids["/deleted"]).exists()
    (told,) = rig.trail.of(events.QUARANTINE_RELEASED.number, path="/released")
    assert told["data"]["note"] == "ticket 4711"
    assert rig.trail.count(events.QUARANTINE_DELETED.number, path="/deleted") == 1
    scene.quarantine_do("release", ids["/deleted"], refused=True)


def test_without_clamd_nothing_comes_in_unless_the_group_says_so(scene: Scene) -> None:
    rig = scene.rig
    scene.clamd.stop()
    try:
        with pytest.raises(asyncssh.SFTPFailure, match="could not be inspected"):
            asyncio.run(put(rig.server, "later", CLEAN))
        with FtpClient(scene.ftp).log_in() as peer:
            assert peer.store("STOR later-ftp", CLEAN).code == 450
        with HttpClient(scene.web) as peer:
            assert peer.ask("PUT", "/home/later-http", CLEAN).status == 503
        asyncio.run(put(scene.open, "anyway", CLEAN))
    finally:
        scene.clamd.start()
    assert not (rig.home / "later").exists()
    assert (scene.open.home / "anyway").read_bytes() == CLEAN
    outcomes = {
        path: rig.trail.of(events.INSPECTION_UNABLE.number, path=path)[0]["data"]["outcome"]
        for path in ("/later", "/anyway")
    }
    assert outcomes == {"/later": "refused", "/anyway": "let through"}
    # What could not be inspected is still there for its owner, who only has to close it again.
    with FtpClient(scene.ftp).log_in() as peer:
        assert peer.store("APPE later-ftp", b"").code == 226
    assert (rig.home / "later-ftp").read_bytes() == CLEAN


def test_what_is_larger_than_clamd_takes_is_not_inspected(scene: Scene) -> None:
    with pytest.raises(asyncssh.SFTPFailure):
        asyncio.run(put(scene.rig.server, "large", bytes(MOST * 3)))
    (told,) = scene.rig.trail.of(events.INSPECTION_UNABLE.number, path="/large")
    assert "StreamMaxLength" in told["data"]["details"]


def test_what_is_larger_than_clamd_looks_into_is_not_inspected(scene: Scene) -> None:
    with pytest.raises(asyncssh.SFTPFailure):
        asyncio.run(put(scene.rig.server, "unseen", bytes(SCANNED) + EICAR))
    (told,) = scene.rig.trail.of(events.INSPECTION_UNABLE.number, path="/unseen")
    assert "MaxFileSize" in told["data"]["details"]


def test_a_finished_file_is_only_replaced_as_a_whole(scene: Scene) -> None:
    rig = scene.rig
    (rig.home / "there").write_bytes(CLEAN)

    async def append() -> None:
        async with session(rig.server) as sftp, sftp.open("there", "ab") as file:
            await file.write(EICAR)

    with pytest.raises(asyncssh.SFTPPermissionDenied):
        asyncio.run(append())
    with FtpClient(scene.ftp).log_in() as peer:
        with pytest.raises(Refusal) as not_begun:
            peer.store("APPE there", EICAR)
        assert not_begun.value.answer.code == 553
    with HttpClient(scene.web) as peer:
        assert peer.ask("PUT", "/home/there", CLEAN * 2).status == 201
    assert (rig.home / "there").read_bytes() == CLEAN * 2
    until(lambda: not list(rig.home.glob(".mft-*-*")))
