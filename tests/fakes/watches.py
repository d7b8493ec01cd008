"""Watches over logins that say what a test wants."""

from mft.auth.base import Bar, Credentials, Outcome
from mft.core.peer import Address, Component

POLICY = Component("p1", "security-policy", "strict")
QUICK = Bar(POLICY, "the source is banned")
SLOW = Bar(POLICY, "the name is denied", slow=True)


class Watching:
    """Bars what it is told to, and keeps what it hears."""

    def __init__(self, before: Bar | None = None, after: Bar | None = None) -> None:
        self.bars = before, after
        self.banned = False
        self.heard: list[Outcome] = []
        self.seen: list[Credentials] = []

    def before(self, credentials: Credentials, peer: Address, service: Component) -> Bar | None:
        self.seen.append(credentials)
        return self.bars[0]

    def after(
        self, credentials: Credentials, peer: Address, service: Component, outcome: Outcome
    ) -> Bar | None:
        self.heard.append(outcome)
        return self.bars[1]

    def bans(self, peer: Address) -> bool:
        return self.banned

    def at_connection(self, peer: Address, service: Component, *, banned: bool) -> Bar | None:
        return self.bars[0] if banned else None
