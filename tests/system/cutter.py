"""A proxy for one connection that cuts it after so many bytes of the client's, or the server's."""

import contextlib
import select
import socket
import struct
import threading
from types import TracebackType
from typing import Self

BLOCK = 1 << 16
ROOM = 1 << 17  # bytes that wait here for the cutter: the server is still sending when it cuts
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


class Cutter:
    """Forwards both ways until `limit` bytes have come from the client, then cuts both sides.

    `answers` is such a limit for the server's bytes. `reset` cuts without an orderly end. With no
    limit it only counts. Nothing that the server says after the cut reaches the client. Where it
    forwards `to` may be set until the client comes.
    """

    def __init__(
        self,
        to: int = 0,
        limit: int | None = None,
        *,
        answers: int | None = None,
        reset: bool = False,
    ) -> None:
        self.seen = 0  # bytes from the client that were forwarded
        self.answered = 0  # bytes from the server that were
        self.server_port = 0  # the port that the server sees
        self.to = to
        self._limit = limit
        self._answers = answers
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
        if not self.to:  # it was never said, and the client never came
            client.close()
            return
        with client, socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
            server.connect(("127.0.0.1", self.to))
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
        while not (_reached(self.seen, self._limit) or _reached(self.answered, self._answers)):
            ready, _, _ = select.select([client, server], [], [])
            if client in ready:
                data = client.recv(_left(self.seen, self._limit))
                server.sendall(data)
                self.seen += len(data)
                if not data:
                    return
            if server in ready:
                data = server.recv(_left(self.answered, self._answers))
                client.sendall(data)
                self.answered += len(data)
                if not data:
                    return


def _reached(seen: int, limit: int | None) -> bool:
    return limit is not None and seen >= limit


def _left(seen: int, limit: int | None) -> int:
    return BLOCK if limit is None else min(BLOCK, limit - seen)
