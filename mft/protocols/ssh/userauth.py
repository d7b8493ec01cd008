"""SSH authentication (RFC 4252, RFC 4256): password, publickey and keyboard-interactive.

What a peer proves here goes to `session.login`, which judges and tells; this file knows only the
messages. One attempt is judged at a time, and every refusal looks alike.
"""

from collections import deque
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from mft.auth.base import Credentials, OneTimeCode, Password, PublicKey
from mft.auth.kinds import ONE_TIME_CODE, PASSWORD, SSH_KEY
from mft.core.failure import Malformed
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.faults import broke
from mft.session.login import Login, LoginResult
from mft.trust.ssh_certificates import CERTIFICATE_ALGORITHMS, proving_key
from mft.trust.ssh_keys import fingerprint
from mft.wire.buffer import Reader, Writer
from mft.wire.ssh.numbers import Code, Message

if TYPE_CHECKING:
    from mft.protocols.ssh.peer import Peer

METHODS: Final = ("publickey", "password", "keyboard-interactive")
KINDS: Final = {
    "publickey": frozenset((SSH_KEY,)),
    "password": frozenset((PASSWORD,)),
    "keyboard-interactive": frozenset((PASSWORD, ONE_TIME_CODE)),
}
CODE_PROMPT: Final = "One-time code: "
MAX_PENDING: Final = 2  # messages that a peer may send ahead while an attempt is judged
MAX_QUERIES: Final = 40  # keys that a client may ask about: agents hold many, and try them all
MAX_NAME: Final = 150  # characters of a name in an event
MAX_TOLD: Final = 10  # of those that would not do, in one event of about a KiB


