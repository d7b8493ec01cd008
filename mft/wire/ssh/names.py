"""SSH algorithms by name, and what the keywords of `ssh_cipher_list` mean (RFC 4250 4.11)."""

from collections.abc import Iterable
from typing import Final, NamedTuple

KEX: Final = (
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group-exchange-sha1",
    "diffie-hellman-group14-sha1",
)
HOST_KEYS: Final = (
    "ssh-ed25519",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
CIPHERS: Final = (
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
    "aes256-cbc",
    "aes192-cbc",
    "aes128-cbc",
    "3des-cbc",
)
MACS: Final = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha1",
)
# Signature algorithms that user keys may use (RFC 8308 3.1, RFC 8332, PROTOCOL.u2f).
USER_KEYS: Final = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
STRICT_CLIENT: Final = "kex-strict-c-v00@openssh.com"  # the counter-measure to CVE-2023-48795
STRICT_SERVER: Final = "kex-strict-s-v00@openssh.com"
AEAD: Final = frozenset(CIPHERS[:3])


class Algorithms(NamedTuple):
    """The algorithms that one service offers, each list in order of preference."""

    kex: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]


ALL: Final = Algorithms(KEX, HOST_KEYS, CIPHERS, MACS)
# What no public scanner objects to in 2026: post-quantum key exchange, authenticated encryption
# or encrypt-then-MAC, no curve of doubted origin, no SHA-1.
SECURE: Final = Algorithms(KEX[:1], HOST_KEYS[:3], CIPHERS[:6], MACS[:2])
FIPS: Final = Algorithms(
    (*KEX[3:6], KEX[6]),
    (*HOST_KEYS[3:6], *HOST_KEYS[1:3]),
    (*CIPHERS[:2], *CIPHERS[3:6]),
    MACS[:4],
)
KEYWORDS: Final = {"all": ALL, "secure": SECURE, "fips": FIPS}


class UnknownAlgorithm(ValueError):  # noqa: N818 - told to the administrator as it is
    """A name in `ssh_cipher_list` that we do not speak, or a list that lacks a kind."""


def parse(words: Iterable[str]) -> Algorithms:
    """Read `ssh_cipher_list`: keywords and names in order of preference, each counting once.

    A list without host key algorithms offers those of `secure`. Raises UnknownAlgorithm for a
    name that we do not speak, and for a list without a key exchange, a cipher, or a MAC for its
    ciphers.
    """
    kinds: tuple[list[str], ...] = ([], [], [], [])
    for word in words:
        name = word.strip()
        chosen = KEYWORDS.get(name.lower()) or _only(name)
        for kind, names in zip(kinds, chosen, strict=True):
            kind.extend(each for each in names if each not in kind)
    kex, host_keys, ciphers, macs = kinds
    if not kex or not ciphers:
        raise UnknownAlgorithm("needs at least one key exchange and one cipher")
    if not macs and not AEAD.issuperset(ciphers):
        raise UnknownAlgorithm("needs at least one MAC for ciphers that have none of their own")
    return Algorithms(
        tuple(kex), tuple(host_keys) or SECURE.host_keys, tuple(ciphers), tuple(macs or MACS[:2])
    )


def _only(name: str) -> Algorithms:
    chosen = Algorithms(*(tuple(each for each in names if each == name) for names in ALL))
    if not any(chosen):
        raise UnknownAlgorithm(f'does not know "{name}"')
    return chosen


def choose(client: Iterable[str], server: Iterable[str]) -> str | None:
    """The first of the client's names that the server offers as well (RFC 4253 7.1)."""
    offered = frozenset(server)
    return next((name for name in client if name in offered), None)
