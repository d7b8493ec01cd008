"""`type = file-dispatcher`: what is done with the files that events are about.

Files are dispatched one after the other, in the order of their events, so that one record on disk
tells how far it has come. That record is written before anything is done: an event that comes
again after a kill goes on where it was, and what was done and told is neither done nor told twice.
"""

import os
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from twisted.internet.task import deferLater

from mft.config.kinds import plain
from mft.core.failure import Refused
from mft.core.peer import Component, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.escape import visible
from mft.events.facts import datum
from mft.events.model import Occurrence
from mft.events.reader import JournalReader
from mft.handlers.dispatcher_copy import How
from mft.handlers.dispatcher_options import DispatcherOptions
from mft.handlers.dispatcher_plan import Planner, random_word
from mft.handlers.dispatcher_record import Intent, NotRecordedError, Record, moment_of
from mft.handlers.dispatcher_roots import Roots
from mft.handlers.dispatcher_rules import EXECUTE
from mft.handlers.dispatcher_work import DONE, FAILED, GONE, Outcome, Work
from mft.resources.base import Surroundings
from mft.runtime.program import run_program
from mft.vfs.rename import RenameNew, find_rename_new

P = ParamSpec("P")
T = TypeVar("T")

MOST_OUTPUT: Final = 4096  # bytes of what a program says; the rest is dropped
MOST_TOLD: Final = 200  # characters of that in an event
READ_BATCH: Final = 512
SEARCH_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _is_root() -> bool:
    return os.geteuid() == 0


