"""An HTTP service in memory: real connections over memory sockets, files in memory, real events."""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address

from mft.auth.options import AccountOptions
from mft.config.kinds import Context
from mft.core.peer import Address, Component
from mft.protocols.http.options import HttpOptions, HttpsOptions
from mft.protocols.http.service import HttpService
from mft.protocols.shared_sessions import SharedSessions
from mft.runtime.connection import Connection
from mft.trust.first_certificate import CERTIFICATE
from tests.fakes.ftp_client import End, context
from tests.fakes.ftp_server import FtpSocket, KernelSocket, identity
from tests.fakes.memory_server import PASSWORD, MemoryServer, Storage
from tests.fakes.run import run
from tests.fakes.threads import Inline

CLIENT, CLIENT_6, STRANGER = "192.0.2.7", "2001:db8::7", "192.0.2.8"
HERE, HERE_6 = "192.0.2.1", "2001:db8::1"
HOST = "files.example.com"
LOGIN, LOGOUT = "/__mft__/login", "/__mft__/logout"
_HEAD = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ([^\r\n]*)\r\n((?:[^\r\n]+\r\n)*)\r\n")


class HttpServer(MemoryServer):
    """A service, its reactor, its events and its tree."""

    def __init__(
        self,
        directory: Path,
        *accounts: AccountOptions,
        tls: bool = False,
        storage: Storage = lambda memory: memory,
        began: float = 0,
        shared: Callable[["HttpServer"], SharedSessions] | None = None,
        service_id: str = "web-1",
        **options: str,
    ) -> None:
        """`began` is the time of its clock; `shared` makes what it shares with other nodes.

        `service_id` is the ID of the service.
        """
        super().__init__(directory, accounts, storage)
        self.reactor.advance(began)
        if shared is not None:
            self.shared = shared(self)
        self.tls = tls
        kind = "https" if tls else "http"
        if tls:
            (directory / CERTIFICATE).parent.mkdir(parents=True)
            identity().write(directory / CERTIFICATE)
        given = {"name": "web", "type": kind, "port": "0", **options}
        model = HttpsOptions if tls else HttpOptions
        self.options = model.model_validate(given, context=Context(directory))
        self.sockets: list[FtpSocket] = []
        self.kind: type[FtpSocket] = FtpSocket
        self._joined = 0
        parts = self.parts(None, Inline())
        self.service = HttpService(Component(service_id, kind, "web"), self.options, parts)
        run(self.service.prepare())

    def accept(self, host: str = CLIENT, header: bytes = b"") -> FtpSocket | None:
        """A client connects; None when the service refuses it at once. A proxy sends a header."""
        address = IPv6Address if ":" in host else IPv4Address
        self._joined += 1
        port = 20000 + self._joined
        protocol: Any = self.service.buildProtocol(address("TCP", host, port))
        if protocol is None:
            return None
        ours = self.kind(Address(HERE_6 if ":" in host else HERE, 443))
        self.sockets.append(ours)
        there = (host, port, 0, 0) if ":" in host else (host, port)
        protocol.makeConnection(Connection(ours, protocol, there, None, self._joined, self.reactor))
        ours.to_server += header
        return ours

    def close(self) -> None:
        """End everything."""
        self.service.hub.web_sessions.stop()
        super().close()
        for one in self.sockets:
            one.close()


class Answer(NamedTuple):
    """One answer, its body put together."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes
    raw: bytes  # the body as it was sent

    def field(self, name: str) -> str | None:
        """The one value of a field, or None."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} comes more than once"
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """Every value of a field."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    @property
    def json(self) -> Any:
        """The body as JSON."""
        assert self.field("Content-Type") == "application/json"
        return json.loads(self.body)


class HttpClient:
    """A client that sends what it is told, and reads answers."""

    def __init__(
        self,
        server: HttpServer,
        host: str = CLIENT,
        *,
        user: str | None = "ann",
        password: str = PASSWORD,
        certificate: Callable[[], SSL.Context] = context,
        header: bytes = b"",
    ) -> None:
        """`user` is shown with every request by Basic; None shows nobody."""
        self.server = server
        self.fields: dict[str, str] = {"Host": HOST}
        if user is not None:
            self.fields["Authorization"] = basic(user, password)
        socket = server.accept(host, header)
        assert socket is not None, "the service has refused the connection"
        self.end = End(socket)
        if server.tls:
            self.end.secure(certificate())
        self.settle()

    def settle(self) -> None:
        """Let both sides go on until neither has anything to do."""
        moved = True
        while moved:
            self.server.reactor.settle()
            moved = self.end.pump()

    @property
    def closed(self) -> bool:
        """Whether the server has closed the connection."""
        return self.end.closed

    def leave(self) -> None:
        """Close the connection as its protocol has it."""
        self.end.finish()
        self.settle()

    def vanish(self) -> None:
        """Lose the connection."""
        self.end.cut()
        self.settle()

    def wait(self, seconds: float) -> None:
        """Let time pass, a second at a time."""
        while seconds > 0:
            self.server.reactor.advance(min(seconds, 1))
            self.settle()
            seconds -= 1

    def log_in(self, user: str = "ann", password: str = PASSWORD) -> str:
        """A web session, whose token is shown with every request from here on."""
        body = json.dumps({"username": user, "password": password}).encode()
        given = self.ask("POST", LOGIN, body, Authorization=None, Content_Type="application/json")
        token = str(given.json["results"][0]["session"])
        self.show(token)
        return token

    def show(self, token: str) -> None:
        """Show the token of a web session with every request."""
        self.fields["Authorization"] = f"Session {token}"

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.end.write(data)
        self.settle()

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
        self.write(self.head(method, target, **fields) + (body or b""))
        return self.answer(silent=method == "HEAD")

    def answer(self, *, silent: bool = False) -> Answer:
        """The next answer, which must be whole; those to invite a body are passed over."""
        received = self.end.received
        found = _HEAD.match(bytes(received))
        assert found is not None, f"no answer: {bytes(received[:200])!r}"
        del received[: found.end()]
        if found[1] == b"100":
            return self.answer(silent=silent)
        lines = found[3].decode("latin-1").splitlines()
        fields = tuple((line.partition(": ")[0], line.partition(": ")[2]) for line in lines)
        status = int(found[1])
        answer = Answer(status, fields, b"", b"")
        body, raw = (b"", b"") if silent or status in (204, 304) else self._body(answer)
        return answer._replace(body=body, raw=raw)

    def _body(self, answer: Answer) -> tuple[bytes, bytes]:
        received = self.end.received
        if answer.field("Transfer-Encoding") == "chunked":
            return self._chunks()
        length = answer.field("Content-Length")
        size = len(received) if length is None else int(length)
        assert len(received) >= size, f"{len(received)} of {size} bytes of the body"
        body = bytes(received[:size])
        del received[:size]
        return body, body

    def _chunks(self) -> tuple[bytes, bytes]:
        received, body, at = self.end.received, b"", 0
        while True:
            end = received.index(b"\r\n", at)
            size = int(received[at:end], 16)
            body += received[end + 2 : end + 2 + size]
            at = end + 2 + size + 2
            if not size:
                raw = bytes(received[:at])
                del received[:at]
                return body, raw


def basic(user: str, password: str = PASSWORD) -> str:
    """The value of Authorization for a name and a password."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


__all__ = ["Answer", "HttpClient", "HttpServer", "KernelSocket", "basic"]
