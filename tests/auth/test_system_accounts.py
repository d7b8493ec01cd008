"""The accounts of the operating system are found as it lists them, and under no other name."""

import os
import pwd
from types import SimpleNamespace

import pytest

from mft.auth.system_accounts import ListedAccounts

ME = pwd.getpwuid(os.geteuid())
LISTED = ListedAccounts()


def test_an_account_has_its_number_its_home_and_its_groups() -> None:
    found = LISTED.account(ME.pw_name)
    assert found is not None
    assert (found.name, found.uid, found.home) == (ME.pw_name, ME.pw_uid, ME.pw_dir)
    assert ME.pw_gid in found.groups


@pytest.mark.parametrize("name", ["", "nobody-of-this-name", "root\0", "\udc80", "../root", "*"])
def test_a_name_that_nobody_has_finds_nobody(name: str) -> None:
    assert LISTED.account(name) is None
    assert LISTED.group(name) is None


def test_a_group_has_its_number() -> None:
    assert LISTED.group("root") == 0


def test_another_spelling_of_a_name_is_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def folds(name: str) -> SimpleNamespace:
        return SimpleNamespace(pw_name=name.lower(), pw_uid=1000, pw_gid=1000, pw_dir="/home/ann")

    monkeypatch.setattr(pwd, "getpwnam", folds)
    monkeypatch.setattr(os, "getgrouplist", lambda name, group: [group])
    assert LISTED.account("ann") is not None
    assert LISTED.account("Ann") is None
