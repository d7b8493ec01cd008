"""`mft audit replay`: giving one handler events of the past again."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import click
from twisted.internet.task import Clock

from mft.cli.audit_options import query_options
from mft.cli.audit_output import bar, journal_of, plain_errors, server_of
from mft.cli.configuration import config_option, read_config
from mft.cli.output import fail
from mft.core.peer import Component, Origin
from mft.events.model import Event, Occurrence
from mft.events.reader import JournalReader
from mft.events.search import READ_BATCH, Query, first_serial, last_serial
from mft.handlers.base import Handler, HandlerOptions, Surroundings
from mft.handlers.registry import HANDLERS

P = ParamSpec("P")
T = TypeVar("T")
D = TypeVar("D")

NO_SERIAL: Final = 0


class _Silent:
    """What a handler tells while it replays is not recorded: the journal is the server's."""

    def emit(self, event: Event[D], payload: D, origin: Origin | None = None) -> int:
        return NO_SERIAL


async def _here(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    return call(*args, **kwargs)


@click.command()
@click.argument("handler", metavar="HANDLER")
@config_option
@query_options
@click.option("--from", "first", type=click.IntRange(1), help="The first serial.")
@click.option("--to", "last", type=click.IntRange(1), help="The last serial.")
def replay(handler: str, file: Path, query: Query, first: int | None, last: int | None) -> None:
    """Give the event handler with the ID HANDLER events of the past again.

    The handler's own filters hold as well. Its place in the journal does not change: a running
    server goes on where it was. What the handler did before is done again.

    \b
    Examples:
      mft audit replay audit-log --since 2030-01-31 --until 2030-02-01
      mft audit replay audit-log --from 1000 --to 2000
    """
    config = read_config(file)
    options = config.event_handlers.get(handler)
    if not isinstance(options, HandlerOptions):
        known = ", ".join(config.event_handlers) or "none"
        fail(f"There is no event handler {handler!r} in {file}; there are: {known}.")
    component = Component(handler, options.type, options.name)
    around = Surroundings(
        server=server_of(file),
        directory=config.directory,
        bus=_Silent(),
        clock=Clock(),
        blocking=_here,
        log=lambda message: click.echo(message, err=True),
    )
    directory = journal_of(file)
    own_filter = options.filter()

    def wanted(told: Occurrence) -> bool:
        own = told.origin.component.uuid == handler
        return not own and query.matches(told) and own_filter.wants(told)

    with plain_errors():
        start = first if first is not None else first_serial(directory, query)
        end = last if last is not None else last_serial(directory)
        with JournalReader(directory, start) as reader, bar("Replaying", end) as progress:
            one = HANDLERS[options.type].build(component, options, around)
            work = _replayed(one, reader, wanted, end, progress)
            try:
                work.send(None)  # nothing in it waits: the handler works here and now
            except StopIteration as done:
                click.echo(f"{done.value} events were handled again.")


async def _replayed(
    handler: Handler,
    reader: JournalReader,
    wanted: Callable[[Occurrence], bool],
    end: int,
    progress: Callable[[int], None],
) -> int:
    """Give the handler everything wanted up to a serial; how many that were. Raises OSError."""
    count = 0
    await handler.start()
    try:
        while reader.next <= end and (batch := reader.take(READ_BATCH)):
            chosen = [told for told in batch if told.serial <= end and wanted(told)]
            for begin in range(0, len(chosen), handler.batch):
                part = chosen[begin : begin + handler.batch]
                await handler.handle_many(part)
                count += len(part)
            progress(batch[-1].serial)
    finally:
        await handler.stop()
    return count
