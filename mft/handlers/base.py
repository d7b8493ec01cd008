"""What an event handler is, and the options that all of them have."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, Protocol

from mft.config.kinds import Count, Text
from mft.config.section import NamedSection, option
from mft.core.peer import Component
from mft.events.filters import (
    EVERYTHING,
    EVERYWHERE,
    ComponentIds,
    DataFilter,
    EventGroups,
    EventNumbers,
    Filter,
    GroupsOf,
    ServerIds,
    SourceAddresses,
    UserGroups,
    Usernames,
    of_nobody,
)
from mft.events.model import Occurrence

DELAY: Final = 0.05  # seconds that events wait for company before they are handled
LONGEST_DELAY: Final = 0.5  # seconds, where many come one after the other and nobody waits for them


class HandlerOptions(NamedSection):
    """What every event handler has: which events it gets. All filters must match."""

    ignored: ClassVar[Mapping[str, str]] = {
        "cluster_activation": "this server is not part of a cluster",
    }

    # How long an event waits for company: none where somebody waits for what the handler does.
    delay: ClassVar[float] = DELAY
    # How long at most while many come: more where a batch costs the same whatever is in it.
    longest_delay: ClassVar[float] = DELAY

    type: Text = option("What the handler does.", examples=["local-file"])
    target: EventNumbers = option(
        "Event numbers to handle; with ! before each, those not to. Empty: all.",
        EVERYTHING,
        examples=["20137, 20142, 30068"],
    )
    groups: EventGroups = option(
        "Event groups to handle; with ! before each, those not to. Empty: all.",
        EVERYTHING,
        examples=["failure-high, failure-critical"],
    )
    usernames: Usernames = option(
        "Names of the accounts whose events to handle; with ! before each, those not to.",
        EVERYTHING,
        examples=["alice, bob"],
    )
    user_groups: UserGroups = option(
        "IDs of groups of the accounts whose events to handle; with ! before each, those not to. "
        "Of accounts that another system knows, the groups are known from their login on.",
        EVERYTHING,
        examples=["PARTNERS"],
    )
    components: ComponentIds = option(
        "IDs of the services and other sections whose events to handle; with ! before each, "
        "those not to.",
        EVERYTHING,
        examples=["sftp-1"],
    )
    source_addresses: SourceAddresses = option(
        "Addresses or networks of the peers whose events to handle; with ! before each, those "
        "not to.",
        EVERYWHERE,
        examples=["192.0.2.7, 198.51.100.0/24"],
    )
    data_filter: DataFilter = option(
        "Lines of a data key, a comma and an expression; every line must match. An event without "
        "the key does not match, nor does one whose value has more than 4096 characters (1024 for "
        "a regular expression), whatever the expression.",
        (),
        examples=["path, /inbox/*.csv"],
    )
    servers: ServerIds = option(
        "IDs of the servers (`uuid` in `[server]`) whose events to handle, where several have the "
        "same configuration; with ! before each, those not to. `all`: every one.",
        EVERYTHING,
        examples=["5f0ad2ae-5c2f-4d0e-9d8b-1f0f5ad0f7c1"],
    )
    fail_after_errors: Count = option(
        "After how many failures in a row the handler stops itself; it goes on where it was at "
        "the next start. An event that becomes a dead letter ends the row. 0: never.",
        10,
    )

    def filter(self, groups_of: GroupsOf = of_nobody, server: str = "") -> Filter:
        """Which events of a server these options ask for; `groups_of` knows those of accounts."""
        return Filter(
            self.target,
            self.groups,
            self.usernames,
            self.user_groups,
            self.components,
            self.source_addresses,
            self.data_filter,
            self.servers,
            groups_of,
            server,
        )


class Handler(Protocol):
    """Something that acts on events. It is called by one worker, never twice at a time."""

    component: Component
    batch: int  # how many occurrences it takes at a time
    # How often the world may be in the way of one occurrence until that becomes a dead letter;
    # 0: always. One that is itself at fault becomes one after FAULT_ATTEMPTS of subscription.py.
    attempts: int

    async def start(self) -> None:
        """Get ready; raises what makes that impossible."""

    async def handle_many(self, occurrences: Sequence[Occurrence]) -> None:
        """Act on some, in order. Raises when any failed: all are then given again.

        OSError and Refused say that the world is in the way; anything else that the event is.
        """

    async def stop(self) -> None:
        """Let everything go; it is not called again."""
