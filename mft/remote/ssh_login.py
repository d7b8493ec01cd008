"""Logging in to an SSH server (RFC 4252, RFC 4256): by key, by password, or by both.

Each method is tried once, and only while the server says that it may still lead in: a password
that is refused is not tried until an account is locked.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from mft.core.failure import Malformed, Reason, Refused
from mft.core.secret import Secret
from mft.remote.ssh_above import shown
from mft.runtime.bell import Bell
from mft.trust.ssh_keys import HostKey
from mft.wire.buffer import Reader, Writer
from mft.wire.ssh.numbers import Message

SERVICE: Final = "ssh-userauth"
MAX_WAITING: Final = 8  # messages of a server that we have not looked at; it speaks in turn
MAX_BANNERS: Final = 20
MAX_QUESTIONS: Final = 5  # rounds of keyboard-interactive; one of them may ask
MAX_ATTEMPTS: Final = 6  # of all methods together: three, each before and after another


class Credentials(NamedTuple):
    """What proves who we are."""

    username: str
    password: Secret
    key: HostKey | None
    old_rsa: bool  # RSA keys may sign with SHA-1, where the server takes nothing else


class Way(Protocol):
    """What a login needs of its connection."""

    where: str

    @property
    def session(self) -> bytes:
        """The session's ID, which signatures are bound to."""

    @property
    def signature_algorithms(self) -> tuple[str, ...] | None:
        """The signatures that the server takes; None where it does not say."""

    def send(self, payload: bytes) -> None:
        """Send a message."""


class Answers:
    """What the server says while we log in, for the one coroutine that does."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._bell = Bell()
        self._lost: Refused | None = None
        self._banners = 0

    def put(self, payload: memoryview) -> None:
        """Keep a message; raises Malformed for one too many."""
        if payload[0] == Message.USERAUTH_BANNER:
            self._banners += 1
            if self._banners > MAX_BANNERS:
                raise Malformed(f"more than {MAX_BANNERS} banners")
            return
        if len(self._waiting) >= MAX_WAITING:
            raise Malformed("it answers what was not asked during the login")
        self._waiting.append(bytes(payload))
        self._bell.ring()

    def lose(self, refused: Refused) -> None:
        """Nothing more comes."""
        self._lost = refused
        self._bell.ring()

    async def take(self) -> Reader:
        """Wait for the next message; its number comes first. Raises Refused."""
        while not self._waiting:
            if self._lost is not None:
                raise self._lost
            await self._bell.rung()
        return Reader(self._waiting.popleft())


class _Failure(NamedTuple):
    """The server's no: what may go on, and whether something was accepted."""

    methods: Sequence[str]
    partial: bool


async def log_in(way: Way, answers: Answers, credentials: Credentials) -> None:
    """Log in. Raises Refused(DENIED) when the server does not let us in, Malformed."""
    await _Login(way, answers, credentials).run()


