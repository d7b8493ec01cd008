"""What the commands of `mft audit` share: finding the journal, printing, progress."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mft.cli.output import fail
from mft.core.failure import Refused
from mft.core.peer import Component
from mft.daemon.load import instance_folder, load
from mft.events.escape import visible_json
from mft.events.facts import Facts
from mft.events.model import Occurrence
from mft.events.segments import segments
from mft.events.template import DEFAULT_LINE, Template

JOURNAL: Final = Path("log/journal")  # in an instance

Render = Callable[[Occurrence], str]


def journal_of(file: Path) -> Path:
    """The journal of the instance of a server.ini; ends the command when there is none."""
    directory = instance_folder(file) / JOURNAL
    try:
        files = segments(directory)
    except OSError as error:
        fail(f"{directory} cannot be read: {error.strerror}")
    if not files:
        fail(f"There is no journal in {directory}.")
    return directory


def server_of(file: Path) -> Component:
    """The server's name and identity, if its configuration can be read; reading needs neither."""
    config = load(file).config
    if config is None:
        return Component("", "server", "")
    return Component(config.server.uuid, "server", config.server.name)


def json_lines(facts: Facts) -> Render:
    """Events as JSON, one line each."""
    return lambda told: visible_json(facts.as_json(told))


def printer(form: str, file: Path) -> Render:
    """Events of the journal as the lines that `--format` asks for."""
    return renderer(form, server_of(file))


def renderer(form: str, server: Component) -> Render:
    """Events of a server as the lines that `--format` asks for."""
    facts = Facts(server)
    if form == "json":
        return json_lines(facts)
    return Template(DEFAULT_LINE, facts).render


@contextmanager
def plain_errors() -> Iterator[None]:
    """Say in plain words what could not be read."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, Refused) as error:
        fail(f"The audit trail cannot be read: {error}")


@contextmanager
def bar(what: str, total: int, *, shown: bool = True) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal; nothing elsewhere."""
    if not (shown and sys.stderr.isatty()):
        yield lambda done: None
        return
    from rich.console import Console  # slow to import: only a terminal needs it
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=max(total, 1))
        yield lambda done: progress.update(task, completed=done)
