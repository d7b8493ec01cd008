import csv
import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from twisted.internet.selectreactor import SelectReactor

from mft.cli import audit as module
from mft.cli import audit_replay
from mft.cli.audit import audit
from mft.core.peer import Actor, Address, Origin
from mft.daemon import replaying
from mft.events import catalogue, payloads
from mft.events.bus import Bus
from mft.events.journal import Journal
from mft.resources.mail import MailRejected
from tests.fakes.handlers import Remembering
from tests.fakes.occurrences import ALICE, SERVER, SERVICE, uploaded

BOB = Origin(Actor("bob-1", "bob"), Address("198.51.100.9", 40000), SERVICE)
BEGIN = 1893456000.0  # 2030-01-01 00:00 UTC

INI = """\
[server]
uuid = server-1
name = files

[services/ssh]
name = ssh
type = ssh
port = 10022

[event-handlers/audit-log]
name = audit log
type = local-file
path = log/again.log
usernames = alice
"""


@pytest.fixture
def instance(tmp_path):
    """Five uploads by alice and one failed login by bob, a day apart; the journal is free."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "server.ini").write_text(INI)
    journal = Journal.open(tmp_path / "log" / "journal")
    time = [BEGIN]
    bus = Bus(journal, SERVER, clock=lambda: time[0])
    for index in range(5):
        bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(f"/inbox/{index}.csv"), ALICE)
        time[0] += 86400
    failed = payloads.LoginFailed("accounts", "bob\n\x1b[2K", "password", "wrong")
    bus.emit(catalogue.LOGIN_FAILED, failed, BOB)
    journal.close()
    return tmp_path


@pytest.fixture(autouse=True)
def fresh_reactor(monkeypatch):
    """A reactor runs once only, and these commands run in one process."""
    monkeypatch.setattr(audit_replay, "install", SelectReactor)


def mft(instance, *arguments):
    command, *rest = arguments
    config = ["-c", str(instance / "conf" / "server.ini")]
    return CliRunner().invoke(audit, [command, *config, *rest])


def test_tail_prints_the_last_events_on_one_line_each(instance):
    result = mft(instance, "tail", "-n", "2")
    assert result.exit_code == 0
    first, last = result.stdout.splitlines()
    assert 'alice 192.0.2.7:51234 Uploaded "/inbox/4.csv"' in first
    assert last.startswith("20142 ")
    assert "bob\\n\\x1b[2K" in last


def test_tail_with_a_filter_prints_the_last_that_match(instance):
    result = mft(instance, "tail", "--account", "alice", "-n", "1")
    assert "/inbox/4.csv" in result.stdout
    assert len(result.stdout.splitlines()) == 1


def test_tail_follows_until_it_is_interrupted(instance, monkeypatch):
    rounds = []

    def sleep(seconds):
        rounds.append(seconds)
        if len(rounds) == 1:
            journal = Journal.open(instance / "log" / "journal")
            Bus(journal, SERVER).emit(catalogue.SSH_UPLOAD_DONE, uploaded("/late.csv"), ALICE)
            journal.close()
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr(module.time, "sleep", sleep)
    result = mft(instance, "tail", "-n", "0", "-f")
    assert result.exit_code == 0
    assert "/late.csv" in result.stdout
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ((), 6),
        (("--event", "20142"), 1),
        (("--event", "20142", "--event", "30068"), 6),
        (("--group", "failure"), 1),
        (("--account", "alice-1"), 5),
        (("--address", "198.51.100.0/24"), 1),
        (("--path", "*/3.csv"), 1),
        (("--text", "wrong"), 1),
        (("--since", "2030-01-03 00:00:00Z"), 4),
        (("--until", "2030-01-03 00:00:00Z"), 2),
        (("--since", "2030-01-02 00:00:00Z", "--until", "2030-01-04 00:00:00Z"), 2),
        (("--account", "bob", "--path", "*"), 0),
    ],
)
def test_search_prints_what_matches(instance, filters, count):
    result = mft(instance, "search", *filters)
    assert len(result.stdout.splitlines()) == count
    assert result.exit_code == (0 if count else 1)


def test_search_for_the_last_hours_finds_what_is_new(instance):
    journal = Journal.open(instance / "log" / "journal")
    Bus(journal, SERVER).emit(catalogue.SCP_CLOSED, payloads.Nothing(), ALICE)
    journal.close()
    assert mft(instance, "search", "--event", "30064", "--since", "2h").exit_code == 0
    assert mft(instance, "search", "--event", "30064", "--until", "2h").exit_code == 1


def test_search_gives_json_for_scripts(instance):
    result = mft(instance, "search", "--event", "20142", "--format", "json")
    event = json.loads(result.stdout)
    assert event["data"]["username"] == "bob\n\x1b[2K"
    assert event["server"] == {"uuid": "server-1", "name": "files"}


@pytest.mark.parametrize(
    "filters",
    [
        ("--event", "0"),
        ("--group", "failures"),
        ("--address", "localhost"),
        ("--path", "m/(/"),
        ("--since", "yesterday"),
    ],
)
def test_a_filter_that_cannot_be_read_is_wrong_usage(instance, filters):
    result = mft(instance, "search", *filters)
    assert result.exit_code == 2
    assert f"Invalid value for '{filters[0]}'" in result.stderr


def test_the_journal_is_read_while_a_server_writes_it(instance):
    journal = Journal.open(instance / "log" / "journal")
    assert mft(instance, "search").exit_code == 0
    assert mft(instance, "verify").exit_code == 0
    journal.close()


def test_the_journal_is_read_without_a_configuration_that_works(instance):
    (instance / "conf" / "server.ini").write_text("nonsense")
    assert mft(instance, "tail").exit_code == 0


def test_where_there_is_no_journal_it_says_so(tmp_path):
    result = mft(tmp_path, "tail")
    assert result.exit_code == 1
    assert "There is no journal" in result.stderr


def test_verify_prints_the_head_that_proves_the_rest_later(instance):
    result = mft(instance, "verify")
    assert result.exit_code == 0
    assert "6 events are what was written" in result.stdout
    head = result.stdout.split("Head: ")[1].strip()
    assert mft(instance, "verify", "--head", head).exit_code == 0
    path = next((instance / "log" / "journal").glob("*.jsonl"))
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert mft(instance, "verify").exit_code == 0
    cut = mft(instance, "verify", "--head", head)
    assert cut.exit_code == 1
    assert "missing from the end" in cut.stderr


def test_verify_tells_where_the_journal_was_changed(instance):
    path = next((instance / "log" / "journal").glob("*.jsonl"))
    path.write_bytes(path.read_bytes().replace(b"/inbox/2.csv", b"/inbox/x.csv"))
    result = mft(instance, "verify")
    assert result.exit_code == 1
    assert "From serial 3 on" in result.stderr


@pytest.mark.parametrize("head", ["x", "6:abc", ":" + "0" * 64])
def test_a_head_that_is_none_is_wrong_usage(instance, head):
    assert mft(instance, "verify", "--head", head).exit_code == 2


def test_lines_that_cannot_be_read_are_told(instance):
    path = next((instance / "log" / "journal").glob("*.jsonl"))
    with path.open("ab") as file:
        file.write(b"garbage\n")
    result = mft(instance, "search")
    assert "1 lines of the journal cannot be read" in result.stderr


def test_export_writes_a_table(instance):
    target = instance / "out.csv"
    result = mft(instance, "export", "--account", "alice", "--output", str(target))
    assert result.exit_code == 0
    rows = list(csv.DictReader(target.read_text().splitlines()))
    assert [row["data.path"] for row in rows] == [f"/inbox/{index}.csv" for index in range(5)]
    assert rows[0]["timestamp.iso_8601_fractional"] == "2030-01-01T00:00:00.000Z"


def test_export_writes_json_lines(instance):
    result = mft(instance, "export", "--format", "json")
    assert [json.loads(line)["serial"] for line in result.stdout.splitlines()] == [1, 2, 3, 4, 5, 6]


def test_export_with_an_unknown_column_is_wrong_usage(instance):
    result = mft(instance, "export", "--fields", "id,nmae")
    assert result.exit_code == 2
    assert "there is no" in result.stderr


def test_replay_gives_a_handler_a_range_of_the_past_again(instance):
    result = mft(instance, "replay", "audit-log", "--from", "2", "--to", "6")
    assert result.exit_code == 0, result.output
    assert "4 events were handled again" in result.stdout  # its own filter holds
    lines = (instance / "log" / "again.log").read_text().splitlines()
    assert [line.split('"')[1] for line in lines] == [
        f"/inbox/{index}.csv" for index in range(1, 5)
    ]
    assert not (instance / "state" / "cursors").exists()


def test_replay_of_a_handler_that_is_none_names_those_there_are(instance):
    result = mft(instance, "replay", "audit-lgo")
    assert result.exit_code == 1
    assert "audit-log" in result.stderr


def test_replay_that_fails_says_why(instance):
    (instance / "log" / "again.log").mkdir()
    result = mft(instance, "replay", "audit-log")
    assert result.exit_code == 1
    assert "again.log" in result.stderr


class Telling(Remembering):
    """A handler that tells of one failure for each batch."""

    def __init__(self, component, options, around):
        super().__init__(batch=4)
        self.component = component
        self._bus = around.bus

    async def handle_many(self, occurrences):
        await super().handle_many(occurrences)
        if occurrences[0].serial == 5:
            raise MailRejected("554 no")
        self._bus.emit(catalogue.DISPATCH_GONE, payloads.Gone("/inbox/0.csv"))


def test_replay_fails_when_the_handler_tells_of_failures(instance, monkeypatch):
    monkeypatch.setitem(replaying.HANDLERS, "local-file", SimpleNamespace(build=Telling))
    result = mft(instance, "replay", "audit-log", "--to", "4")
    assert result.exit_code == 1
    assert result.stdout == "4 events were handled again.\n"
    assert result.stderr == (
        'File "/inbox/0.csv" is gone: it is not dispatched.\n'
        "Error: Failures that the handler told of: 1.\n"
    )


def test_replay_names_the_serial_at_which_the_handler_failed(instance, monkeypatch):
    monkeypatch.setitem(replaying.HANDLERS, "local-file", SimpleNamespace(build=Telling))
    result = mft(instance, "replay", "audit-log")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: The handler failed at the serial 5: 554 no. 4 events before were handled again."
    )


def test_replay_without_the_memberships_that_it_needs_says_so(instance):
    ini = instance / "conf" / "server.ini"
    ini.write_text(INI.replace("type = local-file", "type = local-file\nuser_groups = A"))
    (instance / "state").mkdir()
    (instance / "state" / "memberships.json").write_text("[]")
    result = mft(instance, "replay", "audit-log")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The handler cannot be used: the memberships in ")


def test_every_command_has_an_example(instance):
    for command in audit.commands.values():
        assert "mft audit" in command.help.partition("Example")[2]
