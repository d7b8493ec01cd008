"""`mft password`: a hash for the `password` option of an account."""

import sys
from typing import Final

import click

from mft.auth.base import MAX_CREDENTIAL_LENGTH
from mft.auth.passwords import SCHEMES, make_hash
from mft.cli.output import fail

MAX_LINE: Final = 4096  # bytes of standard input that are looked at


def read_password() -> str:
    """Ask twice without echo on a terminal; elsewhere read one line from standard input."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    line = sys.stdin.readline(MAX_LINE)
    return line.removesuffix("\n").removesuffix("\r")


def check_password(text: str) -> str:
    """Give the password back, or end the command when no account could log in with it."""
    if not text:
        fail("The password is empty.")
    if len(text) > MAX_CREDENTIAL_LENGTH:
        fail(f"The password is longer than {MAX_CREDENTIAL_LENGTH} characters.")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in text):
        fail("The password holds a control character.")
    return text


@click.command("password")
@click.option(
    "--scheme",
    type=click.Choice(sorted(SCHEMES)),
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
    text = check_password(read_password())
    try:
        click.echo(make_hash(text, scheme))
    except ValueError as error:
        fail(f"This password cannot be hashed with {scheme}: {error}")
