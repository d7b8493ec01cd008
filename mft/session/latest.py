"""Whose bytes are at a path: of the uploads that have a URL, which one was there last.

Sessions of every service of a process tell it of every upload, so that nobody goes on with what
another has left under the same name.
"""

from typing import Final, NamedTuple

from mft.core.vpath import VPath

MAX_REMEMBERED: Final = 4096  # paths of each kind, of at most 4 KiB
OTHERS: Final = 0  # an upload without a URL


class _Last(NamedTuple):
    """An upload, told by its begin, and whether it has made the file of its path."""

    begun: int
    whole: bool


Place = tuple[str, VPath]  # the ID of an account, and where a file will be


class Latest:
    """Whose bytes came last to the paths at which uploads were lately.

    Those without a URL, which may be many more, do not make others forgotten.
    """

    def __init__(self) -> None:
        self._latest: dict[Place, _Last] = {}
        self._others: dict[Place, _Last] = {}  # where no upload with a URL is known of

    def has_bytes(self, place: Place, begun: int, *, whole: bool = False) -> None:
        """An upload's bytes come to a path, or are what stays there, in place of another's.

        `whole` says that it has made the file.
        """
        has_url = begun != OTHERS or place in self._latest
        known = self._latest if has_url else self._others
        known.pop(place, None)
        known[place] = _Last(begun, whole)
        if has_url:
            self._others.pop(place, None)
        if len(known) > MAX_REMEMBERED:
            del known[next(iter(known))]

    def whose(self, place: Place) -> int | None:
        """Which upload's bytes came last to a path; None where that is not known."""
        last = self._last(place)
        return None if last is None else last.begun

    def may_have_bytes(self, place: Place, begun: int) -> bool:
        """Whether an interrupted upload may be this one: not another, as far as we know."""
        last = self._last(place)
        return last is None or last.begun == begun

    def may_have_made(self, place: Place, begun: int) -> bool:
        """Whether a finished file may be what an upload has made, as far as we know."""
        return self._last(place) in (None, (begun, True))

    def has_made(self, place: Place, begun: int) -> bool:
        """Whether a finished file is known to be what an upload has made."""
        return self._last(place) == (begun, True)

    def _last(self, place: Place) -> _Last | None:
        return self._latest.get(place) or self._others.get(place)
