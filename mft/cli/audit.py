"""`mft audit`: reading the audit trail, with or without a running server."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, TypeVar, cast

import click

from mft.cli.audit_options import output_option, query_options
from mft.cli.configuration import config_option
from mft.cli.output import REFUSED, fail
from mft.core.failure import Refused
from mft.core.peer import Component
from mft.daemon.load import instance_folder, load
from mft.events.chain import verify as verify_chain
from mft.events.columns import Columns
from mft.events.escape import visible_json
from mft.events.facts import Facts
from mft.events.model import Occurrence
from mft.events.reader import JournalReader
from mft.events.search import Query, first_serial, found, last_serial
from mft.events.segments import segments
from mft.events.template import DEFAULT_LINE, Template

JOURNAL: Final = Path("log/journal")  # in an instance
FOLLOW_INTERVAL: Final = 0.3  # seconds between two looks at the journal
DEFAULT_FIELDS: Final = (
    "serial,timestamp.iso_8601_fractional,id,component.uuid,account.name,"
    "account.peer.address,account.peer.port,data.path,message"
)

F = TypeVar("F", bound=Callable[..., Any])


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


def _journal(file: Path) -> Path:
    directory = instance_folder(file) / JOURNAL
    try:
        if segments(directory):
            return directory
    except OSError as error:
        fail(f"{directory} cannot be read: {error.strerror}")
    fail(f"There is no journal in {directory}.")


def _server(file: Path) -> Component:
    """The server's name and identity, if its configuration can be read; reading needs neither."""
    config = load(file).config
    if config is None:
        return Component("", "server", "")
    return Component(config.server.uuid, "server", config.server.name)


def _printer(form: str, file: Path) -> Callable[[Occurrence], str]:
    facts = Facts(_server(file))
    if form == "json":
        return lambda told: visible_json(facts.as_json(told))
    return Template(DEFAULT_LINE, facts).render


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, Refused) as error:
        fail(f"The audit trail cannot be read: {error}")


@contextmanager
def _bar(what: str, total: int, shown: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal; nothing elsewhere."""
    if not (shown and sys.stderr.isatty()):
        yield lambda done: None
        return
    from rich.console import Console  # slow to import: only a terminal needs it
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=max(total, 1))
        yield lambda done: progress.update(task, completed=done)


@audit.command()
@config_option
@query_options
@click.option("-n", "--lines", type=click.IntRange(0, 100000), default=10, show_default=True,
              help="How many of the last events to print first.")  # fmt: skip
@click.option("-f", "--follow", is_flag=True, help="Go on with events as they happen.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="Lines of text, or one JSON object a line.")  # fmt: skip
def tail(file: Path, query: Query, lines: int, follow: bool, form: str) -> None:
    """Print the last events, and with -f those that follow.

    With filters, the last events are looked for in the newest file of the journal only.

    \b
    Examples:
      mft audit tail
      mft audit tail -f --group failure
    """
    directory = _journal(file)
    render = _printer(form, file)
    with _plain_errors():
        start = last_serial(directory) - lines + 1 if query.matches_all else 0
        reader = JournalReader(directory, max(start, segments(directory)[-1].first, 1))
        if query.matches_all:
            reader = JournalReader(directory, max(start, 1))
        last = deque(found(reader, query, lambda serial: None), maxlen=lines)
        for told in last:
            click.echo(render(told))
        try:
            while follow:
                for told in found(reader, query, lambda serial: None):
                    click.echo(render(told))
                sys.stdout.flush()
                time.sleep(FOLLOW_INTERVAL)
        except KeyboardInterrupt:
            return


@audit.command()
@config_option
@query_options
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="Lines of text, or one JSON object a line.")  # fmt: skip
def search(file: Path, query: Query, form: str) -> None:
    """Print every event that matches. Exit code 1 when there is none.

    \b
    Examples:
      mft audit search --event 30068 --path '/inbox/*' --since 2030-01-31
      mft audit search --address 192.0.2.0/24 --group failure --format json
    """
    directory = _journal(file)
    render = _printer(form, file)
    count = 0
    with _plain_errors():
        reader = JournalReader(directory, first_serial(directory, query))
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
@click.option("--head", metavar="SERIAL:HASH",
              help="What verify printed earlier: proves that nothing was taken away since.")  # fmt: skip
def verify(file: Path, head: str | None) -> None:
    """Check that the journal is what was written, line for line.

    Prints the last serial and its hash. Kept on another machine, they prove later, by --head,
    that the end of the journal has not been cut off.

    \b
    Examples:
      mft audit verify
      mft audit verify --head 20137:9f2c1b...
    """
    directory = _journal(file)
    wanted = _read_head(head)
    with _plain_errors():
        total = sum(segment.path.stat().st_size for segment in segments(directory))
        with _bar("Verifying", total, shown=True) as progress:
            result = verify_chain(directory, lambda done, _: progress(done))
        if result.first_bad is not None:
            fail(f"The journal is not what was written from {result.first_bad} on:"
                 f" {result.problem}")  # fmt: skip
        if wanted is not None and not _holds(directory, *wanted):
            fail(f"The journal does not have the event {wanted[0]} with that hash.")
    click.echo(f"{result.lines} events are what was written. Head: {result.last}:{result.hash}")


def _read_head(head: str | None) -> tuple[int, str] | None:
    if head is None:
        return None
    serial, _, digest = head.partition(":")
    if not serial.isdecimal() or len(digest) != 64:
        raise click.UsageError("--head is a serial, a colon and a hash of 64 digits.")
    return int(serial), digest.lower()


def _holds(directory: Path, serial: int, digest: str) -> bool:
    return JournalReader(directory, serial).hash_of(serial) == digest


@audit.command()
@config_option
@query_options
@output_option
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv",
              show_default=True, help="A table with a header, or one JSON object a line.")  # fmt: skip
@click.option("--fields", default=DEFAULT_FIELDS, show_default=True, help="The columns of csv.")
def export(file: Path, query: Query, output: IO[str], form: str, fields: str) -> None:
    """Write the events that match as CSV or as JSON lines.

    \b
    Examples:
      mft audit export --since 2030-01-01 --output january.csv
      mft audit export --format json | jq .message
    """
    directory = _journal(file)
    facts = Facts(_server(file))
    render: Callable[[Occurrence], str] = lambda told: visible_json(facts.as_json(told))  # noqa: E731 - one of two
    header = ""
    if form == "csv":
        try:
            columns = Columns(fields.split(","), facts)
        except ValueError as error:
            raise click.UsageError(f"--fields: {error}") from None
        render, header = columns.render, columns.header + "\n"
    with _plain_errors():
        reader = JournalReader(directory, first_serial(directory, query))
        to_file = output is not sys.stdout
        with _bar("Exporting", last_serial(directory), shown=to_file) as progress:
            output.write(header)
            for told in found(reader, query, progress):
                output.write(render(told) + "\n")
        output.flush()
        _tell_damage(reader)
