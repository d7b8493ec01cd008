"""`mft ssh-key`: an SSH key pair, for the server or for an account."""

from pathlib import Path
from typing import Final, Literal

import click

from mft.cli.output import fail
from mft.daemon.state.files import write_new
from mft.trust.ssh_keys import HostKey

KINDS: Final = ("ed25519", "rsa", "ecdsa")


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
def ssh_key(kind: Literal["ed25519", "rsa", "ecdsa"], file: Path, comment: str) -> None:
    """Make an SSH key pair.

    Both files are new: nothing is overwritten. The private key has no passphrase and is readable
    by its owner only. Prints the public line, and its fingerprint on stderr.

    \b
    Examples:
      mft ssh-key --file conf/keys/ssh_host_ed25519_key
      mft ssh-key --type rsa --file partner_key --comment partner@example.com
    """
    if not comment.isprintable():
        fail("The comment must be one line of printable text.")
    public = file.with_name(f"{file.name}.pub")
    if file.exists() or public.exists():
        fail(f"{file if file.exists() else public} exists already; nothing was written.")
    key = HostKey.generate(kind)
    line = key.public.line(comment)
    try:
        key.write(file)
        write_new(public, f"{line}\n".encode(), 0o644)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}.")
    click.echo(line)
    click.echo(key.public.fingerprint, err=True)
