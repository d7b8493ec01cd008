"""One connection to a mail server, which hands over one mail (RFC 5321, 3207, 4954).

Twisted knows the steps. What it leaves open is closed here: what comes in clear behind the answer
to STARTTLS, replies without an end, lines of the mail that begin with a dot, connections that stay.
This module is imported in a thread: Twisted's asks for the name of this machine, maybe for long.
"""

import base64
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import connectionDone
from twisted.mail.smtp import SUCCESS, ESMTPClient, LOGINAuthenticator, SMTPClientError
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.core.secret import Secret
from mft.resources.feeder import Feeder
from mft.resources.mail import Envelope, MailRejected, Receipt, Reply, shown
from mft.runtime.client_tls import SecuredFor

MAX_LINE: Final = 4096  # bytes of a line of a reply; RFC 5321 has 512
MAX_LINES: Final = 128  # of one reply
PORT_REMEDY: Final = "see whether `port` is the one for this `secure_connection`"
LINGER: Final = 5.0  # seconds for the server to close, once all is said


class Manner(NamedTuple):
    """How a mail server is talked to."""

    hello: bytes  # what we call ourselves
    timeout: float  # seconds between two replies
    tls: SecuredFor | None  # for STARTTLS
    must: bool  # whether STARTTLS must be
    username: str = ""
    password: Secret = Secret("")


