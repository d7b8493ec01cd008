"""Every operation that permissions know, by real clients: allowed, denied, on another path.

The account of each test holds the one permission that the operation needs, every other permission,
or that permission in one folder only; what the disk and the client's own folder hold afterwards is
the judge.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import asyncssh
import pytest

from mft.auth.permissions import ALLOWS, NEEDS, Operation, Permission
from tests.interop.instance import Server
from tests.system.light import session
from tests.system.rig import Rig, client, sftp, words

TEXT = b"what the file holds"
FOLDERS = ("here", "there")
KINDS = ("only", "all-but", "there")  # how an account holds the permission


class Deed(NamedTuple):
    """How an operation is tried in the folder `{at}`, and how it shows that it was done."""

    light: Callable[[asyncssh.SFTPClient, str], Awaitable[object]]
    command: str | None  # the same as a line for OpenSSH's sftp, where it has one
    done: Callable[[Path, Path], bool] | None  # by the disk and the client's folder; None: answer


async def _read(client: asyncssh.SFTPClient, at: str) -> None:
    async with client.open(f"{at}/file", "rb") as file:
        assert await file.read() == TEXT


async def _write(client: asyncssh.SFTPClient, at: str) -> None:
    async with client.open(f"{at}/new", "wb") as file:
        await file.write(TEXT)


async def _list(client: asyncssh.SFTPClient, at: str) -> None:
    assert "file" in await client.listdir(at)


def _moved(disk: Path, _: Path) -> bool:
    return (disk / "moved").exists() and not (disk / "file").exists()


DEEDS: dict[Operation, Deed] = {
    Operation.READ: Deed(
        _read, "get {at}/file {local}/got", lambda _, local: (local / "got").exists()
    ),
    Operation.READ_ATTRIBUTES: Deed(lambda c, at: c.stat(f"{at}/file"), None, None),
    Operation.LIST: Deed(_list, "ls {at}", None),
    Operation.TRAVERSE: Deed(lambda c, at: c.stat(f"{at}/folder"), None, None),
    Operation.READ_LINK: Deed(lambda c, at: c.readlink(f"{at}/link"), None, None),
    Operation.WRITE: Deed(
        _write, "put {local}/source {at}/new", lambda disk, _: (disk / "new").exists()
    ),
    Operation.CREATE_FOLDER: Deed(
        lambda c, at: c.mkdir(f"{at}/made"),
        "mkdir {at}/made",
        lambda disk, _: (disk / "made").is_dir(),
    ),
    Operation.RENAME: Deed(
        lambda c, at: c.rename(f"{at}/file", f"{at}/moved"), "rename {at}/file {at}/moved", _moved
    ),
    Operation.DELETE_FILE: Deed(
        lambda c, at: c.remove(f"{at}/file"),
        "rm {at}/file",
        lambda disk, _: not (disk / "file").exists(),
    ),
    Operation.DELETE_FOLDER: Deed(
        lambda c, at: c.rmdir(f"{at}/folder"),
        "rmdir {at}/folder",
        lambda disk, _: not (disk / "folder").exists(),
    ),
    Operation.SET_ATTRIBUTES: Deed(
        lambda c, at: c.chmod(f"{at}/file", 0o600),
        "chmod 600 {at}/file",
        lambda disk, _: (disk / "file").stat().st_mode & 0o777 == 0o600,
    ),
    Operation.MAKE_LINK: Deed(
        # Asyncssh keeps OpenSSH's order of the two names for servers of that name only.
        lambda c, at: c.symlink(f"{at}/made", "file"),
        "ln -s file {at}/made",
        lambda disk, _: (disk / "made").is_symlink(),
    ),
}


def lines(operation: Operation, kind: str) -> str:
    """The `permissions` of an account for one operation."""
    needed = NEEDS[operation].value
    if kind == "only":
        return needed
    if kind == "there":
        return f"deny-full-control\n    /there/*, {needed}\n    /there, {needed}"
    without = {Permission.NONE}
    if operation is Operation.LIST:
        without.add(Permission.TRAVERSE)  # lists folders
    if operation is Operation.TRAVERSE:
        without.add(Permission.READ)  # tells the attributes of folders as well
    others = [one for one in Permission if operation not in ALLOWS[one] and one not in without]
    return ", ".join(one.value for one in others)


def name_of(operation: Operation, kind: str) -> str:
    """The account of one operation."""
    return f"{operation.name.lower()}-{kind}"


@pytest.fixture(scope="module")
def accounts(
    tmp_path_factory: pytest.TempPathFactory, template: Server
) -> Iterator[dict[str, Server]]:
    """An instance with an account for every operation and kind."""
    rig = Rig(tmp_path_factory.mktemp("mft") / "instance", template)
    found = {
        name: rig.account(name, permissions=lines(operation, kind))
        for operation in Operation
        for kind in KINDS
        for name in [name_of(operation, kind)]
    }
    found["passing"] = rig.account("passing", permissions="allow-traverse")
    rig.start()
    yield found
    try:
        rig.stop()
    finally:
        rig.close()


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """The client's folder."""
    (tmp_path / "source").write_bytes(TEXT)
    return tmp_path


