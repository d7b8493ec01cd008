"""Uploads that go on where they were cut: tus 1.0, at servers of ours.

What is there is asked by the path; the upload gets its URL when it is known how large the file is.
"""

from typing import Final
from urllib.parse import unquote_to_bytes

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.remote.http_peer import Asked, Field, HttpPeer
from mft.remote.http_status import GOOD, refusal
from mft.wire.http.answer import content_length
from mft.wire.http.base64 import encode_base64
from mft.wire.http.target import quote_path
from mft.wire.http.tus import MAX_SIZE, TUS, TUS_TYPE, WHERE, parse_size

SPEAKS: Final[Field] = ("Tus-Resumable", TUS)
_ALL: Final = quote_path(WHERE, folder=False)


class Resuming:
    """Whether a server lets uploads go on, asked once."""

    def __init__(self, peer: HttpPeer) -> None:
        self.possible: bool | None = None  # None: not asked yet
        self._peer = peer

    async def begun(self, path: VPath) -> "Resumed | None":
        """The upload of a path that the server has a part of; None where one must begin anew."""
        if self.possible is None:
            self.possible = await self._ask()
        if not self.possible:
            return None
        peer, target = self._peer, self._peer.place.target(path)
        async with peer.asking("HEAD", target, subject=str(path)) as asked:
            answer = asked.answer
        there = answer.fields.get("server-path")
        start = content_length(answer)
        if answer.status == 404 or there is None or not start or start > MAX_SIZE:
            return None
        if answer.status not in GOOD:
            raise refusal(answer.status, str(path))
        found = Resumed(self, peer, str(path), unquote_to_bytes(there), start)
        # Whether it is a finished file is seen by what an upload of one byte more would be told.
        offset, _ = await found.create(start + 1)
        return found if offset == start else None

    async def _ask(self) -> bool:
        async with self._peer.asking("OPTIONS", _ALL, subject=_ALL) as asked:
            fields = asked.answer.fields
            versions = (fields.get("tus-version") or "").split(",")
            return asked.good and TUS in [version.strip() for version in versions]


class Resumed:
    """The rest of an upload: created anew by its path, with the part that is there."""

    def __init__(
        self, resuming: Resuming, peer: HttpPeer, subject: str, there: bytes, start: int
    ) -> None:
        self.subject = subject
        self.start = start
        self._resuming = resuming
        self._peer = peer
        self._there = there  # the path as the server has it
        self._size = 0
        self._target = ""

    async def begin(self, size: int | None) -> tuple[str, str, list[Field]]:
        """Create it, and see that the server has what it has told; Refused(ABORTED) otherwise."""
        if size is None:
            raise self._anew("nobody has said how large the file will be")
        offset, target = await self.create(size)
        if offset != self.start or target is None:
            raise self._anew(f"the server goes on at {offset}, and not at {self.start}")
        self._size, self._target = size, target
        return "PATCH", target, [SPEAKS, ("Content-Type", TUS_TYPE), ("Upload-Offset", str(offset))]

    async def create(self, size: int) -> tuple[int | None, str | None]:
        """Get an URL for an upload of so many bytes, and hear how many of them are there."""
        metadata = f"path {encode_base64(self._there)},continue"
        fields = [SPEAKS, ("Upload-Length", str(size)), ("Upload-Metadata", metadata)]
        peer, subject = self._peer, self.subject
        async with peer.asking("POST", _ALL, *fields, body=b"", subject=subject) as asked:
            if not asked.good:
                raise refusal(asked.answer.status, subject)
            offset = parse_size(asked.answer.fields.get("upload-offset"))
            return offset, peer.place_of(asked.answer, _ALL)

    def check(self, answered: Asked) -> None:
        """The server must have all of it."""
        offset = parse_size(answered.answer.fields.get("upload-offset"))
        if offset != self._size:
            raise self._anew(f"the server has {offset} of {self._size} bytes")

    async def undo(self) -> None:
        """Give the upload up."""
        async with self._peer.asking("DELETE", self._target, SPEAKS, subject=self.subject):
            return

    def _anew(self, details: str) -> Refused:
        """The next upload of this connection begins anew: going on would fail again."""
        self._resuming.possible = False
        return Refused(Reason.ABORTED, self.subject, details)
