"""OpenSSH key revocation lists (PROTOCOL.krl), read only.

A list that has what this reader does not know, and that says that it must be known, is Malformed:
it would revoke less than its maker meant. So is a signed one, for its signature is not verified.
"""

from typing import Final, NamedTuple

from mft.core.failure import Malformed
from mft.wire.buffer import U64_MAX, Reader

MAGIC: Final = b"SSHKRL\n\0"
FORMAT: Final = 1
MAX_LIST: Final = 16 << 20  # bytes
MAX_ENTRIES: Final = 500_000  # numbers, ranges, IDs, keys and digests: at most some 100 MiB
MAX_BITMAPS: Final = 10_000  # each is asked at each login of a certificate: 2 ms

_CERTIFICATES, _KEYS, _SHA1, _SIGNATURE, _SHA256, _EXTENSION = 1, 2, 3, 4, 5, 255
_SERIALS, _RANGE, _BITMAP, _KEY_IDS, _MORE = 0x20, 0x21, 0x22, 0x23, 0x39


class Bitmap(NamedTuple):
    """Serial numbers from `first` on, one bit each; the last bit of the last byte is `first`."""

    first: int
    bits: bytes

    def __contains__(self, serial: object) -> bool:
        """Whether the bit of a serial number is set."""
        if not isinstance(serial, int) or serial < self.first:
            return False
        byte, bit = divmod(serial - self.first, 8)
        return byte < len(self.bits) and bool(self.bits[-1 - byte] >> bit & 1)


class Certificates(NamedTuple):
    """What one section revokes of the certificates of one authority."""

    authority: bytes  # its key; empty for every authority
    ranges: tuple[tuple[int, int], ...]  # of serial numbers, both ends included
    bitmaps: tuple[Bitmap, ...]
    key_ids: frozenset[bytes]


class RevocationList(NamedTuple):
    """Everything that a list revokes."""

    version: int  # a number that its maker raises
    generated: int  # seconds since the epoch
    comment: str
    certificates: tuple[Certificates, ...]
    keys: frozenset[bytes]  # blobs
    sha1: frozenset[bytes]  # digests of blobs
    sha256: frozenset[bytes]


def parse(data: bytes) -> RevocationList:
    """Read a whole list; raises Malformed."""
    return _Parser().parse(data)


class _Parser:
    """Reads one list, and counts what is in it."""

    def __init__(self) -> None:
        self._entries = 0
        self._bitmaps = 0
        self._certificates: list[Certificates] = []
        self._keys: set[bytes] = set()
        self._sha1: set[bytes] = set()
        self._sha256: set[bytes] = set()

    def parse(self, data: bytes) -> RevocationList:
        if len(data) > MAX_LIST:
            raise Malformed(f"is longer than {MAX_LIST} bytes")
        reader = Reader(data)
        if reader.take(len(MAGIC)) != MAGIC:
            raise Malformed("is not a key revocation list")
        form = reader.u32()
        if form != FORMAT:
            raise Malformed(f"has format {form}, and only {FORMAT} is known")
        version, generated = reader.u64(), reader.u64()
        reader.u64()  # flags: none is defined, and unknown ones are to be passed over
        reader.view()  # reserved
        comment = reader.text()
        while reader.left:
            self._section(reader.byte(), reader)
        return RevocationList(
            version,
            generated,
            comment,
            tuple(self._certificates),
            frozenset(self._keys),
            frozenset(self._sha1),
            frozenset(self._sha256),
        )

    def _section(self, kind: int, reader: Reader) -> None:
        if kind == _SIGNATURE:
            raise Malformed("is signed, and signatures of lists are not verified here")
        section = Reader(reader.view())
        if kind == _CERTIFICATES:
            self._of_authority(section)
        elif kind == _KEYS:
            self._strings(section, self._keys, 0)
        elif kind == _SHA1:
            self._strings(section, self._sha1, 20)
        elif kind == _SHA256:
            self._strings(section, self._sha256, 32)
        elif kind == _EXTENSION:
            _extension(section)
        else:
            raise Malformed(f"has a section of the unknown type {kind}")

    def _strings(self, section: Reader, found: set[bytes], length: int) -> None:
        """Take strings: digests of one length, or with 0 whatever is not empty."""
        while section.left:
            value = section.string()
            if not value or (length and len(value) != length):
                raise Malformed("has an empty entry, or a digest of the wrong length")
            self._count()
            found.add(value)

    def _of_authority(self, section: Reader) -> None:
        authority = section.string()
        section.view()  # reserved
        ranges: list[tuple[int, int]] = []
        bitmaps: list[Bitmap] = []
        key_ids: set[bytes] = set()
        while section.left:
            kind, part = section.byte(), Reader(section.view())
            if kind == _SERIALS:
                while part.left:
                    serial = part.u64()
                    ranges.append(self._range(serial, serial))
            elif kind == _RANGE:
                ranges.append(self._range(part.u64(), part.u64()))
                part.finish()
            elif kind == _BITMAP:
                bitmaps.append(self._bitmap(part))
            elif kind == _KEY_IDS:
                self._strings(part, key_ids, 0)
            elif kind == _MORE:
                _extension(part)
            else:
                raise Malformed(f"has a part of certificates of the unknown type {kind}")
        found = Certificates(authority, tuple(ranges), tuple(bitmaps), frozenset(key_ids))
        self._count()
        self._certificates.append(found)

    def _range(self, first: int, last: int) -> tuple[int, int]:
        # 0 is what certificates have whose authority gives no numbers: it names none of them.
        if first == 0 or first > last:
            raise Malformed("has a serial number of 0, or a range that ends before it begins")
        self._count()
        return first, last

    def _bitmap(self, part: Reader) -> Bitmap:
        first, bits = part.u64(), part.string().lstrip(b"\0")
        part.finish()
        self._bitmaps += 1
        if self._bitmaps > MAX_BITMAPS:
            raise Malformed(f"has more than {MAX_BITMAPS} bitmaps")
        if bits and first + 8 * (len(bits) - 1) + bits[0].bit_length() - 1 > U64_MAX:
            raise Malformed("has a serial number that is too large")
        return Bitmap(first, bits)

    def _count(self) -> None:
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise Malformed(f"has more than {MAX_ENTRIES} entries")


def _extension(section: Reader) -> None:
    """Pass over what may be passed over; raises Malformed for what must be known."""
    name, critical = section.text(), section.boolean()
    section.view()
    section.finish()
    if critical:
        raise Malformed(f"has the critical extension {name[:50]!r}, which is not known here")
