"""A wire between a client and a server that can be cut, and mended, without either ending it."""

import socket
import threading
from contextlib import suppress
from typing import Final

from tests.interop.ports import free_port

PIECE: Final = 64 << 10


class Relay:
    """Carries connections of one address to another."""

    def __init__(self, to: tuple[str, int]) -> None:
        self.port = free_port()
        self.left: int | None = None  # bytes of clients that are carried; then all wait for a cut
        self.stalled = threading.Event()
        self._over = threading.Event()
        self._to = to
        self._open: set[socket.socket] = set()
        self._listening: socket.socket
        self.mend()

    def mend(self) -> None:
        """Take connections, as at the beginning."""
        self.left = None
        self._over.clear()
        self.stalled.clear()
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def cut(self) -> None:
        """End every connection, and take no more."""
        self._over.set()
        for one in (self._listening, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                server = socket.create_connection(self._to)
                self._open |= {client, server}
                for one in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._carry, args=one, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        with suppress(OSError):
            while data := source.recv(PIECE):
                if asks and self.left is not None:
                    data, self.left = data[: self.left], max(0, self.left - len(data))
                target.sendall(data)
                if asks and self.left == 0:
                    self.stalled.set()
                    self._over.wait()
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
            self._open.discard(one)
