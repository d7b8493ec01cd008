"""The protocol that a TLS client wants to speak (ALPN, RFC 7301): one of ours, or no connection.

Services may show one certificate. A browser that somebody in the middle of the network leads from
one of them to another would take what that one says for an answer of the first, and give it what
is meant for the first (ALPACA, 2021). Whoever says what it wants is held to it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from OpenSSL import SSL

MAX_OFFERED: Final = 32  # names of one client that are looked at; browsers have two
_TAKEN, _REFUSED = 0, 2  # SSL_TLSEXT_ERR_OK, and SSL_TLSEXT_ERR_ALERT_FATAL
_CALLED_AS: Final = (
    "int(SSL *, unsigned char **, unsigned char *, const unsigned char *, unsigned int, void *)"
)
_lib: Any = vars(SSL)["_lib"]
_ffi: Any = vars(SSL)["_ffi"]


def speak_only(context: SSL.Context, names: Sequence[bytes]) -> object:
    """Have the servers of a context speak the first of these that a client offers.

    A client that offers none of them is refused (`no_application_protocol`); one that offers
    nothing is taken as before. What is given must live as long as the context.

    pyOpenSSL's own call copies the rest of the list for each name of it, before any login.
    """
    wanted = frozenset(names)

    def select(ssl: Any, out: Any, size: Any, offered: Any, length: int, _: Any) -> int:
        for at, name in offered_names(bytes(_ffi.buffer(offered, length))):
            if name in wanted:
                out[0] = offered + at
                size[0] = len(name)
                return _TAKEN
        return _REFUSED

    private: Any = context
    called = _ffi.callback(_CALLED_AS, select, error=_REFUSED)
    _lib.SSL_CTX_set_alpn_select_cb(private._context, called, _ffi.NULL)  # noqa: SLF001 - see above
    return called


def offered_names(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The first MAX_OFFERED names in what a client offers, and where each begins."""
    at = 0
    for _ in range(MAX_OFFERED):
        if at >= len(data):
            return
        end = at + 1 + data[at]
        yield at + 1, data[at + 1 : end]
        at = end
