"""Replaying needs the handler, its resources, and no server."""

from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Refused
from mft.daemon import replaying as module
from mft.daemon.memberships import FILE
from mft.daemon.replaying import Replay
from mft.events import catalogue as events
from mft.handlers.base import HandlerOptions
from tests.fakes.daemons import Instance
from tests.fakes.handlers import Remembering, house
from tests.fakes.loop import run_loop
from tests.fakes.occurrences import ALICE, uploaded

LOG = "[event-handlers/log-1]\nname = log\ntype = local-file\nusernames = alice\n"


class Made(Remembering):
    """The handler that is replayed to."""

    last: "Made"

    def __init__(self, component: Any, options: Any, around: Any) -> None:
        super().__init__(batch=2)
        self.component = component
        self.around = around
        Made.last = self


@pytest.fixture
def journal(instance: Instance) -> Path:
    home = house(instance.directory)
    for _ in range(5):
        home.bus.emit(events.SSH_UPLOAD_DONE, uploaded(), ALICE)
    home.journal.close()
    instance.state.mkdir(exist_ok=True)
    return home.journal.directory


def replay(instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch, **given: Any) -> int:
    class Kind:
        build = Made

    monkeypatch.setattr(module, "HANDLERS", {"local-file": Kind})
    config = instance.config(LOG + given.get("more", ""))
    options: Any = config.event_handlers["log-1"]
    assert isinstance(options, HandlerOptions)

    async def main(reactor: Any) -> int:
        work = Replay(config, "log-1", options, reactor, lambda said: None)
        if (fails := given.get("failing")) is not None:
            Made.last.failing = fails
        return await work.run(
            journal, 2, 4, given.get("asked", lambda told: True), lambda serial: None
        )

    return int(run_loop(main))


def test_a_range_is_handled_in_batches_between_a_start_and_a_stop(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert replay(instance, journal, monkeypatch) == 3
    assert Made.last.serials == [2, 3, 4]
    assert Made.last.calls == 2
    assert not Made.last.running


def test_only_what_is_asked_for_is(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert replay(instance, journal, monkeypatch, asked=lambda told: told.serial == 3) == 1


def test_a_handler_of_another_server_is_given_nothing(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert replay(instance, journal, monkeypatch, more="servers = elsewhere\n") == 0


def test_accounts_of_other_systems_are_in_the_groups_that_the_server_knows(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = "user_groups = PARTNERS\n"
    assert replay(instance, journal, monkeypatch, more=more) == 0
    file = instance.state / FILE
    file.write_text('{"alice-1": ["PARTNERS"]}')
    assert replay(instance, journal, monkeypatch, more=more) == 3
    file.write_text("[]")
    with pytest.raises(Refused) as caught:
        replay(instance, journal, monkeypatch, more=more)
    assert caught.value.details == (
        f"the memberships in {file} cannot be read: is not a table of accounts"
    )


def test_what_it_raises_is_raised_and_it_is_stopped(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSError, match="full"):
        replay(instance, journal, monkeypatch, failing=OSError("full"))
    assert not Made.last.running


def test_what_it_tells_is_recorded_nowhere(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(instance, journal, monkeypatch)
    assert Made.last.around.bus.emit(events.SSH_UPLOAD_DONE, uploaded()) == 0
