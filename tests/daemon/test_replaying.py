"""Replaying needs the handler, its resources, and no server."""

from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Refused
from mft.daemon import replaying as module
from mft.daemon.memberships import FILE
from mft.daemon.replaying import Replay, Replayed, ReplayError
from mft.events import catalogue as events
from mft.events import payloads
from mft.handlers.base import HandlerOptions
from mft.resources.mail import MailRejected
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
        self.telling: list[tuple[Any, Any]] = []
        Made.last = self

    async def handle_many(self, occurrences: Any) -> None:
        await super().handle_many(occurrences)
        for event, payload in self.telling:
            self.around.bus.emit(event, payload)


@pytest.fixture
def journal(instance: Instance) -> Path:
    home = house(instance.directory)
    for _ in range(5):
        home.bus.emit(events.SSH_UPLOAD_DONE, uploaded(), ALICE)
    home.journal.close()
    instance.state.mkdir(exist_ok=True)
    return home.journal.directory


def replay(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch, **given: Any
) -> Replayed:
    class Kind:
        build = Made

    monkeypatch.setattr(module, "HANDLERS", {"local-file": Kind})
    config = instance.config(LOG + given.get("more", ""))
    options: Any = config.event_handlers["log-1"]
    assert isinstance(options, HandlerOptions)

    async def main(reactor: Any) -> Replayed:
        work = Replay(config, "log-1", options, reactor, given.get("said", []).append)
        for name in ("failing", "telling", "stop"):
            if name in given:
                setattr(Made.last, name, given[name])
        return await work.run(
            journal, 2, 4, given.get("asked", lambda told: True), lambda serial: None
        )

    return run_loop(main)


def test_a_range_is_handled_in_batches_between_a_start_and_a_stop(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert replay(instance, journal, monkeypatch) == (3, 0)
    assert Made.last.serials == [2, 3, 4]
    assert Made.last.calls == 2
    assert not Made.last.running


def test_only_what_is_asked_for_is(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert replay(instance, journal, monkeypatch, asked=lambda told: told.serial == 3).events == 1


def test_a_handler_of_another_server_is_given_nothing(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert replay(instance, journal, monkeypatch, more="servers = elsewhere\n").events == 0


def test_accounts_of_other_systems_are_in_the_groups_that_the_server_knows(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = "user_groups = PARTNERS\n"
    assert replay(instance, journal, monkeypatch, more=more).events == 0
    file = instance.state / FILE
    file.write_text('{"alice-1": ["PARTNERS"]}')
    assert replay(instance, journal, monkeypatch, more=more).events == 3
    file.write_text("[]")
    with pytest.raises(Refused) as caught:
        replay(instance, journal, monkeypatch, more=more)
    assert caught.value.details == (
        f"the memberships in {file} cannot be read: is not a table of accounts"
    )


@pytest.mark.parametrize("error", [OSError("full"), MailRejected("554 too many"), KeyError("x")])
def test_what_it_raises_ends_it_with_the_serials_of_the_events(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with pytest.raises(ReplayError) as caught:
        replay(instance, journal, monkeypatch, failing=error)
    assert str(caught.value) == (
        f"at the serials 2 to 3: {error}. 0 events before were handled again"
    )
    assert not Made.last.running

    def last(occurrences: Any) -> Exception | None:
        return error if occurrences[0].serial == 4 else None

    with pytest.raises(ReplayError, match=r"^at the serial 4: .* 2 events before"):
        replay(instance, journal, monkeypatch, failing=last)


def test_a_handler_that_does_not_start_is_no_fault_of_the_journal(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start(self: Any) -> None:
        raise OSError("no such folder")

    monkeypatch.setattr(Made, "start", start)
    with pytest.raises(ReplayError, match=r"^at its start: no such folder"):
        replay(instance, journal, monkeypatch)


def test_the_failures_that_it_tells_of_are_said_and_counted(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = payloads.DispatchFailed("MOVE", "/in/a", (), "no\nroom")
    tried = payloads.DispatchRetried("MOVE", "/in/a", 1, 1, "busy")
    done = payloads.Dispatched("MOVE", "/in/a", (), [])
    telling = [
        (events.DISPATCH_FAILED, failed),
        (events.DISPATCH_GONE, payloads.Gone("/in/b")),
        (events.DISPATCH_RETRIED, tried),  # that one is not over
        (events.DISPATCH_DONE, done),
    ]
    said: list[str] = []
    assert replay(instance, journal, monkeypatch, telling=telling, said=said) == (3, 4)
    assert said[:2] == [
        r'Dispatching "/in/a" by MOVE failed: no\nroom',
        'File "/in/b" is gone: it is not dispatched.',
    ]
    assert len(said) == 4


def test_a_handler_that_does_not_stop_well_is_a_failure(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stop() -> None:
        raise OSError("the disk is gone")

    said: list[str] = []
    assert replay(instance, journal, monkeypatch, stop=stop, said=said) == (3, 1)
    assert said == ["log does not stop well: the disk is gone"]


def test_what_it_tells_is_recorded_nowhere(
    instance: Instance, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(instance, journal, monkeypatch)
    assert Made.last.around.bus.emit(events.SSH_UPLOAD_DONE, uploaded()) == 0
