"""The bytes of one file between two lanes: what was read is written while more is being read."""

import codecs
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.runtime.buffers import Buffers
from mft.transfers.fair import Fair
from mft.transfers.names import Conversion
from mft.vfs.base import LATER, Lane


class Digest(Protocol):
    """What hashlib makes."""

    def update(self, data: memoryview, /) -> None:
        """Add bytes."""


class Converter:
    """Text from one charset to another, in pieces; raises Refused(INVALID) for what is no text."""

    def __init__(self, conversion: Conversion) -> None:
        self._conversion = conversion
        self._decoder = codecs.getincrementaldecoder(conversion.from_charset)("strict")
        self._encoder = codecs.getincrementalencoder(conversion.to_charset)("strict")

    def take(self, data: memoryview, *, last: bool) -> bytes:
        """The next piece; `last` is the end of the text."""
        try:
            return self._encoder.encode(self._decoder.decode(bytes(data), last), last)
        except (UnicodeError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise Refused(
                Reason.INVALID, self._conversion.text, f"not converted: {reason}"
            ) from None


class Copying:
    """One file from its source to its destination.

    `told` hears how many bytes have been written, each time; `digests` get each byte that was.
    """

    def __init__(
        self,
        source: Lane,
        target: Lane,
        buffers: Buffers,
        clock: Any,
        *,
        subject: str,
        told: Callable[[int], None] = lambda count: None,
        digest: Digest | None = None,
        converter: Converter | None = None,
    ) -> None:
        self._source = source
        self._target = target
        self._buffers = buffers
        self._fair = Fair(clock)
        self._subject = subject
        self._told = told
        self._digest = digest
        self._converter = converter
        self._written = 0

    async def copy(self, start: int, size: int) -> int:
        """Copy from an offset on; where the copy ends, in bytes of the target.

        The source must have exactly `size` bytes: more or fewer are Refused(ABORTED), for it was
        changed meanwhile, or its server breaks off.
        """
        self._written = start
        now, ahead = self._buffers.take(), self._buffers.take()
        reading = self._begin(now, start)
        at = start
        try:
            while True:
                count = await reading
                at += count
                if at > size:
                    raise self._changed(f"it has more than the {size} bytes that it had")
                # Fewer bytes than were asked for are the last of them.
                last = count < len(now)
                if not last:
                    reading = self._begin(ahead, at)
                await self._write(now[:count], last=last)
                if last:
                    break
                now, ahead = ahead, now
                await self._fair()
        finally:
            await _settled(reading)
            self._buffers.give(now)
            self._buffers.give(ahead)
        if at < size:
            raise self._changed(f"it ends after {at} of {size} bytes")
        return self._written

    async def add(self, digest: Digest, end: int) -> None:
        """Add the bytes of the source up to an offset to a digest, without writing them."""
        buffer = self._buffers.take()
        at = 0
        try:
            while at < end:
                view = buffer[: min(len(buffer), end - at)]
                count = await self._read(view, at)
                if count < len(view):
                    raise self._changed(f"it ends after {at + count} bytes")
                digest.update(view)
                at += count
                await self._fair()
        finally:
            self._buffers.give(buffer)

    def _begin(self, buffer: memoryview, offset: int) -> "Deferred[int]":
        return Deferred.fromCoroutine(self._read(buffer, offset))

    async def _read(self, buffer: memoryview, offset: int) -> int:
        found = self._source.read_into([buffer], offset)
        if found is LATER:
            found = await self._source.read_later([buffer], offset)
        return found

    async def _write(self, data: memoryview, *, last: bool) -> None:
        if self._converter is not None:
            data = memoryview(self._converter.take(data, last=last))
        if not data:
            return
        if self._target.write_from([data], self._written) is LATER:
            await self._target.write_later([data], self._written)
        self._written += len(data)
        if self._digest is not None:
            self._digest.update(data)
        self._told(self._written)

    def _changed(self, details: str) -> Refused:
        return Refused(Reason.ABORTED, self._subject, details)


async def _settled(reading: "Deferred[int]") -> None:
    """Nobody fills a buffer any more when this returns."""
    reading.cancel()
    with suppress(Exception):
        await reading
