"""`mft uuid`: a new ID for a section of server.ini."""

import uuid

import click


@click.command("uuid")
def identifier() -> None:
    """Print a new unique ID for a section.

    IDs name sections for good: the audit trail tells them, and a change of `name` leaves them.

    \b
    Example:
      mft uuid
    """
    click.echo(str(uuid.uuid4()))
