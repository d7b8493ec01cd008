"""A trial: one login judged by the methods of a configuration, without a server.

Every step is told, nothing is written, and no session is opened.
"""

from functools import partial
from typing import Any, Final, TypeVar

from mft.auth.account import Account
from mft.auth.base import (
    Accepted,
    Authenticator,
    Change,
    Credentials,
    MoreNeeded,
    NotMine,
    Rejected,
    Verdict,
    WouldTry,
)
from mft.auth.chain import Judged
from mft.auth.parts import Step
from mft.auth.possible import impossible
from mft.core.peer import Address, Component, Origin
from mft.daemon import build
from mft.daemon.load import Config
from mft.daemon.methods import Methods
from mft.daemon.state.last_logins import FILE, last_login, read_last_logins
from mft.daemon.state.own_factors import KeptFactors
from mft.daemon.state.own_passwords import KeptPasswords
from mft.events.model import Event

D = TypeVar("D")

WOULD_TRY: Final = "it judges a key only once a login has signed with it"


class Trial:
    """The methods of one configuration, each of which tells what it does."""

    def __init__(self, config: Config, reactor: Any, step: Step) -> None:
        """Make them, not started; raises OSError, and ValueError for accounts that contradict."""
        self._config = config
        self._step = step
        self._pools = build.Pools.of(reactor)
        teller = _Teller(step)
        own = KeptPasswords(config.directory / "state", teller)
        used = partial(last_login, _last_logins(config, step))
        factors = KeptFactors(config.directory / "state", teller)
        parts = build.auth_parts(config, self._pools, teller, own, reactor, step)
        parts = parts._replace(used=used, own_factors=factors)
        self.methods = Methods.of(config, parts, teller)

    def method(self, name: str) -> Authenticator | None:
        """Find a method that is enabled, by its ID or its name."""
        found = (
            one for one in self.methods.every if name in (one.component.uuid, one.component.name)
        )
        return next(found, None)

    async def judge(
        self,
        service: str,
        credentials: Credentials,
        peer: Address,
        only: Authenticator | None = None,
    ) -> Judged:
        """Judge as the service with this ID would, or by one method; raises Refused.

        Of a key that only its signature lets a method judge, `details` say so.
        """
        component = build.service_component(service, self._config.services[service])
        real = self.methods.chains[service]
        asked = real.methods if only is None else (only,)
        answers = _Answers()
        if told := impossible(credentials):  # they are asked of a name that nobody has
            self._step(f"no method is asked: {told}")
            answers.refused = True
        chain = real.asking([_Aloud(one, self._step, answers) for one in asked])
        self._pools.start()
        try:
            await self.methods.start()
            judged = await chain.judge(credentials, peer, component)
        finally:
            await self.methods.stop()
            self._pools.stop()
        return judged._replace(details=WOULD_TRY) if answers.would_try else judged


def _last_logins(config: Config, step: Step) -> dict[str, float]:
    try:
        return read_last_logins(config.directory / "state" / FILE)
    except (OSError, ValueError) as error:
        step(f"the last logins cannot be read: {error}; every account counts as used now")
        return {}


class _Teller:
    """Tells events as steps: the journal belongs to the server."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def emit(self, event: Event[D], payload: D, origin: Origin | None = None) -> int:
        """Tell one."""
        sentence = event.sentence.format_map(event.data(payload))
        self._step(f"event {event.number}: {sentence}")
        return 0


class _Answers:
    """What the methods of a trial have answered so far."""

    refused = False
    would_try = False


class _Aloud:
    """A method that says when it is asked, and what it answered.

    Behind one that has refused it is not asked, as at a login; the chain goes on with questions
    about keys, so that a peer cannot tell who is known.
    """

    def __init__(self, method: Authenticator, step: Step, answers: _Answers) -> None:
        self._method = method
        self._step = step
        self._answers = answers
        self.component: Component = method.component
        self.kinds: frozenset[str] = method.kinds

    async def authenticate(
        self, credentials: Credentials, peer: Address, service: Component
    ) -> Verdict:
        """Judge, as the method does."""
        if self._answers.refused:
            return NotMine()
        component = self.component
        self._step(f'asking "{component.name}" (type {component.kind}, ID {component.uuid})')
        verdict = await self._method.authenticate(credentials, peer, service)
        self._step(f"its answer: {_answer(verdict)}")
        self._answers.refused = isinstance(verdict, Rejected)
        self._answers.would_try = isinstance(verdict, WouldTry)
        return verdict

    async def start(self) -> None:
        """Nothing: the method itself is started."""

    async def stop(self) -> None:
        """Nothing: the method itself is stopped."""

    async def change_credentials(self, account: Account, change: Change, peer: Address) -> bool:
        """Never: a trial changes nothing."""
        return False


def _answer(verdict: Verdict) -> str:
    if isinstance(verdict, NotMine):
        return "it does not know the name, the next one is asked"
    if isinstance(verdict, Accepted):
        return "accepted"
    if isinstance(verdict, MoreNeeded):
        return "right, and more is needed"
    if isinstance(verdict, WouldTry):
        return WOULD_TRY
    return "refused, nobody else is asked"
