"""Answers: what the running server says to one request of the control socket.

Requests: `{"do": "status"}`, `{"do": "sessions", "from": 0}`, `{"do": "end", "session": ID}`,
`{"do": "reload"}`, `{"do": "bans", "from": 0}`, `{"do": "lift", "address": ADDRESS}`, with
`"account": NAME` or `"all": true` instead, `{"do": "remove-codes", "account": ID}`,
`{"do": "retry", "handler": ID, "from": SERIAL}`, `{"do": "quarantine", "from": 0}`,
`{"do": "quarantine", "id": ID}`, `{"do": "release", "id": ID}` with `"replace": true` where it
may, `{"do": "reject", "id": ID}`, both with a `"note"` for the audit trail,
`{"do": "nodes", "from": 0}`, `{"do": "locations", "from": 0}`,
`{"do": "start-location", "location": ID}`,
`{"do": "transfers", "from": 0}`, and with `"transfer": ID`: `"transfer"`, `"run-transfer"`,
`"transfer-run"` with the number of the run in `"run"`, `"stop-transfer"`, `"start-transfer"`;
`{"do": "copy-queue", "name": NAME}` with the name of a file in state/transfers/.
Answers:
`{"ok": true, ...}` or `{"ok": false, "error": SENTENCE}`.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from twisted.logger import Logger

from mft.core.failure import Reason, Refused

MAX_LINE: Final = 64 << 10  # bytes of a request or an answer; worst case 64 KiB a connection

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


class Neighbours(Protocol):
    """What the control socket asks about the nodes of the cluster."""

    def describe(self) -> list[dict[str, Any]]:
        """Tell of every node, as values that JSON has; Refused for a server that is alone."""


class Located(Protocol):
    """What the control socket asks of those who keep locations."""

    def describe(self) -> list[dict[str, Any]]:
        """Tell of every location, as values that JSON has."""

    async def start_anew(self, identifier: str) -> str:
        """Start a location that has failed, by its ID or name, and give its name.

        Refused where there is none.
        """


class Transferring(Protocol):
    """What the control socket asks of those who keep transfers, each by its ID or name.

    Refused where there is none.
    """

    async def describe(self) -> list[dict[str, Any]]:
        """Tell of every transfer, as values that JSON has."""

    async def show(self, identifier: str) -> Mapping[str, Any]:
        """Tell of one, and of its files."""

    def run(self, identifier: str, why: str) -> dict[str, Any]:
        """Run one, and tell of the run."""

    def look_at_run(self, identifier: str, number: int) -> dict[str, Any]:
        """Tell of a run, by its number."""

    async def stop_one(self, identifier: str) -> str:
        """Stop one, and give its name."""

    async def start_anew(self, identifier: str) -> str:
        """Start one that is stopped or has failed, and give its name."""

    async def copy_queue(self, name: str) -> None:
        """Copy the queue that is in a file, by its name, beside it; raises OSError."""


class Controlled(Protocol):
    """What the control socket asks of the running server."""

    @property
    def transfers(self) -> Transferring:
        """What fetches and sends by itself."""

    @property
    def nodes(self) -> Neighbours:
        """The cluster."""

    @property
    def locations(self) -> Located:
        """Where transfers fetch and send."""

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
            "nodes": self._nodes,
            "locations": self._locations,
            "start-location": self._start_location,
            "transfers": self._transfers,
            "transfer": self._transfer,
            "run-transfer": self._run_transfer,
            "transfer-run": self._transfer_run,
            "stop-transfer": self._stop_transfer,
            "start-transfer": self._start_transfer,
            "copy-queue": self._copy_queue,
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

    async def _nodes(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return _paged("nodes", self._controlled.nodes.describe(), request)

    async def _locations(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return _paged("locations", self._controlled.locations.describe(), request)

    async def _start_location(self, request: Mapping[str, Any]) -> dict[str, Any]:
        location = request.get("location")
        if not isinstance(location, str) or not location:
            return failed('"location" is not the ID or name of a location')
        return {"ok": True, "name": await self._controlled.locations.start_anew(location)}

    async def _transfers(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return _paged("transfers", await self._controlled.transfers.describe(), request)

    async def _transfer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        shown = await self._controlled.transfers.show(_transfer_of(request))
        return {"ok": True, "transfer": dict(shown)}

    async def _run_transfer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        run = self._controlled.transfers.run(_transfer_of(request), "mft transfer run")
        return {"ok": True, **run}

    async def _transfer_run(self, request: Mapping[str, Any]) -> dict[str, Any]:
        number = request.get("run")
        if not isinstance(number, int):
            return failed('"run" is not the number of a run')
        found = self._controlled.transfers.look_at_run(_transfer_of(request), number)
        return {"ok": True, **found}

    async def _stop_transfer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = await self._controlled.transfers.stop_one(_transfer_of(request))
        return {"ok": True, "name": name}

    async def _start_transfer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = await self._controlled.transfers.start_anew(_transfer_of(request))
        return {"ok": True, "name": name}

    async def _copy_queue(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request.get("name")
        if not isinstance(name, str):
            return failed('"name" is not the name of a file in state/transfers/')
        try:
            await self._controlled.transfers.copy_queue(name)
        except OSError as error:
            return failed(f"it cannot be copied: {error.strerror or error}")
        return {"ok": True}

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


def _transfer_of(request: Mapping[str, Any]) -> str:
    identifier = request.get("transfer")
    if not isinstance(identifier, str) or not identifier:
        raise Refused(Reason.INVALID, "", '"transfer" is not the ID or name of a transfer')
    return identifier


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
