"""Nodes in memory that share their web sessions: an HTTP service each, and one table of rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mft.auth.options import AccountOptions
from mft.daemon.cluster.shared_web_sessions import SharedWebSessions
from mft.daemon.cluster.web_session_rows import WebSessionRows
from mft.protocols.shared_sessions import SharedSessions
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_server import Answer, HttpClient, HttpServer
from tests.fakes.web_session_rows import SECRET, FakeCluster, RowsInMemory, Table

BEAT = 0.5  # seconds
ANN = account("ann", password=CHEAP_HASH)


class WebNode(HttpServer):
    """An HTTP service of one node."""

    def __init__(
        self,
        directory: Path,
        *accounts: AccountOptions,
        cluster: Callable[[HttpServer], Any],
        rows_of: Callable[..., Any] = WebSessionRows,
        **options: Any,
    ) -> None:
        """`cluster` is given the server, whose reactor it may use."""

        def shared(server: HttpServer) -> SharedSessions:
            return SharedWebSessions(server.bus, server.reactor.seconds, rows_of)

        super().__init__(directory, *(accounts or (ANN,)), shared=shared, **options)
        self.cluster = cluster(self)
        self.sharing.use(self.cluster)

    @property
    def sharing(self) -> SharedWebSessions:
        """What it shares."""
        assert isinstance(self.shared, SharedWebSessions)
        return self.shared

    def visitor(self, token: str) -> HttpClient:
        """A connection that shows a token."""
        client = HttpClient(self, user=None)
        client.show(token)
        return client

    def ask(self, token: str, method: str = "GET", target: str = "/home/") -> Answer:
        """One request, by a connection of its own."""
        client = self.visitor(token)
        answer = client.ask(method, target, b"" if method == "POST" else None)
        client.leave()
        return answer

    def log_in(self, user: str = "ann") -> str:
        """The token of a new web session."""
        client = HttpClient(self, user=None)
        token = client.log_in(user)
        client.leave()
        return token


class WebNodes:
    """Two nodes over rows in memory."""

    def __init__(self, folder: Path, *accounts: AccountOptions, **options: str) -> None:
        self.table = Table()
        names = ("node-0", "node-1")
        self.nodes = [self._made(folder, name, *accounts, **options) for name in names]
        self.beat()

    def _made(self, folder: Path, name: str, *accounts: AccountOptions, **options: str) -> WebNode:
        return WebNode(
            folder / name,
            *accounts,
            cluster=lambda server: FakeCluster(name, SECRET),
            rows_of=lambda cluster, bus: RowsInMemory(self.table, cluster, bus),
            **options,
        )

    def beat(self) -> None:
        """A heartbeat of both."""
        for node in self.nodes:
            node.cluster.beat()

    def wait(self, seconds: float) -> None:
        """Let time pass, with its heartbeats."""
        while seconds > 0:
            self.table.time += BEAT
            for node in self.nodes:
                node.reactor.advance(BEAT)
                node.reactor.settle()
            self.beat()
            seconds -= BEAT

    def away(self, away: bool = True, node: int | None = None) -> None:
        """The database goes, or comes back; for one node or for both."""
        for one in self.nodes if node is None else [self.nodes[node]]:
            one.cluster.away = away

    def told(self, *numbers: int) -> list[tuple[int, str]]:
        """The events of these numbers on both, and of which account."""
        return [
            (one.event.number, one.origin.actor.name)
            for node in self.nodes
            for one in node.told
            if one.event.number in numbers
        ]

    def close(self) -> None:
        """End everything."""
        for node in self.nodes:
            node.close()
