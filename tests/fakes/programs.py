"""The handler of programs on a real reactor, with scripts of a test's own."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from mft.core.peer import Component
from mft.events.model import Occurrence
from mft.handlers.program import Program
from mft.handlers.program_options import ProgramOptions
from tests.fakes.handlers import house
from tests.fakes.loop import run_loop, until

SCAN = Component("scan-1", "external-executable", "scan")
SOMEBODY = 1000  # no root
LOOK_SECONDS = 0.005  # between two looks at a process
GONE_SECONDS = 20  # for one that was killed to end, which takes no time
FAR = 30.0  # seconds: what is due later than that is the limit of a program


def script(directory: Path, text: str, interpreter: str = "/bin/sh") -> Path:
    """Write a program."""
    path = directory / "program"
    path.write_text(f"#!{interpreter}\n{text}\n")
    path.chmod(0o755)
    return path


def lives(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(pid: int) -> None:
    """Wait until a process that was killed has ended."""
    deadline = time.monotonic() + GONE_SECONDS
    while lives(pid):
        assert time.monotonic() < deadline
        time.sleep(LOOK_SECONDS)


def expire(reactor: Any) -> None:
    """Let the time of a program be over now, however long it was to be."""
    for call in reactor.getDelayedCalls():
        if call.getTime() - reactor.seconds() > FAR:
            call.reset(0)


class Bench:
    """A directory to run programs in, and the events that came of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.told: list[Occurrence] = []

    def run(self, program: Path | str, *occurrences: Occurrence, **given: str) -> None:
        """Handle all of them at once."""
        self.main(lambda _, handler: handler.handle_many(occurrences), program, **given)

    def expire(
        self,
        ready: Callable[[], object],
        program: Path | str,
        *occurrences: Occurrence,
        **given: str,
    ) -> None:
        """Handle all of them, and let their time be over once `ready` is true."""

        async def use(reactor: Any, handler: Program) -> None:
            going = Deferred.fromCoroutine(handler.handle_many(occurrences))
            await until(reactor, ready, "the program is ready")
            expire(reactor)
            await going

        self.main(use, program, executable_timeout="60", **given)

    def main(self, use: Callable[[Any, Program], Any], program: Path | str, **given: str) -> None:
        """Use a handler that has been started; `use` gets the reactor as well."""
        values = {"name": "scan", "executable_path": str(program), **given}
        options = ProgramOptions.model_validate(values)
        home = house(self.directory)

        async def main(reactor: Any) -> None:
            around = replace(home.around, clock=reactor)
            handler = Program(SCAN, options, around, lambda: SOMEBODY)
            await handler.start()
            await use(reactor, handler)
            await handler.stop()

        try:
            run_loop(main)
        finally:
            self.told = list(home.journal.read())
            home.journal.close()

    @property
    def results(self) -> Sequence[dict[str, Any]]:
        """The data of what was told."""
        return [one.data for one in self.told]
