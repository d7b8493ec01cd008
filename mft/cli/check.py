"""`mft check`: what is wrong in server.ini, or what would start."""

import os
from collections.abc import Iterator
from pathlib import Path

import click

from mft.cli.configuration import config_option, read_config
from mft.core.peer import Address
from mft.daemon.load import Config
from mft.runtime.program import ROOT


@click.command()
@config_option
def check(file: Path) -> None:
    """Say what is wrong in server.ini, or what would start.

    Every problem is printed on stderr with its file and line, and the exit code is 1. Without
    problems the services that `mft run` would start are printed, and the exit code is 0.
    Nothing is started and nothing is changed.

    \b
    Example:
      mft check -c conf/server.ini
    """
    config = read_config(file)
    click.echo(f"{file}: no problems. `mft run -c {file}` would start:")
    for line in plan(config):
        click.echo(f"  {line}")


def plan(config: Config) -> Iterator[str]:
    """Tell what a configuration starts, one line each."""
    for service in config.services.values():
        if service.enabled:
            where = Address(str(service.address), service.port)
            yield f'service "{service.name}" ({service.type}) on {where}'
    if not any(service.enabled for service in config.services.values()):
        yield "no service: none is enabled"
    enabled = sum(account.enabled is not False for account in config.accounts.values())
    yield f"accounts: {enabled} enabled of {len(config.accounts)}"
    handlers = [handler.name for handler in config.event_handlers.values() if handler.enabled]
    yield f"event handlers: {', '.join(handlers) or 'none; events are in log/journal only'}"
    locations = [one.name for one in config.locations.values() if one.enabled]
    if locations:
        yield f"locations: {', '.join(locations)}"
    transfers = [
        one.name if one.enabled else f"{one.name} (when asked)" for one in config.transfers.values()
    ]
    if transfers:
        yield f"transfers: {', '.join(transfers)}"
    if config.server.account:
        yield f'as the system account "{config.server.account}"'
    elif os.geteuid() == ROOT and not config.server.allow_root:
        yield "not by root: for that, name the account to become in account of [server]"
