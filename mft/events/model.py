"""What an event is: a number, a payload, a sentence and groups; and one occurrence of it."""

import re
import string
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from mft.core.peer import Origin

D = TypeVar("D")

_DECIMALS: Final = re.compile(r"\.\d+f")  # how sentences write fractions


class Group(Enum):
    """The groups that classify events; an event is in several (reference, 6.1)."""

    ADMINISTRATION = "administration"
    ANALYTICS = "analytics"
    AUTHENTICATED = "authenticated"
    AUTHENTICATION = "authentication"
    CLIENT_SIDE = "client-side"
    COMPAT = "compat"
    COMPONENT_ACTIVATION = "component-activation"
    FAILURE = "failure"
    FAILURE_CRITICAL = "failure-critical"
    FAILURE_HIGH = "failure-high"
    FAILURE_SPECIFIC = "failure-specific"
    FILE_OPERATION = "file-operation"
    FTP = "ftp"
    HTTP = "http"
    INFORMATIONAL = "informational"
    LOCAL_MANAGER = "local-manager"
    LOCATION_OPERATION = "location-operation"
    MONITOR = "monitor"
    OPERATION_APPEND = "operation-append"
    OPERATION_CREATE_FOLDER = "operation-create-folder"
    OPERATION_DELETE = "operation-delete"
    OPERATION_READ = "operation-read"
    OPERATION_RENAME = "operation-rename"
    OPERATION_WRITE = "operation-write"
    OPERATIONAL = "operational"
    PROCESS = "process"
    SESSION = "session"
    SMB = "smb"
    SSH = "ssh"
    SUCCESS = "success"
    TRANSFER = "transfer"
    TRANSFER_JOB = "transfer-job"


class Event(Generic[D]):
    """A fact that can happen. Its sentence is checked against its payload when it is declared."""

    __slots__ = ("_told", "groups", "keys", "number", "payload", "say", "sentence", "since")

    def __init__(
        self,
        number: int,
        payload: type[D],
        sentence: str,
        groups: frozenset[Group],
        since: str = "1.0",
    ) -> None:
        fields: tuple[str, ...] | None = getattr(payload, "_fields", None)
        if fields is None:
            raise TypeError(f"event {number}: the payload is not a NamedTuple")
        self.number = number
        self.payload = payload
        self.sentence = sentence
        self.groups = groups
        self.since = since
        # A trailing underscore frees a key that Python reserves: `from_` is the key "from".
        self.keys = tuple((name, name.rstrip("_")) for name in fields)
        self._told = tuple(key for _, key in self.keys)
        named = {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}
        if unknown := named - {key for _, key in self.keys}:
            raise TypeError(f"event {number}: the sentence names {sorted(unknown)}")
        self.say = _compiled(sentence)  # the sentence with the data in it, as `format_map` has it

    def data(self, payload: D) -> dict[str, Any]:
        """The payload under the keys that filters, templates and the journal use."""
        values: Any = payload  # a NamedTuple, in the order of its fields
        return dict(zip(self._told, values, strict=True))

    def __repr__(self) -> str:
        return f"<Event {self.number}>"


def _compiled(sentence: str) -> Callable[[Mapping[str, Any]], str]:
    """What makes the sentence: read once, since it is made for every handler.

    It raises KeyError for data that lacks something, and TypeError or ValueError for what is no
    number where one belongs.
    """
    form, names = [], []
    for text, name, spec, conversion in string.Formatter().parse(sentence):
        form.append(text.replace("%", "%%"))
        if name is None:
            continue
        if conversion or not (spec == "" or _DECIMALS.fullmatch(spec or "")):
            return sentence.format_map
        form.append(f"%{spec or 's'}")
        names.append(name)
    whole = "".join(form)
    return lambda data: whole % tuple([data[name] for name in names])


class Occurrence(NamedTuple):
    """One event that happened; `serial` counts without gaps within one journal."""

    serial: int
    time: float  # seconds since the epoch
    event: "Event[Any]"
    data: dict[str, Any]
    origin: Origin

    @property
    def message(self) -> str:
        """The sentence with its data in it; peers' text is escaped by whoever prints it."""
        return self.event.say(self.data)


class Emitter(Protocol):
    """Where something tells what it did: the bus."""

    def emit(self, event: Event[D], payload: D, origin: Origin | None = None) -> int:
        """Tell that an event happened; never waits, never raises."""
