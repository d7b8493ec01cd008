"""A server in memory that shows a key, which is trusted when it is seen first."""

from mft.core.failure import Reason
from mft.core.peer import Component
from mft.remote.base import Identity, LocationOptions, OtherIdentityError, Parts
from tests.fakes.remote import MemoryConnector, MemoryRemote, Peer


class Showing(MemoryConnector):
    """A connector that proves who is there before it logs in."""

    def __init__(
        self, peer: Peer, component: Component, parts: Parts, key: str, *, trusts_the_first: bool
    ) -> None:
        super().__init__(peer, component)
        self._parts = parts
        self._key = key
        self._trusts_the_first = trusts_the_first

    async def connect(self, folder: str) -> MemoryRemote:
        """Compare the key with the one that was kept, or keep it."""
        if self._trusts_the_first:
            await self._compare()
        remote = await super().connect(folder)
        remote.identity = Identity("SSH host key", "SHA256:AAAA", "OpenSSH_99")
        return remote

    async def _compare(self) -> None:
        seen = self._parts.first_seen
        kept = await seen.of(self.component.uuid)
        if kept is None:
            await seen.keep(self.component.uuid, self._key)
        elif kept != self._key:
            details = f"it shows another key: {self._key}"
            raise OtherIdentityError(Reason.DENIED, self.component.name, details)


class Partner:
    """Somebody else's server: what it has, and the key that it shows."""

    def __init__(self) -> None:
        self.peer = Peer()
        self.key = "key one"
        self.trusts_the_first = True

    def connector(self, uuid: str, options: LocationOptions, parts: Parts) -> Showing:
        """What a location is built of."""
        component = Component(uuid, "memory", options.name)
        trusts = self.trusts_the_first
        return Showing(self.peer, component, parts, self.key, trusts_the_first=trusts)
