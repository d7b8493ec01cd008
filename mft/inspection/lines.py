"""Lines of a file that comes in blocks: their length is bounded, whatever the file is."""

import codecs
from collections.abc import Iterator
from typing import Final

LONGEST_LINE: Final = 16_000  # characters of a line of a signed text; more is no text
PIECE: Final = 1_000  # characters of a line that are searched at once
OVERLAP: Final = 250  # characters that two pieces of one line share at least
LONGEST_WORD: Final = 100  # characters of a word that is not cut

_BYTES: Final = LONGEST_LINE * 4 + 1  # of so many characters in UTF-8 and a CR, at the most
_MARKS: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class LineLimit:
    """Looks for a line of more than LONGEST_LINE characters; keeps at most one line."""

    def __init__(self) -> None:
        self.exceeded = False
        self._rest = b""

    def take(self, view: memoryview) -> bool:
        """Look at more of the file; whether a line was too long."""
        data = self._rest + bytes(view)
        at = 0
        while not self.exceeded and len(data) - at > LONGEST_LINE:
            # Jump from line end to line end: as far as no line between can be too long.
            end = data.rfind(b"\n", at, at + LONGEST_LINE + 1)
            if end < 0:
                end = data.find(b"\n", at, at + _BYTES + 1)
                if end < 0 and len(data) - at <= _BYTES:
                    break  # its end may come
                self.exceeded = end < 0 or _characters(data[at:end]) > LONGEST_LINE
            at = end + 1
        self._rest = data[at:]
        return self.exceeded

    def finish(self) -> bool:
        """The file has ended; whether a line was too long."""
        self.exceeded = self.exceeded or any(
            _characters(line) > LONGEST_LINE for line in self._rest.split(b"\n")
        )
        return self.exceeded


def _characters(line: bytes) -> int:
    return len(line.rstrip(b"\r").decode("utf-8", "replace"))


class Pieces:
    """Text in lines, and lines in pieces of at most PIECE characters that overlap.

    It is UTF-8, or UTF-16 with a byte order mark; what is neither becomes U+FFFD, so that text in a
    binary file is found as well. A mark says nothing of what follows: then it is read as both.
    """

    def __init__(self) -> None:
        self._texts: list[_Text] = []
        self._first = b""

    def take(self, view: memoryview) -> Iterator[str]:
        """The pieces of the lines that are whole now."""
        data = bytes(view)
        if not self._texts:
            data = self._first = self._first + data
            if len(data) < 2:
                return
            data = self._begin(data)
        for text in self._texts:
            yield from text.take(data)

    def _begin(self, data: bytes) -> bytes:
        kind = _MARKS.get(data[:2])
        if kind is None:
            self._texts = [_Text("utf-8-sig")]
            return data
        self._texts = [_Text(kind), _Text("utf-8")]
        return data[2:]

    def finish(self) -> Iterator[str]:
        """The pieces of what is left at the end of the file."""
        if not self._texts:
            yield from pieces(self._first.decode("utf-8", "replace"))
        for text in self._texts:
            yield from text.finish()


class _Text:
    """The bytes of a file as text in one coding."""

    def __init__(self, coding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(coding)("replace")
        self._rest = ""

    def take(self, data: bytes) -> Iterator[str]:
        yield from self._cut(self._decoder.decode(data))

    def finish(self) -> Iterator[str]:
        yield from self._cut(self._decoder.decode(b"", True))
        yield from pieces(self._rest)

    def _cut(self, text: str) -> Iterator[str]:
        lines = (self._rest + text).split("\n")
        rest = lines.pop()
        for line in lines:
            yield from pieces(line)
        if len(rest) > 2 * PIECE:  # a line without an end: what was looked at is forgotten
            found, rest = _split(rest)
            yield from found
        self._rest = rest


def pieces(line: str) -> Iterator[str]:
    """One line in pieces."""
    found, rest = _split(line.rstrip("\r"))
    yield from found
    yield rest


def _split(line: str) -> tuple[list[str], str]:
    """The whole pieces of a line, and what is left: part of the last of them, and more."""
    found, at = [], 0
    while len(line) - at > PIECE:
        end = _border(line, at + PIECE)
        found.append(line[at:end])
        at = _border(line, end - OVERLAP)
    return found, line[at:]


def _border(line: str, at: int) -> int:
    """The last place up to `at` that is not inside a word; `at` itself inside a long one."""
    for place in range(at, at - LONGEST_WORD, -1):
        if not (_in_word(line[place - 1]) and _in_word(line[place])):
            return place
    return at


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"
