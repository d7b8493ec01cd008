"""Something with other methods in place of some of its own."""

from typing import Any


class Instead:
    """Whatever is not given is asked of the one inside."""

    def __init__(self, inside: Any, **given: Any) -> None:
        self._inside = inside
        self.__dict__.update(given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)
