"""Files in memory for inspections, and an inspection that says what a test wants."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.inspection.base import Means, Subject, Verdict
from tests.fakes.threads import Inline

CLAM = Component("clam", "clamav", "antivirus")


class BytesSource:
    """The bytes of a file that is nowhere."""

    def __init__(self, data: bytes, most: int | None = None, file: Path | None = None) -> None:
        """A read gives `most` bytes at once; `file` is what is opened for programs."""
        self.data = data
        self.reads = 0
        self._most = most
        self._file = file

    async def read(self, view: memoryview, offset: int) -> int:
        self.reads += 1
        piece = self.data[offset : offset + min(len(view), self._most or len(view))]
        view[: len(piece)] = piece
        return len(piece)

    def reopen(self) -> int:
        if self._file is None:
            raise Refused(Reason.UNSUPPORTED, "", "it is in memory")
        return os.open(self._file, os.O_RDONLY)


def subject(
    data: bytes,
    path: str = "/inbox/a.txt",
    *,
    beside: Mapping[str, bytes] | None = None,
    size: int | None = None,
    most: int | None = None,
    file: Path | None = None,
    go_on: Callable[[], None] = lambda: None,
) -> Subject:
    """A file; `beside` are its neighbours, by the suffix that their name has more."""

    async def found(suffix: str, limit: int) -> bytes | None:
        there = (beside or {}).get(suffix)
        return None if there is None else there[: limit + 1]

    source = BytesSource(data, most, file)
    length = len(data) if size is None else size
    return Subject(path, f"/srv/ann{path}", length, source, found, go_on)


def means(directory: Path = Path("/nowhere"), clock: Any = None) -> Means:
    """Pools that are none."""
    return Means(Inline(), Inline(), clock, directory)


class Saying:
    """An inspection that runs, gives one answer, and keeps what it was given."""

    def __init__(self, answer: Verdict | Exception, component: Component = CLAM) -> None:
        self.component = component
        self.ending = ""
        self.answer = answer
        self.seen: list[Subject] = []
        self.meanwhile: Callable[[], object] = lambda: None

    async def start(self) -> None:
        """Begin."""

    async def inspect(self, subject: Subject) -> Verdict:
        """Answer."""
        self.seen.append(subject)
        self.meanwhile()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Waiting(Saying):
    """One that answers when a test lets it."""

    def __init__(self, answer: Verdict | Exception, component: Component = CLAM) -> None:
        super().__init__(answer, component)
        self.go = Deferred[None]()

    async def inspect(self, subject: Subject) -> Verdict:
        """Answer later."""
        verdict = await super().inspect(subject)
        await self.go
        return verdict


def gone() -> None:
    """Nobody waits any more."""
    raise Refused(Reason.ABORTED, "", "the client left meanwhile")
