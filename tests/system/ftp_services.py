"""FTP services for tests of the whole server: an instance with one for each mode."""

from pathlib import Path

from tests.interop.ftp import MODES, Ftp
from tests.system.rig import Rig


def prepared(rig: Rig) -> dict[str, Ftp]:
    """A service for each mode."""
    rig.say("server", audit_requests="yes")  # which tells of data connections that come, too
    return {mode: rig.ftp(mode) for mode in MODES}


def half(home: Path) -> int:
    """How much of uploads has come that are not finished."""
    return sum(path.stat().st_size for path in home.glob(".mft-*"))
