"""Endings: accounts and passwords that end soon, and accounts that nobody uses any more.

Each that ends soon is told once a day, for its owner may never log in; who is out of use is told
once, and again when that happens again.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from mft.auth.account import DAY
from mft.auth.inheritance import Membership
from mft.auth.own_passwords import OwnPasswords, own_in_force
from mft.auth.passwords import PasswordHash
from mft.core.failure import Refused
from mft.daemon.load import Config
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Event
from mft.resources.analytics import AnalyticsOptions


def watched(config: Config) -> AnalyticsOptions:
    """From when on things that end are told: as the resource says that watches, or as usual."""
    for options in config.resources.values():
        if isinstance(options, AnalyticsOptions) and options.enabled:
            return options
    return AnalyticsOptions(name="analytics")


class Ending(NamedTuple):
    """One thing to tell of an account."""

    event: Event[Any]
    payload: Any
    account: str  # ID


class Endings:
    """What has been told, and what is to be told; at most three entries for each account."""

    def __init__(self, own: OwnPasswords, used: Callable[[str], float]) -> None:
        """`used` gives when an account was last used."""
        self._own = own
        self._used = used
        self._told: dict[tuple[str, int], date] = {}

    def due(self, config: Config, now: float) -> list[Ending]:
        """What is to be told now, and counts as told from then on."""
        today, soon = datetime.fromtimestamp(now, UTC).date(), watched(config)
        found = [one for each in _members(config) for one in self._of(each, now, soon)]
        there = {(one.account, one.event.number): one for one in found}
        told = {key: self._told[key] for key in there if key in self._told}
        new = [
            one
            for key, one in there.items()
            if key not in told or (told[key] != today and one.event is not events.ACCOUNT_UNUSED)
        ]
        self._told = dict.fromkeys(there, today)
        return new

    def _of(self, member: Membership, now: float, soon: AnalyticsOptions) -> Iterator[Ending]:
        options, restrictions = member.options, member.restrictions()
        if restrictions.inactivity:
            since = restrictions.unused_since(now, self._used(member.uuid))
            if since is not None:
                last = f"{datetime.fromtimestamp(since, UTC):%Y-%m-%d}"
                days = int(restrictions.inactivity / DAY)
                told = p.AccountUnused(options.name, days, last, member.uuid)
                yield Ending(events.ACCOUNT_UNUSED, told, member.uuid)
        account = events.ACCOUNT_EXPIRES, restrictions.expires, soon.account_expiration_warning
        password = events.PASSWORD_EXPIRES, self._password_end(member)
        for event, end, before in (account, (*password, soon.password_expiration_warning)):
            if end is not None and now < end <= now + before:
                email, days = ", ".join(options.email), int((end - now) / DAY)
                told_soon = p.Expires(options.name, days, email, member.uuid)
                yield Ending(event, told_soon, member.uuid)

    def _password_end(self, member: Membership) -> float | None:
        stored = member.options.password
        if stored is None:
            return None
        try:
            own = own_in_force(member.uuid, PasswordHash.parse(stored.reveal()), self._own)
        except Refused:
            return None  # it lets nobody in, which has been told
        return member.password_expires(None if own is None else own.changed)


def _members(config: Config) -> Iterator[Membership]:
    """Every account that may act for all that is known of it."""
    for uuid, options in config.accounts.items():
        if options.enabled:
            yield Membership.of(uuid, options, config.groups)
