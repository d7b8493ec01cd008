"""The options of the handler that runs a program for each event."""

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

from mft.config.kinds import Context, FilePath, Kind, Wrong, duration, whole
from mft.config.named_files import as_arguments
from mft.config.section import option
from mft.events.facts import NO_COMPONENT, Facts
from mft.events.filters import Filter, GroupsOf, of_nobody
from mft.events.template import Template
from mft.handlers.base import HandlerOptions
from mft.handlers.results import without_results
from mft.runtime.safe_programs import not_safe

MAX_ARGUMENTS: Final = 100
CEILING: Final = 3  # programs of one handler at a time
LONGEST: Final = 86400.0  # seconds


def _arguments(text: str, context: Context | None) -> tuple[str, ...]:
    """Split as a shell would, once and before anything is filled in: values stay in their word."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise Wrong(f"cannot be split into arguments: {str(error).lower()}") from None
    if len(words) > MAX_ARGUMENTS:
        raise Wrong(f"has more than {MAX_ARGUMENTS} arguments")
    for word in words:
        try:
            Template(word, Facts(NO_COMPONENT))
        except ValueError as error:
            raise Wrong(str(error), word) from None
    return words


class ProgramOptions(HandlerOptions):
    """Run a program of this machine for each event; no shell sees its arguments."""

    type: Literal["external-executable"] = option(
        "The kind of event handler.", "external-executable"
    )
    executable_path: FilePath = option(
        "The program. It runs as the account that this server runs as, which must not be root.",
        examples=["/usr/bin/true"],
    )
    executable_arguments: Annotated[
        tuple[str, ...],
        Kind("arguments between spaces", "", _arguments, write=shlex.join, files=as_arguments),
    ] = option(
        "Its arguments, with quotes around those that have spaces in them. {names} stand for facts "
        "of the event, and never make one argument into two.",
        (),
        examples=["--file {data.real_path}"],
    )
    executable_output_format: Literal["text", "json"] = option(
        "What it prints: `json` is kept as a value, and anything else is then a failure.", "text"
    )
    executable_timeout: Annotated[float, duration(0.1, LONGEST)] = option(
        "How long it may take. Then it and what it has started are ended.", 30.0
    )
    concurrent_processes: Annotated[int, whole(1, CEILING, "number of programs")] = option(
        "How many of them run at a time. With more than one, a later event's may end first.", 2
    )

    def filter(self, groups_of: GroupsOf = of_nobody, server: str = "") -> Filter:
        """Which events these options ask for: results of handlers only by their number."""
        kept = self.model_copy(update={"target": without_results(self.target)})
        return HandlerOptions.filter(kept, groups_of, server)

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of a program that cannot be run, or that others could replace."""
        wrong = not_to_run(self.executable_path, context.directory)
        if wrong:
            yield Wrong(wrong, str(self.executable_path), option="executable_path")


def not_to_run(path: Path, instance: Path) -> str:
    """Why a program is not to be run; empty when it may."""
    try:
        real = path.resolve(strict=True)
        mode = real.stat().st_mode
    except (OSError, RuntimeError) as error:
        return f"cannot be run: {getattr(error, 'strerror', '') or error}"
    if not stat.S_ISREG(mode) or not os.access(real, os.X_OK):
        return "is not a file that may be executed"
    return not_safe(real, instance)
