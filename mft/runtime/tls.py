"""TLS over memory: ciphertext in, plain bytes out, and the reverse, on buffers that are reused.

pyOpenSSL's own calls allocate and copy, and look at much besides, each time. Where its bindings are
as we know them, OpenSSL reads and writes our buffers directly; else its public calls serve.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from OpenSSL import SSL

from mft.wire.tls_hello import HelloReader

_lib: Any = getattr(SSL, "_lib", None)
_ffi: Any = getattr(SSL, "_ffi", None)
_CALLS: Final = (
    "SSL_read",
    "SSL_write",
    "SSL_get_error",
    "BIO_read",
    "BIO_write",
    "BIO_get_mem_data",
    "BIO_new",
    "BIO_new_mem_buf",
    "BIO_s_mem",
    "BIO_set_mem_eof_return",
    "SSL_set_bio",
    "ERR_clear_error",
)
DIRECT: Final = all(hasattr(_lib, name) for name in _CALLS) and hasattr(_ffi, "from_buffer")
RECORD: Final = 16 << 10  # bytes of plain text in one record (RFC 8446 5.1)
OVERHEAD: Final = 29  # bytes of a record beside its text, with the ciphers of today
TLS_1_3: Final = "TLSv1.3"
# A fatal alert, no_application_protocol (RFC 7301 3.2), in a record of its own.
_OTHER_PROTOCOL: Final = b"\x15\x03\x03\x00\x02\x02\x78"

# SSL_get_error(3): more has to come first, or close_notify came.
_WANTS_READ: Final = 2
_ZERO_RETURN: Final = 6


def most_sealed(size: int) -> int:
    """Bytes that so much plain text needs in whole records."""
    return size + (size // RECORD + 1) * OVERHEAD


class TlsError(Exception):
    """The peer broke TLS; the text is for the audit trail."""


class TlsEnd:
    """The server's side of one TLS connection.

    Sessions that it gives out are taken up again only by engines of the same `session_id`, in TLS
    1.2 and 1.3 alike; others get a full handshake. Services may show one certificate: a client that
    says what it wants to speak must want a protocol of its context, where that has any. Otherwise
    somebody in the middle could lead a browser to another service than it means (ALPACA, 2021).
    """

    __slots__ = (
        "_borrows",
        "_connection",
        "_direct",
        "_from",
        "_hello",
        "_into",
        "_protocols",
        "_ssl",
        "closed",
        "established",
        "finished",
    )

    # Whether what is left to say behind its handshake (tickets) is nothing that the peer waits for.
    tells_after: ClassVar[bool] = True

    def __init__(self, context: Any, session_id: bytes, *, direct: bool = DIRECT) -> None:
        context.set_session_id(session_id)  # what is made of the context next has it
        connection = SSL.Connection(context, None)
        connection.set_accept_state()
        self._begin(connection, direct, getattr(context, "protocols", ()))

    def _begin(
        self, connection: SSL.Connection, direct: bool, protocols: Sequence[bytes] = ()
    ) -> None:
        self._connection = connection
        self._direct = direct
        private: Any = self._connection
        self._ssl = private._ssl if direct else None  # noqa: SLF001 - see DIRECT
        self._from = private._from_ssl if direct else None  # noqa: SLF001 - see DIRECT
        self._into = private._into_ssl if direct else None  # noqa: SLF001 - see DIRECT
        self._protocols = protocols  # that clients may want to speak; empty: any
        self._hello = HelloReader() if protocols else None  # until what a client wants is known
        self._borrows = False  # whether what comes is read where it is, or was the last time
        self.established = False
        self.closed = False  # the peer has said that it sends no more (close_notify)
        self.finished = False  # we have

    # The peer's bytes.

    def lend(self, view: memoryview) -> None:
        """Take ciphertext, whole records or not; the view is read until `settle`.

        A large one is read where it is: OpenSSL would clear memory of its own, and copy it there.
        """
        if not (self._direct and self.established and len(view) > RECORD and self._has_read_all):
            self.feed(view)
            return
        self._read_from(_lib.BIO_new_mem_buf(_ffi.from_buffer(view), len(view)), borrows=True)
        _lib.BIO_set_mem_eof_return(self._into, -1)  # at its end there is more to come

    def settle(self) -> None:
        """Have done with the view that was lent: what was not read of it is copied."""
        if self._borrows and not self._has_read_all:
            self._own()

    def _own(self) -> None:
        """Have OpenSSL read from memory of its own again, beginning with what it has not read."""
        start = _ffi.new("char **")
        count = _lib.BIO_get_mem_data(self._into, start)
        rest = bytes(_ffi.buffer(start[0], count)) if count else b""
        self._read_from(_lib.BIO_new(_lib.BIO_s_mem()), borrows=False)
        if rest:
            self.feed(memoryview(rest))

    @property
    def _has_read_all(self) -> bool:
        """Whether nothing waits to be read by OpenSSL; a part of a record does not count."""
        return not _lib.BIO_get_mem_data(self._into, _ffi.NULL)

    def _read_from(self, source: Any, *, borrows: bool) -> None:
        """Have OpenSSL read from another BIO, which it frees with the next or at the end."""
        if source == _ffi.NULL:
            raise MemoryError("OpenSSL has no room for what came")
        _lib.SSL_set_bio(self._ssl, source, self._from)
        private: Any = self._connection
        private._into_ssl = self._into = source  # noqa: SLF001 - what it knew is freed
        self._borrows = borrows

    def feed(self, view: memoryview) -> None:
        """Take ciphertext, whole records or not; the view is copied."""
        if self._borrows:
            self._own()
        if self._hello is not None:
            self._hello.take(view)
        if not self._direct:
            self._connection.bio_write(view)
        elif _lib.BIO_write(self._into, _ffi.from_buffer(view), len(view)) < len(view):
            raise MemoryError("OpenSSL has no room for what came")

    def handshake(self) -> bool:
        """Go on with the handshake; whether it is done. TlsError when it cannot be."""
        self._check_wanted()
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            raise TlsError(told(error)) from None
        self.established = True
        return True

    def _check_wanted(self) -> None:
        """Refuse a client that wants another protocol, as soon as it has said so."""
        hello = self._hello
        if hello is None or not hello.done:
            return
        self._hello = None
        if hello.too_long:
            raise TlsError("a hello that is too long")
        if hello.offered and set(hello.offered).isdisjoint(self._protocols):
            if self._direct:
                _lib.BIO_write(self._from, _OTHER_PROTOCOL, len(_OTHER_PROTOCOL))
            raise TlsError("the client wants to speak another protocol (ALPN)")

    def open_into(self, view: memoryview) -> int:
        """Put plain bytes into the view: how many; fewer than fit when more ciphertext is needed.

        And at the end. Raises TlsError when the peer sends what is not TLS, or not its.
        """
        if self.closed:
            return 0
        if not self._direct:
            return self._open_politely(view)
        ssl, room, at, size = self._ssl, _ffi.from_buffer(view), 0, len(view)
        read = _lib.SSL_read
        _lib.ERR_clear_error()  # SSL_get_error(3) of OpenSSL 3 also sees what others left there
        while at < size:
            count = read(ssl, room + at, size - at)
            if count <= 0:
                self._stopped(count)
                break
            at += count
        return at

    def _stopped(self, count: int) -> None:
        code = _lib.SSL_get_error(self._ssl, count)
        if code == _ZERO_RETURN:
            self.closed = True
        elif code != _WANTS_READ:
            raise self._failure(count)

    def _failure(self, count: int) -> TlsError:
        # It is kept nowhere here: in a cycle with the frame of a caller, which has lent a view to
        # OpenSSL, it would break Python's collector.
        try:
            private: Any = self._connection
            private._raise_ssl_error(self._ssl, count)  # noqa: SLF001 - see DIRECT
        except SSL.Error as error:
            return TlsError(told(error))
        return TlsError(told(SSL.Error()))

    def _open_politely(self, view: memoryview) -> int:
        at = 0
        try:
            while at < len(view):
                at += self._connection.recv_into(view[at:])
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.closed = True
        except SSL.Error as error:
            raise TlsError(told(error)) from None
        return at

    # Our bytes.

    def seal(self, view: memoryview) -> None:
        """Make records of plain bytes; until `take_into` gives them OpenSSL holds them all."""
        if not self._direct:
            self._seal_politely(view)
            return
        ssl, plain, at, size = self._ssl, _ffi.from_buffer(view), 0, len(view)
        _lib.ERR_clear_error()  # as above
        while at < size:
            count = _lib.SSL_write(ssl, plain + at, size - at)
            if count <= 0:
                raise self._failure(count)
            at += count

    def _seal_politely(self, view: memoryview) -> None:
        while len(view):
            try:
                view = view[self._connection.send(view) :]
            except SSL.Error as error:
                raise TlsError(told(error)) from None

    @property
    def has_sealed(self) -> bool:
        """Whether there may be ciphertext for the peer."""
        return not self._direct or _lib.BIO_get_mem_data(self._from, _ffi.NULL) > 0

    def take_into(self, view: memoryview) -> int:
        """Put ciphertext for the peer into the view: how many bytes, 0 when there are none."""
        if self._direct:
            return max(0, int(_lib.BIO_read(self._from, _ffi.from_buffer(view), len(view))))
        try:
            data = self._connection.bio_read(len(view))
        except SSL.WantReadError:
            return 0
        view[: len(data)] = data
        return len(data)

    def close_notify(self) -> None:
        """Say that we send no more, once, and when the handshake is done."""
        if not self.established or self.finished:
            return  # a second SSL_shutdown would throw away what the peer still sends
        self.finished = True
        try:
            self._connection.shutdown()
        except SSL.Error:
            return  # there is nobody left to tell

    def leftover(self) -> bytes:
        """What came behind the peer's close_notify: bytes in clear, after CCC (RFC 4217 12.3).

        Empty where OpenSSL is not called directly: no public call gives them.
        """
        rest = b""
        if not self._direct:
            return rest
        room = bytearray(RECORD)
        while (count := _lib.BIO_read(self._into, _ffi.from_buffer(room), len(room))) > 0:
            rest += room[:count]
        return rest

    # What was agreed on.

    @property
    def resumed(self) -> bool:
        """Whether the peer took up a session that an engine of the same id gave out."""
        if _lib is None or not hasattr(_lib, "SSL_session_reused"):
            return False
        private: Any = self._connection
        return bool(_lib.SSL_session_reused(private._ssl))  # noqa: SLF001 - no public call tells

    @property
    def version(self) -> str:
        """The version of TLS, such as TLS_1_3, once it is agreed on."""
        return self._connection.get_protocol_version_name()

    @property
    def cipher(self) -> str:
        """Protocol and cipher, such as `TLSv1.3 TLS_AES_256_GCM_SHA384`; empty before."""
        if not self.established:
            return ""
        name = self._connection.get_cipher_name()
        return f"{self._connection.get_protocol_version_name()} {name}"

    @property
    def peer_certificate(self) -> Any:
        """The peer's certificate (`cryptography.x509.Certificate`), or None."""
        return self._connection.get_peer_certificate(as_cryptography=True)


