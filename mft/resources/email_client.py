"""`type = email-client`: the mail server that takes our mail."""

import re
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Annotated, Any, ClassVar, Final, Literal

from cryptography import x509
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TooLong

from mft.config.kinds import Context, FilePath, Maybe, Port, SecretText, Text, Wrong, duration
from mft.config.section import option
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.secret import Secret
from mft.resources.base import ResourceOptions, Surroundings
from mft.resources.mail import Envelope, Mailbox, Mailboxes, MailboxText, MailRejected, Receipt
from mft.runtime.client_tls import SecuredFor
from mft.runtime.connecting import attempted
from mft.trust.certificates import load_authorities
from mft.trust.tls import client_context

DEFAULT_CLIENT: Final = "DEFAULT-EMAIL-CLIENT"  # the ID that is meant where several could be
LONGEST: Final = 600.0  # seconds; what RFC 5321 4.5.3.2 has for the end of the data
WHOLE: Final = 900.0  # seconds for one mail, however busy the server keeps us
MAX_MAIL: Final = 12 << 20  # bytes of one mail: 5 MiB of a file in base64, and a body
MAX_RECIPIENTS: Final = 100  # of one mail; what every server takes (RFC 5321 4.5.3.1.8)

_HOST: Final = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")


class EmailClientOptions(ResourceOptions):
    """A mail server that takes mail from this server."""

    ignored: ClassVar[dict[str, str]] = {**ResourceOptions.ignored}

    type: Literal["email-client"] = option("The kind of resource.", "email-client")
    address: Text = option("The host of the mail server.", "127.0.0.1")
    port: Port = option("Its port.", 25, examples=["587"])
    username: Text = option(
        "The name that logs in there. Empty: nobody logs in.", "", examples=["mft"]
    )
    password: SecretText = option("The password that goes with `username`.", Secret(""))
    email_from_address: MailboxText = option(
        "Who the mail is from.",
        Mailbox("no-reply@localhost"),
        examples=["mft <mft@example.com>"],
    )
    email_to_recipients: Mailboxes = option(
        "Who gets mail that names nobody else.", (), examples=["operator@example.com"]
    )
    hello_name: Text = option(
        "The name that this server gives itself there. Empty: the machine's, if that is a whole "
        "host name; else this server's name, or its address.",
        "",
        examples=["files.example.com"],
        ours=True,
    )
    secure_connection: Literal["Offered", "StartTLS", "Yes", "No"] = option(
        "`Offered`: TLS where the mail server offers STARTTLS, and always before a login. "
        "`StartTLS`: TLS, or no mail. `Yes`: TLS from the first byte. `No`: never.",
        "Offered",
        ours=True,
    )
    ssl_certificate_authority: Maybe[FilePath] = option(
        "The certificates that may sign that of the mail server, in PEM form. Empty: those that "
        "the system trusts.",
        None,
        examples=["conf/certificates/mail-ca.pem"],
    )
    timeout: Annotated[float, duration(1, LONGEST)] = option(
        "How long the mail server may be silent, and a connection to it may take.", 60.0, ours=True
    )

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Load who may sign the mail server's certificate; raises ValueError."""
        path = self.ssl_certificate_authority
        return () if path is None else load_authorities([path])

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of authorities that cannot be read, and of a login that goes over no TLS."""
        for name in ("address", "hello_name"):
            given = str(getattr(self, name))
            if not _is_host(given) and (given or name == "address"):
                yield Wrong("is not a host name or an IP address", given, option=name)
        try:
            self.authorities()
        except ValueError as error:
            shown = str(self.ssl_certificate_authority)
            yield Wrong(str(error), shown, option="ssl_certificate_authority")
        if bool(self.password) != bool(self.username):
            name = "username" if self.password else "password"
            yield Wrong("is missing: a login has a name and a password", option=name)
        if self.username and self.secure_connection == "No":
            sentence = "would send the password in clear; write Offered, StartTLS or Yes"
            yield Wrong(sentence, "No", option="secure_connection")


class EmailClient:
    """Hands mail to one server, one connection for each."""

    def __init__(
        self, component: Component, options: EmailClientOptions, around: Surroundings
    ) -> None:
        self.component = component
        self.recipients = options.email_to_recipients
        self.sender = options.email_from_address
        self._options = options
        self._around = around
        self._tls: SecuredFor | None = None

    async def start(self) -> None:
        """Get TLS ready; raises ValueError for certificates that cannot be read."""
        self._tls = await self._around.outside(_load, self._options)

    async def stop(self) -> None:
        """Nothing: it holds nothing between two mails."""

    async def send(self, envelope: Envelope) -> Receipt:
        """Hand over one mail; returns once the server has said what it does with it.

        Raises MailRejected when the server will never take it, and Refused for anything else.
        """
        if len(envelope.content) > MAX_MAIL:
            length = len(envelope.content)
            raise MailRejected(f"the mail has {length} bytes, and {MAX_MAIL} are allowed")
        handing = Deferred.fromCoroutine(self._hand_over(envelope))
        handing.addTimeout(WHOLE, self._around.clock)
        try:
            return await handing
        except (CancelledError, MailRejected, Refused):
            raise
        except TooLong:
            sentence = f"the mail server has not taken the mail within {WHOLE:g} seconds"
            raise Refused(Reason.ABORTED, "", sentence) from None
        except Exception as error:
            details = str(error) or type(error).__name__
            raise Refused(Reason.ABORTED, "", f"the mail server: {details}") from None

    async def _hand_over(self, envelope: Envelope) -> Receipt:
        # Loaded in a thread at the start: see `_load`.
        from twisted.internet.endpoints import HostnameEndpoint, connectProtocol, wrapClientTLS

        from mft.resources.smtp import Delivery, Manner

        options, clock = self._options, self._around.clock
        at_once = options.secure_connection == "Yes"
        manner = Manner(
            hello=hello(options.hello_name, self._around.server.name),
            timeout=options.timeout,
            tls=None if at_once else self._tls,
            must=options.secure_connection == "StartTLS" or bool(options.username),
            username=options.username,
            password=options.password,
        )
        endpoint: Any = HostnameEndpoint(
            clock, options.address, options.port, timeout=options.timeout
        )
        if at_once and self._tls is not None:
            endpoint = wrapClientTLS(self._tls, endpoint, clock)
        delivery = Delivery(envelope, manner, clock.callLater)
        await attempted(connectProtocol(endpoint, delivery))
        return await delivery.done


def hello(given: str, server: str) -> bytes:
    """What a server of mail is told that we are, without asking a name server."""
    machine = socket.gethostname()
    whole = machine if "." in machine else ""
    found = next(
        (name for name in (given, whole, server) if name and _is_host(name)), "[127.0.0.1]"
    )
    return found.encode()


def _is_host(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return _HOST.fullmatch(name) is not None and len(name) <= 253
    return True


def _load(options: EmailClientOptions) -> SecuredFor | None:
    """Import, and read certificates, in a thread: both may take long.

    Twisted's import asks for the name of this machine.
    """
    import mft.resources.smtp  # noqa: F401 - it is the import that takes long

    if options.secure_connection == "No":
        return None
    return SecuredFor(options.address, client_context(options.authorities()))
