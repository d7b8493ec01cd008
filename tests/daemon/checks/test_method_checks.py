"""Methods of logging in that may do more than was meant are warned of, and load."""

from pathlib import Path

import pytest

from mft.daemon.load import load

HTTP = "[authentications/h]\ntype = http\nname = asked\nurl = {url}\n"
GUEST = (
    "[authentications/a]\ntype = anonymous\nname = whoever\nanonymous_account_uuid = guest\n"
    "[accounts/guest]\nname = guest\nhome_folder_path = {home}\ncreate_home_folder = yes\n"
)


def told(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "server.ini"
    path.write_text(text.replace("{home}", str(tmp_path / "home")))
    path.chmod(0o600)
    loaded = load(path)
    assert loaded.config is not None
    return [str(one) for one in loaded.problems]


def test_passwords_in_clear_over_a_network_are_warned_of(tmp_path: Path) -> None:
    url = "https://a.example/, http://b.example/x?token=secret, http://127.0.0.1:8080/"
    assert told(tmp_path, HTTP.replace("{url}", url)) == [
        'server.ini:4: warning: [authentications/h] url = "http://b.example/..." is not https: '
        "passwords go over the network as they are"
    ]


@pytest.mark.parametrize(
    ("permissions", "warned"),
    [
        ("permissions = allow-read, allow-list\n", False),
        ("permissions = deny-full-control\n", False),
        ("permissions = allow-read\n    /in/*, allow-write\n", True),
        ("permissions = allow-full-control\n", True),
        ("", True),  # the default of groups
    ],
)
def test_changes_by_whoever_comes_are_warned_of(
    tmp_path: Path, permissions: str, warned: bool
) -> None:
    warnings = told(tmp_path, GUEST + permissions)
    assert bool(warnings) is warned
    assert all("lets whoever comes change files" in one for one in warnings)


def test_an_account_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "server.ini"
    path.write_text(GUEST.partition("[accounts")[0])
    loaded = load(path)
    assert loaded.config is None
    assert "names no section [accounts/guest]" in str(loaded.problems[0])
