"""The roster: who is logged in, and how to end one of them."""

import secrets
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from mft.core.failure import Reason, Refused
from mft.session.session import Session

End = Callable[[str], None]


class Changed(Protocol):
    """Hears that the number of an account's sessions has changed."""

    def __call__(self, account: str, /, *, limited: bool) -> object:
        """Hear it; `limited` where it is known that it may not be any number."""


class CredentialsChanged(Protocol):
    """Hears that an account has changed what it logs in with."""

    def __call__(self, account: str, service: str, why: str, /) -> object:
        """Hear it: the IDs of the account and of the service at which it did so."""


def _none(account: str) -> int:
    """There are no other nodes."""
    return 0


def _unheard(account: str, /, *, limited: bool) -> None:
    """Nobody hears it."""


class Roster:
    """Every live session under an id that tells nothing and is never used again."""

    def __init__(self) -> None:
        self._here: dict[str, tuple[Session, End]] = {}
        self._accounts: Counter[str] = Counter()
        self._sources: Counter[tuple[str, str]] = Counter()
        # Of the sessions of accounts, by their IDs: how many other nodes have, and who hears of
        # each change here, and whether their number is limited.
        self.elsewhere: Callable[[str], int] = _none
        self.changed: Changed = _unheard
        # Those who keep logins beyond their connections.
        self.keepers: list[CredentialsChanged] = []

    def __len__(self) -> int:
        return len(self._here)

    def admit(self, account: str, most: int) -> None:
        """Count one more session of an account, until it has `left`; 0 is no limit.

        Refused(QUOTA) when it has as many as it may have.
        """
        if most and self._accounts[account] + self.elsewhere(account) >= most:
            raise Refused(Reason.QUOTA, "", f"the account has {most} sessions already")
        self._accounts[account] += 1
        self.changed(account, limited=most > 0)

    def left(self, account: str) -> None:
        """A session of an account has ended, or did not begin after all."""
        self._accounts[account] -= 1
        if self._accounts[account] <= 0:
            del self._accounts[account]
        self.changed(account, limited=False)

    def count(self, account: str) -> int:
        """How many sessions an account has here."""
        return self._accounts[account]

    def present(self) -> tuple[str, ...]:
        """The accounts, by their IDs, that have a session."""
        return tuple(self._accounts)

    def admit_source(self, service: str, source: str, most: int) -> None:
        """Count one more session of a source at a service, until it `left_source`; 0: no limit.

        Refused(QUOTA) when it has as many as it may have.
        """
        if most and self._sources[service, source] >= most:
            raise Refused(
                Reason.QUOTA, "", f"the source has {most} sessions of the service already"
            )
        self._sources[service, source] += 1

    def left_source(self, service: str, source: str) -> None:
        """A session of a source has ended, or did not begin after all."""
        self._sources[service, source] -= 1
        if self._sources[service, source] <= 0:
            del self._sources[service, source]

    def credentials_changed(self, account: str, service: str, why: str) -> None:
        """Let everybody hear it who keeps logins of the account."""
        for keeper in tuple(self.keepers):
            keeper(account, service, why)

    def add(self, session: Session, end: End) -> str:
        """A peer has logged in; `end` disconnects it, with words for it. Gives the session's id."""
        identity = secrets.token_hex(8)
        self._here[identity] = session, end
        session.identity = identity
        return identity

    def remove(self, session: Session) -> None:
        """The peer is gone."""
        self._here.pop(session.identity, None)

    def end(self, identity: str, reason: str) -> bool:
        """Disconnect one session; False when there is none of this id."""
        found = self._here.get(identity)
        if found is None:
            return False
        found[1](reason)
        return True

    def describe(self) -> list[dict[str, Any]]:
        """Every session as values that JSON has, in the order of their logins."""
        now = time.time()
        return [
            {
                "id": identity,
                "account": session.account.name,
                "address": session.origin.peer.host,
                "port": session.origin.peer.port,
                "service": session.origin.component.name,
                "protocol": session.origin.component.kind,
                "since": int(session.began),
                "seconds": int(now - session.began),
                "files": len(session.opened),
            }
            for identity, (session, _) in self._here.items()
        ]
