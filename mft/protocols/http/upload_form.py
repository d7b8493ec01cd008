"""A form with files as it comes: each goes straight into its upload, one after the other."""

from collections import deque
from typing import Final

from mft.core.failure import Reason, Refused
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.form_actions import UPLOAD
from mft.protocols.http.form_token import check_token
from mft.protocols.paid import paid
from mft.session.files import ReceivedFile
from mft.vfs.base import LATER, Existing
from mft.wire.http.head import BadRequest
from mft.wire.http.multipart import FormEvent, FormReader, PartBegun, PartData, PartEnded

MAX_FIELDS: Final = 64 << 10  # bytes of all fields that are no files, with their names


class UploadForm:
    """Reads one form; `fields` are its fields, `done` and `failures` tell its files.

    The token and the action must come before the first file: nothing is written without them.
    What is held is what came in one read of the line, and the fields.
    """

    def __init__(self, exchange: Exchange, boundary: bytes) -> None:
        """Raises BadRequest for what is no boundary."""
        self.fields: list[tuple[str, str]] = []
        self.done: list[str] = []
        self.failures: list[tuple[str, Refused]] = []
        self._exchange = exchange
        self._reader = FormReader(boundary)
        self._events: deque[FormEvent] = deque()
        self._inside = False  # a part whose end has not been seen
        self._size = 0
        self._admitted = False

    async def run(self) -> None:
        """Read all of it; raises BadRequest for what is no form of ours, and Refused(ABORTED)."""
        while (event := await self._next()) is not None:
            if not isinstance(event, PartBegun):
                continue
            if event.filename is None:
                await self._field(event.name)
            elif event.filename:
                self._admit()
                await self._file(event.filename)
        if not self._reader.done:
            raise BadRequest(400, "a form without its end")

    async def _next(self) -> FormEvent | None:
        """What comes next, or None at the end of the body."""
        while not self._events:
            if self._reader.done or not await self._exchange.body.some(self._took):
                return None
        event = self._events.popleft()
        self._inside = not isinstance(event, PartEnded)
        return event

    def _took(self, view: memoryview) -> None:
        self._events.extend(self._reader.take(view))

    async def _field(self, name: str) -> None:
        value = bytearray()
        while isinstance(event := await self._next(), PartData):
            self._size += len(event.data)
            if self._size + len(name) > MAX_FIELDS:
                raise Refused(Reason.QUOTA, "", f"fields of more than {MAX_FIELDS} bytes")
            value += event.data
        self._size += len(name)
        try:
            self.fields.append((name, value.decode()))
        except UnicodeDecodeError:
            raise BadRequest(400, "a field that is not UTF-8") from None

    def _admit(self) -> None:
        if not self._admitted:
            given = dict(reversed(self.fields))
            check_token(self._exchange, given.get("csrf", ""))
            if given.get("action") != UPLOAD:
                raise BadRequest(400, "a form with a file that is not for an upload")
            self._admitted = True

    async def _file(self, filename: str) -> None:
        """Receive one file; where that fails, the others still come."""
        name = filename.replace("\\", "/").rpartition("/")[2]  # some browsers send the whole path
        try:
            exchange = self._exchange
            path = exchange.path.member(name)
            metadata = exchange.client.hub.metadata(exchange.head.fields)
            how = Existing.REPLACE
            async with await exchange.session.upload(path, how, metadata=metadata) as received:
                await self._write(received)
        except Refused as refused:
            if refused.reason is Reason.ABORTED:
                raise
            self.failures.append((name, refused))
            while self._inside and await self._next() is not None:
                pass
        else:
            self.done.append(name)

    async def _write(self, received: ReceivedFile) -> None:
        at, pace = received.start, received.session.upload_pace()
        if pace is not None:
            self._exchange.body.read_at_most(pace.piece)
        while isinstance(event := await self._next(), PartData):
            data = memoryview(event.data)
            try:
                if received.lane.write_from([data], at) is LATER:
                    await received.lane.write_later([data], at)
            except Refused as refused:
                received.write_failed(at, len(data), refused)
                raise
            received.wrote(at, len(data))
            at += len(data)
            if pace is not None:
                pace.moved(len(data))
                await paid(pace)
        if event is None:
            raise BadRequest(400, "a form that ends within a file")
