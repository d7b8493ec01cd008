"""An FTP client that does as it is told, over each of the three ways to protect a connection."""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from OpenSSL import SSL

from mft.protocols.ftp.verbs_transfer import MOMENT
from tests.fakes import tls_peer
from tests.fakes.ftp_server import CLIENT, FtpServer, FtpSocket
from tests.fakes.memory_server import PASSWORD

LAST_LINE = re.compile(rb"^[0-9]{3} [^\n]*\n", re.MULTILINE)


class Way(NamedTuple):
    """How a service protects its connections, and what a client does for it."""

    name: str
    options: Mapping[str, str]
    explicit: bool = False
    implicit: bool = False

    @property
    def secured(self) -> bool:
        """Whether everything goes over TLS."""
        return self.explicit or self.implicit


CLEAR = Way("clear", MappingProxyType({"ftps_explicit_enabled": "No"}))
EXPLICIT = Way("explicit", MappingProxyType({}), explicit=True)
IMPLICIT = Way("implicit", MappingProxyType({"type": "ftpsi"}), implicit=True)
WAYS = (CLEAR, EXPLICIT, IMPLICIT)


class Said(NamedTuple):
    """One reply: its code, and its lines without codes and line ends."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The last line, which is the only one of most replies."""
        return self.lines[-1]


@lru_cache
def context() -> SSL.Context:
    """One context for all clients without a certificate."""
    return tls_peer.client_context()


class End:
    """The client's end of one connection, over TLS when it is secured."""

    def __init__(self, socket: FtpSocket) -> None:
        self.socket = socket
        self.received = bytearray()
        self.tls: SSL.Connection | None = None
        self.notified = False  # the server has said that it sends no more (close_notify)
        self.failed: SSL.Error | None = None
        self._shaking = False
        self._unsent = bytearray()  # until the handshake is done
        self._finishing = False

    @property
    def closed(self) -> bool:
        """Whether the server has closed the connection."""
        return self.socket.closed

    @property
    def encryption(self) -> str:
        """What secures it, in the words of events."""
        if self.tls is None:
            return "clear"
        return f"{self.tls.get_protocol_version_name()} {self.tls.get_cipher_name()}"

    def secure(self, client: SSL.Context, session: Any = None) -> None:
        """Begin TLS, taking up a session when there is one."""
        self.tls = tls_peer.client(client, session)
        self._shaking = True

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._unsent += data

    def finish(self) -> None:
        """Send no more, and say so: by close_notify over TLS, else by closing."""
        self._finishing = True

    def close(self) -> None:
        """Close the connection of TCP, whatever TLS has to say."""
        self.pump()
        self.socket.ended = True
        self.socket.die()

    def cut(self) -> None:
        """Be gone without a word."""
        self.pump()
        self.socket.reset = True
        self.socket.die()

    def pump(self) -> bool:
        """Take what the server sent, and send what can be sent; whether anything moved."""
        self.socket.collect()
        data = bytes(self.socket.to_client)
        self.socket.to_client.clear()
        sent = self._send_clear() if self.tls is None else self._send_sealed(self.tls, data)
        if self.tls is None:
            self.received += data
        return bool(data) or sent

    def _send_clear(self) -> bool:
        data, ends = bytes(self._unsent), self._finishing and not self.socket.ended
        self._unsent.clear()
        self.socket.to_server += data
        if ends:
            self.socket.ended = True
            self.socket.die()
        return bool(data) or ends

    def _send_sealed(self, tls: SSL.Connection, data: bytes) -> bool:
        if data:
            tls.bio_write(data)
        try:
            self._talk(tls)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.notified = True
        except SSL.Error as error:
            self.failed = error
        sealed = _taken(tls)
        self.socket.to_server += sealed
        return bool(sealed)

    def _talk(self, tls: SSL.Connection) -> None:
        if self._shaking:
            tls.do_handshake()
            self._shaking = False
        while self._unsent:
            del self._unsent[: tls.send(bytes(self._unsent[: 1 << 14]))]
        if self._finishing:
            self._finishing = False
            tls.shutdown()
        while True:
            self.received += tls.recv(1 << 16)


def _taken(tls: SSL.Connection) -> bytes:
    taken = b""
    try:
        while True:
            taken += tls.bio_read(1 << 16)
    except SSL.WantReadError:
        return taken


