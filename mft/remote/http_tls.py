"""Whom a location of HTTPS believes, and who it says that we are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.python.failure import Failure
from zope.interface import implementer

from mft.core.failure import Reason
from mft.remote.base import FirstSeen, Identity, OtherIdentityError
from mft.runtime.client_tls import Judge, connecting
from mft.runtime.proxied import ProxiedEndpoint, Proxy, Target
from mft.trust.certificates import fingerprint
from mft.wire.http.reference import Site

FIRST: Final = "set-on-first-connection"
CERTIFICATE: Final = "certificate"  # the kind of identity


# OpenSSL's words: of its own verdict, also on the host that is meant, and of alerts about ours.
_THEIRS: Final = "certificate verify failed"
_OURS: Final = ("certificate", "unknown ca")


def why_ended(reason: Failure) -> str:
    """What has ended a connection, in OpenSSL's words where it was TLS."""
    error = reason.value
    if isinstance(error, SSL.Error):
        found = error.args[0] if error.args and isinstance(error.args[0], list) else []
        return "; ".join(str(entry[-1]) for entry in found) or "TLS broke off"
    return str(reason.getErrorMessage())


def why_untrusted(words: str) -> str:
    """What that says of certificates, theirs or ours; empty where it says nothing of them."""
    if _THEIRS in words:
        return f"its certificate is not believed: {words}"
    if "alert" in words and any(word in words for word in _OURS):
        return f"the server does not take our certificate: {words}"
    return ""


@dataclass(frozen=True, slots=True)
class Trust:
    """What decides whether a peer is who was meant."""

    context: SSL.Context
    pinned: Sequence[str]  # fingerprints, or FIRST; empty: authorities and host decide

    @property
    def named(self) -> frozenset[str]:
        """The fingerprints that are named; with any, nothing is trusted for having come first."""
        return frozenset(self.pinned) - {FIRST}

    async def creator(self, host: str, location: str, first_seen: FirstSeen) -> "Judging":
        """Makes the next connection: its handshake fails before ours is shown to somebody else.

        Only where what is seen first is trusted, and nothing was, anybody passes.
        """
        pins = self.named
        kept = await first_seen.of(location) if self.pinned and not pins else None
        if kept is not None:
            pins = frozenset((kept,))
        return Judging(self.context, host, pins, anybody=bool(self.pinned) and not pins)

    async def judge(
        self,
        certificate: x509.Certificate | None,
        details: str,
        location: str,
        first_seen: FirstSeen,
    ) -> Identity:
        """Say who a peer is whose handshake is done; Refused(DENIED) where it is another.

        Until this returns, nothing may be sent.
        """
        if certificate is None:
            return Identity("", "", details)
        found = fingerprint(certificate)
        if self.pinned and found not in self.named:
            await self._known(found, location, first_seen)
        return Identity(CERTIFICATE, found, details)

    async def _known(self, found: str, location: str, first_seen: FirstSeen) -> None:
        wanted = ", ".join(self.pinned)
        if not self.named:
            kept = await first_seen.of(location)
            if kept is None:
                await first_seen.keep(location, found)
                return
            if kept == found:
                return
            wanted = kept
        details = f"its certificate is {found}, and not {wanted}"
        raise OtherIdentityError(Reason.DENIED, location, details)


def endpoint(reactor: Any, site: Site, tls: "Judging | None", proxy: Proxy | None = None) -> Any:
    """Where to connect to: behind TLS where the site is, and through the proxy where there is one.

    Raises ValueError for a host that cannot be told to the proxy.
    """
    made: Any
    if proxy is None:
        made = HostnameEndpoint(reactor, site.host, site.port)
    else:
        there = HostnameEndpoint(reactor, proxy.host, proxy.port)
        made = ProxiedEndpoint(there, Target(site.host, site.port, proxy))
    return made if tls is None else wrapClientTLS(tls, made, reactor)


@implementer(IOpenSSLClientConnectionCreator)
class Judging:
    """Makes one connection, whose certificate is judged while hands are shaken."""

    def __init__(
        self, context: SSL.Context, host: str, pins: frozenset[str], *, anybody: bool
    ) -> None:
        """`anybody` passes where nothing is known yet: who it was is looked at behind it."""
        self._context = context
        self._judge = Judge(host, pins)
        self._anybody = anybody

    @property
    def refused(self) -> str:
        """Why the certificate was refused; empty where it was not."""
        return self._judge.refused

    def clientConnectionForTLS(self, tls: Any) -> SSL.Connection:  # noqa: N802 - Twisted's name
        """Make it."""
        connection = connecting(self._context, self._judge)
        if self._anybody:
            connection.set_verify(SSL.VERIFY_NONE, lambda *_: True)
        return connection
