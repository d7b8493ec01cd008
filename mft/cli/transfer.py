"""`mft transfer`: see how transfers are, run them, and stop them."""

import sys
import time
from pathlib import Path
from typing import Any, Final

import click

from mft.cli.configuration import config_option
from mft.cli.control import all_rows, ask, json_option, print_records, words
from mft.cli.output import REFUSED, print_json, print_table, visible

LOOK: Final = 0.3  # seconds between two looks at a run


@click.group()
def transfer() -> None:
    """See how transfers are, run them, and stop them.

    NAME is everywhere the name or the ID of a transfer of the running server.

    \b
    Example:
      mft transfer run "orders to acme"
    """


@transfer.command("list")
@config_option
@json_option
def list_transfers(file: Path, as_json: bool) -> None:
    """Show how the transfers of the running server are.

    A transfer is `started` when it looks for files by itself, `suspended` outside of its schedule,
    `failed` when it must be started anew, and `stopped` when somebody has stopped it. In a cluster
    it is `elsewhere` when the node that is named runs it, and `waiting` when none does yet.

    \b
    Examples:
      mft transfer list
      mft transfer list --json
    """
    found = list(all_rows(file, "transfers"))
    if as_json:
        print_json(found)
    elif found:
        print_records("Transfers", found)
    else:
        click.echo("There are no transfers.")


@transfer.command()
@click.argument("name")
@config_option
@json_option
def status(name: str, file: Path, as_json: bool) -> None:
    """Show one transfer, what it moves now, and what could not be sent.

    \b
    Examples:
      mft transfer status "orders to acme"
      mft transfer status ORDERS --json
    """
    told = ask(file, do="transfer", transfer=name)["transfer"]
    if as_json:
        print_json(told)
        return
    lists = {key: told.pop(key, []) for key in ("moving", "failures")}
    queue = told.pop("queue", {})
    told["queue"] = ", ".join(f"{count} {state}" for state, count in queue.items())
    waits = told.get("waits_for")
    told["waits_for"] = ", ".join(waits) if isinstance(waits, list) else waits
    print_table("Transfer", ["what", "value"], [[words(key), str(told[key])] for key in told])
    for title, records in lists.items():
        if records:
            print_records(title.capitalize(), records)


@transfer.command()
@click.argument("name")
@click.option("--no-wait", is_flag=True, help="Only begin, and do not wait for its end.")
@config_option
@json_option
@click.pass_context
def run(context: click.Context, name: str, no_wait: bool, file: Path, as_json: bool) -> None:
    """Look for files now, send them, and wait until all of it is done.

    Whatever the schedule says, and also when the transfer is not enabled. Files that have failed
    are tried again. The exit code is 0 when nothing failed, and 1 otherwise. Ctrl-C ends the wait
    and not the run.

    \b
    Examples:
      mft transfer run "orders to acme"
      mft transfer run ORDERS --no-wait
    """
    begun = ask(file, do="run-transfer", transfer=name)
    if not no_wait:
        begun = _waited(file, begun, quiet=as_json)
    shown = {key: begun[key] for key in ("state", "done", "failed", "skipped", "size", "error")}
    if as_json:
        print_json(shown)
    elif no_wait:
        click.echo(f"Run {begun['run']} is {begun['state']}.")
    else:
        counts = f"{begun['done']} done, {begun['failed']} failed, {begun['skipped']} skipped"
        click.echo(f"{counts}, {begun['size']} bytes.")
    if begun["error"]:
        click.echo(visible(f"Error: {begun['error']}."), err=True)
    if begun["failed"] or begun["error"]:
        context.exit(REFUSED)


def _waited(file: Path, run: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """Wait for the end of a run, and show how far it is where somebody looks at it."""
    transfer, number = run["id"], run["run"]
    shown = None if quiet or not sys.stderr.isatty() else _Bars()
    try:
        while True:
            found = ask(file, do="transfer-run", transfer=transfer, run=number)
            if found["state"] == "ended":
                return {**found, "id": transfer}
            if shown is not None:
                shown.show(found)
            time.sleep(LOOK)
    finally:
        if shown is not None:
            shown.stop()


class _Bars:
    """A bar for each file that is moved, on the terminal."""

    def __init__(self) -> None:
        from rich.console import Console  # slow to import: only a terminal needs it
        from rich.progress import Progress

        self._progress = Progress(console=Console(stderr=True), transient=True)
        self._tasks: dict[str, Any] = {}
        self._progress.start()

    def show(self, found: dict[str, Any]) -> None:
        """How it is now."""
        moving = {visible(one["path"]): one for one in found["moving"]}
        for path in [path for path in self._tasks if path and path not in moving]:
            self._progress.remove_task(self._tasks.pop(path))
        for path, one in moving.items():
            if path not in self._tasks:
                self._tasks[path] = self._progress.add_task(_plain(path), total=one["size"])
            self._progress.update(self._tasks[path], completed=one["done"])
        waits = visible("; ".join(found["waits_for"]))
        done = f"{found['done']} done, {found['failed']} failed {waits}"
        if "" not in self._tasks:
            self._tasks[""] = self._progress.add_task("", total=None)
        self._progress.update(self._tasks[""], description=_plain(done))

    def stop(self) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()


def _plain(text: str) -> str:
    """Text in which rich finds no markup."""
    from rich.markup import escape

    return escape(text)


@transfer.command()
@click.argument("name")
@config_option
def stop(name: str, file: Path) -> None:
    """Stop a transfer until it is started, or the server is.

    What it moves goes on where it was.

    \b
    Example:
      mft transfer stop "orders to acme"
    """
    stopped = ask(file, do="stop-transfer", transfer=name)["name"]
    click.echo(f"Transfer {visible(stopped)} is stopped.")


@transfer.command()
@click.argument("name")
@config_option
def start(name: str, file: Path) -> None:
    """Start a transfer anew that was stopped or has failed.

    \b
    Example:
      mft transfer start "orders to acme"
    """
    started = ask(file, do="start-transfer", transfer=name)["name"]
    click.echo(f"Transfer {visible(started)} is started.")
