"""The files of a partner who lies: one truth, and what his servers say and do instead of it."""

from dataclasses import dataclass, field

RENAMES_NOTHING = "renames nothing"  # says yes, and leaves the old name
RENAMES_AWAY = "renames away"  # says yes, and neither name is there
REMOVES_NOTHING = "removes nothing"  # says yes, and it is there

MODIFIED = 1_700_000_000  # 2023-11-14T22:13:20Z


class FullError(Exception):
    """There is no room for more."""


@dataclass
class PartnerFiles:
    """Files by their absolute path, all in one folder, the root."""

    files: dict[str, bytes] = field(default_factory=dict)
    modified: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)  # that are told instead
    listed: dict[str, int] = field(default_factory=dict)  # likewise, in listings only
    more: list[str] = field(default_factory=list)  # names in listings that nothing has
    lies: set[str] = field(default_factory=set)
    room: int | None = None  # bytes that it still takes
    breaks_after: int | None = None  # bytes of one connection
    fetched: list[str] = field(default_factory=list)  # every path that was opened for reading
    stored: list[str] = field(default_factory=list)  # and for writing
    removed: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        """What is in the folder, sorted, without the slash."""
        return sorted(path[1:] for path in self.files)

    def size(self, path: str) -> int:
        """What it says."""
        return self.sizes.get(path, len(self.files[path]))

    def time(self, path: str) -> int:
        """When a file was written, by the clock of the partner."""
        return self.modified.get(path, MODIFIED)

    def in_listing(self) -> list[tuple[str, int, int]]:
        """Name, size and time of everything that a listing tells."""
        real = [(p[1:], self.listed.get(p, self.size(p)), self.time(p)) for p in [*self.files]]
        return real + [(name, 1, MODIFIED) for name in self.more]

    def write(self, path: str, offset: int, data: bytes) -> None:
        """Take bytes; FullError for those that there is no room for, the others are there."""
        taken = data if self.room is None else data[: self.room]
        before = self.files.get(path, b"")
        self.files[path] = before[:offset] + taken + before[offset + len(taken) :]
        if self.room is not None:
            self.room -= len(taken)
        if len(taken) < len(data):
            raise FullError

    def cut(self, path: str, size: int) -> None:
        """Make a file shorter; KeyError where there is none."""
        before = self.files[path]
        self.files[path] = before[:size]
        if self.room is not None:
            self.room += len(before) - len(self.files[path])

    def remove(self, path: str) -> None:
        """Remove a file; KeyError where there is none."""
        data = self.files.pop(path)
        self.removed.append(path)
        if self.room is not None:
            self.room += len(data)
        if REMOVES_NOTHING in self.lies:
            self.files[path] = data

    def rename(self, source: str, target: str) -> None:
        """Rename a file; KeyError where there is none."""
        data = self.files[source]
        if RENAMES_NOTHING in self.lies:
            return
        del self.files[source]
        if RENAMES_AWAY not in self.lies:
            self.files[target] = data
            self.modified[target] = self.time(source)

    def files_by_name(self) -> dict[str, bytes]:
        """Every file without the slash."""
        return {path[1:]: data for path, data in self.files.items()}
