"""`mft backup`: all of an instance but its data, in one file."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from mft.cli.archives import in_bytes, passphrase_of, passphrase_option, warn_of_secrets
from mft.cli.audit_output import bar
from mft.cli.configuration import config_option
from mft.cli.control import exchange, json_option
from mft.cli.output import print_json
from mft.daemon.archives import backing_up
from mft.daemon.archives.backing_up import BackedUp, size_of
from mft.daemon.load import instance_folder


@click.command()
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@config_option
@passphrase_option
@json_option
def backup(target: Path, file: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Write all of an instance but its data into one archive.

    FILE gets conf/ and every file that server.ini names, state/ (the places of event handlers,
    passwords, queues of transfers, bans and all that is remembered) and the journal. The server may
    run. It is a tar that only its owner can read, and it holds secrets: --passphrase-file seals it.
    An archive that is there is replaced, in one step. Homes, log files and databases are not in it.

    \b
    Examples:
      mft backup /backup/mft.tar
      mft backup /backup/mft.sealed --passphrase-file /root/passphrase -c /srv/mft/conf/server.ini
    """
    passphrase = passphrase_of(passphrase_file)
    done = 0
    with bar("Backing up", size_of(file)) as show:

        def progress(size: int) -> None:
            nonlocal done
            done += size
            show(done)

        made = backing_up.backup(
            file, target, copy_queue=_by_the_server(file), passphrase=passphrase, progress=progress
        )
    if passphrase is None:
        warn_of_secrets(target)
    for warning in made.warnings:
        click.echo(f"Warning: {warning}.", err=True)
    if as_json:
        print_json(_fields(made))
        return
    for line in _lines(made):
        click.echo(line)


def _by_the_server(file: Path) -> Callable[[str], str]:
    """What asks the running server for a copy of a queue, and says why there is none."""
    state = instance_folder(file) / "state"

    def ask(name: str) -> str:
        request: dict[str, Any] = {"do": "copy-queue", "name": name}
        try:
            answer = json.loads(exchange(state, json.dumps(request).encode() + b"\n"))
        except (OSError, ValueError) as error:
            return f"no server answers: {error}"
        told = answer.get("error") if isinstance(answer, dict) else answer
        return "" if isinstance(answer, dict) and answer.get("ok") is True else f"{told}"

    return ask


def _lines(made: BackedUp) -> Iterator[str]:
    for part in made.parts:
        took = f"{part.files} files, {in_bytes(part.size)}, {part.seconds:.1f} s"
        yield f"  {part.name + ':':<15}{took}"
    yield f"Backed up to {made.file}, {in_bytes(made.size)}."
    if made.serial:
        yield f"The journal in it ends with {made.serial}:{made.hash}"


def _fields(made: BackedUp) -> dict[str, object]:
    parts = [
        {"name": one.name, "files": one.files, "size": one.size, "seconds": one.seconds}
        for one in made.parts
    ]
    return {
        "file": str(made.file),
        "size": made.size,
        "parts": parts,
        "head": f"{made.serial}:{made.hash}" if made.serial else None,
        "warnings": made.warnings,
    }
