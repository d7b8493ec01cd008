"""Replies of the control connection (RFC 959 4.2, 5.4)."""

import re
from typing import NamedTuple

# What could end a line, disguise it, or not be sent as UTF-8: control characters, line and
# paragraph separators, characters that reorder text, and lone surrogates.
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """The text with a question mark for every character that could break or disguise a line."""
    return text if text.isprintable() else _HARMFUL.sub("?", text)


class Reply(NamedTuple):
    """A code of three digits and the lines of text that go with it; at least one."""

    code: int
    lines: tuple[str, ...]

    @classmethod
    def of(cls, code: int, first: str, *more: str) -> "Reply":
        """A reply of one or more lines."""
        return cls(code, (first, *more))

    def encode(self) -> bytes:
        """The reply as it goes out, in UTF-8.

        Of several lines the first has a dash after the code, the last a space, and those between
        begin with a space (RFC 959 4.2, RFC 2389 3.2). No text can make a line of its own.
        """
        if len(self.lines) == 1:
            return f"{self.code} {harmless(self.lines[0])}\r\n".encode()
        *before, last = map(harmless, self.lines)
        lines = [f" {line}\r\n" for line in before]
        lines[0] = f"{self.code}-{before[0]}\r\n"
        return f"{''.join(lines)}{self.code} {last}\r\n".encode()


def quoted(path: str) -> str:
    """A path as replies 257 tell it: in quotes, its own quotes doubled (RFC 959 appendix II)."""
    return '"' + path.replace('"', '""') + '"'
