"""AUTHENTICATORS: the types of authentication method."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, cast

from mft.auth.anonymous import AnonymousAuthenticator, AnonymousOptions
from mft.auth.application import ApplicationAuthenticator
from mft.auth.base import Authenticator
from mft.auth.guard_methods import GuardMethod
from mft.auth.http_options import HttpAuthOptions
from mft.auth.ldap_options import LdapOptions
from mft.auth.local_file import LocalFileAuthenticator, LocalFileOptions
from mft.auth.options import ApplicationOptions
from mft.auth.parts import Parts
from mft.auth.policy_options import DenyUsernameOptions, IpTimeBanOptions
from mft.auth.system import KIND as SYSTEM
from mft.auth.system import SystemAuthenticator
from mft.auth.system_options import SystemOptions
from mft.config.section import NamedSection
from mft.core.peer import Component


class Kind(NamedTuple):
    """One type of method: its options, and how one is made of them."""

    options: type[NamedSection]
    build: Callable[[str, NamedSection, Parts], Authenticator]


def _application(uuid: str, options: NamedSection, parts: Parts) -> Authenticator:
    return ApplicationAuthenticator(Component(uuid, "application", options.name), parts)


def _system(uuid: str, options: NamedSection, parts: Parts) -> Authenticator:
    component = Component(uuid, SYSTEM, options.name)
    return SystemAuthenticator(component, cast(SystemOptions, options), parts)


def _ldap(uuid: str, options: NamedSection, parts: Parts) -> Authenticator:
    from mft.auth.ldap import LdapAuthenticator  # its library, which most servers do not need

    return LdapAuthenticator(
        Component(uuid, "ldap", options.name), cast(LdapOptions, options), parts
    )


def _guard(uuid: str, options: NamedSection, parts: Parts) -> Authenticator:
    if not isinstance(options, IpTimeBanOptions | DenyUsernameOptions):
        raise TypeError(f"not the options of a guard: {type(options).__name__}")
    ledger = parts.ledgers.of(f"authentications/{uuid}")
    component = Component(uuid, options.type, options.name)
    return GuardMethod(component, options.rules, ledger, parts.tell, parts.clock)


def _http(uuid: str, options: NamedSection, parts: Parts) -> Authenticator:
    from mft.auth.http import HttpAuthenticator  # an HTTP client, as above

    given = cast(HttpAuthOptions, options)
    return HttpAuthenticator(Component(uuid, "http", options.name), given, parts)


def _local_file(uuid: str, options: NamedSection, parts: Parts) -> Authenticator:
    given = cast(LocalFileOptions, options)
    return LocalFileAuthenticator(Component(uuid, "local-file", options.name), given, parts)


def _anonymous(uuid: str, options: NamedSection, parts: Parts) -> Authenticator:
    given = cast(AnonymousOptions, options)
    return AnonymousAuthenticator(Component(uuid, "anonymous", options.name), given, parts)


AUTHENTICATORS: Final[Mapping[str, Kind]] = {
    "application": Kind(ApplicationOptions, _application),
    SYSTEM: Kind(SystemOptions, _system),
    "ldap": Kind(LdapOptions, _ldap),
    "ip-time-ban": Kind(IpTimeBanOptions, _guard),
    "deny-username": Kind(DenyUsernameOptions, _guard),
    "http": Kind(HttpAuthOptions, _http),
    "local-file": Kind(LocalFileOptions, _local_file),
    "anonymous": Kind(AnonymousOptions, _anonymous),
}
