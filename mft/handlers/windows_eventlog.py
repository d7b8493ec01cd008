"""`type = windows-eventlog`: events in the Application log of Windows."""

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, Final

from mft.config.kinds import Context, Count, Wrong
from mft.config.section import option
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.events.facts import Facts
from mft.events.model import Occurrence
from mft.events.template import Template
from mft.handlers.base import LONGEST_DELAY, HandlerOptions
from mft.handlers.log_file import EntryContent
from mft.handlers.syslog_options import LINE
from mft.resources.base import Surroundings

BATCH: Final = 64  # events in one turn of a thread
MODULE: Final = "win32evtlogutil"  # of pywin32
LOG: Final = "Application"
INFORMATION: Final = 4  # EVENTLOG_INFORMATION_TYPE
MAX_TEXT: Final = 31_839  # characters of one string of an event
NOT_IN_NAMES: Final = "*?-\\"

WINDOWS: Final = os.name == "nt"


class WindowsEventlogOptions(HandlerOptions):
    """Write events to the Application log of Windows."""

    longest_delay: ClassVar[float] = LONGEST_DELAY

    shown: ClassVar[Mapping[str, str]] = {"enabled": "No"}  # the file is for other systems too

    entry_content: EntryContent = option(
        "The template of the text of an event.", LINE, examples=["{id} {message}"], ours=True
    )
    fail_after_errors: Count = option(
        "After how many failures in a row the handler stops itself. 0: never.",
        0,
        safer="A log that was full for a while does not end the handler.",
    )

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of another system than Windows, and of a name that is none of a source."""
        if not self.enabled:
            return
        if not WINDOWS:
            sentence = "works on Windows only; syslog is the type for other systems"
            yield Wrong(sentence, "windows-eventlog", option="type")
        bad = sorted(set(self.name) & set(NOT_IN_NAMES))
        if bad:
            sentence = (
                f"is the source of events in the log, and must not have {' '.join(bad)} in it"
            )
            yield Wrong(sentence, option="name")


class WindowsEventlog:
    """The handler: each event is an entry at the level Information, under the event's number."""

    batch: int = BATCH
    attempts: int = 0  # while the log is in the way, everything waits

    def __init__(
        self, component: Component, options: WindowsEventlogOptions, around: Surroundings
    ) -> None:
        self.component = component
        self._source = options.name
        self._around = around
        self._render = Template(options.entry_content, Facts(around.server, component)).render
        self._log: Any = None

    async def start(self) -> None:
        """Register as a source; raises Refused where there is no such log to write to."""
        self._log = await self._around.blocking(_module)
        try:
            await self._around.blocking(self._register)
        except Exception as error:  # it raises errors of its own
            # Only an administrator may; entries are written anyway, with a note of Windows.
            self._around.log(f"the source {self._source} is not registered: {error}")

    async def handle_many(self, occurrences: Sequence[Occurrence]) -> None:
        """Write an entry for each; raises OSError."""
        await self._around.blocking(self._write, occurrences)

    async def stop(self) -> None:
        """Nothing is open."""

    def _register(self) -> None:
        self._log.AddSourceToRegistry(self._source, eventLogType=LOG)

    def _write(self, occurrences: Sequence[Occurrence]) -> None:
        for one in occurrences:
            number, text = one.event.number, self._render(one)[:MAX_TEXT]
            try:
                self._log.ReportEvent(self._source, number, eventType=INFORMATION, strings=[text])
            except Exception as error:  # it raises errors of its own
                raise OSError(f"the log of Windows: {error}") from None


def _module() -> Any:
    """What writes to the log; raises Refused where it is not installed."""
    try:
        return import_module(MODULE)
    except ImportError as error:
        details = f"{error}; install mft[windows], which brings pywin32, on Windows"
        raise Refused(Reason.UNSUPPORTED, "", details) from None
