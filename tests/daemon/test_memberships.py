"""In which groups an account is."""

from typing import Any

import pytest

from mft.auth.account import Account
from mft.auth.permissions import Rules
from mft.daemon import memberships as module
from mft.daemon.memberships import Memberships
from tests.fakes.daemons import Instance

ACCOUNT = (
    "[accounts/id-1]\nname = bob\ngroup = DEFAULT_GROUP\n"
    "home_folder_path = HOME/bob\ncreate_home_folder = yes\n"
)


def of(uuid: str, *groups: str) -> Account:
    return Account(uuid, "bob", "/", Rules(()), groups=groups)


def test_the_configuration_goes_first(instance: Instance) -> None:
    config: Any = instance.config(ACCOUNT)
    groups = Memberships(lambda: config)
    groups.seen(of("id-1", "OLD"))
    assert list(groups("id-1")) == ["DEFAULT_GROUP"]


def test_accounts_of_other_systems_are_known_from_their_login_on(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    config: Any = instance.config()
    groups = Memberships(lambda: config)
    assert list(groups("x-1")) == list(groups("")) == []
    groups.seen(of("x-1", "A", "B"))
    assert list(groups("x-1")) == ["A", "B"]
    monkeypatch.setattr(module, "MAX_KEPT", 2)
    for uuid in ("x-2", "x-1", "x-3"):
        groups.seen(of(uuid, "C"))
    assert [list(groups(one)) for one in ("x-1", "x-2", "x-3")] == [["C"], [], ["C"]]
