"""SftpOptions: a server that files are sent to or fetched from over SFTP (`type = sftp`)."""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import field_validator

from mft.config.kinds import (
    CommaList,
    Context,
    FilePath,
    Kind,
    Maybe,
    Name,
    Port,
    SecretText,
    Wrong,
    each_line,
    size,
)
from mft.config.section import option
from mft.core.secret import Secret
from mft.remote.base import LocationOptions
from mft.runtime.proxied import SCHEMES, Proxy
from mft.trust.server_identity import FIRST_SEEN, MAX_LINES, Known, read_line
from mft.trust.ssh_keys import HostKey
from mft.wire.sftp.framing import MAX_DATA
from mft.wire.socks5 import MAX_NAME
from mft.wire.ssh import names

LEAST_PAYLOAD: Final = 1024  # bytes; every server takes 32768 (draft-02, section 3)
PROXY_PORTS: Final = {"socks5": 1080, "http": 3128}


def _host(text: str, context: Context | None) -> str:
    host = text.strip().removeprefix("[").removesuffix("]")
    if not 0 < len(host) <= MAX_NAME or not host.isascii() or not host.isprintable():
        raise Wrong("is not the name or the address of a host, such as sftp.example.com")
    if any(one in " /@" for one in host):
        raise Wrong("is not the name or the address of a host, such as sftp.example.com")
    return host


def _proxy(text: str, context: Context | None) -> Proxy:
    example = "socks5://proxy.example.com:1080 or http://proxy.example.com:3128"
    try:
        url = urlsplit(text.strip())
        host, port = url.hostname or "", url.port
    except ValueError:
        raise Wrong(f"is not a proxy such as {example}") from None
    if url.scheme not in SCHEMES or not host or url.path.strip("/") or url.query:
        raise Wrong(f"is not a proxy such as {example}")
    if "@" in url.netloc:
        raise Wrong("has a name before the host; proxies are not logged in to", "...")
    return Proxy(url.scheme, _host(host, context), port or PROXY_PORTS[url.scheme])


def _identity(text: str, context: Context | None) -> tuple[Known | Literal["first"], ...]:
    lines = each_line(text, _identity_line)
    if not lines:
        raise Wrong("is empty; it needs a fingerprint or a key of the server")
    if len(lines) > MAX_LINES:
        raise Wrong(f"has more than {MAX_LINES} lines", "...")
    return lines


def _identity_line(line: str) -> Known | Literal["first"]:
    if line.strip().lower() == FIRST_SEEN:
        return "first"
    try:
        return read_line(line)
    except ValueError as problem:
        raise Wrong(str(problem)) from None


Host = Annotated[str, Kind("host", "sftp.example.com or 192.0.2.7", _host)]
ProxyText = Annotated[Proxy, Kind("proxy", "socks5://proxy.example.com:1080", _proxy, write=str)]
IdentityLines = Annotated[
    tuple[Known | Literal["first"], ...],
    Kind("lines of fingerprints or public keys", "SHA256:...", _identity),
]


class SftpOptions(LocationOptions):
    """A server of others that is spoken to over SFTP."""

    # Nobody's: something must be given, and a key would have to be there.
    shown: ClassVar[Mapping[str, str]] = {"password": "change me"}

    address: Host = option(
        "The name or the IP address of the server.", examples=["sftp.example.com"]
    )
    port: Port = option("Its port.", 22)
    username: Name = option("The name of our account there.", examples=["partner"])
    password: SecretText = option("The password of our account there.", Secret(""), secret=True)
    ssh_client_key: Maybe[FilePath] = option(
        "The file with the private key of our account there, in OpenSSH or PEM form. Where the "
        "server wants key and password, both are given.",
        None,
        examples=["conf/keys/partner_ed25519"],
        old_names=["rsa_private_key", "dsa_private_key"],
    )
    ssh_client_key_passphrase: SecretText = option(
        "The passphrase of that file, if it has one.", Secret(""), ours=True, secret=True
    )
    ssh_server_identity: IdentityLines = option(
        "Who the server must prove to be; one line for each of its keys: a fingerprint (SHA256 or "
        "SHA1 in base64, MD5 with colons), a public key, or a line of `known_hosts`, which may "
        "begin with `@cert-authority`. The word `set-on-first-connection` trusts the key that is "
        "shown first, and only that from then on.",
        examples=["SHA256:jz8gYNBTxPQ0gTGaxQYqSpTLpx1bbpZFIaYVXYSH0+I"],
    )
    ssh_cipher_list: CommaList = option(
        "The algorithms that are used, in order of preference: the words `secure`, `fips` and "
        "`all`, and names of key exchanges, host key algorithms, ciphers and MACs.",
        ("secure",),
        examples=["secure, curve25519-sha256, curve25519-sha256@libssh.org"],
        safer="`secure` here has post-quantum key exchange only, and no SHA-1.",
    )
    proxy: Maybe[ProxyText] = option(
        "The proxy that leads there, SOCKS 5 (`socks5://host:1080`) or HTTP "
        "(`http://host:3128`), without a login; names are looked up by it. Empty: none.",
        None,
        examples=["socks5://proxy.example.com:1080"],
    )
    ssh_payload_length: Annotated[int, size(LEAST_PAYLOAD, MAX_DATA)] = option(
        "How many bytes one read or write of a file carries, from 1 KiB to 255 KiB, where the "
        "server does not tell how many it takes (`limits@openssh.com`).",
        32 << 10,
    )

    @field_validator("ssh_cipher_list")
    @classmethod
    def _known_algorithms(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        try:
            names.parse(words)
        except names.UnknownAlgorithm as error:
            raise Wrong(str(error)) from None
        return words

    def check(self, context: Context) -> Iterator[Wrong]:
        """Read the key, and ask for one thing at least that logs in."""
        if self.ssh_client_key is not None:
            try:
                HostKey.load(self.ssh_client_key, self.ssh_client_key_passphrase or None)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                path = str(self.ssh_client_key)
                yield Wrong(f"cannot be used: {reason}", path, None, "ssh_client_key")
        elif not self.password:
            yield Wrong("is needed, or ssh_client_key", option="password")

    @property
    def algorithms(self) -> names.Algorithms:
        """What `ssh_cipher_list` stands for."""
        return names.parse(self.ssh_cipher_list)

    @property
    def known(self) -> tuple[Known, ...]:
        """The lines that say who the server is."""
        return tuple(one for one in self.ssh_server_identity if isinstance(one, Known))

    @property
    def trusts_the_first(self) -> bool:
        """Whether the key that is seen first is trusted."""
        return "first" in self.ssh_server_identity
