"""Process trees, from /proc."""

from collections.abc import Iterable
from pathlib import Path


def tree(roots: Iterable[int]) -> list[int]:
    """The roots that are alive, and all their living descendants."""
    children: dict[int, list[int]] = {}
    alive = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        alive.add(int(entry.name))
        children.setdefault(parent, []).append(int(entry.name))
    found = [pid for pid in roots if pid in alive]
    for pid in found:  # grows while it is walked: breadth first
        found.extend(children.get(pid, []))
    return found


def birth(pid: int) -> int | None:
    """When it began, in ticks since boot: tells a process from a later one of its number."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return None
