"""No account reaches the folders of the instance, by whatever path."""

from pathlib import Path

import pytest

from mft.auth.inheritance import Membership, build_account
from mft.auth.own_folders import reaching
from tests.fakes.accounts import GROUPS, PEER, account


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
