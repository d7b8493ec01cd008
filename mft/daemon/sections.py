"""The families of sections in `server.ini`, and the options of each of their types."""

from collections.abc import Mapping
from typing import Final

from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.policy_options import PolicyOptions
from mft.auth.registry import AUTHENTICATORS
from mft.config.reference import Family
from mft.daemon.options import ServerOptions
from mft.handlers.registry import HANDLERS
from mft.protocols.registry import ALIASES, PROTOCOLS
from mft.remote.registry import LOCATIONS
from mft.resources.registry import RESOURCES
from mft.transfers.options import TransferOptions

SERVER: Final = "server"  # the one section that has no ID

FAMILIES: Final = (
    Family(
        SERVER,
        "The process as a whole.",
        {"": ServerOptions},
        single=True,
        shown={"uuid": "5f0ad2ae-5c2f-4d0e-9d8b-1f0f5ad0f7c1"},
    ),
    Family(
        "services",
        "What listens for clients.",
        {name: kind.options for name, kind in PROTOCOLS.items()},
    ),
    Family(
        "accounts",
        "Who may log in.",
        {"": AccountOptions},
        shown={
            "name": "alice",
            "home_folder_path": "/srv/mft/alice",
            "create_home_folder": "Yes",
            "permissions": "allow-read, allow-list",
        },
    ),
    Family("groups", "What accounts have in common.", {"": GroupOptions}),
    Family(
        "authentications",
        "The methods that tell who somebody is, asked in order.",
        {name: kind.options for name, kind in AUTHENTICATORS.items()},
    ),
    Family(
        "security-policies",
        "What is done against guessing; services name one of them.",
        {"": PolicyOptions},
        shown={"name": "partners"},
    ),
    Family(
        "resources",
        "What others share: a mail server, and inspections that uploads must pass.",
        {name: kind.options for name, kind in RESOURCES.items()},
        shown={"email_to_recipients": "operator@example.com"},
    ),
    Family(
        "event-handlers",
        "What happens when something happens.",
        {name: kind.options for name, kind in HANDLERS.items()},
    ),
    Family(
        "locations",
        "Other people's servers, and folders of this machine, where transfers fetch and send.",
        {name: kind.options for name, kind in LOCATIONS.items()},
    ),
    Family(
        "transfers",
        "Flows of files between two locations, and when they run.",
        {"": TransferOptions},
        shown={
            "name": "orders to acme",
            "source_path": "/srv/outbox",
            "destination_path": "/srv/inbox",
        },
    ),
)
SECTIONS: Final = {family.name: family for family in FAMILIES if not family.single}
# What is there without a section, under the ID that other servers give it.
BUILT_IN: Final[Mapping[str, str]] = {"locations": "DEFAULT-LOCAL-FILESYSTEM"}
# Families of older configurations, and what they are now.
OLD_FAMILIES: Final[Mapping[str, str]] = {"databases": "resources"}
TYPE_ALIASES: Final[Mapping[str, Mapping[str, str]]] = {"services": ALIASES}
OLD_NAMES_OF_TYPE: Final[Mapping[str, str]] = {"services": "protocol", "locations": "protocol"}
