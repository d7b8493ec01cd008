"""`mft location`: try the places where transfers fetch and send, and see how they are."""

import stat
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from mft.cli.configuration import config_option, read_config
from mft.cli.control import all_rows, ask, json_option, print_records
from mft.cli.output import fail, moment, print_json, visible
from mft.core.failure import Reason, Refused
from mft.daemon.load import Config
from mft.remote.base import OtherIdentityError
from mft.runtime.errand import run_errand
from mft.runtime.reactor import install
from mft.trust.ssh_keys import PublicKey
from mft.vfs.base import Entry

# What an administrator may do about a refusal of some kind.
HINTS: Final = {
    Reason.DENIED: "It does not let us in, or not into this folder: the name, the password and "
    "the keys are those of its section.",
    Reason.NOT_FOUND: "Is the folder there? Name it with --path.",
    Reason.NOT_A_DIRECTORY: "Name a folder with --path.",
    Reason.ABORTED: "Is the address right, and does nothing on the way block it?",
}
ACCEPT: Final = (
    "With --accept this identity is trusted from now on; compare it before with the one that they "
    "tell you on another way."
)
NAMED: Final = (
    "Who it must be is written in its section: ssh_server_identity, ssl_server_identity or "
    "ssl_certificate_authority."
)


@click.group()
def location() -> None:
    """Try locations, and see how they are.

    \b
    Example:
      mft location test acme
    """


@location.command("list")
@config_option
@json_option
def list_locations(file: Path, as_json: bool) -> None:
    """Show how the locations of the running server are.

    A location is `started` when it connects whenever a transfer needs it, `disconnected` while it
    cannot be reached and is tried again by itself, and `failed` when it must be started anew.

    \b
    Examples:
      mft location list
      mft location list --json
    """
    found = list(all_rows(file, "locations"))
    if as_json:
        print_json(found)
    elif found:
        print_records("Locations", found)
    else:
        click.echo("There are no locations but this machine.")


@location.command()
@click.argument("name")
@config_option
def start(name: str, file: Path) -> None:
    """Start a location anew that has failed.

    NAME is the name or the ID of a location of the running server. Transfers that wait for it go
    on.

    \b
    Example:
      mft location start acme
    """
    click.echo(f"Location {ask(file, do='start-location', location=name)['name']} is started.")


@location.command("test")
@click.argument("name")
@click.option("--path", "folder", metavar="FOLDER", default="", help="The folder to list.")
@click.option(
    "--accept",
    is_flag=True,
    help="Trust the identity that it shows from now on, whatever was trusted before.",
)
@config_option
def try_location(name: str, folder: str, accept: bool, file: Path) -> None:
    """Connect to a location, log in, and list a folder.

    NAME is the name or the ID of a location. Shown are who is at the other end and why that is
    believed, how long it took, and the first names of the folder. The exit code is 0 when all of
    it went well, and 1 otherwise. An identity that is trusted when it is seen first is kept only
    with --accept, or when somebody at the terminal says so.

    The server is not asked, and may be running or not: no event is written. Run it as the account
    of the operating system that the server runs as, which may be allowed less than you are.

    \b
    Examples:
      mft location test acme
      mft location test acme --path /in
      mft location test acme --accept
    """
    config = read_config(file)
    uuid = _found(config, name)
    options = config.locations[uuid]
    click.echo(visible(f'location "{options.name}" of type {options.type}'))
    reactor = install()
    # After the reactor is made, for what is imported here may look for one.
    from mft.daemon.location_trial import LocationTrial, Tried

    trial = LocationTrial(config, reactor, _trusted, accept=accept)
    try:
        tried: Tried = run_errand(reactor, trial.run(uuid, folder))
    except (Refused, OSError, ValueError) as error:
        hint = _hint(error, accepts=trial.trusts_the_first and not accept)
        fail(visible(f"{error}.") + (f"\n{hint}" if hint else ""))
    identity = tried.identity
    click.echo(f"connected and logged in after {tried.connected:.2f} s")
    if identity.kind:
        click.echo(visible(f"identity  {identity.kind} {identity.fingerprint}"))
    click.echo(visible(f"trust     {tried.trust}"))
    click.echo(visible(f"peer      {identity.details}"))
    click.echo(f"listed    {_counted(tried.total, tried.more)} in {tried.listed:.2f} s")
    for line in _listing(tried.entries, tried.total):
        click.echo(visible(line))


def _hint(error: Exception, *, accepts: bool) -> str | None:
    """What may be done about it; `accepts` is whether --accept would change anything."""
    if isinstance(error, OtherIdentityError):
        return ACCEPT if accepts else NAMED
    return HINTS.get(error.reason) if isinstance(error, Refused) else None


def at_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def _trusted(shown: str) -> bool:
    """Ask whether an identity that is new is to be trusted."""
    click.echo(visible(f"Nobody has seen this location before. Its identity is: {shown}"))
    if (fingerprint := _fingerprint(shown)) is not None:
        click.echo(f"The fingerprint of the key is {fingerprint}")
    return at_terminal() and click.confirm("Is it to be trusted from now on?")


def _fingerprint(shown: str) -> str | None:
    """The short form of an SSH key, which people compare; None for what is none."""
    try:
        return PublicKey.parse(b64decode(shown.split()[1], validate=True)).fingerprint
    except (IndexError, ValueError):  # Malformed is one
        return None


def _found(config: Config, name: str) -> str:
    for uuid, options in config.locations.items():
        if name in (uuid, options.name):
            return uuid
    known = ", ".join(options.name for options in config.locations.values()) or "none"
    raise click.BadParameter(f"there is no location {name!r}; there are: {known}")


def _counted(count: int, more: bool) -> str:
    noun = "entry" if count == 1 else "entries"
    return f"{count} {noun}, and there are more," if more else f"{count} {noun}"


def _listing(entries: list[Entry], count: int) -> Iterator[str]:
    for entry in entries:
        when = moment(entry.modified, "minutes") or f"{entry.modified:>22}"
        kind = "/" if entry.is_directory else "@" if entry.is_link else ""
        size = "" if entry.is_directory else str(entry.size)
        yield f"  {stat.filemode(entry.mode)} {size:>14} {when} {entry.name}{kind}"
    if count > len(entries):
        yield f"  ... and {count - len(entries)} more"