def fill(home: Path) -> None:
    """Put what the operations need into every folder, in place of what earlier ones left."""
    for name in FOLDERS:
        folder = home / name
        (folder / "folder").mkdir(parents=True, exist_ok=True)
        for made in ("made", "new", "moved"):
            path = folder / made
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
        (folder / "file").write_bytes(TEXT)
        (folder / "file").chmod(0o644)
        if not (folder / "link").is_symlink():
            (folder / "link").symlink_to("file")


def expected(operation: Operation, kind: str) -> dict[str, bool]:
    """Whether the operation is allowed in each folder."""
    if operation is Operation.MAKE_LINK and kind == "there":
        return dict.fromkeys(FOLDERS, False)  # a link could lead around the path rules
    return {"here": kind == "only", "there": kind != "all-but"}


def state(home: Path) -> dict[str, tuple[int, bytes | None]]:
    """Every path below a home with its permission bits and bytes."""
    return {
        str(path.relative_to(home)): (
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() else None,
        )
        for path in home.rglob("*")
    }


async def by_light(server: Server, deed: Deed, at: str) -> bool:
    """Try it by one exact request; whether the server did it."""
    async with session(server) as light:
        try:
            await deed.light(light, at)
        except asyncssh.SFTPPermissionDenied:
            return False
        return True


def test_no_operation_is_without_a_deed() -> None:
    assert set(DEEDS) == set(Operation)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", Operation, ids=lambda one: one.name.lower())
def test_an_operation_needs_its_own_permission_on_its_own_path(
    accounts: dict[str, Server], local: Path, operation: Operation, kind: str
) -> None:
    server = accounts[name_of(operation, kind)]
    deed = DEEDS[operation]
    for folder, allowed in expected(operation, kind).items():
        fill(server.home)
        before = state(server.home)
        assert asyncio.run(by_light(server, deed, f"/{folder}")) is allowed
        if deed.done is not None and operation is not Operation.READ:
            assert deed.done(server.home / folder, local) is allowed
        if not allowed:
            assert state(server.home) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "operation", [one for one in DEEDS if DEEDS[one].command], ids=lambda one: one.name.lower()
)
def test_openssh_sftp_may_do_no_more(
    accounts: dict[str, Server], local: Path, operation: Operation, kind: str
) -> None:
    server = accounts[name_of(operation, kind)]
    command, done = DEEDS[operation].command, DEEDS[operation].done
    assert command is not None
    fill(server.home)
    for folder, allowed in expected(operation, kind).items():
        before = state(server.home)
        ended = sftp(server, command.format(at=f"/{folder}", local=local) + "\n")
        assert (ended == 0) is allowed, folder
        if done is not None:
            assert done(server.home / folder, local) is allowed
        if not allowed:
            assert state(server.home) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", [Operation.READ, Operation.WRITE], ids=["down", "up"])
def test_legacy_scp_may_do_no_more(
    accounts: dict[str, Server], local: Path, operation: Operation, kind: str
) -> None:
    server = accounts[name_of(operation, kind)]
    fill(server.home)
    for folder, allowed in expected(operation, kind).items():
        if operation is Operation.READ:
            there, made = f"{server.where}:/{folder}/file", local / f"got-{folder}"
            ended = client("scp", "-O", *words(server), there, made)
        else:
            there, made = f"{server.where}:/{folder}/new", server.home / folder / "new"
            ended = client("scp", "-O", *words(server), local / "source", there)
        assert (ended == 0) is allowed
        assert made.exists() is allowed


def test_who_may_only_pass_through_sees_folders_and_no_file(accounts: dict[str, Server]) -> None:
    server = accounts["passing"]
    fill(server.home)

    async def look() -> None:
        async with session(server) as light:
            assert set(await light.listdir("/here")) - {".", ".."} == {"folder"}
            assert (await light.stat("/here/folder")).permissions
            with pytest.raises(asyncssh.SFTPPermissionDenied):
                await light.stat("/here/file")
            with pytest.raises(asyncssh.SFTPPermissionDenied):
                await light.readlink("/here/link")

    asyncio.run(look())
