"""SshOptions: a service for SFTP and SCP (`type = ssh`)."""

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import field_validator

from mft.config.kinds import (
    CommaList,
    Context,
    FilePath,
    FilePaths,
    Kind,
    Maybe,
    Text,
    Wrong,
    YesNo,
    comma_list,
    duration,
    each_line,
    file_path,
    size,
    whole,
)
from mft.config.section import option
from mft.core.failure import Malformed
from mft.protocols.options import ServiceOptions
from mft.trust.revoked_keys import RevokedKeys
from mft.trust.ssh_keys import HostKey, PublicKey
from mft.wire.ssh import names

KEY_FOLDER: Final = Path("conf/keys")  # in the instance folder
DEFAULT_KEYS: Final = ("ssh_host_ed25519_key", "ssh_host_rsa_key")  # made when there are none
MAX_AUTHORITIES_FILE: Final = 100_000  # bytes of a file of public keys
PRIME_SIZES: Final = (1024, 1536, 2048, 3072, 4096, 6144, 8192)
GIBIBYTE: Final = 1 << 30


class PrimeSize(NamedTuple):
    """Which primes the group exchange offers (RFC 4419): the least size, and which to choose."""

    minimum: int
    choice: Literal["minimum", "ideal", "maximum"]


def _prime_size(text: str, context: Context | None) -> PrimeSize:
    words = [word.lower() for word in comma_list(text)]
    sizes = {str(bits): bits for bits in PRIME_SIZES}
    if len(words) == 2 and words[0] in sizes:
        for choice in ("minimum", "ideal", "maximum"):
            if choice == words[1]:
                return PrimeSize(sizes[words[0]], choice)
    raise Wrong(
        f"is not a size ({', '.join(sizes)}), a comma, and minimum, ideal or maximum, "
        "such as 2048, ideal"
    )


class AuthorityLine(NamedTuple):
    """One public key as text, and the file that it is from, if it is from one."""

    text: str
    file: Path | None = None


def _authorities(text: str, context: Context | None) -> tuple[AuthorityLine, ...]:
    found = each_line(text, lambda line: _authority_lines(line, context))
    return tuple(line for lines in found for line in lines)


def _authority_lines(line: str, context: Context | None) -> tuple[AuthorityLine, ...]:
    """Give a line that is a public key itself, or the keys of the file that it names."""
    if line.startswith(("ssh-", "ecdsa-", "sk-")):
        return (AuthorityLine(line),)
    path = file_path(line, context)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_AUTHORITIES_FILE + 1)
    except OSError as error:
        raise Wrong(
            f"is neither a public key nor a file that can be read: {error.strerror}"
        ) from None
    if len(content) > MAX_AUTHORITIES_FILE:
        raise Wrong(f"is a file of more than {MAX_AUTHORITIES_FILE} bytes")
    keys = (each.strip() for each in content.decode(errors="replace").splitlines())
    return tuple(AuthorityLine(key, path) for key in keys if key and not key.startswith("#"))


def _authority_files(lines: tuple[AuthorityLine, ...]) -> Iterator[Path]:
    yield from dict.fromkeys(line.file for line in lines if line.file is not None)


PrimeSizeText = Annotated[PrimeSize, Kind("bits and a choice", "2048, ideal", _prime_size)]
AuthorityKeys = Annotated[
    tuple[AuthorityLine, ...],
    Kind("lines of public keys or files", "", _authorities, files=_authority_files),
]


_AUTHORITIES: Final = "ssh_user_certificate_authorities"


def authority(line: str) -> PublicKey:
    """Read one public key as in an `.pub` file: type, base64, comment; raises Malformed."""
    words = line.split(None, 2)
    try:
        blob = b64decode(words[1], validate=True)
    except (IndexError, ValueError):
        raise Malformed("it needs a type and a key in base64") from None
    key = PublicKey.parse(blob)
    if key.type != words[0]:
        raise Malformed(f"it is named {words[0]}, but is a {key.type} key")
    return key


def _check_keys(files: tuple[Path, ...], offered: tuple[str, ...]) -> Iterator[Wrong]:
    """Load every key file; one of the keys must be able to make a signature that is offered."""
    made: set[str] = set()
    failed = False
    for path in files:
        try:
            made.update(HostKey.load(path).public.algorithms)
        except (OSError, ValueError) as error:
            failed = True
            reason = error.strerror if isinstance(error, OSError) else str(error)
            yield Wrong(f"cannot be used: {reason}", str(path), None, "ssh_server_keys")
    if not failed and not made.intersection(offered):
        sentence = f"has no key for the host key algorithms offered: {', '.join(offered)}"
        yield Wrong(sentence, None, None, "ssh_server_keys")


