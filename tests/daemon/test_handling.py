"""Event handlers and resources of a running server: how they start, and how they end."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.config.section import option
from mft.core.failure import Refused
from mft.core.peer import Component
from mft.daemon import build
from mft.daemon.handling import GRACE, Handling
from mft.daemon.vital import Vital
from mft.events import catalogue as events
from mft.handlers.base import DELAY, HandlerOptions
from mft.resources.base import Resource, ResourceOptions
from tests.fakes.handlers import House, Remembering, house
from tests.fakes.occurrences import ALICE, uploaded
from tests.fakes.run import run


class UsingOptions(HandlerOptions):
    """A handler that uses a resource."""

    used: str = option("The resource.", "")


class Shared:
    """A resource that keeps what happens."""

    def __init__(self, component: Component, said: list[str]) -> None:
        self.component = component
        self.said = said
        self.fails: Exception | None = None

    async def start(self) -> None:
        """Begin."""
        if self.fails is not None:
            raise self.fails
        self.said.append(f"{self.component.name} starts")

    async def stop(self) -> None:
        """End."""
        if self.fails is not None:
            raise self.fails
        self.said.append(f"{self.component.name} stops")


class Using(Remembering):
    """A handler that keeps what happens."""

    def __init__(self, component: Component, said: list[str]) -> None:
        super().__init__()
        self.component = component
        self.said = said

    async def start(self) -> None:
        """Begin."""
        self.said.append(f"{self.component.name} starts")

    async def stop(self) -> None:
        """End."""
        self.said.append(f"{self.component.name} stops")


class Config:
    """As much of a configuration as is looked at."""

    def __init__(self, **enabled: bool) -> None:
        self.resources = {
            "mail-1": ResourceOptions(name="mail", type="shared", enabled=enabled.get("mail", True))
        }
        self.event_handlers = {
            name: HandlerOptions(name=name, type="using", enabled=enabled.get(name, True))
            for name in ("one", "two")
        }


class Room:
    """A handling, and what its parts said."""

    def __init__(self, home: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[str] = []
        self.home = home
        self.shared: list[Shared] = []
        self.fails: Exception | None = None
        resources: dict[str, Resource] = {}
        around: Any = home.around
        self.handling = Handling(home.bus, around, resources)

        def resource(uuid: str, options: ResourceOptions, around: object) -> Shared:
            made = Shared(Component(uuid, "shared", options.name), self.said)
            made.fails = self.fails
            self.shared.append(made)
            return made

        def subscription(
            uuid: str, options: Any, bus: Any, around: Any, begin: int | None, *, again: bool
        ) -> build.Subscription:
            handler = Using(Component(uuid, "using", options.name), self.said)
            return build.Subscription(handler, options, bus, around, begin, again=again)

        monkeypatch.setattr(build, "resource", resource)
        monkeypatch.setattr(build, "subscription", subscription)

    def told(self, event: Any) -> list[str]:
        """The names of what an event was told of."""
        return [one.data["name"] for one in self.home.journal.read() if one.event is event]


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    home = house(tmp_path)
    yield Room(home, monkeypatch)
    home.journal.close()


def start(room: Room, **enabled: bool) -> None:
    config: Any = Config(**enabled)
    run(room.handling.start(config))


def test_resources_start_before_the_handlers_and_stop_after_them(room: Room) -> None:
    start(room)
    run(room.handling.stop("shutdown"))
    assert room.said == [
        "mail starts",
        "one starts",
        "two starts",
        "one stops",
        "two stops",
        "mail stops",
    ]
    assert room.told(events.COMPONENT_STARTED) == ["mail", "one", "two"]
    assert room.told(events.COMPONENT_STOPPED) == ["one", "two", "mail"]


def test_handlers_share_the_time_that_they_have_to_stop(room: Room) -> None:
    start(room)
    for one in room.handling.subscriptions.values():
        handler: Any = one.handler
        handler.gate = Deferred()
    room.home.clock.advance(DELAY)  # each has the start of the other in hand
    stopped = Deferred.fromCoroutine(room.handling.stop("shutdown"))
    room.home.clock.advance(GRACE)
    assert stopped.called
    assert room.said[-3:] == ["one stops", "two stops", "mail stops"]


def test_what_is_off_is_not_started(room: Room) -> None:
    start(room, mail=False, two=False)
    assert room.said == ["one starts"]
    assert list(room.handling.subscriptions) == ["one"]
    assert room.handling.resources == {}
    run(room.handling.stop("shutdown"))


def test_a_resource_that_does_not_start_keeps_the_server_from_it_and_is_told(room: Room) -> None:
    room.fails = OSError("no such host")
    with pytest.raises(OSError, match="no such host"):
        start(room)
    assert room.told(events.COMPONENT_START_FAILED) == ["mail"]
    assert room.handling.resources == {}


def test_a_resource_that_does_not_stop_well_is_told(room: Room) -> None:
    start(room)
    room.shared[0].fails = OSError("it is gone")
    run(room.handling.stop("shutdown"))
    assert room.told(events.COMPONENT_STOP_FAILED) == ["mail"]
    assert room.handling.resources == {}


def test_each_handler_is_described(room: Room) -> None:
    start(room)
    one, _ = room.handling.describe()
    assert {key: one[key] for key in ("id", "name", "type", "state", "dead_letters")} == {
        "id": "one",
        "name": "one",
        "type": "using",
        "state": "running",
        "dead_letters": 0,
    }
    run(room.handling.stop("shutdown"))


def test_a_handler_is_behind_by_what_it_has_not_looked_at(room: Room) -> None:
    start(room)
    room.home.clock.advance(1)
    daemon: Any = SimpleNamespace(handling=room.handling)
    vital = Vital(daemon, 0)
    assert vital.behind() == {"one": 0, "two": 0}
    one: Any = room.handling.subscriptions["one"].handler
    gate = one.gate = Deferred()
    for _ in range(3):
        room.home.bus.emit(events.SSH_UPLOAD_DONE, uploaded(), ALICE)
    room.home.clock.advance(1)
    assert [each["behind"] for each in room.handling.describe()] == [3, 0]
    assert vital.behind() == {"one": 3, "two": 0}
    gate.callback(None)
    assert vital.behind() == {"one": 0, "two": 0}
    run(room.handling.stop("shutdown"))


def test_dead_letters_are_retried_by_the_handler_that_has_them(room: Room) -> None:
    start(room)
    assert run(room.handling.retry("one")) == (0, 0, None)
    with pytest.raises(Refused, match="no event handler mail is running; there are: one, two"):
        run(room.handling.retry("mail"))
    run(room.handling.stop("shutdown"))
