"""Files and directories to send, and what a tree holds, to compare with what arrived."""

import random
from functools import lru_cache
from pathlib import Path

LARGE = 3 * 1024 * 1024 + 7  # bytes: many packets of every client, and an odd end
SIZES = (0, 1, 32768, LARGE)  # empty, least, exactly one packet of most clients, many
# Names that clients and servers have tripped over.
HOSTILE = (
    *("-l", "-", " ahead", "behind ", "two  inside", 'a "quoted" one', "it's", "\\ back"),
    *("naïve ü €", "日本", "100%25", "semi;colon", "a*b?[c]", "#hash", "~tilde", "..."),
)


@lru_cache(8)  # of large ones, that to make them takes long
def content(size: int) -> bytes:
    """Bytes that do not repeat, the same in every run."""
    return random.Random(size).randbytes(size)


def make(folder: Path) -> Path:
    """A tree with what trees have: depth, an empty directory, spaces, letters beyond ASCII."""
    files = {"a.txt": 10, "empty": 0, "with space.bin": 70_000, "sub/naïve ü.txt": 33, "sub/x/y": 1}
    for name, size in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(size))
    (folder / "hollow").mkdir()
    return folder


def held(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder: a file's bytes, None for a directory."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
