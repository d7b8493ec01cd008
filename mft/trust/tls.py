"""TLS contexts: one for all connections of a service, or of ours to servers of others."""

from collections.abc import Sequence
from typing import Any, Final, cast

from cryptography import x509
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto

from mft.trust import suites
from mft.trust.certificates import Identity
from mft.trust.suites import SECURE, SECURE_VERSIONS, Version

# How long a session can be resumed. OpenSSL caches those of TLS 1.2 clients that take no tickets:
# at most 20480, some 10 MiB. All others are in tickets, which the clients keep.
SESSION_SECONDS: Final = 7200
MAX_CHAIN: Final = 9  # certificates between a client's and its authority
MAX_NAME: Final = 300  # characters; names in certificates come from peers

_NUMBERS: Final = {
    Version.TLS_1_0: (SSL.TLS1_VERSION, SSL.OP_NO_TLSv1),
    Version.TLS_1_1: (SSL.TLS1_1_VERSION, SSL.OP_NO_TLSv1_1),
    Version.TLS_1_2: (SSL.TLS1_2_VERSION, SSL.OP_NO_TLSv1_2),
    Version.TLS_1_3: (SSL.TLS1_3_VERSION, SSL.OP_NO_TLSv1_3),
}
_OPTIONS: Final = SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE
# Idle connections hold no buffers; writes from buffers that move are pyOpenSSL's default.
_MODE: Final = SSL.MODE_RELEASE_BUFFERS
_lib: Any = vars(SSL)["_lib"]  # what pyOpenSSL has no words for


class ServerContext(SSL.Context):
    """The context of a service, in which every connection may have a session id of its own.

    A session is resumed only by a connection with the id of the one that gave it out; any other
    gets a full handshake.
    """

    certificate: x509.Certificate | None = None  # what it shows; `server_context` says
    protocols: Sequence[bytes] = ()  # what its clients may want to speak; empty: anything

    def set_session_id(self, buf: bytes) -> None:
        """Set the id, 1 to 32 bytes, of the connections that are made from now on.

        pyOpenSSL forbids changes once a context is in use, since threads may share it. OpenSSL
        copies the id into each connection, and one thread makes all of ours. Raises ValueError.
        """
        if not 0 < len(buf) <= 32 or not _lib.SSL_CTX_set_session_id_context(
            self._context, buf, len(buf)
        ):
            raise ValueError(f"a session id has 1 to 32 bytes, not {len(buf)}")


def policy_context(
    ciphers: str = SECURE, methods: Sequence[Version] = SECURE_VERSIONS
) -> ServerContext:
    """Make a context that knows ciphers and versions, and has no certificate yet.

    Raises ValueError, with a sentence, for ciphers that OpenSSL does not know, and when none is
    left to choose.
    """
    context = ServerContext(SSL.TLS_SERVER_METHOD)
    context.set_options(_OPTIONS)
    context.set_min_proto_version(_NUMBERS[methods[0]][0])
    _restrict(context, ciphers, methods)
    context.set_mode(_MODE)
    # A write makes all of its records in one call: memory takes them all, and calls cost.
    context.clear_mode(_lib.SSL_MODE_ENABLE_PARTIAL_WRITE)
    return context


def server_context(
    identity: Identity,
    *,
    ciphers: str = SECURE,
    methods: Sequence[Version] = SECURE_VERSIONS,
    authorities: Sequence[x509.Certificate] = (),
    require_client: bool = False,
    session_seconds: int = SESSION_SECONDS,
    protocols: Sequence[bytes] = (),
) -> ServerContext:
    """Make the context of a service.

    With `protocols`, a client that says what it wants to speak must say one of them (TlsEnd).

    With `authorities`, clients are asked for a certificate: one must be for clients, in date, and
    signed by one of them; with `require_client`, there must be one. Raises ValueError, with a
    sentence, for what OpenSSL does not take, and for `require_client` without authorities.
    """
    context = policy_context(ciphers, methods)
    context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
    context.set_timeout(session_seconds)
    context.set_session_id(b"mft")  # until a connection gets its own
    _show(context, identity)
    context.certificate = identity.certificate
    context.protocols = protocols
    if authorities:
        _ask_clients(context, authorities, require_client)
    elif require_client:
        raise ValueError("asks for client certificates, and names nobody who may sign them")
    return context


