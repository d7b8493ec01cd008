"""Several servers that are nodes of one cluster: one database, the same accounts and files."""

import re
from pathlib import Path
from typing import Any

from mft.cli.control import all_rows
from tests.fakes.databases import DatabaseServer
from tests.interop.instance import Server
from tests.interop.services import cheap_hash
from tests.system.rig import Rig, until

HEARTBEAT = 0.1  # seconds
TIMEOUT = 1.0  # until a node that says nothing is dead


class Nodes:
    """Nodes that are configured alike; a test starts them."""

    def __init__(self, folder: Path, template: Server, database: Any, count: int = 2) -> None:
        self.database: DatabaseServer = database
        self.rigs = [Rig(folder / f"node-{number}", template) for number in range(count)]
        first = self.rigs[0]
        # One server.ini for all, whose account has a password that is verified without much work.
        hashed = f"password = {cheap_hash(template)}"
        for number, rig in enumerate(self.rigs):
            text = re.sub(r"(?m)^password = \$.*", lambda found: hashed, rig.config.read_text())
            rig.config.write_text(text.replace(str(rig.home), str(first.home)))
            rig.home = first.home
            (rig.config.parent / "server.override.ini").write_text(
                f"[server]\nuuid = node-{number}\nname = node {number}\n"
            )
            rig.section("resources/shared", name="shared", **database.given(timeout="3"))
            rig.section(
                "resources/cluster",
                name="cluster",
                type="cluster",
                database="shared",
                heartbeat_interval=str(HEARTBEAT),
                node_timeout=str(TIMEOUT),
            )

    def start(self) -> None:
        """Start all of them, and wait until each knows the others."""
        for rig in self.rigs:
            rig.start()
        until(lambda: all(self.up(rig) == len(self.rigs) for rig in self.rigs), "all are up")

    def seen(self, rig: Rig) -> dict[str, str]:
        """The states of the nodes, as one of them sees them."""
        return {one["id"]: one["state"] for one in all_rows(rig.config, "nodes")}

    def up(self, rig: Rig) -> int:
        """How many nodes are up, as one of them sees it."""
        return list(self.seen(rig).values()).count("up")

    def close(self) -> None:
        """Leave nothing running."""
        for rig in self.rigs:
            rig.close()
