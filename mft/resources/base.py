"""What a resource is, and what those that act on events are given to work with."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from mft.config.kinds import Text
from mft.config.section import NamedSection, option
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.events.filters import GroupsOf, of_nobody
from mft.events.model import Emitter
from mft.runtime.threads import Blocking

R = TypeVar("R")

AddressesOf = Callable[[str], Collection[str]]


def no_addresses(identifier: str) -> Collection[str]:
    """For those that know no accounts."""
    return ()


def no_resource(identifier: str) -> NamedSection | None:
    """For those that know no configuration."""
    return None


async def no_transfers(transfer: str, why: str) -> None:
    """For those that know no transfers."""
    raise Refused(Reason.NOT_FOUND, "", f"the transfer {transfer} is not there")


def no_homes() -> Set[str]:
    """What knows of no account where it keeps its files."""
    return frozenset()


class ResourceOptions(NamedSection):
    """What every resource has."""

    ignored: ClassVar[Mapping[str, str]] = {
        "cluster_activation": "this server is not part of a cluster"
    }

    type: Text = option("What the resource is.", examples=["email-client"])


class Resource(Protocol):
    """Something that several event handlers use. It is started before them, and stopped after."""

    component: Component

    async def start(self) -> None:
        """Get ready; raises what makes that impossible."""

    async def stop(self) -> None:
        """Let everything go."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a handler or a resource is given to work with."""

    server: Component
    directory: Path  # of the instance: relative paths begin here
    bus: Emitter
    clock: Any  # the reactor: for timers and connections
    blocking: Blocking  # the disk
    outside: Blocking  # for what other systems answer, slowly or never
    work: Blocking  # for what only computes, and for long
    log: Callable[[str], None]
    groups_of: GroupsOf = of_nobody  # of accounts, by their ID
    resources: Mapping[str, Resource] = field(default_factory=dict)  # that run, by their ID
    # The folders in which accounts have files, as they are written; for a thread, since many
    # accounts take long to go through.
    homes: Callable[[], Set[str]] = no_homes
    replaying: bool = False  # past events are given again on purpose, and nothing is told
    # The options of a resource, by its ID, whether it runs or not.
    resource_options: Callable[[str], NamedSection | None] = no_resource
    now: Callable[[], float] = time.time  # seconds since the epoch
    addresses_of: AddressesOf = no_addresses  # of an account, or of all members of a group, by ID
    # Runs a transfer, by its ID, for a reason; raises Refused where it cannot be asked.
    run_transfer: Callable[[str, str], Awaitable[None]] = no_transfers

    def resource(self, identifier: str, kind: type[R]) -> R:
        """Find a resource that runs; raises Refused for none, or one of another kind."""
        found = self.resources.get(identifier)
        if not isinstance(found, kind):
            raise Refused(Reason.NOT_FOUND, "", f"the resource {identifier} is not running")
        return found
