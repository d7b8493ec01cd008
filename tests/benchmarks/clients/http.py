"""A small HTTP client of the benchmark's own: for small files, listings, logins and probes.

`python -m tests.benchmarks.clients.http MODE SCHEME PORT PREFIX USER PASSWORD COUNT REST`: SCHEME
is http or https; PREFIX goes before every path; REST is how many at a time, a pause in seconds,
the folder that is listed, or the one that holds source/. Every mode prints "ready" when it could
begin, waits for a line (or the end) of its input, and prints one line of JSON when it is done.
"""

import contextlib
import json
import re
import ssl
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

from tests.benchmarks.clients.child import (
    OPENING,
    connect,
    flood,
    prompt,
    ready,
    trusting,
)
from tests.benchmarks.servers.base import HOST
from tests.benchmarks.settings import PASSES

FILES_SECONDS = 12.0  # a server that stalls at each file is given up after this
CHUNK = 64 << 10  # bytes of one receive
HEAD_END, LAST_CHUNK = b"\r\n\r\n", b"0\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PROBED = "small/0000"


class Connection:
    """One kept connection; one request at a time."""

    def __init__(self, port: int, context: ssl.SSLContext | None) -> None:
        self._socket = connect(port)
        if context is not None:
            self._socket = context.wrap_socket(self._socket)

    def ask(self, request: bytes) -> bytes:
        """The body of the answer, chunks and all where it has chunks; ValueError for a refusal."""
        self._socket.sendall(request)
        data = bytearray(self._more())
        while (end := data.find(HEAD_END)) < 0:
            data += self._more()
        head = bytes(data[:end])
        del data[: end + len(HEAD_END)]
        if head[9:10] != b"2":
            raise ValueError(f"answered {head.partition(HEAD_END[:2])[0].decode()}")
        told = LENGTH.search(head)
        if told is None:
            while not data.endswith(LAST_CHUNK):
                data += self._more()
        else:
            while len(data) < int(told[1]):
                data += self._more()
        return bytes(data)

    def try_(self, request: bytes) -> None:
        """Have any answer, of which only a piece is read; ValueError when the server has gone."""
        self._socket.sendall(request)
        self._more()

    def close(self) -> None:
        """Say goodbye, and do not wait for the server's."""
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket.setblocking(False)
            with contextlib.suppress(OSError):
                self._socket.unwrap()
        self._socket.close()

    def _more(self) -> bytes:
        received = self._socket.recv(CHUNK)
        if not received:
            raise ValueError("the server has closed the connection")
        return received


