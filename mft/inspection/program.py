"""`inspection-program`: a program of the administrator looks at the file; its exit code decides."""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, ClassVar, Final

from twisted.internet.defer import DeferredSemaphore

from mft.config.kinds import Context, Kind, ProgramPath, Wrong, comma_list, duration, whole
from mft.config.named_files import as_arguments
from mft.config.section import NamedSection, option
from mft.inspection.base import Means, Subject, Verdict
from mft.runtime.program import Finished, refuse_root, run_program
from mft.runtime.safe_programs import not_safe

MAX_OUTPUT: Final = 4096  # bytes that are kept of what it says
MAX_SHOWN: Final = 200  # characters of them in details
MAX_AT_ONCE: Final = 8
MAX_CODE: Final = 255
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FILE: Final = "/dev/stdin"  # what {file} stands for: never a name, behind which the file may change
_PLACE: Final = "{file}"
_Arguments = Annotated[
    tuple[str, ...], Kind("list between commas", "one, two", comma_list, files=as_arguments)
]
_Code = Annotated[int, whole(0, MAX_CODE, "exit code")]


class ProgramRules(NamedSection):
    """Which program looks, and what its exit codes mean."""

    shown: ClassVar[Mapping[str, str]] = {"enabled": "No"}  # the program may not be there

    executable_path: ProgramPath = option(
        "The program, an absolute path. It has the rights of the server, which must not be root, "
        "and no shell is asked.",
        examples=["/usr/bin/clamscan"],
    )
    executable_arguments: _Arguments = option(
        "Its arguments between commas. {file} stands for a path at which it reads the file; its "
        "standard input is the file as well.",
        (),
        examples=["--no-summary, --alert-exceeds-max=yes, {file}"],
    )
    executable_timeout: Annotated[float, duration(1, 86400)] = option(
        "How long it may take; then it is ended, and the inspection could not be made.", 300.0
    )
    clean_exit_code: _Code = option("The exit code of a file that passes.", 0, ours=True)
    rejected_exit_code: _Code = option(
        "The exit code of a file that is rejected. Any other means that the inspection could not "
        "be made.",
        1,
        ours=True,
    )
    concurrent_processes: Annotated[int, whole(1, MAX_AT_ONCE, "count")] = option(
        "How many of it run at a time; further files wait.", 2
    )

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of a program that cannot be run."""
        yield from super().check(context)
        if not self.enabled:
            return
        path = self.executable_path
        if not os.path.isfile(path) or not os.access(path, os.X_OK):
            yield Wrong("is not a program that can be run", option="executable_path")
        elif wrong := not_safe(path, context.directory):
            yield Wrong(wrong, str(path), option="executable_path")
        if self.clean_exit_code == self.rejected_exit_code:
            yield Wrong("is clean_exit_code as well", option="rejected_exit_code")


class ProgramInspection:
    """An `Inspection`: the program says by its exit code what it thinks of the file."""

    ending = ""

    def __init__(
        self, rules: ProgramRules, means: Means, who: Callable[[], int] = os.geteuid
    ) -> None:
        """`who` tells the account that this process runs as."""
        self._rules = rules
        self._means = means
        self._who = who
        self._turns = DeferredSemaphore(rules.concurrent_processes)

    async def start(self) -> None:
        """See that the program may be run; raises Refused. It is started for each file."""
        refuse_root(self._who, self._rules.name)

    async def inspect(self, subject: Subject) -> Verdict:
        """Run it on the file."""
        await self._turns.acquire()
        try:
            subject.go_on()
            return self._verdict(await self._run(subject))
        except OSError as error:
            return Verdict.unable(f"the program cannot be started: {error.strerror or error}")
        finally:
            self._turns.release()

    async def _run(self, subject: Subject) -> Finished:
        rules, means = self._rules, self._means
        words = [word.replace(_PLACE, FILE) for word in rules.executable_arguments]
        given = await means.disk(subject.source.reopen)
        try:
            return await run_program(
                means.clock,
                means.disk,
                [str(rules.executable_path), *words],
                _environment(subject),
                timeout=rules.executable_timeout,
                most_output=MAX_OUTPUT,
                directory=means.directory,
                instance=means.directory,
                stdin=given,
            )
        finally:
            await means.disk(os.close, given)

    def _verdict(self, done: Finished) -> Verdict:
        said = _shown(done.output) or _shown(done.error)
        words = f"{done.told}: {said}" if said else done.told
        if not done.timed_out and not done.signal:
            if done.exit_code == self._rules.clean_exit_code:
                return Verdict.passed(details=words)
            if done.exit_code == self._rules.rejected_exit_code:
                return Verdict.rejected(words)
        return Verdict.unable(f"the program: {words}")


def _environment(subject: Subject) -> dict[str, str]:
    """What it may know: names are text that no shell looks at."""
    return {
        "PATH": PATH,
        "LC_ALL": "C.UTF-8",
        "FILE_NAME": _clean(subject.name),
        "FILE_PATH": _clean(subject.path),
        "FILE_SIZE": str(subject.size),
    }


def _clean(text: str) -> str:
    return text.replace("\0", "")


def _shown(data: bytes) -> str:
    line = data.decode("utf-8", "backslashreplace").strip().replace("\n", " ")
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:MAX_SHOWN]
