"""PROTOCOLS: the types of service."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from mft.core.peer import Component
from mft.protocols.base import Service, ServiceParts
from mft.protocols.ftp.options import FtpOptions, ImplicitFtpOptions
from mft.protocols.ftp.service import FtpService
from mft.protocols.http.health import HealthService
from mft.protocols.http.options import (
    HealthOptions,
    HttpOptions,
    HttpsOptions,
    RedirectOptions,
)
from mft.protocols.http.redirect import RedirectService
from mft.protocols.http.service import HttpService
from mft.protocols.options import ServiceOptions
from mft.protocols.ssh.options import SshOptions
from mft.protocols.ssh.service import SshService


class Kind(NamedTuple):
    """One type of service: its options, and how one is made of them."""

    options: type[ServiceOptions]
    build: Callable[[Component, Any, ServiceParts], Service]


PROTOCOLS: Final[Mapping[str, Kind]] = {
    "ssh": Kind(SshOptions, SshService),
    "ftp": Kind(FtpOptions, FtpService),
    "ftpsi": Kind(ImplicitFtpOptions, FtpService),
    "http": Kind(HttpOptions, HttpService),
    "https": Kind(HttpsOptions, HttpService),
    "http-redirect": Kind(RedirectOptions, RedirectService),
    "health": Kind(HealthOptions, HealthService),
}
ALIASES: Final[Mapping[str, str]] = {"sftp": "ssh"}  # other words for a type