class FtpClient:
    """One client: `say` is a line and what is answered, `arrive` the whole way in."""

    def __init__(
        self,
        server: FtpServer,
        way: Way = CLEAR,
        *,
        host: str = CLIENT,
        tls: SSL.Context | None = None,
        header: bytes = b"",
    ) -> None:
        socket = server.accept(host, header)
        assert socket is not None, "refused at once"
        self.server = server
        self.way = way
        self.host = host
        self.context = tls or context()
        self.control = End(socket)
        self.private = way.implicit
        self.ends = [self.control]
        if way.implicit:
            self.control.secure(self.context)
        self.settle()
        self.greeting = self.take()

    # Commands.

    def settle(self) -> None:
        """Let everybody act until nobody has anything to do."""
        while True:
            self.server.reactor.settle()
            moved = [end.pump() for end in self.ends]
            if any(moved):
                continue
            # Uploads in clear wait for a moment at their end.
            soon = self.server.reactor.seconds() + MOMENT
            if not any(call.getTime() <= soon for call in self.server.reactor.getDelayedCalls()):
                return
            self.server.reactor.advance(MOMENT)

    def take(self) -> list[Said]:
        """The replies that have come."""
        found = []
        received = self.control.received
        while end := LAST_LINE.search(received):
            text = received[: end.end()].decode()
            del received[: end.end()]
            found.append(_read(text))
        return found

    def raw(self, data: bytes) -> list[Said]:
        """Send bytes on the control connection; the replies."""
        self.control.write(data)
        self.settle()
        return self.take()

    def say(self, *lines: str) -> list[Said]:
        """Say lines, all at once; the replies."""
        return self.raw("".join(f"{line}\r\n" for line in lines).encode())

    def codes(self, *lines: str) -> list[int]:
        """Say lines; the codes of the replies."""
        return [one.code for one in self.say(*lines)]

    def ask(self, line: str) -> Said:
        """Say a line that has exactly one reply."""
        (said,) = self.say(line)
        return said

    @property
    def gone(self) -> bool:
        """Whether the server has closed the control connection."""
        return self.control.closed

    def leave(self) -> None:
        """Close the control connection as its protocol has it."""
        self.control.finish()
        self.settle()

    def vanish(self) -> None:
        """Lose the control connection."""
        self.control.cut()
        self.settle()

    def wait(self, seconds: float) -> list[Said]:
        """Let time pass; the replies."""
        self.server.reactor.advance(seconds)
        self.settle()
        return self.take()

    # Arriving.

    def secure(self, mechanism: str = "TLS") -> None:
        """AUTH, and the handshake."""
        assert self.codes(f"AUTH {mechanism}") == [234]
        self.control.secure(self.context)
        self.settle()

    def log_in(self, name: str = "ann", password: str = PASSWORD) -> None:
        """USER and PASS."""
        assert self.codes(f"USER {name}") == [331]
        assert self.codes(f"PASS {password}") == [230]

    def protect(self) -> None:
        """PBSZ and PROT P."""
        assert self.codes("PBSZ 0") == [200]
        assert self.codes("PROT P") == [200]
        self.private = True

    def arrive(self) -> "FtpClient":
        """Do all that is needed before a transfer."""
        if self.way.explicit:
            self.secure()
        self.log_in()
        if self.way.explicit:
            self.protect()
        return self

    # Data connections.

    def passive(self, command: str = "EPSV") -> int:
        """Ask for a port to connect to; the next reply is that of another command."""
        said = self.ask(command)
        assert said.code in (227, 229), said
        numbers = [int(number) for number in re.findall(r"[0-9]+", said.text)]
        return numbers[-1] if said.code == 229 else numbers[-2] << 8 | numbers[-1]

    def connect(
        self, port: int | None = None, *, private: bool | None = None, session: Any = None
    ) -> End:
        """Connect to a passive port (None: ask for one); over TLS the session is taken up."""
        socket = self.server.connect(self.passive() if port is None else port, self.host)
        assert socket is not None, "refused at once"
        return self.attach(socket, private=private, session=session)

    def attach(self, socket: FtpSocket, *, private: bool | None = None, session: Any = None) -> End:
        """Take a data connection that is there."""
        end = End(socket)
        if self.private if private is None else private:
            end.secure(self.context, session or self.session)
        self.ends.append(end)
        return end

    @property
    def session(self) -> Any:
        """The newest TLS session of the control connection: OpenSSL 4 takes up each only once."""
        for end in reversed(self.ends):
            if end.tls is not None and (end is self.control or tls_peer.resumed(end.tls)):
                return end.tls.get_session()
        raise AssertionError("no TLS on the control connection")

    def up(self, command: str, data: bytes) -> list[int]:
        """Send a file; the codes of the replies."""
        end = self.connect()
        codes = self.codes(command)
        end.write(data)
        end.finish()
        self.settle()
        return codes + [one.code for one in self.take()]

    def down(self, command: str) -> tuple[bytes, list[int]]:
        """Receive a file or a listing; its bytes, and the codes of the replies."""
        end = self.connect()
        codes = self.codes(command)
        return bytes(end.received), codes


def _read(text: str) -> Said:
    first, *more = text.splitlines()
    code = first[:3]
    lines = [first[4:], *(one.removeprefix(f"{code} ") for one in more)]
    return Said(int(code), tuple(lines))
