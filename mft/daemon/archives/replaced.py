"""What imports have replaced: kept in folders that are named by their time, the last few."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from mft.daemon.archives.archive import OUTSIDE
from mft.daemon.swapping import make_folders

FOLDER: Final = Path("state/replaced")  # in an instance
KEPT: Final = 10  # imports; a configuration and its keys have some 100 KiB
STAMP: Final = "%Y-%m-%dT%H-%M-%SZ"  # UTC, so that names sort as times do


def keep(
    directory: Path,
    places: Sequence[Path],
    owner: tuple[int, int] | None,
    clock: Callable[[], float] = time.time,
) -> Path | None:
    """Copy files that are to be replaced, with their modes; gives the folder, None for no files.

    `cp -a FOLDER/. INSTANCE` puts back what was in the instance. Raises OSError.
    """
    if not places:
        return None
    top = directory / FOLDER
    make_folders(top, owner)
    folder = _new_folder(top, clock())
    for place in places:
        inside = place.is_relative_to(directory)
        path = place.relative_to(directory if inside else "/")
        kept = folder / (path if inside else OUTSIDE / path)
        make_folders(kept.parent, owner)
        shutil.copy2(place, kept)
        _own(kept, owner)
    _own(folder, owner)
    for old in sorted(top.iterdir())[:-KEPT]:
        shutil.rmtree(old)
    return folder


def _own(path: Path, owner: tuple[int, int] | None) -> None:
    if owner is not None:
        os.chown(path, *owner)


def _new_folder(top: Path, now: float) -> Path:
    """A folder named by the time, or by a later one where that is taken."""
    while True:
        folder = top / time.strftime(STAMP, time.gmtime(now))
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            now += 1
        else:
            return folder
