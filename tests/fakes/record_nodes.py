"""Nodes of a cluster, each with what it knows of accounts, over one real database.

Everything happens at once, in the thread of whoever asks: heartbeats come when a test says so.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from mft.config.kinds import Context
from mft.core.peer import Component
from mft.daemon.cluster.shared_records import Mark, SharedRecords
from mft.daemon.state.own_factors import OwnFactorFiles
from mft.daemon.state.own_passwords import OwnPasswordFiles
from mft.daemon.state.used_codes import UsedCodeFiles
from mft.resources.base import Surroundings
from mft.resources.cluster import Cluster
from mft.resources.cluster_options import ClusterOptions
from mft.resources.trouble import Trouble
from tests.fakes.clusters import shared_database
from tests.fakes.databases import NAME, TYPES
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

SECRET = "a secret of the nodes that nobody guesses"
TABLES = ("mft_nodes", "mft_account_records", "mft_accounts")


class RecordNode:
    """One node, on its own folder; it has not joined before `start`."""

    def __init__(self, folder: Path, server: Any, secret: str = SECRET) -> None:
        self.state = folder / "state"
        self.state.mkdir(parents=True, exist_ok=True)
        self.trail = Trail()
        self.clock = Clock()
        self.disk = Inline()
        self.cut = False  # whether it cannot reach the database
        self.before: Callable[[], object] | None = None  # called once, before it asks for anything
        self.own = OwnPasswordFiles(self.state, self.disk, self.trail)
        self.factors = OwnFactorFiles(self.state, self.disk, self.trail)
        self.used = UsedCodeFiles(self.state, self.disk, self.trail)
        kinds = (self.own.sharing, self.factors.sharing)
        self.shared = SharedRecords(self.state, self.disk, self.trail, kinds, self.used.sharing)
        around = Surroundings(
            Component(folder.name, "server", folder.name),
            folder,
            self.trail,
            self.clock,
            self.disk,
            self.outside,
            self.disk,
            print,
            resource_options=lambda uuid: server.options(),
        )
        given = {"name": "us", "type": "cluster", "database": "shared", "secret": secret}
        given["node_timeout"] = "5m"  # longer than a machine may hold a test up
        options = ClusterOptions.model_validate(given, context=Context(folder))
        self.cluster = Cluster(Component("us-1", "cluster", "us"), options, around)

    async def outside(self, call: Callable[..., Any], /, *words: Any, **named: Any) -> Any:
        """Ask the database, unless that cannot be reached."""
        before, self.before = self.before, None
        if before is not None:
            before()
        if self.cut and getattr(call, "__name__", "") == "batch":
            raise Trouble("ask", "shared", "cut off")
        return call(*words, **named)

    def start(self) -> "RecordNode":
        """Join, and share."""
        run(self.cluster.start())
        self.shared.use(self.cluster)
        return self

    def beat(self, count: int = 1) -> None:
        """Let time pass until the next heartbeat, or several."""
        for _ in range(count):
            self.clock.advance(self.cluster.options.heartbeat_interval)

    def away(self) -> None:
        """Lose the database, and notice."""
        self.cut = True
        self.beat()
        assert self.cluster.away

    def back(self) -> None:
        """Find it again."""
        self.cut = False
        self.beat()
        assert not self.cluster.away

    def settle(self, account: str, mark: Mark) -> None:
        """Do what the round trip of a login does; Refused where it was judged by the past."""
        calls = self.shared.calls_for(account)
        self.shared.hear(account, mark, run(self.cluster.ask(*calls)))

    def stop(self) -> None:
        """Leave."""
        run(self.shared.leave())
        run(self.cluster.stop())


class RecordNodes:
    """As many as a test wants, on a database that has nothing."""

    def __init__(self, folder: Path, server: Any) -> None:
        self.server = server
        self._folder = folder
        self._made: list[RecordNode] = []

    def new(self, name: str, secret: str = SECRET) -> RecordNode:
        """One that has not started; on the folder of the one of the same name before it."""
        made = RecordNode(self._folder / name, self.server, secret)
        self._made.append(made)
        return made

    def start(self, *names: str) -> list[RecordNode]:
        """Some that have joined."""
        return [self.new(one).start() for one in names]

    def sql(self, *statements: str) -> list[Any]:
        """Ask the database as its administrator."""
        self.server.look()
        use = (f"USE {NAME}",) if self.server.kind == "mysql" else ()
        found: list[Any] = self.server.execute(*use, *statements)
        return found

    def close(self) -> None:
        """Let all of them leave, and empty the database."""
        for one in self._made:
            one.cut = False
            one.stop()
        self.sql(*(f"DELETE FROM {table}" for table in TABLES))


@pytest.fixture(scope="module", params=TYPES)
def shared_server(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A database of each kind for the tests of a module."""
    with shared_database(request.param) as server:
        yield server


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Any]:
    """One database, where nothing depends on its kind."""
    with shared_database("postgresql") as server:
        yield server


@pytest.fixture
def few_nodes(postgresql: Any, tmp_path: Path) -> Iterator[RecordNodes]:
    """Nodes of one test on that one."""
    made = RecordNodes(tmp_path, postgresql)
    yield made
    made.close()


@pytest.fixture
def nodes(shared_server: Any, tmp_path: Path) -> Iterator[RecordNodes]:
    """Nodes of one test."""
    made = RecordNodes(tmp_path, shared_server)
    yield made
    made.close()
