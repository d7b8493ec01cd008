"""Locations start with the server, change with its configuration, and end before it drains."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT
from mft.daemon.locations import FAMILY
from mft.daemon.service import Daemon
from mft.events import catalogue as events
from mft.remote.location import State
from tests.fakes.daemons import Instance, log_file
from tests.fakes.loop import run_loop
from tests.fakes.reactor import Reactor
from tests.fakes.refused import refused

Body = Callable[[Daemon], Awaitable[None]]


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    made = Instance(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    return made


def folder(instance: Instance, name: str, **options: str) -> str:
    """The section of a folder of this machine."""
    given = {"name": name, "type": "filesystem", "path": str(instance.directory / name), **options}
    lines = "".join(f"{key} = {value}\n" for key, value in given.items())
    return f"[locations/{name}-1]\n{lines}"


def running(instance: Instance, body: Body, *sections: str) -> None:
    """Start, do it, stop."""

    async def main(reactor: Any) -> None:
        daemon = instance.daemon(reactor, *sections)
        await daemon.start()
        try:
            await body(daemon)
        finally:
            await daemon.stop()

    run_loop(main)


def names(instance: Instance, *told: Any) -> list[str]:
    """Of which locations some events tell, in order."""
    return [
        one.data["name"]
        for one in instance.told
        if one.event in told and one.data["family"] == FAMILY
    ]


def test_before_the_start_there_are_none(instance: Instance) -> None:
    daemon = instance.daemon(Reactor(), folder(instance, "one"))
    with refused(Reason.ABORTED):
        assert daemon.flows


def test_locations_start_after_event_handlers_and_stop_before_them(instance: Instance) -> None:
    async def body(daemon: Daemon) -> None:
        assert daemon.locations.of("one-1").state is State.STARTED
        assert [one["name"] for one in daemon.locations.describe()] == ["one", "two"]

    sections = log_file("log"), folder(instance, "one"), folder(instance, "two")
    running(instance, body, *sections)
    order = [
        (one.event.number, one.data["name"])
        for one in instance.told
        if one.event in (events.COMPONENT_STARTED, events.COMPONENT_STOPPED)
    ]
    assert order == [
        (20156, "log"),
        (20156, "one"),
        (20156, "two"),
        (20157, "one"),
        (20157, "two"),
        (20157, "log"),
    ]


def test_a_reload_changes_what_has_changed(instance: Instance) -> None:
    async def body(daemon: Daemon) -> None:
        before = daemon.locations.of("one-1")
        old = daemon.locations.of("two-1")
        instance.write(folder(instance, "one"), folder(instance, "two", max_connections="2"))
        await daemon.reload()
        assert daemon.locations.of("one-1") is before
        assert old.state is State.STOPPED
        assert daemon.locations.of("two-1").options.max_connections == 2
        instance.write(folder(instance, "one"))
        await daemon.reload()
        with refused(Reason.NOT_FOUND):
            daemon.locations.of("two-1")

    running(instance, body, folder(instance, "one"), folder(instance, "two"))
    assert names(instance, events.COMPONENT_STARTED) == ["one", "two", "two"]
    assert names(instance, events.COMPONENT_STOPPED) == ["two", "two", "one"]


def test_a_reload_that_cannot_start_one_changes_nothing(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(daemon: Daemon) -> None:
        real = daemon.locations._build

        def build(uuid: str, options: Any, parts: Any) -> Any:
            if options.name == "two":
                raise Refused(Reason.BROKEN, "", "its key cannot be read")
            return real(uuid, options, parts)

        monkeypatch.setattr(daemon.locations, "_build", build)
        one = folder(instance, "one", max_connections="2")
        instance.write(one, folder(instance, "two"))
        with refused(Reason.INVALID):
            await daemon.reload()
        assert daemon.locations.of("one-1").options.max_connections == 64
        assert daemon.locations.of("one-1").state is State.STARTED
        with refused(Reason.NOT_FOUND):
            daemon.locations.of("two-1")

    running(instance, body, folder(instance, "one"))
    assert events.RELOAD_REFUSED.number in instance.numbers


def test_what_only_looks_is_told_where_requests_are(instance: Instance) -> None:
    async def body(daemon: Daemon) -> None:
        async with daemon.locations.of("one-1").borrow("") as remote:
            await remote.stat(ROOT)

    running(instance, body, folder(instance, "one"))
    assert events.LOCATION_STAT_DONE.number not in instance.numbers
