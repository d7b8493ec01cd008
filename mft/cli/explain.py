"""`mft explain`: every rule consulted for one operation on one path, and the one that decided."""

import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import click

from mft.auth.account import Restrictions
from mft.auth.inheritance import Membership
from mft.auth.permissions import ListMode, Operation, Rules
from mft.cli.configuration import config_option, read_config
from mft.cli.output import DONE, REFUSED, visible
from mft.core.failure import Refused
from mft.core.peer import Address
from mft.core.vpath import VPath
from mft.daemon.load import Config
from mft.daemon.state.last_logins import FILE, last_login, read_last_logins

OPERATIONS = {operation.value.replace(" ", "-"): operation for operation in Operation}


@click.command()
@config_option
@click.option("--from", "source", metavar="ADDRESS", help="Judge as for a client at this address.")
@click.argument("account")
@click.argument("operation", type=click.Choice(list(OPERATIONS), case_sensitive=False))
@click.argument("path")
def explain(file: Path, source: str | None, account: str, operation: str, path: str) -> None:
    """Show which rule allows or denies an operation, and why.

    ACCOUNT is a name or an ID, PATH is what the client sees. Every rule that is consulted is
    printed with where it stands; the last one decided. The exit code is 0 when the operation is
    allowed and 1 when it is denied, also because the account may not log in at all. A rename is
    judged for one path: it needs the permission on the old one and on the new one. Services whose
    security policy refuses the name or the address are named first; bans are told by `mft bans`.

    \b
    Example:
      mft explain ann write /inbox/report.csv
    """
    peer = peer_of(source)
    config = read_config(file)
    member = _member(config, account)
    try:
        where = VPath.parse(path)
    except Refused as refused:
        raise click.BadParameter(str(refused), param_hint="PATH") from None
    for sentence in _refusals(config, member.options.name, peer):
        click.echo(visible(sentence))
    restrictions = member.restrictions()
    if peer is None:
        restrictions, peer = _from_anywhere(restrictions), Address("127.0.0.1", 0)
    else:
        member = member.counted(peer)
    asked = OPERATIONS[operation.lower()]
    barred = restrictions.may_act(time.time(), peer, _used(config, member))
    if barred is not None:
        click.echo(f"denied: {member.options.name} cannot log in: {barred}")
        raise SystemExit(REFUSED)
    rules = member.rules()
    allowed = _tell(rules, asked, where)
    if member.hides_denied and not where.is_root and not rules.allow_any(where):
        click.echo("Listings leave it out, and who looks for it is told that nothing is there.")
    raise SystemExit(DONE if allowed else REFUSED)


def peer_of(source: str | None) -> Address | None:
    """Read the address of a client, for commands that judge as for one."""
    try:
        return None if source is None else Address.of(str(ip_address(source)), 0)
    except ValueError:
        raise click.BadParameter(f"{source!r} is not an IP address", param_hint="--from") from None


def _member(config: Config, account: str) -> Membership:
    for uuid, options, groups in config.every_account():
        if account in (uuid, options.name):
            return Membership.of(uuid, options, groups)
    raise click.BadParameter(f"there is no account {account!r}", param_hint="ACCOUNT")


def _used(config: Config, member: Membership) -> float | None:
    """Its last login; None where nobody has seen it yet, or the server's file cannot be read."""
    try:
        return last_login(read_last_logins(config.directory / "state" / FILE), member.uuid)
    except (OSError, ValueError):
        return None


def _refusals(config: Config, name: str, peer: Address | None) -> Iterator[str]:
    """What the policies of services say of the name and the source, before anybody logs in."""
    for service in config.services.values():
        policy = config.security_policies.get(service.security_policy or "")
        if not service.enabled or policy is None or not policy.enabled:
            continue
        allowed = None if peer is None else policy.rules.filtered(peer)
        if allowed:
            continue
        who = peer.host if peer is not None and allowed is False else f'the name "{name}"'
        if allowed is False or name.casefold() in policy.rules.denied:
            yield f'The service "{service.name}" refuses {who}: its policy "{policy.name}" says so.'


def _from_anywhere(restrictions: Restrictions) -> Restrictions:
    groups = tuple(replace(group, sources=()) for group in restrictions.groups)
    return replace(restrictions, sources=(), groups=groups)


def _tell(rules: Rules, operation: Operation, path: VPath) -> bool:
    """Print each step, then the answer; gives whether the operation is allowed."""
    for step in rules.explain(operation, path):
        click.echo(visible(f"{step.rule}"))
        click.echo(visible(f"    {step.sentence}"))
    decision = rules.decide(operation, path)
    word = "allowed" if decision.allowed else "denied"
    click.echo(visible(f"{word}: {operation.value} {path}: {decision.why}"))
    if operation is Operation.LIST and rules.list_mode(path) is ListMode.FOLDERS_ONLY:
        click.echo("A listing is answered all the same, but shows folders only.")
    return decision.allowed
