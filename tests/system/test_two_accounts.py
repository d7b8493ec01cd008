"""The example of two accounts and a shared folder, as it is shipped, over every protocol.

The table says who may change what; each protocol does the same with words of its own, and the disk
is the judge.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import asyncssh
import pytest

from mft.auth.permissions import LOOKS, Operation
from tests.interop.ftp import MODES, Ftp
from tests.interop.instance import Server
from tests.interop.services import cheap_hash
from tests.interop.web import SCHEMES, Web
from tests.laws.source import ROOT
from tests.system import test_ftp_permissions as by_ftp
from tests.system import test_http_permissions as by_http
from tests.system.ftp_client import FtpClient
from tests.system.http_client import HttpClient
from tests.system.light import session
from tests.system.rig import Rig, client, words
from tests.system.test_permissions import DEEDS, TEXT, fill, state

EXAMPLE: Final = ROOT / "conf" / "examples" / "two-accounts.ini"
NAMES: Final = ("reader", "editor")
# Where a client works, and whether the account may change what is there.
TABLE: Final = {
    ("reader", "/here"): True,
    ("reader", "/shared"): False,
    ("editor", "/here"): True,
    ("editor", "/shared"): True,
}


def allowed(name: str, place: str, operation: Operation) -> bool:
    """Whether the example lets the account do it there."""
    if operation is Operation.MAKE_LINK and name == "reader":
        return False  # a link could lead around the rules
    return operation in LOOKS or TABLE[name, place]


class Shared(NamedTuple):
    """The running example."""

    servers: dict[str, Server]
    ftp: dict[str, Ftp]
    web: dict[str, Web]
    outer: Path  # what holds the shared folder

    def ready(self, name: str, place: str) -> Path:
        """Fill the places anew; gives where one is on the disk."""
        fill(self.servers[name].home)
        fill(self.outer)
        return self.outer / "there" if place == "/shared" else self.servers[name].home / "here"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, template: Server) -> Iterator[Shared]:
    """An instance with what the example has, each account with a password and a key."""
    rig = Rig(tmp_path_factory.mktemp("mft") / "instance", template)
    ftp = {mode: rig.ftp(mode) for mode in MODES}
    web = {scheme: rig.web(scheme) for scheme in SCHEMES}
    outer = rig.directory.parent / "outer"
    (outer / "there").mkdir(parents=True)
    homes = rig.directory.parent / "homes"
    homes.mkdir()
    public = Path(f"{rig.server.key}.pub").read_text().strip()
    _, mark, rest = EXAMPLE.read_text().partition("[groups/department]")
    text = (mark + rest).replace("enabled = No", f"ssh_authorized_keys_content = {public}")
    text = text.replace(";password = $2b$12$...", f"password = {cheap_hash(rig.server)}")
    text = text.replace("/srv/mft-shared", f"{outer}/there").replace("/srv/mft/", f"{homes}/")
    with rig.config.open("a") as file:
        file.write(f"\n{text}")
    servers = {name: replace(rig.server, account=name, home=homes / name) for name in NAMES}
    rig.start()
    yield Shared(servers, ftp, web, outer)
    try:
        rig.stop()
    finally:
        rig.close()


@pytest.mark.parametrize("name", NAMES)
def test_over_sftp(shared: Shared, name: str, tmp_path: Path) -> None:
    async def walk() -> None:
        async with session(shared.servers[name]) as light:
            for operation, deed in DEEDS.items():
                for place in ("/here", "/shared"):
                    disk, told = shared.ready(name, place), f"{operation} in {place}"
                    before = state(disk)
                    may = allowed(name, place, operation)
                    try:
                        await deed.light(light, place)
                    except asyncssh.SFTPPermissionDenied:
                        assert not may, told
                        assert state(disk) == before, told
                    else:
                        assert may, told
                        assert (
                            deed.done is None
                            or operation is Operation.READ
                            or deed.done(disk, tmp_path)
                        ), told

    asyncio.run(walk())


@pytest.mark.parametrize("name", NAMES)
def test_over_scp(shared: Shared, name: str, tmp_path: Path) -> None:
    server = shared.servers[name]
    (tmp_path / "source").write_bytes(TEXT)
    for place in ("/here", "/shared"):
        disk = shared.ready(name, place)
        there = f"{server.where}:{place}"
        got = tmp_path / f"got-{place[1:]}"
        assert client("scp", "-O", *words(server), f"{there}/file", got) == 0
        assert got.read_bytes() == TEXT
        may = TABLE[name, place]
        ended = client("scp", "-O", *words(server), tmp_path / "source", f"{there}/new")
        assert (ended == 0) is may
        assert (disk / "new").exists() is may


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_over_ftp(shared: Shared, name: str, mode: str) -> None:
    with FtpClient(shared.ftp[mode]).log_in(name) as peer:
        for operation, deeds in by_ftp.DEEDS.items():
            for deed in deeds:
                for place in ("/here", "/shared"):
                    disk, told = shared.ready(name, place), f"{deed.command} in {place}"
                    before = state(disk)
                    may = allowed(name, place, operation)
                    code = by_ftp.answer(peer, deed, place)
                    assert code // 100 == 2 if may else code == by_ftp.DENIED, f"{told}: {code}"
                    assert deed.done is None or deed.done(disk) is may, told
                    assert may or state(disk) == before, told


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
def test_over_http(shared: Shared, name: str, scheme: str) -> None:
    with HttpClient(shared.web[scheme], name=name) as peer:
        for operation, deeds in by_http.DEEDS.items():
            for deed in deeds:
                for place in ("/here", "/shared"):
                    disk, told = (
                        shared.ready(name, place),
                        f"{deed.method} {deed.target} in {place}",
                    )
                    before = state(disk)
                    may = allowed(name, place, operation)
                    code = by_http.status(peer, deed, f"/home{place}")
                    assert code // 100 == 2 if may else code == deed.denied, f"{told}: {code}"
                    assert deed.done is None or deed.done(disk) is may, told
                    assert may or state(disk) == before, told


def test_a_home_is_its_owners_alone(shared: Shared) -> None:
    for name, other in (NAMES, NAMES[::-1]):
        shared.ready(name, "/here")
        (shared.servers[other].home / f"of-{other}").write_bytes(TEXT)
        with HttpClient(shared.web["https"], name=name) as peer:
            assert peer.ask("GET", f"/home/of-{other}").status == 404
            assert peer.ask("GET", f"/home/../{other}/of-{other}").status in (400, 404)


def test_every_cell_of_the_table_is_of_the_example() -> None:
    assert {name for name, _ in TABLE} == set(NAMES)
    assert all(f"[accounts/{name}]" in EXAMPLE.read_text() for name in NAMES)
