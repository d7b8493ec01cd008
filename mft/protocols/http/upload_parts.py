"""One upload as the store has it: how far it is, and a part of it that is added.

The store is that of every protocol: the account's interrupted upload of a path. The upload's name
is all that is kept of an upload beside it.
"""

import hashlib
import time
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.request_body import RequestBody
from mft.session.files import ReceivedFile
from mft.session.session import Session
from mft.session.whole_files import digest_of
from mft.vfs.base import Entry, Existing
from mft.wire.http.framing import body_length
from mft.wire.http.head import BadRequest
from mft.wire.http.tus import Checksum, UploadName

SHA_256: Final = "sha256"
OTHER_CHECKSUM: Final = 460  # the status of tus for it
LATER: Final = "the client goes on later"
TOO_MUCH: Final = "more bytes than the upload is to have"
NANOSECONDS: Final = 1_000_000_000


class Standing(NamedTuple):
    """How far an upload is."""

    offset: int  # bytes that are here
    complete: bool
    until: int = 0  # seconds since the epoch: how long what is here is kept


class Demands(NamedTuple):
    """What is to be true of bytes before they count."""

    body: tuple[Checksum, ...] = ()  # of the part itself
    file: bytes | None = None  # the SHA-256 of the whole file, looked at with the last part


class Part(NamedTuple):
    """What a request adds to an upload."""

    offset: int
    length: int | None  # of the whole file; None: not known yet
    ends: bool | None = None  # whether the file is whole with it; None: at its length
    demands: Demands = Demands()


class Upload:
    """One upload, for one request of the account that it belongs to."""

    def __init__(self, exchange: Exchange, name: UploadName) -> None:
        self.name = name
        self.path: VPath = name.path  # where the file is, once it is whole
        self._exchange = exchange
        self._session = exchange.session
        self._account = self._session.account
        self._turns = exchange.client.hub.turns
        self._latest = self._session.latest
        self._place = self._account.uuid, name.path

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Work on it alone."""
        return self._turns.turn((self._account.uuid, str(self.name)), self._exchange.client)

    async def standing(self) -> Standing:
        """How far it is; raises Refused, and BadRequest(410) when nothing came for too long."""
        entry = await self._session.begun(self.name.path)
        lifetime = self._account.interrupted_upload_lifetime
        if entry is not None and self._is_whole(entry):
            return Standing(entry.size, complete=True)
        if entry is not None and entry.interrupted and self._may_be_mine(entry):
            return Standing(entry.size, False, int(entry.changed / NANOSECONDS + lifetime))
        until = int(self.name.begun / NANOSECONDS + lifetime)
        if until < time.time():
            raise BadRequest(410, "an upload that is too old")
        return Standing(0, False, until)

    def _is_whole(self, entry: Entry) -> bool:
        """Whether a finished file is what the upload has made; where in doubt, it is not."""
        name = self.name
        if entry.interrupted or name.before in (None, entry.unique):
            return False
        if name.length is None:
            return self._latest.has_made(self._place, name.begun)
        return name.length == entry.size and self._latest.may_have_made(self._place, name.begun)

    def _may_be_mine(self, entry: Entry) -> bool:
        fits = self.name.length is None or entry.size <= self.name.length
        return fits and self._latest.may_have_bytes(self._place, self.name.begun)

    def begins(self, entry: Entry | None) -> None:
        """It begins where there is nothing, what it goes on with, or a finished file.

        Which may be what another upload has made, whose client has not heard of it yet.
        """
        if entry is None or entry.interrupted:
            self._latest.has_bytes(self._place, self.name.begun)

    async def append(self, part: Part) -> Standing:
        """Add the body of the request, and give how far it is then.

        The first part replaces what is there; each part after it needs what came before it. Raises
        Refused, and BadRequest; a part that is not as it should be is cut off again, and so is one
        with a checksum that did not come whole: nobody can say of its bytes that they are right.
        """
        exchange = self._exchange
        told = body_length(exchange.head)
        if part.length is not None and told is not None and part.offset + told > part.length:
            raise BadRequest(413, TOO_MUCH)
        how, start = (Existing.EXTEND, part.offset) if part.offset else (Existing.REPLACE, None)
        metadata = exchange.client.hub.metadata(exchange.head.fields)
        upload = self._session.upload(
            self.name.path, how, start=start, metadata=metadata, begun=self.name.begun
        )
        async with await upload as received:
            if received.in_place:
                raise Refused(Reason.EXISTS, str(self.name.path), "a finished file is there")
            if part.demands.body:
                await received.doubt()
            at, ends = await self._take(part, received)
        self.path = received.path
        return Standing(at, complete=True) if ends else await self.standing()

    async def _take(self, part: Part, received: ReceivedFile) -> tuple[int, bool]:
        """Write the body; how far the file is then, and whether it is whole."""
        counted = _Counted(self._exchange.body, part)
        whole = False
        try:
            await self._exchange.body.into(received, self._exchange.client.hub.soon, counted.took)
            whole = True
        finally:
            if counted.too_much or not (whole or not part.demands.body):
                received.resized(part.offset)
        if not counted.as_told:
            received.resized(part.offset)
            await received.abort("the checksum is not that of the bytes")
            status = OTHER_CHECKSUM if "tus-resumable" in self._exchange.head.fields else 400
            raise BadRequest(status, "the checksum is not that of the bytes")
        at = part.offset + counted.count
        ends = at == part.length if part.ends is None else part.ends
        if not ends:
            await received.abort(LATER)
        elif part.length not in (None, at):
            await received.abort(LATER)
            raise BadRequest(400, "the end of an upload before its length")
        elif part.demands.file is not None:
            await self._compare(received, at, part.demands.file)
        return at, ends

    async def _compare(self, received: ReceivedFile, size: int, digest: bytes) -> None:
        """See that a file has the SHA-256 that its client has told; else nothing of it is kept."""
        found = await digest_of(self._session, received.path, received.lane, SHA_256, 0, size)
        if found.value != digest:
            received.discard()
            raise BadRequest(400, "the digest is not that of the file")

    async def give_up(self, why: str) -> None:
        """Remove what is here of it, and never a finished file."""
        entry = await self._session.begun(self.name.path)
        if entry is not None and entry.interrupted and self._may_be_mine(entry):
            await discard(self._session, self.name.path, why)


async def discard(session: Session, path: VPath, why: str) -> None:
    """Remove the account's interrupted upload of a path, and never a finished file."""
    received = await session.upload(path, Existing.EXTEND)
    received.discard()
    await received.abort(why)


class _Counted:
    """Counts what comes, and digests it where a checksum is to be met."""

    def __init__(self, body: RequestBody, part: Part) -> None:
        self.count = 0
        self.too_much = False
        self._body = body
        self._most = None if part.length is None else part.length - part.offset
        self._hashes = [
            (hashlib.new(one.algorithm, usedforsecurity=False), one.value)
            for one in part.demands.body
        ]

    def took(self, view: memoryview) -> None:
        """Take a piece; what is more than there may be ends the body."""
        self.count += len(view)
        if self._most is not None and self.count > self._most:
            self.too_much = True
            self._body.fail(Refused(Reason.QUOTA, "", TOO_MUCH))
            return
        for hasher, _ in self._hashes:
            hasher.update(view)

    @property
    def as_told(self) -> bool:
        """Whether it has the checksums that it is to have."""
        return all(hasher.digest() == value for hasher, value in self._hashes)
