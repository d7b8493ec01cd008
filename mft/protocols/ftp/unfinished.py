"""How FTP tells of an interrupted upload: its last byte is always still to come.

A client takes an upload for done when SIZE tells all of its bytes, and sends nothing more: lftp and
curl do. But of an upload whose client was killed after its last byte, or whose server was, all may
be there, and the file is not. With a byte to send, clients send it, and hear how that ends.
"""

from typing import Final

from mft.core.vpath import VPath
from mft.vfs.base import Entry

MAX_REMEMBERED: Final = 4096  # paths of which a client was told how much is there: 4 KiB each

Place = tuple[str, VPath]  # the ID of an account, and where a file will be


class Unfinished:
    """What clients of one service were told of interrupted uploads: APPE goes on there.

    A download is of the finished file, which SIZE did not tell of.
    """

    def __init__(self) -> None:
        self._told: dict[Place, int] = {}  # bytes, in the order in which they were told

    def tell(self, account: str, path: VPath, entry: Entry) -> Entry:
        """An entry as its client may know it; one of what is finished as it is."""
        self._told.pop((account, path), None)
        if not entry.interrupted:
            return entry
        told = max(0, entry.size - 1)
        self._told[account, path] = told
        if len(self._told) > MAX_REMEMBERED:
            del self._told[next(iter(self._told))]
        return entry._replace(size=told)

    def begin(self, account: str, path: VPath) -> int | None:
        """A transfer begins: how much of an upload its client was told is there; None if not.

        That ends with it.
        """
        return self._told.pop((account, path), None)
