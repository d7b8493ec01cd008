"""`mft audit search --database`: the events that a database has, instead of the journal's."""

from collections.abc import Iterator
from pathlib import Path

import click

from mft.cli.audit_output import Render, plain_errors, renderer
from mft.cli.configuration import read_config
from mft.cli.output import fail
from mft.core.peer import Component
from mft.daemon.load import Config
from mft.events.search import Query
from mft.handlers.database import DatabaseHandlerOptions, file_of
from mft.resources.database_options import DatabaseOptions
from mft.resources.event_rows import Stored


def print_found(file: Path, identifier: str, query: Query, form: str) -> int:
    """Print every event that matches, as its own server would; gives how many that were."""
    config = read_config(file)
    options = _database(config, identifier, file)
    renders: dict[Component, Render] = {}  # several servers may share a database
    count = 0
    with plain_errors():
        for server, told in _search(options, query):
            if server not in renders:
                renders[server] = renderer(form, server)
            click.echo(renders[server](told))
            count += 1
    return count


def _search(options: DatabaseOptions, query: Query) -> Iterator[Stored]:
    from mft.resources.event_store import EventStore  # slow to import: only a search needs it

    store = EventStore(options, existing=True)
    try:
        yield from store.search(query)
    finally:
        store.close()


def _database(config: Config, identifier: str, file: Path) -> DatabaseOptions:
    """The database with this ID, or that of the event handler with this ID."""
    handler = config.event_handlers.get(identifier)
    if isinstance(handler, DatabaseHandlerOptions):
        if handler.database is None:
            return file_of(handler, config.directory)
        identifier = handler.database
    found = config.resources.get(identifier)
    if not isinstance(found, DatabaseOptions):
        sections = {**config.event_handlers, **config.resources}
        kinds = (DatabaseHandlerOptions, DatabaseOptions)
        known = [name for name, one in sections.items() if isinstance(one, kinds)]
        listed = ", ".join(known) or "none"
        fail(f"There is no database {identifier!r} in {file}; there are: {listed}.")
    return found
