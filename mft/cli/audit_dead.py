"""`mft audit dead` and `mft audit retry`: events that an event handler gave up on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from mft.cli.audit_output import plain_errors
from mft.cli.configuration import config_option, read_config
from mft.cli.control import ask, json_option
from mft.cli.output import fail, moment, print_json, print_table
from mft.daemon.load import Config
from mft.handlers.dead_letters import DeadLetters

COLUMNS = ("handler", "serial", "id", "time", "details")


@click.command()
@click.argument("handler", metavar="[HANDLER]", required=False)
@config_option
@json_option
def dead(handler: str | None, file: Path, as_json: bool) -> None:
    """List the events that event handlers gave up on.

    HANDLER is the ID of one of them. `mft audit search` shows the events themselves.

    \b
    Examples:
      mft audit dead
      mft audit dead mail --json
    """
    config = read_config(file)
    with plain_errors():
        letters = list(_letters(config, handler))
    if as_json:
        print_json(letters)
    elif letters:
        print_table("Dead letters", COLUMNS, [_row(one) for one in letters])
    else:
        click.echo("No event handler gave up on any event.")


@click.command()
@click.argument("handler", metavar="HANDLER")
@config_option
def retry(handler: str, file: Path) -> None:
    """Give the event handler with the ID HANDLER again what it gave up on.

    The running server does it, between other events, some seconds at a time. What fails again
    stays a dead letter; exit code 1 then.

    \b
    Example:
      mft audit retry mail
    """
    handled, first = 0, 0
    while True:
        answer = ask(file, do="retry", handler=handler, **{"from": first})
        handled, first = handled + answer["handled"], answer["next"]
        if first is None:
            break
        click.echo(f"{handled} events were handled, {answer['left']} are left ...", err=True)
    click.echo(f"{handled} events were handled.")
    if answer["left"]:
        fail(f"{answer['left']} events failed again; see: mft audit dead {handler}")


def _letters(config: Config, handler: str | None) -> Iterator[dict[str, Any]]:
    if handler is not None and handler not in config.event_handlers:
        known = ", ".join(config.event_handlers) or "none"
        fail(f"There is no event handler {handler!r}; there are: {known}.")
    for uuid in config.event_handlers if handler is None else (handler,):
        for letter in DeadLetters(config.directory / "state", uuid).read():
            yield {"handler": uuid, **letter}


def _row(letter: dict[str, Any]) -> list[str]:
    shown = {**letter, "time": moment(letter.get("time"))}
    return [str(shown.get(column, "")) for column in COLUMNS]
