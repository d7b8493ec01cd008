"""The asyncssh library's own server, plain: one process, passwords compared as text."""

import sys
from pathlib import Path

from tests.benchmarks.servers.base import CHACHA, CTR, GCM, HOST, Scripted


class Asyncssh(Scripted):
    """asyncssh with SFTP and SCP on one folder."""

    name = "asyncssh"
    title = "asyncssh"
    module = "tests.benchmarks.servers.asyncssh"
    ciphers = frozenset({GCM, CHACHA, CTR})


async def serve(home: Path, host_key: str, public_key: str, user: str, password: str) -> None:
    """Listen on a free port, print it, and serve until killed."""
    import asyncio

    import asyncssh

    class Login(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, given: str) -> bool:
            return (username, given) == (user, password)

    class Files(asyncssh.SFTPServer):
        def __init__(self, chan: asyncssh.SSHServerChannel) -> None:
            super().__init__(chan, chroot=str(home).encode())

    listener = await asyncssh.listen(
        HOST,
        0,
        server_factory=Login,
        server_host_keys=[host_key],
        authorized_client_keys=public_key,
        sftp_factory=Files,
        allow_scp=True,
        backlog=4096,
        login_timeout=0,
    )
    print("port", listener.get_port(), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    import asyncio

    folder, *rest = sys.argv[1:]
    asyncio.run(serve(Path(folder), *rest))
