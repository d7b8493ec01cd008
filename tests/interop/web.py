"""HTTP services of an instance, in clear and over TLS, and what a client needs to reach each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fakes import pki
from tests.interop.instance import Server
from tests.interop.services import add_section, certificate

SCHEMES: Final = ("http", "https")


@dataclass(frozen=True, slots=True)
class Web:
    """One service, of the instance that has it."""

    server: Server
    scheme: str
    port: int
    certificate: Path  # what its clients may trust

    @property
    def private(self) -> bool:
        """Whether its clients speak TLS."""
        return self.scheme == "https"

    @property
    def host(self) -> str:
        """What its clients send as Host."""
        return f"{self.server.address}:{self.port}"

    def url(self, path: str) -> str:
        """The address of a path of the service, which is quoted already."""
        return f"{self.scheme}://{self.host}{path}"

    def home(self, path: str) -> str:
        """The address of a file of the account, by its quoted virtual path."""
        return self.url(f"/home{path}")


def add_web(server: Server, scheme: str, **options: str) -> Web:
    """Add a service to an instance that does not run; `options` stand for its own.

    From then on its account's uploads cost little.
    """
    port = add_section(server, "web", {"type": scheme, **options})
    return Web(server, scheme, port, certificate(server))


def believing(server: Server) -> Mapping[str, str]:
    """Options of a service that believes certificates of an authority made for it."""
    authority = pki.Authority()
    file = server.directory / "clients.pem"
    file.write_bytes(authority.pem)
    authority.issue(server.account).write(of_client(server))
    authority.issue("somebody").write(of_client(server, "somebody"))
    return {"ssl_certificate_authority": str(file)}


def of_client(server: Server, name: str = "") -> Path:
    """The certificate, and its key, that such a service believes to be of an account."""
    return server.directory / f"{name or server.account}-client.pem"
