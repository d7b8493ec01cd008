"""A home that is to be deleted is its account's alone, or the configuration is refused."""

from pathlib import Path
from typing import Final

import pytest

from mft.daemon.checks.ended_home_checks import Claim, Claims
from mft.daemon.load import load
from tests.fakes.daemons import Instance

GROUP: Final = "[groups/DEFAULT_GROUP]\nname = default\ncreate_home_folder = yes\n"
ENDS: Final = "expire_datetime = 2030-01-01Z\nhome_folder_delete_on_expire = 90d\n"
ANN: Final = f"[accounts/a]\nname = ann\nhome_folder_path = HOME/ann\n{ENDS}"
HANDLER: Final = "[event-handlers/h]\nname = h\n"


def account(name: str, more: str) -> str:
    return f"[accounts/{name}]\nname = {name}\n{more}"


def found(instance: Instance, *sections: str) -> list[str]:
    """What is said of the option."""
    for name in ("ann", "ann/in", "shared"):
        (instance.directory / "data" / name).mkdir(exist_ok=True)
    loaded = load(instance.write(*sections))
    homes = str(instance.directory / "data")
    told = [str(one).replace(homes, "HOME") for one in loaded.problems]
    return [one for one in told if "home_folder_delete_on_expire" in one]


def test_what_will_be_deleted_is_warned_of_with_its_line_and_its_moment(
    instance: Instance,
) -> None:
    (told,) = found(instance, GROUP, ANN)
    assert told.startswith("server.ini:12: warning: [accounts/a] home_folder_delete_on_expire")
    assert told.endswith("deletes HOME/ann and all that is in it, from 2030-04-01 00:00 UTC on")
    assert load(instance.write(GROUP, ANN)).config is not None


def test_an_account_that_never_ends_loses_nothing_which_is_told(instance: Instance) -> None:
    text = ANN.replace("expire_datetime = 2030-01-01Z\n", "")
    first, second = found(instance, GROUP, text)
    assert "deletes nothing without expire_datetime" in first + second
    assert load(instance.write(GROUP, text)).config is not None


