"""Files sealed with a passphrase: AES-256-GCM in chunks, the key by scrypt (RFC 7914).

A magic line and a salt, then chunks of 64 KiB, each with its tag. A nonce is the number of the
chunk and whether it is the last, so that chunks can be neither moved nor left out, nor the end cut
off. No chunk is given out before it has proved whole; the key is made for one file alone.
"""

import os
from pathlib import Path
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from mft.core.failure import Malformed
from mft.core.secret import Secret
from mft.trust.ssh_keys import read_private_file

MAGIC: Final = b"mft sealed 1\n"
SALT: Final = 16  # bytes
CHUNK: Final = 64 << 10  # bytes of clear text
TAG: Final = 16  # bytes
MIN_PASSPHRASE: Final = 12  # characters; whoever has the file can try as many as he likes
MAX_PASSPHRASE: Final = 1024
# 128 MiB and half a second for each try. They are the version's, and no file can ask for more.
COST: Final = 1 << 17
_BLOCKS, _PARALLEL = 8, 1


def read_passphrase(path: Path) -> Secret:
    """Read the first line of a file that only its owner may read.

    Raises OSError, and ValueError with a sentence that goes on behind the file's name.
    """
    line = read_private_file(path).partition(b"\n")[0].removesuffix(b"\r")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise ValueError("has a first line that is not UTF-8") from None
    if not MIN_PASSPHRASE <= len(text) <= MAX_PASSPHRASE:
        raise ValueError(
            f"has a first line of less than {MIN_PASSPHRASE} or more than {MAX_PASSPHRASE} "
            "characters"
        )
    return Secret(text)


def is_sealed(start: bytes) -> bool:
    """Whether a file that begins so is sealed."""
    return start.startswith(MAGIC)


class SealedWriter:
    """Seals what is written on its way into a file; whole once it has been closed."""

    def __init__(self, file: BinaryIO, passphrase: Secret, salt: bytes | None = None) -> None:
        """Begin; makes the key, which takes half a second."""
        salt = os.urandom(SALT) if salt is None else salt
        self._head = MAGIC + salt
        self._key = _key(passphrase, salt)
        self._file = file
        self._held = bytearray()
        self._number = 0
        file.write(self._head)

    def write(self, data: bytes) -> None:
        """Seal every whole chunk that has something behind it; raises OSError."""
        self._held += data
        at = 0
        while len(self._held) - at > CHUNK:
            self._put(bytes(self._held[at : at + CHUNK]), last=False)
            at += CHUNK
        del self._held[:at]

    def close(self) -> None:
        """Seal the last chunk; the file itself stays open. Raises OSError."""
        self._put(bytes(self._held), last=True)
        self._held.clear()

    def _put(self, chunk: bytes, *, last: bool) -> None:
        nonce = _nonce(self._number, last=last)
        self._file.write(self._key.encrypt(nonce, chunk, self._head))
        self._number += 1


class SealedReader:
    """Opens a sealed file as it is read; gives nothing that has not proved whole."""

    def __init__(self, file: BinaryIO, passphrase: Secret) -> None:
        """Begin; makes the key. Raises Malformed for a file that is not sealed."""
        self._head = file.read(len(MAGIC) + SALT)
        if not is_sealed(self._head) or len(self._head) != len(MAGIC) + SALT:
            raise Malformed("it is not sealed")
        self._key = _key(passphrase, self._head[len(MAGIC) :])
        self._file = file
        self._next = file.read(CHUNK + TAG)
        self._open = bytearray()
        self._number = 0
        self._ended = False

    def read(self, size: int) -> bytes:
        """Read up to so many bytes, less only at the end; raises Malformed and OSError."""
        while len(self._open) < size and not self._ended:
            self._take()
        data = bytes(self._open[:size])
        del self._open[:size]
        return data

    def _take(self) -> None:
        sealed, self._next = self._next, self._file.read(CHUNK + TAG)
        self._ended = not self._next
        nonce = _nonce(self._number, last=self._ended)
        try:
            self._open += self._key.decrypt(nonce, sealed, self._head)
        except InvalidTag:
            raise Malformed("the passphrase is another, or it is not what was sealed") from None
        self._number += 1


def _key(passphrase: Secret, salt: bytes) -> AESGCM:
    made = Scrypt(salt, 32, COST, _BLOCKS, _PARALLEL).derive(passphrase.reveal().encode())
    return AESGCM(made)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")
