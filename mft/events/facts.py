"""The facts of an occurrence by name, as templates, tables and JSON use them.

Names are the same everywhere: `id`, `message`, `account.name`, `timestamp.iso_8601`, `data.path`.
Values are text as it was recorded: whoever prints makes it visible.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import orjson

from mft.core.peer import Component
from mft.events.catalogue import BY_NUMBER
from mft.events.line import plain
from mft.events.model import Occurrence

Fact = Callable[[Occurrence], str]

NO_COMPONENT: Final = Component("", "", "")
# Names that are derived from a path when it is told: from which key, and whether the last part.
_DERIVED: Final = {
    "file_name": ("path", True),
    "directory_name": ("path", False),
    "real_file_name": ("real_path", True),
    "real_directory_name": ("real_path", False),
}
DATA_KEYS: Final = frozenset(
    {key for row in BY_NUMBER.values() for _, key in row.keys} | _DERIVED.keys()
)

SERVERS: Final = 64  # whose part of a name is remembered
_MOMENTS: Final = (1 << 48) - 1
_SERIALS: Final = (1 << 24) - 1  # of one millisecond

_LOCAL: Final = {
    "cwa_14051": "%Y-%m-%d %H:%M:%S",
    "year": "%Y",
    "month": "%m",
    "day": "%d",
    "hour": "%H",
    "minute": "%M",
    "second": "%S",
}
_UTC: Final = {
    "iso_8601": "%Y-%m-%dT%H:%M:%SZ",
    "iso_8601_basic": "%Y%m%dT%H%M%SZ",
    "iso_8601_compact": "%Y%m%d%H%M%S",
}


class _PerSecond:
    """A text of a whole second, made once in that second."""

    __slots__ = ("_make", "_second", "_text")

    def __init__(self, make: Callable[[int], str]) -> None:
        self._make = make
        self._second = -1
        self._text = ""

    def __call__(self, occurrence: Occurrence) -> str:
        second = int(occurrence.time)
        if second != self._second:
            self._text = self._make(second)
            self._second = second
        return self._text


def _local(form: str) -> Fact:
    return _PerSecond(lambda second: time.strftime(form, time.localtime(second)))


def _utc(form: str) -> Fact:
    return _PerSecond(lambda second: time.strftime(form, time.gmtime(second)))


def _iso_local(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).astimezone().isoformat(timespec="seconds")


def _fractional(occurrence: Occurrence) -> str:
    moment = datetime.fromtimestamp(occurrence.time, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def message(occurrence: Occurrence) -> str:
    """The sentence with the data in it; an old record that lacks a value shows its data instead."""
    try:
        return occurrence.event.say(occurrence.data)
    except (LookupError, ValueError, TypeError):
        return f"{occurrence.event.sentence} {as_text(occurrence.data)}"


def as_text(value: object) -> str:
    """A value of the data as text: lists between commas, nothing for None."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(as_text(item) for item in value)
    if isinstance(value, dict):
        return orjson.dumps(plain(value)).decode()
    return str(value)


def datum(data: Mapping[str, Any], key: str) -> object:
    """One value of the data, derived names included; None when the event does not have it."""
    if key in data:
        return data[key]
    origin, last = _DERIVED.get(key, ("", False))
    path = data.get(origin)
    if not isinstance(path, str):
        return None
    directory, _, name = path.rpartition("/")
    return name if last else directory or "/"


def whole_data(occurrence: Occurrence) -> dict[str, Any]:
    """All data, derived names included."""
    data = dict(occurrence.data)
    for key in _DERIVED:
        if key not in data and (value := datum(data, key)) is not None:
            data[key] = value
    return data


def _stamps() -> dict[str, Fact]:
    stamps = {f"timestamp.{name}": _local(form) for name, form in _LOCAL.items()}
    stamps |= {f"timestamp.{name}": _utc(form) for name, form in _UTC.items()}
    stamps["timestamp.iso_8601_local"] = _PerSecond(_iso_local)
    stamps["timestamp.iso_8601_fractional"] = _fractional
    stamps["timestamp.timestamp"] = lambda told: f"{told.time:.3f}"
    return stamps


