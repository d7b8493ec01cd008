"""A small FTP client of the benchmark's own: for many small files, listings, logins and probes.

`python -m tests.benchmarks.clients.ftp MODE SCHEME PORT USER PASSWORD COUNT REST`: SCHEME is ftp,
or ftps for AUTH TLS with protected data; REST is how many at a time, a pause in seconds, or the
folder that holds source/ and sink/. Every mode prints "ready" when it could begin, waits for a
line (or the end) of its input, and prints one line of JSON when it is done. curl cannot do this:
it sleeps up to a second where a data connection is over at once.
"""

import contextlib
import json
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.benchmarks.clients.child import (
    OPENING,
    PATIENCE,
    connect,
    flood,
    prompt,
    ready,
    trusting,
)

FILES_SECONDS = 4.0  # a server that stalls at each file is given up after this; see transfers()
CHUNK = 1 << 18


class Session:
    """One logged-in control connection, passive, in binary."""

    def __init__(self, scheme: str, port: int, user: str, password: str) -> None:
        self._context = trusting() if scheme == "ftps" else None
        self._ticket: ssl.SSLSession | None = None
        self._buffer = b""
        self._socket = connect(port)
        self._answer("220")
        if self._context is not None:
            self.ask("AUTH TLS", "234")
            self._socket = self._context.wrap_socket(self._socket)
        self.ask(f"USER {user}", "331")
        self.ask(f"PASS {password}", "230")
        if isinstance(self._socket, ssl.SSLSocket):
            self.ask("PBSZ 0", "200")
            self.ask("PROT P", "200")
            self._ticket = self._socket.session  # in TLS 1.3 it came with an answer
        self.ask("TYPE I", "200")

    def ask(self, command: str, *codes: str) -> str:
        """One command and its answer, which must begin with one of the codes."""
        self._socket.sendall(f"{command}\r\n".encode())
        return self._answer(*codes)

    def retrieve(self, command: str, take: Callable[[memoryview], object]) -> None:
        """Receive what a command sends (RETR, LIST, MLSD), piece by piece."""
        with self._data(command) as data:
            piece = memoryview(_PIECE)
            while size := data.recv_into(piece):
                take(piece[:size])
        self._answer("226")

    def store(self, command: str, content: bytes) -> None:
        """Send what a command stores."""
        with self._data(command) as data:
            data.sendall(content)
        self._answer("226")

    def quit(self) -> None:
        """Log out; the server closes."""
        self.ask("QUIT", "221")
        self._socket.close()

    def drop(self) -> None:
        """Go without a word."""
        self._socket.close()

    @contextlib.contextmanager
    def _data(self, command: str) -> Iterator[socket.socket]:
        told = self.ask("EPSV", "229")
        data = connect(int(told.rpartition("|")[0].rpartition("|")[2]))
        try:
            self.ask(command, "125", "150")
            if self._context is not None:
                # Servers demand the TLS session of the control connection.
                data = self._context.wrap_socket(data, session=self._ticket)
            yield data
            _end(data)
        finally:
            data.close()

    def _answer(self, *codes: str) -> str:
        lines = iter(self._line, "")
        first = next(lines, "")
        last = first
        while last[3:4] == "-" or last[:3] != first[:3]:
            last = next(lines, first[:3])
        if first[:3] not in codes:
            raise ValueError(f"answered {first or 'nothing'}, not {' or '.join(codes)}")
        return first

    def _line(self) -> str:
        while b"\n" not in self._buffer:
            received = self._socket.recv(4096)
            if not received:
                return ""
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode().rstrip("\r")


_PIECE = bytearray(CHUNK)


def _end(data: socket.socket) -> None:
    """End our side, and read until the server has ended its own.

    Closing before that would reset the connection where a server's session tickets lie unread,
    and cost it what we sent.
    """
    if isinstance(data, ssl.SSLSocket):
        data.setblocking(False)
        with contextlib.suppress(OSError):
            data.unwrap()  # sends close_notify, and does not wait for the server's
        data.settimeout(PATIENCE)
    with contextlib.suppress(OSError):
        data.shutdown(socket.SHUT_WR)
        while socket.socket.recv(data, 4096):
            pass


