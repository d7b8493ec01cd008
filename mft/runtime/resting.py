"""Several URLs of which one at a time is asked: what fails rests while another can be."""

from collections.abc import Sequence
from typing import Any, Final

SUSPENDED: Final = 300.0  # seconds


class Resting:
    """The URLs in the order in which they are asked, and until when some of them rest."""

    def __init__(self, urls: Sequence[str], clock: Any) -> None:
        self._urls = tuple(urls)
        self._clock = clock
        self._until: dict[str, float] = {}

    def awake(self) -> Sequence[str]:
        """Those that do not rest; all of them where none is left, for one may be well again."""
        now = self._clock.seconds()
        return [one for one in self._urls if self._until.get(one, now) <= now] or self._urls

    def suspend(self, url: str) -> bool:
        """Let a URL rest; False where it does already."""
        now = self._clock.seconds()
        if self._until.get(url, now) > now:
            return False
        self._until[url] = now + SUSPENDED
        return True

    def well(self, url: str) -> None:
        """A URL has answered: it does not rest."""
        self._until.pop(url, None)
