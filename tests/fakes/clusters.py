"""A node of a cluster in this process, and databases that nodes may share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mft.core.peer import Component
from mft.resources.base import Surroundings
from mft.resources.cluster import Cluster
from mft.resources.cluster_options import ClusterOptions
from tests.fakes.databases import NAME, USER, running
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

DATABASE = "shared"  # the ID of the resource


@contextmanager
def shared_database(kind: str) -> Iterator[Any]:
    """A real database that nodes may share."""
    with running(kind) as database:
        if kind == "mysql":
            database.execute(f"GRANT ALL ON {NAME}.* TO {USER}@'%'")
        try:
            yield database
        finally:
            database.look()


def empty(database: Any) -> None:
    """Leave no table in it."""
    if database.kind == "mysql":
        database.execute(f"DROP DATABASE {NAME}", f"CREATE DATABASE {NAME}")
    else:
        database.execute(f"DROP OWNED BY {USER}", f"GRANT CREATE ON SCHEMA public TO {USER}")


class Node:
    """A node that a test starts, in a folder of its own."""

    def __init__(
        self, reactor: Any, database: Any, folder: Path, uuid: str = "node-1", **given: str
    ) -> None:
        (folder / "state").mkdir(parents=True, exist_ok=True)
        told = {"name": "cluster", "type": "cluster", "database": DATABASE}
        told |= {"heartbeat_interval": "0.1", "node_timeout": "1", **given}
        self.trail = Trail()
        self.time = 1_000_000.0  # of its own clock, which may be wrong
        self.around = Surroundings(
            Component(uuid, "server", f"files of {uuid}"),
            folder,
            self.trail,
            reactor,
            Inline(),
            Inline(),
            Inline(),
            print,
            resource_options=lambda name: database.options() if name == DATABASE else None,
            now=lambda: self.time,
        )
        options = ClusterOptions.model_validate(told)
        self.cluster = Cluster(Component("cluster-1", "cluster", "cluster"), options, self.around)