class TlsStart(TlsEnd):
    """The client's side: it speaks first."""

    __slots__ = ()

    tells_after = False  # the end of its handshake is what a server waits for

    def __init__(
        self,
        connection: SSL.Connection,
        session: SSL.Session | None = None,
        *,
        direct: bool = DIRECT,
    ) -> None:
        """`connection` is to connect, and judges certificates; `session` is one to take up."""
        if session is not None:
            connection.set_session(session)
        self._begin(connection, direct)

    @property
    def session(self) -> SSL.Session | None:
        """The session as it is now, for another connection to take up.

        In TLS 1.3 it can be taken up once a ticket has come, behind the handshake.
        """
        return self._connection.get_session() if self.established else None

    def keep_session(self) -> None:
        """Let its session be taken up again, though the connection is cut (RFC 5246 7.2.1).

        Without a close_notify on either side, OpenSSL would let nobody have it any more.
        """
        if self.established:
            self._connection.set_shutdown(self._connection.get_shutdown() | SSL.SENT_SHUTDOWN)


def told(error: SSL.Error) -> str:
    """OpenSSL's own words for what went wrong."""
    found = error.args[0] if error.args and isinstance(error.args[0], list) else []
    reasons = [str(entry[-1]) for entry in found if entry and entry[-1]]
    return "; ".join(reasons) or "the TLS connection broke off"
