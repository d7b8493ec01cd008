"""A file comes in, and leaves for the server of somebody else: the shipped example."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mft.daemon.load import load
from mft.events import catalogue as events
from tests.fakes.sshd import Sshd, running
from tests.system.examples import shipped, take
from tests.system.rig import Rig, sftp, until
from tests.system.trail import UPLOADED, unbalanced

EXAMPLE = "dmz-outbox-to-partner"
DISPATCHED = events.DISPATCH_DONE.number
SENT, FAILED = events.TRANSFER_FILE_DONE.number, events.TRANSFER_FILE_RETRIED.number
REMOVED = events.LOCATION_REMOVE_DONE.number
DATA = b"%PDF-1.7 the whole of it"


@pytest.fixture(scope="module")
def customer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """OpenSSH's server, which knows nothing of us."""
    with running(tmp_path_factory.mktemp("sshd")) as sshd:
        (sshd.home / "incoming").mkdir()
        yield sshd


def at_customer(sshd: Sshd) -> dict[str, str]:
    """The lines of the example that say who the other server is."""
    return {
        "address = sftp.customer.example": "address = 127.0.0.1",
        "port = 22": f"port = {sshd.port}",
        "username = mft": f"username = {sshd.username}",
        "password = change me": f"ssh_client_key = {sshd.key}",
        "ssh_server_identity = SHA256:jz8gYNBTxPQ0gTGaxQYqSpTLpx1bbpZFIaYVXYSH0+I": (
            f"ssh_server_identity = {sshd.host_key()}"
        ),
        "destination_path = incoming": f"destination_path = {sshd.home}/incoming",
        "changes_poll_interval = 5": "changes_poll_interval = 1",
    }


def test_what_a_partner_uploads_is_at_the_customer_and_the_trail_tells_it_as_one_story(
    rig: Rig, customer: Sshd, tmp_path: Path
) -> None:
    homes = take(rig, EXAMPLE, at_customer(customer))
    source = tmp_path / "source"
    source.write_bytes(DATA)
    rig.start()
    partner = replace(rig.server, account="partner", home=homes / "partner")
    assert sftp(partner, f"put {source} Inbox/report.pdf\nput {source} Inbox/notes.txt\n") == 0
    outbox = partner.home / "Outbox"
    until(lambda: rig.trail.count(SENT) == 1, "the file is sent")
    until(lambda: not list(outbox.iterdir()), "the file is gone from the Outbox")
    rig.stop()
    assert {path.name: path.read_bytes() for path in (customer.home / "incoming").iterdir()} == {
        "report.pdf": DATA
    }
    assert [path.name for path in (partner.home / "Inbox").iterdir()] == ["notes.txt"]
    story = [
        (one["id"], one["data"])
        for one in rig.trail.told
        if one["id"] in (UPLOADED, DISPATCHED, SENT, REMOVED) and "report.pdf" in str(one["data"])
    ]
    uploaded, dispatched, sent, removed = story
    assert [number for number, _ in story] == [UPLOADED, DISPATCHED, SENT, REMOVED]
    # Each tells where the next begins.
    assert uploaded[1]["real_path"] == dispatched[1]["path"]
    assert dispatched[1]["destination_paths"] == [sent[1]["path"]]
    assert sent[1]["destination_path"] == f"{customer.home}/incoming/report.pdf"
    assert sent[1]["size"] == len(DATA)
    assert removed[1]["path"].endswith("report.pdf")
    assert unbalanced(rig.trail.told) == []
    assert rig.mft("audit", "verify").returncode == 0


def test_what_the_customer_cannot_take_now_waits_in_the_outbox(
    rig: Rig, customer: Sshd, tmp_path: Path
) -> None:
    """The other server has no such folder, and somebody makes it."""
    lines = at_customer(customer)
    blocked = customer.home / "later"
    blocked.write_bytes(b"no folder")
    lines["destination_path = incoming"] = f"destination_path = {blocked}"
    lines["retry_wait = 60"] = "retry_wait = 1"
    homes = take(rig, EXAMPLE, lines)
    source = tmp_path / "source"
    source.write_bytes(DATA)
    rig.start()
    partner = replace(rig.server, account="partner", home=homes / "partner")
    assert sftp(partner, f"put {source} Inbox/report.pdf\n") == 0
    outbox = partner.home / "Outbox"
    until(lambda: rig.trail.count(DISPATCHED) == 1, "the file is dispatched")
    until(lambda: rig.trail.count(FAILED) >= 1, "it could not be sent")
    assert (outbox / "report.pdf").read_bytes() == DATA
    blocked.unlink()
    blocked.mkdir()
    until(lambda: rig.trail.count(SENT) == 1, "the file is sent")
    until(lambda: not list(outbox.iterdir()), "the file is gone from the Outbox")
    assert (blocked / "report.pdf").read_bytes() == DATA
    rig.stop()


def test_the_example_has_no_problems_as_it_is_shipped(tmp_path: Path) -> None:
    copied = tmp_path / "server.ini"
    shutil.copyfile(shipped(EXAMPLE), copied)
    assert load(copied).problems == ()
