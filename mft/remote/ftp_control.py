"""The control connection to an FTP server: commands out, replies in, in clear or through TLS.

One coroutine at a time asks, and waits for the reply. A reply that nobody has asked for ends the
connection: whatever came after it would be taken for the answer to another question.
"""

import re
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from mft.core.failure import Malformed, Reason, Refused
from mft.core.peer import Address
from mft.core.secret import MASK, Secret
from mft.remote.base import REPLY_TIMEOUT, OtherIdentityError
from mft.runtime.buffers import Buffers
from mft.runtime.client_tls import Judge, connecting
from mft.runtime.connection import Connection
from mft.runtime.secured import Outlet, Secured
from mft.runtime.tls import TlsStart
from mft.wire.ftp.replies import Answer, Answers
from mft.wire.ftp.reply import harmless

ROOM: Final = 16 << 10  # bytes of replies, or of their ciphertext, read at once
MAX_EARLY: Final = 8  # replies that wait to be asked for; of one transfer there are two
MIN_MASKED: Final = 4  # characters of a secret that is masked in replies; shorter ones are words

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")

Note = Callable[[str], None]


class Control:
    """One control connection. Everything raises Refused(ABORTED) once it is lost."""

    def __init__(
        self, reactor: Any, rooms: Buffers, secrets: tuple[Secret, ...], note: Note | None = None
    ) -> None:
        """`note` hears every line, in which secrets are masked."""
        self.alive = False
        self.host: Address  # our end
        self.peer: Address
        self.changed: Callable[[], None] | None = None  # called when a reply has come, or it ends
        self._outlet: Outlet
        self._transport: Connection
        self._reactor = reactor
        self._rooms = rooms
        self._secrets = tuple(one.reveal() for one in secrets if len(one.reveal()) >= MIN_MASKED)
        self._note = note
        self._answers = Answers()
        self._came: deque[Answer] = deque()
        self._due = 1  # final replies that are owed to us; the greeting is the first
        self._waiter: Deferred[None] | None = None
        self._lost: Refused | None = None
        self._judge: Judge | None = None

    # From the transport.

    def makeConnection(self, transport: Connection) -> None:  # noqa: N802 - Twisted's name
        """The first moment."""
        self._transport = transport
        self._outlet = transport
        here, there = transport.getHost(), transport.getPeer()
        self.host = Address.of(here.host, here.port)
        self.peer = Address.of(there.host, there.port)
        self.alive = True

    def inlet(self) -> memoryview:
        """Room for replies."""
        return self._rooms.take()

    def arrived(self, inlet: memoryview, count: int) -> None:
        """Read all that came, and only then let somebody act on it."""
        try:
            found = self._answers.feed(inlet[:count]) if count and self.alive else []
        except Malformed as error:
            self.lose(f"the server does not speak FTP: {error}")
            return
        finally:
            self._rooms.give(inlet)
        for answer in found:
            if self.alive:
                self._take(answer)
        if found:
            self._wake()

    def pump(self) -> bool:
        """Commands are queued as they are made."""
        return False

    def secured(self) -> None:
        """TLS is there."""
        self._wake()

    def insecure(self, details: str) -> None:
        """TLS broke: say what the certificate had to do with it."""
        refused = self._judge.refused if self._judge is not None else ""
        if refused:
            self._end(OtherIdentityError(Reason.DENIED, str(self.peer), refused))
        else:
            self.lose(f"TLS failed: {details}")

    def ended(self) -> None:
        """The server ends TLS, and so the connection."""
        self.lose("the server has closed the connection")

    def connectionLost(self, reason: Failure) -> None:
        """The last moment."""
        clean = bool(reason.check(ConnectionDone))
        self.lose("the server has closed the connection" if clean else "the connection broke")

    # Replies.

    def _take(self, answer: Answer) -> None:
        self._tell("<", str(answer))
        if self._due == 0:
            leaving = answer.code == 421
            why = "the server leaves" if leaving else "the server says what nobody has asked for"
            self.lose(f"{why}: {self.shown(answer)}")
            return
        if not answer.preliminary:
            self._due -= 1
        self._came.append(answer)
        if len(self._came) > MAX_EARLY:
            self.lose("the server says more than it was asked")

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.called:
            waiter.callback(None)
        if self.changed is not None:
            self.changed()

    @property
    def next(self) -> Answer | None:
        """The reply that has come and that nobody has taken."""
        return self._came[0] if self._came else None

    async def reply(self, patience: float = REPLY_TIMEOUT) -> Answer:
        """Wait for the next reply; one that does not come in time ends the connection."""
        await self._until(lambda: bool(self._came), patience)
        answer = self._came.popleft()
        if answer.code == 421:
            self.lose(f"the server leaves: {self.shown(answer)}")
            self.check()
        return answer

    async def _until(self, true: Callable[[], bool], patience: float) -> None:
        timer = self._reactor.callLater(patience, self._silent, patience)
        try:
            while not true():
                self.check()
                waiter: Deferred[None] = Deferred()
                self._waiter = waiter
                await waiter
        except CancelledError:
            self.lose("it was given up in the middle of a command")
            raise
        finally:
            if timer.active():
                timer.cancel()

    def _silent(self, patience: float) -> None:
        self.lose(f"the server has been silent for {patience:g} seconds")

    def send(self, command: str, secret: Secret | None = None) -> None:
        """Send a command, whose last word may be a secret; Refused(INVALID) for two lines."""
        self.check()
        line = command if secret is None else f"{command} {secret.reveal()}"
        if _CONTROLS.search(line):
            raise Refused(Reason.INVALID, "", "a name with control characters")
        try:
            data = f"{line}\r\n".encode()
        except UnicodeEncodeError:
            raise Refused(Reason.INVALID, "", "a name that is not UTF-8") from None
        self._tell(">", command if secret is None else f"{command} {MASK}")
        self._due += 1
        self._outlet.write(data)

    async def ask(
        self, command: str, secret: Secret | None = None, patience: float = REPLY_TIMEOUT
    ) -> Answer:
        """Send a command, and wait for its reply."""
        self.send(command, secret)
        return await self.reply(patience)

    def shown(self, answer: Answer) -> str:
        """A reply for people, without secrets that the server repeats."""
        return self._masked(str(answer))

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def _tell(self, way: str, line: str) -> None:
        if self._note is not None:
            self._note(f"{way} {self._masked(harmless(line))}")

    # TLS.

    async def secure(self, context: SSL.Context, judge: Judge) -> None:
        """Go on with TLS; Refused(DENIED) where the certificate is not believed.

        What came in clear behind the reply that allowed it was put there by somebody in between
        (CVE-2011-0411 and its like), and ends the connection.
        """
        self.check()
        if self._answers.begun or self._came:
            self.lose("the server says more in clear where TLS begins: somebody is in between")
            self.check()
        self._judge = judge
        engine = TlsStart(connecting(context, judge))
        self._outlet = outlet = Secured(self._transport, engine, self, self._rooms)
        outlet.begin()
        await self._until(lambda: engine.established, REPLY_TIMEOUT)

    @property
    def engine(self) -> TlsStart | None:
        """Its TLS, once that is there."""
        outlet = self._outlet
        if isinstance(outlet, Secured) and isinstance(outlet.engine, TlsStart):
            return outlet.engine if outlet.engine.established else None
        return None

    # Its end.

    def check(self) -> None:
        """Refused where it is lost."""
        if self._lost is not None:
            raise type(self._lost)(self._lost.reason, self._lost.subject, self._lost.details)

    def lose(self, details: str) -> None:
        """Cut it: whoever waits, or asks later, hears why."""
        peer = str(self.peer) if self.alive else ""
        self._end(Refused(Reason.ABORTED, peer, details))

    def _end(self, refused: Refused) -> None:
        if self._lost is not None:
            return
        self.alive = False
        self._lost = refused
        self._tell("|", refused.details)
        if self._transport.connected:
            self._transport.abortConnection()
        self._wake()

    def leave(self) -> None:
        """Say goodbye, without waiting for long."""
        if not self.alive:
            return
        self._tell(">", "QUIT")
        self._outlet.write(b"QUIT\r\n")
        self.alive = False
        self._lost = Refused(Reason.ABORTED, str(self.peer), "the connection was closed")
        self._outlet.loseConnection()
        self._transport.abort_soon()
        self._wake()
