"""Whose bytes are at a path: of the uploads that have a URL, which one was there last.

Sessions of every service of a process tell it of every upload, so that nobody goes on with what
another has left under the same name.
"""

from typing import Final

from mft.core.vpath import VPath

MAX_REMEMBERED: Final = 4096  # paths of each kind, of at most 4 KiB
OTHERS: Final = 0  # an upload without a URL

Place = tuple[str, VPath]  # the ID of an account, and where a file will be


class Latest:
    """Whose bytes came last to the paths at which uploads were lately.

    Those without a URL, which may be many more, do not make others forgotten.
    """

    def __init__(self) -> None:
        self._latest: dict[Place, int] = {}  # an upload is told by its begin
        self._others: dict[Place, int] = {}  # where no upload with a URL is known of

    def has_bytes(self, place: Place, begun: int) -> None:
        """An upload's bytes come to a path, or are what stays there, in place of another's."""
        has_url = begun != OTHERS or place in self._latest
        known = self._latest if has_url else self._others
        known.pop(place, None)
        known[place] = begun
        if has_url:
            self._others.pop(place, None)
        if len(known) > MAX_REMEMBERED:
            del known[next(iter(known))]

    def has_known_bytes(self, place: Place, begun: int) -> bool:
        """Whether what is at a path is known to be an upload's."""
        return self._latest.get(place) == begun

    def may_have_bytes(self, place: Place, begun: int) -> bool:
        """Whether what is at a path may be an upload's: not that of another, as far as we know."""
        return self._latest.get(place, self._others.get(place, begun)) == begun
