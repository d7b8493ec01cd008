"""`mft password`: a hash for the `password` option of an account."""

import sys
from typing import Final

import click

from mft.auth.passwords import SCHEMES, make_hash
from mft.cli.output import fail

MAX_LINE: Final = 4096  # bytes of standard input that are looked at


def read_password() -> str:
    """Ask twice without echo on a terminal; elsewhere read one line from standard input."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    line = sys.stdin.readline(MAX_LINE)
    return line.removesuffix("\n").removesuffix("\r")


@click.command("password")
@click.option(
    "--scheme",
    type=click.Choice(SCHEMES),
    default="bcrypt",
    show_default=True,
    help="How to hash it.",
)
def password(scheme: str) -> None:
    """Turn a password into a hash for server.ini.

    Asks twice without echo, or reads one line from standard input when that is no terminal.
    Only the hash is printed.

    \b
    Examples:
      mft password
      mft password --scheme crypt-sha512 < password.txt
    """
    try:
        click.echo(make_hash(read_password(), scheme))
    except ValueError as error:
        fail(f"{error}.".capitalize())
