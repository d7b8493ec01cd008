"""An HTTP client that sends exactly what it is told to, over a socket that a test may look at."""

import json
import socket
import ssl
from base64 import b64encode
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from tests.interop.web import Web
from tests.system.ftp_client import cut, trusting

SECONDS: Final = 30.0  # that anything may take; far longer than it takes
BLOCK: Final = 1 << 16
END: Final = b"\r\n\r\n"
_SILENT: Final = (204, 304)


class Answer(NamedTuple):
    """One answer, its body put together."""

    status: int
    fields: dict[str, str]  # by names in lower case; values of one name are joined by commas
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def basic(name: str, password: str) -> str:
    """The value of Authorization for a name and a password."""
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


class HttpClient:
    """One connection; the methods that wait raise EOFError when the server has closed it.

    With `port` it goes there instead, to a proxy. Requests show the account of the instance, or
    `name`; an empty one shows nobody.
    """

    def __init__(
        self,
        web: Web,
        *,
        port: int | None = None,
        source: str = "127.0.0.1",
        shake: bool = True,
        name: str | None = None,
    ) -> None:
        self.web = web
        where = web.server.address, port or web.port
        self.socket: socket.socket = socket.create_connection(where, SECONDS, (source, 0))
        self.port: int = self.socket.getsockname()[1]
        self.fields: dict[str, str] = {"Host": web.host}
        account = web.server.account if name is None else name
        if account:
            self.fields["Authorization"] = basic(account, web.server.password)
        self._buffer = bytearray()
        if web.private and shake:
            self.wrap()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def wrap(self) -> None:
        """Begin TLS."""
        try:
            self.socket = trusting().wrap_socket(self.socket, do_handshake_on_connect=False)
            self.socket.do_handshake()
        except BaseException:
            self.socket.close()
            raise

    def close(self, *, reset: bool = False) -> None:
        """Leave without a word."""
        cut(self.socket, reset=reset)

    def say_goodbye(self) -> None:
        """End TLS as it should be ended; in clear, close."""
        if isinstance(self.socket, ssl.SSLSocket):
            self.socket = self.socket.unwrap()
        self.close()

    # Requests.

    def put(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def head(self, method: str, target: str, **fields: str | None) -> bytes:
        """The head of a request; `_` in a name of a field stands for `-`, None leaves one out."""
        given = {**self.fields, **{name.replace("_", "-"): v for name, v in fields.items()}}
        lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
        return "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode("latin-1")

    def ask(
        self, method: str, target: str, body: bytes | None = None, **fields: str | None
    ) -> Answer:
        """One request, and its answer."""
        if body is not None:
            fields.setdefault("Content_Length", str(len(body)))
        self.put(self.head(method, target, **fields) + (body or b""))
        return self.answer(silent=method == "HEAD")

    # Answers.

    def answer(self, *, silent: bool = False) -> Answer:
        """The next answer; those to invite a body are passed over."""
        status, fields = self.answer_head()
        if status == 100:
            return self.answer(silent=silent)
        if silent or status in _SILENT:
            return Answer(status, fields, b"")
        if fields.get("transfer-encoding") == "chunked":
            return Answer(status, fields, self._chunks())
        if "content-length" in fields:
            return Answer(status, fields, self._exactly(int(fields["content-length"])))
        return Answer(status, fields, self.everything())

    def answer_head(self) -> tuple[int, dict[str, str]]:
        """The status and the fields of the next answer."""
        first, *lines = self._up_to(END)[: -len(END)].decode("latin-1").split("\r\n")
        version, status = first.split(" ")[:2]
        assert version == "HTTP/1.1"
        fields: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(": ")
            name = name.lower()
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        return int(status), fields

    def rest(self) -> list[Answer]:
        """Every answer until the server closes the connection."""
        answers = []
        while True:
            try:
                answers.append(self.answer())
            except (EOFError, OSError):
                return answers

    def everything(self) -> bytes:
        """All that comes until the end."""
        while data := self.socket.recv(BLOCK):
            self._buffer += data
        return self._exactly(len(self._buffer))

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._up_to(b"\r\n"), 16):
            body += self._exactly(size)
            assert self._exactly(2) == b"\r\n"
        assert self._exactly(2) == b"\r\n"
        return body

    def _up_to(self, end: bytes) -> bytes:
        while (at := self._buffer.find(end)) < 0:
            self._read()
        return self._exactly(at + len(end))

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._read()
        with memoryview(self._buffer) as view:
            piece = view[:size].tobytes()
        del self._buffer[:size]
        return piece

    def _read(self) -> None:
        data = self.socket.recv(BLOCK)
        if not data:
            raise EOFError
        self._buffer += data
