"""The `ldap` method: the entries of a directory, by password and, where wanted, by SSH key.

It always accepts or rejects: no other method is asked after it. Everything that waits for a
directory waits in the pool for other systems.
"""

from typing import Any, Final

from mft.auth.account import Account
from mft.auth.asking import Asking
from mft.auth.base import (
    Change,
    Credentials,
    Password,
    PublicKey,
    Rejected,
    Verdict,
)
from mft.auth.kinds import PASSWORD, SSH_KEY
from mft.auth.ldap_account import key_refusal, membership
from mft.auth.ldap_directory import Directory, Step
from mft.auth.ldap_entry import Unusable
from mft.auth.ldap_kept import IDLE_SECONDS
from mft.auth.ldap_options import LdapOptions
from mft.auth.outside import admitted
from mft.auth.own_folders import reaching
from mft.auth.parts import Parts
from mft.core.peer import Address, Component
from mft.events import catalogue as events
from mft.events import payloads as p

MAX_STEPS: Final = 1000  # of one login that are told; nested groups are most of them


class LdapAuthenticator:
    """Accounts that a directory knows."""

    def __init__(self, component: Component, options: LdapOptions, parts: Parts) -> None:
        self.component = component
        self.kinds = frozenset((PASSWORD, SSH_KEY) if _takes_keys(options) else (PASSWORD,))
        self._options = options
        self._parts = parts
        self._directory = Directory(options)
        # A call ends by itself, except while the machine's resolver looks a name up.
        longest = options.timeout * (len(options.address) + 1)
        self._asking = Asking(parts.outside, parts.reactor, longest)
        self._tidying: Any = None  # the call that closes connections which nobody uses

    async def start(self) -> None:
        """Nothing: a directory is asked when somebody logs in."""

    async def stop(self) -> None:
        """Close the connections that are kept."""
        if self._tidying is not None:
            self._tidying.cancel()
            self._tidying = None
        self._directory.kept.close()

    async def change_credentials(self, account: Account, change: Change, peer: Address) -> bool:
        """None of its accounts has a password here."""
        return False

    async def authenticate(
        self, credentials: Credentials, peer: Address, service: Component
    ) -> Verdict:
        """Ask the directory; never NotMine."""
        name, kind = credentials.username, credentials.kind
        if isinstance(credentials, Password):
            secret = credentials.password.reveal()
            if not name.strip() or not secret.strip():
                # To a directory this would be a bind as nobody, and that succeeds.
                return Rejected(self.component, "the name or the password is blank")
        elif not isinstance(credentials, PublicKey) or kind not in self.kinds or not name.strip():
            return Rejected(self.component, f"it takes no {kind}")
        steps: list[str] = []

        def step(sentence: str) -> None:
            if len(steps) < MAX_STEPS:
                steps.append(sentence)

        try:
            return await self._asking(self._judged, credentials, peer, step)
        except Unusable as unusable:
            step(f"refused: {unusable}")
            return Rejected(self.component, str(unusable))
        finally:
            for sentence in steps:  # what was told in the thread is told here
                self._parts.step(sentence)
            self._tell_changes()
            self._tidy_later()

    def _judged(self, credentials: Password | PublicKey, peer: Address, step: Step) -> Verdict:
        """All that a login takes, in a thread: the reactor has better things to do.

        Raises Unusable, and Refused when no server can be asked.
        """
        parts, options, now = self._parts, self._options, self._parts.clock()
        if isinstance(credentials, PublicKey):
            found = self._directory.keys(credentials.username, step)
            attribute = options.ssh_public_keys_attribute
            refusal = key_refusal(found.entry, attribute, credentials, now, peer)
            if refusal is not None:
                raise Unusable(refusal)
        else:
            secret = credentials.password.reveal()
            found = self._directory.password(credentials.username, secret, step)
        try:
            whole = membership(found, options, self.component, parts, step)
        except ValueError as error:
            raise Unusable(str(error)) from None
        verdict = admitted(whole, self.component, now, peer, credentials.kind)
        if isinstance(verdict, Rejected):
            return verdict
        # A directory is not read when server.ini is checked.
        clash = reaching(verdict.account, parts.directory)
        if clash:
            return Rejected(self.component, f"the folder {clash}", forbidden=True)
        step(f"{credentials.kind} is right for {verdict.account.name}")
        return verdict

    def _tell_changes(self) -> None:
        for change in self._directory.servers.changes():
            event = events.DIRECTORY_REACHABLE if change.reachable else events.DIRECTORY_UNREACHABLE
            self._parts.tell(event, p.Directory(self.component.name, change.server, change.details))

    def _tidy_later(self) -> None:
        if self._tidying is None and len(self._directory.kept):
            self._tidying = self._parts.reactor.callLater(IDLE_SECONDS, self._tidy)

    def _tidy(self) -> None:
        self._tidying = None
        self._directory.kept.close_idle(IDLE_SECONDS)
        self._tidy_later()


def _takes_keys(options: LdapOptions) -> bool:
    return bool(options.ssh_public_keys_attribute and options.bind_dn_type == "search")
