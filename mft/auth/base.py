"""What logging in is made of: credentials, authenticators, verdicts, and who watches over them."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Protocol, runtime_checkable

from mft.auth.account import Account
from mft.auth.kinds import ONE_TIME_CODE, PASSWORD
from mft.auth.time_codes import TimeCodes
from mft.core.peer import Address, Component
from mft.core.secret import Secret

MAX_CREDENTIAL_LENGTH = 150  # characters of a name or a password (reference 3.5)
MAX_TRACE = 64 << 10  # characters; accounts with more are found on the node of their login only


def never() -> bool:
    """Of who is not banned meanwhile, since nobody bans."""
    return False


class Password(NamedTuple):
    """A name and a password, as a peer gave them."""

    username: str
    password: Secret
    kind: str = "password"
    basic: bool = False  # by HTTP Basic, with a request; else somebody was asked for it
    # Whether its source is banned by now, so that it is refused whatever it is; told by the chain.
    # Any thread may ask.
    banned: Callable[[], bool] = never


class PublicKey(NamedTuple):
    """A name and an SSH public key or certificate whose signature the protocol has verified.

    `blob` is the key in RFC 4253 form. With `proven` False the peer only asks whether the key
    would do; an answer to that is never a login. With `revoked`, which says why the service's list
    of revoked keys has it, no method is asked.
    """

    username: str
    blob: bytes
    proven: bool
    kind: str = "ssh-key"
    revoked: str = ""  # for the audit trail, never for the peer


class Certificate(NamedTuple):
    """A name, and the TLS certificate of the client that gave it.

    The handshake has verified the chain and the key, and no list has the certificate as revoked.
    """

    username: str
    common_name: str  # the one CN of its subject; empty when there is none, or more than one
    fingerprint: str  # SHA-256, in pairs of digits between colons
    kind: str = "ssl-certificate"
    pem: str = ""  # the certificate itself; empty where only its names are known


class Anonymous(NamedTuple):
    """Whoever comes to an area that a service shows to everybody, as one account.

    Only a service whose configuration names the account makes these; `username` is its ID.
    """

    username: str
    kind: str = "public"


class OneTimeCode(NamedTuple):
    """A second factor: what comes after a right password, where the account wants more.

    The chain hands it to nobody but the method that found the first factor of this name right.
    """

    username: str
    code: Secret  # or a recovery code, or the password that a second method judges
    account: Account | None = None  # that was proved before; told by the chain, never by a peer
    kind: str = "one-time-code"


class PasswordChange(NamedTuple):
    """What somebody who has logged in gives to have another password."""

    old: Secret
    new: Secret
    code: Secret = Secret("")  # where the account has codes; else it is at the end of the old one


class CodesChange(NamedTuple):
    """What somebody who has logged in gives to have one-time codes, others, or none."""

    password: Secret
    code: Secret  # of the codes until now, as with a password
    new: TimeCodes | None = None  # None: to have none
    first: Secret = Secret("")  # a code of the new ones, which shows that an authenticator has them
    recovery: frozenset[str] = frozenset()  # digests of the new recovery codes


Change = PasswordChange | CodesChange

Credentials = Password | PublicKey | Certificate | Anonymous | OneTimeCode


class Seen(NamedTuple):
    """That somebody has logged in, as another node is told it: what was proved there, of whom.

    It comes from other nodes only, never from a peer.
    """

    method: str  # ID
    account: str  # ID
    username: str  # as it was given
    kinds: frozenset[str]  # of credential
    trace: str = ""  # by which the method finds the account again

    @property
    def kind(self) -> str:
        """The kind that the login is judged by, of all that were proved: never a second factor."""
        first = self.kinds - {ONE_TIME_CODE}
        return PASSWORD if PASSWORD in first else min(first, default="")


class Accepted(NamedTuple):
    """The peer is this account."""

    account: Account
    method: Component
    proved: frozenset[str] = frozenset()  # kinds that came within the credential


class MoreNeeded(NamedTuple):
    """This credential is right; the account wants these kinds as well.

    By its `required_credentials`, or since it has a second factor.
    """

    account: Account
    method: Component
    kinds: frozenset[str]
    proved: frozenset[str] = frozenset()  # other kinds that came within the credential
    by: Component | None = None  # the other method that found the second factor right, if any


class Rejected(NamedTuple):
    """Refused, and no other method is asked. `details` are for the audit log, never the peer."""

    method: Component
    details: str
    forbidden: bool = False  # by a rule (event 20136), not by a wrong secret (20142)
    required: frozenset[str] = frozenset()  # the kinds that the account takes instead, if any


class NotMine(NamedTuple):
    """This method does not know the name: the next one is asked."""


class WouldTry(NamedTuple):
    """The answer to a question about a key that only its signature lets the method judge.

    It holds no account, so that no login can come of it.
    """

    method: Component


Verdict = Accepted | MoreNeeded | Rejected | NotMine | WouldTry


class Outcome(Enum):
    """How a login was judged, with the event that tells it; only ACCEPTED opens a session."""

    ACCEPTED = "accepted"  # 20137
    MORE_NEEDED = "more credentials are needed"  # 20126
    ACCEPTABLE = "the key would do"  # the answer to a question, no event of its own
    WRONG = "wrong credentials"  # 20142
    FORBIDDEN = "forbidden by a rule"  # 20136
    UNKNOWN = "no method knows the name"  # 20021
    UNSUPPORTED = "no method takes this kind of credential"  # 20081
    INVALID = "not a possible name or password"  # 20142, without a method
    BROKEN = "a method failed"  # 20142
    BARRED = "not judged: a watch bars it"  # told by that watch, and not each time


class Bar(NamedTuple):
    """Why an attempt is refused whatever its credentials are. `details` are for the audit trail.

    With `slow` it is to cost what an unknown name costs, so that nobody can tell them apart.
    """

    by: Component
    details: str
    slow: bool = False


class Watch(Protocol):
    """Sees every attempt of a service before the methods do, and how each of them ended."""

    def before(self, credentials: Credentials, peer: Address, service: Component) -> Bar | None:
        """Why it is refused, if it is; a bar that is not slow has been told, where it is told."""

    def after(
        self, credentials: Credentials, peer: Address, service: Component, outcome: Outcome
    ) -> Bar | None:
        """Hear how it ended; what others have done meanwhile may bar it after all."""

    def bans(self, peer: Address) -> bool:
        """Whether a source is banned now. It tells nobody and changes nothing: threads may ask."""

    def at_connection(self, peer: Address, service: Component, *, banned: bool) -> Bar | None:
        """Why not even a connection is taken; with `banned` a ban is enough."""


class Authenticator(Protocol):
    """One `[authentications/ID]` section."""

    component: Component

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of credential that it understands."""

    async def authenticate(
        self, credentials: Credentials, peer: Address, service: Component
    ) -> Verdict:
        """Judge credentials; takes as long for an unknown name as for a wrong password."""

    async def start(self) -> None:
        """Begin what it does by itself; what cannot be had now is told, and had later.

        Raises Refused only for what no waiting mends.
        """

    async def stop(self) -> None:
        """Give up what it holds: connections, timers.

        It may still be asked, by a service that is leaving, and then has what it needs for that
        one question only.
        """

    async def change_credentials(self, account: Account, change: Change, peer: Address) -> bool:
        """Change what an account of this method logs in with; False: it is none of this method's.

        Raises NotChanged, and then everything is as it was.
        """


@runtime_checkable
class Finds(Protocol):
    """A method that finds an account again without its credentials, which were seen elsewhere."""

    component: Component

    def trace(self, account: Account) -> str | None:
        """By what another node finds the account again; None: by nothing, or it is none of its.

        At most MAX_TRACE characters.
        """

    async def find(self, seen: Seen, peer: Address) -> Verdict:
        """Judge the account as it is now, as if what was proved had been proved again.

        MoreNeeded tells all kinds beside one that was proved which the account takes now.
        """
