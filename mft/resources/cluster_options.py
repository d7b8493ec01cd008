"""`type = cluster`: what this server shares with its other nodes, as options have it."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final, Literal

from mft.config.kinds import Context, SecretText, Wrong, duration, reference
from mft.config.section import option
from mft.core.secret import Secret
from mft.resources.base import ResourceOptions

BEATS: Final = 3  # so many heartbeats may be missed before a node counts as dead
LEAST_SECRET: Final = 32  # characters: nobody guesses what a database that was stolen is sealed by
SharedRef = Annotated[str, reference("resources", "mysql", "postgresql")]


class ClusterOptions(ResourceOptions):
    """The database by which several servers are nodes of one cluster."""

    ignored: ClassVar[dict[str, str]] = {**ResourceOptions.ignored}

    type: Literal["cluster"] = option("The kind of resource.", "cluster")
    database: SharedRef = option(
        "The ID of the resource, of the type `postgresql` or `mysql`, that is the database which "
        "all nodes share.",
        examples=["postgresql"],
        ours=True,
    )
    heartbeat_interval: Annotated[float, duration(0.1, 60)] = option(
        "How often a node tells the others that it lives, and hears what they have shared.",
        1.0,
        ours=True,
    )
    node_timeout: Annotated[float, duration(1, 3600)] = option(
        "How long nothing is heard of a node until it counts as dead: its sessions are not counted "
        "any more, and others go on with its transfers. At least three heartbeats, and the same on "
        "all nodes.",
        10.0,
        ours=True,
    )

    secret: SecretText = option(
        "A secret that all nodes have, and nobody else: at least 32 random characters. What they "
        "share of their accounts' credentials and of web sessions is sealed by it. It is needed "
        "where accounts have one-time codes, or may change their password; without it each node "
        "has web sessions of its own.",
        Secret(""),
        ours=True,
    )

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of a node that would be dead between two heartbeats, and of a secret to guess."""
        if self.node_timeout < BEATS * self.heartbeat_interval:
            told = f"is less than {BEATS} times heartbeat_interval"
            yield Wrong(told, f"{self.node_timeout:g}", option="node_timeout")
        if 0 < len(self.secret.reveal()) < LEAST_SECRET:
            told = f"has fewer than {LEAST_SECRET} characters: openssl rand -base64 33 makes one"
            yield Wrong(told, option="secret")
