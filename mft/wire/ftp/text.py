"""TYPE A: line ends on the way out and in (RFC 959 3.1.1.1).

The network's end of a line is CRLF, a file's is LF. A pair may be split between two chunks.
"""

Chunk = bytes | bytearray | memoryview


class ToNetwork:
    """Turns LF and CRLF of a file into CRLF; a chunk gives at most twice its bytes, and at once."""

    __slots__ = ("_after_return",)

    def __init__(self) -> None:
        self._after_return = False  # whether the last byte that went out was a CR

    def convert(self, chunk: Chunk) -> bytes:
        """What goes out for the next bytes of the file."""
        data = bytes(chunk)
        if not data:
            return data
        joined = self._after_return and data.startswith(b"\n")
        self._after_return = data.endswith(b"\r")
        if b"\r" in data:
            # Each pair becomes one LF first, so that no pair gets a second CR.
            data = data.replace(b"\r\n", b"\n")
        out = data.replace(b"\n", b"\r\n")
        return out[1:] if joined else out


class FromNetwork:
    """Turns CRLF from the network into LF; a CR before anything else stays."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""  # a CR whose next byte has not come

    def convert(self, chunk: Chunk) -> bytes:
        """What goes into the file for the next bytes received."""
        data = self._held + bytes(chunk)
        self._held = b""
        if data.endswith(b"\r"):
            data, self._held = data[:-1], b"\r"
        return data.replace(b"\r\n", b"\n")

    def finish(self) -> bytes:
        """What goes into the file at the end: a CR that was the last byte."""
        held, self._held = self._held, b""
        return held
