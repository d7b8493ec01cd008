"""No account reaches the folders of the instance, by whatever path."""

from pathlib import Path

import pytest

from mft.auth.inheritance import Membership, build_account
from mft.auth.own_folders import reaching
from tests.fakes.accounts import GROUPS, PEER, account, group


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"home_folder_path": "/instance/log"}, "/instance/log"),
        ({"virtual_folders": "/logs, /instance/log"}, "/instance/log"),
        ({}, ""),
    ],
)
def test_homes_and_virtual_folders_count(options: dict[str, str], names: str) -> None:
    whole = Membership.of("id", account(**options), GROUPS)
    assert reaching(build_account(whole, PEER), Path("/instance")).startswith(names)
    assert bool(reaching(build_account(whole, PEER), Path("/instance"))) is bool(names)


def test_the_quarantine_of_an_account_is_not_in_its_home() -> None:
    demands = {"inspections": "clam", "quarantine_folder": "/srv/ann/quarantine"}
    groups = {"DEFAULT_GROUP": group("default", **demands)}
    options = account(home_folder_path="/srv/ann", group="DEFAULT_GROUP")
    built = build_account(Membership.of("id", options, groups), PEER)
    assert built.demands.quarantine == "/srv/ann/quarantine"
    assert "which clients must not reach" in reaching(built, Path("/instance"))