OTHERS: Final = {
    "the same home": account("b", "home_folder_path = HOME/ann\n"),
    "of somebody disabled": account("b", "enabled = no\nhome_folder_path = HOME/ann\n"),
    "a home in it": account("b", "home_folder_path = HOME/ann/in\n"),
    "a home around it": account("b", "home_folder_path = HOME\n"),
    "a virtual folder": account(
        "b", "home_folder_path = HOME/b\nvirtual_folders = /x, HOME/ann/in\n"
    ),
    "a virtual folder around it": account(
        "b", "home_folder_path = HOME/b\nvirtual_folders = /x, HOME\n"
    ),
    "a virtual folder by a link": account(
        "b", "home_folder_path = HOME/b\nvirtual_folders = /x, HOME/shared/link\n"
    ),
    "a shared home of members that nobody knows": (
        "[groups/g]\nname = g\nhome_folder_path = ${SHARED}HOME/ann\n"
    ),
    "a shared home around it": "[groups/g]\nname = g\nhome_folder_path = ${SHARED}HOME\n",
    "homes in it": "[groups/g]\nname = g\nhome_folder_path = HOME/ann/${USER}\n",
    "a quarantine": "[groups/g]\nname = g\nquarantine_folder = HOME/ann/bad\n",
    "a location": "[locations/l]\nname = l\ntype = filesystem\npath = HOME/ann\n",
    "a location around it": "[locations/l]\nname = l\ntype = filesystem\npath = HOME\n",
    "a location that is off": (
        "[locations/l]\nname = l\ntype = filesystem\nenabled = no\npath = HOME/ann/in\n"
    ),
    "a log": f"{HANDLER}type = local-file\npath = HOME/ann/log/x.log\n",
    "a dispatcher": (
        f"{HANDLER}type = file-dispatcher\ntarget = 1\n"
        "processing =\n    move, HOME/ann/in/*, HOME/shared/\n"
    ),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_home_in_which_somebody_has_a_part_is_not_deleted(instance: Instance, other: str) -> None:
    (instance.directory / "data" / "shared").mkdir()
    (instance.directory / "data" / "shared" / "link").symlink_to("../ann/in")
    (told,) = found(instance, GROUP, ANN, OTHERS[other])
    assert told.startswith("server.ini:12: ")
    assert "would delete what is not only its own: HOME" in told
    assert load(instance.directory / "conf" / "server.ini").config is None


@pytest.mark.parametrize(
    "other",
    [
        account("b", "home_folder_path = HOME/ann-of-another\n"),
        account("b", "home_folder_path = HOME/an\n"),
        "[groups/g]\nname = g\nhome_folder_path = HOME/${USER}\n",
        f"{HANDLER}type = local-file\npath = HOME/shared/x.log\n",
    ],
)
def test_who_is_beside_it_is_no_matter(instance: Instance, other: str) -> None:
    (told,) = found(instance, GROUP, ANN, other)
    assert "deletes HOME/ann" in told


def test_ones_own_virtual_folder_in_it_is_another_part(instance: Instance) -> None:
    (told,) = found(instance, GROUP, f"{ANN}virtual_folders = /x, HOME/ann/in\n")
    assert "of a virtual folder of [accounts/a]" in told


def test_ones_own_keys_in_it_go_with_it(instance: Instance) -> None:
    (instance.directory / "data" / "ann").mkdir()
    (instance.directory / "data" / "ann" / "keys").touch()
    (told,) = found(instance, GROUP, f"{ANN}ssh_authorized_keys_path = HOME/ann/keys\n")
    assert "deletes HOME/ann" in told


def test_two_that_end_do_not_share_one_home(instance: Instance) -> None:
    other = account("b", f"home_folder_path = HOME/ann\n{ENDS}")
    assert [one.partition(" ")[0] for one in found(instance, GROUP, ANN, other)] == [
        "server.ini:12:",
        "server.ini:17:",
    ]


@pytest.mark.parametrize("home", ["/", "/srv", "/srv/../x"])
def test_nothing_at_the_top_of_the_disk_is_deleted(instance: Instance, home: str) -> None:
    told = found(instance, GROUP, ANN.replace("HOME/ann", home))
    assert len(told) == 1
    assert "top of the disk" in told[0] or "not only its own" in told[0]
    assert load(instance.directory / "conf" / "server.ini").config is None


@pytest.mark.parametrize("home", ["/etc/ssl", "/usr/lib", "/var/lib", "/usr/local"])
def test_nothing_of_the_system_is_deleted(instance: Instance, home: str) -> None:
    (told,) = found(instance, GROUP, ANN.replace("HOME/ann", home))
    assert told.endswith("of the system")


def test_nothing_of_the_server_is_deleted(instance: Instance) -> None:
    text = ANN.replace("HOME/ann", str(instance.directory))
    (told,) = found(instance, GROUP, text)
    assert "would delete what is not only its own" in told


def test_a_home_behind_a_link_is_not_deleted(instance: Instance) -> None:
    homes = instance.directory / "data"
    (homes / "shared").mkdir()
    (homes / "link").symlink_to("shared")
    (told,) = found(instance, GROUP, ANN.replace("HOME/ann", "HOME/link/ann"))
    assert told.endswith("is not for a home behind a link: HOME/link/ann is HOME/shared/ann")


def test_the_home_of_a_member_is_its_groups(instance: Instance) -> None:
    group = f"{GROUP}home_folder_path = HOME/${{USER}}\n"
    text = ANN.replace("home_folder_path = HOME/ann\n", "")
    (told,) = found(instance, group, text)
    assert "deletes HOME/ann" in told
    (told,) = found(instance, group.replace("HOME/${USER}", "${SHARED}HOME/ann"), text)
    assert "of [groups/DEFAULT_GROUP]" in told


def test_no_group_and_no_file_of_accounts_has_it(instance: Instance, tmp_path: Path) -> None:
    (told,) = found(instance, f"{GROUP}home_folder_delete_on_expire = 90d\n")
    assert told.startswith("server.ini:8: ")
    file = tmp_path / "accounts.ini"
    homes = str(instance.directory / "data")
    file.write_text(f"{ANN}create_home_folder = yes\n".replace("HOME", homes))
    method = f"[authentications/f]\nname = f\ntype = local-file\npath = {file}\n"
    (told,) = found(instance, method)
    assert told.endswith("is for accounts of server.ini only")


def test_a_claim_of_somebody_else_is_found_behind_many_of_ones_own() -> None:
    mine = [Claim("me", f"/srv/me/{number}", around=False) for number in range(9)]
    claims = Claims([Claim("me", "/srv/me"), *mine, Claim("you", "/srv/me/5/6", around=False)])
    assert claims.other("/srv/me", "me") == Claim("you", "/srv/me/5/6", around=False)
    assert claims.other("/srv/me/5/6/7", "me") is None, "it is not around it"
    assert Claims([Claim("x", "/srv", around=False), Claim("y", "/srv")]).other("/srv/me", "me")
