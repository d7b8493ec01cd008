"""What every command prints with: failures in plain words, tables for people, JSON for scripts."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NoReturn

import click

DONE = 0
REFUSED = 1  # refused or failed, with a message on stderr
MISUSED = 2  # wrong usage; click's own code for it


def fail(message: str) -> NoReturn:
    """End the command with exit code 1 and one sentence on stderr."""
    raise click.ClickException(message)


def print_json(value: Any) -> None:
    """Print one value as one line of JSON."""
    click.echo(json.dumps(value, ensure_ascii=True))


def visible(text: str) -> str:
    """Text from a peer with everything that could move a cursor shown as an escape."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def moment(seconds: Any, to: str = "seconds") -> str:
    """A time in seconds since 1970, as people read it here; nothing for what no calendar has.

    It is told `to` the seconds, or to another unit that `datetime.isoformat` knows.
    """
    if not isinstance(seconds, int | float):
        return ""
    try:
        return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", to)
    except (OSError, OverflowError, ValueError):  # of a damaged record, or from a server
        return ""


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: ruled on a terminal, columns parted by tabs elsewhere."""
    if not sys.stdout.isatty():
        click.echo("\t".join(columns))
        for row in rows:
            click.echo("\t".join(visible(cell) for cell in row))
        return
    from rich.console import Console  # slow to import: only a terminal needs it
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    Console().print(table)
