"""Services that start: all that cannot are told at once."""

from typing import Any, cast

import pytest

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.daemon.life import StartFailed
from mft.daemon.starting import listen
from mft.events import catalogue as events
from tests.fakes.run import run
from tests.fakes.trail import Trail


class Starting:
    """A service that lacks something, whose port is taken, or that has all it needs."""

    def __init__(self, name: str, said: list[str], fails_at: str = "") -> None:
        self.component = Component(f"{name}-1", "ftp", name)
        self._said = said
        self._fails_at = fails_at

    def _do(self, what: str) -> None:
        self._said.append(f"{self.component.name} {what}")
        if self._fails_at == what:
            raise Refused(Reason.BROKEN, self.component.name, f"cannot {what}")

    async def prepare(self) -> None:
        self._do("prepare")

    def bind(self) -> None:
        self._do("bind")


def test_services_are_ready_before_they_listen() -> None:
    said: list[str] = []
    trail = Trail()
    services = [Starting("one", said), Starting("two", said)]
    run(listen(cast(Any, services), cast(Any, trail)))
    assert said == ["one prepare", "one bind", "two prepare", "two bind"]
    assert trail.told == []


def test_all_that_cannot_start_are_told_and_none_of_them_listens() -> None:
    said: list[str] = []
    trail = Trail()
    services = [
        Starting("one", said, "prepare"),
        Starting("two", said, "bind"),
        Starting("three", said),
    ]
    with pytest.raises(StartFailed) as failed:
        run(listen(cast(Any, services), cast(Any, trail)))
    assert failed.value.problems == ("one: cannot prepare", "two: cannot bind")
    assert said == ["one prepare", "two prepare", "two bind", "three prepare", "three bind"]
    assert trail.events == [events.SERVICE_START_FAILED] * 2
    assert [told.payload.service_name for told in trail.told] == ["one", "two"]
