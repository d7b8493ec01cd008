"""Transfers between this machine and an FTP server of somebody else, by a running server."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.interop import far_ftp
from tests.interop.far_ftp import HOST, OWNER, Far
from tests.system.rig import Rig, until

FILES = {"empty": b"", "small.csv": b"1;2;3", "large.bin": os.urandom(3_000_000)}


@pytest.fixture(scope="module")
def partner() -> Iterator[Far]:
    """One that demands TLS, and its session on data connections."""
    with far_ftp.running("vsftpd", "explicit") as server:
        yield server


@pytest.fixture
def there(partner: Far) -> Path:
    """A folder of its own there."""
    folder = Path(tempfile.mkdtemp(dir=partner.home))
    os.chown(folder, OWNER, OWNER)
    return folder


def prepare(rig: Rig, partner: Far) -> Path:
    """A location, and a folder of this machine."""
    rig.section(
        "locations/partner-1",
        name="partner",
        type="ftpse",
        address=HOST,
        port=str(partner.port),
        username=partner.username,
        password=partner.password,
        ssl_certificate_authority=str(partner.authority),
    )
    here = rig.directory.parent / "here"
    here.mkdir()
    return here


def found(folder: Path) -> dict[str, bytes]:
    there = {}
    for one in folder.iterdir():
        with suppress(FileNotFoundError):  # it may go meanwhile
            if one.is_file():
                there[one.name] = one.read_bytes()
    return there


def test_what_appears_here_is_there_and_gone_here(rig: Rig, partner: Far, there: Path) -> None:
    here = prepare(rig, partner)
    rig.section(
        "transfers/push-1",
        name="push",
        source_path=str(here),
        destination_uuid="partner-1",
        destination_path=there.name,
        recursive="yes",
        changes_poll_interval="0.2",
        stable_interval="0.3",
    )
    rig.start()
    (here / "below").mkdir()
    for name, data in FILES.items():
        (here / name).write_bytes(data)
        (here / "below" / name).write_bytes(data)
    until(lambda: found(here) == found(here / "below") == {})
    assert found(there) == found(there / "below") == FILES
    rig.stop()


def test_what_is_there_is_fetched_and_gone_there(rig: Rig, partner: Far, there: Path) -> None:
    here = prepare(rig, partner)
    for name, data in FILES.items():
        (there / name).write_bytes(data)
    rig.section(
        "transfers/pull-1",
        name="pull",
        source_uuid="partner-1",
        source_path=there.name,
        destination_path=str(here),
        changes_poll_interval="0.2",
        stable_interval="0.3",
    )
    rig.start()
    until(lambda: found(there) == {})
    assert found(here) == FILES
    rig.stop()


def test_a_partner_is_tried_from_the_command_line(rig: Rig, partner: Far, there: Path) -> None:
    prepare(rig, partner)
    (there / "orders.csv").write_bytes(b"1;2;3")
    tried = rig.mft("location", "test", "partner", "--path", there.name)
    assert tried.returncode == 0, tried.stderr
    assert "orders.csv" in tried.stdout
    assert "certificate" in tried.stdout
    assert partner.password not in tried.stdout
