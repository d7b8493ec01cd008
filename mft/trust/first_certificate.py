"""The certificate of an instance that has none: self-signed, at its place, for every service."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mft.core.peer import parse_ip
from mft.trust.certificates import Identity, is_dns_name, self_signed, write_private

# In an instance.
CERTIFICATE: Final = Path("conf/certificates/server.pem")  # with its key
PUBLIC: Final = Path("conf/certificates/server.crt")  # without: for clients
LOOPBACK: Final = ("127.0.0.1", "::1")


def first_certificate(host: str, address: str) -> Identity:
    """Make a certificate of every name by which clients on this machine know the server.

    `host` is this machine's name, left out when it is no DNS name; `address` is where the server
    listens, left out when that is everywhere. Raises ValueError when it is no IP address.
    """
    names = ["localhost"]
    if is_dns_name(host) and host not in names:
        names.append(host)
    ip = parse_ip(address)
    chosen = () if ip.is_unspecified or str(ip) in LOOPBACK else (str(ip),)
    return self_signed(names, (*LOOPBACK, *chosen))


def write_first(directory: Path, identity: Identity) -> None:
    """Put a certificate at its place in an instance; one that is there stays. Raises OSError.

    The files appear whole, so that who finds them there can load them at once.
    """
    path = directory / CERTIFICATE
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with _beside(path, identity.pem()) as whole:
            os.link(whole, path)
    except FileExistsError:
        return  # somebody was faster, and theirs is as good
    with _beside(directory / PUBLIC, identity.chain_pem()) as whole:
        whole.chmod(0o644)
        whole.replace(directory / PUBLIC)


@contextmanager
def _beside(path: Path, data: bytes) -> Iterator[Path]:
    """A new file beside another, under a name that nobody else takes; it goes in the end."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_private(beside, data)
        yield beside
    finally:
        beside.unlink(missing_ok=True)
