"""Files of an archive that belong outside of the instance: how they are on this machine."""

from pathlib import Path

from mft.core.failure import Refused
from mft.daemon.archives.exporting import read_whole


def how_it_is(place: Path, data: bytes) -> str:
    """How a file of this machine is beside one of an archive; empty when it is the same."""
    try:
        ours, _ = read_whole(place, len(data))
    except FileNotFoundError:
        return "is missing"
    except Refused:
        return "differs"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "" if ours == data else "differs"


def are_there(names: tuple[str, ...]) -> list[tuple[Path, str]]:
    """Files of packages, and which of them are missing on this machine."""
    return [(path, "" if path.exists() else "is missing") for path in map(Path, names)]
