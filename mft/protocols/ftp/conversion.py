"""What bytes of an upload become on their way into a file: text, inflated data, or both."""

import zlib
from typing import Final

from mft.core.failure import Reason, Refused
from mft.wire.ftp.text import FromNetwork

MAX_STEP: Final = 1 << 20  # bytes that one step inflates to: a few milliseconds


class Conversion:
    """Converts step by step: little data may inflate to much, which is written bit by bit."""

    def __init__(self, *, text: bool, compressed: bool) -> None:
        self._lines = FromNetwork() if text else None
        self._inflating = zlib.decompressobj() if compressed else None

    def take(self, view: memoryview) -> bytes:
        """What the next bytes stand for, or its beginning; Refused(INVALID) for what is nothing."""
        data = bytes(view) if self._inflating is None else self._inflate(view)
        return data if self._lines is None else self._lines.convert(data)

    @property
    def pending(self) -> bool:
        """Whether `more` has to be called before anything else is taken."""
        return self._inflating is not None and bool(self._inflating.unconsumed_tail)

    def more(self) -> bytes:
        """The next step of what was taken already."""
        tail = b"" if self._inflating is None else self._inflating.unconsumed_tail
        return self.take(memoryview(tail))

    def finish(self) -> bytes:
        """What is left at the end; Refused(ABORTED) where deflated data ends too early."""
        if self._inflating is not None and not self._inflating.eof:
            raise Refused(Reason.ABORTED, "", "the deflated data ends too early")
        return b"" if self._lines is None else self._lines.finish()

    def _inflate(self, view: memoryview) -> bytes:
        inflating = self._inflating
        if inflating is None:
            return b""
        try:
            data = inflating.decompress(view, MAX_STEP)
        except zlib.error:
            raise Refused(Reason.INVALID, "", "what came is not deflated data") from None
        if inflating.unused_data:  # a second stream, perhaps: without it the file is not whole
            raise Refused(Reason.INVALID, "", "bytes behind the end of the deflated data")
        return data
