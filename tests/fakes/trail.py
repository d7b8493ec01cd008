"""A bus that keeps what it is told, and is as healthy as the test says."""

from typing import Any, NamedTuple

from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.events.model import Event

SERVER = Origin(PROCESS, NOWHERE, Component("server-1", "server", "files"))


class Told(NamedTuple):
    """One event with its payload."""

    event: Event[Any]
    payload: Any
    origin: Origin

    @property
    def message(self) -> str:
        """Its sentence."""
        return self.event.sentence.format_map(self.event.data(self.payload))


class Trail:
    """What sessions and logins need of a bus."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.healthy = True
        self.fails_at: Event[Any] | None = None  # the journal fails when it is told this

    def emit(self, event: Event[Any], payload: Any, origin: Origin | None = None) -> int:
        """Keep an event; one whose payload or sentence is wrong fails the test."""
        told = Told(event, payload, origin or SERVER)
        assert isinstance(payload, event.payload)
        assert told.message
        if event is self.fails_at:
            self.healthy = False
        self.told.append(told)
        return len(self.told)

    @property
    def events(self) -> list[Event[Any]]:
        """The events, in order."""
        return [told.event for told in self.told]

    def count(self, *events: Event[Any]) -> int:
        """How often any of these was told."""
        return sum(told.event in events for told in self.told)

    def forget(self) -> None:
        """Begin anew."""
        self.told.clear()
