"""Commands that are done at a destination before or after a file is sent there.

    rename {destination.path} ready/{destination.name}
    delete {destination.path}.old; mkdir done

Paths begin at the folder of the destination; those with spaces in them stand in quotes.
"""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

from mft.config.kinds import Context, Wrong, each_line
from mft.config.section import suggestion
from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.vfs.base import FileSystem

MAX_COMMANDS: Final = 50  # of one option; each is at least one question to the peer
_ARGUMENTS: Final[Mapping[str, int]] = {
    "rename": 2,
    "mv": 2,
    "delete": 1,
    "rm": 1,
    "mkdir": 1,
    "rmdir": 1,
}
_NAMES: Final = ("source.path", "source.name", "destination.path", "destination.name")


class Command(NamedTuple):
    """One of them as it is written."""

    text: str
    verb: str
    arguments: tuple[str, ...]


def read_commands(text: str, context: Context | None) -> tuple[Command, ...]:
    """Read them; raises Wrong and Wrongs."""
    found = tuple(one for line in each_line(text, _line) for one in line)
    if len(found) > MAX_COMMANDS:
        raise Wrong(f"has more than {MAX_COMMANDS} commands")
    return found


def _line(line: str) -> tuple[Command, ...]:
    return tuple(_command(one.strip()) for one in line.split(";") if one.strip())


def _command(text: str) -> Command:
    try:
        verb, *arguments = shlex.split(text)
    except ValueError as error:
        raise Wrong(f"cannot be split into words: {str(error).lower()}", text) from None
    verb = verb.lower()
    if verb not in _ARGUMENTS:
        raise Wrong(f'has no command "{verb}"{suggestion(verb, _ARGUMENTS)}', text)
    if len(arguments) != _ARGUMENTS[verb]:
        raise Wrong(f"has {len(arguments)} paths; {verb} takes {_ARGUMENTS[verb]}", text)
    for one in arguments:
        rest = one
        for name in _NAMES:
            rest = rest.replace(f"{{{name}}}", "")
        if "{" in rest or "}" in rest:
            raise Wrong(f"has names in braces other than {', '.join(_NAMES)}", text)
    return Command(text, verb, tuple(arguments))


def filled(command: Command, source: VPath, destination: VPath) -> list[VPath]:
    """Its paths for one file; raises Refused for what is none. They cannot leave the folder."""
    facts = {
        "source.path": str(source),
        "source.name": source.name,
        "destination.path": str(destination),
        "destination.name": destination.name,
    }
    paths = []
    for text in command.arguments:
        # All at once: what a name holds is never looked at for names again.
        pieces = text.split("{")
        parts = [pieces[0]]
        for piece in pieces[1:]:
            name, _, rest = piece.partition("}")
            parts += [facts[name], rest]
        path = VPath.parse("".join(parts))
        if path.is_root:
            raise Refused(Reason.INVALID, command.text, "a path of a command is empty")
        paths.append(path)
    return paths


async def carry_out(
    files: FileSystem, commands: tuple[Command, ...], source: VPath, destination: VPath
) -> None:
    """Do them in order, up to the first that is refused; raises Refused.

    To remove what is not there, or to make what is, is no failure: they may be done twice.
    """
    for command in commands:
        paths = filled(command, source, destination)
        if command.verb in ("rename", "mv"):
            await files.rename(paths[0], paths[1], replace=False)
        elif command.verb in ("delete", "rm"):
            with _unless(Reason.NOT_FOUND):
                await files.remove(paths[0])
        elif command.verb == "mkdir":
            with _unless(Reason.EXISTS):
                await files.make_directory(paths[0])
        else:
            with _unless(Reason.NOT_FOUND):
                await files.remove_directory(paths[0])


@contextmanager
def _unless(reason: Reason) -> Iterator[None]:
    """Let one reason pass."""
    try:
        yield
    except Refused as refused:
        if refused.reason is not reason:
            raise
