"""`mft ssh-key`: an SSH key pair, for the server or for an account."""

import os
from pathlib import Path

import click

from mft.cli.output import fail
from mft.daemon.initialise import write_new
from mft.trust import ssh_keys

KINDS = ("ed25519", "rsa")


@click.command("ssh-key")
@click.option(
    "--type", "kind", type=click.Choice(KINDS), default="ed25519", show_default=True, help="Kind."
)
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    help="Where the private key goes; the public one goes beside it, with .pub added.",
)
@click.option("--comment", default="", help="A comment for the public key.")
def ssh_key(kind: str, file: Path, comment: str) -> None:
    """Make an SSH key pair.

    Both files are new: nothing is overwritten. The private key has no passphrase and is readable
    by its owner only. Prints the public line and its fingerprint.

    \b
    Examples:
      mft ssh-key --file conf/keys/ssh_host_ed25519_key
      mft ssh-key --type rsa --file partner_key --comment partner@example.com
    """
    if any(not character.isprintable() for character in comment):
        fail("The comment must be one line of printable text.")
    public = file.with_name(file.name + ".pub")
    key = ssh_keys.generate(kind)
    line = key.public_line(comment)
    try:
        write_new(file, key.private_openssh(), 0o600)
        try:
            write_new(public, f"{line}\n".encode(), 0o644)
        except OSError:
            os.unlink(file)
            raise
    except FileExistsError as error:
        fail(f"{error.filename} exists already; nothing was written.")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}.")
    click.echo(line)
    click.echo(key.fingerprint(), err=True)
