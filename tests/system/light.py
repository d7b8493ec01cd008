"""A client that does exactly one request at a time, over a connection that it keeps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh

from tests.interop.instance import Server


async def connect(server: Server, **options: object) -> asyncssh.SSHClientConnection:
    """Log in with the account's key."""
    return await asyncssh.connect(
        server.address,
        **{
            "port": server.port,
            "username": server.account,
            "client_keys": [str(server.key)],
            "known_hosts": None,
            "config": None,
            "agent_path": None,
            **options,
        },
    )


@asynccontextmanager
async def session(server: Server, **options: object) -> AsyncIterator[asyncssh.SFTPClient]:
    """An SFTP session; leaving it closes the connection and waits for that."""
    connection = await connect(server, **options)
    try:
        yield await connection.start_sftp_client()
    finally:
        connection.close()
        await connection.wait_closed()
