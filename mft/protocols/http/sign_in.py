"""Who asks: Basic credentials, the token of a web session, or a certificate.

What is proved holds for one connection as long as its requests show the same; a web session holds
for every connection that shows its token. Whatever is wrong is answered in the same words.
"""

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final

from mft.auth.base import Anonymous, Certificate, OneTimeCode, Password
from mft.auth.kinds import ONE_TIME_CODE, PASSWORD, PUBLIC, SSL_CERTIFICATE
from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.http.browsers import login_place, logs_in_by_page
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.same_origin import other_origin
from mft.protocols.http.web_sessions import WebSession
from mft.protocols.sentences import sentence
from mft.session.login import Login, LoginResult
from mft.session.session import Session
from mft.trust.certificates import certificate_pem, fingerprint
from mft.trust.tls import common_name
from mft.wire.http.authorization import Basic, Token, parse_authorization
from mft.wire.http.cookie import cookie, set_cookie

if TYPE_CHECKING:
    from mft.protocols.http.client import Client

REALM: Final = "mft"
BY_SESSION: Final = ("WWW-Authenticate", f'Session realm="{REALM}"')
BY_BASIC: Final = ("WWW-Authenticate", f'Basic realm="{REALM}", charset="UTF-8"')
WRONG: Final = "Authentication is needed."
LATER: Final = "Who asks cannot be found out now."
NO_CODE: Final = Secret("")
OTHER_ORIGIN: Final = "Possible CSRF: the request is from a page of another server."
SECURE_COOKIE: Final = "__Host-mft"  # browsers hold such a name to https and to this host
CLEAR_COOKIE: Final = "mft"

_KEY: Final = secrets.token_bytes(32)  # what was proved is remembered under this only


