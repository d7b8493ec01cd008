"""An FTP client that does exactly what it is told to, over sockets that a test may look at."""

import errno
import re
import socket
import ssl
import struct
from types import TracebackType
from typing import Final, NamedTuple, Self

from tests.interop.ftp import Ftp
from tests.system.cutter import Cutter

SECONDS: Final = 30.0  # that anything may take; far longer than it takes
BLOCK: Final = 1 << 16
_END: Final = re.compile(rb"^(\d{3}) ([^\r\n]*)\r\n", re.MULTILINE)
_ENDING: Final = "\r\n"
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


class Reply(NamedTuple):
    """A reply: its code, and its last line after that."""

    code: int
    text: str


class _Closed(ssl.SSLSocket):
    """A socket that Python closes where its peer was gone before it began TLS on it."""

    def getpeername(self) -> object:
        """The peer, which is asked for as the first thing that is done with what is wrapped."""
        try:
            return super().getpeername()
        except OSError as error:
            self.close()
            raise ConnectionResetError(errno.ECONNRESET, "reset before TLS") from error


def trusting() -> ssl.SSLContext:
    """TLS of a client that believes every server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _Closed
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class FtpClient:
    """One control connection; the methods that wait raise EOFError when the server has closed it.

    With `port` it goes there instead, to a proxy; `source` is the client's own address.
    """

    def __init__(
        self, ftp: Ftp, *, port: int | None = None, source: str = "127.0.0.1", greet: bool = True
    ) -> None:
        self.ftp = ftp
        self.source = source
        self.context = trusting()
        self.reuses = True  # whether its data connections take up the TLS session of this one
        self.private = False  # whether its data connections use TLS
        self.socket: socket.socket = self.connect(port or ftp.port)
        self.port: int = self.socket.getsockname()[1]
        self._buffer = b""
        self._last: Reply
        if greet:
            self.greet()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def connect(self, port: int) -> socket.socket:
        """A connection from the client's address to a port of the server."""
        return socket.create_connection((self.ftp.server.address, port), SECONDS, (self.source, 0))

    def close(self, *, reset: bool = False) -> None:
        """Leave without a word."""
        cut(self.socket, reset=reset)

    # Commands.

    def put(self, *lines: str | bytes) -> None:
        """Send lines in one go."""
        encoded = [line if isinstance(line, bytes) else (line + _ENDING).encode() for line in lines]
        self.socket.sendall(b"".join(encoded))

    def reply(self) -> Reply:
        """The next reply; of one with several lines the last."""
        self._take()
        return self._last

    def whole_reply(self) -> str:
        """The next reply, all of its lines."""
        return self._take()

    def _take(self) -> str:
        while (found := _END.search(self._buffer)) is None:
            data = self.socket.recv(BLOCK)
            if not data:
                raise EOFError
            self._buffer += data
        whole, self._buffer = self._buffer[: found.end()], self._buffer[found.end() :]
        self._last = Reply(int(found[1]), found[2].decode())
        return whole.decode()

    def do(self, line: str | bytes) -> Reply:
        """Send a line and wait for its reply."""
        self.put(line)
        return self.reply()

    def rest(self) -> list[Reply]:
        """Every reply until the server closes the connection."""
        replies = []
        while True:
            try:
                replies.append(self.reply())
            except (EOFError, OSError):
                return replies

    # Coming in.

    def greet(self) -> None:
        """Begin TLS where it comes first, and read the greeting."""
        if self.ftp.mode == "implicit":
            self.wrap()
            self.private = True
        assert self.reply().code == 220

    def wrap(self) -> None:
        """Begin TLS on the control connection."""
        self.socket = self._shake(self.socket, None)

    def _shake(self, connection: socket.socket, session: object) -> ssl.SSLSocket:
        secured = self.context.wrap_socket(
            connection,
            session=session,  # type: ignore[arg-type]  # of another context when a test says so
            do_handshake_on_connect=False,
        )
        try:
            secured.do_handshake()
        except BaseException:
            secured.close()
            raise
        return secured

    def secure(self) -> Self:
        """Begin TLS where the mode asks for it by a command."""
        if self.ftp.mode == "explicit":
            assert self.do("AUTH TLS").code == 234
            self.wrap()
        return self

    def log_in(self, name: str = "", password: str = "") -> Self:
        """Log in with the account of the instance, or another, and protect data connections."""
        self.secure()
        assert self.do(f"USER {name or self.ftp.server.account}").code == 331
        assert self.do(f"PASS {password or self.ftp.server.password}").code == 230
        if self.ftp.mode == "explicit":
            assert self.do("PBSZ 0").code == 200
            assert self.do("PROT P").code == 200
            self.private = True
        assert self.do("TYPE I").code == 200
        return self

    # Data connections.

    def passive(self) -> int:
        """Ask for a port."""
        return int(self.do("EPSV").text.rpartition("(|||")[2].partition("|")[0])

    def protect(self, connection: socket.socket, session: object = None) -> socket.socket:
        """Begin TLS on a data connection; without `session` with that of the control connection."""
        if session is None and self.reuses and isinstance(self.socket, ssl.SSLSocket):
            session = self.socket.session
        return self._shake(connection, session)

    def begin(self, line: str, via: Cutter | None = None) -> socket.socket:
        """Begin a transfer; gives its data connection, which is ready for the bytes.

        With `via` the data connection goes through a cutter. A refusal raises Refusal.
        """
        port = self.passive()
        if via is not None:
            via.to = port
            port = via.port
        connection = self.connect(port)
        try:
            answer = self.do(line)
            if answer.code != 150:
                raise Refusal(answer)
            return self.protect(connection) if self.private else connection
        except BaseException:
            connection.close()
            raise

    def store(self, line: str, data: bytes, via: Cutter | None = None) -> Reply:
        """Send bytes by a command such as STOR; gives the last reply."""
        with self.begin(line, via) as connection:
            connection.sendall(data)
            end(connection)
        return self.reply()

    def fetch(self, line: str, via: Cutter | None = None) -> tuple[bytes, Reply]:
        """Take bytes by a command such as RETR or LIST, and the last reply."""
        with self.begin(line, via) as connection:
            data = everything(connection)
        return data, self.reply()


class Refusal(Exception):
    """A transfer did not begin."""

    def __init__(self, answer: Reply) -> None:
        super().__init__(answer)
        self.answer = answer


def end(connection: socket.socket) -> None:
    """Say that everything was sent, and wait until the server has seen it."""
    if isinstance(connection, ssl.SSLSocket):
        connection = connection.unwrap()
    connection.shutdown(socket.SHUT_WR)


def everything(connection: socket.socket) -> bytes:
    """All that comes until the end."""
    parts = []
    while data := connection.recv(BLOCK):
        parts.append(data)
    return b"".join(parts)


def cut(connection: socket.socket, *, reset: bool = False) -> None:
    """Close a connection without any ending of TLS, with a reset or without."""
    if reset and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.close()
