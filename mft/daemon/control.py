"""The control socket: how `mft status`, `sessions`, `end` and `bans` reach the running server.

One request line and one answer line of JSON on a Unix socket that only the server's own account
(and root) can open. Requests: `{"do": "status"}`, `{"do": "sessions", "from": 0}`,
`{"do": "end", "session": ID}`, `{"do": "reload"}`, `{"do": "bans", "from": 0}`,
`{"do": "lift", "address": ADDRESS}`, with `"account": NAME` or `"all": true` instead,
`{"do": "remove-codes", "account": ID}`, `{"do": "retry", "handler": ID, "from": SERIAL}`,
`{"do": "quarantine", "from": 0}`, `{"do": "quarantine", "id": ID}`,
`{"do": "release", "id": ID}` with `"replace": true` where it may, `{"do": "reject", "id": ID}`,
both with a `"note"` for the audit trail. Answers:
`{"ok": true, ...}` or `{"ok": false, "error": SENTENCE}`.
"""

import errno
import json
import os
import stat
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IListeningPort, IReactorTime, IReactorUNIX
from twisted.internet.protocol import Factory
from twisted.internet.protocol import Protocol as Connection
from twisted.logger import Logger
from twisted.python.failure import Failure

from mft.core.failure import Refused

SOCKET_NAME: Final = "control.sock"
MAX_LINE: Final = 64 << 10  # bytes of a request or an answer; worst case 64 KiB a connection
MAX_CONNECTIONS: Final = 8  # at once: 1 MiB in all, requests and answers
REQUEST_TIMEOUT: Final = 10.0  # seconds from connecting to the whole request
ANSWER_TIMEOUT: Final = 90.0  # seconds for the answer: ending a session waits for its disk calls
MAX_SOCKET_PATH: Final = 100  # bytes; the kernel takes 107

log = Logger()


class Banned(Protocol):
    """What the control socket asks of those who watch over guessing."""

    async def describe(self) -> list[dict[str, Any]]:
        """Tell of the worst penalties, as values that JSON has."""

    def lift(self, host: str) -> int:
        """Lift what an address or network has; ValueError for what is neither."""

    def lift_account(self, name: str) -> int:
        """Lift what a name has."""

    def lift_all(self) -> int:
        """Lift everything."""


class Quarantined(Protocol):
    """What the control socket asks of those who keep rejected files."""

    async def describe(self) -> tuple[list[dict[str, Any]], bool]:
        """Tell of the files, as values that JSON has, and whether there are more."""

    async def show(self, identifier: str) -> dict[str, Any]:
        """Tell of one file; Refused tells why not."""

    async def release(self, identifier: str, *, replace: bool, note: str) -> str:
        """Put a file where it was meant to be, and give that path; Refused tells why not."""

    async def reject(self, identifier: str, *, note: str) -> str:
        """Delete a file, and give the path that it does not get; Refused tells why not."""


class Controlled(Protocol):
    """What the control socket asks of the running server."""

    @property
    def bans(self) -> Banned:
        """Who is banned."""

    @property
    def quarantines(self) -> Quarantined:
        """What was rejected."""

    def status(self) -> Mapping[str, Any]:
        """Tell of the process and its services, as values that JSON has."""

    def sessions(self) -> list[dict[str, Any]]:
        """Tell of every session, in the order of their logins; each has an `id`."""

    async def end(self, session: str) -> bool:
        """End one session; False when there is none of this id."""

    async def reload(self) -> None:
        """Read server.ini again; Refused says why the running configuration stays."""

    async def retry(self, handler: str, first: int) -> tuple[int, int, int | None]:
        """Try dead letters of an event handler, by its ID, again, from the serial `first` on.

        Tells how many were handled, how many are left, and the serial to go on with, None at the
        end. Refused where it does not run, or is busy.
        """

    async def remove_codes(self, account: str) -> bool:
        """Take away the one-time codes that an account, by its ID, has given itself.

        False when it has none; raises OSError, and then it still has them.
        """


