"""What an account may do nothing with is in no listing, and is not there for who asks for it.

An account that hides what is denied must be told the same of a path where something is as of one
where nothing is; whoever knows the name of what is granted further down reaches it.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncssh
import pytest

from tests.interop.ftp import MODES, Ftp
from tests.interop.instance import Server
from tests.interop.services import cheap_hash
from tests.interop.web import SCHEMES, Web
from tests.system.ftp_client import FtpClient, Refusal
from tests.system.http_client import HttpClient
from tests.system.light import session
from tests.system.rig import Rig, client, words

TEXT: Final = b"what the file holds"
RULES: Final = (
    "allow-full-control\n    /work/vault, deny-full-control\n    /work/vault/known*, allow-read, "
    "allow-list, allow-write\n    /work/vault/*, deny-full-control\n    *.key, deny-full-control"
)
HIDDEN: Final = ("vault", "secret.key", "vault/other")  # of /work
MISSING: Final = ("nothing.key", "vault/nothing")
SEEN: Final = {"file", "open"}

Placed = tuple[dict[str, Server], dict[str, Ftp], dict[str, Web]]


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory, template: Server) -> Iterator[Placed]:
    """An account that hides what is denied, and one of the same rules that shows it."""
    rig = Rig(tmp_path_factory.mktemp("mft") / "instance", template)
    ftp = {mode: rig.ftp(mode) for mode in MODES}
    web = {scheme: rig.web(scheme) for scheme in SCHEMES}
    given = {"permissions": RULES, "password": cheap_hash(rig.server)}
    servers = {
        name: rig.account(name, hide_denied_entries=hide, **given)
        for name, hide in (("hiding", "yes"), ("showing", "no"))
    }
    for server in servers.values():
        work = server.home / "work"
        (work / "open").mkdir(parents=True)
        (work / "vault" / "known").mkdir(parents=True)
        for name in ("file", "secret.key", "vault/other", "vault/known/file", "open/deep.key"):
            (work / name).write_bytes(TEXT)
    rig.start()
    yield servers, ftp, web
    try:
        rig.stop()
    finally:
        rig.close()


def everything(server: Server) -> set[str]:
    """What is there."""
    return {str(path.relative_to(server.home)) for path in server.home.rglob("*")}


def test_over_sftp(placed: Placed) -> None:
    server, *_ = placed[0].values()
    before = everything(server)

    async def look() -> None:
        async with session(server) as light:
            assert set(await light.listdir("/work")) - {".", ".."} == SEEN
            assert await light.listdir("/work/vault/known")
            for name in HIDDEN + MISSING:
                path = f"/work/{name}"
                for asked in (light.stat, light.lstat, light.listdir, light.readlink, light.open):
                    with pytest.raises(asyncssh.SFTPNoSuchFile):
                        await asked(path)
                for made in (
                    light.mkdir(path),
                    light.open(path, "wb"),
                    light.remove(path),
                    light.rename(path, "/work/got"),
                    light.rename("/work/file", path),
                    light.chmod(path, 0o600),
                ):
                    with pytest.raises(asyncssh.SFTPPermissionDenied):
                        await made

    asyncio.run(look())
    assert everything(server) == before


def test_over_scp(placed: Placed, tmp_path: Path) -> None:
    server = placed[0]["hiding"]
    before = everything(server)
    got = tmp_path / "got"
    assert client("scp", "-O", "-r", *words(server), f"{server.where}:/work", got) == 0
    assert {path.name for path in got.iterdir()} == SEEN
    assert list((got / "open").iterdir()) == []
    for name in ("vault", "nothing.key"):
        there = f"{server.where}:/work/{name}"
        assert client("scp", "-O", "-r", *words(server), there, tmp_path / "one") != 0
        assert client("scp", "-O", "-r", *words(server), got, there) != 0
    assert everything(server) == before


@pytest.mark.parametrize("mode", MODES)
def test_over_ftp(placed: Placed, mode: str) -> None:
    server = placed[0]["hiding"]
    before = everything(server)
    with FtpClient(placed[1][mode]).log_in("hiding") as peer:
        for command in ("NLST /work", "LIST /work", "MLSD /work", "NLST /work/*"):
            listed = peer.fetch(command)[0].decode()
            assert "file" in listed
            assert not any(name in listed for name in ("vault", ".key")), command
        peer.put("STAT /work")
        assert "vault" not in peer.whole_reply()
        for asked in ("MLST", "SIZE", "MDTM", "STAT", "CWD", "HASH"):
            codes = {name: peer.do(f"{asked} /work/{name}").code for name in HIDDEN + MISSING}
            assert set(codes.values()) == {550}, (asked, codes)
        for command in ("RETR", "MLSD", "LIST", "NLST"):
            codes = {name: fetched(peer, f"{command} /work/{name}") for name in HIDDEN + MISSING}
            assert set(codes.values()) == {550}, (command, codes)
        for changed in ("MKD", "DELE", "RMD", "RNFR", "SITE CHMOD 600"):
            codes = {name: peer.do(f"{changed} /work/{name}").code for name in HIDDEN + MISSING}
            assert set(codes.values()) == {553}, (changed, codes)
        assert fetched(peer, "RETR /work/vault/known/file") == 226
    assert everything(server) == before


def fetched(peer: FtpClient, line: str) -> int:
    """The code that fetching ends with."""
    try:
        return peer.fetch(line)[1].code
    except Refusal as refusal:
        return refusal.answer.code


@pytest.mark.parametrize("scheme", SCHEMES)
def test_over_http_and_webdav(placed: Placed, scheme: str) -> None:
    server = placed[0]["hiding"]
    before = everything(server)
    with HttpClient(placed[2][scheme], name="hiding") as peer:
        listed = peer.ask("GET", "/home/work/")
        assert {one["name"] for one in listed.json["content"]} == SEEN
        for fields in ({"Accept": "text/html"}, {"Accept": "application/zip"}):
            page = peer.ask("GET", "/home/work/", **fields).body
            assert b"file" in page
            assert b"vault" not in page
            assert b".key" not in page
        found = peer.ask("PROPFIND", "/home/work/", Depth="1").body
        assert b"/home/work/file" in found
        assert b"vault" not in found
        for method, fields in (
            ("GET", {}),
            ("HEAD", {}),
            ("PROPFIND", {"Depth": "0"}),
            ("COPY", {"Destination": "/home/work/got"}),
            ("GET", {"Range": "bytes=0-3"}),
        ):
            asked = {
                name: peer.ask(method, f"/home/work/{name}", **fields).status
                for name in HIDDEN + MISSING
            }
            assert set(asked.values()) == {404}, (method, asked)
        for method, fields in (
            ("PUT", {}),
            ("PUT", {"If_None_Match": "*"}),
            ("MKCOL", {}),
            ("DELETE", {}),
            ("MOVE", {"Destination": "/home/work/got"}),
            ("MOVE", {"Destination": "/home/work/got", "Depth": "0"}),
        ):
            body = TEXT if method == "PUT" else None
            asked = {
                name: peer.ask(method, f"/home/work/{name}", body, **fields).status
                for name in HIDDEN + MISSING
            }
            assert set(asked.values()) == {403}, (method, fields, asked)
        assert peer.ask("GET", "/home/work/vault/known/file").body == TEXT
    assert everything(server) == before


def test_without_the_option_what_is_denied_is_listed_and_denied(placed: Placed) -> None:
    async def look() -> None:
        async with session(placed[0]["showing"]) as light:
            assert {"vault", "secret.key"} <= set(await light.listdir("/work"))
            with pytest.raises(asyncssh.SFTPPermissionDenied):
                await light.stat("/work/secret.key")

    asyncio.run(look())
