"""Names of accounts in paths: `${USER}` and `${SHARED}`, put in once and never able to climb."""

import glob
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from mft.core.failure import Refused
from mft.core.vpath import VPath, check_name

_PLACE = re.compile(r"\$\{([^}]*)\}?")
_UNSAFE = re.compile(r'[\\/:*?"<>|]')
SHARED = "${SHARED}"
USER = "${USER}"
OURS: Final = ("conf", "log", "state")  # folders of the instance that no client may reach


def sample() -> Mapping[str, str]:
    """A value for each name that may stand in a path, to check options before anybody logs in."""
    return {"USER": "user"}


def path_name(user: str) -> str:
    """The name of an account as one name in a path; raises ValueError where there is none.

    Characters that mean something in paths become dots.
    """
    name = _UNSAFE.sub(".", user)
    try:
        check_name(name)
    except Refused as refused:
        raise ValueError(f"the name of the account cannot stand in a path: {refused}") from None
    if name in ("", ".", ".."):
        raise ValueError("the name of the account cannot stand in a path")
    return name


def expand(text: str, names: Mapping[str, str]) -> str:
    """Put in the value of each `${NAME}`, in one pass; raises ValueError for an unknown name."""

    def value(place: re.Match[str]) -> str:
        if place[1] not in names or not place[0].endswith("}"):
            raise ValueError(f"{place[0]} is not ${{USER}}")
        return names[place[1]]

    return _PLACE.sub(value, text)


def virtual_path(text: str) -> VPath:
    """Read a virtual path of the configuration; raises ValueError."""
    try:
        return VPath.parse(text)
    except Refused as refused:
        raise ValueError(str(refused)) from None


def member_path(text: str, user: str) -> str:
    """The path of one member of a group: `${USER}` is put in, or added where it is missing.

    `${SHARED}` in front means the same path for all. Raises ValueError.
    """
    if text.startswith(SHARED):
        return expand(text.removeprefix(SHARED), {"USER": path_name(user)})
    if USER not in text:
        text = f"{text.rstrip('/')}/{USER}"
    return expand(text, {"USER": path_name(user)})


def member_files(text: str) -> tuple[Path, ...]:
    """The paths that `member_path` has for any account at all, as far as they are there.

    Accounts of directories are in no list, so that the disk tells.
    """
    shared = text.startswith(SHARED)
    path = text.removeprefix(SHARED)
    if not shared and USER not in path:
        path = f"{path.rstrip('/')}/{USER}"
    pattern = "*".join(map(glob.escape, path.split(USER)))
    return tuple(Path(found) for found in sorted(glob.glob(pattern)))


def ours_in(directory: Path) -> list[str]:
    """What no client may reach in an instance, links followed."""
    return [os.path.realpath(directory / name) for name in OURS]


def overlap(path: str, ours: Iterable[str]) -> str:
    """Say how a folder and what is ours hold one another, links followed; empty when not."""
    real = os.path.realpath(path)
    for own in ours:
        common = os.path.commonpath([real, own])
        if common == own:
            return f"is inside {own}, where clients must not reach"
        if common == real:
            return f"holds {own}, which clients must not reach"
    return ""
