"""The kinds of value that options of transfers have."""

import shlex
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import WrapValidator

from mft.config.kinds import Context, Kind, Wrong, each_line, reference
from mft.config.named_files import as_data, as_program
from mft.core.matching import Expression
from mft.transfers.commands import Command, read_commands
from mft.transfers.names import MAX_RULES, Conversion, Rule, read_conversion, read_rule
from mft.transfers.schedule import Schedule

MAX_MARKERS: Final = 20
MAX_ARGUMENTS: Final = 100
NO_SUFFIX: Final = "none"
_SUFFIX_LENGTH: Final = 50


# The IDs that mean this machine: ours, and the one that other servers have.
LOCAL: Final = ("", "local", "default-local-filesystem")


def _or_local(value: object, inner: Callable[[object], object]) -> object:
    if value is None or (isinstance(value, str) and value.strip().lower() in LOCAL):
        return None
    return inner(value)


# The ID of a location; `local` is this machine.
LocationRef = Annotated[
    Annotated[str, reference("locations")] | None,
    WrapValidator(_or_local),
]


def _suffix(text: str, context: Context | None) -> str:
    suffix = text.strip()
    if suffix.lower() == NO_SUFFIX:
        return ""
    if not suffix or "/" in suffix or not suffix.isprintable() or len(suffix) > _SUFFIX_LENGTH:
        raise Wrong(f"is not the end of a file name such as .part, or {NO_SUFFIX}")
    return suffix


def _expression(text: str, context: Context | None) -> Expression | None:
    if not text.strip():
        return None
    try:
        return Expression.parse(text.strip())
    except ValueError as error:
        raise Wrong(f"cannot be matched: {error}") from None


def _expressions(text: str, context: Context | None) -> tuple[Expression, ...]:
    found = each_line(text, _one)
    if len(found) > MAX_MARKERS:
        raise Wrong(f"has more than {MAX_MARKERS} expressions")
    return found


def _one(line: str) -> Expression:
    found = _expression(line, None)
    if found is None:
        raise Wrong("is empty")
    return found


def _rules(text: str, context: Context | None) -> tuple[Rule, ...]:
    found = each_line(text, read_rule)
    if len(found) > MAX_RULES:
        raise Wrong(f"has more than {MAX_RULES} rules")
    return found


def _conversions(text: str, context: Context | None) -> tuple[Conversion, ...]:
    found = each_line(text, read_conversion)
    if len(found) > MAX_RULES:
        raise Wrong(f"has more than {MAX_RULES} rules")
    return found


def _schedule(text: str, context: Context | None) -> Schedule:
    try:
        return Schedule.parse(text)
    except ValueError as error:
        raise Wrong(str(error)) from None


def _program(text: str, context: Context | None) -> tuple[str, ...]:
    """Split as a shell would, once: what a file is called never becomes two arguments."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise Wrong(f"cannot be split into arguments: {str(error).lower()}") from None
    if len(words) > MAX_ARGUMENTS:
        raise Wrong(f"has more than {MAX_ARGUMENTS} arguments")
    if words and not words[0].startswith("/"):
        raise Wrong("names no program by its whole path, such as /usr/local/bin/scan")
    return words


def _folder(text: str, context: Context | None) -> str:
    folder = text.strip()
    if not folder.isprintable() or ".." in folder.split("/"):
        raise Wrong("is not a folder such as /srv/outbox or outgoing")
    return folder


def _lines_of(values: tuple[Any, ...]) -> str:
    return "\n".join(one.text for one in values)


def _text_of(value: Any) -> str:
    return "" if value is None else str(value.text)


Folder = Annotated[
    str, Kind("folder of a location", "/srv/outbox or outgoing", _folder, files=as_data)
]
Program = Annotated[
    tuple[str, ...],
    Kind(
        "program and its arguments",
        "/usr/local/bin/scan",
        _program,
        write=shlex.join,
        files=as_program,
    ),
]
Commands = Annotated[
    tuple[Command, ...],
    Kind("commands", "rename {destination.path} done", read_commands, write=_lines_of),
]
Suffix = Annotated[
    str, Kind("end of a name, or none", ".part", _suffix, write=lambda one: one or NO_SUFFIX)
]
Filter = Annotated[Expression | None, Kind("expression", "*.csv", _expression, write=_text_of)]
Expressions = Annotated[
    tuple[Expression, ...],
    Kind("expressions, one a line", "*.done", _expressions, write=_lines_of),
]
PathActions = Annotated[
    tuple[Rule, ...],
    Kind("lines of an expression and an action", "*, lowercase", _rules, write=_lines_of),
]
Conversions = Annotated[
    tuple[Conversion, ...],
    Kind(
        "lines of an expression and a conversion",
        "*.txt, convert-charset, cp1252, utf-8",
        _conversions,
        write=_lines_of,
    ),
]
Times = Annotated[Schedule, Kind("schedule", "08:00-start, 18:00-stop", _schedule, write=_text_of)]
