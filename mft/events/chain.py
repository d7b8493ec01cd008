"""Checking the chain: whether the journal is what was written, line for line."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from mft.core.failure import Malformed
from mft.events.line import MAX_LINE, NO_HASH, parse, seal
from mft.events.segments import MAX_HEADER, Segment, read_header, segments

PROGRESS_STEP: Final = 4096  # lines between two reports

Progress = Callable[[int, int], None]  # bytes done, bytes in all


def no_progress(done: int, total: int) -> None:
    """Report to nobody."""


class Head(NamedTuple):
    """A serial and its hash, kept outside the journal."""

    serial: int
    hash: str


class Verified(NamedTuple):
    """What a check found. Only the first fault is told: behind it the chain proves nothing."""

    first_bad: int | None  # the serial where the journal stops being what was written
    problem: str  # empty when there is none
    lines: int  # that are sound
    last: int  # the last sound serial
    hash: str  # its hash: keep it elsewhere to prove later that nothing was taken off the end


class _Broken(Exception):  # noqa: N818 - inside this file only
    def __init__(self, serial: int, problem: str) -> None:
        super().__init__(problem)
        self.serial = serial
        self.problem = problem


def verify(directory: Path, progress: Progress = no_progress, kept: Head | None = None) -> Verified:
    """Read a whole journal, a line at a time, and check every serial and hash.

    An unfinished last line is not a fault: it is being written. Lines taken off the end leave no
    trace in the chain: `kept` is a head that was noted elsewhere and must still be there. Raises
    OSError.
    """
    check = _Check(segments(directory), progress, kept)
    try:
        check.run()
    except _Broken as broken:
        return Verified(broken.serial, broken.problem, check.count, check.last, check.hash)
    return Verified(None, "", check.count, check.last, check.hash)


class _Check:
    def __init__(self, files: list[Segment], progress: Progress, kept: Head | None) -> None:
        self.count = 0
        self.hash = NO_HASH
        self.last = files[0].first - 1 if files else 0
        self._files = files
        self._progress = progress
        self._kept = kept
        self._total = sum(segment.path.stat().st_size for segment in files)
        self._done = 0

    def run(self) -> None:
        if self._kept is not None and self._kept.serial <= self.last:
            raise _Broken(self.last + 1, f"serial {self._kept.serial} is not kept any more")
        for index, segment in enumerate(self._files):
            with segment.path.open("rb") as file:
                self._begin(segment, file, anchor=index == 0)
                self._lines(file, newest=index == len(self._files) - 1)
        if self._kept is not None and self._kept.serial > self.last:
            raise _Broken(self.last + 1, f"serial {self._kept.serial} is missing from the end")
        self._progress(self._total, self._total)

    def _begin(self, segment: Segment, file: BinaryIO, *, anchor: bool) -> None:
        expected = self.last + 1
        raw = file.readline(MAX_HEADER)
        self._done += len(raw)
        try:
            first, previous = read_header(raw)
        except Malformed as error:
            raise _Broken(expected, f"{segment.path.name}: {error}") from None
        if anchor:
            self.hash = previous
        if first != expected or segment.first != expected:
            raise _Broken(expected, f"{segment.path.name} begins with {first}")
        if previous != self.hash:
            raise _Broken(expected, f"{segment.path.name} does not go on from the one before")

    def _lines(self, file: BinaryIO, *, newest: bool) -> None:
        while raw := file.readline(MAX_LINE + 1):
            expected = self.last + 1
            if not raw.endswith(b"\n"):
                if newest and len(raw) <= MAX_LINE:
                    return
                raise _Broken(expected, "a line without an end")
            self._line(raw, expected)
            self._done += len(raw)
            self.count += 1
            if self.count % PROGRESS_STEP == 0:
                self._progress(self._done, self._total)

    def _line(self, raw: bytes, expected: int) -> None:
        try:
            line = parse(raw)
        except Malformed as error:
            raise _Broken(expected, str(error)) from None
        if line.serial != expected:
            raise _Broken(expected, f"serial {line.serial} stands where {expected} belongs")
        if seal(self.hash, line.body) != line.hash:
            raise _Broken(expected, f"the hash of {expected} is not that of its line")
        if self._kept is not None and self._kept.serial == expected:
            self._same(line.hash, self._kept)
        self.hash, self.last = line.hash, expected

    def _same(self, digest: str, kept: Head) -> None:
        if digest != kept.hash:
            raise _Broken(kept.serial, f"serial {kept.serial} has not the hash that was kept")
