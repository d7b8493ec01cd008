"""Bounded reader and writer of the SSH data types (RFC 4251, section 5)."""

from collections.abc import Sequence
from struct import Struct, error

from mft.core.failure import Malformed

U32_MAX = 0xFFFFFFFF
U64_MAX = 0xFFFFFFFFFFFFFFFF
MAX_MPINT = 2049  # bytes: 16384 bits and a sign byte; a longer number would only cost us time
MAX_NAMES = 1024  # names in one list: real peers send at most about 40; 1024 costs 70 KiB

_U32 = Struct(">I")
_U64 = Struct(">Q")
_read_u32 = _U32.unpack_from
_read_u64 = _U64.unpack_from
_pack_u32 = _U32.pack
_pack_u64 = _U64.pack


class Reader:
    """Takes values off the front of a packet; raises Malformed where bytes are missing.

    The buffer is never copied as a whole: `string` copies its own bytes, `view` borrows them and
    is good for as long as the caller keeps the buffer unchanged.
    """

    __slots__ = ("_at", "_end", "_view")

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._view = memoryview(data)
        self._at = 0
        self._end = len(self._view)

    @property
    def left(self) -> int:
        """How many bytes have not been read."""
        return self._end - self._at

    def byte(self) -> int:
        """One byte as a number."""
        at = self._at
        if at >= self._end:
            raise Malformed("a byte is missing")
        self._at = at + 1
        return self._view[at]

    def boolean(self) -> bool:
        """One byte; everything but 0 is true."""
        return self.byte() != 0

    def u32(self) -> int:
        """A number of four bytes."""
        try:
            (value,) = _read_u32(self._view, self._at)
        except error:
            raise Malformed("a uint32 is cut short") from None
        self._at += 4
        return int(value)

    def u64(self) -> int:
        """A number of eight bytes."""
        try:
            (value,) = _read_u64(self._view, self._at)
        except error:
            raise Malformed("a uint64 is cut short") from None
        self._at += 8
        return int(value)

    def take(self, count: int) -> bytes:
        """Exactly `count` bytes without a length before them."""
        end = self._at + count
        if count < 0 or end > self._end:
            raise Malformed(f"{count} bytes wanted, {self.left} left")
        taken = bytes(self._view[self._at : end])
        self._at = end
        return taken

    def view(self) -> memoryview:
        """A string, borrowed: no copy is made."""
        try:
            (length,) = _read_u32(self._view, self._at)
        except error:
            raise Malformed("a string's length is cut short") from None
        start = self._at + 4
        end = start + length
        if end > self._end:
            raise Malformed("a string is cut short")
        self._at = end
        return self._view[start:end]

    def string(self) -> bytes:
        """A string, copied."""
        return bytes(self.view())

    def text(self) -> str:
        """A string of UTF-8; Malformed where it is not."""
        try:
            return self.view().tobytes().decode()
        except UnicodeDecodeError:
            raise Malformed("text is not UTF-8") from None

    def mpint(self) -> int:
        """A whole number in two's complement; padding is tolerated, over 2049 bytes is not."""
        digits = self.view()
        if len(digits) > MAX_MPINT:
            raise Malformed("a number is too long")
        return int.from_bytes(digits, "big", signed=True)

    def name_list(self) -> list[str]:
        """Names between commas: printable US-ASCII, none empty, at most 1024 of them."""
        joined = self.string()
        if not joined:
            return []
        if joined.count(b",") >= MAX_NAMES:
            raise Malformed("too many names in a list")
        try:
            text = joined.decode("ascii")
        except UnicodeDecodeError:
            raise Malformed("a name is not US-ASCII") from None
        names = text.split(",")
        if not text.isprintable() or "" in names:
            raise Malformed("a name in a list is empty or not printable")
        return names

    def rest(self) -> memoryview:
        """Everything that is left, borrowed."""
        at, self._at = self._at, self._end
        return self._view[at:]

    def finish(self) -> None:
        """Refuse bytes after the last field: Malformed."""
        if self._at != self._end:
            raise Malformed(f"{self.left} bytes too many")


class Writer:
    """Builds a packet, value by value. A number out of range is our own mistake: struct.error."""

    __slots__ = ("_data",)

    def __init__(self, start: bytes = b"") -> None:
        self._data = bytearray(start)

    def __len__(self) -> int:
        return len(self._data)

    def byte(self, value: int) -> None:
        """One byte, 0 to 255."""
        self._data.append(value)

    def boolean(self, value: bool) -> None:
        """One byte, 0 or 1."""
        self._data.append(1 if value else 0)

    def u32(self, value: int) -> None:
        """A number of four bytes."""
        self._data += _pack_u32(value)

    def u64(self, value: int) -> None:
        """A number of eight bytes."""
        self._data += _pack_u64(value)

    def raw(self, data: bytes | bytearray | memoryview) -> None:
        """Bytes as they are."""
        self._data += data

    def string(self, data: bytes | bytearray | memoryview) -> None:
        """A length of four bytes, then the bytes."""
        self._data += _pack_u32(len(data))
        self._data += data

    def text(self, value: str) -> None:
        """A string of UTF-8."""
        self.string(value.encode())

    def mpint(self, value: int) -> None:
        """A whole number in two's complement, as short as it can be."""
        # One bit for the sign; a negative power of two needs one bit less than its opposite.
        bits = (value if value >= 0 else ~value).bit_length() + 1
        self.string(value.to_bytes((bits + 7) // 8, "big", signed=True) if value else b"")

    def name_list(self, names: Sequence[str]) -> None:
        """Names between commas."""
        self.string(",".join(names).encode("ascii"))

    def view(self) -> memoryview:
        """What has been written, borrowed; writing more while it is held raises BufferError."""
        return memoryview(self._data)

    def finish(self) -> bytes:
        """What has been written, copied."""
        return bytes(self._data)

    def sealed(self) -> bytes:
        """The same, with the length of what is behind them in the first four bytes."""
        _U32.pack_into(self._data, 0, len(self._data) - 4)
        return bytes(self._data)
