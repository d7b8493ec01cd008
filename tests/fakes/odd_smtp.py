"""A mail server in a thread that says what a test wants: odd, late, false, or nothing at all."""

import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mft.core.failure import Refused
from mft.core.peer import Component
from mft.resources.base import Surroundings
from mft.resources.email_client import EmailClient, EmailClientOptions
from mft.resources.mail import Envelope, MailRejected, Receipt
from tests.fakes import pki
from tests.fakes.handlers import house
from tests.fakes.loop import run_loop

USUAL: Mapping[str, Any] = {
    "": b"220 odd ESMTP\r\n",
    "EHLO": b"250-odd\r\n250 8BITMIME\r\n",
    "HELO": b"250 odd\r\n",
    "STARTTLS": b"220 go ahead\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go ahead\r\n",
    ".": b"250 taken\r\n",
    "QUIT": b"221 bye\r\n",
}
MAIL = Envelope("mft@example.com", ("ann@example.com",), b"Subject: x\r\n\r\nhello\r\n")


class Peer:
    """One connection, as the server sees it."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.heard: list[str] = []  # every line that came
        self.closed = threading.Event()
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


class OddServer:
    """Answers by the first word of a line: with bytes, with one of several, or by a function."""

    def __init__(
        self, replies: Mapping[str, Any], tls: ssl.SSLContext | None, at_once: bool
    ) -> None:
        self.peers: list[Peer] = []
        self._replies = {**USUAL, **replies}
        self._asked: dict[str, int] = {}
        self._tls = tls
        self._at_once = at_once
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def peer(self) -> Peer:
        """The last connection."""
        return self.peers[-1]

    def close(self) -> None:
        """End it, and every connection."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self.peers:
            try:
                peer.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            peer = Peer(connection)
            self.peers.append(peer)
            try:
                self._talk(peer)
            except OSError:
                continue  # the client has gone, as many tests want it to
            finally:
                peer.socket.close()
                peer.closed.set()

    def _talk(self, peer: Peer) -> None:
        if self._at_once:
            self._secure(peer)
        self._answer(peer, "")
        while (line := peer.line()) is not None:
            verb = line.partition(" ")[0].upper()
            self._answer(peer, verb)
            if verb == "STARTTLS" and self._tls is not None:
                self._secure(peer)
            elif verb == "DATA":
                self._take(peer)
            elif verb == "QUIT":
                return

    def _take(self, peer: Peer) -> None:
        while (line := peer.line()) is not None:
            if line == ".":
                self._answer(peer, ".")
                return

    def _secure(self, peer: Peer) -> None:
        assert self._tls is not None
        peer.socket = secured = self._tls.wrap_socket(
            peer.socket, server_side=True, do_handshake_on_connect=False
        )
        secured.do_handshake()

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
    replies: Mapping[str, Any] | None = None,
    tls: ssl.SSLContext | None = None,
    at_once: bool = False,
) -> Iterator[OddServer]:
    """Run one."""
    server = OddServer(replies or {}, tls, at_once)
    try:
        yield server
    finally:
        server.close()


def certificate(folder: Path, *names: str, authority: pki.Authority | None = None) -> Path:
    """Write `ca.pem`, and a certificate for these hosts with its key, which is given back."""
    signer = authority or pki.Authority()
    ids: list[x509.GeneralName] = [
        x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
        for name in names
    ]
    identity = signer.issue(
        "mail", purpose=pki.SERVER, extensions=[x509.SubjectAlternativeName(ids)]
    )
    key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "server.pem"
    file.write_bytes(identity.certificate.public_bytes(Encoding.PEM) + key)
    (folder / "ca.pem").write_bytes(signer.pem)
    return file


def server_tls(file: Path) -> ssl.SSLContext:
    """TLS of a server that shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def client(around: Any, port: int, **given: Any) -> EmailClient:
    """A client of the server at a port of this machine."""
    told = {"name": "mail", "port": str(port), "timeout": "3", **given}
    options = EmailClientOptions.model_validate(told)
    return EmailClient(Component("mail-1", "email-client", "mail"), options, around)


async def sent(around: Any, port: int, envelope: Envelope = MAIL, **given: Any) -> Receipt:
    """Send one mail there."""
    sender = client(around, port, **given)
    await sender.start()
    try:
        return await sender.send(envelope)
    finally:
        await sender.stop()


def over(directory: Path, work: Callable[[Surroundings], Coroutine[Any, Any, Any]]) -> Any:
    """Run `work(around)` on a real reactor; an expected exception is what it gives."""

    async def main(reactor: Any) -> Any:
        home = house(directory)
        # What makes TLS of a connection would otherwise write by the one reactor of the process.
        with patch("twisted.protocols.tls._get_default_clock", lambda: reactor):
            try:
                return await work(replace(home.around, clock=reactor))
            except (MailRejected, Refused) as error:
                return error
            finally:
                home.journal.close()

    return run_loop(main)
