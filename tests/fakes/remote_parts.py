"""What connectors are given, made of fakes."""

from pathlib import Path
from typing import Any

from mft.remote.base import Parts
from mft.vfs.volume import Volumes
from tests.fakes.reactor import Reactor
from tests.fakes.threads import Inline


class SeenInMemory:
    """A `FirstSeen` that keeps identities until the end of the test."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.fails: Exception | None = None  # what keeping and asking raises

    async def of(self, location: str) -> str | None:
        """What was kept."""
        if self.fails is not None:
            raise self.fails
        return self.kept.get(location)

    async def keep(self, location: str, shown: str) -> None:
        """Keep it."""
        if self.fails is not None:
            raise self.fails
        self.kept[location] = shown


def parts_in(directory: Path, reactor: Any = None, first_seen: SeenInMemory | None = None) -> Parts:
    """The parts of an instance in this folder; calls that block run at once, in place."""
    disk = Inline()
    return Parts(
        reactor=Reactor() if reactor is None else reactor,
        disk=disk,
        outside=Inline(),
        volumes=Volumes(disk, io="inline"),
        directory=directory,
        first_seen=first_seen or SeenInMemory(),
    )
