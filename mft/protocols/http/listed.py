"""The entries of a folder as clients of HTTP see them, who know no links."""

from collections.abc import Sequence
from typing import Final

from mft.protocols.http.exchange import Exchange
from mft.runtime.ending import Ending
from mft.session.listing import GuardedListing
from mft.vfs.base import Entry

STEP: Final = 100  # entries that are looked at, where there are links, until others have their turn


async def batch_of(
    exchange: Exchange, listing: GuardedListing, *, folders: bool
) -> Sequence[Entry]:
    """The next entries of a listing, with what links lead to; empty at the end. Raises Refused.

    Links to folders are shown as these only with `folders`; see `Session.followed`.
    """
    entries = await listing.batch()
    if not any(entry.is_link for entry in entries):
        return entries
    shown: list[Entry] = []
    for at in range(0, len(entries), STEP):
        some = entries[at : at + STEP]
        shown += await exchange.session.followed(listing.path, some, folders=folders)
        turn = Ending()
        exchange.client.hub.soon(turn.succeed)
        await turn
    return shown
