"""FTP services of an instance: how `server.ini` has them, and what a client needs to reach each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mft.auth.passwords import make_hash
from mft.trust.certificates import self_signed
from tests.interop.instance import Server
from tests.interop.ports import free_port

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
CHEAP: Final = "crypt-sha512", 1000  # a login takes two milliseconds


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

    From then on its account's logins and uploads cost little.
    """
    config = server.directory / "conf" / "server.ini"
    text = config.read_text()
    identity = f"ftp-{text.count('[services/')}"
    port = free_port()
    given = {"name": identity, "port": str(port), **SERVICES[mode], **options}
    lines = [f"\n[services/{identity}]", *(f"{key} = {value}" for key, value in given.items())]
    config.write_text(_cheaper(text, server) + "\n".join(lines) + "\n")
    return Ftp(server, mode, port, _certificate(server))


def cheap_hash(server: Server) -> str:
    """The password of the instance's account as an option that costs no time to compare."""
    return make_hash(server.password, *CHEAP)


def _cheaper(text: str, server: Server) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(
        f"password = {cheap_hash(server)}\ndurable_uploads = no\n"
        if line.startswith("password = $2b$")
        else line
        for line in lines
    )


def _certificate(server: Server) -> Path:
    """Make the certificate of an instance that has none; gives the file without the key."""
    file = server.directory / "conf" / "certificates" / "server.pem"
    public = server.directory / "trusted.pem"
    if not public.exists():
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.unlink(missing_ok=True)  # one of `mft init` may be for other addresses
        made = self_signed(["localhost"], [server.address])
        made.write(file)
        public.write_bytes(made.chain_pem())
    return public
