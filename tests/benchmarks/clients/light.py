"""A small client of the benchmark's own, on asyncssh, run as a process of its own.

`python -m tests.benchmarks.clients.light MODE PORT USER CREDENTIAL COUNT NUMBER [FOLDER]`: the
credential is a key file, or `password:WORD`. Every mode prints "ready" when it could begin, waits
for a line (or the end) of its input, and prints one line of JSON when it is done.
"""

import asyncio
import gc
import json
import os
import sys
import time
from pathlib import Path

import asyncssh

from tests.benchmarks.clients.child import prompt
from tests.benchmarks.servers.base import HOST

# The same algorithms with every server; aes256-ctr is for Conch, which has no AEAD.
ALGORITHMS = {
    "kex_algs": ["curve25519-sha256"],
    "server_host_key_algs": ["ssh-ed25519"],
    "encryption_algs": ["aes128-gcm@openssh.com", "aes256-ctr"],
    "mac_algs": ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-256"],
    "compression_algs": ["none"],
}
LOGIN_SECONDS = 600  # of two hundred that come at once, the last waits for all hashes
OPENING = 6  # logins at a time while many sessions are opened; mft admits 10 an address
PRIORITY = -15  # a probe must not wait for the downloads' clients; as root only
FILE_SIZE = 4096  # bytes of a file that is dispatched
ARRIVAL_SECONDS = 60.0  # until it is missed
LOOK = 0.0002  # seconds between two looks at whether it is there


class Light:
    """Connections to one server with one credential."""

    def __init__(self, port: int, user: str, credential: str) -> None:
        kind, _, word = credential.partition(":")
        by_password = kind == "password"
        self._options = {
            "port": port,
            "username": user,
            "password": word if by_password else None,
            "client_keys": None if by_password else [credential],
            "preferred_auth": "password" if by_password else "publickey",
            "known_hosts": None,
            "config": None,
            "agent_path": None,
            "login_timeout": LOGIN_SECONDS,
            **ALGORITHMS,
        }

    async def login(self) -> tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]:
        """Connect, authenticate, open sftp, and have one stat answered."""
        connection = await asyncssh.connect(HOST, **self._options)
        sftp = await connection.start_sftp_client()
        await sftp.stat(".")
        return connection, sftp

    async def logins(self, count: int, parallel: float) -> dict:
        """That many whole logins, so many at a time; each is closed before the next."""
        await _ready()
        turns = iter(range(count))

        async def one_after_another() -> None:
            for _ in turns:
                connection, _sftp = await self.login()
                connection.close()
                await connection.wait_closed()

        start = time.perf_counter()
        await asyncio.gather(*(one_after_another() for _ in range(int(parallel))))
        return {"seconds": time.perf_counter() - start}

    async def idle(self, count: int, _unused: float) -> dict:
        """Keep that many sessions open until the input ends."""
        turns = iter(range(count))
        sessions = []

        async def one_after_another() -> None:
            for _ in turns:
                sessions.append(await self.login())  # noqa: PERF401 - several of these run at once

        await asyncio.gather(*(one_after_another() for _ in range(OPENING)))
        await _ready()
        for connection, _sftp in sessions:
            connection.abort()
        return {"sessions": len(sessions)}

    async def probe(self, count: int, gap: float) -> dict:
        """That many stats with a pause between them; how long each took, in ms."""
        if os.geteuid() == 0:
            os.nice(PRIORITY)
        connection, sftp = await self.login()
        gc.collect()
        gc.freeze()
        gc.disable()
        await _ready()
        took = []
        for _ in range(count):
            await asyncio.sleep(gap)
            start = time.perf_counter()
            await sftp.stat("small")
            took.append((time.perf_counter() - start) * 1000)
        connection.abort()
        return {"ms": took}

    async def dispatch(self, count: int, gap: float, folder: str) -> dict:
        """That many uploads with a pause between them; how long each then took into the folder."""
        connection, sftp = await self.login()
        data = os.urandom(FILE_SIZE)
        prompt()
        await _ready()
        took = []
        for number in range(count + 1):
            await asyncio.sleep(gap)
            async with sftp.open(f"up/{number:04}", "wb") as file:
                await file.write(data)
            took.append(_arrives(Path(folder, f"{number:04}"), data) * 1000)
        connection.abort()
        return {"ms": took[1:]}  # first use loads code: not a file's


def _arrives(path: Path, data: bytes) -> float:
    """Seconds until the whole file is there; TimeoutError, ValueError when it is not."""
    start = time.perf_counter()
    while not path.exists():
        if time.perf_counter() - start > ARRIVAL_SECONDS:
            raise TimeoutError(f"{path} did not arrive")
        time.sleep(LOOK)
    took = time.perf_counter() - start
    if path.read_bytes() != data:
        raise ValueError(f"{path} is not what was sent")
    return took


async def _ready() -> None:
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


def main() -> None:
    """Run one mode."""
    mode, port, user, credential, count, number, *more = sys.argv[1:]
    light = Light(int(port), user, credential)
    modes = {name: getattr(light, name) for name in ("logins", "idle", "probe", "dispatch")}
    print(json.dumps(asyncio.run(modes[mode](int(count), float(number), *more))), flush=True)


if __name__ == "__main__":
    main()
