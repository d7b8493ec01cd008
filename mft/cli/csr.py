"""`mft csr`: a key, and the request for a certificate that an authority signs."""

from pathlib import Path

import click

from mft.cli.certificate import named, refuse_existing
from mft.cli.output import fail
from mft.daemon.state.files import write_new
from mft.trust.certificates import request, write_private


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--name", "names", multiple=True, help="A DNS name; may be repeated.  [default: this machine's]"
)
@click.option("--address", "addresses", multiple=True, help="An IP address; may be repeated.")
def csr(file: Path, names: tuple[str, ...], addresses: tuple[str, ...]) -> None:
    """Ask for a certificate.

    FILE gets the request, to be sent to an authority. The private key goes beside it, with the
    ending .key, readable by its owner only. Put the certificate that comes back, and those between
    it and the root, into one file, and name both: ssl_certificate and ssl_key. Nothing is
    overwritten.

    \b
    Examples:
      mft csr --name files.example.com files.csr
      mft csr --name files.example.com --name ftp.example.com --address 192.0.2.7 files.csr
    """
    key = file.with_suffix(".key")
    refuse_existing(file, key)
    try:
        made = request(named(names, addresses), addresses)
        write_private(key, made.key_pem)
        write_new(file, made.pem, 0o644)
    except ValueError as error:
        fail(f"{error}; nothing was written.")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}.")
    click.echo(f"{file}: the request\n{key}: the private key")
