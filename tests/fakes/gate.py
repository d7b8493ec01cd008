"""Something that coroutines wait for until the test opens it."""

from collections.abc import Generator
from typing import Any


class Gate:
    """Awaited, it waits until `open` is true; drive the coroutine on with `run` then."""

    def __init__(self) -> None:
        self.open = False

    def __await__(self) -> Generator["Gate", Any, None]:
        """Wait."""
        while not self.open:
            yield self


def until_waiting(coroutine: Any) -> Any:
    """Run up to the first real wait; the same coroutine is then given to `run`."""
    assert isinstance(coroutine.send(None), Gate)
    return coroutine
