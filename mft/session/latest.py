"""Whose bytes are at a path: of the uploads that have a URL, which one was there last.

Sessions of every service of a process tell it of every upload, so that nobody goes on with what
another has left under the same name.
"""

from typing import Final

from mft.core.vpath import VPath

MAX_REMEMBERED: Final = 4096  # paths of which is known whose bytes they have: at most 4 KiB each
OTHERS: Final = 0  # an upload without a URL
ANY: Final = -1  # nobody knows which

Place = tuple[str, VPath]  # the ID of an account, and where a file will be


class Latest:
    """What is known of the paths at which uploads with a URL had bytes lately."""

    def __init__(self) -> None:
        self._latest: dict[Place, int] = {}  # an upload is told by its begin

    def has_bytes(self, place: Place, begun: int) -> None:
        """An upload's bytes come to a path, or are what stays there, in place of another's.

        One without a URL is OTHERS: it matters only where one with a URL had bytes.
        """
        if self._latest.pop(place, None) is None and begun == OTHERS:
            return
        self._latest[place] = begun
        if len(self._latest) > MAX_REMEMBERED:
            del self._latest[next(iter(self._latest))]

    def watch(self, place: Place) -> None:
        """From now on it matters whose bytes come to a path; whose are there is not known."""
        self.has_bytes(place, self._latest.get(place, ANY))

    def may_have_bytes(self, place: Place, begun: int) -> bool:
        """Whether what is at a path may be an upload's: not that of another, as far as we know."""
        return self._latest.get(place, ANY) in (ANY, begun)
