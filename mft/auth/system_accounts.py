"""The accounts of the operating system, as its list of accounts tells them. It blocks."""

import grp
import os
import pwd
from typing import NamedTuple, Protocol


class SystemAccount(NamedTuple):
    """One account of the operating system."""

    name: str
    uid: int
    home: str
    groups: frozenset[int]  # the IDs of all its groups


class SystemAccounts(Protocol):
    """Where accounts and groups of the operating system are looked up."""

    def account(self, name: str) -> SystemAccount | None:
        """Find an account by its name; None where there is none."""

    def group(self, name: str) -> int | None:
        """Find the ID of a group by its name; None where there is none."""


class ListedAccounts:
    """What `getent passwd` and `getent group` list: files of this machine, or a directory."""

    def account(self, name: str) -> SystemAccount | None:
        """Find an account. One that is listed in another spelling is not this one.

        Raises OSError where its groups cannot be told.
        """
        try:
            entry = pwd.getpwnam(name)
        except (KeyError, ValueError):  # not there, or a name that none can have
            return None
        if entry.pw_name != name:  # a list that does not tell case apart: two names would be one
            return None
        groups = frozenset(os.getgrouplist(name, entry.pw_gid))
        return SystemAccount(name, entry.pw_uid, entry.pw_dir, groups)

    def group(self, name: str) -> int | None:
        """Find the ID of a group."""
        try:
            return grp.getgrnam(name).gr_gid
        except (KeyError, ValueError):
            return None