def _check_revoked(path: Path) -> Iterator[Wrong]:
    """Read the list: a service that cannot know who is revoked does not start."""
    try:
        RevokedKeys.load(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        yield Wrong(f"cannot be used: {reason}", str(path), None, "ssh_revoked_keys")


class SshOptions(ServiceOptions):
    """SFTP and SCP over SSH 2."""

    sftp: YesNo = option("Whether it serves SFTP.", True)
    scp: YesNo = option(
        "Whether it serves SCP, the protocol of `scp -O` and older clients.",
        True,
        safer="Elsewhere it is off; here SCP passes the same permissions as SFTP.",
    )
    ssh_server_keys: FilePaths = option(
        "The files with this server's private keys. Empty: the files `ssh_host_*_key` in "
        "`conf/keys`; when there are none, the first start makes them.",
        (),
        examples=["conf/keys/ssh_host_ed25519_key, conf/keys/ssh_host_rsa_key"],
        old_names=["rsa_private_key", "dsa_private_key"],
        joined=True,
    )
    ssh_cipher_list: CommaList = option(
        "The algorithms that it offers, in order of preference: the words `secure`, `fips` and "
        "`all`, and names of key exchanges, host key algorithms, ciphers and MACs.",
        ("secure",),
        examples=["secure, curve25519-sha256, curve25519-sha256@libssh.org"],
        safer="`secure` here has post-quantum key exchange only, and no SHA-1.",
    )
    dh_prime_size: PrimeSizeText = option(
        "The least size of the primes of Diffie-Hellman group exchange, and whether the client's "
        "minimum, ideal or maximum size is chosen.",
        PrimeSize(2048, "ideal"),
        examples=["3072, maximum"],
        safer="Elsewhere primes of 1024 bits are offered.",
    )
    before_login_message: Text = option(
        "Text that clients show before the login.", "", examples=["Authorised use only."]
    )
    banner: Text = option("The same, when `before_login_message` is empty.", "")
    keyboard_interactive_message: Text = option(
        "What keyboard-interactive logins ask: the last line is the prompt; with more lines, the "
        "first is the title and the others are the instruction.",
        "Password:",
    )
    ignore_create_permissions: YesNo = option(
        "Whether new files and folders have the permissions of `umask`, whatever the client asks.",
        False,
    )
    ssh_user_certificate_authorities: AuthorityKeys = option(
        "The public keys that may sign user certificates: one per line, or a file of them. A "
        "certificate logs in to the accounts that it names.",
        (),
        examples=["conf/keys/user_ca.pub"],
        ours=True,
    )
    ssh_revoked_keys: Maybe[FilePath] = option(
        "A file of revoked keys: public keys, one per line, or a key revocation list of "
        "`ssh-keygen -k`. None of them logs in, and no certificate of them or signed by them; the "
        "list may also name certificates.",
        None,
        examples=["conf/keys/revoked"],
        ours=True,
    )
    rekey_bytes: Annotated[int, size(1 << 20, 64 * GIBIBYTE)] = option(
        "After how many bytes, either way, new keys are agreed on; from 1 MiB to 64 GiB.",
        GIBIBYTE,
        examples=["1 GiB"],
        ours=True,
    )
    rekey_interval: Annotated[float, duration(60, 86400)] = option(
        "After how long new keys are agreed on; from a minute to a day.",
        3600.0,
        examples=["1h"],
        ours=True,
    )
    maximum_channels: Annotated[int, whole(1, 100)] = option(
        "How many channels (SFTP sessions or SCP commands) one connection may have.", 10, ours=True
    )
    maximum_open_files: Annotated[int, whole(1, 10000)] = option(
        "How many files and folders one SFTP session may have open.", 128, ours=True
    )
    hardlinks: YesNo = option("Whether clients may make hard links.", False, ours=True)

    @field_validator("ssh_cipher_list")
    @classmethod
    def _known_algorithms(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        try:
            names.parse(words)
        except names.UnknownAlgorithm as error:
            raise Wrong(str(error)) from None
        return words

    def check(self, context: Context) -> Iterator[Wrong]:
        """Read every key file that there must be, every authority, and the revoked keys."""
        yield from super().check(context)
        if not self.makes_keys(context.directory):
            files = self.host_key_files(context.directory)
            yield from _check_keys(files, self.algorithms.host_keys)
        for line in self.ssh_user_certificate_authorities:
            try:
                authority(line.text)
            except Malformed as error:
                yield Wrong(f"is not a public key: {error}", line.text, None, _AUTHORITIES)
        if self.ssh_revoked_keys is not None:
            yield from _check_revoked(self.ssh_revoked_keys)

    @property
    def authorities(self) -> tuple[PublicKey, ...]:
        """The keys of `ssh_user_certificate_authorities`."""
        return tuple(authority(line.text) for line in self.ssh_user_certificate_authorities)

    @property
    def algorithms(self) -> names.Algorithms:
        """What `ssh_cipher_list` stands for."""
        return names.parse(self.ssh_cipher_list)

    @property
    def login_message(self) -> str:
        """What is shown before the login; empty for nothing."""
        return self.before_login_message or self.banner

    def host_key_files(self, directory: Path) -> tuple[Path, ...]:
        """Give the files of the private keys, in an instance folder.

        Where none are named and none exist these are the ones to make: see `makes_keys`.
        """
        folder = directory / KEY_FOLDER
        found = self.ssh_server_keys or tuple(sorted(folder.glob("ssh_host_*_key")))
        return found or tuple(folder / name for name in DEFAULT_KEYS)

    def unnamed_files(self, directory: Path) -> Iterator[Path]:
        """Give the host keys that there are where none are named."""
        if not self.ssh_server_keys:
            yield from self.host_key_files(directory)

    def makes_keys(self, directory: Path) -> bool:
        """Whether the first start makes the host keys: none are named, and there are none."""
        return not self.ssh_server_keys and not any(
            path.exists() for path in self.host_key_files(directory)
        )
