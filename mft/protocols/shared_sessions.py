"""What web sessions ask of a cluster: that those of one node are valid on the others.

A node keeps the sessions that somebody comes to it with. What all nodes share is a record of each,
which knows the digest of its token, never the token.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

from mft.auth.base import MAX_TRACE, Seen
from mft.core.peer import Actor, Address, Component, Origin

MAX_RECORD: Final = 4 * MAX_TRACE  # bytes; what was told of an account may be twice quoted
MAX_IDLE: Final = 1e6  # seconds
_KEYS: Final = frozenset(("service", "actor", "peer", "node", "idle", "seen"))


class Record(NamedTuple):
    """What nodes know of a web session."""

    digest: str  # of its token, in hexadecimal
    service: Component
    actor: Actor
    peer: Address  # from where it began
    node: str  # where it began
    idle: float  # seconds without a request after which it ends
    seen: Seen

    @property
    def origin(self) -> Origin:
        """Who and where its events are told of."""
        return Origin(self.actor, self.peer, self.service)

    def to_bytes(self) -> bytes:
        """All but the digest, as JSON in ASCII."""
        method, account, username, kinds, trace = self.seen
        told = self._asdict()
        del told["digest"]
        told["seen"] = method, account, username, sorted(kinds), trace
        return json.dumps(told).encode("ascii")

    @classmethod
    def read(cls, digest: str, data: bytes) -> "Record":
        """Read what a node has written; raises ValueError, with a sentence, for anything else."""
        if len(data) > MAX_RECORD:
            raise ValueError("is too long")
        try:
            told: Any = json.loads(data)
        except (ValueError, RecursionError):
            raise ValueError("is no JSON") from None
        if not isinstance(told, dict) or told.keys() != _KEYS:
            raise ValueError("has other keys")
        method, account, username, kinds, trace = _list(told["seen"], 5)
        host, port = _list(told["peer"], 2)
        if isinstance(port, bool) or not isinstance(port, int):
            raise ValueError("has a port that is no number")
        idle = told["idle"]
        if not isinstance(idle, float) or not 0 < idle <= MAX_IDLE:
            raise ValueError("has a time that is none")
        if not isinstance(kinds, list):
            raise ValueError("has kinds that are no list")
        proved = frozenset(_text(one) for one in kinds)
        return cls(
            digest,
            Component(*(_text(one) for one in _list(told["service"], 3))),
            Actor(*(_text(one) for one in _list(told["actor"], 3))),
            Address(_text(host), port),
            _text(told["node"]),
            idle,
            Seen(_text(method), _text(account), _text(username), proved, _text(trace)),
        )


def _list(value: Any, count: int) -> list[Any]:
    if not isinstance(value, list) or len(value) != count:
        raise ValueError("has no list where one belongs, or one of another length")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("has something else where text belongs")
    return value


class Here(Protocol):
    """The web sessions that one service of this node keeps."""

    def known(self) -> Sequence[Record]:
        """Those of which other nodes know, or will."""

    def used(self, since: float) -> Sequence[Record]:
        """Those of them of which something was asked since then, by the service's clock."""

    def ended(self, digest: str) -> None:
        """One has ended on another node, which has told it; if it is here."""


class SharedSessions(Protocol):
    """The web sessions of all nodes."""

    @property
    def shares(self) -> bool:
        """Whether there is a cluster at all."""

    @property
    def node(self) -> str:
        """What this node is called in events."""

    def attend(self, here: Here) -> None:
        """Let a service hear of others from now on."""

    def leave(self, here: Here) -> None:
        """Its sessions, if any are left, go on elsewhere."""

    async def keep(self, record: Record, *, again: bool = False) -> None:
        """Let other nodes know of one or, `again`, of what is new of it. Never raises.

        Where the database is away, they hear of it when it is back.
        """

    def waits(self, digest: str) -> bool:
        """Whether others do not know of one yet."""

    async def find(self, digest: str) -> Record | None:
        """One that has not ended on any node; Refused where that cannot be found out now."""

    async def end(self, record: Record) -> bool:
        """End one on all nodes; whether this node is to tell it. Never raises.

        It is not where another node has ended it before, as far as that can be known now.
        """

    async def end_others(
        self, account: str, service: str, but: str, here: Sequence[Record], reason: str
    ) -> None:
        """End all of an account (ID) at a service (ID) but one, and tell it. Never raises.

        `here` are those of this node, which have ended already and of which nothing was told.
        """


class _Alone:
    """There is one node."""

    shares = False
    node = ""

    def attend(self, here: Here) -> None: ...

    def leave(self, here: Here) -> None: ...

    async def keep(self, record: Record, *, again: bool = False) -> None: ...

    def waits(self, digest: str) -> bool:
        return False

    async def find(self, digest: str) -> Record | None:
        return None

    async def end(self, record: Record) -> bool:
        return True

    async def end_others(
        self, account: str, service: str, but: str, here: Sequence[Record], reason: str
    ) -> None: ...


ALONE: Final[SharedSessions] = _Alone()
