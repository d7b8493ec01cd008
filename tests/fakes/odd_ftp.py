"""An FTP server in a thread that says what a test wants: odd, late, false, or nothing at all."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

HOST = "127.0.0.1"
PATIENCE = 20.0  # seconds for a client of ours to do what it takes milliseconds for
MODIFIED = "20240131235958"
FEATURES = (
    b"211-Features:\r\n SIZE\r\n MDTM\r\n MFMT\r\n REST STREAM\r\n EPSV\r\n"
    b" MLST type*;size*;modify*;\r\n UTF8\r\n211 End\r\n"
)


class Peer:
    """One control connection, as the server sees it."""

    def __init__(self, server: "OddFtp", connection: socket.socket) -> None:
        self.server = server
        self.socket = connection
        self.heard: list[str] = []  # every line that came
        self.argument = ""  # of the command that is answered
        self.start = 0  # what REST said
        self.private = False  # whether data connections have TLS
        self.data: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._buffer = b""

    def say(self, words: bytes) -> None:
        """Send them."""
        self.socket.sendall(words)

    def line(self) -> str | None:
        """The next line; None at the end."""
        while b"\r\n" not in self._buffer:
            more = self.socket.recv(65536)
            if not more:
                return None
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        self.heard.append(line.decode("latin-1"))
        return self.heard[-1]

    def until_the_end(self) -> None:
        """Take whatever comes until the other side closes."""
        while self.line() is not None:
            continue

    @property
    def verbs(self) -> list[str]:
        """The first word of each line."""
        return [line.partition(" ")[0].upper() for line in self.heard]

    def secure(self) -> None:
        """Go on with TLS."""
        self.socket = self.server.secured(self.socket)

    def listen(self) -> int:
        """Wait for a data connection: its port."""
        if self._listener is not None:
            self._listener.close()
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(PATIENCE)
        return int(self._listener.getsockname()[1])

    def accept(self) -> socket.socket:
        """Take the data connection, and secure it where it must be."""
        assert self._listener is not None
        taken, _ = self._listener.accept()
        self._listener.close()
        taken.settimeout(PATIENCE)
        if self.data is not None:
            self.data.close()
        self.data = self.server.secured(taken, data=True) if self.private else taken
        return self.data

    def send_file(self, data: bytes, last: bytes = b"226 Done.\r\n") -> None:
        """A whole transfer to the client, ended as it should be."""
        self.say(b"150 Here it comes.\r\n")
        connection = self.accept()
        connection.sendall(data)
        self.end(connection)
        self.say(last)

    def take_file(self, last: bytes = b"226 Done.\r\n") -> bytes:
        """A whole transfer from the client."""
        self.say(b"150 Send it.\r\n")
        connection, found = self.accept(), b""
        while more := connection.recv(65536):
            found += more
        self.end(connection)
        self.say(last)
        return found

    def end(self, connection: socket.socket) -> None:
        """End a data connection properly."""
        if isinstance(connection, ssl.SSLSocket):
            with suppress(OSError):
                connection = connection.unwrap()
        connection.close()

    def close(self) -> None:
        """Close everything."""
        for one in (self.socket, self.data, self._listener):
            if one is not None:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()


def _passive(peer: Peer) -> None:
    high, low = divmod(peer.listen(), 256)
    peer.say(f"227 Entering Passive Mode (127,0,0,1,{high},{low}).\r\n".encode())


def _extended(peer: Peer) -> None:
    peer.say(f"229 Extended (|||{peer.listen()}|)\r\n".encode())


def _auth(peer: Peer) -> None:
    peer.say(b"234 Go ahead.\r\n")
    peer.secure()


def _prot(peer: Peer) -> None:
    peer.private = True
    peer.say(b"200 OK.\r\n")


def _rest(peer: Peer) -> None:
    peer.start = int(peer.argument)
    peer.say(b"350 OK.\r\n")


def _size(peer: Peer) -> None:
    data = peer.server.files.get(peer.argument)
    peer.say(b"550 No such file.\r\n" if data is None else b"213 %d\r\n" % len(data))


def _mlst(peer: Peer) -> None:
    data = peer.server.files.get(peer.argument)
    if data is None:
        folder = peer.argument == "/"
        there = (
            f"250-\r\n type=dir; {peer.argument}\r\n250 End\r\n" if folder else "550 Not found.\r\n"
        )
    else:
        facts = f"type=file;size={len(data)};modify={MODIFIED};"
        there = f"250-\r\n {facts} {peer.argument}\r\n250 End\r\n"
    peer.say(there.encode())


def _retr(peer: Peer) -> None:
    start, peer.start = peer.start, 0
    data = peer.server.files.get(peer.argument)
    if data is None:
        peer.say(b"550 No such file.\r\n")
    else:
        peer.send_file(data[start:])


def _stor(peer: Peer) -> None:
    path = peer.argument
    peer.server.files[path] = peer.take_file()


def _appe(peer: Peer) -> None:
    path = peer.argument
    peer.server.files[path] = peer.server.files.get(path, b"") + peer.take_file()


def _mlsd(peer: Peer) -> None:
    lines = (
        f"type=file;size={len(data)};modify={MODIFIED}; {path[1:]}\r\n"
        for path, data in peer.server.files.items()
    )
    peer.send_file("".join(lines).encode())


def _list(peer: Peer) -> None:
    lines = (
        f"-rw-r--r-- 1 ftp ftp {len(data)} Jan 31  2024 {path[1:]}\r\n"
        for path, data in peer.server.files.items()
    )
    peer.send_file("".join(lines).encode())


def _dele(peer: Peer) -> None:
    gone = peer.server.files.pop(peer.argument, None)
    peer.say(b"550 No such file.\r\n" if gone is None else b"250 Gone.\r\n")


USUAL: Mapping[str, Any] = {
    "": b"220 odd\r\n",
    "AUTH": _auth,
    "PBSZ": b"200 OK.\r\n",
    "PROT": _prot,
    "USER": b"331 And?\r\n",
    "PASS": b"230 Welcome.\r\n",
    "FEAT": FEATURES,
    "OPTS": b"200 OK.\r\n",
    "SYST": b"215 UNIX Type: L8\r\n",
    "TYPE": b"200 OK.\r\n",
    "PWD": b'257 "/" is where you are.\r\n',
    "CWD": b"250 OK.\r\n",
    "NOOP": b"200 OK.\r\n",
    "EPSV": _extended,
    "PASV": _passive,
    "REST": _rest,
    "SIZE": _size,
    "MDTM": f"213 {MODIFIED}\r\n".encode(),
    "MFMT": b"213 OK.\r\n",
    "MLST": _mlst,
    "RETR": _retr,
    "STOR": _stor,
    "APPE": _appe,
    "MLSD": _mlsd,
    "LIST": _list,
    "DELE": _dele,
    "MKD": b'257 "/x" made.\r\n',
    "RMD": b"250 OK.\r\n",
    "RNFR": b"350 OK.\r\n",
    "RNTO": b"250 OK.\r\n",
}

Reply = bytes | list[Any] | Callable[[Peer], None]


class OddFtp:
    """Answers by the first word of a line: with bytes, with one of several, or by a function."""

    def __init__(
        self,
        replies: Mapping[str, Reply],
        tls: ssl.SSLContext | None,
        data_tls: ssl.SSLContext | None,
        at_once: bool,
    ) -> None:
        self.peers: list[Peer] = []
        self.files: dict[str, bytes] = {}
        self._replies = {**USUAL, **replies}
        self._asked: dict[str, int] = {}
        self._tls, self._data_tls = tls, data_tls or tls
        self._at_once = at_once
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def peer(self) -> Peer:
        """The last connection."""
        return self.peers[-1]

    def secured(self, connection: socket.socket, *, data: bool = False) -> ssl.SSLSocket:
        """The connection with TLS."""
        context = self._data_tls if data else self._tls
        assert context is not None
        made = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        try:
            made.do_handshake()
        except OSError:
            made.close()
            raise
        return made

    def close(self) -> None:
        """End it, and every connection."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self.peers:
            peer.close()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(PATIENCE)
            peer = Peer(self, connection)
            self.peers.append(peer)
            try:
                self._talk(peer)
            except OSError:
                continue  # the client has gone, as many tests want it to
            finally:
                peer.close()

    def _talk(self, peer: Peer) -> None:
        if self._at_once:
            peer.secure()
        self._answer(peer, "")
        while (line := peer.line()) is not None:
            verb, _, peer.argument = line.partition(" ")
            if verb.upper() == "QUIT":
                return
            self._answer(peer, verb.upper())

    def _answer(self, peer: Peer, verb: str) -> None:
        reply = self._replies.get(verb, b"500 what?\r\n")
        if isinstance(reply, list):
            asked = self._asked.get(verb, 0)
            self._asked[verb] = asked + 1
            reply = reply[min(asked, len(reply) - 1)]
        if callable(reply):
            reply(peer)
        else:
            peer.say(reply)


@contextmanager
def odd(
    replies: Mapping[str, Reply] | None = None,
    tls: ssl.SSLContext | None = None,
    data_tls: ssl.SSLContext | None = None,
    *,
    at_once: bool = False,
) -> Iterator[OddFtp]:
    """Run one."""
    server = OddFtp(replies or {}, tls, data_tls, at_once)
    try:
        yield server
    finally:
        server.close()