class Delivery(ESMTPClient):
    """Hands over one mail; `done` fires when the connection is gone.

    It gives the Receipt, or fails with MailRejected for a fault of the mail, and with Refused for
    anything else.
    """

    debug = False  # or Twisted would keep all that is said, the password too
    MAX_LENGTH = MAX_LINE

    def __init__(self, envelope: Envelope, manner: Manner, later: Callable[..., Any]) -> None:
        password = manner.password.reveal().encode()
        super().__init__(password, contextFactory=manner.tls, identity=manner.hello)
        vars(self)["callLater"] = later  # or its timeout would ask the one reactor of the process
        vars(self)["timeout"] = manner.timeout
        self.requireTransportSecurity = manner.must
        self.requireAuthentication = bool(manner.username)
        self.done: Deferred[Receipt] = Deferred(lambda _: self.abort())
        self._envelope = envelope
        self._patience = manner.timeout
        self._user = manner.username.encode()
        self._outcome: Receipt | Exception | None = None
        self._size = 0  # bytes that the server takes; 0: it did not say
        self._greeted = False
        self._sending = False
        self._sent = False
        self.registerAuthenticator(LOGINAuthenticator(self._user))

    # The connection.

    def lineReceived(self, line: bytes) -> None:
        """Take a line, unless all is said already, or the reply never ends."""
        if self._outcome is not None:
            return
        self._greeted = True
        if len(self.resp) >= MAX_LINES:
            self._fail(f"sends a reply of more than {MAX_LINES} lines")
        elif not line[:3].isdigit():
            self._fail(f"does not speak SMTP: {shown(line)}")
        else:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Leave a server whose line does not end."""
        self._fail(f"sends a line of more than {MAX_LINE} bytes")

    def timeoutConnection(self) -> None:
        """Leave a server that is silent, or that does not close."""
        greeted = "" if self._greeted else f" and has said nothing at all; {PORT_REMEDY}"
        self._fail(f"has been silent for {self._patience:g} seconds{greeted}")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell how it went."""
        super().connectionLost(reason)
        outcome = _unreachable(_lost(reason)) if self._outcome is None else self._outcome
        if self.done.called:  # who waited has been cancelled
            return
        if isinstance(outcome, Receipt):
            self.done.callback(outcome)
        else:
            self.done.errback(outcome)

    def abort(self) -> None:
        """End at once."""
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    def _finish(self, outcome: Receipt | Exception) -> None:
        """Say goodbye; what comes now changes nothing any more."""
        if self._outcome is not None:
            return
        self._outcome = outcome
        transport: Any = self.transport
        if self._sending and not self._sent:
            transport.abortConnection()  # any word would be one of the mail
            return
        self.sendLine(b"QUIT")
        self.setTimeout(LINGER)
        transport.loseConnection()

    def _fail(self, sentence: str) -> None:
        """Leave at once a server that cannot be worked with."""
        if self._outcome is None:
            self._outcome = _unreachable(sentence)
        self.abort()

    def sendError(self, exc: SMTPClientError) -> None:
        """End for what Twisted has found wrong."""
        self._fail(f"says {Reply(exc.code, shown(exc.resp or b''))}")

    # Before the mail.

    def smtpConnectionFailed(self, code: int, resp: bytes) -> None:
        """End where nobody is welcome."""
        self._finish(_unreachable(f"says {Reply(code, shown(resp))}"))

    def smtpState_helo(self, code: int, resp: bytes) -> None:
        """Greet in the old way, once: where that is refused, Twisted would do it for ever."""
        super().smtpState_helo(code, resp)
        self._failresponse = self.smtpConnectionFailed

    def esmtpState_serverConfig(self, code: int, resp: bytes) -> None:
        """Read what the server offers; its words count in any case (RFC 5321 2.4)."""
        items = {}
        for line in resp.split(b"\n")[1:]:
            word, _, rest = line.partition(b" ")
            items[word.strip().upper()] = rest
        size = items.get(b"SIZE", b"").strip()
        self._size = int(size) if size.isdigit() and len(size) < 20 else 0
        self.tryTLS(code, resp, items)

    def esmtpState_starttls(self, code: int, resp: bytes) -> None:
        """Begin TLS; nothing that came before it may count after it (CVE-2011-0411)."""
        if self.clearLineBuffer():
            self._fail("sends more in clear behind its answer to STARTTLS: somebody is in between")
        else:
            super().esmtpState_starttls(code, resp)

    def esmtpTLSRequired(self, code: int = -1, resp: bytes | None = None) -> None:
        """Go where TLS must be and is not offered."""
        self._finish(_unreachable("offers no STARTTLS, and secure_connection or a login needs it"))

    def esmtpTLSFailed(self, code: int = -1, resp: bytes | None = None) -> None:
        """Go where TLS was offered and is not to be had."""
        self._finish(_unreachable(f"refuses STARTTLS: {Reply(code, shown(resp or b''))}"))

    def esmtpEHLORequired(self, code: int = -1, resp: bytes | None = None) -> None:
        """Go where neither TLS nor a login can be."""
        self._finish(_unreachable(f"refuses EHLO: {Reply(code, shown(resp or b''))}"))

    def authenticate(self, code: int, resp: bytes, items: dict[bytes, bytes]) -> None:
        """Log in, if somebody is to; PLAIN once, where Twisted would try a wrong one twice."""
        if not self._user:
            self.smtpState_from(code, resp)
        elif not self._tlsMode:
            self.esmtpTLSRequired()
        elif b"PLAIN" in items.get(b"AUTH", b"").upper().split():
            self._expected = [235]
            self._okresponse = self.smtpState_from
            self._failresponse = self.esmtpAUTHDeclined
            self.sendLine(b"AUTH PLAIN " + base64.b64encode(self._plain))
        else:
            super().authenticate(code, resp, items)

    def esmtpAUTHRequired(self, code: int = -1, resp: bytes | None = None) -> None:
        """Go where nobody can log in in a way that we know."""
        self._finish(_unreachable("offers no login by PLAIN or LOGIN, and a username is given"))

    def esmtpAUTHDeclined(self, code: int = -1, resp: bytes | None = None) -> None:
        """Go where the login is refused; words that repeat the secret do not get further."""
        words = resp or b""
        for secret in (self.secret, self._plain):
            for form in (base64.b64encode(secret), secret):
                words = words.replace(form, b"***") if form else words
        self._finish(_unreachable(f"refuses the login: {Reply(code, shown(words))}"))

    def esmtpAUTHServerError(self, code: int = -1, resp: bytes | None = None) -> None:
        """Go where the way to log in is refused."""
        self.esmtpAUTHDeclined(code, resp)

    def esmtpAUTHMalformedChallenge(self, code: int = -1, resp: bytes | None = None) -> None:
        """Go where the login is asked for in a way that makes no sense."""
        self._finish(_unreachable("asks for the login in a way that makes no sense"))

    @property
    def _plain(self) -> bytes:
        return b"\0%b\0%b" % (self._user, self.secret)

    # The mail.

    def smtpState_from(self, code: int, resp: bytes) -> None:
        """Begin the mail, unless the server has said that it is too large for it."""
        if self._size and len(self._envelope.content) > self._size:
            length = len(self._envelope.content)
            said = f"takes mail of {self._size} bytes at most, and this one has {length}"
            self._finish(MailRejected(f"the mail server {said}"))
        else:
            super().smtpState_from(code, resp)

    def getMailFrom(self) -> str:
        """Who sends it."""
        return self._envelope.sender

    def getMailTo(self) -> list[str]:
        """Who gets it."""
        return list(self._envelope.recipients)

    def smtpState_data(self, code: int, resp: bytes) -> None:
        """Send the mail; a dot that begins a line is doubled (RFC 5321 4.5.2)."""
        self._sending = True
        self._expected = list(SUCCESS)
        self._okresponse = self.smtpState_msgSent
        Feeder(
            doubled(self._envelope.content), self.transport, self.resetTimeout, self._end_mail
        ).start()

    def _end_mail(self) -> None:
        """End the mail; its last line has ended already."""
        self._sent = True
        self.sendLine(b".")

    def smtpState_msgSent(self, code: int, resp: bytes | str) -> None:
        """Tell what became of the mail: also where it ended before it was sent."""
        refused = {
            _text(address): Reply(said, shown(words))
            for address, said, words in self.toAddressesResult
            if said not in SUCCESS
        }
        if self.toAddressesResult and not self.successAddresses:
            self._finish(Receipt((), refused))
        elif code in SUCCESS and self._sent:
            self._finish(Receipt(tuple(map(_text, self.successAddresses)), refused))
        else:
            reply = Reply(code, shown(resp))
            sentence = f"the mail server says {reply}"
            fault = MailRejected(sentence) if reply.permanent else _unreachable(f"says {reply}")
            self._finish(fault)


def doubled(content: bytes) -> bytes:
    """A mail whose dots at the beginning of a line are two: for the largest, some milliseconds."""
    first = b"." if content.startswith(b".") else b""
    return first + content.replace(b"\n.", b"\n..")


def _text(address: bytes | str) -> str:
    return address if isinstance(address, str) else address.decode()


def _unreachable(sentence: str) -> Refused:
    return Refused(Reason.ABORTED, "", f"the mail server {sentence}")


def _lost(reason: Failure) -> str:
    """Why a connection ended too early, in words that help."""
    error = reason.value
    if isinstance(error, SSL.Error):
        said = ", ".join(str(part[-1]) for part in (error.args[0] if error.args else ()) if part)
        remedy = PORT_REMEDY
        if "certificate" in said:
            remedy = (
                "the certificate must be for `address`, and signed by one of "
                "ssl_certificate_authority"
            )
        return f"cannot be talked to over TLS: {said or 'it ended'}; {remedy}"
    if isinstance(error, ConnectionDone):
        return "closed the connection before it had taken the mail"
    return f"cannot be talked to any more: {shown(str(error))}"
