"""A whole server and its databases: transfers in MariaDB as in the example, and a full disk."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mft.core.peer import Component
from mft.events import catalogue as events
from mft.events.facts import unique
from mft.events.model import Group
from mft.events.reader import JournalReader
from tests.fakes.databases import NAME, PASSWORD, running
from tests.laws.source import ROOT
from tests.system.ftp_client import FtpClient
from tests.system.http_client import HttpClient
from tests.system.rig import Rig, sftp, until
from tests.system.test_full_disk import fill, small_disk

EXAMPLE = ROOT / "conf" / "examples" / "transfers-in-mariadb" / "server.ini"
UPLOADED = {"sftp": 30068, "ftp": 10078, "http": 40017}
DOWNLOADED = {"sftp": 30067, "ftp": 10069, "http": 40039}


@pytest.fixture
def mariadb() -> Iterator[Any]:
    with running("mysql") as server:
        yield server


def take_example(rig: Rig, mariadb: Any) -> None:
    """Add the sections of the example, with the database that runs here."""
    _, mark, rest = EXAMPLE.read_text().partition("[resources/MARIADB]")
    text = (mark + rest.partition("[accounts/")[0]).replace("= change-me", f"= {PASSWORD}")
    text = text.replace("port = 3306", f"port = {mariadb.port}")
    assert f"database = {NAME}\n" in text
    with rig.config.open("a") as file:
        file.write(f"\n{text}")


def rows(mariadb: Any) -> list[tuple[int, str, str]]:
    """Event, account and path of every row."""
    found = mariadb.rows("event_id, account_name, JSON_VALUE(data, '$.path')")
    return sorted(found)


def test_every_transfer_is_a_row_in_mariadb(rig: Rig, mariadb: Any, tmp_path: Path) -> None:
    ftp, web = rig.ftp("clear"), rig.web("http")
    take_example(rig, mariadb)
    assert rig.mft("check").returncode == 0
    rig.start()
    (tmp_path / "a").write_bytes(b"text")
    batch = f"put {tmp_path}/a /sftp\nget /sftp {tmp_path}/b\nrename /sftp /other\nls\n"
    assert sftp(rig.server, batch) == 0
    with FtpClient(ftp).log_in() as peer:
        assert peer.store("STOR /ftp", b"text").code == 226
        assert peer.fetch("RETR /ftp")[0] == b"text"
    with HttpClient(web) as peer:
        assert peer.ask("PUT", "/home/http", b"text").status == 201
        assert peer.ask("GET", "/home/http").body == b"text"
    account = rig.server.account
    due = sorted(
        (number, account, f"/{protocol}")
        for table in (UPLOADED, DOWNLOADED)
        for protocol, number in table.items()
    )
    until(lambda: transfers(mariadb) == due, "all rows")
    found = rig.mft("audit", "search", "--database", "TRANSFERS", "--event", "10078")
    assert 'Uploaded "/ftp"' in found.stdout
    rig.stop()


def transfers(mariadb: Any) -> list[tuple[int, str, str]]:
    """The rows of finished transfers, without the beginnings."""
    wanted = {*UPLOADED.values(), *DOWNLOADED.values()}
    try:
        return [row for row in rows(mariadb) if row[0] in wanted]
    except Exception:  # there is no table yet
        return []


def test_a_disk_that_is_full_keeps_events_waiting(rig: Rig, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    rig.say("server", allow_root="yes")
    given = {"name": "own", "type": "database", "path": str(folder / "events.db3")}
    rig.section("event-handlers/own", **given)
    rig.start(before=small_disk(folder))
    seen = rig.seen / str(folder)[1:]
    assert os.path.ismount(seen)
    until(lambda: stored(seen, tmp_path))
    fill(seen / "filler")
    assert sftp(rig.server, "ls\n" * 50) == 0  # more than a page that has room left takes
    until(lambda: rig.trail.count(events.DATABASE_GONE.number))
    (failed,) = rig.trail.of(events.DATABASE_ACTION_FAILED.number)
    assert "full" in failed["data"]["details"]
    (seen / "filler").unlink()
    until(lambda: rig.trail.count(events.DATABASE_BACK.number), "it goes on")
    until(lambda: stored(seen, tmp_path) == due(rig), "every event, once")
    rig.stop()


def stored(folder: Path, copy: Path) -> list[str]:
    """The events that the file has, read from a copy: SQLite looks for it outside of the mount."""
    try:
        for name in ("events.db3", "events.db3-wal"):
            (copy / name).write_bytes((folder / name).read_bytes())
        with closing(sqlite3.connect(copy / "events.db3")) as file:
            found = file.execute("SELECT uuid FROM chevah_log_entries")
            return sorted(row[0] for row in found)
    except (OSError, sqlite3.Error):  # it is being written
        return []


def due(rig: Rig) -> list[str]:
    """Those that it should have: of the handler's own, its start only."""
    with JournalReader(rig.directory / "log" / "journal") as reader:
        every = reader.take(100_000)
    server = Component(server_uuid(rig), "server", "")
    wanted = [
        one
        for one in every
        if one.origin.component.uuid != "own" or Group.COMPONENT_ACTIVATION in one.event.groups
    ]
    return sorted(unique(server, one) for one in wanted)


def server_uuid(rig: Rig) -> str:
    """The server's ID, as its `server.ini` has it."""
    lines = rig.config.read_text().splitlines()
    return next(line.partition("= ")[2] for line in lines if line.startswith("uuid = "))
