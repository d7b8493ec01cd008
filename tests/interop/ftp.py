"""FTP services of an instance: how `server.ini` has them, and what a client needs to reach each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.interop.instance import Server
from tests.interop.services import add_section, certificate

MODES: Final = ("clear", "explicit", "implicit")
OPENLY: Final[Mapping[str, str]] = {
    "ftps_force_secured_command_channel": "no",
    "ftps_force_secured_authentication": "no",
    "ftps_force_secured_data_channel": "no",
}
ANY_SESSION: Final[Mapping[str, str]] = {"ftps_require_session_reuse": "no"}
# The service of each mode; those with TLS as they are by default, the clear one has it as well.
SERVICES: Final[Mapping[str, Mapping[str, str]]] = {
    "clear": {"type": "ftp", **OPENLY, **ANY_SESSION},
    "explicit": {"type": "ftp"},
    "implicit": {"type": "ftpsi"},
}


@dataclass(frozen=True, slots=True)
class Ftp:
    """One service, of the instance that has it."""

    server: Server
    mode: str
    port: int
    certificate: Path  # what its clients may trust

    @property
    def private(self) -> bool:
        """Whether its clients speak TLS."""
        return self.mode != "clear"

    def url(self, path: str) -> str:
        """How most clients name a path there; `path` is quoted already."""
        scheme = "ftps" if self.mode == "implicit" else "ftp"
        return f"{scheme}://{self.server.address}:{self.port}{path}"


def add_service(server: Server, mode: str, **options: str) -> Ftp:
    """Add a service of a mode to an instance that does not run; `options` stand for its own.

    From then on its account's uploads cost little.
    """
    port = add_section(server, "ftp", {**SERVICES[mode], **options})
    return Ftp(server, mode, port, certificate(server))
