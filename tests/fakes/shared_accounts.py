"""Methods over accounts that are not their own: of another file, or one that many are."""

from collections.abc import Mapping

from mft.auth.anonymous import AnonymousAuthenticator, AnonymousOptions
from mft.auth.local_file import LocalFileAuthenticator, LocalFileOptions
from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.parts import AccountsOfFile
from mft.core.peer import Component
from tests.fakes.accounts import Around, group

SHARED = Component("method-3", "local-file", "shared accounts")
ANONYMOUS = Component("method-4", "anonymous", "whoever comes")
PATH = "/shared/accounts.ini"


def of_file(
    *accounts: AccountOptions, stamp: int = 1, groups: Mapping[str, GroupOptions] | None = None
) -> AccountsOfFile:
    """What a file has."""
    members = {f"shared-{one.name}": one for one in accounts}
    return AccountsOfFile(members, groups or {"DEFAULT_GROUP": group()}, (stamp,))


class Shared(LocalFileAuthenticator, Around):
    """A local-file method over fakes; `now_has` is what the file has when it is read again."""

    def __init__(self, *accounts: AccountOptions) -> None:
        Around.__init__(self)
        self.now_has: AccountsOfFile | ValueError | None = None
        self.reads: list[tuple[int, ...]] = []
        parts = self.parts._replace(
            files={SHARED.uuid: of_file(*accounts)}, read_file=self._read_file
        )
        options = LocalFileOptions.model_validate({"name": SHARED.name, "path": PATH})
        LocalFileAuthenticator.__init__(self, SHARED, options, parts)

    def _read_file(self, *given: object) -> AccountsOfFile | None:
        stamp = given[2]
        assert isinstance(stamp, tuple)
        self.reads.append(stamp)
        if isinstance(self.now_has, ValueError):
            raise self.now_has
        return self.now_has


class Anonymous(AnonymousAuthenticator, Around):
    """An anonymous method over fakes, for the one account."""

    def __init__(self, account: AccountOptions) -> None:
        Around.__init__(self, account)
        options = AnonymousOptions.model_validate(
            {"name": ANONYMOUS.name, "anonymous_account_uuid": f"id-{account.name}"}
        )
        AnonymousAuthenticator.__init__(self, ANONYMOUS, options, self.parts)
