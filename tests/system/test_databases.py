"""A whole server and its databases: transfers in MariaDB as in the example, and a full disk."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql
import pytest

from mft.core.peer import Component
from mft.daemon.load import load
from mft.events import catalogue as events
from mft.events.facts import unique
from mft.events.filters import Items
from mft.events.model import Group
from mft.events.reader import JournalReader
from mft.handlers.base import HandlerOptions
from tests.fakes.databases import NAME, PASSWORD, running
from tests.interop.instance import MFT, Server, execute
from tests.system.examples import shipped, take
from tests.system.ftp_client import FtpClient, cut
from tests.system.http_client import HttpClient
from tests.system.rig import Rig, sftp, until
from tests.system.test_full_disk import fill, small_disk
from tests.system.trail import FILES, FTP_UPLOAD_FAILED

EXAMPLE = "transfers-in-mariadb"
UPLOADED = {"sftp": 30068, "ftp": 10078, "http": 40017}
DOWNLOADED = {"sftp": 30067, "ftp": 10069, "http": 40039}
ZIPS = {"40025", "40041"}


@pytest.fixture
def mariadb() -> Iterator[Any]:
    with running("mysql") as server:
        yield server


def take_example(rig: Rig, mariadb: Any) -> Server:
    """Let the instance have the example, with the database that runs here; gives its account."""
    there = {
        "port = 3306": f"port = {mariadb.port}",
        "password = change-me": f"password = {PASSWORD}",
        f"database = {NAME}": f"database = {NAME}",
    }
    homes = take(rig, EXAMPLE, there)
    return replace(rig.server, account="partner", home=homes / "partner")


def rows(mariadb: Any) -> list[tuple[int, str]]:
    """Event and path of every row."""
    try:
        return sorted(mariadb.rows("event_id, JSON_VALUE(data, '$.path')"))
    except pymysql.Error:  # there is no table yet
        return []


def test_the_example_has_no_problems() -> None:
    told = execute(*MFT, "check", "-c", shipped(EXAMPLE)).stdout
    assert "event handlers: transfers into the database" in told


def test_every_transfer_is_one_row_in_mariadb(rig: Rig, mariadb: Any, tmp_path: Path) -> None:
    partner = take_example(rig, mariadb)
    ftp = replace(rig.ftp("clear"), server=partner)
    web = replace(rig.web("http"), server=partner)
    rig.start()
    (tmp_path / "a").write_bytes(b"text")
    batch = f"put {tmp_path}/a /sftp\nget /sftp {tmp_path}/b\nrename /sftp /other\nls\n"
    assert sftp(partner, batch) == 0
    with FtpClient(ftp).log_in() as peer:
        assert peer.store("STOR /ftp", b"text").code == 226
        assert peer.store("APPE /ftp", b"more").code == 226
        assert peer.fetch("RETR /ftp")[0] == b"textmore"
        assert peer.do("HASH /ftp").code == 213
        with peer.begin("STOR /cut") as connection:
            connection.sendall(b"te")
            cut(connection, reset=True)
        assert peer.reply().code == 426
    with HttpClient(web) as peer:
        assert peer.ask("PUT", "/home/http", b"text").status == 201
        assert peer.ask("GET", "/home/http").body == b"text"
        assert peer.ask("HEAD", "/home/http").status == 200
    due = [
        (number, f"/{protocol}")
        for table in (UPLOADED, DOWNLOADED)
        for protocol, number in table.items()
    ]
    due += [(UPLOADED["ftp"], "/ftp"), (FTP_UPLOAD_FAILED, "/cut")]
    until(lambda: len(rows(mariadb)) >= len(due), "all rows")
    found = rig.mft("audit", "search", "--database", "TRANSFERS", "--event", "10078")
    assert 'Uploaded "/ftp"' in found.stdout
    rig.stop()
    assert rows(mariadb) == sorted(due)


def test_the_example_takes_whatever_closes_a_file() -> None:
    config = load(shipped(EXAMPLE)).config
    assert config is not None
    handler = config.event_handlers["TRANSFERS"]
    assert isinstance(handler, HandlerOptions)
    closes = {str(number) for number, step in FILES.items() if step < 0}
    assert handler.target == Items(frozenset(closes | ZIPS))


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
