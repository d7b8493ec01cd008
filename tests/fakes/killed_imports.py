"""Imports and restores that are killed: see `killed`."""

from pathlib import Path
from typing import Final

from mft.daemon.archives.backing_up import backup
from mft.daemon.archives.importing import Wanted, import_archive
from mft.daemon.archives.restoring import restore
from mft.daemon.swapping import NewFile, swap
from tests.fakes.killed import arm
from tests.fakes.nodes import Node, small_node

CALLS: Final = (
    "open",
    "rename",
    "replace",
    "unlink",
    "rmdir",
    "mkdir",
    "fsync",
    "fchmod",
    "chmod",
    "symlink",
)


def node_with_program(directory: Path, name: str) -> Node:
    """A node with a file that is not in conf/, and differs with the name."""
    node = small_node(directory, name)
    node.write("scripts/x.sh", f"#!/bin/sh\necho {name}\n", 0o755)
    node.say(
        "[event-handlers/p]\nname = p\ntype = external-executable\ntarget = 1\n"
        "executable_path = scripts/x.sh\n"
    )
    return node


def swap_files(folder: Path, files: list[tuple[str, bytes]], at_call: int) -> None:
    """Put files in their places in this process, which ends before a call."""
    arm(at_call, CALLS)
    swap(folder, [NewFile(Path(place), data, 0o600) for place, data in files])


def import_into(config: Path, archive: Path, at_call: int) -> None:
    """Import in this process, which ends before a call."""
    arm(at_call, CALLS)
    import_archive(config, archive, Wanted(outside=True))


def import_once(directory: Path) -> None:
    """One import to its end, so that everything it needs is there."""
    node = node_with_program(directory / "node", "once")
    archive = node.export(directory / "node.tar")
    import_archive(directory / "other/conf/server.ini", archive, Wanted())


def restore_into(archive: Path, directory: Path, at_call: int) -> None:
    """Restore in this process, which ends before a call."""
    arm(at_call, CALLS)
    restore(archive, directory)


def restore_once(directory: Path) -> None:
    """One restore to its end, so that everything it needs is there."""
    node = node_with_program(directory / "node", "once")
    backup(node.config, directory / "mft.tar", copy_queue=lambda name: "nobody")
    restore(directory / "mft.tar", directory / "other")
