"""Searching a database prints what searching the journal prints."""

import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner
from twisted.internet.selectreactor import SelectReactor

from mft.cli import audit_replay
from mft.cli.audit import audit
from mft.config.kinds import Context
from mft.core.peer import Actor, Address, Component, Origin
from mft.events import catalogue, payloads
from mft.events.bus import Bus
from mft.events.journal import Journal
from mft.events.search import Query
from mft.resources.database_options import SqliteOptions
from mft.resources.event_store import EventStore
from tests.fakes.occurrences import ALICE, SERVER, SERVICE, uploaded

BOB = Origin(Actor("bob-1", "bob"), Address("198.51.100.9", 40000), SERVICE)
BY_ALICE = Query(accounts=frozenset({"alice"}))
BEGIN = 1893456000.0  # 2030-01-01 00:00 UTC

INI = """\
[server]
uuid = server-1
name = files

[services/ssh]
name = ssh
type = ssh
port = 10022

[resources/SHARED]
name = shared
type = sqlite
path = log/server.db3

[event-handlers/to-shared]
name = to shared
type = database
database = SHARED

[event-handlers/own]
name = own
type = database
"""


@pytest.fixture
def instance(tmp_path):
    """Uploads and a failed login, in the journal and in the database."""
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
    store = opened(tmp_path)
    store.add(SERVER, journal.read())
    store.close()
    journal.close()
    return tmp_path


def opened(instance):
    given = {"name": "shared", "path": "log/server.db3"}
    return EventStore(SqliteOptions.model_validate(given, context=Context(instance)))


def search(instance, *arguments):
    config = ["-c", str(instance / "conf" / "server.ini")]
    return CliRunner().invoke(audit, ["search", *config, *arguments])


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--format", "json"),
        ("--event", "20142"),
        ("--account", "alice", "--since", "2030-01-03"),
        ("--path", "/inbox/[12].csv"),
        ("--address", "198.51.100.0/24", "--format", "json"),
        ("--group", "failure"),
        ("--text", "INBOX/3"),
    ],
)
@pytest.mark.parametrize("database", ["SHARED", "to-shared", "own"])
def test_a_database_is_searched_as_the_journal_is(instance, database, words):
    journal, found = search(instance, *words), search(instance, "--database", database, *words)
    assert found.exit_code == journal.exit_code == 0
    assert found.stdout == journal.stdout != ""


def test_events_of_another_server_are_told_as_its_own(instance):
    store = opened(instance)
    other = Component("server-2", "server", "other")
    time = BEGIN + 1
    store.add(other, [one.occurrence._replace(time=time) for one in store.search(BY_ALICE)])
    store.close()
    lines = search(instance, "--database", "own", "--format", "json").stdout.splitlines()
    assert sum('"server":{"uuid":"server-2","name":"other"}' in line for line in lines) == 5
    assert sum('"server":{"uuid":"server-1","name":"files"}' in line for line in lines) == 6


@pytest.mark.parametrize("handler", ["own", "to-shared"])
def test_a_replay_adds_what_is_missing_and_nothing_twice(instance, handler, monkeypatch):
    monkeypatch.setattr(audit_replay, "install", SelectReactor)
    with closing(sqlite3.connect(instance / "log" / "server.db3")) as file, file:
        file.execute("DELETE FROM chevah_log_entries WHERE serial IN (2, 3)")
    config = ["-c", str(instance / "conf" / "server.ini")]
    result = CliRunner().invoke(audit, ["replay", handler, *config])
    assert (result.exit_code, result.output) == (0, "6 events were handled again.\n")
    with closing(sqlite3.connect(instance / "log" / "server.db3")) as file:
        found = file.execute("SELECT serial FROM chevah_log_entries ORDER BY serial")
        assert [row[0] for row in found] == [1, 2, 3, 4, 5, 6]


def test_a_search_that_finds_nothing_ends_with_1(instance):
    result = search(instance, "--database", "own", "--account", "nobody")
    assert (result.exit_code, result.output) == (1, "")


def test_a_name_of_no_database_is_told_with_those_that_there_are(instance):
    result = search(instance, "--database", "audit")
    assert result.exit_code == 1
    assert "There is no database 'audit'" in result.output
    assert "to-shared, own, SHARED" in result.output


def test_a_database_that_is_not_there_is_told_and_not_made(instance):
    (instance / "log" / "server.db3").unlink()
    result = search(instance, "--database", "SHARED")
    assert result.exit_code == 1
    assert "there is no file" in result.output
    assert not (instance / "log" / "server.db3").exists()