class Userauth:
    """The authentication of one connection."""

    def __init__(self, peer: "Peer", login: Login) -> None:
        self.peer = peer
        self._login = login
        self._pending: deque[tuple[int, bytes]] = deque()
        self._judging = False
        self._asked: str | None = None  # who is being asked interactively
        self._for_code = False  # for a one-time code; otherwise for a password
        self._refused = 0
        self._queries = 0
        self._bannered = False
        self._would_not_do: dict[str, str] = {}  # fingerprints, each with what is told of it
        self._for_whom = ""  # who was named with the last of them

    def ended(self) -> None:
        """The connection has ended without a login: the keys that would not do are told at once.

        Clients ask first, and log in with no key of which they hear that; so there is no attempt.
        Of who is banned it is told by the ban, and not by each connection.
        """
        if self._would_not_do and not self._login.barred:
            first = [*self._would_not_do.values()][:MAX_TOLD]
            more = len(self._would_not_do) - len(first)
            told = ", ".join(first) + (f", and {more} more" if more else "")
            failed = p.UserauthFailed(self._for_whom, "publickey", told)
            self.peer.emit(events.SSH_KEYS_REFUSED, failed)

    def message(self, kind: int, payload: memoryview) -> None:
        """Take one message of the authentication protocol."""
        if self._judging:
            if len(self._pending) >= MAX_PENDING:
                raise Malformed("too many authentication messages at once")
            self._pending.append((kind, bytes(payload)))
        elif kind == Message.USERAUTH_REQUEST:
            self._request(Reader(payload[1:]))
        elif kind == Message.USERAUTH_INFO_RESPONSE:
            self._info_response(Reader(payload[1:]))
        else:
            self.peer.unknown_message(kind, payload)

    def _request(self, reader: Reader) -> None:
        name, service, method = reader.string(), reader.string(), reader.string()
        self._asked = None
        if service != b"ssh-connection":
            raise Malformed("authentication for an unknown service")
        try:
            username = name.decode()
        except UnicodeDecodeError:
            self.peer.emit(events.SSH_USERNAME_NOT_UTF8, p.Username(repr(name[:MAX_NAME])))
            self._fail()
            return
        self._banner()
        if method == b"publickey":
            self._public_key(username, name, reader)
        elif method == b"password":
            self._password(username, reader)
        elif method == b"keyboard-interactive":
            self._ask_what_is_missing(username)
        else:
            self._send_failure(frozenset())

    # The three methods.

    def _password(self, username: str, reader: Reader) -> None:
        changing, password = reader.boolean(), reader.string()
        if changing:
            self._fail()
            return
        self._judge_password(username, password)

    def _judge_password(
        self, username: str, password: bytes, *, interactive: bool = False, code: bool = False
    ) -> None:
        try:
            text = password.decode()
        except UnicodeDecodeError:
            self.peer.emit(events.SSH_PASSWORD_NOT_UTF8, p.Nothing())
            self._fail()
            return
        given = (OneTimeCode if code else Password)(username, Secret(text))
        self._judge(given, interactive=interactive)

    def _ask_what_is_missing(self, username: str) -> None:
        """Ask for the password; after a right one, for the code that the account has beside it."""
        self._for_code = self._login.awaits_code(username)
        if self._for_code:
            self._ask(username, "", "", CODE_PROMPT)
        else:
            self._ask(username, *self.peer.hub.password_prompt)

    def _ask(self, username: str, title: str, instruction: str, prompt: str) -> None:
        self._asked = username
        out = Writer()
        for text in (title, instruction, ""):
            out.text(text)
        out.u32(1)
        out.text(prompt)
        out.boolean(False)
        self.peer.send(Message.USERAUTH_INFO_REQUEST, out.finish())

    def _info_response(self, reader: Reader) -> None:
        username, self._asked = self._asked, None
        if username is None:
            raise Malformed("an answer to no question")
        if reader.u32() != 1:
            self._fail()
            return
        self._judge_password(username, reader.string(), interactive=True, code=self._for_code)

    def _public_key(self, username: str, name: bytes, reader: Reader) -> None:
        proven, algorithm, blob = reader.boolean(), reader.string(), reader.string()
        named = algorithm.decode("ascii", "replace")
        plain = CERTIFICATE_ALGORITHMS.get(named, named)
        if plain not in self.peer.hub.user_key_algorithms:
            self._fail()
            return
        try:
            key = proving_key(blob)
        except Malformed as problem:
            self.peer.emit(events.SSH_CLIENT_KEY_UNREADABLE, p.Details(str(problem)))
            self._fail()
            return
        if not proven:
            self._query(PublicKey(username, blob, proven=False), algorithm)
            return
        signature = reader.string()
        signed = Writer()
        signed.string(self.peer.transport.session_id)
        signed.byte(Message.USERAUTH_REQUEST)
        signed.string(name)
        signed.string(b"ssh-connection")
        signed.string(b"publickey")
        signed.boolean(True)
        signed.string(algorithm)
        signed.string(blob)
        # The signature is judged before anybody is asked about the key.
        if not key.verify(signature, signed.finish(), plain):
            self.peer.emit(
                events.SSH_USERAUTH_VIOLATION,
                p.UserauthFailed(username, "publickey", "the signature is not of this key"),
            )
            self._fail()
            return
        self._judge(PublicKey(username, blob, proven=True))

    def _query(self, credentials: PublicKey, algorithm: bytes) -> None:
        self._queries += 1
        if self._queries > MAX_QUERIES:
            self._too_many()
            return

        def known(result: bool) -> None:
            self._judging = False
            if not self.peer.alive:
                return
            if result:
                out = Writer()
                out.string(algorithm)
                out.string(credentials.blob)
                self.peer.send(Message.USERAUTH_PK_OK, out.finish())
            else:
                self._send_failure(frozenset())
            self._next()

        self._judging = True
        self._for_whom = credentials.username[:MAX_NAME]
        asking = Deferred.fromCoroutine(self._would_do(credentials))
        asking.addCallback(known).addErrback(self._broke)

    # Judging. No key gets to the login but through one of these two.

    async def _would_do(self, credentials: PublicKey) -> bool:
        asked = await self._looked_up(credentials)
        would_do = await self._login.would_do(asked)
        if not would_do:
            name = fingerprint(asked.blob)
            self._would_not_do[name] = f"{name} ({asked.revoked})" if asked.revoked else name
        return would_do

    async def _attempt(self, credentials: Credentials) -> LoginResult:
        if isinstance(credentials, PublicKey):
            credentials = await self._looked_up(credentials)
        return await self._login.attempt(credentials)

    async def _looked_up(self, credentials: PublicKey) -> PublicKey:
        """The same, with what the list of revoked keys says of it."""
        revoked = await self.peer.hub.revoked.refusal(credentials.blob)
        return credentials._replace(revoked=revoked)

    def _judge(self, credentials: Credentials, *, interactive: bool = False) -> None:
        self._judging = True
        judging = Deferred.fromCoroutine(self._attempt(credentials))
        judging.addCallback(self._judged, credentials.username if interactive else None)
        judging.addErrback(self._broke)

    def _judged(self, result: LoginResult, interactive: str | None) -> None:
        """Answer; `interactive` is who can be asked for more in the same exchange (RFC 4256 3)."""
        self._judging = False
        if not self.peer.alive:
            if result.session is not None:
                self.peer.session_unused(result.session)
            return
        if result.session is not None:
            self.peer.logged_in_as(result.session)
        elif interactive is not None and self._login.awaits_code(interactive) and result.missing:
            self._ask_what_is_missing(interactive)
        elif result.missing:
            self._send_failure(result.missing, partial=True)
        else:
            self._fail()
        self._next()

    def _broke(self, failure: object) -> None:
        self._judging = False
        identity = broke("a login", failure)
        self.peer.emit(events.SSH_USERAUTH_BROKE, p.UserFailed("", identity))
        if self.peer.alive:
            self.peer.transport.end(Code.BY_APPLICATION, "Login is not possible.")

    def _next(self) -> None:
        while self._pending and not self._judging and self.peer.alive:
            kind, payload = self._pending.popleft()
            if self.peer.logged_in:
                continue
            try:
                self.message(kind, memoryview(payload))
            except Malformed as problem:
                self.peer.transport.end(Code.PROTOCOL_ERROR, str(problem))

    # Answers.

    def _fail(self) -> None:
        self._refused += 1
        if self._refused >= self.peer.hub.options.maximum_login_attempts:
            self._too_many()
        else:
            self._send_failure(frozenset())

    def _too_many(self) -> None:
        self.peer.emit(
            events.LIMIT_REACHED,
            p.LimitReached("maximum_login_attempts", self.peer.hub.options.maximum_login_attempts),
        )
        self.peer.transport.end(Code.NO_MORE_AUTH_METHODS, "Too many login attempts.")

    def _send_failure(self, missing: frozenset[str], *, partial: bool = False) -> None:
        methods = [method for method in METHODS if not missing or KINDS[method] & missing]
        out = Writer()
        out.name_list(methods)
        out.boolean(partial)
        self.peer.send(Message.USERAUTH_FAILURE, out.finish())

    def _banner(self) -> None:
        text = self.peer.hub.options.login_message
        if text and not self._bannered:
            out = Writer()
            out.text(text if text.endswith("\n") else text + "\n")
            out.text("en")
            self.peer.send(Message.USERAUTH_BANNER, out.finish())
        self._bannered = True
