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
    SourceAddresses,
    UserGroups,
    Usernames,
    of_nobody,
)
from mft.events.model import Occurrence

DELAY: Final = 0.05  # seconds that events wait for company before they are handled

_NO_CLUSTER = "this server is not part of a cluster"


class HandlerOptions(NamedSection):
    """What every event handler has: which events it gets. All filters must match."""

    ignored: ClassVar[Mapping[str, str]] = {
        "cluster_activation": _NO_CLUSTER,
        "servers": _NO_CLUSTER,
    }

    # How long an event waits for company: none where somebody waits for what the handler does.
    delay: ClassVar[float] = DELAY

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
        "the key does not match.",
        (),
        examples=["path, /inbox/*.csv"],
    )
    fail_after_errors: Count = option(
        "After how many failures in a row the handler stops itself; it goes on where it was at "
        "the next start. 0: never.",
        10,
    )

    def filter(self, groups_of: GroupsOf = of_nobody) -> Filter:
        """Which events these options ask for; `groups_of` knows the groups of accounts."""
        return Filter(
            self.target,
            self.groups,
            self.usernames,
            self.user_groups,
            self.components,
            self.source_addresses,
            self.data_filter,
            groups_of,
        )


class Handler(Protocol):
    """Something that acts on events. It is called by one worker, never twice at a time."""

    component: Component
    batch: int  # how many occurrences it takes at a time
    # How often the world may be in the way of one occurrence until that becomes a dead letter;
    # 0: always.
    attempts: int

    async def start(self) -> None:
        """Get ready; raises what makes that impossible."""

    async def handle_many(self, occurrences: Sequence[Occurrence]) -> None:
        """Act on some, in order. Raises when any failed: all are then given again.

        OSError and Refused say that the world is in the way; anything else that the event is.
        """

    async def stop(self) -> None:
        """Let everything go; it is not called again."""
