"""TLS of connections that we make: the certificate must be for the host that was meant."""

from collections.abc import Set
from ipaddress import ip_address
from typing import Any, Final

from OpenSSL import SSL
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import implementer

_lib: Final[Any] = getattr(SSL, "_lib", None)
_ffi: Final[Any] = getattr(SSL, "_ffi", None)


class _Judged(SSL.Connection):
    """A connection whose failed handshake says what was wrong with a certificate."""

    refused = ""  # why, once one was refused

    def do_handshake(self) -> None:
        """Go on with the handshake; raises SSL.Error."""
        try:
            super().do_handshake()
        except SSL.Error:
            if not self.refused:
                raise
            said = f"certificate verify failed: it {self.refused}"
            raise SSL.Error([("SSL routines", "", said)]) from None


@implementer(IOpenSSLClientConnectionCreator)
class SecuredFor:
    """Makes connections that end when the certificate is not for the host.

    Twisted's own lets a certificate without alternative names pass: what it cannot read it logs.
    """

    def __init__(self, host: str, context: SSL.Context) -> None:
        """`host` is a name or an IP address; the context says whom to believe."""
        self._context = context
        self._shown = host
        self._host, self._sent = _meant(host)

    def clientConnectionForTLS(self, tls: Any) -> SSL.Connection:  # noqa: N802 - Twisted's name
        """Make one."""
        connection = _Judged(self._context, None)
        connection.set_connect_state()
        if self._sent is not None:  # addresses are no server names (RFC 6066 3)
            connection.set_tlsext_host_name(self._sent)
        wanted = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        connection.set_verify(wanted, self._judge)
        return connection

    def _judge(self, connection: Any, shown: Any, error: int, depth: int, valid: int) -> bool:
        """Let OpenSSL's verdict stand, and of the first certificate see whose it is."""
        if not valid:
            connection.refused = _words(error)
        elif depth == 0 and not _is_for(shown, self._host):
            connection.refused = f"is not for {self._shown}"
        return not connection.refused


class Judge:
    """Judges the certificates of one connection; pins, where there are any, stand for all else."""

    def __init__(self, host: str, pins: Set[str]) -> None:
        """`pins` are SHA-256 in pairs of hexadecimal digits in capitals, with colons between."""
        self.refused = ""  # why, once it has refused
        self._shown = host
        self._host, self.server_name = _meant(host)
        self._pins = pins

    def __call__(self, _: Any, shown: Any, error: int, depth: int, valid: int) -> bool:
        """Judge one of the chain; the first, which is asked about last, has depth 0."""
        if self._pins:
            return depth > 0 or self._says(shown, shown.digest("sha256").decode() in self._pins, "")
        if not valid:
            return self._says(shown, False, _words(error))
        wrong = f"is not for {self._shown}"
        return depth > 0 or self._says(shown, _is_for(shown, self._host), wrong)

    def _says(self, shown: Any, fine: bool, wrong: str) -> bool:
        if not fine and not self.refused:
            pin = shown.digest("sha256").decode()
            wrong = wrong or "is not one of those that are named"
            self.refused = f"the certificate with SHA-256 {pin} {wrong}"
        return fine


def connecting(context: SSL.Context, judge: Judge) -> SSL.Connection:
    """Make a connection whose certificates a judge of its own looks at."""
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    if judge.server_name is not None:  # addresses are no server names (RFC 6066 3)
        connection.set_tlsext_host_name(judge.server_name)
    connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, judge)
    return connection


def _meant(host: str) -> tuple[DNS_ID | IPAddress_ID, bytes | None]:
    """What a certificate must name, and the name that is sent to the server."""
    try:
        ip_address(host)
        return IPAddress_ID(host), None
    except ValueError:
        return DNS_ID(host), host.encode("ascii")


def _is_for(shown: Any, host: DNS_ID | IPAddress_ID) -> bool:
    try:
        verify_service_identity(extract_patterns(shown), [host], [])
    except Exception:  # whatever it is, it must not pass for the host
        return False
    return True


def _words(error: int) -> str:
    """OpenSSL's words for what is wrong with a certificate."""
    if not hasattr(_lib, "X509_verify_cert_error_string"):
        return f"is refused (error {error} of OpenSSL)"
    return f"is refused: {_ffi.string(_lib.X509_verify_cert_error_string(error)).decode()}"
