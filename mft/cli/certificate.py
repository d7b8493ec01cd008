"""`mft certificate`: a self-signed certificate with its key, for trials and closed networks."""

import socket
from pathlib import Path

import click

from mft.cli.output import fail
from mft.daemon.state.files import write_new
from mft.trust.certificates import DAYS, self_signed

MAX_DAYS = 3650


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--name", "names", multiple=True, help="A DNS name; may be repeated.  [default: this machine's]"
)
@click.option("--address", "addresses", multiple=True, help="An IP address; may be repeated.")
@click.option(
    "--days",
    type=click.IntRange(1, MAX_DAYS),
    default=DAYS,
    show_default=True,
    help="How long it is valid; clients may refuse more than 397.",
)
def certificate(file: Path, names: tuple[str, ...], addresses: tuple[str, ...], days: int) -> None:
    """Make a self-signed certificate.

    FILE gets the certificate and its private key, readable by its owner only, as the option
    ssl_certificate wants it. The certificate alone, which clients may trust, goes beside it, with
    the ending .crt. Nothing is overwritten. Prints the SHA-256 fingerprint.

    \b
    Examples:
      mft certificate --name files.example.com conf/certificates/server.pem
      mft certificate --name localhost --address 127.0.0.1 --days 30 trial.pem
    """
    public = file.with_suffix(".crt")
    refuse_existing(file, public)
    try:
        made = self_signed(named(names, addresses), addresses, days)
        made.write(file)
        write_new(public, made.chain_pem(), 0o644)
    except ValueError as error:
        fail(f"{error}; nothing was written.")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}.")
    click.echo(made.fingerprint)


def refuse_existing(*files: Path) -> None:
    """End the command when two files are one, or one is there already."""
    if len(set(files)) < len(files):
        fail(f"{files[0]} needs another ending: the other file has that one.")
    for file in files:
        if file.exists():
            fail(f"{file} exists already; nothing was written.")


def named(names: tuple[str, ...], addresses: tuple[str, ...]) -> tuple[str, ...]:
    """The names to put in: this machine's when nothing is named at all."""
    return names or (() if addresses else (socket.gethostname(),))