class Answer:
    """Works out the answer to one request line; knows nothing of sockets."""

    def __init__(self, controlled: Controlled) -> None:
        self._controlled = controlled
        self._known: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]] = {
            "status": self._status,
            "sessions": self._sessions,
            "end": self._end,
            "reload": self._reload,
            "bans": self._bans,
            "lift": self._lift,
            "remove-codes": self._remove_codes,
            "retry": self._retry,
            "quarantine": self._quarantine,
            "release": self._release,
            "reject": self._reject,
        }

    async def to(self, line: bytes) -> bytes:
        """Answer one line with one line of at most MAX_LINE bytes; never raises."""
        try:
            answer = await self._to(line)
        except Refused as refused:
            answer = failed(str(refused))
        except Exception:
            log.failure("control socket: a request failed")
            answer = failed("something went wrong inside the server")
        encoded = encode(answer)
        return encoded if len(encoded) <= MAX_LINE else encode(failed("the answer is too long"))

    async def _to(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return failed("the request is not JSON")
        if not isinstance(request, dict):
            return failed("the request is not a JSON object")
        do = request.get("do")
        act = self._known.get(do) if isinstance(do, str) else None
        if act is None:
            return failed(f"unknown request; known are {', '.join(self._known)}")
        return await act(request)

    async def _status(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"ok": True, "status": dict(self._controlled.status())}

    async def _sessions(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return _paged("sessions", self._controlled.sessions(), request)

    async def _bans(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return _paged("bans", await self._controlled.bans.describe(), request)

    async def _quarantine(self, request: Mapping[str, Any]) -> dict[str, Any]:
        quarantines = self._controlled.quarantines
        if "id" in request:
            if not isinstance(request["id"], str):
                return failed('"id" is not the ID of a file in quarantine')
            return {"ok": True, "file": await quarantines.show(request["id"])}
        rows, more = await quarantines.describe()
        return {**_paged("quarantine", rows, request), "more": more}

    async def _release(self, request: Mapping[str, Any]) -> dict[str, Any]:
        identifier, note = request.get("id"), request.get("note", "")
        if not isinstance(identifier, str) or not isinstance(note, str):
            return failed('"id" is not the ID of a file in quarantine')
        replace = request.get("replace") is True
        release = self._controlled.quarantines.release
        return {"ok": True, "path": await release(identifier, replace=replace, note=note)}

    async def _reject(self, request: Mapping[str, Any]) -> dict[str, Any]:
        identifier, note = request.get("id"), request.get("note", "")
        if not isinstance(identifier, str) or not isinstance(note, str):
            return failed('"id" is not the ID of a file in quarantine')
        path = await self._controlled.quarantines.reject(identifier, note=note)
        return {"ok": True, "path": path}

    async def _retry(self, request: Mapping[str, Any]) -> dict[str, Any]:
        handler = request.get("handler")
        if not isinstance(handler, str):
            return failed('"handler" is not the ID of an event handler')
        first = request.get("from", 0)
        if not isinstance(first, int):
            return failed('"from" is not a serial')
        handled, left, following = await self._controlled.retry(handler, first)
        return {"ok": True, "handled": handled, "left": left, "next": following}

    async def _remove_codes(self, request: Mapping[str, Any]) -> dict[str, Any]:
        account = request.get("account")
        if not isinstance(account, str):
            return failed('"account" is not the ID of an account')
        try:
            return {"ok": True, "removed": await self._controlled.remove_codes(account)}
        except OSError as error:
            return failed(f"they cannot be removed: {error.strerror or error}")

    async def _lift(self, request: Mapping[str, Any]) -> dict[str, Any]:
        bans = self._controlled.bans
        address, account = request.get("address"), request.get("account")
        if isinstance(address, str):
            try:
                return {"ok": True, "lifted": bans.lift(address)}
            except ValueError:
                return failed('"address" is neither an IP address nor a network')
        if isinstance(account, str):
            return {"ok": True, "lifted": bans.lift_account(account)}
        if request.get("all") is True:
            return {"ok": True, "lifted": bans.lift_all()}
        return failed("nothing says what is to be lifted")

    async def _end(self, request: Mapping[str, Any]) -> dict[str, Any]:
        session = request.get("session")
        if not isinstance(session, str) or not session:
            return failed('"session" is not the id of a session')
        return {"ok": True, "ended": await self._controlled.end(session)}

    async def _reload(self, request: Mapping[str, Any]) -> dict[str, Any]:
        await self._controlled.reload()
        return {"ok": True}


def failed(sentence: str) -> dict[str, Any]:
    """Make the answer that says why not."""
    return {"ok": False, "error": sentence}


def encode(answer: Mapping[str, Any]) -> bytes:
    """Make one line of ASCII JSON."""
    return json.dumps(answer, separators=(",", ":"), default=str).encode("ascii") + b"\n"


def _paged(name: str, rows: list[dict[str, Any]], request: Mapping[str, Any]) -> dict[str, Any]:
    start = request.get("from", 0)
    if not isinstance(start, int) or start < 0:
        return failed('"from" is not a count')
    return {"ok": True, **page(rows, start, name)}


def page(rows: list[dict[str, Any]], start: int, name: str = "sessions") -> dict[str, Any]:
    """Take as many rows as fit in one line; `next` is where to go on, None at the end.

    What comes or goes between two pages may be missing or told twice.
    """
    taken: list[dict[str, Any]] = []
    room = MAX_LINE - 256  # for what is around the list
    for row in rows[start:]:
        room -= len(encode(row))
        if room < 0 and taken:
            return {name: taken, "next": start + len(taken)}
        taken.append(row)
    return {name: taken, "next": None}


class ControlConnection(Connection):
    """One client of the control socket: a line in, a line out, closed."""

    def __init__(self, factory: "ControlFactory") -> None:
        self._factory = factory
        self._received = bytearray()
        self._asked = False
        self._timeout: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Begin to wait for the request, or close when too many are here already."""
        self._factory.connections.add(self)
        if len(self._factory.connections) > MAX_CONNECTIONS:
            self._drop()
            return
        self._limit(REQUEST_TIMEOUT)

    def dataReceived(self, data: bytes) -> None:
        """Collect the request line; anything after it, or more than MAX_LINE, ends the talk."""
        if self._asked:
            self._drop()
            return
        self._received += data
        line, newline, rest = bytes(self._received[: MAX_LINE + 1]).partition(b"\n")
        if rest or (not newline and len(self._received) > MAX_LINE):
            self._drop()
        elif newline:
            self._asked = True
            self._limit(ANSWER_TIMEOUT)
            Deferred.fromCoroutine(self._answer(line)).addErrback(self._broke)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Forget the connection."""
        self._factory.connections.discard(self)
        self._unlimit()

    async def _answer(self, line: bytes) -> None:
        answer = await self._factory.answer.to(line)
        if self in self._factory.connections and self.transport is not None:
            self.transport.write(answer)
            self.transport.loseConnection()

    def _broke(self, failure: Failure) -> None:
        log.failure("control socket: an answer failed", failure)
        self._drop()

    def _limit(self, seconds: float) -> None:
        self._unlimit()
        self._timeout = self._factory.clock.callLater(seconds, self._drop)

    def _unlimit(self) -> None:
        if self._timeout is not None and self._timeout.active():
            self._timeout.cancel()

    def _drop(self) -> None:
        if self.transport is not None:
            cast(Any, self.transport).abortConnection()


class ControlFactory(Factory):
    """Makes a ControlConnection for every client."""

    noisy = False

    def __init__(self, controlled: Controlled, clock: IReactorTime) -> None:
        self.answer = Answer(controlled)
        self.clock = clock
        self.connections: set[ControlConnection] = set()

    def buildProtocol(self, addr: object) -> ControlConnection:
        """Make the connection's protocol."""
        return ControlConnection(self)


class ControlSocket:
    """The listening socket `state/control.sock`: made owner-only, removed at the end.

    Only a server that holds the instance (its journal's lock) may start one: a socket that a
    killed server left is replaced.
    """

    def __init__(self, state: Path, controlled: Controlled, reactor: Any) -> None:
        self._state = state
        self._controlled = controlled
        self._reactor = reactor
        self._port: IListeningPort | None = None
        self._directory: int | None = None

    def start(self) -> None:
        """Begin to listen; raises OSError or twisted's CannotListenError."""
        remove_stale(self._state / SOCKET_NAME)
        self._directory = os.open(self._state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        name = socket_name(self._state, self._directory)
        factory = ControlFactory(self._controlled, cast(IReactorTime, self._reactor))
        previous = os.umask(0o177)  # the socket is owner-only from its first moment
        try:
            self._port = cast(IReactorUNIX, self._reactor).listenUNIX(
                name, factory, backlog=MAX_CONNECTIONS, mode=0o600
            )
        except BaseException:
            os.close(self._directory)
            self._directory = None
            raise
        finally:
            os.umask(previous)

    async def stop(self) -> None:
        """Stop listening and remove the socket."""
        if self._port is not None:
            stopping = self._port.stopListening()
            if stopping is not None:
                await stopping
            self._port = None
            (self._state / SOCKET_NAME).unlink(missing_ok=True)
        if self._directory is not None:
            os.close(self._directory)
            self._directory = None


def socket_name(state: Path, directory: int) -> str:
    """Name the socket for bind and connect; long paths go through the open directory (Linux)."""
    path = str(state / SOCKET_NAME)
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    return f"/proc/self/fd/{directory}/{SOCKET_NAME}"


def remove_stale(path: Path) -> None:
    """Remove a socket that a killed server left; raises OSError for anything else there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "is in the way of the control socket", str(path))
    path.unlink()