class Dispatcher:
    """The handler."""

    batch: int = 1
    attempts: int = 0  # what a rule cannot do is told; only its own record can be in the way

    def __init__(
        self,
        component: Component,
        options: DispatcherOptions,
        around: Surroundings,
        *,
        now: Callable[[], float] = time.time,
        token: Callable[[], str] = random_word,
        rename_new: RenameNew | None = None,
        is_root: Callable[[], bool] = _is_root,
    ) -> None:
        self.component = component
        self._options = options
        self._around = around
        self._now = now
        self._token = token
        self._rename_new = rename_new or find_rename_new()
        self._is_root = is_root
        # What is replayed is done again on purpose, perhaps beside a server that runs.
        section = f"{component.uuid}/replay" if around.replaying else component.uuid
        self._planner = Planner(component, section, options, around.server, now, token)
        self._roots = Roots(frozenset(options.allowed_roots), options.folders(), around.homes)
        self._how = How(options.overwrite_rule, options.create_destination_folder is not None)
        self._record = Record(around.directory / "state", section)
        self._last: Intent | None = None  # what was begun last
        self._untold: Intent | None = None  # what a kill may have kept from being told
        self._told: Intent | None = None
        self._since = 0  # the serial of the last event that was told

    async def start(self) -> None:
        """Find out where a killed server was; raises OSError where that cannot be read."""
        if not self._around.replaying:
            await self._around.blocking(self._load)

    async def stop(self) -> None:
        """Let the record go."""
        await self._around.blocking(self._record.close)

    def _load(self) -> None:
        last = self._last = self._record.load()
        if last is None:
            return
        self._since = last.since
        if last.ended:
            self._untold = last
            return
        try:
            self._work(last).tidy()
        except NotRecordedError as error:  # its event comes again, and waits until it can be
            self._around.log(f"what a dispatch has left is not removed yet: {error}")

    async def handle_many(self, occurrences: Sequence[Occurrence]) -> None:
        """Dispatch the files of each; raises OSError while nothing can be recorded."""
        for told in occurrences:
            await self._handle(told)

    async def _handle(self, told: Occurrence) -> None:
        last, first, (serial, time) = self._last, 0, moment_of(told)
        if last is not None and last.moment == (serial, time):
            first = last.file
        elif last is not None and serial <= last.serial and time <= last.time:
            return  # done before the server was killed
        else:
            await self._wait(told)
        for index, path in enumerate(self._files(told)):
            if index >= first and not await self._dispatch(told, index, path):
                return

    async def _wait(self, told: Occurrence) -> None:
        delay = self._options.dispatch_delay
        left = min(told.time + delay - self._now(), delay)
        if left > 0 and not self._around.replaying:
            await deferLater(self._around.clock, left)

    def _files(self, told: Occurrence) -> list[str]:
        """The paths in the event; one that has none is about no file."""
        key = self._options.dispatch_attribute.lower().removeprefix("data.")
        value: Any = datum(told.data, key)
        found = list(value) if isinstance(value, list | tuple) else [value]
        return [path for path in found if isinstance(path, str) and path]

    async def _dispatch(self, told: Occurrence, index: int, path: str) -> bool:
        """Do what the rules say about one file; False when that failed."""
        intent = self._last
        if intent is None or (intent.moment, intent.file) != (moment_of(told), index):
            planned = await self._around.blocking(self._planner.plan, told, index, path)
            if planned is None:
                return True
            intent = planned.intent
            intent.since = self._since
            if planned.refusal:
                await self._recorded(self._work(intent).end, Outcome(FAILED, planned.refusal))
            self._last = intent  # not before: what is refused is never carried out
        await self._carry_out(intent, told)
        await self._tell(intent, told)
        return intent.ended != FAILED

    def _work(self, intent: Intent) -> Work:
        return Work(intent, self._record, self._roots, self._how, self._rename_new)

    async def _carry_out(self, intent: Intent, told: Occurrence) -> None:
        """Do it, as often as the options say, until it has ended; raises OSError."""
        count = 0
        while not intent.ended:
            outcome = await self._attempt(intent)
            if outcome.word == FAILED and count < self._options.retry_count:
                count += 1
                wait = self._options.retry_wait
                failed = p.DispatchRetried(intent.mode, intent.path, count, wait, outcome.details)
                self._around.bus.emit(events.DISPATCH_RETRIED, failed, self._origin(told))
                await deferLater(self._around.clock, wait)
            elif not intent.ended:
                await self._recorded(self._work(intent).end, outcome)

    async def _attempt(self, intent: Intent) -> Outcome:
        work = self._work(intent)
        try:
            while (outcome := await self._recorded(work.advance)) is None:
                pass  # one step after the other: others have their turn in between
        except (OSError, Refused):
            raise
        except Exception as error:  # a fault of ours is the end of this file, not of the others
            self._around.log(f"dispatching {intent.path!r}: {traceback.format_exc()}")
            return Outcome(FAILED, repr(error))
        finally:
            work.close()
        if outcome.word == DONE and intent.mode == EXECUTE.name:
            return await self._execute(intent)
        return outcome

    async def _recorded(self, call: Callable[P, T], *words: P.args, **named: P.kwargs) -> T:
        """Run a call that records, on the disk pool; raises OSError where it cannot."""
        try:
            return await self._around.blocking(call, *words, **named)
        except NotRecordedError as error:
            raise OSError(f"nothing is dispatched, for that cannot be recorded: {error}") from None

    async def _execute(self, intent: Intent) -> Outcome:
        if self._is_root():
            return Outcome(FAILED, "no program is run as root; give [server] an account")
        argv = intent.destinations
        env = {
            "PATH": SEARCH_PATH,
            "SOURCE_PATH": intent.path,
            "ARGUMENTS": plain(tuple(argv[1:])),
        }
        try:
            ended = await run_program(
                self._around.clock,
                self._around.blocking,
                argv,
                env,
                timeout=self._options.executable_timeout,
                most_output=MOST_OUTPUT,
                directory=Path("/"),
                instance=self._around.directory,
            )
        except (OSError, ValueError) as error:  # the latter for what is no text of the system
            why = getattr(error, "strerror", None) or str(error)
            return Outcome(FAILED, f"{argv[0]} cannot be run: {why}")
        if ended.succeeded:
            return Outcome(DONE)
        said = visible((ended.error or ended.output).decode("utf-8", "replace").strip())
        return Outcome(FAILED, f"{ended.told} {said[:MOST_TOLD]}".strip())

    async def _tell(self, intent: Intent, told: Occurrence) -> None:
        """Say how it ended, once."""
        if intent is self._told:
            return
        if intent is self._untold:
            serial = await self._around.blocking(self._told_by, intent)
            if serial is not None:
                self._told, self._since = intent, serial
                return
        self._told = intent
        bus, origin = self._around.bus, self._origin(told)
        path, mode, fallback = intent.path, intent.mode, intent.fallback
        if intent.ended == GONE:
            serial = bus.emit(events.DISPATCH_GONE, p.Gone(path), origin)
        elif intent.ended == DONE:
            paths = [target.path for target in intent.targets if target.done]
            done = p.Dispatched(path, mode, intent.destinations, paths)
            event = events.FALLBACK_DONE if fallback else events.DISPATCH_DONE
            serial = bus.emit(event, done, origin)
        else:
            failed = p.DispatchFailed(mode, path, intent.destinations, intent.details)
            refused = events.FALLBACK_FAILED if fallback else events.DISPATCH_FAILED
            serial = bus.emit(refused, failed, origin)
        self._since = max(self._since, serial)

    def _origin(self, told: Occurrence) -> Origin:
        return told.origin._replace(component=self.component)

    def _told_by(self, intent: Intent) -> int | None:
        """The serial of the event that tells how it ended; None for none. Reads files."""
        numbers = {
            GONE: (events.DISPATCH_GONE,),
            DONE: (events.DISPATCH_DONE, events.FALLBACK_DONE),
            FAILED: (events.DISPATCH_FAILED, events.FALLBACK_FAILED),
        }[intent.ended]
        journal = self._around.directory / "log" / "journal"
        with JournalReader(journal, max(intent.serial, intent.since) + 1) as reader:
            while found := reader.take(READ_BATCH):
                for one in found:
                    ours = one.origin.component.uuid == self.component.uuid
                    if ours and one.event in numbers and one.data.get("path") == intent.path:
                        return one.serial
        return None
