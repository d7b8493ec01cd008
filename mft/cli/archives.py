"""What the commands that write and read archives share."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from mft.cli.output import REFUSED, fail, visible
from mft.config.problem import Problem
from mft.core.secret import Secret
from mft.daemon.archives.archive import Head
from mft.daemon.archives.exporting import NotUsable
from mft.trust.sealed import read_passphrase

F = TypeVar("F", bound=Callable[..., Any])

UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")


def passphrase_option(command: F) -> F:
    """Give a command the file that an archive is sealed with."""
    return click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path),
        help="A file, readable by its owner only, whose first line seals and opens the archive.",
    )(command)


def passphrase_of(file: Path | None) -> Secret | None:
    """Read the passphrase, where one is used; ends the command with a sentence when it cannot."""
    try:
        return None if file is None else read_passphrase(file)
    except ValueError as error:
        fail(f"{file} {error}.")


def warn_of_secrets(file: Path) -> None:
    """Say what is in an archive that is not sealed."""
    click.echo(
        f"{file} holds private keys and password hashes as they are, and only its owner can read "
        "it; --passphrase-file seals it.",
        err=True,
    )


def tell(problems: Iterable[Problem]) -> None:
    """Print problems of a configuration, on stderr."""
    for problem in problems:
        click.echo(str(problem), err=True)


def refuse(error: NotUsable, sentence: str) -> NoReturn:
    """End the command with every problem of a configuration, and what has not been done."""
    tell(error.problems)
    click.echo(f"Error: {sentence}", err=True)
    raise SystemExit(REFUSED)


Hows = Sequence[tuple[Path, str]]  # places, and how the files there are; empty: as they should


def left_to_do(head: Head, directory: Path, outside: Hows, system: Hows) -> Iterator[str]:
    """Tell what of an archive is not in the instance and may be missing on this machine."""
    for path, how in outside:
        if how:
            yield f"Outside of the instance, and left alone: {path} {how}. --outside puts it there."
    for path, how in system:
        if how:
            yield f"{path} {how}; it belongs to a package of the system."
    if head.directory != str(directory):
        theirs = visible(head.directory)
        yield f"The instance was in {theirs}; paths in server.ini that begin so do not lead here."


def rows_of(outside: Hows, system: Hows) -> dict[str, object]:
    """The same as values that JSON has."""
    return {
        "outside": [{"path": str(path), "how": how or "is the same"} for path, how in outside],
        "system": [{"path": str(path), "how": how or "is there"} for path, how in system],
    }


def of_whom(head: Head) -> str:
    """Whose archive it is, and since when."""
    when = datetime.fromtimestamp(head.made).astimezone().isoformat(" ", "seconds")
    return f'of "{visible(head.name)}" on {visible(head.host)}, made {when}.'


def in_bytes(count: float) -> str:
    """A number of bytes, for people."""
    unit = 0
    while count >= 1024 and unit < len(UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.0f} {UNITS[unit]}" if count >= 10 or not unit else f"{count:.1f} {UNITS[unit]}"
