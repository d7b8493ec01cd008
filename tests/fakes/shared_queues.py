"""Queues of transfers in a real database, and leases that a test gives and takes."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mft.resources.cluster_database import ClusterDatabase
from mft.resources.cluster_lease_calls import APPEAR
from mft.transfers.shared_database import SharedDatabase
from mft.transfers.shared_queue import SharedQueue
from tests.fakes.cluster_nodes import ask
from tests.fakes.clusters import shared_database
from tests.fakes.threads import Inline

IDLE = 1.0  # seconds that a transaction of a frozen node lasts


class Shared:
    """A database of a cluster, without nodes."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.options = server.options()
        self.database = self.connect()
        database = ClusterDatabase(self.options)
        database.batch([APPEAR(name="none")])  # which makes the tables
        database.close()

    def connect(self) -> SharedDatabase:
        """Connections as one node has them."""
        return SharedDatabase(self.options, Inline(), IDLE)

    def give(self, lease: str, fence: int) -> None:
        """Somebody has a lease from now on."""
        self.ask(
            f"DELETE FROM mft_leases WHERE name = '{lease}'",
            "INSERT INTO mft_leases (name, node, boot, fence, until)"
            f" VALUES ('{lease}', 'a', 'b', {fence}, 9e9)",
        )

    def queue(self, transfer: str = "") -> SharedQueue:
        """The queue of a transfer, of its own unless it is given, whose lease is held."""
        transfer = transfer or str(uuid.uuid4())
        lease = f"transfer/{transfer}"
        self.give(lease, 1)
        made = SharedQueue(self.database, transfer, lease)
        made.fence = 1
        return made

    def ask(self, *statements: str) -> list[Any]:
        """Ask as the administrator."""
        return ask(self.server, *statements)


@contextmanager
def sharing(kind: str) -> Iterator[Shared]:
    """One, as long as the block lasts."""
    with shared_database(kind) as server:
        made = Shared(server)
        yield made
        made.database._engine.dispose()
