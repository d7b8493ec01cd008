"""`mft run`: the server in the foreground. The only file that makes the reactor."""

import os
import sys
from pathlib import Path
from typing import Final, cast

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
from mft.runtime.reactor import install, settle
from mft.runtime.turns import Turns

TURNS: Final = "MFT_TURNS"  # names a file for the lengths of the reactor's turns; for benchmarks


@click.command("run")
@config_option
@click.option("-v", "--verbose", is_flag=True, help="Log what developers want to know to stderr.")
def run(file: Path, verbose: bool) -> None:
    """Run the server in the foreground.

    Ends with SIGTERM or Ctrl-C: after `shutdown_delay` no new connections, running transfers
    end within `shutdown_grace`, handlers are drained. SIGHUP reads the configuration again.
    Writes its process id to state/mft.pid and tells systemd how it is (Type=notify). A
    configuration with problems starts nothing: each is printed, and the exit code is 1.

    \b
    Example:
      mft run -c instance/conf/server.ini
    """
    config = read_config(file)
    _log(verbose)
    turns = Turns() if TURNS in os.environ else None
    reactor = install(turns)
    # After the reactor is made, and only where there is one: it is what a server needs.
    from mft.daemon.service import Daemon

    life = Life(
        Daemon(config, reactor),
        cast(Reactor, reactor),
        Path(config.directory) / "state",
        wrong=lambda problem: click.echo(f"Error: {problem}", err=True),
        started=lambda: _introduce(config, turns),
        environment=os.environ,
    )
    code = life.run()
    if turns is not None:
        turns.write(Path(os.environ[TURNS]))
    raise SystemExit(code)


def _introduce(config: Config, turns: Turns | None) -> None:
    settle()
    if turns is not None:
        turns.forget()
    if sys.stdout.isatty():
        click.echo("Running; Ctrl-C ends it.")
        for line in plan(config):
            click.echo(f"  {line}")


def _log(verbose: bool) -> None:
    level = LogLevel.debug if verbose else LogLevel.warn
    predicate = LogLevelFilterPredicate(defaultLogLevel=level)
    observer = FilteringLogObserver(textFileLogObserver(sys.stderr), [predicate])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
