"""Services that a test adds to an instance: sections of `server.ini`, and what clients trust."""

from collections.abc import Mapping
from pathlib import Path

from mft.auth.passwords import make_hash
from mft.trust.certificates import self_signed
from tests.interop.instance import CHEAP, Server
from tests.interop.ports import free_port


def add_section(server: Server, kind: str, options: Mapping[str, str]) -> int:
    """Add a service to an instance that does not run; gives its port.

    From then on its account's uploads cost little.
    """
    config = server.directory / "conf" / "server.ini"
    text = config.read_text()
    identity = f"{kind}-{text.count('[services/')}"
    port = free_port()
    given = {"name": identity, "port": str(port), **options}
    lines = [f"\n[services/{identity}]", *(f"{key} = {value}" for key, value in given.items())]
    config.write_text(_cheaper(text, server) + "\n".join(lines) + "\n")
    return port


def cheap_hash(server: Server) -> str:
    """The password of the instance's account as an option that costs no time to compare."""
    return make_hash(server.password, *CHEAP)


def _cheaper(text: str, server: Server) -> str:
    """Whatever the account is told of durable uploads is left as it is."""
    said, account, of_it = text.partition(f"name = {server.account}\n")
    cheaper = "" if "durable_uploads" in of_it.partition("\n[")[0] else "durable_uploads = no\n"
    return f"{said}{account}{cheaper if account else ''}{of_it}"


def certificate(server: Server) -> Path:
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
