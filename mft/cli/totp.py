"""`mft totp`: a second factor for an account, to be read by an authenticator."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
import segno

from mft.auth.time_codes import TimeCodes, new_recovery_codes, recovery_digest
from mft.cli.configuration import config_option, read_config
from mft.cli.control import ask
from mft.cli.output import fail
from mft.daemon.load import Config

TRIES: Final = 3  # codes that may be wrong before nothing is made
BORDER: Final = 2  # light modules around a code, which cameras need
# Two modules, one above the other, dark or light: light ones are drawn, for terminals are dark.
BLOCKS: Final = {(0, 0): "\u2588", (0, 1): "\u2580", (1, 0): "\u2584", (1, 1): " "}


@click.command("totp")
@config_option
@click.option("--no-check", is_flag=True, help="Do not ask for a code of the new secret.")
@click.option(
    "--remove", is_flag=True, help="Take away the codes that the account has given itself."
)
@click.argument("account")
def totp(file: Path, no_check: bool, remove: bool, account: str) -> None:
    """Make one-time codes for an account, or take them away.

    ACCOUNT is a name or an ID. Shows a QR code for an authenticator, asks for a code that it
    makes, and prints the lines for the account's section of server.ini, with recovery codes for a
    day without the authenticator. Nothing is written anywhere. Where standard input is no
    terminal, no code is asked for.

    With --remove, the running server takes away the codes that the account has given itself on the
    web page, so that its password alone logs in: for somebody who has lost the authenticator and
    the recovery codes. Codes of server.ini end when their lines are removed from there.

    \b
    Examples:
      mft totp ann
      mft totp ann --no-check > second-factor.txt
      mft totp ann --remove
    """
    config = read_config(file)
    uuid, name = _account(config, account)
    if remove:
        _remove(file, config, uuid, name)
        return
    codes = TimeCodes.fresh()
    uri = codes.uri(name, config.server.name)
    for line in qr_code(uri):
        click.echo(line)
    click.echo(f"{uri}\n")
    if sys.stdin.isatty() and not no_check:
        _check(codes)
    recovery = new_recovery_codes()
    click.echo("Recovery codes: each does once in place of a one-time code. Keep them safe.\n")
    for one in recovery:
        click.echo(f"    {one}")
    click.echo(f"\nLines for [accounts/{uuid}] in {file}; a reload puts them in force:\n")
    click.echo(f"multi_factor_authentication = {uri}")
    click.echo("recovery_codes =")
    for one in recovery:
        click.echo(f"    {recovery_digest(one)}")


def _remove(file: Path, config: Config, uuid: str, name: str) -> None:
    if not ask(file, do="remove-codes", account=uuid)["removed"]:
        there = config.accounts[uuid].multi_factor_authentication is not None
        other = f" Those that it has are in [accounts/{uuid}] of {file}." if there else ""
        fail(f"{name} has given itself no one-time codes.{other}")
    click.echo(f"The one-time codes of {name} are gone; its password alone logs in.")


def _account(config: Config, account: str) -> tuple[str, str]:
    for uuid, options in config.accounts.items():
        if account in (uuid, options.name):
            return uuid, options.name
    raise click.BadParameter(f"there is no account {account!r}", param_hint="ACCOUNT")


def qr_code(text: str) -> Iterable[str]:
    """Lines of a QR code in half blocks: two rows of modules each, without any colour."""
    rows = [tuple(row) for row in segno.make_qr(text).matrix_iter(border=BORDER)]
    if len(rows) % 2:
        rows.append((0,) * len(rows[0]))
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        yield "".join(BLOCKS[one, other] for one, other in zip(upper, lower, strict=True))


def _check(codes: TimeCodes) -> None:
    """Ask for a code, so that nobody is locked out by a secret that no authenticator has."""
    for _ in range(TRIES):
        given = str(click.prompt("The code that the authenticator shows now"))
        if codes.step_of("".join(given.split()), time.time()) is not None:
            click.echo()
            return
        click.echo("That is not the code. Is the clock right, here and there?", err=True)
    fail("The authenticator does not have this secret; nothing was made.")
