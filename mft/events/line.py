"""One line of the journal: an occurrence as JSON, sealed with the hash of everything before it.

The hash of a line is SHA-256 over the hash of the line before (64 hexadecimal digits) and the
line's own bytes up to its hash. Line breaks inside values are JSON escapes, so that one line is
always one occurrence.
"""

import hashlib
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from mft.core.failure import Malformed
from mft.core.peer import Actor, Address, Component, Origin
from mft.events import payloads
from mft.events.catalogue import BY_NUMBER
from mft.events.model import Event, Occurrence

NO_HASH: Final = "0" * 64  # what the first line of a journal is chained to
MAX_LINE = 1 << 20  # bytes; data or an origin over a quarter of it becomes a note of its size
MAX_PARTS = 1024  # actors, and components, whose JSON is remembered: 1 MiB each at the most
MAX_PART = 512  # characters of one; a longer one is made each time
MAX_ORIGINS = 4096  # origins whose JSON is remembered, about 300 bytes each: 1.2 MiB
MAX_TIME = 253402300799.0  # seconds since the epoch: the end of the year 9999
MAX_DEPTH = 8  # of lists within lists in a payload; deeper is written as text

_HASH_MARK: Final = b',"hash":"'
_TAIL: Final = len(_HASH_MARK) + 64 + 2  # the mark, the digits, `"}`
_sha256 = hashlib.sha256


class Line(NamedTuple):
    """A line that was read: its serial, its hash as written, and the bytes the hash covers."""

    serial: int
    hash: str
    body: bytes
    fields: dict[str, Any]


class Encoder:
    """Make lines; remembers the JSON of the origins it saw last."""

    __slots__ = ("_origins",)

    def __init__(self) -> None:
        # The origin is kept beside its JSON, so that its `id` is not given to another object.
        self._origins: dict[int, tuple[Origin, bytes]] = {}

    def line(
        self, serial: int, time: float, number: int, origin: Origin, data: object, previous: str
    ) -> tuple[bytes, str]:
        """The whole line with its line feed, and its hash; `previous` is the hash before it."""
        known = self._origins.get(id(origin))
        told = known[1] if known is not None else self._remember(origin)
        try:
            text = orjson.dumps(data, default=str)
        except TypeError:  # lone surrogates, huge numbers, keys that are not text
            text = orjson.dumps(plain(data))
        if len(text) > MAX_LINE // 4:
            text = b'{"details":"%d bytes left out"}' % len(text)
        body = b'{"serial":%d,"time":%.3f,"id":%d,%b,"data":%b' % (serial, time, number, told, text)
        digest = _sha256(previous.encode() + body).hexdigest()
        return body + _HASH_MARK + digest.encode() + b'"}\n', digest

    def _remember(self, origin: Origin) -> bytes:
        told = _told(origin)
        if len(told) > MAX_LINE // 4:
            told = _told(Origin(Actor("", "(left out)"), origin.peer, Component("", "", "")))
        if len(self._origins) >= MAX_ORIGINS:
            self._origins.clear()
        self._origins[id(origin)] = origin, told
        return told


def seal(previous: str, body: bytes) -> str:
    """The hash of a line, in hexadecimal."""
    return _sha256(previous.encode() + body).hexdigest()


def _told(origin: Origin) -> bytes:
    actor, peer, component = origin
    try:
        return b'"account":%b,"peer":{"address":%b,"port":%d},"component":%b' % (
            _account(actor),
            orjson.dumps(peer.host),
            peer.port,
            _component(component),
        )
    except TypeError:  # lone surrogates
        told = {
            "account": _of_actor(actor),
            "peer": {"address": peer.host, "port": peer.port},
            "component": _of_component(component),
        }
        return orjson.dumps(plain(told))[1:-1]


# Each connection is an origin of its own, of actors and components that are there anyway.


def _account(actor: Actor) -> bytes:
    uuid, name, email = actor
    if len(uuid) + len(name) + len(email) <= MAX_PART:
        return _known_account(actor)
    return orjson.dumps(_of_actor(actor))


def _component(component: Component) -> bytes:
    uuid, kind, name = component
    if len(uuid) + len(kind) + len(name) <= MAX_PART:
        return _known_component(component)
    return orjson.dumps(_of_component(component))


@lru_cache(MAX_PARTS)
def _known_account(actor: Actor) -> bytes:
    return orjson.dumps(_of_actor(actor))


@lru_cache(MAX_PARTS)
def _known_component(component: Component) -> bytes:
    return orjson.dumps(_of_component(component))


def _of_actor(actor: Actor) -> dict[str, str]:
    told = {"uuid": actor.uuid, "name": actor.name}
    return {**told, "email": actor.email} if actor.email else told


def _of_component(component: Component) -> dict[str, str]:
    return {"uuid": component.uuid, "type": component.kind, "name": component.name}


def plain(value: object, depth: int = 0) -> Any:
    """The value as JSON can hold it; lone surrogates show as escapes such as `\\udc80`."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        return value
    if depth < MAX_DEPTH:
        if isinstance(value, dict):
            return {plain(str(key)): plain(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item, depth + 1) for item in value]
    return plain(str(value))


def parse(raw: bytes) -> Line:
    """Read one line, with or without its line feed; raises Malformed for what is not one.

    The hash is not checked here: `seal(previous, line.body)` must give `line.hash`.
    """
    raw = raw.rstrip(b"\n")
    if raw[-_TAIL : -_TAIL + len(_HASH_MARK)] != _HASH_MARK:
        raise Malformed("a line of the journal without a hash at its end")
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"a line of the journal that is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise Malformed("a line of the journal that is no object")
    serial, digest = fields.get("serial"), fields.get("hash")
    if not isinstance(serial, int) or not isinstance(digest, str):
        raise Malformed("a line of the journal without serial or hash")
    return Line(serial, digest, raw[:-_TAIL], fields)


def event_of(number: int) -> Event[Any]:
    """The event of a number; one that this version does not know still has a sentence."""
    return BY_NUMBER.get(number) or Event(
        number, payloads.Nothing, "An event that this version does not know.", frozenset()
    )


def occurrence(line: Line) -> Occurrence:
    """What a line tells; raises Malformed when a field is missing or of another kind."""
    fields = line.fields
    try:
        account, peer, component = fields["account"], fields["peer"], fields["component"]
        origin = Origin(
            Actor(account["uuid"], account["name"], account.get("email", "")),
            Address(peer["address"], peer["port"]),
            Component(component["uuid"], component["type"], component["name"]),
        )
        data, time, number = fields["data"], float(fields["time"]), int(fields["id"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"line {line.serial} of the journal lacks a field: {error!r}") from None
    if not isinstance(data, dict) or not 0 <= time <= MAX_TIME or not _is_whole(origin):
        raise Malformed(f"line {line.serial} of the journal has a field of another kind")
    return Occurrence(line.serial, time, event_of(number), data, origin)


def _is_whole(origin: Origin) -> bool:
    texts = (*origin.actor, origin.peer.host, *origin.component)
    return all(isinstance(text, str) for text in texts) and isinstance(origin.peer.port, int)
