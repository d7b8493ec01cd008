"""`type = external-executable`: a program runs for each event, and how it ended is an event.

A program that fails has handled its event: it is told by 20054, and not run again. Only what cannot
be started at all is tried again.
"""

import errno
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson
from twisted.internet.defer import CancelledError, Deferred, DeferredList, DeferredSemaphore
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.events import catalogue, payloads
from mft.events.escape import argument, visible
from mft.events.facts import Facts, as_text, unique, whole_data
from mft.events.model import Occurrence
from mft.events.template import Template
from mft.handlers.program_options import ProgramOptions, not_to_run
from mft.resources.base import Surroundings
from mft.runtime.program import Finished, refuse_root, run_program

MOST_OUTPUT: Final = 16 << 10  # bytes kept of output, and of error
MAX_LOG: Final = 200  # characters of them in a line
MAX_PATH: Final = 4096  # characters
MAX_COMMAND: Final = 1000  # characters of a command line in an event
MAX_VALUE: Final = 32 << 10  # bytes of one variable; the system takes 128 KiB
PATH: Final = "/usr/local/bin:/usr/bin:/bin"
TOO_MUCH: Final = frozenset({errno.E2BIG, errno.ENAMETOOLONG})


class _Said(NamedTuple):
    """What a program said, as its event has it."""

    output: object
    error: str
    output_log: str
    error_log: str


class Program:
    """The handler: some programs at a time."""

    attempts: int = 0

    def __init__(
        self,
        component: Component,
        options: ProgramOptions,
        around: Surroundings,
        who: Callable[[], int] = os.geteuid,
    ) -> None:
        """`who` tells the account that this process runs as."""
        self.component = component
        self.batch = options.concurrent_processes  # no more: a stop in the middle repeats them
        self._options = options
        self._around = around
        self._who = who
        self._origin = Origin(PROCESS, NOWHERE, component)
        self._path = str(options.executable_path)
        facts = Facts(around.server, component)
        self._arguments = [Template(word, facts, argument) for word in options.executable_arguments]
        self._turns = DeferredSemaphore(options.concurrent_processes)
        self._done: set[int] = set()  # serials of a batch that comes again: not these

    async def start(self) -> None:
        """See that the program may be run; raises Refused."""
        refuse_root(self._who, self.component.name)
        wrong = await self._around.blocking(
            not_to_run, self._options.executable_path, self._around.directory
        )
        if wrong:
            raise Refused(Reason.INVALID, self._path, f"executable_path {wrong}")

    async def handle_many(self, occurrences: Sequence[Occurrence]) -> None:
        """Run the program for each, and wait for all; raises OSError when one cannot be started.

        When the same events then come again, only those are handled that were not.
        """
        running = [
            Deferred.fromCoroutine(self._one(told))
            for told in occurrences
            if told.serial not in self._done
        ]
        ended: list[tuple[bool, Any]] = await DeferredList(running, consumeErrors=True)
        failed = [result for _, result in ended if isinstance(result, Failure)]
        if failed:
            worst = next((one for one in failed if one.check(CancelledError)), failed[0])
            worst.raiseException()
        self._done.difference_update(told.serial for told in occurrences)

    async def stop(self) -> None:
        """Nothing: programs end before their events have been handled."""

    async def _one(self, told: Occurrence) -> None:
        await self._turns.acquire()
        try:
            await self._run(told)
        finally:
            self._turns.release()
        self._done.add(told.serial)

    async def _run(self, told: Occurrence) -> None:
        argv = [self._path, *(word.render(told) for word in self._arguments)]
        command = visible(shlex.join(argv))[:MAX_COMMAND]
        try:
            finished = await run_program(
                self._around.clock,
                self._around.blocking,
                [_bytes(word) for word in argv],
                self._environment(told),
                timeout=self._options.executable_timeout,
                most_output=MOST_OUTPUT,
                directory=self._around.directory,
                instance=self._around.directory,
            )
        except OSError as error:
            if error.errno not in TOO_MUCH:
                raise
            self._tell(told, command, Finished(-1, 0, False, b"", b""), str(error))
        else:
            self._tell(told, command, finished, "" if finished.succeeded else finished.told)

    def _environment(self, told: Occurrence) -> Mapping[str, bytes]:
        """What the program knows of the event, and nothing of this server's own environment."""
        origin = told.origin
        known = {
            "PATH": PATH,
            "PWD": str(self._around.directory),
            "EVENT": str(told.event.number),
            "EVENT_UUID": unique(self._around.server, told),
            "HANDLER_UUID": self.component.uuid,
            "COMPONENT_UUID": origin.component.uuid,
            "TIMESTAMP": f"{told.time:.3f}",
            "PEER": str(origin.peer),
            "USER": origin.actor.name,
        }
        data = whole_data(told)
        known |= {f"DATA_{key.upper()}": as_text(value) for key, value in data.items()}
        return {name: _bytes(value)[:MAX_VALUE] for name, value in known.items()}

    def _tell(self, told: Occurrence, command: str, finished: Finished, details: str) -> None:
        said, wrong = self._said(finished)
        details = details or wrong
        common: dict[str, Any] = {
            **said._asdict(),
            "command": command,
            "exit_code": finished.exit_code,
            "path": _path(told, "path"),
            "real_path": _path(told, "real_path"),
        }
        bus = self._around.bus
        if details:
            failed = payloads.ProgramFailed(details=details, **common)
            bus.emit(catalogue.PROGRAM_FAILED, failed, self._origin)
        else:
            bus.emit(catalogue.PROGRAM_DONE, payloads.ProgramDone(**common), self._origin)

    def _said(self, finished: Finished) -> tuple[_Said, str]:
        """What it said, and what is wrong with that."""
        text, error = (one.decode("utf-8", "replace") for one in (finished.output, finished.error))
        output: object = text
        wrong = ""
        if self._options.executable_output_format == "json":
            try:
                output = orjson.loads(finished.output)
            except orjson.JSONDecodeError as fault:
                wrong = f"the output is not JSON: {fault}"
        return _Said(output, error, _short(text), _short(error)), wrong


def _path(told: Occurrence, key: str) -> str:
    """A path of the event; none where it is longer than any path of a system."""
    path = as_text(told.data.get(key))
    return path if len(path) <= MAX_PATH else ""


def _bytes(text: str) -> bytes:
    """The text as the system takes it; what is no text is shown by escapes."""
    try:
        return argument(text).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return argument(text).encode("utf-8", "backslashreplace")


def _short(text: str) -> str:
    return visible(text.strip()[: MAX_LOG * 2])[:MAX_LOG]