class SignIn:
    """Who asks on one connection."""

    def __init__(self, client: "Client") -> None:
        self.web: WebSession | None = None  # whose visit the session is
        self.session: Session | None = None
        self._client = client
        self._proof = b""  # what the session was given for
        self._refusals = 0
        self._certificate_refused = False

    async def enter(self, exchange: Exchange) -> bool:
        """Find the session of a request; where there is none, it has been answered: False."""
        secure = self._client.hub.is_secure
        authorization = exchange.head.fields.get("authorization")
        given = parse_authorization(authorization or "")
        token, ambient = None, True
        if isinstance(given, Token):
            token, ambient = given.value, False
        elif authorization is None:
            value = cookie(exchange.head.fields.get("cookie"), cookie_name(secure=secure))
            token = Secret(value) if value else None
        if not self.allows_origin(exchange, ambient=ambient and token is not None):
            return False
        if token is not None:
            return await self._by_token(exchange, token)
        if isinstance(given, Basic):
            return await self._by_password(exchange, given)
        return await self._by_certificate(exchange, authorization)

    async def enter_public(self, exchange: Exchange) -> bool:
        """Let anybody into the area that the service shows; otherwise it has been answered."""
        if not self.allows_origin(exchange, ambient=False):
            return False
        account = self._client.hub.options.public_account_uuid or ""
        proof = _proof(PUBLIC, exchange.source, account)
        if not self._was_given_for(proof):
            await self.leave("the public area on this connection")
            result = await self._login(exchange.source).attempt(Anonymous(account))
            if result.session is None:
                details = result.failure or "the account of the area does not do"
                if not result.barred:
                    self._client.emit(events.HTTP_PUBLIC_REFUSED, p.Details(details))
                exchange.refuse(403, sentence(Reason.DENIED))
                return False
            if not await self._is_here(result.session):
                return False
            self._keep(result.session, proof)
        return self._admit(exchange)

    def allows_origin(self, exchange: Exchange, *, ambient: bool) -> bool:
        """Whether a request is not one of a page of another server; else it has been answered."""
        hub = self._client.hub
        why = other_origin(exchange.head, hub.origins, ambient=ambient, secure=hub.is_secure)
        if why is None:
            return True
        self._client.emit(events.HTTP_OTHER_ORIGIN, p.UriFailed(exchange.uri, why))
        exchange.refuse(400, OTHER_ORIGIN)
        return False

    async def _by_token(self, exchange: Exchange, token: Secret) -> bool:
        hub = self._client.hub
        web = hub.web_sessions.find(token)
        try:
            web = web or await hub.elsewhere.take(token, exchange.source)
        except Refused:  # nobody knows now whether there is one: the client keeps its token
            exchange.refuse(503, LATER)
            return False
        if web is None:
            await self.leave("the web session has ended")
            return self._refuse(exchange, "no such web session")
        if web is not self.web or not self._is_from(exchange.source):
            await self.leave("another session on this connection")
            if web.over:
                return self._refuse(exchange, "the web session has just ended")
            self.web = web
            self._settle(web.visit(exchange.source, self._client.session_ended), b"")
        return self._admit(exchange)

    async def _by_password(self, exchange: Exchange, given: Basic) -> bool:
        password = given.password.reveal()
        if not given.username or not password:
            await self.leave("a request without credentials")
            return self._refuse(exchange, "no name or no password")
        shown = PASSWORD, exchange.source, given.username, password
        if self.session is None or not self._was_given_for(_proof(*shown)):
            await self.leave("another login on this connection")
            result = await self.attempt(exchange.source, given.username, given.password, basic=True)
            if result.session is None:
                return self._refuse(exchange, refusal_of(result, "wrong credentials"))
            if not await self._is_here(result.session):
                return False
            self._keep(result.session, _proof(*shown))
        return self._admit(exchange)

    async def _by_certificate(self, exchange: Exchange, authorization: str | None) -> bool:
        """A certificate does alone, once for each connection, where nothing else was given."""
        certificate = None if authorization is not None else self._certificate("")
        if certificate is None or self._certificate_refused:
            await self.leave("a request without credentials")
            why = "no credentials" if authorization is None else "credentials of another kind"
            return self._refuse(exchange, why)
        proof = _proof(SSL_CERTIFICATE, exchange.source, certificate.fingerprint)
        if not self._was_given_for(proof):
            await self.leave("another login on this connection")
            result = await self._login(exchange.source).attempt(certificate)
            if result.session is None:
                self._certificate_refused = not result.failure
                return self._refuse(exchange, refusal_of(result, "the certificate does not do"))
            if not await self._is_here(result.session):
                return False
            self._keep(result.session, proof)
        return self._admit(exchange)

    async def attempt(
        self,
        source: Address,
        username: str,
        password: Secret,
        code: Secret = NO_CODE,
        *,
        basic: bool = False,
    ) -> LoginResult:
        """Judge a name and a password, with the client's certificate where it has one.

        A one-time code counts where the account has such codes: it is given together with the
        password, so that nobody is half logged in, or hears which of both was wrong. `basic`: the
        password is one of Basic.
        """
        login = self._login(source)
        certificate = self._certificate(username)
        if certificate is not None:
            result = await login.attempt(certificate)
            if result.session is not None or result.failure:
                return result
        result = await login.attempt(Password(username, password, basic=basic))
        if ONE_TIME_CODE in result.missing and code:
            result = await login.attempt(OneTimeCode(username, code))
        return result

    def takes_codes(self, source: Address) -> bool:
        """Whether some account here has one-time codes; not who."""
        return self._login(source).takes_codes

    def _login(self, source: Address) -> Login:
        return self._client.hub.login(source)

    def _certificate(self, username: str) -> Certificate | None:
        """The verified certificate of the client, where one counts here."""
        found = self._client.certificate
        if found is None or not self._client.hub.takes_certificates:
            return None
        name = common_name(found)
        return Certificate(username or name, name, fingerprint(found), pem=certificate_pem(found))

    async def _is_here(self, session: Session) -> bool:
        """Whether the client has waited for its login."""
        if self._client.line.alive and not self._client.leaving:
            return True
        await session.close("the client left during its login")
        return False

    def _was_given_for(self, proof: bytes) -> bool:
        """Whether there is a session, and it was given for just this."""
        return self.session is not None and hmac.compare_digest(proof, self._proof)

    def _is_from(self, source: Address) -> bool:
        return self.session is not None and self.session.origin.peer == source

    def _keep(self, session: Session, proof: bytes) -> None:
        self._client.hub.roster.add(session, self._client.end_by_administrator)
        self._settle(session, proof)
        tell_opened(session)

    def _settle(self, session: Session, proof: bytes) -> None:
        self.session, self._proof = session, proof
        self._refusals = 0
        self._client.has_logged_in(session)

    def _admit(self, exchange: Exchange) -> bool:
        exchange.enter(self.session)
        return True

    def tell_refused(self, exchange: Exchange, details: str | None) -> None:
        """Tell that a request shows nothing that counts; None: it has been told well enough."""
        if details is not None:
            self._client.emit(events.HTTP_UNAUTHENTICATED, p.UriFailed(exchange.uri, details))

    def _refuse(self, exchange: Exchange, details: str | None) -> bool:
        self.tell_refused(exchange, details)
        if logs_in_by_page(exchange.head, exchange.target):
            name = cookie_name(secure=self._client.hub.is_secure)
            has_ended = cookie(exchange.head.fields.get("cookie"), name) is not None
            exchange.redirect(login_place(exchange.target, "ended" if has_ended else ""), 303)
        else:
            self.refuse(exchange, barred=details is None)
        return False

    def refuse(self, exchange: Exchange, message: str = "", *, barred: bool = False) -> None:
        """Answer that credentials are needed; the last answer after too many attempts.

        A `message` is for those who have just tried to log in. Attempts that a policy bars do not
        count: they cost little, and the connections that would follow this one cost more.
        """
        if not barred and (message or "authorization" in exchange.head.fields):
            self._refusals += 1
        options = self._client.hub.options
        most = options.maximum_login_attempts
        if self._refusals >= most:
            self._client.emit(events.LIMIT_REACHED, p.LimitReached("maximum_login_attempts", most))
            exchange.close_after()
        exchange.refuse(
            401, message or WRONG, *challenges(exchange, options.announce_session_authentication)
        )

    async def leave(self, details: str) -> None:
        """The session of this connection ends here; its web session, if it is one, goes on."""
        session, self.session = self.session, None
        web, self.web = self.web, None
        self._proof = b""
        if session is not None:
            if web is None:
                self._client.hub.roster.remove(session)
            await session.close(details)


