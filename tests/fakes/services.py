"""Services that listen nowhere: they say what is done to them, and fail when they are told to."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component
from mft.protocols.base import ServiceParts
from mft.protocols.registry import PROTOCOLS, Kind
from mft.protocols.ssh.options import SshOptions


class FakeService:
    """One service; `sessions` are those that do not end by themselves."""

    certificate: Any = None

    def __init__(
        self, component: Component, options: SshOptions, parts: ServiceParts, world: "Services"
    ) -> None:
        self.component = component
        self.options = options
        self.parts = parts
        self.address: Address | None = None
        self.accepting = False
        self.sessions = 0
        self.prepared = False
        self.refreshed = 0
        self._world = world
        self._waiting: list[Deferred[None]] = []

    def _say(self, what: str) -> None:
        self._world.said.append(f"{self.component.name}: {what}")

    @property
    def connections(self) -> int:
        return self.sessions

    async def prepare(self) -> None:
        self.prepared = True
        if self.component.name in self._world.unready:
            raise Refused(Reason.BROKEN, self.component.name, "its list cannot be had")

    async def refresh(self) -> None:
        self.refreshed += 1
        if self._world.stale is not None:
            raise self._world.stale

    def bind(self) -> None:
        if self.options.port in self._world.taken:
            raise Refused(Reason.BUSY, f"{self.options.address}:{self.options.port}", "is taken")
        self._say("listens")
        self.address = Address(self.options.address, self.options.port)

    def accept(self) -> None:
        assert self.address is not None
        self.accepting = True

    def hand_over(self) -> Address | None:
        self._say("hands over")
        address, self.address = self.address, None
        return address

    def take_over(self, listening: Address) -> None:
        self._say("takes over")
        self.address = listening
        self.accepting = True

    async def stop_listening(self) -> None:
        if self.address is not None:
            self._say("stops")
            self.address = None

    def end_all(self, reason: str, *, idle_only: bool = False) -> int:
        self._say("ends the idle" if idle_only else "ends all")
        if idle_only:
            return 0
        ended = self.sessions
        self.session_ends(ended)
        return ended

    def session_ends(self, count: int = 1) -> None:
        """So many sessions end."""
        self.sessions -= count
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(None)

    async def drained(self) -> None:
        while self.sessions:
            done: Deferred[None] = Deferred()
            self._waiting.append(done)
            await done


class Services:
    """What all of them share with the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[str] = []
        self.taken: set[int] = set()  # ports that nobody can have
        self.broken: set[str] = set()  # names of those whose keys cannot be used
        self.unready: set[str] = set()  # names of those that lack something to start
        self.stale: Exception | None = None  # what loading files again raises
        self.made: list[FakeService] = []
        monkeypatch.setitem(PROTOCOLS, "ssh", Kind(SshOptions, self._make))  # type: ignore[arg-type]  # a dict

    def _make(self, component: Component, options: Any, parts: ServiceParts) -> FakeService:
        if component.name in self.broken:
            raise ValueError(f"the key of {component.name} cannot be used")
        made = FakeService(component, options, parts, self)
        self.made.append(made)
        return made

    def last(self, name: str) -> FakeService:
        """The newest one of this name."""
        return [one for one in self.made if one.component.name == name][-1]
