"""HANDLERS: the types of event handler."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from mft.core.peer import Component
from mft.handlers.base import Handler, HandlerOptions
from mft.handlers.log_file import LogFile, LogFileOptions
from mft.handlers.stream import Stream, StreamOptions
from mft.resources.base import Surroundings


class Kind(NamedTuple):
    """One type: its options, and how a handler is made of them."""

    options: type[HandlerOptions]
    build: Callable[[Component, Any, Surroundings], Handler]


HANDLERS: Final[Mapping[str, Kind]] = {
    "local-file": Kind(LogFileOptions, LogFile),
    "standard-stream": Kind(StreamOptions, Stream),
}
