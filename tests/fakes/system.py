"""An `os` method over fakes, with accounts that only the test knows; PAM is the real one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mft.auth.options import GroupOptions
from mft.auth.system import SystemAuthenticator
from mft.auth.system_accounts import SystemAccount
from mft.auth.system_options import SystemOptions
from mft.config.kinds import Context
from mft.core.peer import Component
from tests.fakes.accounts import Around

SYSTEM = Component("os-1", "os", "accounts of the machine")
ANN = SystemAccount("ann", 1001, "/home/ann", frozenset((1001, 50)))


class Accounts:
    """A list of accounts in memory."""

    def __init__(self, *accounts: SystemAccount) -> None:
        self.listed = {one.name: one for one in accounts}
        self.groups = {"ann": 1001, "staff": 50, "users": 100, "root": 0}

    def account(self, name: str) -> SystemAccount | None:
        """Find an account."""
        return self.listed.get(name)

    def group(self, name: str) -> int | None:
        """Find the ID of a group."""
        return self.groups.get(name)


class SystemMethod(SystemAuthenticator, Around):
    """An `os` method that knows the accounts which it is given."""

    def __init__(
        self,
        service: str,
        *accounts: SystemAccount,
        groups: Mapping[str, GroupOptions] | None = None,
        directory: Path = Path("/instance"),
        **options: str,
    ) -> None:
        Around.__init__(self, groups=groups)
        self.parts = self.parts._replace(directory=directory)
        given: dict[str, Any] = {
            "name": "os",
            "pam_service": service,
            "allowed_groups": "staff",
            "refusal_delay": "0",
            **options,
        }
        read = SystemOptions.model_validate(given, context=Context(directory))
        SystemAuthenticator.__init__(
            self, SYSTEM, read, self.parts, Accounts(*(accounts or (ANN,)))
        )
