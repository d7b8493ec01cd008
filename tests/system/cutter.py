"""A proxy for one connection that cuts it after so many bytes of the client's."""

import contextlib
import select
import socket
import struct
import threading
from types import TracebackType
from typing import Self

BLOCK = 1 << 16
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


class Cutter:
    """Forwards both ways until `limit` bytes have come from the client, then cuts both sides.

    `reset` cuts without an orderly end. With no limit it only counts. Nothing that the server says
    after the cut reaches the client.
    """

    def __init__(self, to: int, limit: int | None = None, *, reset: bool = False) -> None:
        self.seen = 0  # bytes from the client that were forwarded
        self.server_port = 0  # the port that the server sees
        self._to = to
        self._limit = limit
        self._reset = reset
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # a client that never came must not hold it
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._thread.join()
        self._listening.close()

    def _run(self) -> None:
        client, _ = self._listening.accept()
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            self.server_port = server.getsockname()[1]
            with contextlib.suppress(OSError):
                self._forward(client, server)
            if self._reset:
                for side in (client, server):
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_WR)
                while server.recv(BLOCK):  # unread bytes would make a reset of the end
                    pass

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        while self._limit is None or self.seen < self._limit:
            ready, _, _ = select.select([client, server], [], [])
            if client in ready:
                left = BLOCK if self._limit is None else self._limit - self.seen
                data = client.recv(min(BLOCK, left))
                server.sendall(data)
                self.seen += len(data)
                if not data:
                    return
            if server in ready:
                data = server.recv(BLOCK)
                client.sendall(data)
                if not data:
                    return
