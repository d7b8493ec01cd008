"""The example of signed files only, as it is shipped: the rest is in quarantine, and in a mail."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import asyncssh
import pytest

from mft.events import catalogue as events
from mft.inspection import quarantine
from tests.fakes.pki import Authority
from tests.fakes.postfix import Postfix
from tests.fakes.postfix import postfix as postfix
from tests.fakes.signing import signed, signer, written
from tests.interop.instance import Server
from tests.laws.source import ROOT
from tests.system.light import session
from tests.system.rig import Rig, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a mail server")

EXAMPLE: Final = ROOT / "conf" / "examples" / "bad-signature-to-quarantine" / "server.ini"
BOX: Final = "officer"
TEXT: Final = b"date,amount\n2026-11-27,100"


class Example(NamedTuple):
    """The running example."""

    rig: Rig
    server: Server  # of the partner
    quarantine: Path


@pytest.fixture(scope="module")
def example(
    tmp_path_factory: pytest.TempPathFactory, template: Server, postfix: Postfix
) -> Iterator[Example]:
    """The example, with a signer and places of the test's own, and a key to log in."""
    rig = Rig(tmp_path_factory.mktemp("mft") / "instance", template)
    outer = rig.directory.parent / "outer"
    (outer / "mft").mkdir(parents=True)
    written(rig.directory / "signer.pem", signer(Authority()).certificate)
    public = Path(f"{rig.server.key}.pub").read_text().strip()
    text = EXAMPLE.read_text()
    for shipped, here in {
        ";account = mft": "allow_root = yes",
        "port = 10022\n": f"port = {rig.server.port}\n",
        "/srv/": f"{outer}/",
        "enabled = No": f"ssh_authorized_keys_content = {public}",
        "port = 25\n": f"port = {postfix.clear}\n",
    }.items():
        assert shipped in text
        text = text.replace(shipped, here)
    rig.config.write_text(text)
    home = outer / "mft" / "partner"
    rig.start()
    yield Example(rig, replace(rig.server, account="partner", home=home), outer / "mft-quarantine")
    try:
        rig.stop()
    finally:
        rig.close()


def send(example: Example, name: str, data: bytes) -> None:
    async def put() -> None:
        async with session(example.server) as sftp, sftp.open(name, "wb") as file:
            await file.write(data)

    asyncio.run(put())


def test_what_is_signed_comes_in(example: Example) -> None:
    good = signed(TEXT)
    send(example, "good.csv", good)
    assert (example.server.home / "good.csv").read_bytes() == good
    assert example.rig.trail.count(events.SIGNATURE_VALID.number, path="/good.csv") == 1


def test_what_is_not_is_in_quarantine_and_the_officer_has_a_mail(
    example: Example, postfix: Postfix
) -> None:
    bad = signed(TEXT).replace(b"100", b"900")
    with pytest.raises(asyncssh.SFTPPermissionDenied, match="Only signed files are taken"):
        send(example, "bad.csv", bad)
    assert not (example.server.home / "bad.csv").exists()
    (record,) = quarantine.records(str(example.quarantine))
    assert (record.path, record.account_name) == ("/bad.csv", "partner")
    assert "not that of a signer" in record.details
    assert (example.quarantine / record.id).read_bytes() == bad
    assert sorted(os.listdir(example.quarantine)) == [record.id, f"{record.id}.json"]
    log = example.rig.directory / "log" / "quarantine.log"
    until(lambda: "90253" in log.read_text(), "the officer's log")
    numbers = [line.split()[0] for line in log.read_text().splitlines()]
    assert numbers == ["20177", "90251", "90253"]
    (mail,) = postfix.mails(BOX)
    assert mail["Subject"] == "[90253] bad.csv of partner"
    assert record.id in mail.get_content()


def test_the_placeholder_signs_nothing() -> None:
    placeholder = EXAMPLE.with_name("signer.pem").read_text()
    assert "PRIVATE KEY" not in placeholder
