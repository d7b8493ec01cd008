"""The methods of logging in of one configuration, and the chain of each service."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from mft.auth.account import Account
from mft.auth.base import Authenticator
from mft.auth.chain import Chain
from mft.auth.guard import Guard
from mft.auth.options import MethodOptions
from mft.auth.parts import Parts
from mft.auth.registry import AUTHENTICATORS
from mft.auth.second_method import WithSecondMethod
from mft.core.failure import Refused
from mft.core.peer import Address, Component
from mft.daemon.load import Config
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Emitter

DEFAULT_METHOD: Final = "application"  # the only method where server.ini names none
DEFAULT_ID: Final = "DEFAULT-AUTHENTICATION"
POLICIES: Final = "security-policies"
POLICY: Final = "security-policy"  # the kind of such a section, in the audit trail

log = Logger()


class Methods(NamedTuple):
    """Every method that is enabled, and the chain of every service by its ID."""

    every: tuple[Authenticator, ...]
    chains: Mapping[str, Chain]
    guards: Mapping[str, Guard] = MappingProxyType({})  # by their sections

    @classmethod
    def of(cls, config: Config, parts: Parts, bus: Emitter) -> "Methods":
        """Make them, not started; raises ValueError for accounts that contradict."""
        made: dict[str, Authenticator] = {}
        for uuid, options in config.authentications.items():
            kind_name = getattr(options, "type", DEFAULT_METHOD)
            if options.enabled:
                made[uuid] = AUTHENTICATORS[kind_name].build(uuid, options, parts)
            else:
                bus.emit(events.METHOD_SKIPPED, p.MethodSkipped(options.name, kind_name))
        alone = _alone(config, made, parts)
        default = _default(config, alone, parts)

        def barred(account: Account, peer: Address) -> str | None:
            used = parts.used(account.uuid) if account.restrictions.inactivity else None
            return account.may_act(parts.clock(), peer, used)

        policies = {
            uuid: Guard(
                Component(uuid, POLICY, options.name),
                options.rules,
                parts.ledgers.of(f"{POLICIES}/{uuid}"),
                parts.tell,
                parts.clock,
            )
            for uuid, options in config.security_policies.items()
            if options.enabled
        }
        chains = {}
        for uuid, options in config.services.items():
            own = options.authentications
            methods = _named(own, alone) if own else default
            policy = policies.get(options.security_policy or "")
            guards = [one for one in (policy, *methods) if isinstance(one, Guard)]
            chains[uuid] = Chain(methods, (CancelledError,), barred, guards, parts.settle)
        unnamed = [one for one in default if one not in alone.values()]
        guards_of = {f"{POLICIES}/{uuid}": guard for uuid, guard in policies.items()}
        for uuid, method in made.items():
            if isinstance(method, Guard):
                guards_of[f"authentications/{uuid}"] = method
        return cls((*made.values(), *unnamed), chains, guards_of)

    async def start(self) -> None:
        """Start them; raises Refused when one cannot be, and then none runs."""
        started: list[Authenticator] = []
        try:
            for method in self.every:
                started.append(method)
                await method.start()
        except Refused:
            await _stop(started)
            raise

    async def stop(self) -> None:
        """Stop them; never raises."""
        await _stop(self.every)


async def _stop(methods: Iterable[Authenticator]) -> None:
    for method in methods:
        try:
            await method.stop()
        except Exception:
            log.failure("a method of logging in stops")


def _named(names: Iterable[str], made: Mapping[str, Authenticator]) -> list[Authenticator]:
    return [made[one] for one in names if one in made]


def _alone(
    config: Config, made: Mapping[str, Authenticator], parts: Parts
) -> dict[str, Authenticator]:
    """The methods that chains may ask, each with its second factor where it has one."""
    alone: dict[str, Authenticator] = {}
    for uuid, method in made.items():
        options = config.authentications[uuid]
        if not isinstance(options, MethodOptions):
            alone[uuid] = method
        elif options.second_factor_authentication is not None:
            second = made.get(options.second_factor_authentication)
            alone[uuid] = WithSecondMethod(method, second, parts.clock)
        elif not options.use_as_second_factor:
            alone[uuid] = method
    return alone


def _default(
    config: Config, made: Mapping[str, Authenticator], parts: Parts
) -> list[Authenticator]:
    """The list of [server]; without one, the accounts of this file."""
    if config.server.authentications:
        return _named(config.server.authentications, made)
    kind = AUTHENTICATORS[DEFAULT_METHOD]
    options = kind.options.model_validate({"name": "accounts of this file"})
    return [kind.build(DEFAULT_ID, options, parts)]


NO_METHODS: Final = Methods((), {})
