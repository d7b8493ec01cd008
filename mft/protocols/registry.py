"""PROTOCOLS: the types of service."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from mft.protocols.options import ServiceOptions
from mft.protocols.ssh.options import SshOptions


class Kind(NamedTuple):
    """One type of service."""

    options: type[ServiceOptions]


PROTOCOLS: Final[Mapping[str, Kind]] = {"ssh": Kind(SshOptions)}
ALIASES: Final[Mapping[str, str]] = {"sftp": "ssh"}  # other words for a type
