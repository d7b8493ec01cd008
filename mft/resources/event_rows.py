"""An occurrence as a row of a table, and a row as the occurrence again.

Every value fits its column, whatever a peer put into it: what a database cannot hold is made
visible, what is too long is cut.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from mft.core.peer import Actor, Address, Component, Origin
from mft.events.escape import visible
from mft.events.facts import message, unique
from mft.events.line import event_of, plain
from mft.events.model import Group, Occurrence

TABLE: Final = "chevah_log_entries"  # administrators have queries for it
MAX_NAME: Final = 255  # characters of a name, an ID or an e-mail address
MAX_ADDRESS: Final = 64  # characters of an IP address
MAX_GROUPS: Final = 1000  # characters; all groups together have 450
MAX_MESSAGE: Final = 16 << 10  # characters of a sentence
MAX_DATA: Final = 512 << 10  # bytes of JSON; the journal keeps half of it
REMEMBERED: Final = 256  # sets of groups, and origins: some 500 bytes each as they are
CUT: Final = "\u2026"  # at the end of what was cut

Row = dict[str, Any]

# No text of PostgreSQL has the first, and no UTF-8 the others.
_UNHELD: Final = re.compile("[\x00\ud800-\udfff]")


class Stored(NamedTuple):
    """An event that a database has, and the server that told it."""

    server: Component
    occurrence: Occurrence


def held(text: str, limit: int = MAX_NAME) -> str:
    """The text as every database holds it."""
    if _UNHELD.search(text):
        text = visible(text)
    return _cut(text, limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + CUT


def row_of(server: Component, told: Occurrence) -> Row:
    """The row of an occurrence, by the names of the columns."""
    return {
        "uuid": unique(server, told),
        "serial": told.serial,
        "event_id": told.event.number,
        "timestamp": round(told.time, 3),
        "message": _cut(visible(message(told)), MAX_MESSAGE),
        "groups": _groups(told.event.groups),
        "data": _json(told.data),
        **_of_origin(server, told.origin),
    }


@lru_cache(REMEMBERED)
def _of_origin(server: Component, origin: Origin) -> Row:
    """What is the same for all events of a session; never changed."""
    actor, peer, component = origin
    return {
        "server_uuid": held(server.uuid),
        "server_name": held(server.name),
        "component_uuid": held(component.uuid),
        "component_type": held(component.kind),
        "component_name": held(component.name),
        "account_uuid": held(actor.uuid),
        "account_name": held(actor.name),
        "account_email": held(actor.email),
        "peer_address": held(peer.host, MAX_ADDRESS),
        "peer_port": peer.port,
    }


def stored(row: Mapping[str, Any]) -> Stored:
    """What a row tells; data that somebody spoilt shows as the text that it is."""
    server = Component(row["server_uuid"], "server", row["server_name"])
    origin = Origin(
        Actor(row["account_uuid"], row["account_name"], row["account_email"]),
        Address(row["peer_address"], row["peer_port"]),
        Component(row["component_uuid"], row["component_type"], row["component_name"]),
    )
    number, time = row["event_id"], float(row["timestamp"])
    return Stored(server, Occurrence(row["serial"], time, event_of(number), _data(row), origin))


@lru_cache(REMEMBERED)
def _groups(groups: frozenset[Group]) -> str:
    return " ".join(sorted(group.value for group in groups))


def _json(data: Mapping[str, Any]) -> str:
    try:
        text = orjson.dumps(data, default=str)
    except TypeError:  # lone surrogates, huge numbers
        text = orjson.dumps(plain(data))
    if b"\\u0000" in text:
        text = orjson.dumps(_without_nul(plain(data)))
    if len(text) > MAX_DATA:
        text = b'{"details":"%d bytes left out"}' % len(text)
    return text.decode()


def _without_nul(value: Any) -> Any:
    r"""The value with `\x00` as it is written instead of the character."""
    if isinstance(value, str):
        return value.replace("\0", r"\x00")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return value


def _data(row: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = orjson.loads(row["data"])
    except orjson.JSONDecodeError:
        found = None
    return found if isinstance(found, dict) else {"details": row["data"]}
