"""A folder being listed: only what the account may see, and one event at its end."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mft.core.failure import Refused
from mft.core.vpath import VPath
from mft.session.numbers import Sought
from mft.vfs.base import Entry, Listing

if TYPE_CHECKING:
    from mft.session.gate import Gate


class GuardedListing:
    """A listing in progress; `batch` is empty at the end."""

    def __init__(
        self,
        session: "Gate",
        path: VPath,
        sought: Sought,
        listing: Listing,
        *,
        folders_only: bool,
    ) -> None:
        self.path = path
        self.ended = False
        self._session = session
        self._sought = sought
        self._listing = listing
        self._folders_only = folders_only
        account = session.account
        # Without rules by path, all that is in a folder is like the folder.
        self._hiding = account.hide_denied_entries and account.rules.by_path

    async def batch(self) -> Sequence[Entry]:
        """The next entries; a whole batch may hide, so what is empty is really the end."""
        while not self.ended:
            try:
                entries = await self._listing.batch()
            except Refused as refused:
                await self._end(refused)
                raise
            if not entries:
                await self._end(None)
                break
            if not self._folders_only and not self._hiding:
                return entries
            if shown := [entry for entry in entries if self._shows(entry)]:
                return shown
        return ()

    def _shows(self, entry: Entry) -> bool:
        if self._folders_only and not entry.is_directory:
            return False
        return not self._hiding or not self._session.account.hides(self.path.child(entry.name))

    async def close(self) -> None:
        """The client has seen enough."""
        await self._end(None)

    async def abort(self, details: str) -> None:
        """The peer is gone; the folder had been listed as far as it was asked for."""
        await self._end(None)

    async def _end(self, refused: Refused | None) -> None:
        if self.ended:
            return
        self.ended = True
        session = self._session
        session.opened.discard(self)
        await self._listing.close()
        path, real, numbers = str(self.path), session.real_path(self.path), session.numbers.list
        if refused is None:
            session.emit(numbers.done, numbers.of(path, real, self._sought))
        else:
            session.emit(numbers.failed, numbers.why(path, real, self._sought, refused.details))
