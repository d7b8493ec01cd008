"""A directory that does what the test says, for what no real one does: lies, silence, rubbish."""

import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from threading import Thread
from typing import NamedTuple

from ldap3.strategy.base import BaseStrategy

OPERATIONS = {0x60: "bind", 0x42: "unbind", 0x63: "search", 0x77: "extended"}


class Request(NamedTuple):
    """What a client asked."""

    operation: str
    name: str = ""  # that is bound, or below which is searched
    password: bytes = b""


Answer = bytes | None  # None: the connection is closed
Script = Callable[[int, Request], Iterable[Answer]]


def _tlv(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    return bytes([tag, 0x84]) + len(body).to_bytes(4, "big") + body


def _message(number: int, operation: bytes) -> bytes:
    return _tlv(0x30, _tlv(0x02, number.to_bytes(4, "big")), operation)


def result(number: int, tag: int, code: int = 0, message: bytes = b"") -> bytes:
    """A result: 0x61 answers a bind, 0x65 ends a search, 0x78 answers an extended operation."""
    told = (_tlv(0x0A, bytes([code])), _tlv(0x04), _tlv(0x04, message))
    return _message(number, _tlv(tag, *told))


def bound(number: int, code: int = 0, message: bytes = b"") -> bytes:
    """The answer to a bind."""
    return result(number, 0x61, code, message)


def done(number: int, code: int = 0) -> bytes:
    """The end of a search."""
    return result(number, 0x65, code)


def shown(number: int, dn: bytes, **values: Iterable[bytes]) -> bytes:
    """An entry that a search finds; `_` of a name stands for a dash."""
    attributes = [
        _tlv(0x30, _tlv(0x04, name.encode()), _tlv(0x31, *(_tlv(0x04, one) for one in each)))
        for name, each in values.items()
    ]
    return _message(number, _tlv(0x64, _tlv(0x04, dn), _tlv(0x30, *attributes)))


def named(number: int, dn: bytes, values: Mapping[str, Iterable[bytes]]) -> bytes:
    """The same, for attributes that are no words of Python."""
    return shown(number, dn, **dict(values))


def referred(number: int, url: bytes) -> bytes:
    """A reference to another directory, in the middle of a search."""
    return _message(number, _tlv(0x73, _tlv(0x04, url)))


def _parts(data: bytes) -> list[tuple[int, bytes]]:
    """The tags and contents of what follows each other; lengths are those that clients write."""
    found = []
    while data:
        size, start = data[1], 2
        if size >= 128:
            start = 2 + size - 128
            size = int.from_bytes(data[2:start], "big")
        found.append((data[0], data[start : start + size]))
        data = data[start + size :]
    return found


def _request(message: bytes) -> tuple[int, Request]:
    (_, number), (tag, content) = _parts(_parts(message)[0][1])[:2]
    operation = OPERATIONS[tag]
    request = Request(operation)
    if operation == "bind":
        _, (_, name), (_, secret) = _parts(content)
        request = Request(operation, name.decode(), secret)
    elif operation == "search":
        request = Request(operation, _parts(content)[0][1].decode())
    return int.from_bytes(number, "big"), request


class LdapServer:
    """Listens on a free port of this machine; every connection follows the script."""

    host = "127.0.0.1"

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server((self.host, 0))
        self.port = self._listener.getsockname()[1]
        self._lines: list[socket.socket] = []
        self.asked: list[Request] = []
        self.connections = 0
        self._thread = Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._lines.append(line)
            Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        came = b""
        try:
            while True:
                size = BaseStrategy.compute_ldap_message_size(came)
                if size == -1 or len(came) < size:
                    data = line.recv(65536)
                    if not data:
                        break
                    came += data
                    continue
                message, came = came[:size], came[size:]
                if not self._answer(line, message):
                    break
        except OSError:
            pass
        line.close()

    def _answer(self, line: socket.socket, message: bytes) -> bool:
        number, request = _request(message)
        self.asked.append(request)
        for answer in self._script(number, request):
            if answer is None:
                return False
            line.sendall(answer)
        return True

    def close(self) -> None:
        """Listen no more, and end every connection."""
        for one in (self._listener, *self._lines):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._thread.join()
