"""A TLS client in memory, and the handshake of two connections without a socket."""

from collections.abc import Sequence
from typing import Any

from OpenSSL import SSL

from mft.trust.certificates import Identity

_lib: Any = vars(SSL)["_lib"]  # what pyOpenSSL has no words for


def client_context(
    *versions: int, identity: Identity | None = None, ciphers: str = "ALL:@SECLEVEL=0"
) -> SSL.Context:
    """A client that speaks what it is told to, and believes every server."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_session_cache_mode(SSL.SESS_CACHE_CLIENT)
    context.set_cipher_list(ciphers.encode())
    context.set_min_proto_version(min(versions, default=SSL.TLS1_2_VERSION))
    context.set_max_proto_version(max(versions, default=SSL.TLS1_3_VERSION))
    if identity is not None:
        context.use_certificate(identity.certificate)
        for one in identity.chain:
            context.add_extra_chain_cert(one)
        context.use_privatekey(identity.key)
    return context


def client(context: SSL.Context, session: SSL.Session | None = None) -> SSL.Connection:
    """One connection of a client."""
    made = SSL.Connection(context, None)
    made.set_connect_state()
    if session is not None:
        made.set_session(session)
    return made


def server(context: SSL.Context, session_id: bytes = b"one") -> SSL.Connection:
    """One connection of a server."""
    context.set_session_id(session_id)
    made = SSL.Connection(context, None)
    made.set_accept_state()
    return made


def shake(left: SSL.Connection, right: SSL.Connection) -> None:
    """Shake hands, and let the client see the tickets; raises what either side raises."""
    for _ in range(6):
        for one, other in ((left, right), (right, left)):
            try:
                one.do_handshake()
            except SSL.WantReadError:
                pass
            finally:
                carry(one, other)
    right.send(b"hello")
    carry(right, left)
    assert left.recv(100) == b"hello"


def carry(one: SSL.Connection, other: SSL.Connection) -> None:
    """Bring what one has written to the other."""
    while True:
        try:
            other.bio_write(one.bio_read(1 << 16))
        except SSL.WantReadError:
            return


def met(
    server_side: SSL.Context,
    client_side: SSL.Context,
    session: Any = None,
    session_id: bytes = b"one",
) -> tuple[SSL.Connection, SSL.Connection]:
    """A client and a server that have shaken hands."""
    pair = client(client_side, session), server(server_side, session_id)
    shake(*pair)
    return pair


VERSIONS: Sequence[int] = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)


def resumed(connection: SSL.Connection) -> bool:
    """Whether the handshake took up an earlier session."""
    return bool(_lib.SSL_session_reused(vars(connection)["_ssl"]))


def verdict(connection: SSL.Connection) -> str:
    """What was wrong with the peer's certificate, in OpenSSL's words; empty when nothing was."""
    code = _lib.SSL_get_verify_result(vars(connection)["_ssl"])
    text = vars(SSL)["_ffi"].string(_lib.X509_verify_cert_error_string(code)).decode()
    return "" if code == 0 else text
