"""`mft restore`: an instance made of a backup."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from mft.cli.archives import (
    in_bytes,
    left_to_do,
    of_whom,
    passphrase_of,
    passphrase_option,
    rows_of,
)
from mft.cli.audit_output import bar
from mft.cli.control import json_option
from mft.cli.output import print_json
from mft.config.problem import Problem
from mft.daemon.archives import restoring
from mft.daemon.archives.restoring import RestoredInstance, Watch
from mft.daemon.load import load
from mft.events.chain import Progress, Verified


@click.command()
@click.argument("archive", metavar="FILE", type=click.Path(path_type=Path))
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--outside", is_flag=True, help="Also put files in place that are outside of the instance."
)
@click.option(
    "--force", "despite", is_flag=True, help="Restore it though its journal was changed or damaged."
)
@passphrase_option
@json_option
def restore(
    archive: Path,
    directory: Path,
    outside: bool,
    despite: bool,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Make an instance of a backup.

    FILE is what `mft backup` wrote. All of it is verified, the journal as `mft audit verify` does,
    before DIR gets anything; DIR may hold `data/`, and no other part of an instance. The server's
    next start goes on with the numbers of the journal, and tells that it was restored.

    \b
    Examples:
      mft restore /backup/mft.tar /srv/mft
      mft restore /backup/mft.sealed /srv/mft --passphrase-file /root/passphrase --outside
    """
    passphrase = passphrase_of(passphrase_file)
    began = time.monotonic()
    with ExitStack() as stack:
        done = restoring.restore(
            archive,
            directory,
            outside=outside,
            despite=despite,
            passphrase=passphrase,
            watch=_Bars(archive, stack),
        )
    seconds = round(time.monotonic() - began, 3)
    problems = load(done.directory / done.head.config).problems
    if as_json:
        print_json(_fields(done, seconds, problems))
        return
    for line in _lines(done, seconds, problems):
        click.echo(line)


class _Bars(Watch):
    """Two bars, one after the other: what was read of the archive, and of the journal."""

    def __init__(self, archive: Path, stack: ExitStack) -> None:
        self._stack = stack
        self._show = stack.enter_context(bar("Reading", archive.stat().st_size))
        self._done = 0

    def read(self, size: int) -> None:
        """So many bytes of the archive more."""
        self._done += size
        self._show(self._done)

    @property
    def verified(self) -> Progress:
        """Bytes of the journal that have been verified, and all of them."""
        self._stack.close()
        show: Any = None

        def progress(done: int, total: int) -> None:
            nonlocal show
            show = show or self._stack.enter_context(bar("Verifying", total))
            show(done)

        return progress


def _lines(done: RestoredInstance, seconds: float, problems: tuple[Problem, ...]) -> Iterator[str]:
    yield f"The backup {of_whom(done.head)}"
    took = f"{done.files} files, {in_bytes(done.size)}, in {seconds:.1f} s"
    yield f"Restored to {done.directory}: {took}."
    if done.journal is not None and (done.journal.lines or done.journal.first_bad is not None):
        yield _of_journal(done.journal)
    yield from left_to_do(done.head, done.directory, done.outside, done.system)
    if problems:
        yield "What `mft check` says:"
        yield from (f"  {problem}" for problem in problems)


def _of_journal(journal: Verified) -> str:
    if journal.first_bad is not None:
        return f"The journal is not what was written from serial {journal.first_bad} on."
    return f"{journal.lines} events are what was written. Head: {journal.last}:{journal.hash}"


def _fields(
    done: RestoredInstance, seconds: float, problems: tuple[Problem, ...]
) -> dict[str, object]:
    journal = done.journal
    return {
        "directory": str(done.directory),
        "made": done.head.made,
        "name": done.head.name,
        "host": done.head.host,
        "product": done.head.product,
        "files": done.files,
        "size": done.size,
        "seconds": seconds,
        "events": 0 if journal is None else journal.lines,
        "head": None if journal is None or not journal.last else f"{journal.last}:{journal.hash}",
        "first_bad": None if journal is None else journal.first_bad,
        **rows_of(done.outside, done.system),
        "problems": [str(problem) for problem in problems],
    }
