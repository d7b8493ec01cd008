"""Turns for everybody else, where nothing that is awaited ever makes a coroutine wait."""

from typing import Any, Final

from twisted.internet.task import deferLater

TURN: Final = 0.002  # seconds of work before others have their turn


class Fair:
    """Call it between two pieces of work: it waits for a turn of the reactor when one is due."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._began = clock.seconds()

    async def __call__(self) -> None:
        """Let others work, if this has worked for TURN seconds."""
        if self._clock.seconds() - self._began >= TURN:
            await deferLater(self._clock, 0)
            self._began = self._clock.seconds()