def challenges(exchange: Exchange, session: bool) -> list[tuple[str, str]]:
    """What a client may show (RFC 9110 11.6.1); neither a script nor a page makes a browser ask."""
    scripted = exchange.head.fields.get("sec-fetch-mode") in ("cors", "same-origin", "no-cors")
    quiet = scripted or logs_in_by_page(exchange.head, exchange.target)
    if quiet:
        return [BY_SESSION]
    # wget 1.21 aborts itself where another that it does not know comes last.
    return [BY_SESSION, BY_BASIC] if session else [BY_BASIC]


def cookie_name(*, secure: bool) -> str:
    """The name of the cookie that holds the token of a web session."""
    return SECURE_COOKIE if secure else CLEAR_COOKIE


def token_cookie(token: Secret, *, secure: bool) -> str:
    """The value of Set-Cookie that gives a browser its token."""
    return set_cookie(cookie_name(secure=secure), token.reveal(), secure=secure)


def no_cookie(*, secure: bool) -> str:
    """The value of Set-Cookie that takes the token away."""
    return set_cookie(cookie_name(secure=secure), "", secure=secure, max_age=0)


def tell_opened(session: Session) -> None:
    """A session has begun."""
    home = session.account.home
    session.emit(events.HTTP_SESSION_OPENED, p.TreeShown(home, "/", home))


def refusal_of(result: LoginResult, otherwise: str) -> str | None:
    """Why a login was refused, for the audit trail; None where a policy has told of it."""
    if result.barred:
        return None
    if ONE_TIME_CODE in result.missing:
        return "the second factor is missing"
    return result.failure or otherwise


def _proof(kind: str, source: Address, name: str, password: str = "") -> bytes:
    """What stands for credentials of a kind: no other kind of them has the same."""
    text = f"{kind}\0{source.host}\0{name}\0{password}"
    # Quicker than HMAC, which also lets other threads in between, at each request.
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=_KEY).digest()
