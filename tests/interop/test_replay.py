"""`mft audit replay` gives events of the past to a real rsyslogd again, over the network."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mft.events import catalogue as events
from mft.events.bus import Bus
from mft.events.facts import unique
from mft.events.journal import Journal
from mft.events.model import Occurrence
from tests.fakes.daemons import Instance
from tests.fakes.occurrences import ALICE, SERVER, SYSTEM, uploaded
from tests.interop.instance import MFT, execute
from tests.interop.rsyslog import Rsyslog

pytestmark = pytest.mark.interop

MANY = 2000
FIRST, LAST = 11, MANY - 10  # of the serials that are asked for


@pytest.fixture
def rsyslog(tmp_path: Path) -> Iterator[Rsyslog]:
    folder = tmp_path / "rsyslog"
    folder.mkdir()
    made = Rsyslog(folder)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def past(tmp_path: Path) -> tuple[Instance, list[Occurrence]]:
    """An instance that does not run, and what has happened there; half of it by accounts."""
    instance = Instance(tmp_path / "instance")
    journal = Journal.open(instance.directory / "log" / "journal")
    bus = Bus(journal, SERVER)
    for number in range(MANY):
        origin = SYSTEM if number % 2 else ALICE
        bus.emit(events.SSH_UPLOAD_DONE, uploaded(f"/{number}"), origin)
    happened = list(journal.read())
    journal.close()
    return instance, happened


def configured(instance: Instance, rsyslog: Rsyslog, way: str) -> Path:
    """The server.ini with a handler that sends there what alice does."""
    options = {
        "name": "logs",
        "type": "syslog",
        "url": rsyslog.url(way),
        "format": "rfc5424",
        "timeout": "5",
        "usernames": "alice",
    }
    if way == "tls":
        options["ssl_certificate_authority"] = str(rsyslog.folder / "ca.pem")
    lines = "".join(f"{name} = {value}\n" for name, value in options.items())
    return instance.write(f"[event-handlers/logs-1]\n{lines}")


@pytest.mark.parametrize("way", ["tcp", "tls"])
def test_a_range_of_the_past_arrives_once_and_in_order(
    rsyslog: Rsyslog, past: tuple[Instance, list[Occurrence]], way: str
) -> None:
    instance, happened = past
    config = configured(instance, rsyslog, way)
    asked = ["--from", str(FIRST), "--to", str(LAST)]
    done = execute(*MFT, "audit", "replay", "logs-1", "-c", config, *asked)
    wanted = [
        unique(SERVER, one)
        for one in happened
        if FIRST <= one.serial <= LAST and one.origin.actor.name == "alice"
    ]
    assert f"{len(wanted)} events were handled again." in done.stdout
    found = [one["values"].partition(' uuid="')[2] for one in rsyslog.wait_for(len(wanted))]
    assert [one.partition('"')[0] for one in found] == wanted
    assert not instance.state.exists()  # where a running server goes on is as it was


@pytest.mark.parametrize("way", ["tcp", "tls"])
def test_a_server_that_is_gone_is_told_and_not_that_it_was_done(
    rsyslog: Rsyslog, past: tuple[Instance, list[Occurrence]], way: str
) -> None:
    config = configured(past[0], rsyslog, way)
    rsyslog.kill()
    done = execute(*MFT, "audit", "replay", "logs-1", "-c", config, ok=False)
    assert done.returncode == 1
    assert "The handler failed at the serials " in done.stderr
    assert "0 events before were handled again" in done.stderr
