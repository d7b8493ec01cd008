"""A location is tried without a server, and who is there is trusted only when somebody says so."""

from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason
from mft.daemon import location_trial as module
from mft.daemon.location_trial import KNOWN, MAX_SHOWN, LocationTrial, Tried
from mft.daemon.state.first_seen import FirstSeenFiles
from tests.fakes.daemons import Instance
from tests.fakes.loop import run_loop
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.showing import Partner
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    (tmp_path / "partners" / "in").mkdir(parents=True)
    return Instance(tmp_path)


@pytest.fixture
def partner(monkeypatch: pytest.MonkeyPatch) -> Partner:
    partner = Partner()
    monkeypatch.setattr(module, "connector", partner.connector)
    return partner


def tried(
    instance: Instance, folder: str = "", trusts: bool = False, accept: bool = False
) -> Tried:
    section = (
        f"[locations/l]\ntype = filesystem\nname = acme\npath = {instance.directory}/partners\n"
    )
    asked: list[str] = []

    def ask(shown: str) -> bool:
        asked.append(shown)
        return trusts

    async def main(reactor: Any) -> Tried:
        trial = LocationTrial(instance.config(section), reactor, ask, accept=accept)
        return await trial.run("l", folder)

    return run_loop(main)


def kept(instance: Instance) -> str | None:
    return run(FirstSeenFiles(instance.state, Inline(), Trail(), str).of("l"))


def test_a_folder_is_listed_by_name_up_to_a_number(instance: Instance) -> None:
    for number in range(MAX_SHOWN + 7):
        (instance.directory / "partners" / "in" / f"{number:03}").write_text("x" * number)
    found = tried(instance, "in")
    assert found.total == MAX_SHOWN + 7
    assert not found.more
    assert [entry.name for entry in found.entries] == [f"{n:03}" for n in range(MAX_SHOWN)]
    assert found.trust == "nothing proves who is there"
    assert found.connected >= 0
    assert found.listed >= 0


def test_a_folder_without_an_end_has_one(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LISTED", 3)
    for number in range(7):
        (instance.directory / "partners" / f"{number}").write_text("")
    assert tried(instance).more


def test_what_is_not_there_is_told(instance: Instance) -> None:
    with refused(Reason.NOT_FOUND):
        tried(instance, "out")


def test_an_identity_that_is_new_is_not_kept_unless_somebody_says_so(
    instance: Instance, partner: Partner
) -> None:
    with refused(Reason.DENIED):
        tried(instance)
    assert kept(instance) is None
    assert "is new" in tried(instance, trusts=True).trust
    assert kept(instance) == "key one"
    assert tried(instance).trust == KNOWN


def test_another_identity_is_accepted_only_on_request(instance: Instance, partner: Partner) -> None:
    tried(instance, accept=True)
    partner.key = "key two"
    with refused(Reason.DENIED):
        tried(instance, trusts=True)
    assert kept(instance) == "key one"
    assert "is new" in tried(instance, accept=True).trust
    assert kept(instance) == "key two"
    assert tried(instance, accept=True).trust == KNOWN


@pytest.mark.parametrize("operation", ["connect", "list"])
def test_a_peer_that_hangs_has_an_end(
    instance: Instance, partner: Partner, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.01)
    monkeypatch.setattr(module, "LIST_TIMEOUT", 0.01)
    partner.peer.hangs.add(operation)
    with refused(Reason.ABORTED):
        tried(instance, accept=True)
    assert partner.peer.open == []