class Client:
    """The modes, against one server with one account."""

    def __init__(self, scheme: str, port: str, user: str, password: str) -> None:
        self._login = (scheme, int(port), user, password)

    def logins(self, count: int, parallel: str) -> dict:
        """That many whole logins, so many at a time; each is closed before the next."""
        ready()
        start = time.perf_counter()
        with ThreadPoolExecutor(int(parallel)) as pool:
            for _ in pool.map(lambda _: Session(*self._login).quit(), range(count)):
                pass
        return {"seconds": time.perf_counter() - start}

    def idle(self, count: int, _rest: str) -> dict:
        """Keep that many sessions open until the input ends."""
        with ThreadPoolExecutor(OPENING) as pool:
            sessions = list(pool.map(lambda _: Session(*self._login), range(count)))
        ready()
        for session in sessions:
            session.drop()
        return {"sessions": len(sessions)}

    def probe(self, count: int, gap: str) -> dict:
        """That many NOOPs with a pause between them; how long each took, in ms."""
        session = Session(*self._login)
        pause = float(gap)
        prompt()
        ready()
        took: list[float] = []
        while len(took) < count:
            time.sleep(pause)
            start = time.perf_counter()
            session.ask("NOOP", "200")
            took.append((time.perf_counter() - start) * 1000)
        session.drop()
        return {"ms": took}

    def flood(self, count: int, seconds: str) -> dict:
        """Wrong passwords, so many a minute for so long."""
        return flood(count, float(seconds), self._guesser)

    def _guesser(self) -> Callable[[], bool]:
        _scheme, port, user, _password = self._login
        held: list[socket.socket] = []

        def attempt() -> bool:
            try:
                if not held:
                    held.append(connect(port))
                    if not held[0].recv(4096):
                        raise ConnectionResetError
                for line in (f"USER {user}", "PASS wrong"):
                    held[0].sendall(f"{line}\r\n".encode())
                    if not held[0].recv(4096):
                        raise ConnectionResetError
            except OSError:
                for one in held:
                    one.close()
                held.clear()
            return bool(held)

        return attempt

    def up(self, count: int, folder: str) -> dict:
        """STOR that many small files."""
        source = Path(folder, "source", "small")
        contents = {path.name: path.read_bytes() for path in sorted(source.iterdir())[:count]}

        def one(session: Session, name: str) -> None:
            session.store(f"STOR up/{name}", contents[name])

        return self._transfers(list(contents), one)

    def down(self, count: int, folder: str) -> dict:
        """RETR that many small files."""
        names = sorted(path.name for path in Path(folder, "source", "small").iterdir())[:count]
        sink = Path(folder, "sink")

        def one(session: Session, name: str) -> None:
            with (sink / name).open("wb", buffering=0) as file:
                session.retrieve(f"RETR small/{name}", file.write)

        return self._transfers(names, one)

    def listing(self, count: int, folder: str) -> dict:
        """LIST a folder that many times; how many lines came."""
        return self._listings(count, f"LIST {folder}")

    def mlsd(self, count: int, folder: str) -> dict:
        """MLSD a folder that many times; how many lines came."""
        return self._listings(count, f"MLSD {folder}")

    def _transfers(self, names: list[str], one: Callable[[Session, str], None]) -> dict:
        """One file after another, until all are done or the time is up."""
        session = Session(*self._login)
        ready()
        took = []
        start = time.perf_counter()
        for name in names:
            before = time.perf_counter()
            one(session, name)
            took.append(time.perf_counter() - before)
            if time.perf_counter() - start > FILES_SECONDS:
                break
        session.drop()
        return {"files": len(took), "seconds": sum(took), "slowest": max(took) * 1000}

    def _listings(self, count: int, command: str) -> dict:
        session = Session(*self._login)
        ready()
        lines = 0

        def take(piece: memoryview) -> None:
            nonlocal lines
            lines += bytes(piece).count(b"\n")

        start = time.perf_counter()
        for _ in range(count):
            session.retrieve(command, take)
        seconds = time.perf_counter() - start
        session.drop()
        return {"lines": lines, "seconds": seconds}


def main() -> None:
    """Run one mode."""
    mode, scheme, port, user, password, count, rest = sys.argv[1:]
    client = Client(scheme, port, user, password)
    modes = (client.logins, client.idle, client.probe, client.up, client.down)
    modes += (client.listing, client.mlsd, client.flood)
    chosen = {one.__name__: one for one in modes}[mode]
    print(json.dumps(chosen(int(count), rest)), flush=True)


if __name__ == "__main__":
    main()
