"""asyncssh's SFTP and SCP clients."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import asyncssh
import pytest

from mft.wire.sftp.framing import MAX_DATA
from tests.interop.instance import COMMAND_SECONDS, Place, Server
from tests.interop.trees import LARGE, content, held, make

pytestmark = pytest.mark.interop
T = TypeVar("T")


def connected(server: Server, act: Callable[[asyncssh.SSHClientConnection], Awaitable[T]]) -> T:
    """Do something over one connection, within a minute."""

    async def main() -> T:
        async with asyncssh.connect(
            server.address,
            server.port,
            username=server.account,
            client_keys=[str(server.key)],
            known_hosts=str(server.known_hosts),
            agent_path=None,
            config=None,
        ) as connection:
            return await act(connection)

    return asyncio.run(asyncio.wait_for(main(), COMMAND_SECONDS))


def with_sftp(server: Server, act: Callable[[asyncssh.SFTPClient], Awaitable[T]]) -> T:
    """Do something with one SFTP session."""

    async def opened(connection: asyncssh.SSHClientConnection) -> T:
        async with connection.start_sftp_client() as sftp:
            return await act(sftp)

    return connected(server, opened)


def test_a_tree_goes_up_and_comes_back(server: Server, place: Place, tmp_path: Path) -> None:
    tree = make(tmp_path / "tree")

    async def act(sftp: asyncssh.SFTPClient) -> None:
        await sftp.put(str(tree), f"{place.remote}/up", recurse=True, preserve=True)
        await sftp.get(f"{place.remote}/up", str(tmp_path / "down"), recurse=True, preserve=True)

    with_sftp(server, act)
    assert held(place.disk / "up") == held(tree)
    assert held(tmp_path / "down") == held(tree)
    assert (tmp_path / "down/a.txt").stat().st_mtime == int((tree / "a.txt").stat().st_mtime)


def test_128_requests_in_flight_keep_every_byte(
    server: Server, place: Place, tmp_path: Path
) -> None:
    (tmp_path / "up").write_bytes(content(LARGE))

    async def act(sftp: asyncssh.SFTPClient) -> None:
        many = {"block_size": 4096, "max_requests": 128}
        await sftp.put(str(tmp_path / "up"), f"{place.remote}/file", **many)
        await sftp.get(f"{place.remote}/file", str(tmp_path / "down"), **many)

    with_sftp(server, act)
    assert (place.disk / "file").read_bytes() == content(LARGE)
    assert (tmp_path / "down").read_bytes() == content(LARGE)


def test_the_extensions_that_are_told_are_understood(server: Server, place: Place) -> None:
    (place.disk / "file").write_bytes(content(LARGE))

    async def act(sftp: asyncssh.SFTPClient) -> None:
        file = f"{place.remote}/file"
        assert sftp.limits.max_read_len == sftp.limits.max_write_len == MAX_DATA
        assert (await sftp.statvfs(place.remote)).blocks > 0
        async with sftp.open(file, "rb") as source, sftp.open(f"{place.remote}/copy", "wb") as copy:
            await sftp.remote_copy(source, copy)
        await sftp.posix_rename(f"{place.remote}/copy", f"{place.remote}/other")
        async with sftp.open(f"{place.remote}/synced", "wb") as written:
            await written.write(b"x")
            await written.fsync()

    with_sftp(server, act)
    assert (place.disk / "other").read_bytes() == content(LARGE)
    assert (place.disk / "synced").read_bytes() == b"x"


def test_scp_carries_a_tree_both_ways(server: Server, place: Place, tmp_path: Path) -> None:
    tree = make(tmp_path / "tree")

    async def act(connection: asyncssh.SSHClientConnection) -> None:
        await asyncssh.scp(str(tree), (connection, f"{place.remote}/up"), recurse=True)
        await asyncssh.scp((connection, f"{place.remote}/up"), str(tmp_path / "down"), recurse=True)

    connected(server, act)
    assert held(place.disk / "up") == held(tree)
    assert held(tmp_path / "down") == held(tree)


def test_four_sessions_share_one_connection(server: Server, place: Place) -> None:
    async def act(connection: asyncssh.SSHClientConnection) -> None:
        async def one(number: int) -> None:
            async with connection.start_sftp_client() as sftp:
                path = f"{place.remote}/{number}"
                async with sftp.open(path, "wb") as file:
                    await file.write(content(100_000 + number))

        await asyncio.gather(*(one(number) for number in range(4)))

    connected(server, act)
    expected = {str(number): content(100_000 + number) for number in range(4)}
    assert held(place.disk) == expected


def test_neither_commands_nor_forwarding_are_served(server: Server) -> None:
    async def act(connection: asyncssh.SSHClientConnection) -> None:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.run("id")
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection(server.address, server.port)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port("", 0, server.address, server.port)

    connected(server, act)
