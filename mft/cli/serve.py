"""`mft run`: the server in the foreground. The only file that imports the reactor."""

import os
import sys
from pathlib import Path
from typing import Any, cast

import click
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)

from mft.cli.check import plan
from mft.cli.configuration import config_option, read_config
from mft.daemon.life import Life, Reactor
from mft.daemon.load import Config


@click.command("run")
@config_option
@click.option("-v", "--verbose", is_flag=True, help="Log what developers want to know to stderr.")
def run(file: Path, verbose: bool) -> None:
    """Run the server in the foreground.

    Ends with SIGTERM or Ctrl-C: no new connections, running transfers end within
    `shutdown_grace`, handlers are drained. SIGHUP reads the configuration again. Writes its
    process id to state/mft.pid and tells systemd how it is (Type=notify). A configuration with
    problems starts nothing: each is printed, and the exit code is 1.

    \b
    Example:
      mft run -c instance/conf/server.ini
    """
    config = read_config(file)
    # Here and not above: a reactor comes with its import, and only a server needs one.
    from twisted.internet import reactor  # noqa: TID251 - the one place; from here it is passed in

    from mft.daemon.service import Daemon

    _log(verbose)
    life = Life(
        Daemon(config, cast(Any, reactor)),
        cast(Reactor, reactor),
        Path(config.directory) / "state",
        wrong=lambda problem: click.echo(f"Error: {problem}", err=True),
        started=lambda: _introduce(config),
        environment=os.environ,
    )
    raise SystemExit(life.run())


def _introduce(config: Config) -> None:
    if sys.stdout.isatty():
        click.echo("Running; Ctrl-C ends it.")
        for line in plan(config):
            click.echo(f"  {line}")


def _log(verbose: bool) -> None:
    level = LogLevel.debug if verbose else LogLevel.warn
    predicate = LogLevelFilterPredicate(defaultLogLevel=level)
    observer = FilteringLogObserver(textFileLogObserver(sys.stderr), [predicate])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
