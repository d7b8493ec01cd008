"""`type = email-client`: the mail server that takes our mail."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Annotated, Any, ClassVar, Final, Literal

from cryptography import x509
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS

from mft.config.kinds import (
    CommaList,
    Context,
    FilePath,
    Maybe,
    Port,
    SecretText,
    Text,
    Wrong,
    duration,
)
from mft.config.section import option
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.secret import Secret
from mft.resources.base import ResourceOptions, Surroundings
from mft.runtime.client_tls import SecuredFor
from mft.trust.certificates import load_authorities
from mft.trust.tls import client_context

LONGEST: Final = 600.0  # seconds; what RFC 5321 4.5.3.2 has for the end of the data


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
    email_from_address: Text = option(
        "Who the mail is from.", "no-reply@localhost", examples=["mft <mft@example.com>"]
    )
    email_to_recipients: CommaList = option(
        "Who gets mail that names nobody else.", (), examples=["operator@example.com"]
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
        "How long the mail server may be silent.", 60.0, ours=True
    )

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Load who may sign the mail server's certificate; raises ValueError."""
        path = self.ssl_certificate_authority
        return () if path is None else load_authorities([path])

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of authorities that cannot be read, and of a login that goes over no TLS."""
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
        await self._around.outside(_load)
        if self._options.secure_connection != "No":
            context = client_context(self._options.authorities())
            self._tls = SecuredFor(self._options.address, context)

    async def stop(self) -> None:
        """Nothing: it holds nothing between two mails."""

    async def send(self, sender: str, recipients: Sequence[str], message: bytes) -> None:
        """Hand over one mail, lines between CR LF; returns once the server has taken it.

        `sender` and `recipients` are addresses without a name. Raises Refused when it has not.
        """
        from twisted.mail.smtp import ESMTPSenderFactory, SMTPClientError

        options, done = self._options, Deferred[Any]()
        at_once = options.secure_connection == "Yes"
        must = options.secure_connection == "StartTLS" or bool(options.username)
        factory = ESMTPSenderFactory(
            options.username.encode() or None,
            options.password.reveal().encode(),
            sender,
            list(recipients),
            BytesIO(message),
            done,
            retries=0,
            timeout=options.timeout,
            contextFactory=self._tls,
            heloFallback=True,
            requireAuthentication=bool(options.username),
            requireTransportSecurity=must and not at_once,
        )
        reactor = self._around.clock
        endpoint: Any = HostnameEndpoint(
            reactor, options.address, options.port, timeout=options.timeout
        )
        if at_once and self._tls is not None:
            endpoint = wrapClientTLS(self._tls, endpoint, reactor)
        try:
            await endpoint.connect(factory)
            await done
        except SMTPClientError as error:
            said = error.resp.decode("utf-8", "replace") if error.resp else type(error).__name__
            raise Refused(Reason.ABORTED, "", f"the mail server says {error.code} {said}") from None
        except Exception as error:
            details = str(error) or type(error).__name__
            raise Refused(Reason.ABORTED, "", f"the mail server: {details}") from None


def _load() -> None:
    """Import in a thread: the module asks for the name of this machine, which may take long."""
