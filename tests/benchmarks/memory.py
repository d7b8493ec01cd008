"""Memory of a process tree, from /proc."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Memory(NamedTuple):
    """KiB of a process tree.

    private: anonymous pages, each divided by the processes that share it. File pages are left out:
    they are code, and their share changes whenever another process maps the same library.
    resident: RSS, the sum over the processes, shared pages counted by each.
    """

    private: int
    resident: int


def memory(pids: Iterable[int]) -> Memory:
    """The memory of these processes together; one that has ended meanwhile counts nothing."""
    private = resident = 0
    for pid in pids:
        fields = _rollup(pid)
        private += fields.get("Pss_Anon:", fields.get("Pss:", 0))
        resident += fields.get("Rss:", 0)
    return Memory(private, resident)


def peak(pids: Iterable[int]) -> int:
    """The most memory (RSS) that these processes have had together, KiB."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def forget_peak(pids: Iterable[int]) -> None:
    """Let `peak` begin at what these processes have now."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _rollup(pid: int) -> dict[str, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    return {name: int(kib) for name, kib, *_ in map(str.split, lines)}
