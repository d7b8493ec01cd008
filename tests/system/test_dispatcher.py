"""Files that are dispatched by a real server, the shipped examples first."""

import asyncio
import contextlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from mft.daemon.load import load
from mft.events import catalogue as events
from tests.interop.instance import Server
from tests.interop.trees import content
from tests.system.examples import shipped, take
from tests.system.light import connect
from tests.system.rig import Rig, sftp, until
from tests.system.trail import UPLOADED, unbalanced

DONE, FAILED = events.DISPATCH_DONE.number, events.DISPATCH_FAILED.number
EXAMPLES = ("pdf-inbox-to-outbox-by-glob", "pdf-inbox-to-outbox-by-regex")
ROOM = 4 << 20  # bytes of the small disk
FITS, TOO_LARGE = 1 << 20, ROOM + (1 << 20)
FILES = 120  # uploaded before the server is killed
ENOUGH = 30  # dispatched by then, at least


@pytest.mark.parametrize("name", EXAMPLES)
def test_pdf_files_go_from_inbox_to_outbox_and_others_stay(
    rig: Rig, tmp_path: Path, name: str
) -> None:
    homes = take(rig, name)
    source = tmp_path / "source"
    source.write_bytes(b"content")
    rig.start()
    partner = replace(rig.server, account="partner", home=homes / "partner")
    batch = "".join(
        f"put {source} {path}\n"
        for path in ("Inbox/report.pdf", "Inbox/LOUD.PDF", "Inbox/report.txt", "report.pdf")
    )
    assert sftp(partner, batch) == 0
    outbox, inbox = partner.home / "Outbox", partner.home / "Inbox"
    until(lambda: rig.trail.count(DONE) == 2, "the PDF files are dispatched")
    moved = {path.name.lower() for path in outbox.iterdir()}
    assert moved == {"report.pdf", "loud.pdf"}
    assert [path.name for path in inbox.iterdir()] == ["report.txt"]
    assert (partner.home / "report.pdf").exists()
    assert all(path.read_bytes() == b"content" for path in outbox.iterdir())
    done = rig.trail.of(DONE)[0]["data"]
    assert done["path"] == str(inbox / "report.pdf")
    assert done["destination_paths"] == [str(outbox / "report.pdf")]
    rig.stop()
    log = (rig.directory / "log" / "server.log").read_text()
    assert f"{DONE} " in log
    assert rig.trail.count(events.HANDLER_FAILED.number) == 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_have_no_problems_as_they_are_shipped(tmp_path: Path, name: str) -> None:
    copied = tmp_path / "server.ini"
    shutil.copyfile(shipped(name), copied)
    assert load(copied).problems == ()


def dispatching(rig: Rig, out: Path, **options: str) -> None:
    """Add a dispatcher from the home of the account to a folder."""
    rig.section(
        "event-handlers/out",
        name="out",
        type="file-dispatcher",
        target=str(UPLOADED),
        dispatch_rules=f"move, *, {out}",
        **options,
    )


def put(server: Server, source: Path, name: str) -> None:
    """Upload a file."""
    assert sftp(server, f"put {source} /{name}\n") == 0


def test_another_disk_that_is_full_keeps_the_source_and_works_when_there_is_room(
    rig: Rig, tmp_path: Path
) -> None:
    for name, size in (("fits", FITS), ("large", TOO_LARGE)):
        (tmp_path / name).write_bytes(content(size))
    out = tmp_path / "out"
    out.mkdir()
    dispatching(rig, out)
    rig.say("server", allow_root="yes")
    rig.start(before=f"mount -t tmpfs -o size={ROOM} tmpfs '{out}'")
    seen = rig.seen / str(out)[1:]
    assert os.path.ismount(seen)
    put(rig.server, tmp_path / "large", "large")
    until(lambda: rig.trail.count(FAILED), "the failure")
    (failed,) = rig.trail.of(FAILED)
    assert failed["data"]["details"] == "No space left on device"
    assert os.listdir(seen) == []
    assert (rig.home / "large").read_bytes() == content(TOO_LARGE)
    put(rig.server, tmp_path / "fits", "fits")
    until(lambda: rig.trail.count(DONE), "the dispatch")
    assert os.listdir(seen) == ["fits"]
    assert (seen / "fits").read_bytes() == content(FITS)
    assert os.listdir(rig.home) == ["large"]
    rig.stop()
    assert unbalanced(rig.trail.told) == []


def test_root_replays_with_the_rights_of_the_server(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    out = tmp_path / "out"
    out.mkdir()
    rig.section(
        "event-handlers/out",
        name="out",
        type="file-dispatcher",
        target=str(UPLOADED),
        dispatch_rules=f"copy, *, {out}",
    )
    rig.give_up_root(out)
    rig.start()
    put(rig.server, tmp_path / "a", "a")
    until(lambda: rig.trail.count(DONE), "the copy")
    rig.stop()
    (out / "a").unlink()
    replayed = rig.mft("audit", "replay", "out")
    assert replayed.returncode == 0, replayed.stderr
    assert (out / "a").owner() == out.owner()


async def upload_until_it_dies(rig: Rig, acknowledged: list[str]) -> None:
    """Upload file after file, and kill the server once enough were dispatched."""
    connection = await connect(rig.server)
    client = await connection.start_sftp_client()
    with contextlib.suppress(asyncssh.Error, OSError):
        for number in range(FILES):
            async with client.open(f"{number:03}", "wb") as file:
                await file.write(b"%d" % number)
            if client._handler._writer is None:
                break  # asyncssh closes a file without a word when its connection is gone
            acknowledged.append(f"{number:03}")
    until(lambda: rig.trail.count(DONE) >= ENOUGH, "some are dispatched")
    rig.kill()
    connection.abort()


def test_every_upload_is_dispatched_once_although_the_server_was_killed(
    rig: Rig, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    dispatching(rig, out)
    rig.start()
    acknowledged: list[str] = []
    asyncio.run(upload_until_it_dies(rig, acknowledged))
    assert len(acknowledged) == FILES
    rig.start()
    until(lambda: rig.trail.count(DONE) >= FILES, "all are dispatched")
    rig.stop()
    assert sorted(os.listdir(out)) == acknowledged
    assert [path for path in rig.home.iterdir() if not path.name.startswith(".mft-")] == []
    for name in acknowledged:
        assert rig.trail.count(DONE, path=str(rig.home / name)) == 1, name
    for number in (FAILED, events.DISPATCH_GONE.number, events.HANDLER_FAILED.number):
        assert rig.trail.count(number) == 0
    assert rig.mft("audit", "verify").returncode == 0
