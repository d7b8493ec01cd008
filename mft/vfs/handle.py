"""An open directory that several holders work relative to."""

import os


class Handle:
    """A descriptor that is closed when its last holder lets go; for the reactor's thread only."""

    __slots__ = ("_holders", "descriptor")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._holders = 1

    def hold(self) -> "Handle":
        """One more holder, who must release it."""
        self._holders += 1
        return self

    def release(self) -> None:
        """One holder less; the last one closes it."""
        self._holders -= 1
        if not self._holders:
            os.close(self.descriptor)
            self.descriptor = -1
