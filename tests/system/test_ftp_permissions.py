"""Every operation that permissions know, by FTP: allowed, denied, and on another path.

The accounts, the folders and what is expected are those of the tests over SFTP; every command that
does an operation is one row here.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mft.auth.permissions import Operation
from tests.interop.ftp import Ftp
from tests.interop.instance import Server
from tests.interop.services import cheap_hash
from tests.system.ftp_client import FtpClient, Refusal
from tests.system.rig import Rig
from tests.system.test_permissions import (
    FOLDERS,
    KINDS,
    TEXT,
    expected,
    fill,
    lines,
    name_of,
    state,
)

DENIED = 553
MODES = ("clear", "explicit")


class Deed(NamedTuple):
    """A command that does an operation in the folder `{at}`, and how the disk shows that it did."""

    command: str
    done: Callable[[Path], bool] | None = None  # None: the answer tells
    sends: bool = False
    fetches: bool = False


def _new(disk: Path) -> bool:
    return any(disk.glob("*new"))  # STOU puts more before it


def _grown(disk: Path) -> bool:
    return (disk / "file").read_bytes() == TEXT * 2


def _moved(disk: Path) -> bool:
    return (disk / "moved").exists() and not (disk / "file").exists()


def _changed(disk: Path) -> bool:
    return (disk / "file").stat().st_mode & 0o777 == 0o600


def _older(disk: Path) -> bool:
    return (disk / "file").stat().st_mtime == 978_307_200


DEEDS: dict[Operation, tuple[Deed, ...]] = {
    Operation.READ: (
        Deed("RETR {at}/file", fetches=True),
        Deed("HASH {at}/file"),
        Deed("XCRC {at}/file"),
    ),
    Operation.READ_ATTRIBUTES: (
        Deed("MLST {at}/file"),
        Deed("SIZE {at}/file"),
        Deed("MDTM {at}/file"),
        Deed("STAT {at}/file"),
    ),
    Operation.LIST: (
        Deed("MLSD {at}", fetches=True),
        Deed("LIST {at}", fetches=True),
        Deed("NLST {at}", fetches=True),
        Deed("STAT {at}"),
    ),
    Operation.TRAVERSE: (Deed("CWD {at}/folder"), Deed("MLST {at}/folder")),
    Operation.WRITE: (
        Deed("STOR {at}/new", _new, sends=True),
        Deed("APPE {at}/file", _grown, sends=True),
        Deed("STOU {at}/new", _new, sends=True),
    ),
    Operation.CREATE_FOLDER: (Deed("MKD {at}/made", lambda disk: (disk / "made").is_dir()),),
    Operation.RENAME: (Deed("RNFR {at}/file\r\nRNTO {at}/moved", _moved),),
    Operation.DELETE_FILE: (Deed("DELE {at}/file", lambda disk: not (disk / "file").exists()),),
    Operation.DELETE_FOLDER: (
        Deed("RMD {at}/folder", lambda disk: not (disk / "folder").exists()),
    ),
    Operation.SET_ATTRIBUTES: (
        Deed("SITE CHMOD 600 {at}/file", _changed),
        Deed("MFF UNIX.mode=0600; {at}/file", _changed),
        Deed("MFMT 20010101000000 {at}/file", _older),
    ),
}
# FTP has no words for these.
WITHOUT = {Operation.READ_LINK, Operation.MAKE_LINK}


@pytest.fixture(scope="module")
def accounts(
    tmp_path_factory: pytest.TempPathFactory, template: Server
) -> Iterator[tuple[dict[str, Server], dict[str, Ftp]]]:
    """An instance with an account for every operation and kind, and a service of each mode."""
    rig = Rig(tmp_path_factory.mktemp("mft") / "instance", template)
    services = {mode: rig.ftp(mode) for mode in MODES}
    password = cheap_hash(rig.server)
    found = {
        name: rig.account(name, permissions=lines(operation, kind), password=password)
        for operation in Operation
        for kind in KINDS
        for name in [name_of(operation, kind)]
    }
    found["passing"] = rig.account("passing", permissions="allow-traverse", password=password)
    rig.start()
    yield found, services
    try:
        rig.stop()
    finally:
        rig.close()


def answer(client: FtpClient, deed: Deed, at: str) -> int:
    """The code that a command ends with."""
    line = deed.command.format(at=at)
    try:
        if deed.sends:
            return client.store(line, TEXT).code
        if deed.fetches:
            data, last = client.fetch(line)
            assert b"file" in data
            return last.code
    except Refusal as refusal:
        return refusal.answer.code
    codes = [client.do(line).code]
    if "\r\n" in line:
        codes.append(client.reply().code)
    return codes[0] if codes[0] >= 400 else codes[-1]


def test_no_operation_is_without_a_command() -> None:
    assert set(DEEDS) | WITHOUT == set(Operation)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", DEEDS, ids=lambda one: one.name.lower())
def test_an_operation_needs_its_own_permission_on_its_own_path(
    accounts: tuple[dict[str, Server], dict[str, Ftp]], operation: Operation, kind: str, mode: str
) -> None:
    servers, services = accounts
    server = servers[name_of(operation, kind)]
    with FtpClient(services[mode]).log_in(server.account) as client:
        for deed in DEEDS[operation]:
            for folder, allowed in expected(operation, kind).items():
                fill(server.home)
                before = state(server.home)
                code = answer(client, deed, f"/{folder}")
                assert code // 100 == 2 if allowed else code == DENIED, f"{deed.command}: {code}"
                if deed.done is not None:
                    assert deed.done(server.home / folder) is allowed
                if not allowed:
                    assert state(server.home) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_needs_to_read_and_to_write(
    accounts: tuple[dict[str, Server], dict[str, Ftp]], kind: str
) -> None:
    servers, services = accounts
    for operation in (Operation.READ, Operation.WRITE):
        server = servers[name_of(operation, kind)]
        fill(server.home)
        with FtpClient(services["clear"]).log_in(server.account) as client:
            assert client.do("SITE COPY /here/file /here/new").code == DENIED
        assert not (server.home / "here" / "new").exists()


def test_links_are_not_made_whatever_is_allowed(
    accounts: tuple[dict[str, Server], dict[str, Ftp]],
) -> None:
    servers, services = accounts
    server = servers[name_of(Operation.MAKE_LINK, "only")]
    fill(server.home)
    with FtpClient(services["clear"]).log_in(server.account) as client:
        assert client.do("SITE SYMLINK file /here/made").code == 502
    assert not (server.home / "here" / "made").exists()


def test_who_may_only_pass_through_sees_folders_and_no_file(
    accounts: tuple[dict[str, Server], dict[str, Ftp]],
) -> None:
    servers, services = accounts
    server = servers["passing"]
    fill(server.home)
    with FtpClient(services["clear"]).log_in(server.account) as client:
        assert client.do("CWD /here").code == 250
        listed = client.fetch("MLSD")[0].decode().splitlines()
        assert {line.partition("; ")[2] for line in listed} - {".", "..", "/here"} == {"folder"}
        assert client.do("SIZE file").code == DENIED
        assert client.do("MLST file").code == DENIED
    assert set(FOLDERS) <= {path.name for path in server.home.iterdir()}
