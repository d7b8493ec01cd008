"""`mft location` tries locations, lists those of the running server, and starts them anew."""

import time
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from twisted.internet.selectreactor import SelectReactor

from mft.cli import location as module
from mft.cli.main import mft
from mft.core.failure import Reason, Refused
from mft.daemon import location_trial
from mft.daemon.answers import Answer
from mft.remote.base import OtherIdentityError
from mft.trust.ssh_keys import HostKey
from mft.vfs.base import Entry
from tests.fakes.daemons import Instance
from tests.fakes.run import run
from tests.fakes.showing import Partner


@pytest.fixture(autouse=True)
def _reactor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reactor of its own for each command, as in a process of its own."""
    monkeypatch.setattr(module, "install", SelectReactor)


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    made = Instance(tmp_path)
    (tmp_path / "partners" / "in").mkdir(parents=True)
    made.write(
        f"[locations/l-1]\ntype = filesystem\nname = acme\npath = {tmp_path}/partners\n",
        f"[locations/l-2]\ntype = filesystem\nname = gone\npath = {tmp_path}/gone\n",
    )
    return made


@pytest.fixture
def partner(monkeypatch: pytest.MonkeyPatch) -> Partner:
    partner = Partner()
    monkeypatch.setattr(location_trial, "connector", partner.connector)
    return partner


def called(instance: Instance, *words: str, text: str = "") -> Result:
    file = instance.directory / "conf" / "server.ini"
    return CliRunner().invoke(mft, ["location", *words, "-c", str(file)], input=text)


def test_a_location_that_works_is_shown(instance: Instance) -> None:
    folder = instance.directory / "partners" / "in"
    (folder / "a.txt").write_text("hello")
    (folder / "sub").mkdir()
    result = called(instance, "test", "acme", "--path", "in")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == 'location "acme" of type filesystem'
    assert lines[1].startswith("connected and logged in after 0.")
    assert lines[2] == "trust     nothing proves who is there"
    assert lines[3] == "peer      this machine"
    assert lines[4].startswith("listed    2 entries in 0.")
    assert lines[5].endswith(" a.txt")
    assert " 5 " in lines[5]
    assert lines[6].endswith(" sub/")
    assert len(lines) == 7


@pytest.mark.parametrize("seconds", [10**12, -(10**12), 253402300799])
def test_a_time_that_no_calendar_has_is_shown(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    entry = Entry("x", 0o100644, 1, seconds, seconds)
    try:
        (line,) = module._listing([entry], 1)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert line.endswith(f" {seconds} x")


def test_more_than_fits_is_counted(instance: Instance) -> None:
    for number in range(location_trial.MAX_SHOWN + 2):
        (instance.directory / "partners" / "in" / f"{number:03}").write_text("")
    result = called(instance, "test", "l-1", "--path", "in")
    assert result.stdout.splitlines()[-1] == "  ... and 2 more"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gone",), "No such file or directory"),
        (("acme", "--path", "out"), "Is the folder there?"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    instance: Instance, words: tuple[str, ...], said: str
) -> None:
    result = called(instance, "test", *words)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_location_that_is_none_is_wrong_usage(instance: Instance) -> None:
    result = called(instance, "test", "other")
    assert result.exit_code == 2
    assert "acme, gone" in result.stderr


def test_an_identity_that_is_new_needs_somebody_to_accept_it(
    instance: Instance, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = HostKey.generate().public
    partner.key = key.line()
    result = called(instance, "test", "acme")
    assert result.exit_code == 1
    assert f"The fingerprint of the key is {key.fingerprint}" in result.stdout
    assert "not accepted" in result.stderr
    assert "--accept" in result.stderr
    monkeypatch.setattr(module, "at_terminal", lambda: True)
    assert called(instance, "test", "acme", text="n\n").exit_code == 1
    result = called(instance, "test", "acme", text="y\n")
    assert result.exit_code == 0, result.output
    assert "identity  SSH host key SHA256:AAAA" in result.stdout
    assert "trust     it is new, and is kept from now on" in result.stdout
    result = called(instance, "test", "acme")
    assert "trust     it is the one that was seen first" in result.stdout


def test_another_identity_is_refused_until_it_is_accepted(
    instance: Instance, partner: Partner
) -> None:
    assert called(instance, "test", "acme", "--accept").exit_code == 0
    partner.key = "key two"
    result = called(instance, "test", "acme")
    assert result.exit_code == 1
    assert "another key" in result.stderr
    assert "--accept" in result.stderr
    assert called(instance, "test", "acme", "--accept").exit_code == 0
    assert called(instance, "test", "acme").exit_code == 0


@pytest.mark.parametrize(
    "refusal",
    [
        Refused(Reason.DENIED, "acme", "the server does not let us in"),
        OtherIdentityError(Reason.DENIED, "acme", "the server showed another key"),
    ],
    ids=["login", "identity"],
)
def test_nothing_is_to_be_accepted_where_that_would_change_nothing(
    instance: Instance, partner: Partner, monkeypatch: pytest.MonkeyPatch, refusal: Refused
) -> None:
    partner.trusts_the_first = False
    partner.peer.refuses["connect"] = [refusal]
    result = called(instance, "test", "acme")
    assert result.exit_code == 1
    assert "section" in result.stderr
    assert "--accept" not in result.stderr


def test_what_a_peer_says_moves_no_cursor(instance: Instance, partner: Partner) -> None:
    partner.peer.refuses["connect"] = [Refused(Reason.ABORTED, "acme", "\x1b[2Jno")]
    result = called(instance, "test", "acme", "--accept")
    assert result.exit_code == 1
    assert "\x1b" not in result.output
    assert "does nothing on the way block it" in result.stderr


class Locations:
    """Those of a running server."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = [
            {"id": "l-1", "name": "acme", "state": "failed", "details": "another key"}
        ]

    def describe(self) -> list[dict[str, Any]]:
        return self.rows

    async def start_anew(self, identifier: str) -> str:
        if identifier != "acme":
            raise Refused(Reason.NOT_FOUND, "", f"no location {identifier} is running")
        self.rows[0]["state"] = "started"
        return "acme"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Locations:
    locations = Locations()
    controlled: Any = type("Server", (), {"locations": locations})()

    def exchange(state: Path, request: bytes) -> bytes:
        return run(Answer(controlled).to(request))

    monkeypatch.setattr("mft.cli.control.exchange", exchange)
    return locations


def test_the_running_server_is_asked_how_they_are(instance: Instance, server: Locations) -> None:
    lines = called(instance, "list").stdout.splitlines()
    assert lines == ["id\tname\tstate\tdetails", "l-1\tacme\tfailed\tanother key"]
    assert '"state": "failed"' in called(instance, "list", "--json").stdout
    server.rows = []
    assert called(instance, "list").stdout == "There are no locations but this machine.\n"


def test_one_that_has_failed_is_started_anew(instance: Instance, server: Locations) -> None:
    assert called(instance, "start", "acme").stdout == "Location acme is started.\n"
    assert server.rows[0]["state"] == "started"
    result = called(instance, "start", "other")
    assert result.exit_code == 1
    assert "no location other is running" in result.stderr


def test_nothing_is_asked_of_a_terminal_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click, "confirm", lambda question: pytest.fail(question))
    assert not module._trusted("key")
