"""TLS of connections that we make: the certificate must be for the host that was meant."""

from ipaddress import ip_address
from typing import Any

from OpenSSL import SSL
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import implementer


@implementer(IOpenSSLClientConnectionCreator)
class SecuredFor:
    """Makes connections that end when the certificate is not for the host.

    Twisted's own lets a certificate without alternative names pass: what it cannot read it logs.
    """

    def __init__(self, host: str, context: SSL.Context) -> None:
        """`host` is a name or an IP address; the context says whom to believe."""
        self._context = context
        self._sent: bytes | None = None
        self._host: DNS_ID | IPAddress_ID
        try:
            ip_address(host)
            self._host = IPAddress_ID(host)
        except ValueError:
            self._host = DNS_ID(host)
            self._sent = host.encode("ascii")

    def clientConnectionForTLS(self, tls: Any) -> SSL.Connection:  # noqa: N802 - Twisted's name
        """Make one."""
        connection = SSL.Connection(self._context, None)
        connection.set_connect_state()
        if self._sent is not None:  # addresses are no server names (RFC 6066 3)
            connection.set_tlsext_host_name(self._sent)
        wanted = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        connection.set_verify(wanted, self._judge)
        return connection

    def _judge(self, _: Any, shown: Any, error: int, depth: int, valid: int) -> bool:
        """Let OpenSSL's verdict stand, and of the first certificate see whose it is."""
        if depth or not valid:
            return bool(valid)
        try:
            verify_service_identity(extract_patterns(shown), [self._host], [])
        except Exception:  # whatever it is, it must not pass for the host
            return False
        return True
