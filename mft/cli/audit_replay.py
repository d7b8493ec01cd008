"""`mft audit replay`: giving one handler events of the past again."""

from pathlib import Path

import click

from mft.cli.audit_options import query_options
from mft.cli.audit_output import bar, journal_of, plain_errors
from mft.cli.configuration import config_option, read_config
from mft.cli.output import fail
from mft.core.failure import Refused
from mft.daemon.privileges import become_the_server
from mft.events.search import Query, first_serial, last_serial
from mft.handlers.base import HandlerOptions
from mft.runtime.errand import run_errand
from mft.runtime.reactor import install


@click.command()
@click.argument("handler", metavar="HANDLER")
@config_option
@query_options
@click.option("--from", "first", type=click.IntRange(1), help="The first serial.")
@click.option("--to", "last", type=click.IntRange(1), help="The last serial.")
def replay(handler: str, file: Path, query: Query, first: int | None, last: int | None) -> None:
    """Give the event handler with the ID HANDLER events of the past again.

    The handler's own filters hold as well. Its place in the journal does not change: a running
    server goes on where it was. What the handler did before is done again, with the rights of the
    server: root becomes the account that server.ini names. The failures that it
    tells of are printed, and not recorded.

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
    server = config.server
    try:
        become_the_server(server.account, allow_root=server.allow_root, umask=server.umask)
    except Refused as refused:
        fail(f"Nothing is replayed: {refused}.")
    directory, reactor = journal_of(file), install()
    # After the reactor is made, for what is imported here may look for one.
    from mft.daemon.replaying import Replay, ReplayError

    try:
        work = Replay(config, handler, options, reactor, lambda said: click.echo(said, err=True))
    except Refused as refused:
        fail(f"The handler cannot be used: {refused}.")
    with plain_errors():
        start = first if first is not None else first_serial(directory, query)
        end = last if last is not None else last_serial(directory)
        with bar("Replaying", end) as progress:
            try:
                done = run_errand(reactor, work.run(directory, start, end, query.matches, progress))
            except ReplayError as error:
                fail(f"The handler failed {error}.")
    click.echo(f"{done.events} events were handled again.")
    if done.failures:
        fail(f"Failures that the handler told of: {done.failures}.")
