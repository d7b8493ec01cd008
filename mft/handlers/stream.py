"""`type = standard-stream`: the audit log on standard output, for containers and terminals."""

import os
import select
from collections.abc import Sequence
from typing import ClassVar, Final, Literal

from mft.config.kinds import Count
from mft.config.section import option
from mft.core.peer import Component
from mft.events.model import Occurrence
from mft.events.template import DEFAULT_LINE
from mft.handlers.base import LONGEST_DELAY, HandlerOptions
from mft.handlers.log_file import BATCH, EntryContent, encode, renderer
from mft.resources.base import Surroundings

STANDARD_OUTPUT: Final = 1  # its descriptor
PATIENCE: Final = 5000  # milliseconds for a reader that stalls, so that a shutdown can end
LINE_FEED: Final = 0x0A


class StreamOptions(HandlerOptions):
    """Write events to standard output, one line each."""

    longest_delay: ClassVar[float] = LONGEST_DELAY

    entry_content: EntryContent = option(
        "The template of a line of text.", DEFAULT_LINE, examples=["{id} {message}"]
    )
    format: Literal["text", "json"] = option(
        "`text`: lines made by `entry_content`. `json`: one JSON object a line.", "text", ours=True
    )
    fail_after_errors: Count = option(
        "After how many failures in a row the handler stops itself. 0: never.",
        0,
        safer="An output that nobody read for a while does not end the audit log.",
    )


class Stream:
    """The handler: a batch of lines in one write."""

    batch: int = BATCH
    attempts: int = 0

    def __init__(
        self,
        component: Component,
        options: StreamOptions,
        around: Surroundings,
        descriptor: int = STANDARD_OUTPUT,
    ) -> None:
        self.component = component
        self._around = around
        self._descriptor = descriptor
        self._torn = False  # whether the last write ended inside a line
        self._render, _ = renderer(
            options.format, options.entry_content, (), around.server, component
        )

    async def start(self) -> None:
        """Nothing is to be opened."""

    async def handle_many(self, occurrences: Sequence[Occurrence]) -> None:
        """Write one line for each; raises OSError. What was written before it failed comes again.

        A reader that stalls holds up this handler and nobody else.
        """
        block = encode([self._render(occurrence) for occurrence in occurrences])
        await self._around.blocking(self._write, block)

    async def stop(self) -> None:
        """Nothing is to be closed: the descriptor is the process's."""

    def _write(self, block: bytes) -> None:
        view = memoryview(b"\n" + block if self._torn else block)
        ready = select.poll()
        ready.register(self._descriptor, select.POLLOUT)
        while view:
            if not ready.poll(PATIENCE):
                raise TimeoutError("nobody reads the standard output")
            written = os.write(self._descriptor, view[: select.PIPE_BUF])
            if not written:
                raise OSError("the standard output took nothing")
            self._torn = view[written - 1] != LINE_FEED
            view = view[written:]
