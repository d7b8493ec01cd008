"""Connections of ours to real servers over SFTP, on a reactor of their own."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from mft.config.kinds import Context
from mft.remote.base import Parts
from mft.remote.sftp import SftpConnector
from mft.remote.sftp_options import SftpOptions
from mft.remote.sftp_tree import SftpTree
from mft.runtime.threads import Pool
from mft.vfs.volume import Volumes
from tests.fakes.loop import run_loop
from tests.fakes.sftp_link import COMPONENT, Remembered
from tests.fakes.sshd import Sshd
from tests.fakes.threads import Inline
from tests.interop.instance import Server

OLDER = "secure, curve25519-sha256"  # sshd of Debian 12 knows no ML-KEM


def of_sshd(sshd: Sshd, **more: str) -> dict[str, str]:
    """The options of a location at an sshd."""
    return {
        "address": "127.0.0.1",
        "port": str(sshd.port),
        "username": sshd.username,
        "ssh_client_key": str(sshd.key),
        "ssh_server_identity": sshd.host_key(),
        "ssh_cipher_list": OLDER,
        **more,
    }


def of_ours(server: Server, **more: str) -> dict[str, str]:
    """The options of a location at a server of our own."""
    return {
        "address": server.address,
        "port": str(server.port),
        "username": server.account,
        "password": server.password,
        "ssh_server_identity": "\n".join(server.fingerprints),
        **more,
    }


def sftp_connector(
    reactor: Any,
    options: dict[str, str],
    directory: Path,
    pool: Any = None,
    seen: Remembered | None = None,
) -> SftpConnector:
    """Make one; without a pool, calls that block run at once."""
    given = {"type": "sftp", "name": "partner", **options}
    read = SftpOptions.model_validate(given, context=Context(directory))
    run = pool or Inline()
    parts = Parts(reactor, run, run, Volumes(run), directory, seen or Remembered())
    return SftpConnector(COMPONENT, read, parts)


def with_tree(
    options: dict[str, str],
    work: Callable[[SftpTree], Awaitable[Any]],
    folder: str = "",
    seen: Remembered | None = None,
) -> Any:
    """Connect, do something with the tree, and close."""

    async def main(reactor: Any) -> Any:
        pool = Pool(reactor, "disk", 4)
        pool.start()
        try:
            made = sftp_connector(reactor, options, Path("/"), pool, seen)
            tree = await made.connect(folder)
            assert isinstance(tree, SftpTree)
            try:
                return await work(tree)
            finally:
                await tree.close()
        finally:
            pool.stop()

    return run_loop(main)
