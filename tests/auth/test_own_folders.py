"""No account reaches the folders of the instance, by whatever path."""

from pathlib import Path

import pytest

from mft.auth.inheritance import Membership, build_account
from mft.auth.own_folders import overlap, own_folders, reaching
from tests.fakes.accounts import GROUPS, PEER, account


def test_what_is_inside_or_around_is_told(tmp_path: Path) -> None:
    ours = own_folders(tmp_path)
    assert "is inside" in overlap(f"{tmp_path}/conf/keys", ours)
    assert "is inside" in overlap(f"{tmp_path}/data/../state", ours)
    assert "holds" in overlap(str(tmp_path), ours)
    assert overlap(f"{tmp_path}/configuration", ours) == ""


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "conf")
    assert "is inside" in overlap(f"{tmp_path}/data/x", own_folders(tmp_path))


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
