"""Talk: one connection to one server, by which names are bound and entries are read.

It speaks LDAPv3 with simple binds only, follows no referral, and blocks: it is used in threads.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ssl import SSLCertVerificationError, SSLContext
from typing import Any, Final

from ldap3 import BASE, DEREF_NEVER, NONE, SAFE_SYNC, SIMPLE, SUBTREE, Connection, Server
from ldap3.core.exceptions import LDAPCommunicationError, LDAPExceptionError

from mft.auth.ldap_entry import Entry, Unusable
from mft.auth.ldap_wire import Wire
from mft.core.failure import Reason, Refused

ANY: Final = "(objectClass=*)"
START_TLS: Final = "1.3.6.1.4.1.1466.20037"
MAX_MESSAGE: Final = 160  # characters of what a server says about a refusal

# Result codes (RFC 4511, appendix A).
SUCCESS: Final = 0
TOO_MANY: Final = 4
# The name or the password is wrong, or the entry may not log in: constraintViolation, noSuchObject,
# invalidDNSyntax, inappropriateAuthentication, invalidCredentials, insufficientAccessRights,
# unwillingToPerform; and referral, for what is elsewhere is not here.
WRONG: Final = frozenset({10, 19, 32, 34, 48, 49, 50, 53})
NOTHING_THERE: Final = frozenset({10, 32, 34, 50})  # nothing that may be seen
# operationsError, busy, unavailable, other: another server may do better.
ILL: Final = frozenset({1, 51, 52, 80})


class Unreachable(Exception):  # noqa: N818 - a fact about a server
    """A server that cannot be used now; the sentence is for the audit trail."""


class _Nowhere(Server):  # type: ignore[misc]  # ldap3 has no types
    """A server that the library never connects to by itself: the socket is ours."""

    def candidate_addresses(self) -> list[Any]:
        return []


class Talk:
    """A connection on which nobody is bound yet."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._connection = Connection(
            _Nowhere("directory", get_info=NONE),
            client_strategy=SAFE_SYNC,
            authentication=SIMPLE,
            user="nobody",
            password="-",  # noqa: S106 - each bind gives its own
            auto_referrals=False,
            auto_range=False,
            auto_escape=False,
            auto_encode=False,
            check_names=False,
            raise_exceptions=False,
        )
        # What `open` of the library would do, without its sockets and its TLS, which verifies less.
        self._connection.socket = wire
        self._connection.closed = False
        self._connection.listening = True
        self._connection.strategy._outstanding = {}  # noqa: SLF001 - only `open` sets it

    @classmethod
    def open(
        cls, host: str, port: int, tls: SSLContext | None, begin_plain: bool, ends: float
    ) -> "Talk":
        """Connect, with TLS unless `tls` is None; raises Unreachable.

        With `begin_plain`, TLS is asked for in clear, and nothing else is said before it.
        """
        try:
            wire = Wire.connect(host, port, ends)
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"cannot connect: {_told(error)}") from None
        try:
            with _working("TLS"):
                if tls is not None and not begin_plain:
                    wire.secure(tls, host)
                talk = cls(wire)
                if tls is not None and begin_plain:
                    talk._start_tls(tls, host)
                return talk
        except BaseException:
            wire.close()
            raise

    def _start_tls(self, tls: SSLContext, host: str) -> None:
        _, result, _, _ = self._connection.extended(START_TLS)
        if result["type"] != "extendedResp" or result["result"] != SUCCESS:
            raise Unreachable(f"the server does not begin TLS: {result['description']}")
        self._wire.secure(tls, host)

    def bind(self, name: str, password: str) -> str | None:
        """Bind; None when the password is right, else what the server says.

        Raises Unreachable, and Refused when no user could log in this way.
        """
        if not name or not password.strip():
            # A bind without one or the other succeeds as nobody (RFC 4513, 5.1).
            raise Refused(Reason.INVALID, "", "a bind without name or password is none")
        self._connection.user = name
        self._connection.password = password.encode()
        try:
            with _working("bind"):
                right, result, _, _ = self._connection.bind(read_server_info=False)
                kind, code = result["type"], result["result"]
                said = _said(result, password)
        finally:
            self._connection.password = b"-"
        if kind != "bindResponse":
            raise Unreachable(f"the answer to a bind is of the type {kind}")
        if right and code == SUCCESS:
            return None
        if code in WRONG:
            return said
        if code in (8, 13):  # strongerAuthRequired, confidentialityRequired
            raise Refused(Reason.BROKEN, "", f"the directory takes no password this way: {said}")
        raise Unreachable(f"the bind was answered: {said}")

    def read(self, dn: str, rule: str, attributes: Sequence[str], secret: str = "") -> Entry | None:
        """Read the entry of a name; None where there is none that matches the filter.

        `secret` is the attribute whose values are hidden, if there is one.
        """
        found = self._search(dn, BASE, rule or ANY, attributes, 2, secret)
        if len(found) > 1:
            raise Unusable("the directory answers with several entries of one name")
        return found[0] if found else None

    def search(
        self, base: str, rule: str, attributes: Sequence[str], limit: int, secret: str = ""
    ) -> tuple[Entry, ...]:
        """Find entries below a name; raises Unusable for more than `limit`."""
        return self._search(base, SUBTREE, rule, attributes, limit, secret)

    def _search(
        self, base: str, scope: str, rule: str, attributes: Sequence[str], limit: int, secret: str
    ) -> tuple[Entry, ...]:
        with _working("search"):
            _, result, answers, _ = self._connection.search(
                base,
                rule,
                search_scope=scope,
                dereference_aliases=DEREF_NEVER,
                attributes=list(attributes) or ["1.1"],
                size_limit=limit,
            )
            code = result["result"]
            if result["type"] != "searchResDone":
                raise Unreachable(f"the answer to a search is of the type {result['type']}")
            found = [one for one in answers or () if one["type"] == "searchResEntry"]
            if code == TOO_MANY or len(found) > limit:
                raise Unusable(f"the directory finds more than {limit}")
            if code in NOTHING_THERE:
                return ()
            if code in ILL:
                raise Unreachable(f"the search was answered: {_said(result)}")
            if code != SUCCESS:
                raise Refused(Reason.BROKEN, "", f"the search was answered: {_said(result)}")
            return tuple(Entry.of(one, attributes, secret) for one in found)

    def again(self, ends: float) -> None:
        """Begin the time of another login."""
        self._wire.again(ends)

    def close(self) -> None:
        """End it; waits for nothing, and never raises."""
        self._wire.close()


@contextmanager
def _working(what: str) -> Iterator[None]:
    """Whatever a server makes the library raise is the server's fault, and no more than that."""
    try:
        yield
    except (Unreachable, Unusable, Refused):
        raise
    except Exception as error:
        raise Unreachable(f"{what} failed: {_told(error)}") from None


def _told(error: Exception) -> str:
    if isinstance(error, SSLCertVerificationError):
        return f"the certificate is refused: {error.verify_message}"
    if isinstance(error, LDAPCommunicationError):
        return str(error)[:MAX_MESSAGE] or type(error).__name__
    if isinstance(error, LDAPExceptionError):
        return type(error).__name__
    if isinstance(error, OSError):
        return str(error.strerror or error)[:MAX_MESSAGE] or type(error).__name__
    return f"what came is not LDAP ({type(error).__name__})"


def _said(result: Any, secret: str = "") -> str:
    """What a server says of a refusal, without anything that it could repeat of a password."""
    message = str(result.get("message") or "")
    if message and (not secret or secret.lower() not in message.lower()):
        shown = "".join(one if one.isprintable() else " " for one in message[:MAX_MESSAGE])
        return f"{result['description']} ({shown.strip()})"
    return str(result["description"])
