"""`mft quarantine`: rejected files, and what becomes of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from mft.cli.configuration import config_option
from mft.cli.control import all_pages, ask, json_option
from mft.cli.output import moment, print_json, print_table, visible
from mft.inspection.quarantine import MAX_LISTED

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = ("id", "when", "account", "path", "size", "inspection", "details")


def note_option(command: F) -> F:
    """Give a command the words that the audit trail keeps."""
    return click.option("--note", default="", help="Why, for the audit trail.")(command)


@click.group()
def quarantine() -> None:
    """Look at rejected files, release or delete them.

    The running server does it, and tells of it in its audit trail. The files are those of every
    `quarantine_folder` of its configuration.

    \b
    Example:
      mft quarantine list
    """


@quarantine.command("list")
@config_option
@json_option
def list_(file: Path, as_json: bool) -> None:
    """List what is in quarantine, the oldest first.

    \b
    Examples:
      mft quarantine list
      mft quarantine list --json
    """
    pages = list(all_pages(file, "quarantine"))
    found = [one for page in pages for one in page["quarantine"]]
    if any(page["more"] for page in pages):
        said = f"There are more: at most {MAX_LISTED:,} files of each folder are listed."
        click.echo(said, err=True)
    if as_json:
        print_json(found)
    elif found:
        print_table("Quarantine", COLUMNS, [_row(one) for one in found])
    else:
        click.echo("Nothing is in quarantine.")


@quarantine.command()
@click.argument("identifier", metavar="ID")
@config_option
@json_option
def show(identifier: str, file: Path, as_json: bool) -> None:
    """Show everything that is known of one file.

    ID is what `mft quarantine list` shows.

    \b
    Example:
      mft quarantine show 3f0c4a52-6d0e-4a0e-9d59-0d3c4f6a1b2c
    """
    found = ask(file, do="quarantine", id=identifier)["file"]
    if as_json:
        print_json(found)
        return
    shown = {**found, "time": moment(found.get("time"))}
    rows = [[key.replace("_", " "), str(value)] for key, value in shown.items()]
    print_table("File in quarantine", ["what", "value"], rows)


@quarantine.command()
@click.argument("identifier", metavar="ID")
@click.option("--replace", is_flag=True, help="Put it over a newer file as well.")
@note_option
@config_option
def release(identifier: str, replace: bool, note: str, file: Path) -> None:
    """Put a file where it was meant to be; it is not inspected again.

    What has come there since is not replaced, unless --replace says so.

    \b
    Examples:
      mft quarantine release 3f0c4a52-6d0e-4a0e-9d59-0d3c4f6a1b2c
      mft quarantine release 3f0c4a52-6d0e-4a0e-9d59-0d3c4f6a1b2c --replace --note "ticket 4711"
    """
    answer = ask(file, do="release", id=identifier, replace=replace, note=note)
    click.echo(f"Released to {visible(str(answer['path']))}.")


@quarantine.command()
@click.argument("identifier", metavar="ID")
@note_option
@config_option
def reject(identifier: str, note: str, file: Path) -> None:
    """Delete a file for good.

    \b
    Examples:
      mft quarantine reject 3f0c4a52-6d0e-4a0e-9d59-0d3c4f6a1b2c
      mft quarantine reject 3f0c4a52-6d0e-4a0e-9d59-0d3c4f6a1b2c --note "malware"
    """
    answer = ask(file, do="reject", id=identifier, note=note)
    click.echo(f"Deleted; it was meant for {visible(str(answer['path']))}.")


def _row(one: Mapping[str, Any]) -> list[str]:
    shown = {**one, "when": moment(one.get("time")), "account": one.get("account_name")}
    if not one.get("complete"):
        shown["details"] = f"the file is missing; {one.get('details')}"
    return [str(shown.get(column, "")) for column in COLUMNS]
