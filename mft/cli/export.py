"""`mft export`: everything that another node needs, in one file."""

from collections.abc import Iterator
from pathlib import Path

import click

from mft.cli.archives import (
    in_bytes,
    passphrase_of,
    passphrase_option,
    refuse,
    tell,
    warn_of_secrets,
)
from mft.cli.configuration import config_option
from mft.cli.control import json_option
from mft.cli.output import print_json
from mft.daemon.archives import exporting
from mft.daemon.archives.carried import CarriedFile
from mft.daemon.archives.exporting import Exported, NotUsable


@click.command()
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@config_option
@click.option(
    "--with-override",
    "override",
    is_flag=True,
    help="Take server.override.ini along, which is particular to this node.",
)
@passphrase_option
@json_option
def export(
    target: Path, file: Path, override: bool, passphrase_file: Path | None, as_json: bool
) -> None:
    """Write server.ini and every file that it names into one archive.

    FILE gets keys, certificates, lists of revoked ones, files of accounts, and programs; not homes,
    logs, databases or state. It is a tar that only its owner can read, and it holds secrets:
    --passphrase-file seals it. An archive that is there is replaced, in one step. A configuration
    for which `mft check` has errors is not exported.

    \b
    Examples:
      mft export node.tar
      mft export /backup/node.sealed --passphrase-file /root/passphrase
    """
    passphrase = passphrase_of(passphrase_file)
    try:
        made = exporting.export(file, target, override=override, passphrase=passphrase)
    except NotUsable as error:
        refuse(error, f"{target} was not written.")
    if passphrase is None:
        warn_of_secrets(target)
    if as_json:
        print_json(_fields(made))
        return
    tell(made.warnings)
    for line in _lines(made):
        click.echo(line)


def _lines(made: Exported) -> Iterator[str]:
    yield f"Exported to {made.file}, {in_bytes(made.size)}:"
    for one in made.files:
        yield f"  {one.path}  {one.named_by}".rstrip()
    for path in made.system:
        yield f"Not in it: {path} belongs to the system, and every node needs its own."
    for one in made.missing:
        yield f"Not in it: {one.path} is not there; {one.named_by} names it."


def _fields(made: Exported) -> dict[str, object]:
    def rows(files: tuple[CarriedFile, ...]) -> list[dict[str, str]]:
        return [
            {"path": str(one.path), "member": one.name, "named_by": one.named_by} for one in files
        ]

    return {
        "file": str(made.file),
        "size": made.size,
        "files": rows(made.files),
        "missing": rows(made.missing),
        "system": [str(path) for path in made.system],
        "warnings": [str(problem) for problem in made.warnings],
    }