class _Login:
    def __init__(self, way: Way, answers: Answers, credentials: Credentials) -> None:
        self._way = way
        self._answers = answers
        self._own = credentials
        self._refused: list[str] = []  # the methods that led nowhere, in order

    async def run(self) -> None:
        self._way.send(_message(Message.SERVICE_REQUEST, SERVICE))
        reader = await self._answers.take()
        if reader.byte() != Message.SERVICE_ACCEPT:
            raise Malformed("it does not answer the request for a login")
        may: Sequence[str] = self._ours()
        for _ in range(MAX_ATTEMPTS):
            method = next((each for each in self._ours() if each in may), None)
            if method is None or method in self._refused:
                break
            failure = await self._try(method)
            if failure is None:
                return
            # What was accepted in part is not given again; what was refused never is.
            self._refused.append(method)
            may = [each for each in failure.methods if each not in self._refused]
        raise self._denied(", ".join(self._refused) or "nothing that we have")

    def _denied(self, tried: str) -> Refused:
        details = f"the server does not let {self._own.username} in; tried: {tried}"
        return Refused(Reason.DENIED, self._way.where, details)

    def _ours(self) -> tuple[str, ...]:
        by_key = ("publickey",) if self._own.key is not None else ()
        by_word = ("password", "keyboard-interactive") if self._own.password else ()
        return tuple(each for each in (*by_key, *by_word) if each not in self._refused)

    async def _try(self, method: str) -> _Failure | None:
        """One attempt; None is success."""
        if method == "publickey":
            return await self._by_key()
        if method == "password":
            self._way.send(self._request(method, False) + _packed(self._own.password.reveal()))
            return await self._outcome(Message.USERAUTH_PASSWD_CHANGEREQ)
        return await self._interactive()

    def _request(self, method: str, *more: bool | str | bytes) -> bytes:
        words = self._own.username, "ssh-connection", method
        return _message(Message.USERAUTH_REQUEST, *words, *more)

    async def _outcome(self, change: int = 0) -> _Failure | None:
        reader = await self._answers.take()
        return self._judge(reader.byte(), reader, change)

    def _judge(self, kind: int, reader: Reader, change: int = 0) -> _Failure | None:
        if kind == Message.USERAUTH_SUCCESS:
            return None
        if kind == Message.USERAUTH_FAILURE:
            return _Failure(reader.name_list(), reader.boolean())
        if change and kind == change:
            raise Refused(Reason.DENIED, self._way.where, "the server wants another password set")
        raise Malformed(f"message {kind} during the login")

    async def _by_key(self) -> _Failure | None:
        key = self._own.key
        algorithm = self._algorithm(key)
        if key is None or algorithm is None:
            return _Failure(self._ours(), False)
        request = self._request("publickey", True, algorithm, key.public.blob)
        signature = key.sign(_packed(self._way.session) + request, algorithm)
        self._way.send(request + _packed(signature))
        return await self._outcome()

    def _algorithm(self, key: HostKey | None) -> str | None:
        """What our key signs by; None where the server takes nothing that it can make."""
        if key is None:
            return None
        made = key.algorithms
        taken = self._way.signature_algorithms
        if taken is None:  # servers of before RFC 8308 know the SHA-1 signature only
            old = self._own.old_rsa and key.public.type == "ssh-rsa"
            return "ssh-rsa" if old else made[0]
        chosen = next((name for name in made if name in taken), None)
        if chosen is None and self._own.old_rsa and "ssh-rsa" in key.public.algorithms:
            chosen = "ssh-rsa"
        return chosen

    async def _interactive(self) -> _Failure | None:
        """Answer the one question after the password; whatever else is asked is not ours."""
        self._way.send(self._request("keyboard-interactive", "", ""))
        asked = False
        for _ in range(MAX_QUESTIONS):
            reader = await self._answers.take()
            kind = reader.byte()
            if kind != Message.USERAUTH_INFO_REQUEST:
                return self._judge(kind, reader)
            for _ in range(3):
                reader.view()  # title, instruction, language
            count = reader.u32()
            if count > 1 or (count and asked):
                question = shown(reader.string())
                details = f"the server asks for more than a password: {question}"
                raise Refused(Reason.DENIED, self._way.where, details)
            asked = asked or bool(count)
            words = (self._own.password.reveal(),) if count else ()
            out = Writer(bytes((Message.USERAUTH_INFO_RESPONSE,)))
            out.u32(len(words))
            self._way.send(out.finish() + b"".join(_packed(word) for word in words))
        raise Malformed("it asks without end")


def _packed(value: bool | str | bytes) -> bytes:
    out = Writer()
    if isinstance(value, bool):
        out.boolean(value)
    elif isinstance(value, str):
        out.text(value)
    else:
        out.string(value)
    return out.finish()


def _message(kind: int, *values: bool | str | bytes) -> bytes:
    return bytes((kind,)) + b"".join(_packed(value) for value in values)
