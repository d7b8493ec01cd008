"""`mft status`, `sessions` and `end`: talk to the running server through its control socket."""

import json
import os
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from mft.cli.configuration import config_option
from mft.cli.output import fail, print_json, print_table
from mft.daemon.answers import MAX_LINE
from mft.daemon.control import ANSWER_TIMEOUT, SOCKET_NAME, socket_name
from mft.daemon.load import instance_folder

LISTS: Final = ("services", "event_handlers")  # what `mft status` shows as tables
MAX_PAGES: Final = 10_000  # of one listing: some two million sessions
CONNECT_TIMEOUT: Final = 5.0  # seconds

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def ask(file: Path, **request: Any) -> dict[str, Any]:
    """Send one request and give the answer; ends the command with a sentence when it cannot.

    The instance is found by server.ini's place, not by its content: a broken file on disk must
    not keep anybody from asking the server that still runs with the old one.
    """
    state = instance_folder(file) / "state"
    try:
        answer = json.loads(exchange(state, json.dumps(request).encode() + b"\n"))
    except (FileNotFoundError, ConnectionRefusedError):
        fail(f"No server is running for {file} (nothing answers at {state / SOCKET_NAME}).")
    except PermissionError:
        fail(f"Only the server's own account and root may use {state / SOCKET_NAME}.")
    except TimeoutError:
        fail("The server did not answer in time.")
    except OSError as error:
        fail(f"The server cannot be reached: {error.strerror or error}.")
    except ValueError:
        fail("The server's answer was cut off.")
    if not isinstance(answer, dict) or not answer.get("ok"):
        fail(f"The server refused: {answer.get('error') if isinstance(answer, dict) else answer}.")
    return answer


def exchange(state: Path, request: bytes) -> bytes:
    """Send one line and receive one of at most MAX_LINE bytes; raises OSError."""
    directory = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(CONNECT_TIMEOUT)
            connection.connect(socket_name(state, directory))
            connection.settimeout(ANSWER_TIMEOUT)
            connection.sendall(request)
            received = bytearray()
            while len(received) <= MAX_LINE and not received.endswith(b"\n"):
                data = connection.recv(MAX_LINE)
                if not data:
                    break
                received += data
            return bytes(received)
    finally:
        os.close(directory)


def all_sessions(file: Path) -> Iterator[dict[str, Any]]:
    """List the sessions, page by page."""
    return all_rows(file, "sessions")


def all_rows(file: Path, what: str) -> Iterator[dict[str, Any]]:
    """List what the server answers page by page."""
    for page in all_pages(file, what):
        yield from page.get(what, ())


def all_pages(file: Path, what: str) -> Iterator[dict[str, Any]]:
    """The server's answers that make a listing."""
    start: int | None = 0
    for _ in range(MAX_PAGES):
        answer = ask(file, do=what, **{"from": start})
        yield answer
        start = answer.get("next")
        if start is None:
            return


@click.command()
@config_option
@json_option
def status(file: Path, as_json: bool) -> None:
    """Show what the running server does.

    \b
    Examples:
      mft status -c instance/conf/server.ini
      mft status --json
    """
    told = ask(file, do="status")["status"]
    if as_json:
        print_json(told)
        return
    lists = {name: told.pop(name, None) for name in LISTS}
    print_table("Server", ["what", "value"], [[words(key), text(key, told[key])] for key in told])
    for name, records in lists.items():
        if isinstance(records, list) and records:
            print_records(words(name).capitalize(), records)


@click.command()
@config_option
@json_option
def sessions(file: Path, as_json: bool) -> None:
    """List who is logged in.

    \b
    Examples:
      mft sessions
      mft sessions --json
    """
    found = list(all_sessions(file))
    if as_json:
        print_json(found)
    elif found:
        print_records("Sessions", found)
    else:
        click.echo("Nobody is logged in.")


@click.command()
@config_option
@json_option
def nodes(file: Path, as_json: bool) -> None:
    """List the nodes of the cluster.

    The list is that of the last heartbeat of this node: `seen` is how many seconds before it
    another one was seen, `sessions` are those of its clients. One that is dead was not seen for
    longer than `node_timeout`.

    \b
    Examples:
      mft nodes
      mft nodes --json
    """
    found = list(all_rows(file, "nodes"))
    if as_json:
        print_json(found)
    elif found:
        print_records("Nodes", found)
    else:
        click.echo("No node is known yet: the database of the cluster has not answered.")


@click.command()
@click.argument("session")
@config_option
def end(session: str, file: Path) -> None:
    """End one session.

    SESSION is an id that `mft sessions` shows. The peer is disconnected; what it was uploading
    is kept for it to resume.

    \b
    Example:
      mft end 3f2a
    """
    if not ask(file, do="end", session=session)["ended"]:
        fail(f"There is no session {session}.")
    click.echo(f"Session {session} ended.")


def print_records(title: str, records: list[dict[str, Any]]) -> None:
    """Print dictionaries as a table; the columns are all their keys, in order of appearance."""
    columns = list(dict.fromkeys(key for record in records for key in record))
    rows = [[text(column, record.get(column, "")) for column in columns] for record in records]
    print_table(title, [words(column) for column in columns], rows)


def words(key: str) -> str:
    """Make a column's heading from a key."""
    return key.replace("_", " ")


def text(key: str, value: Any) -> str:
    """Show one value of an answer; keys that end in `since` hold times, in seconds since 1970."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("since") and isinstance(value, int | float):
        return datetime.fromtimestamp(value).astimezone().isoformat(" ", "seconds")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=True)
    return str(value)
