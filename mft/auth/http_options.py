"""The options of the method that asks a server over HTTP."""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal

from cryptography import x509

from mft.auth.options import MethodOptions
from mft.config.http_kinds import BasicName, Header, header_lines, in_clear, several_urls
from mft.config.kinds import Context, FilePath, Maybe, SecretText, Wrong, YesNo, duration
from mft.config.section import option
from mft.core.secret import Secret
from mft.trust.certificates import load_authorities

LONGEST: Final = 300.0  # seconds
# Less than the time of a login, so that another server can still be asked.
SECONDS: Final = 20.0


class HttpAuthOptions(MethodOptions):
    """Accounts that a server knows, which is asked over HTTP at each login."""

    ignored: ClassVar[Mapping[str, str]] = {
        "proxy": "the servers are asked directly",
        "public_error": "who is refused is never told why",
    }

    type: Literal["http"] = option("The kind of method.", "http")
    url: Annotated[tuple[str, ...], several_urls("https://auth.example.com/login")] = option(
        "Where logins are judged. With several, the next one is asked where one fails, which then "
        "rests for 5 minutes.",
        examples=["https://auth.example.com/login"],
    )
    timeout: Annotated[float, duration(0.1, LONGEST)] = option(
        "How long one URL may take to answer, from the first packet to the last byte.",
        SECONDS,
        safer="it leaves time to ask the next URL before the client's time to log in is over.",
    )
    username: BasicName = option(
        "The name that this server shows by HTTP Basic. Empty: none.", "", examples=["mft"]
    )
    password: SecretText = option("The password that goes with `username`.", Secret(""))
    headers: Annotated[tuple[Header, ...], header_lines()] = option(
        "More header fields of each request, one per line.", (), examples=["X-Token: abc"]
    )
    test_at_start: YesNo = option(
        "Whether each URL is asked about a name that nobody has when the server starts or reloads; "
        "an event tells how that went. Logins are judged whatever it says.",
        True,
    )
    ssl_certificate_authority: Maybe[FilePath] = option(
        "The certificates that may sign that of the server asked, in PEM form. Empty: those that "
        "the system trusts.",
        None,
        examples=["conf/certificates/auth-ca.pem"],
    )

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Load who may sign the server's certificate; raises ValueError."""
        path = self.ssl_certificate_authority
        return () if path is None else load_authorities([path])

    @property
    def clear(self) -> tuple[str, ...]:
        """The URLs to which passwords would go over the network as they are."""
        return tuple(url for url in self.url if in_clear(url))

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of authorities that cannot be read, and of a password without a name."""
        try:
            self.authorities()
        except ValueError as error:
            shown = str(self.ssl_certificate_authority)
            yield Wrong(str(error), shown, option="ssl_certificate_authority")
        if self.password and not self.username:
            yield Wrong("is given without a username", option="password")
