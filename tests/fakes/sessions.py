"""Sessions over a tree in memory, with the events of SFTP unless a test gives others."""

from typing import Any

from mft.auth.account import Account
from mft.auth.permissions import Rules
from mft.core.peer import Address, Component
from mft.core.vpath import VPath
from mft.protocols.ssh.events import NUMBERS
from mft.session.numbers import Numbers
from mft.session.session import Session
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.files import put
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

PEER = Address("192.0.2.7", 51234)
SERVICE = Component("ssh-1", "ssh", "sftp")
FULL = ("allow-full-control",)


def account(*rules: str, **options: Any) -> Account:
    """An account with these lines of permissions, or with all of them."""
    return Account("ann-1", "ann", "/homes/ann", Rules.parse(rules or FULL), **options)


def session(
    *rules: str,
    files: Any = None,
    trail: Any = None,
    account_: Account | None = None,
    numbers: Numbers = NUMBERS,
    **given: Any,
) -> Session:
    """A session; what it told is in its `trail`."""
    return Session(
        account_ or account(*rules),
        files or tree(),
        trail or Trail(),
        numbers,
        peer=PEER,
        component=SERVICE,
        **{"pool": Inline(), **given},
    )


def tree() -> MemoryFileSystem:
    """Folders `/here` and `/there`, each with a file, a full and an empty folder, and a link."""
    files = MemoryFileSystem(owner="ann-1")
    for top in ("/here", "/there"):
        for folder in (top, f"{top}/full", f"{top}/full/inner", f"{top}/empty"):
            run(files.make_directory(VPath.parse(folder)))
        put(files, VPath.parse(f"{top}/file"), b"old bytes")
        put(files, VPath.parse(f"{top}/full/file"), b"more")
        run(files.make_link(VPath.parse(f"{top}/link"), "file"))
    return files


def shape(files: MemoryFileSystem) -> dict[str, tuple[int, bytes, str]]:
    """Everything in the tree that a change could change."""
    found: dict[str, tuple[int, bytes, str]] = {}

    def walk(node: Any, path: str) -> None:
        found[path] = node.mode, bytes(node.data), node.text
        for (owner, name), kept in node.kept.items():
            found[f"{path}/{name} of {owner}"] = kept.mode, bytes(kept.data), "interrupted"
        for name, child in node.children.items():
            walk(child, f"{path}/{name}")

    walk(files.tree.root, "")
    return found
