"""What the server knows of accounts beside its configuration, in state/, across restarts."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mft.daemon.cluster.shared_records import SharedRecords
from mft.daemon.load import Config
from mft.daemon.memberships import Memberships
from mft.daemon.state.heard_logins import HeardLogins
from mft.daemon.state.last_logins import LastLogins
from mft.daemon.state.own_factors import OwnFactorFiles
from mft.daemon.state.own_passwords import OwnPasswordFiles
from mft.daemon.state.used_codes import UsedCodeFiles
from mft.events.bus import Bus
from mft.resources.cluster import Cluster
from mft.runtime.threads import Blocking


class Remembered:
    """All of it; reading it may raise OSError."""

    def __init__(
        self,
        state: Path,
        disk: Blocking,
        bus: Bus,
        present: Callable[[], Iterable[str]],
        config: Callable[[], Config],
    ) -> None:
        """`present` gives the accounts that have a session, `config` what is in force."""
        self.own_passwords = OwnPasswordFiles(state, disk, bus)
        self.last_logins = LastLogins(state, disk, bus, present)
        self.used_codes = UsedCodeFiles(state, disk, bus)
        self.own_factors = OwnFactorFiles(state, disk, bus)
        self.memberships = Memberships(state, disk, bus, config)
        kinds = (self.own_passwords.sharing, self.own_factors.sharing)
        self.shared = SharedRecords(state, disk, bus, kinds, self.used_codes.sharing)
        self.heard = HeardLogins(self.last_logins)

    def use(self, cluster: Cluster) -> None:
        """Share it with the nodes of a cluster."""
        self.shared.use(cluster)
        self.heard.use(cluster)

    async def leave(self) -> None:
        """Share it with nobody any more."""
        self.heard.leave()
        await self.shared.leave()

    @property
    def loops(self) -> tuple[tuple[float, Callable[[], Any]], ...]:
        """What is to be done again and again, and after how many seconds."""
        logins, members = self.last_logins, self.memberships
        return (logins.interval, logins.save), (members.interval, members.save)

    async def save(self) -> None:
        """Write what has changed, and share nothing any more."""
        await self.leave()
        for _, save in self.loops:
            await save()

    async def remove_codes(self, config: Config, account: str) -> bool:
        """Take away the one-time codes that an account, by its ID, has given itself."""
        options = config.accounts.get(account)
        name = account if options is None else options.name
        return await self.own_factors.take_away(account, name)
