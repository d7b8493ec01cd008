"""`mft reference`: what is generated from the declarations: options, events and commands."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from mft.cli.output import fail
from mft.daemon.state.files import replace

Files = Mapping[str, str]  # path from the repository's root -> text


def options_files() -> Files:
    """Generate the reference of options, and the configuration that shows them all."""
    from mft.config import reference as options
    from mft.daemon.sections import FAMILIES

    return {
        "docs/reference/configuration.md": options.markdown(FAMILIES),
        "conf/server.full.ini": options.full_ini(FAMILIES),
    }


def events_files() -> Files:
    """Generate the reference of events."""
    from mft.events import reference as events

    return {"docs/reference/events.md": events.markdown()}


def commands_files() -> Files:
    """Generate the reference of commands."""
    from mft.cli.main import mft

    return {"docs/reference/commands.md": "\n".join(_commands(mft))}


SUBJECTS: Final[Mapping[str, Callable[[], Files]]] = {
    "options": options_files,
    "events": events_files,
    "commands": commands_files,
}


@click.command()
@click.argument("subject", type=click.Choice([*SUBJECTS, "all"]))
@click.option(
    "--write",
    is_flag=True,
    help="Write the files of the checkout in the working directory instead of printing.",
)
def reference(subject: str, write: bool) -> None:
    """Print the reference of options, events or commands.

    It is generated from the same declarations that the server reads, so it is never out of date.

    \b
    Examples:
      mft reference options
      mft reference events
      mft reference all --write
    """
    makers = SUBJECTS.values() if subject == "all" else (SUBJECTS[subject],)
    files: dict[str, str] = {}
    for make in makers:
        files |= make()
    if not write:
        click.echo("\n\n".join(text for path, text in files.items() if path.endswith(".md")))
        return
    root = Path.cwd()
    if not (root / "pyproject.toml").is_file() or not (root / "mft/cli/reference.py").is_file():
        fail("--write works in the top directory of a checkout only.")
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        replace(root / path, text.encode(), 0o644)
        click.echo(path)


def _commands(group: click.Group) -> Iterator[str]:
    yield "# Commands"
    yield ""
    yield "Generated from the commands themselves by `make docs`; edit the commands instead."
    yield ""
    yield "Exit codes: 0 done, 1 refused or failed with a message on stderr, 2 wrong usage."
    yield ""
    context = click.Context(group, info_name="mft", **group.context_settings)
    yield from _described(group, context)


def _described(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        below = click.Context(command, info_name=name, parent=context, max_content_width=100)
        below.terminal_width = 100
        yield f"## {below.command_path}"
        yield ""
        yield "```"
        yield command.get_help(below).rstrip()
        yield "```"
        yield ""
        if isinstance(command, click.Group):
            yield from _described(command, below)
