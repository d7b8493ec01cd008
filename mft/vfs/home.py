"""An account's home folder, made ready at login."""

import os
from collections.abc import Sequence
from typing import Final, NamedTuple

from mft.core.failure import Refused
from mft.core.vpath import VPath
from mft.vfs.refusal import refusal
from mft.vfs.resolve import DIRECTORY, spelled
from mft.vfs.volume import Volumes

HOME_MODE: Final = 0o700
FOLDER_MODE: Final = 0o777  # less the process's umask


class Ownership(NamedTuple):
    """Who gets what is made; -1 leaves the user or group that the server runs as."""

    uid: int = -1
    gid: int = -1


SERVER: Final = Ownership()


async def prepare_home(
    volumes: Volumes,
    home: str,
    *,
    create: bool,
    structure: Sequence[VPath] = (),
    ownership: Ownership = SERVER,
) -> list[str]:
    """Make the home (with `create`) and the folders in it, parents included.

    Answers the real paths of what was made, in order. A link that leads out of the home is
    Refused(DENIED), a home that is not there and may not be made Refused(NOT_FOUND).
    """
    try:
        return await volumes.disk(_prepare, volumes, home, create, structure, ownership)
    except OSError as error:
        raise refusal(error, home) from None
    except Refused as refused:
        raise Refused(refused.reason, refused.subject or home, refused.details) from None


def _prepare(
    volumes: Volumes, home: str, create: bool, structure: Sequence[VPath], ownership: Ownership
) -> list[str]:
    made = []
    if create and _make_home(home, ownership):
        made.append(home)
    root = os.open(home, DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in structure:
            for depth in range(1, len(folder.parts) + 1):
                path = VPath(folder.parts[:depth])
                if _make_folder(volumes, root, path, ownership):
                    made.append(f"{home.rstrip('/')}{path}")
    finally:
        os.close(root)
    return made


def _make_home(home: str, ownership: Ownership) -> bool:
    if os.path.isdir(home):
        return False
    os.makedirs(os.path.dirname(home.rstrip("/")), exist_ok=True)
    return _make(home, None, HOME_MODE, ownership)


def _make_folder(volumes: Volumes, root: int, path: VPath, ownership: Ownership) -> bool:
    text = spelled(path)
    try:
        os.close(volumes.opener(root, text.encode(), DIRECTORY))
    except FileNotFoundError:
        pass
    else:
        return False
    folder = text[: -len(path.name)].rstrip("/").encode() or b"."
    parent = volumes.opener(root, folder, DIRECTORY)
    try:
        return _make(path.name, parent, FOLDER_MODE, ownership)
    finally:
        os.close(parent)


def _make(name: str, directory: int | None, mode: int, ownership: Ownership) -> bool:
    """Make a folder; False where another login of the account has just done so."""
    try:
        os.mkdir(name, mode, dir_fd=directory)
    except FileExistsError:
        return False
    if ownership != SERVER:
        os.chown(name, *ownership, dir_fd=directory, follow_symlinks=False)
    return True
