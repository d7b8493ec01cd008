"""AUTHENTICATORS: the types of authentication method."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, cast

from mft.auth.anonymous import AnonymousAuthenticator, AnonymousOptions
from mft.auth.application import ApplicationAuthenticator
from mft.auth.base import Authenticator
from mft.auth.http import HttpAuthenticator
from mft.auth.http_options import HttpAuthOptions
from mft.auth.local_file import LocalFileAuthenticator, LocalFileOptions
from mft.auth.options import ApplicationOptions
from mft.auth.parts import Parts
from mft.config.section import NamedSection
from mft.core.peer import Component


class Kind(NamedTuple):
    """One type of method: its options, and how one is made of them."""

    options: type[NamedSection]
    build: Callable[[str, NamedSection, Parts], Authenticator]


def _application(uuid: str, options: NamedSection, parts: Parts) -> Authenticator:
    return ApplicationAuthenticator(Component(uuid, "application", options.name), parts)


def _http(uuid: str, options: NamedSection, parts: Parts) -> Authenticator:
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
    "http": Kind(HttpAuthOptions, _http),
    "local-file": Kind(LocalFileOptions, _local_file),
    "anonymous": Kind(AnonymousOptions, _anonymous),
}
