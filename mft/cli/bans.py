"""`mft bans`: who is banned, or on the way to be, and how to lift that."""

from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from mft.cli.configuration import config_option
from mft.cli.control import all_rows, ask, json_option
from mft.cli.output import fail, print_json, print_table

COLUMNS = ("what", "who", "state", "until", "points", "attempts", "refused", "last", "policy")


@click.group(invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def bans(context: click.Context, file: Path, as_json: bool) -> None:
    """List who is banned, and lift bans.

    The thousand worst are listed: those that are banned first. `points` are what refused logins
    have cost, and of how many it is a ban; `attempts` were judged and refused, `refused` were not
    even judged; `last` is the name that was tried last, or for a name where from.

    \b
    Examples:
      mft bans
      mft bans --json
      mft bans lift 192.0.2.7
    """
    if context.invoked_subcommand is not None:
        return
    found = list(all_rows(file, "bans"))
    if as_json:
        print_json(found)
    elif found:
        print_table("Bans", COLUMNS, [_row(one) for one in found])
    else:
        click.echo("Nobody is banned, and no refused login is remembered.")


@bans.command()
@click.argument("address", required=False)
@click.option("--account", metavar="NAME", help="Lift what a name has, whoever guessed it.")
@click.option("--all", "everything", is_flag=True, help="Lift everything.")
@config_option
@click.pass_context
def lift(
    context: click.Context,
    address: str | None,
    account: str | None,
    everything: bool,
    file: Path,
) -> None:
    """Lift what an address, a network or a name has.

    ADDRESS is an IP address, which stands for the network that it is counted as, or a network
    that `mft bans` shows. It may log in again at once; nothing that it did is remembered.

    \b
    Examples:
      mft bans lift 192.0.2.7
      mft bans lift 2001:db8:1:2::/64
      mft bans lift --account ann
      mft bans lift --all
    """
    said = context.get_parameter_source("file")
    if said is ParameterSource.DEFAULT and context.parent is not None:
        file = context.parent.params["file"]  # `mft bans -c FILE lift` means that file
    if (address is not None) + (account is not None) + everything != 1:
        raise click.UsageError("Give an address, or --account, or --all.")
    if everything:
        count = ask(file, do="lift", all=True)["lifted"]
        click.echo(f"{count} lifted.")
        return
    if account is not None:
        answer, who = ask(file, do="lift", account=account), account
    else:
        who = _checked(address or "")
        answer = ask(file, do="lift", address=who)
    if not answer["lifted"]:
        fail(f"Nothing is known of {who}.")
    click.echo(f"What {who} had is lifted.")


def _checked(address: str) -> str:
    try:
        ip_network(address, strict=False)
    except ValueError:
        raise click.BadParameter(
            f"{address!r} is neither an IP address nor a network", param_hint="ADDRESS"
        ) from None
    return address


def _row(one: Mapping[str, Any]) -> list[str]:
    until = one.get("until")
    shown = {
        **one,
        "who": one.get("key"),
        "until": datetime.fromtimestamp(until).astimezone().isoformat(" ", "seconds")
        if until
        else "",
        "points": "" if until else f"{one.get('points')} of {one.get('limit'):.15g}",
    }
    return [str(shown.get(column, "")) for column in COLUMNS]