class Client:
    """The modes, against one server with one account."""

    def __init__(self, scheme: str, port: str, prefix: str, user: str, password: str) -> None:
        self._place = (int(port), trusting() if scheme == "https" else None)
        self._prefix = prefix
        account = b64encode(f"{user}:{password}".encode()).decode()
        self._fields = f"Host: {HOST}:{port}\r\nAuthorization: Basic {account}\r\n"

    def logins(self, count: int, parallel: str) -> dict:
        """That many connections with one small file each, so many at a time."""
        request = self._get(PROBED)

        def one(_number: int) -> None:
            connection = Connection(*self._place)
            connection.ask(request)
            connection.close()

        ready()
        start = time.perf_counter()
        with ThreadPoolExecutor(int(parallel)) as pool:
            for _ in pool.map(one, range(count)):
                pass
        return {"seconds": time.perf_counter() - start}

    def idle(self, count: int, _rest: str) -> dict:
        """Keep that many connections, which have had one small file each, until the input ends."""
        with ThreadPoolExecutor(OPENING) as pool:
            kept = list(pool.map(lambda _: self._open(), range(count)))
        ready()
        for connection in kept:
            connection.close()
        return {"sessions": len(kept)}

    def probe(self, count: int, gap: str) -> dict:
        """That many GETs of a small file with a pause between them; how long each took, in ms."""
        connection, request, pause = self._open(), self._get(PROBED), float(gap)
        prompt()
        ready()
        took: list[float] = []
        while len(took) < count:
            time.sleep(pause)
            start = time.perf_counter()
            connection.ask(request)
            took.append((time.perf_counter() - start) * 1000)
        connection.close()
        return {"ms": took}

    def flood(self, count: int, seconds: str) -> dict:
        """Wrong passwords, so many a minute for so long."""
        return flood(count, float(seconds), self._guesser)

    def _guesser(self) -> Callable[[], bool]:
        wrong = b64encode(b"bench:wrong").decode()
        right = re.compile(rb"(Authorization: Basic )[^\r]*")
        request = right.sub(rb"\g<1>" + wrong.encode(), self._get(PROBED))
        held: list[Connection] = []

        def attempt() -> bool:
            try:
                if not held:
                    held.append(Connection(*self._place))
                held[0].try_(request)
            except (OSError, ValueError):
                for one in held:
                    one.close()
                held.clear()
            return bool(held)

        return attempt

    def up(self, count: int, folder: str) -> dict:
        """PUT that many small files, under several names each."""
        contents = _contents(folder, count)

        def one(connection: Connection, number: int, name: str) -> None:
            fields = f"{self._fields}Content-Length: {len(contents[name])}\r\n"
            head = f"PUT /{self._prefix}up/{number}-{name} HTTP/1.1\r\n{fields}\r\n"
            connection.ask(head.encode() + contents[name])

        return self._requests(list(contents), one)

    def down(self, count: int, folder: str) -> dict:
        """GET that many small files several times, and compare each with what it should be."""
        contents = _contents(folder, count)
        requests = {name: self._get(f"small/{name}") for name in contents}

        def one(connection: Connection, _number: int, name: str) -> None:
            if connection.ask(requests[name]) != contents[name]:
                raise ValueError(f"{name} arrived wrong")

        return self._requests(list(contents), one)

    def listing(self, count: int, folder: str) -> dict:
        """GET a folder that many times; how many of its files were told of."""
        connection = self._open()
        request = self._get(f"{folder}/", "Accept: application/json\r\n")
        answers = []
        ready()
        start = time.perf_counter()
        for _ in range(count):
            answers.append(connection.ask(request))  # noqa: PERF401 - nothing else is timed
        seconds = time.perf_counter() - start
        connection.close()
        return {"lines": sum(one.count(b".dat") for one in answers), "seconds": seconds}

    def _open(self) -> Connection:
        """A connection whose user is known."""
        made = Connection(*self._place)
        made.ask(self._get(PROBED))
        return made

    def _get(self, path: str, more: str = "") -> bytes:
        return f"GET /{self._prefix}{path} HTTP/1.1\r\n{self._fields}{more}\r\n".encode()

    def _requests(self, names: list[str], one: Callable[[Connection, int, str], None]) -> dict:
        """One after another over one connection, until all are done or the time is up."""
        connection = self._open()
        ready()
        done = 0
        start = time.perf_counter()
        for number, name in product(range(PASSES), names):
            one(connection, number, name)
            done += 1
            if time.perf_counter() - start > FILES_SECONDS:
                break
        seconds = time.perf_counter() - start
        connection.close()
        return {"files": done, "seconds": seconds}


def _contents(folder: str, count: int) -> dict[str, bytes]:
    """The small files that are moved, by name."""
    source = Path(folder, "source", "small")
    return {path.name: path.read_bytes() for path in sorted(source.iterdir())[:count]}


def main() -> None:
    """Run one mode."""
    mode, scheme, port, prefix, user, password, count, rest = sys.argv[1:]
    client = Client(scheme, port, prefix, user, password)
    modes = (client.logins, client.idle, client.probe, client.up, client.down, client.listing)
    modes += (client.flood,)
    chosen = {one.__name__: one for one in modes}[mode]
    print(json.dumps(chosen(int(count), rest)), flush=True)


if __name__ == "__main__":
    main()
