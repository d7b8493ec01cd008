"""Finding and reading server.ini, for the commands that need it."""

from pathlib import Path
from typing import Final

import click

from mft.cli.output import REFUSED
from mft.daemon.load import Config, load

DEFAULT_FILE: Final = Path("conf/server.ini")

config_option = click.option(
    "-c",
    "--config",
    "file",
    type=click.Path(path_type=Path),
    default=DEFAULT_FILE,
    show_default=True,
    help="The configuration file.",
)


def read_config(file: Path) -> Config:
    """Read server.ini, printing every warning; ends the command with every error on stderr."""
    loaded = load(file)
    for problem in loaded.problems:
        click.echo(str(problem), err=True)
    if loaded.config is None:
        if _is_missing(file):
            click.echo("`mft init DIR` makes an instance; -c names its server.ini.", err=True)
        raise SystemExit(REFUSED)
    return loaded.config


def _is_missing(file: Path) -> bool:
    """Whether there is no such file; one that nobody lets us look for is none of these."""
    try:
        return not file.exists()
    except OSError:
        return False