def client_context(
    authorities: Sequence[x509.Certificate] = (),
    *,
    ciphers: str = "",
    methods: Sequence[Version] = SECURE_VERSIONS,
    identity: Identity | None = None,
) -> SSL.Context:
    """Make the context of connections that we make, which believe these authorities.

    Without any, those that the system trusts. Whether a certificate is for the host that was meant,
    who makes the connection must see: a context knows no host. Without `ciphers` they are those of
    OpenSSL. `identity` is shown to who asks for one. Raises ValueError, with a sentence, for what
    OpenSSL does not take.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_options(_OPTIONS)
    context.set_min_proto_version(_NUMBERS[methods[0]][0])
    if ciphers:
        _restrict(context, ciphers, methods)
    context.set_mode(_MODE)
    context.clear_mode(_lib.SSL_MODE_ENABLE_PARTIAL_WRITE)  # as above
    if identity is not None:
        _show(context, identity)
    if authorities:
        _believe(context, authorities)
    else:
        context.set_default_verify_paths()
    context.set_verify_depth(MAX_CHAIN)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    return context


def _restrict(context: SSL.Context, ciphers: str, methods: Sequence[Version]) -> None:
    context.set_options(_left_out(methods))
    context.set_max_proto_version(_NUMBERS[methods[-1]][0])
    chosen = suites.ciphers(ciphers, methods)
    try:
        context.set_cipher_list(chosen.older.encode())
        context.set_tls13_ciphersuites(chosen.newer.encode())
    except SSL.Error:
        raise ValueError("names no cipher that OpenSSL knows") from None


def _show(context: SSL.Context, identity: Identity) -> None:
    try:
        context.use_certificate(identity.certificate)
        for certificate in identity.chain:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(identity.key)
    except SSL.Error as error:
        raise ValueError(f"is not taken by OpenSSL: {_first(error)}") from None


def _left_out(methods: Sequence[Version]) -> int:
    """The options against versions, also those between the oldest and the newest allowed."""
    options = 0
    for version, (_, without) in _NUMBERS.items():
        options |= 0 if version in methods else without
    return options


def _believe(context: SSL.Context, authorities: Sequence[x509.Certificate]) -> None:
    store = cast(crypto.X509Store, context.get_cert_store())
    # Whoever is named may sign, though it is no root itself.
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    for certificate in authorities:
        store.add_cert(crypto.X509.from_cryptography(certificate))


def _ask_clients(
    context: ServerContext, authorities: Sequence[x509.Certificate], required: bool
) -> None:
    _believe(context, authorities)
    for certificate in authorities:
        context.add_client_ca(certificate)
    context.set_verify_depth(MAX_CHAIN)
    context.set_verify(SSL.VERIFY_PEER | (SSL.VERIFY_FAIL_IF_NO_PEER_CERT if required else 0))


def _first(error: SSL.Error) -> str:
    """What OpenSSL says first of an error."""
    told = error.args[0] if error.args else ()
    return str(told[0][2]) if told else "no reason given"


def common_name(certificate: x509.Certificate) -> str:
    """The one CN of the subject; empty when there is none, or more than one."""
    try:
        found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:  # a name that is not as X.509 has it
        return ""
    return str(found[0].value) if len(found) == 1 else ""


def subject(certificate: x509.Certificate) -> str:
    """Whose a certificate is, at most MAX_NAME characters, for an event."""
    return _name(certificate, "subject")


def describe(certificate: x509.Certificate) -> str:
    """Subject, issuer, serial number and last day of a certificate, for an event."""
    until = certificate.not_valid_after_utc.date()
    return (
        f"{subject(certificate)}, signed by {_name(certificate, 'issuer')}, "
        f"number {certificate.serial_number:x}, until {until}"
    )


def _name(certificate: x509.Certificate, which: str) -> str:
    try:
        return str(getattr(certificate, which).rfc4514_string())[:MAX_NAME]
    except ValueError:  # a name that is not as X.509 has it
        return "(a malformed name)"
