"""Uploads that requests work on: one request for each.

A client that has lost its connection asks again while the server still waits on the old one. So a
newer request ends the older, which may hang unseen for a minute.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from mft.protocols.http.client import Client

NEWER: Final = "a newer request goes on with its upload"

Key = tuple[str, str]  # the ID of an account, and the name of an upload


class UploadTurns:
    """Who works on which upload of one service."""

    def __init__(self) -> None:
        self._working: dict[Key, _Turn] = {}

    async def end(self, upload: Key) -> None:
        """End the request that works on an upload; wait until its bytes are where they stay."""
        while (working := self._working.get(upload)) is not None:
            over: Deferred[None] = Deferred()
            working.waiting.append(over)
            working.client.end(NEWER)
            await over

    @asynccontextmanager
    async def turn(self, upload: Key, client: "Client") -> AsyncIterator[None]:
        """Work on an upload alone, from when an older request has ended."""
        await self.end(upload)
        turn = self._working[upload] = _Turn(client)
        try:
            yield
        finally:
            del self._working[upload]
            for over in turn.waiting:
                over.callback(None)


class _Turn:
    """One request at work."""

    def __init__(self, client: "Client") -> None:
        self.client = client
        self.waiting: list[Deferred[None]] = []
