"""Reading the journal from outside: from a serial on, in batches, while it is being written."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, Final, Self

from mft.core.failure import Malformed
from mft.events.line import MAX_LINE, Line, occurrence, parse
from mft.events.model import Occurrence
from mft.events.segments import Segment, holding, line_of, seek, segments

FIRST_LINE: Final = b'{"journal"'


class JournalReader:
    """One reader's place in a journal. It needs no lock, and works while another process writes."""

    def __init__(self, directory: Path, from_serial: int = 1) -> None:
        self.damaged = 0  # lines that could not be read and were passed over
        self._directory = directory
        self._next = max(from_serial, 1)
        self._file: BinaryIO | None = None
        self._first = 0  # of the segment that is open

    @property
    def next(self) -> int:
        """The serial that it gives next."""
        return self._next

    def take(self, limit: int) -> list[Occurrence]:
        """The next occurrences, at most `limit`; empty at the end of what is written so far.

        Reads files: call it where that may block. Raises OSError.
        """
        taken: list[Occurrence] = []
        while len(taken) < limit:
            raw = self._line()
            if raw is None:
                if self._advance():
                    continue
                break
            if raw.startswith(FIRST_LINE):
                continue
            try:
                found = occurrence(parse(raw))
            except Malformed:
                self.damaged += 1
                continue
            if found.serial >= self._next:
                self._next = found.serial + 1
                taken.append(found)
        return taken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the open segment go; `take` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _line(self) -> bytes | None:
        """The next whole line, or None when there is none yet."""
        if self._file is None:
            return None
        raw = self._file.readline(MAX_LINE + 1)
        if raw.endswith(b"\n"):
            return raw
        if len(raw) > MAX_LINE:  # no line of ours: a part of it is passed over at a time
            return b"\n"
        self._file.seek(-len(raw), 1)  # it is being written
        return None

    def _advance(self) -> bool:
        """Go to the segment that has what comes next; False when there is none."""
        files = segments(self._directory)
        if not files:
            return False
        if self._file is None:
            return self._open(files[holding(files, self._next)])
        following = [segment for segment in files if segment.first > self._first]
        if not following:
            return False
        # The writer leaves a segment before it begins the next: what was added meanwhile is there.
        position = self._file.tell()
        if self._file.readline(MAX_LINE + 1).endswith(b"\n"):
            self._file.seek(position)
            return True
        return self._open(following[0])

    def _open(self, segment: Segment) -> bool:
        self.close()
        try:
            self._file = segment.path.open("rb")
        except FileNotFoundError:  # retention took it just now: look again
            return bool(segments(self._directory))
        self._first = segment.first
        if segment.first < self._next:
            seek(self._file, self._next)
        return True


def start_at(directory: Path, moment: datetime) -> int:
    """A serial to read from so that nothing at or after a time is missed: a segment's first."""
    files = segments(directory)
    for segment in files:
        if segment.path.stat().st_mtime >= moment.timestamp():
            return segment.first
    return files[-1].first if files else 1


def one_of(directory: Path, serial: int) -> Occurrence | None:
    """The occurrence of a serial, where the journal still has it; reads files, raises OSError."""
    with JournalReader(directory, serial) as reader:
        found = reader.take(1)
    return found[0] if found and found[0].serial == serial else None


def lines_of(directory: Path, serials: Iterable[int]) -> Iterator[Line | None]:
    """The lines of some serials, in their order; None for each that the journal does not have.

    Each is looked for by halving, which takes about 0.1 ms. Raises OSError.
    """
    files = segments(directory)
    if not files:
        yield from (None for _ in serials)
        return
    for index, wanted in groupby(sorted(serials), lambda serial: holding(files, serial)):
        with files[index].path.open("rb") as file:
            for serial in wanted:
                try:
                    yield parse(line_of(file, serial))
                except Malformed:
                    yield None
