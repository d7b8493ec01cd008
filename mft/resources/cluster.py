"""`type = cluster`: this server as a node among others that share one database."""

import os
import secrets
import socket
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.task import LoopingCall

from mft import __version__
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.resources.base import Surroundings
from mft.resources.cluster_clock import SharedClock, elapsed
from mft.resources.cluster_options import ClusterOptions
from mft.resources.database_options import ServerOptions

if TYPE_CHECKING:
    from mft.resources.cluster_calls import Call, Row
    from mft.resources.cluster_link import Link
    from mft.resources.cluster_nodes import Node

LEFT: Final = "left"  # the state of a node that has said so
FILE: Final = "cluster-instance"  # in state/: which folder this is, for as long as it is there
NOBODY: Final = "-"  # the folder of no node
LENGTH: Final = 32  # characters of its content
MOST_NAME: Final = 190  # characters


class Cluster:
    """The node that this server is; it joins as soon as the database answers."""

    def __init__(self, component: Component, options: ClusterOptions, around: Surroundings) -> None:
        self.component = component
        self.options = options
        self.uuid = _ascii(around.server.uuid)
        self.boot = secrets.token_hex(16)
        self.nodes: list[Node] = []
        self.joined = False
        self.draining = False
        self.clock = SharedClock(around.now)
        self.sessions: Callable[[], int] = int  # how many are open here
        self.on_join: list[Callable[[], object]] = []  # called, each time, once it has joined
        self.on_beat: list[Callable[[], object]] = []  # called after each heartbeat that counted
        self.on_away: list[Callable[[], object]] = []  # called when nothing can be asked any more
        self._around = around
        self._link: Link | None = None
        self._instance = ""
        self._replaced = False
        self._loop = LoopingCall(self._beat_on)
        self._loop.clock = around.clock

    # Life.

    async def start(self) -> None:
        """Join, if the database answers: one that is away keeps nobody from starting.

        Raises Refused where another server lives that has the same UUID.
        """
        if not self.uuid:
            raise Refused(Reason.INVALID, "", "a node needs a uuid of its own in [server]")
        options = self._around.resource_options(self.options.database)
        if not isinstance(options, ServerOptions):
            raise Refused(Reason.NOT_FOUND, "", f"there is no database {self.options.database}")
        folder = self._around.directory / "state"
        self._instance = await self._around.blocking(_instance_of, folder)
        database = await self._around.outside(_open, options)
        self._link = _link(database, self._around.outside, self._database_changed)
        try:
            await self._beat()
            if self._replaced:
                raise Refused(Reason.EXISTS, self.uuid, self._taken())
        except Refused:
            await self._link.close()
            raise
        running = self._loop.start(self.options.heartbeat_interval, now=False)
        running.addErrback(lambda failure: self._around.log(f"cluster: {failure.getTraceback()}"))

    async def stop(self) -> None:
        """Leave: what this node has is free for others at once."""
        if self._loop.running:
            self._loop.stop()
        link = self._link
        if link is None:
            return
        if self.joined and not link.away:
            from mft.resources.cluster_nodes import BEAT

            try:
                await link.ask(BEAT(node=self.uuid, this=self.boot, doing=LEFT, open=0))
            except Refused as refused:
                self._around.log(f"cluster: leaving: {refused}")
        self.joined = False
        await link.close()

    # For those who share something.

    @property
    def away(self) -> bool:
        """Whether nothing can be asked now."""
        return self._link is None or self._link.away or not self.joined

    async def ask(self, *calls: "Call", key: str = "") -> "list[list[Row]]":
        """Ask the database, as `Link.ask` does; Refused while this node has not joined."""
        if self._link is None or not self.joined:
            raise Refused(Reason.BROKEN, self.component.name, self._why_not())
        return await self._link.ask(*calls, key=key)

    @property
    def state(self) -> str:
        """How this node is, in a word."""
        if self.joined:
            return "away" if self.away else "joined"
        return "replaced" if self._replaced else "away"

    @property
    def ahead(self) -> float:
        """By how many seconds the clock of the database is ahead of ours."""
        return self.clock.ahead

    @property
    def living(self) -> "list[Node]":
        """The nodes that live, as of the last heartbeat."""
        return [one for one in self.nodes if one.is_alive(self.options.node_timeout)]

    def describe(self) -> list[dict[str, Any]]:
        """What `mft nodes` shows."""
        timeout = self.options.node_timeout
        return [one.describe(timeout, here=one.boot == self.boot) for one in self.nodes]

    def _why_not(self) -> str:
        if self._replaced:
            return self._taken()
        return "the database that the nodes share is away"

    def _taken(self) -> str:
        return f"another server is the node {self.uuid}: each needs a uuid of its own in [server]"

    # Heartbeats.

    async def _beat_on(self) -> None:
        """A heartbeat that nothing ends: a fault of ours must not make this node dead."""
        try:
            await self._beat()
        except Exception:
            self._around.log(f"cluster: a heartbeat: {traceback.format_exc()}")

    async def _beat(self) -> None:
        from mft.resources.cluster_nodes import BEAT, DRAINING, EVERY, SETTLE, UP

        link = self._link
        if link is None:
            return
        try:
            if not self.joined:
                await self._join(link)
                return
            doing = DRAINING if self.draining else UP
            beat = BEAT(node=self.uuid, this=self.boot, doing=doing, open=self.sessions())
            asked = elapsed()
            self._hear((await link.ask(beat, SETTLE(), EVERY(), probe=True))[-1], asked)
        except Refused:
            return  # which is told
        if not self._is_there:
            self._lose()
            return
        for hear in self.on_beat:
            hear()

    async def _join(self, link: "Link") -> None:
        """Take the row of this node, unless another server that lives has it."""
        from mft.resources.cluster_nodes import APPEAR, EVERY, JOIN

        join = JOIN(
            node=self.uuid,
            folder=self._instance,
            # Who has taken our place is of our folder too: it keeps it for as long as it lives.
            before=NOBODY if self._replaced else self._instance,
            this=self.boot,
            timeout=self.options.node_timeout,
            called=_ascii(self._around.server.name),
            on=_ascii(socket.gethostname()),
            program=__version__,
        )
        asked = elapsed()
        rows = (await link.ask(APPEAR(uuid=self.uuid), join, EVERY(), probe=True))[-1]
        self._hear(rows, asked)
        if not self._is_there:
            self._lose()
            return
        self.joined, self._replaced = True, False
        self._tell(events.NODE_JOINED, p.Node(self.uuid))
        for hear in self.on_join:
            hear()

    @property
    def _is_there(self) -> bool:
        return any(one.boot == self.boot for one in self.nodes)

    def _hear(self, rows: "Sequence[Row]", asked: float) -> None:
        from mft.resources.cluster_nodes import node_of

        before = {one.boot for one in self.living}
        self.nodes = [node_of(row) for row in rows]
        if rows:
            self.clock.hear(rows[0][-1], asked, elapsed())
        for one in self.nodes:
            if one.boot in before and not one.is_alive(self.options.node_timeout):
                event = events.NODE_LEFT if one.state == LEFT else events.NODE_DEAD
                self._tell(event, p.Node(one.uuid))

    def _lose(self) -> None:
        """Another process has the row: nothing that this one does counts any more."""
        self.joined = False
        if not self._replaced:
            self._replaced = True
            self._tell(events.NODE_REPLACED, p.NodeFailed(self.uuid, self._taken()))
            self._is_away()

    def _database_changed(self, away: bool, details: str) -> None:
        name = self.component.name
        if away:
            self._tell(events.CLUSTER_AWAY, p.Failed(name, details))
            self._is_away()
        else:
            self._tell(events.CLUSTER_BACK, p.Cluster(name))

    def _is_away(self) -> None:
        for hear in self.on_away:
            hear()

    def _tell(self, event: Any, payload: Any) -> None:
        self._around.bus.emit(event, payload)


def _open(options: ServerOptions) -> Any:
    """Import in a thread what takes a while, and only where there is a cluster."""
    from mft.resources.cluster_database import ClusterDatabase

    return ClusterDatabase(options)


def _link(database: Any, outside: Any, changed: Callable[[bool, str], object]) -> "Link":
    from mft.resources.cluster_link import Link

    return Link(database, outside, changed)


def _instance_of(state: Path) -> str:
    """The name of this folder, which it keeps: a copy of its configuration has another one."""
    file = state / FILE
    with suppress(FileNotFoundError):
        found = file.read_text("ascii", "replace")
        if len(found) == LENGTH:
            return found
    made, beside = secrets.token_hex(LENGTH // 2), file.with_name(f"{FILE}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="ascii") as opened:
        opened.write(made)
    beside.replace(file)
    return made


def _ascii(text: str) -> str:
    """Text that every database takes: printable, and of one length for all."""
    plain = text.encode("ascii", "backslashreplace").decode()
    return "".join(one if one.isprintable() else "?" for one in plain)[:MOST_NAME]
