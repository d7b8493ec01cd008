"""`mft import`: the configuration of another node, put in place at once."""

from collections.abc import Iterator
from pathlib import Path

import click

from mft.cli.archives import (
    left_to_do,
    of_whom,
    passphrase_of,
    passphrase_option,
    refuse,
    rows_of,
    tell,
)
from mft.cli.configuration import config_option
from mft.cli.control import json_option
from mft.cli.output import print_json
from mft.daemon.archives.exporting import NotUsable
from mft.daemon.archives.importing import Imported, Wanted, import_archive

APPLIES = "A running server goes on with what it has; a restart or reload applies this."


@click.command("import")
@click.argument("archive", metavar="FILE", type=click.Path(path_type=Path))
@config_option
@click.option("--dry-run", "only_tell", is_flag=True, help="Only tell what would change.")
@click.option(
    "--outside", is_flag=True, help="Also put files in place that are outside of the instance."
)
@click.option(
    "--with-override",
    "override",
    is_flag=True,
    help="Replace server.override.ini of this node by that of the other, if it was exported.",
)
@click.option("--force", "despite", is_flag=True, help="Go on where `mft check` has errors.")
@passphrase_option
@json_option
def import_(
    archive: Path,
    file: Path,
    only_tell: bool,
    outside: bool,
    override: bool,
    despite: bool,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Put the configuration of another node in place of this one's.

    FILE is what `mft export` wrote. All of it is verified, and checked as `mft check` does together
    with server.override.ini of this node, before anything is replaced; then all files get their
    places at once: a kill leaves the old configuration or the new one. What is replaced is kept in
    state/replaced/. Without an instance at the place of server.ini, one is made. A running server
    is not disturbed.

    \b
    Examples:
      mft import node.tar -c /srv/mft/conf/server.ini
      mft import node.tar --dry-run
    """
    wanted = Wanted(outside, override, despite, only_tell)
    try:
        done = import_archive(file, archive, wanted, passphrase_of(passphrase_file))
    except NotUsable as error:
        refuse(error, f"{archive} was not imported: nothing has changed.")
    if as_json:
        print_json(_fields(done, only_tell))
        return
    tell(done.problems)
    for line in _lines(done, only_tell):
        click.echo(line)


def _lines(done: Imported, only_tell: bool) -> Iterator[str]:
    yield f"The configuration {of_whom(done.head)}"
    would = "would be " if only_tell else ""
    for paths, word in ((done.added, "added"), (done.changed, "replaced")):
        yield from (f"  {would}{word}: {path}" for path in paths)
    yield f"  {len(done.same)} files {'would stay' if only_tell else 'are'} as they were"
    yield from (f"  not named any more, left where it is: {path}" for path in done.gone)
    if done.replaced is not None:
        yield f"What was replaced is in {done.replaced}."
    yield from _left_to_do(done)
    if not only_tell and (done.added or done.changed):
        yield APPLIES


def _left_to_do(done: Imported) -> Iterator[str]:
    """What an administrator may have to look at."""
    yield from left_to_do(done.head, done.directory, done.outside, done.system)
    if done.override:
        yield "server.override.ini of the other node is in the archive, and was left out."
    if done.same_uuid:
        yield (
            "Both nodes have the same uuid, so that their events cannot be told apart: write "
            "another one into server.override.ini of this node ([server] uuid; `mft uuid`)."
        )


def _fields(done: Imported, only_tell: bool) -> dict[str, object]:
    def paths(found: list[Path]) -> list[str]:
        return list(map(str, found))

    return {
        "made": done.head.made,
        "name": done.head.name,
        "host": done.head.host,
        "product": done.head.product,
        "dry_run": only_tell,
        "added": paths(done.added),
        "changed": paths(done.changed),
        "same": paths(done.same),
        "gone": paths(done.gone),
        **rows_of(done.outside, done.system),
        "replaced": None if done.replaced is None else str(done.replaced),
        "same_uuid": done.same_uuid,
        "problems": [str(problem) for problem in done.problems],
    }
