"""OpenSSH user certificates, judged against the authorities that an administrator named.

The format is OpenSSH's PROTOCOL.certkeys. The peer proves the key inside (`Certificate.key`); the
authority's signature over the certificate says for whom, from when, to when and from where.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mft.core.failure import Malformed
from mft.core.peer import Address
from mft.trust.authorized_keys import SourcePattern, in_sources, source_list
from mft.trust.ssh_keys import MAX_BLOB, PublicKey, fingerprint
from mft.wire.buffer import Reader, Writer

USER = 1  # the type of a certificate for people; 2 is for hosts
MAX_PRINCIPALS = 256
MAX_OPTIONS = 64
_SUFFIX = "-cert-v01@openssh.com"

# The fields of the key between the nonce and the serial number; "m" is an mpint, "s" a string.
_FIELDS: Mapping[str, str] = {
    "ssh-ed25519": "s",
    "ssh-rsa": "mm",
    "ecdsa-sha2-nistp256": "ss",
    "ecdsa-sha2-nistp384": "ss",
    "ecdsa-sha2-nistp521": "ss",
    "sk-ssh-ed25519@openssh.com": "ss",
    "sk-ecdsa-sha2-nistp256@openssh.com": "sss",
}
_TYPES: Mapping[str, str] = {
    f"{name.removesuffix('@openssh.com')}{_SUFFIX}": name for name in _FIELDS
}
# What a peer names in userauth (RFC 8332 gives RSA certificates several) -> the signature inside.
CERTIFICATE_ALGORITHMS: Mapping[str, str] = {
    **{certificate: name for certificate, name in _TYPES.items() if name != "ssh-rsa"},
    f"rsa-sha2-512{_SUFFIX}": "rsa-sha2-512",
    f"rsa-sha2-256{_SUFFIX}": "rsa-sha2-256",
    f"ssh-rsa{_SUFFIX}": "ssh-rsa",
}
_HARMLESS_COMMANDS = frozenset(("internal-sftp",))


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with a right signature; `refusal` says whether it opens a door."""

    blob: bytes
    key: PublicKey  # the peer's own key
    authority: PublicKey
    serial: int
    kind: int
    key_id: str
    principals: tuple[str, ...]
    valid_after: int  # seconds since the epoch, inclusive
    valid_before: int  # exclusive
    critical: tuple[tuple[str, bytes], ...]
    signature_algorithm: str

    @classmethod
    def parse(cls, blob: bytes) -> "Certificate":
        """Read a certificate and verify its signature; raises Malformed."""
        if len(blob) > MAX_BLOB:
            raise Malformed("a certificate is too long")
        reader = Reader(blob)
        plain = _TYPES.get(reader.text())
        if plain is None:
            raise Malformed("not a supported type of certificate")
        reader.string()  # the nonce, there so that the authority signs nothing predictable
        key = _inner_key(reader, plain)
        serial, kind, key_id = reader.u64(), reader.u32(), reader.text()
        principals = _principals(reader.string())
        after, before = reader.u64(), reader.u64()
        critical = _pairs(reader.string())
        _pairs(reader.string())  # extensions permit what this server does not do anyway
        reader.string()  # reserved
        authority = PublicKey.parse(reader.string())
        signed = blob[: len(blob) - reader.left]
        signature = reader.string()
        reader.finish()
        algorithm = Reader(signature).text()
        # SHA-1 signatures of an authority can be forged; no list makes them good.
        if algorithm == "ssh-rsa" or not authority.verify(signature, signed, algorithm):
            raise Malformed("the signature of a certificate is wrong")
        return cls(
            bytes(blob),
            key,
            authority,
            serial,
            kind,
            key_id,
            principals,
            after,
            before,
            critical,
            algorithm,
        )

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the key inside."""
        return fingerprint(self.key.blob)

    def refusal(
        self, name: str, authorities: Iterable[PublicKey], now: float, peer: Address
    ) -> str | None:
        """None when it opens the door for `name` now from there; otherwise why not.

        A certificate without principals is refused: it would be good for every name. Critical
        options that are not understood refuse; so does a forced command other than internal-sftp.
        """
        if self.kind != USER:
            return "the certificate is not one for users"
        if self.authority not in set(authorities):
            return (
                f"the certificate is signed by {self.authority.fingerprint}, which is not trusted"
            )
        if name not in self.principals:
            return "the certificate does not name this account"
        if not self.valid_after <= now < self.valid_before:
            return "the certificate is not valid at this time"
        for option, value in self.critical:
            if told := _critical(option, value, peer):
                return told
        return None


def is_certificate(blob: bytes) -> bool:
    """Whether a blob says that it is a certificate; the rest of it may still be Malformed."""
    try:
        return Reader(blob).text() in _TYPES
    except Malformed:
        return False


def proving_key(blob: bytes) -> PublicKey:
    """The key that must have signed: the blob itself, or the one in a certificate.

    Raises Malformed. For a certificate also the authority's signature is verified.
    """
    return Certificate.parse(blob).key if is_certificate(blob) else PublicKey.parse(blob)


def _inner_key(reader: Reader, plain: str) -> PublicKey:
    writer = Writer()
    writer.text(plain)
    for field in _FIELDS[plain]:
        if field == "m":
            writer.mpint(reader.mpint())
        else:
            writer.string(reader.view())
    return PublicKey.parse(writer.finish())


def _principals(data: bytes) -> tuple[str, ...]:
    reader = Reader(data)
    found: list[str] = []
    while reader.left:
        if len(found) >= MAX_PRINCIPALS:
            raise Malformed("a certificate has too many principals")
        found.append(reader.text())
    return tuple(found)


def _pairs(data: bytes) -> tuple[tuple[str, bytes], ...]:
    """Options: names in rising order, each once, each with its data."""
    reader = Reader(data)
    found: list[tuple[str, bytes]] = []
    while reader.left:
        name, value = reader.text(), reader.string()
        if len(found) >= MAX_OPTIONS or (found and name <= found[-1][0]):
            raise Malformed("the options of a certificate are too many or out of order")
        found.append((name, value))
    return tuple(found)


def _critical(option: str, value: bytes, peer: Address) -> str | None:
    if option not in ("source-address", "force-command"):
        return f"the certificate has the critical option {option[:50]!r}, which is not supported"
    try:
        reader = Reader(value)
        text = reader.text()
        reader.finish()
        if option == "force-command":
            allowed = text.strip() in _HARMLESS_COMMANDS
            return None if allowed else "the certificate forces a command, which is not supported"
        sources: tuple[SourcePattern, ...] = source_list(text)
    except ValueError:
        return f"the certificate's {option} cannot be read"
    return None if in_sources(sources, peer) else f"the certificate is not good from {peer.host}"
