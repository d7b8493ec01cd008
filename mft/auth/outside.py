"""Accounts that are not in server.ini: what another system told of them, with our groups.

The values that it told are read by the same rules as those of server.ini, so that nothing can be
said from outside that could not be written there.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from pydantic import ValidationError

from mft.auth.account import Account
from mft.auth.base import MAX_TRACE, Accepted, MoreNeeded, Rejected, Seen
from mft.auth.inheritance import Membership, build_account
from mft.auth.kinds import PASSWORD, SSL_CERTIFICATE
from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.parts import Parts
from mft.core.peer import Address, Component

MAX_TOLD: Final = 80  # characters of a wrong value in the audit trail
GROUPS: Final = "group"  # among what was told: the IDs of groups, one per line


def outside_uuid(method: Component, name: str) -> str:
    """The ID of an account that brings none: the same for a name of a method, always."""
    return str(uuid5(NAMESPACE_URL, f"mft:{method.uuid}:{name}"))


def outside_account(
    uuid: str,
    kind: str,
    groups: Mapping[str, GroupOptions],
    member_of: Sequence[str],
    options: Mapping[str, str],
) -> Membership:
    """An account of these options, as text of server.ini, in groups of ours (IDs, primary first).

    Raises ValueError with a sentence for the audit trail.
    """
    try:
        read = AccountOptions.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        option = str(first["loc"][0]) if first["loc"] else "the account"
        raise ValueError(f"{option}: {first['msg']}"[: MAX_TOLD * 2]) from None
    chosen = read.model_copy(update={"group": tuple(member_of)})
    told = (*options.items(), (GROUPS, "\n".join(member_of)))
    return Membership.of(uuid, chosen, groups)._replace(kind=kind, told=told)


def admitted(
    whole: Membership, method: Component, now: float, peer: Address, kind: str = PASSWORD
) -> Accepted | MoreNeeded | Rejected:
    """The verdict on an account whose credentials, of this kind, another system found right."""
    barred = whole.restrictions().may_act(now, peer)
    if barred is not None:
        return Rejected(method, barred, forbidden=True)
    if whole.options.multi_factor_authentication is not None:
        return Rejected(method, "its second factor is none that this method asks for")
    try:
        account = build_account(whole, peer)
    except ValueError as error:
        return Rejected(method, f"the account cannot be used: {error}", forbidden=True)
    if kind == SSL_CERTIFICATE and not whole.counted(peer).allows_certificates:
        return Rejected(method, "the account does not log in by TLS certificate", forbidden=True)
    required = account.required_credentials
    if not required or required == {kind}:
        return Accepted(account, method)
    if kind in required:
        return MoreNeeded(account, method, required - {kind})
    details = f"the account logs in with {', '.join(sorted(required))} only"
    return Rejected(method, details, forbidden=True, required=required)


def trace_of(account: Account) -> str | None:
    """What was told of an account, for another node; None where nothing was, or too much."""
    text = json.dumps(dict(account.told))
    return text if account.told and len(text) <= MAX_TRACE else None


def found_again(
    seen: Seen, method: Component, parts: Parts, peer: Address
) -> Accepted | MoreNeeded | Rejected:
    """The verdict on an account of which another system told another node.

    What was told is read again by the rules of server.ini, and its groups are ours as they are now.
    """
    if parts.is_ours(seen.account):
        return Rejected(method, "its ID is that of an account of server.ini or a file")
    try:
        told = _read_trace(seen.trace)
        member_of = told.pop(GROUPS).split("\n")
        whole = outside_account(seen.account, method.kind, parts.groups, member_of, told)
    except ValueError as error:
        return Rejected(method, f"the account cannot be used: {error}", forbidden=True)
    return admitted(whole, method, parts.clock(), peer, seen.kind)


def _read_trace(trace: str) -> dict[str, str]:
    told = json.loads(trace)
    if not isinstance(told, dict) or GROUPS not in told:
        raise ValueError("what was told of it is not there")
    if not all(isinstance(value, str) for value in told.values()):
        raise ValueError("what was told of it is no text")
    return told
