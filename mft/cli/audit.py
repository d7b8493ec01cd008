"""`mft audit`: reading the audit trail, with or without a running server."""

import sys
import time
from collections import deque
from pathlib import Path
from typing import IO, Final

import click

from mft.cli.audit_database import print_found
from mft.cli.audit_dead import dead, retry
from mft.cli.audit_options import output_option, query_options
from mft.cli.audit_output import (
    Render,
    bar,
    journal_of,
    json_lines,
    plain_errors,
    printer,
    server_of,
)
from mft.cli.audit_replay import replay
from mft.cli.configuration import config_option
from mft.cli.output import REFUSED, fail
from mft.events.chain import Head
from mft.events.chain import verify as verify_chain
from mft.events.columns import Columns
from mft.events.facts import Facts
from mft.events.reader import JournalReader
from mft.events.search import Query, first_serial, found, last_serial
from mft.events.segments import segments

FOLLOW_INTERVAL: Final = 0.3  # seconds between two looks at the journal
HASH_DIGITS: Final = 64
DEFAULT_FIELDS: Final = (
    "serial,timestamp.iso_8601_fractional,id,component.uuid,account.name,"
    "account.peer.address,account.peer.port,data.path,message"
)


@click.group()
def audit() -> None:
    """Read the audit trail.

    The commands read the journal in log/journal; the server may be running or not.

    \b
    Examples:
      mft audit tail -f
      mft audit search --account alice --since 2h
      mft audit verify
    """


@audit.command()
@config_option
@query_options
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0, 100000),
    default=10,
    show_default=True,
    help="How many of the last events to print first.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on with events as they happen.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines of text, or one JSON object a line.",
)
def tail(file: Path, query: Query, lines: int, follow: bool, form: str) -> None:
    """Print the last events, and with -f those that follow.

    With filters, the last events are looked for in the newest file of the journal only.

    \b
    Examples:
      mft audit tail
      mft audit tail -f --group failure
    """
    directory = journal_of(file)
    render = printer(form, file)
    with plain_errors():
        newest = segments(directory)[-1].first
        start = last_serial(directory) - lines + 1 if query.matches_all else newest
        with JournalReader(directory, start) as reader:
            for told in deque(found(reader, query, lambda serial: None), maxlen=lines):
                click.echo(render(told))
            if follow:
                _follow(reader, query, render)


def _follow(reader: JournalReader, query: Query, render: Render) -> None:
    """Print events as they happen, until Ctrl-C."""
    try:
        while True:
            for told in found(reader, query, lambda serial: None):
                click.echo(render(told))
            sys.stdout.flush()
            time.sleep(FOLLOW_INTERVAL)
    except KeyboardInterrupt:
        return


@audit.command()
@config_option
@query_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines of text, or one JSON object a line.",
)
@click.option(
    "--database",
    metavar="ID",
    help="Read a database instead of the journal: a resource, or an event handler.",
)
def search(file: Path, query: Query, form: str, database: str | None) -> None:
    """Print every event that matches. Exit code 1 when there is none.

    \b
    Examples:
      mft audit search --event 30068 --path '/inbox/*' --since 2030-01-31
      mft audit search --address 192.0.2.0/24 --group failure --format json
      mft audit search --database AUDIT-DATABASE --account alice
    """
    if database is not None:
        if not print_found(file, database, query, form):
            raise SystemExit(REFUSED)
        return
    directory = journal_of(file)
    render = printer(form, file)
    count = 0
    with plain_errors(), JournalReader(directory, first_serial(directory, query)) as reader:
        for told in found(reader, query, lambda serial: None):
            click.echo(render(told))
            count += 1
        _tell_damage(reader)
    if not count:
        raise SystemExit(REFUSED)


def _tell_damage(reader: JournalReader) -> None:
    if reader.damaged:
        click.echo(
            f"{reader.damaged} lines of the journal cannot be read; see: mft audit verify", err=True
        )


@audit.command()
@config_option
@click.option(
    "--head",
    metavar="SERIAL:HASH",
    help="What verify printed earlier: proves that nothing was taken away since.",
)
def verify(file: Path, head: str | None) -> None:
    """Check that the journal is what was written, line for line.

    Prints the last serial and its hash. Kept on another machine, they prove later, by --head,
    that the end of the journal has not been cut off.

    \b
    Examples:
      mft audit verify
      mft audit verify --head 20137:9f2c1b...
    """
    directory = journal_of(file)
    kept = _read_head(head)
    with plain_errors():
        total = sum(segment.path.stat().st_size for segment in segments(directory))
        with bar("Verifying", total) as progress:
            result = verify_chain(directory, lambda done, _: progress(done), kept)
    if result.first_bad is not None:
        fail(f"From serial {result.first_bad} on it is not what was written: {result.problem}.")
    click.echo(f"{result.lines} events are what was written. Head: {result.last}:{result.hash}")


def _read_head(head: str | None) -> Head | None:
    if head is None:
        return None
    serial, _, digest = head.partition(":")
    if not (serial.isascii() and serial.isdigit()) or len(digest) != HASH_DIGITS:
        raise click.UsageError(f"--head is a serial, a colon and {HASH_DIGITS} digits of a hash.")
    return Head(int(serial), digest.lower())


@audit.command()
@config_option
@query_options
@output_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json"]),
    default="csv",
    show_default=True,
    help="A table with a header, or one JSON object a line.",
)
@click.option("--fields", default=DEFAULT_FIELDS, show_default=True, help="The columns of csv.")
def export(file: Path, query: Query, output: IO[str], form: str, fields: str) -> None:
    """Write the events that match as CSV or as JSON lines.

    \b
    Examples:
      mft audit export --since 2030-01-01 --output january.csv
      mft audit export --format json | jq .message
    """
    directory = journal_of(file)
    facts = Facts(server_of(file))
    render, header = json_lines(facts), ""
    if form == "csv":
        try:
            columns = Columns(fields.split(","), facts)
        except ValueError as error:
            raise click.UsageError(f"--fields: {error}") from None
        render, header = columns.render, columns.header + "\n"
    with plain_errors(), JournalReader(directory, first_serial(directory, query)) as reader:
        with bar("Exporting", last_serial(directory), shown=not output.isatty()) as progress:
            output.write(header)
            for told in found(reader, query, progress):
                output.write(render(told) + "\n")
        output.flush()
        _tell_damage(reader)


audit.add_command(replay)
audit.add_command(dead)
audit.add_command(retry)