class Facts:
    """The named facts of one reader: those of the event, of the server and of the handler."""

    def __init__(self, server: Component, handler: Component = NO_COMPONENT) -> None:
        self._server = server
        self._facts: dict[str, Fact] = {
            "id": lambda told: str(told.event.number),
            "uuid": lambda told: unique(server, told),
            "serial": lambda told: str(told.serial),
            "message": message,
            "account.name": lambda told: told.origin.actor.name,
            "account.uuid": lambda told: told.origin.actor.uuid,
            "account.email": lambda told: told.origin.actor.email,
            "account.emails": lambda told: told.origin.actor.email,
            # Templates of other servers name it. What it would be lets somebody in: never told.
            "account.token": lambda told: "",
            "account.peer.address": lambda told: told.origin.peer.host,
            "account.peer.port": lambda told: str(told.origin.peer.port),
            "account.peer.protocol": lambda told: told.origin.component.kind,
            "account.peer.family": lambda told: _family(told.origin.peer.host),
            "component.uuid": lambda told: told.origin.component.uuid,
            "component.name": lambda told: told.origin.component.name,
            "component.type": lambda told: told.origin.component.kind,
            "server.name": lambda told: server.name,
            "server.uuid": lambda told: server.uuid,
            "handler.name": lambda told: handler.name,
            "handler.uuid": lambda told: handler.uuid,
            "data_json": lambda told: orjson.dumps(plain(whole_data(told))).decode(),
        } | _stamps()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name but those of the data."""
        return tuple(self._facts)

    def fact(self, name: str) -> Fact:
        """How a fact is told, whatever the case of its name; raises ValueError for no such name."""
        name = name.strip().lower()
        if name.startswith("data.") and name[5:] in DATA_KEYS:
            return _data_fact(name[5:])
        found = self._facts.get(name)
        if found is None:
            near = get_close_matches(name, [*self._facts, *(f"data.{key}" for key in DATA_KEYS)], 1)
            hint = f'; did you mean "{near[0]}"?' if near else ""
            raise ValueError(f'there is no "{name}"{hint}')
        return found

    def as_object(self, occurrence: Occurrence) -> dict[str, Any]:
        """The whole event as one JSON object."""
        actor, peer, component = occurrence.origin
        stamps = [name for name in self._facts if name.startswith("timestamp.")]
        told: dict[str, Any] = {
            "id": str(occurrence.event.number),
            "uuid": unique(self._server, occurrence),
            "serial": occurrence.serial,
            "message": message(occurrence),
            "timestamp": {name.partition(".")[2]: self._facts[name](occurrence) for name in stamps},
            "account": {
                "uuid": actor.uuid,
                "name": actor.name,
                "email": actor.email,
                "emails": [one.strip() for one in actor.email.split(",") if one.strip()],
                "peer": {
                    "address": peer.host,
                    "port": peer.port,
                    "protocol": component.kind,
                    "family": _family(peer.host),
                },
            },
            "component": {
                "uuid": component.uuid,
                "type": component.kind,
                "name": component.name,
            },
            "server": {"uuid": self._server.uuid, "name": self._server.name},
            "data": whole_data(occurrence),
        }
        told["timestamp"]["timestamp"] = round(occurrence.time, 3)
        return told

    def as_json(self, occurrence: Occurrence) -> str:
        """The whole event as JSON text; hostile characters are not yet made visible."""
        return orjson.dumps(plain(self.as_object(occurrence))).decode()


def unique(server: Component, occurrence: Occurrence) -> str:
    """The same name for the same event whenever it is told; receivers drop repeats by it.

    The time is in it because a server that was restored from a backup counts serials anew; and in
    front, so that names follow each other as events do, which an index of them costs least. A UUID
    of version 8 (RFC 9562 5.8): milliseconds since 1970, the end of the serial, and of the server.
    """
    stamp = f"{occurrence.time:.3f}"  # as the journal has it, and not with what is cut there
    moment = f"{int(stamp[:-4] + stamp[-3:]) & _MOMENTS:012x}"
    serial = f"{occurrence.serial & _SERIALS:06x}"
    variant, node = _node(server.uuid)
    return f"{moment[:8]}-{moment[8:]}-8{serial[:3]}-{variant}{serial[3:]}-{node}"


@lru_cache(SERVERS)
def _node(server: str) -> tuple[str, str]:
    """50 bits that tell servers apart, of which two are with those of the variant."""
    digest = sha256(server.encode("utf-8", "backslashreplace")).hexdigest()
    return "89ab"[int(digest[-1], 16) & 3], digest[:12]


def _family(host: str) -> str:
    return "IPv6" if ":" in host else "IPv4"


def _data_fact(key: str) -> Fact:
    if key in _DERIVED:
        return lambda told: as_text(datum(told.data, key))
    return lambda told: as_text(told.data.get(key))
